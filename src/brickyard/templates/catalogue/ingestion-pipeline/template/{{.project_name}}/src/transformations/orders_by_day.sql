CREATE OR REFRESH MATERIALIZED VIEW orders_by_day AS
SELECT day, count(*) AS orders, sum(amount) AS amount FROM orders GROUP BY day;
