-- Orders of each day.
USE CATALOG IDENTIFIER(:catalog);
USE SCHEMA IDENTIFIER(:schema);

CREATE OR REPLACE TABLE orders_by_day AS
SELECT ordered_on, count(*) AS orders, sum(amount) AS amount
FROM orders
GROUP BY ordered_on;
