-- A few orders to begin with; put your own source here.
USE CATALOG IDENTIFIER(:catalog);
USE SCHEMA IDENTIFIER(:schema);

CREATE OR REPLACE TABLE orders AS
SELECT id AS order_id, date_add(DATE'2026-01-01', CAST(id % 7 AS INT)) AS ordered_on, id * 10 AS amount
FROM range(70);
