-- q13's side input, looked up by key.
CREATE TABLE side_input (
  key BIGINT,
  `value` VARCHAR,
  PRIMARY KEY (key) NOT ENFORCED
) WITH ('connector' = 'memory');

CREATE TABLE side_rows (key BIGINT) WITH (
  'connector' = 'datagen', 'fields.key.kind' = 'sequence', 'fields.key.start' = '0', 'fields.key.end' = '9999'
);

INSERT INTO side_input SELECT key, CONCAT('value-', CAST(key AS VARCHAR)) FROM side_rows;
