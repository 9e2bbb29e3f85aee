-- 20 million rows through a filter, a projection and a GROUP BY, at parallelism 2.
SET 'parallelism.default' = '2';

CREATE TABLE numbers (id BIGINT, k INT, v BIGINT) WITH (
  'connector' = 'datagen',
  'number-of-rows' = '20000000',
  'rows-per-second' = '1000000000',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '19999999',
  'fields.k.min' = '0', 'fields.k.max' = '9999',
  'fields.v.min' = '0', 'fields.v.max' = '1000000'
);

CREATE TABLE sums (k INT, n BIGINT, total BIGINT) WITH ('connector' = 'blackhole');

INSERT INTO sums
SELECT k, COUNT(*), SUM(v + 1) FROM numbers WHERE MOD(id, 10) <> 3 GROUP BY k;
