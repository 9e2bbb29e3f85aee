-- What a row of state costs: joins of two changing inputs of 5 million rows each, and an aggregate over a million keys.
-- Run by benches/state.sh, which prints each operator's rows and bytes of state.
SET 'table.dml-sync' = 'true';

-- 5 million inserts, then 500,000 updates, each as what a row was and what it becomes.
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '5999999', 'rows-per-second' = '1000000000');

CREATE VIEW changes AS
SELECT id, MOD(id, 1000000) AS k, version, 'name-' || CAST(id AS STRING) AS name
FROM FROM_CHANGELOG(input => (
  SELECT
    CASE WHEN n < 5000000 THEN 'INSERT' WHEN MOD(n, 2) = 0 THEN 'UPDATE_BEFORE' ELSE 'UPDATE_AFTER' END AS op,
    CASE WHEN n < 5000000 THEN n ELSE (n - 5000000) / 2 END AS id,
    CASE WHEN n < 5000000 OR MOD(n, 2) = 0 THEN 1 ELSE 2 END AS version
  FROM numbers));

CREATE TABLE hole (id BIGINT, a INT, b STRING) WITH ('connector' = 'blackhole');
CREATE TABLE sums (k BIGINT, n BIGINT, s BIGINT, m INT) WITH ('connector' = 'blackhole');

-- Numbers alone: 8 bytes of id and 4 of version a row.
INSERT INTO hole SELECT l.id, l.version, CAST(NULL AS STRING) FROM changes l JOIN changes r ON l.id = r.id AND l.version <= r.version;

-- The right side keeps a text of about 12 bytes too.
INSERT INTO hole SELECT l.id, l.version, r.name FROM changes l JOIN changes r ON l.id = r.id;

-- Matches are counted for the left side, which is padded.
INSERT INTO hole SELECT l.id, l.version, r.name FROM changes l LEFT JOIN changes r ON l.id = r.id;

-- A million keys: a count, a sum, and a maximum that can be taken back.
INSERT INTO sums SELECT k, COUNT(*), SUM(id), MAX(version) FROM changes GROUP BY k;

-- The same without the maximum.
INSERT INTO sums SELECT k, COUNT(*), SUM(id), 0 FROM changes GROUP BY k;
