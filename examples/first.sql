-- Three files of three formats, one query. Paths are relative to where filbert is started.
SET 'execution.runtime-mode' = 'batch';

CREATE TABLE orders (
  id INT,
  customer STRING,
  product STRING,
  quantity INT,
  ordered_at TIMESTAMP(0)
) WITH ('connector' = 'filesystem', 'path' = 'examples/data/orders.csv', 'format' = 'csv');

CREATE TABLE users (
  name STRING,
  city STRING,
  since DATE
) WITH ('connector' = 'filesystem', 'path' = 'examples/data/users.json', 'format' = 'json');

CREATE TABLE products (
  product STRING,
  price DECIMAL(10, 2)
) WITH ('connector' = 'filesystem', 'path' = 'examples/data/products.parquet', 'format' = 'parquet');

SELECT u.city, COUNT(*) AS orders, SUM(o.quantity * p.price) AS revenue
FROM orders AS o
JOIN users AS u ON u.name = o.customer
JOIN products AS p ON p.product = o.product
GROUP BY u.city
ORDER BY revenue DESC;
