use filbert_connector_api::CatalogObject;

use crate::harness::{TestCatalog, described};

const BASE: &str = "CREATE TABLE base (id BIGINT NOT NULL, name VARCHAR(20), ts TIMESTAMP(3), twice AS id*2 COMMENT 'c', \
    meta STRING METADATA FROM 'k' VIRTUAL, PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR ts AS ts - interval '5' second) \
    PARTITIONED BY (name) WITH ('connector' = 'x', 'a' = 'b')";

fn table(catalog: &TestCatalog, name: &str) -> String {
    match catalog.object(name) {
        CatalogObject::Table(table) => described(table),
        CatalogObject::View(view) => view.expanded_query.clone(),
    }
}

#[test]
fn schemas_are_resolved() {
    let c = TestCatalog::streaming().create(BASE);
    insta::assert_snapshot!(table(&c, "base"), @r#"
    id BIGINT NOT NULL
    name VARCHAR(20)
    ts TIMESTAMP(3) *ROWTIME*
    twice BIGINT NOT NULL AS `id` * 2
    meta STRING METADATA Some("k")
    WATERMARK ["ts"] AS `ts` - INTERVAL '5' SECOND
    KEY PK_id ["id"]
    PARTITIONED ["name"]
    WITH {"connector": "x", "a": "b"}
    "#);
    insta::assert_snapshot!(c.plan("SELECT * FROM base"), @r#"
    id BIGINT NOT NULL, name VARCHAR(20), ts TIMESTAMP(3) *ROWTIME*, twice BIGINT NOT NULL, meta STRING
    WatermarkAssigner: rowtime=[base.ts], watermark=[$TEMPORAL_MINUS(base.ts, DurationMillisecond("5000"))]
      Projection: base.id, base.name, base.ts, base.id * Int64(2) AS twice#0, base.meta
        TableScan: base
    "#);
    let c = c.create("CREATE TABLE b2 (d INT, p AS PROCTIME()) WITH ('a' = 'c') LIKE base (EXCLUDING GENERATED EXCLUDING WATERMARKS)");
    insta::assert_snapshot!(table(&c, "b2"), @r#"
    id BIGINT NOT NULL
    name VARCHAR(20)
    ts TIMESTAMP(3)
    meta STRING METADATA Some("k")
    d INT
    p TIMESTAMP_LTZ(3) NOT NULL *PROCTIME* AS PROCTIME()
    KEY PK_id ["id"]
    PARTITIONED ["name"]
    WITH {"connector": "x", "a": "c"}
    "#);
}

#[test]
fn wrong_schemas_are_refused() {
    let c = TestCatalog::streaming().create(BASE);
    insta::assert_snapshot!(c.table_error("CREATE TABLE t (a INT, ts TIMESTAMP(3), WATERMARK FOR nope AS ts)"), @"[nope] The rowtime attribute field 'nope' is not defined in the table schema. Available columns: 'a', 'ts'.");
    insta::assert_snapshot!(c.table_error("CREATE TABLE t (a INT, WATERMARK FOR a AS a)"), @"[a] Invalid data type of time field for watermark definition. The field must be of type TIMESTAMP(p) or TIMESTAMP_LTZ(p), the supported precision 'p' is from 0 to 3, but the time field type is INT");
    insta::assert_snapshot!(c.table_error("CREATE TABLE t (ts TIMESTAMP(3), WATERMARK FOR ts AS 5)"), @"[ts] Invalid data type of expression for watermark definition. The field must be of type TIMESTAMP(p) or TIMESTAMP_LTZ(p), the supported precision 'p' is from 0 to 3, but the watermark expression type is INT NOT NULL");
    insta::assert_snapshot!(c.table_error("CREATE TABLE t (a INT, b AS c + 1)"), @"[c] Invalid expression for computed column 'b': Column 'c' not found in any table. Available columns: 'a'.");
    insta::assert_snapshot!(c.table_error("CREATE TABLE t (a INT, a STRING)"), @"[a] A column named 'a' already exists in the table.");
    insta::assert_snapshot!(c.table_error("CREATE TABLE t (a INT) PARTITIONED BY (b)"), @"[b] Partition column 'b' not defined in the table schema. Available columns: ['a']");
    insta::assert_snapshot!(c.table_error("CREATE TABLE t (a INT, PRIMARY KEY (a))"), @"[PRIMARY KEY (a)] Flink doesn't support ENFORCED mode for PRIMARY KEY constraint. ENFORCED/NOT ENFORCED controls if the constraint checks are performed on the incoming/outgoing data. Flink does not own the data therefore the only supported mode is the NOT ENFORCED mode. Write PRIMARY KEY (..) NOT ENFORCED.");
    insta::assert_snapshot!(c.table_error("CREATE TABLE t (id INT) LIKE base"), @"[id] A column named 'id' already exists in the base table.");
    insta::assert_snapshot!(c.table_error("CREATE TABLE t (twice AS id * 3) LIKE base"), @"[twice] A generated column named 'twice' already exists in the base table. You might want to specify EXCLUDING GENERATED or OVERWRITING GENERATED.");
    insta::assert_snapshot!(c.table_error("CREATE TABLE t (WATERMARK FOR ts AS ts) LIKE base"), @"[ts] There already exists a watermark spec for column 'ts' in the base table. You might want to specify EXCLUDING WATERMARKS or OVERWRITING WATERMARKS.");
    insta::assert_snapshot!(c.table_error("CREATE TABLE t LIKE nosuch"), @"[nosuch] Source table '`cat`.`db`.`nosuch`' of the LIKE clause not found in the catalog. Available tables: 'base', 'clicks', 'dept', 'emp', 'nested', 'rich'.");
}

#[test]
fn a_proctime_has_no_watermark() {
    let c = TestCatalog::streaming();
    insta::assert_snapshot!(c.table_error("CREATE TABLE t (pt AS PROCTIME(), WATERMARK FOR pt AS pt)"), @"[pt] A watermark can not be defined for a processing-time attribute.");
}

#[test]
fn tables_are_altered() {
    let c = TestCatalog::streaming().create(BASE);
    insta::assert_snapshot!(c.alter("ALTER TABLE base ADD (d INT AFTER id, e STRING FIRST, f AS id + 1)"), @r#"
    e STRING
    id BIGINT NOT NULL
    d INT
    name VARCHAR(20)
    ts TIMESTAMP(3) *ROWTIME*
    twice BIGINT NOT NULL AS `id` * 2
    meta STRING METADATA Some("k")
    f BIGINT NOT NULL AS `id` + 1
    WATERMARK ["ts"] AS `ts` - INTERVAL '5' SECOND
    KEY PK_id ["id"]
    PARTITIONED ["name"]
    WITH {"connector": "x", "a": "b"}
    "#);
    insta::assert_snapshot!(c.alter("ALTER TABLE base MODIFY WATERMARK FOR ts AS ts"), @r#"
    id BIGINT NOT NULL
    name VARCHAR(20)
    ts TIMESTAMP(3) *ROWTIME*
    twice BIGINT NOT NULL AS `id` * 2
    meta STRING METADATA Some("k")
    WATERMARK ["ts"] AS `ts`
    KEY PK_id ["id"]
    PARTITIONED ["name"]
    WITH {"connector": "x", "a": "b"}
    "#);
    insta::assert_snapshot!(c.alter("ALTER TABLE base DROP nam"), @r#"
    [nam] Failed to execute ALTER TABLE statement.
    Column 'nam' does not exist in the table. Did you mean 'name'?
    "#);
    insta::assert_snapshot!(c.alter("ALTER TABLE base DROP name"), @r#"
    [name] Failed to execute ALTER TABLE statement.
    The column 'name' is used by the partition keys.
    "#);
    insta::assert_snapshot!(c.alter("ALTER TABLE base DROP id"), @r#"
    [id] Failed to execute ALTER TABLE statement.
    The column 'id' is used by the primary key.
    "#);
    insta::assert_snapshot!(c.alter("ALTER TABLE base ADD name INT"), @r#"
    [name] Failed to execute ALTER TABLE statement.
    Column 'name' already exists in the table.
    "#);
    insta::assert_snapshot!(c.alter("ALTER TABLE base RENAME name TO nm"), @r#"
    [name] Failed to execute ALTER TABLE statement.
    The column 'name' is used by the partition keys.
    "#);
}

#[test]
fn views_are_expanded() {
    let c = TestCatalog::streaming()
        .create_view("CREATE VIEW v AS SELECT id+1 AS b, e.name FROM emp e WHERE dept IN (SELECT dept FROM dept) ORDER BY b")
        .create_view("CREATE VIEW w (x, y) AS SELECT * FROM v");
    insta::assert_snapshot!(table(&c, "v"), @r#"
    SELECT `e`.`id` + 1 AS `b`, `e`.`name`
    FROM `cat`.`db`.`emp` AS `e`
    WHERE `e`.`dept` IN (SELECT `dept`.`dept`
    FROM `cat`.`db`.`dept` AS `dept`)
    ORDER BY `b`
    "#);
    insta::assert_snapshot!(table(&c, "w"), @r#"
    SELECT `v`.`b`, `v`.`name`
    FROM `cat`.`db`.`v` AS `v`
    "#);
    insta::assert_snapshot!(c.types("SELECT * FROM w"), @"x INT NOT NULL, y STRING");
}
