use crate::harness::TestCatalog;

#[test]
fn projection_and_filter() {
    let catalog = TestCatalog::streaming();
    insta::assert_snapshot!(catalog.plan("SELECT id, name AS nm, boss + 1 FROM emp WHERE dept = 'eng'"), @r#"
    id INT NOT NULL, nm STRING, EXPR$2 INT
    Projection: emp.id, emp.name, emp.boss + Int32(1) AS EXPR$2#0
      Filter: emp.dept = Utf8View("eng")
        TableScan: emp
    "#);
}

#[test]
fn values_and_no_from() {
    let catalog = TestCatalog::streaming();
    insta::assert_snapshot!(catalog.plan("SELECT 1, 'abc', 1.5"), @r#"
    EXPR$0 INT NOT NULL, EXPR$1 CHAR(3) NOT NULL, EXPR$2 DECIMAL(2, 1) NOT NULL
    Projection: Int32(1) AS EXPR$0#0, Utf8View("abc") AS EXPR$1#0, Decimal128(1.5,2,1) AS EXPR$2#0
      EmptyRelation: rows=1
    "#);
    insta::assert_snapshot!(catalog.plan("VALUES (1, 'x'), (CAST(NULL AS INT), 'yy')"), @r#"
    EXPR$0 INT, EXPR$1 VARCHAR(2) NOT NULL
    Values: (Int32(1), Utf8View("x")), (Int32(NULL), Utf8View("yy"))
    "#);
}

#[test]
fn duplicate_names_get_suffixes() {
    let catalog = TestCatalog::streaming();
    insta::assert_snapshot!(catalog.plan("SELECT a.id, b.id, a.id FROM emp a, emp b"), @r#"
    id INT NOT NULL, id0 INT NOT NULL, id1 INT NOT NULL
    Projection: a.id, b.id, a.id AS id#0
      Cross Join:
        TableScan: a
        TableScan: b
    "#);
}

#[test]
fn using_merges_columns() {
    let catalog = TestCatalog::streaming();
    insta::assert_snapshot!(catalog.plan("SELECT * FROM emp NATURAL LEFT JOIN dept"), @r#"
    dept STRING, id INT NOT NULL, name STRING, salary DECIMAL(8, 2), boss INT, level INT, head INT
    Projection: emp.dept, emp.id, emp.name, emp.salary, emp.boss, dept.level, dept.head
      Left Join:  Filter: emp.dept = dept.dept
        TableScan: emp
        TableScan: dept
    "#);
    insta::assert_snapshot!(catalog.types("SELECT dept, emp.dept FROM emp FULL JOIN dept USING (dept)"), @"dept STRING, dept0 STRING");
}

#[test]
fn with_queries_and_views() {
    let catalog = TestCatalog::streaming();
    insta::assert_snapshot!(catalog.plan("WITH a (k, v) AS (SELECT id, name FROM emp), b AS (SELECT k + 10 AS k2 FROM a) SELECT x.k2, y.k2 FROM b x, b y"), @r#"
    k2 INT NOT NULL, k20 INT NOT NULL
    Cross Join:
      Projection: emp.id + Int32(10) AS k2#0
        Projection: emp.id, emp.name
          TableScan: emp
      Projection: emp#0.id + Int32(10) AS k2#1
        Projection: emp#0.id, emp#0.name
          TableScan: emp#0
    "#);
    insta::assert_snapshot!(catalog.plan("SELECT who FROM rich r"), @r#"
    who STRING
    Projection: emp.name
      Projection: emp.id, emp.name
        Filter: CAST(emp.salary AS Decimal128(12, 2)) > Decimal128(10.00,12,2)
          TableScan: emp
    "#);
}

#[test]
fn order_by_names_positions_and_hidden_expressions() {
    let catalog = TestCatalog::batch();
    insta::assert_snapshot!(catalog.plan("SELECT id AS k, name FROM emp ORDER BY k DESC, 2, salary LIMIT 3 OFFSET 1"), @r#"
    k INT NOT NULL, name STRING
    Limit: skip=1, fetch=3
      Projection: emp.id, emp.name
        Sort: emp.id DESC NULLS LAST, emp.name ASC NULLS FIRST, emp.salary ASC NULLS FIRST
          Projection: emp.id, emp.name, emp.salary
            TableScan: emp
    "#);
}

#[test]
fn rows_and_their_fields() {
    let catalog = TestCatalog::streaming();
    insta::assert_snapshot!(catalog.types("SELECT r.y.z, nested.r.x, r FROM nested"), @"z STRING, x INT, r ROW<`x` INT, `y` ROW<`z` STRING>>");
}

#[test]
fn subqueries() {
    let catalog = TestCatalog::batch();
    insta::assert_snapshot!(catalog.plan("SELECT id FROM emp e WHERE EXISTS (SELECT 1 FROM dept d WHERE d.head = e.id) AND boss IN (SELECT head FROM dept)"), @r#"
    id INT NOT NULL
    Projection: e.id
      Filter: EXISTS (<subquery>) AND e.boss IN (<subquery>)
        Subquery:
          Projection: Int32(1) AS EXPR$0#0
            Filter: d.head = outer_ref(e.id)
              TableScan: d
        Subquery:
          Projection: dept.head
            TableScan: dept
        TableScan: e
    "#);
    insta::assert_snapshot!(catalog.plan("SELECT id, (SELECT level FROM dept d WHERE d.dept = e.dept) AS fl FROM emp e"), @r#"
    id INT NOT NULL, fl INT
    Projection: e.id, (<subquery>) AS fl#0
      Subquery:
        Aggregate: groupBy=[[]], aggr=[[single_value(d.level) AS $f0#0]]
          Projection: d.level
            Filter: d.dept = outer_ref(e.dept)
              TableScan: d
      TableScan: e
    "#);
}

#[test]
fn windows_keep_the_time_attribute_in_window_time() {
    let catalog = TestCatalog::streaming();
    insta::assert_snapshot!(catalog.plan("SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '10' MINUTES))"), @r#"
    user_id INT, url STRING, ts TIMESTAMP(3) *ROWTIME*, window_start TIMESTAMP(3) NOT NULL, window_end TIMESTAMP(3) NOT NULL, window_time TIMESTAMP(3) NOT NULL *ROWTIME*
    WindowTableFunction: window=[Tumble { size_ms: 600000, offset_ms: 0 }], time=[clicks.ts]
      WatermarkAssigner: rowtime=[clicks.ts], watermark=[$TEMPORAL_MINUS(clicks.ts, DurationMillisecond("5000"))]
        TableScan: clicks
    "#);
    let batch = TestCatalog::batch();
    insta::assert_snapshot!(batch.types("SELECT * FROM HOP(DATA => TABLE clicks, TIMECOL => DESCRIPTOR(ts), SIZE => INTERVAL '1' HOUR, SLIDE => INTERVAL '5' MINUTES)"), @"user_id INT, url STRING, ts TIMESTAMP(3), window_start TIMESTAMP(3) NOT NULL, window_end TIMESTAMP(3) NOT NULL, window_time TIMESTAMP(3) NOT NULL");
}

#[test]
fn unnest() {
    let catalog = TestCatalog::streaming();
    insta::assert_snapshot!(catalog.plan("SELECT id, t, o FROM nested LEFT JOIN UNNEST(tags) WITH ORDINALITY AS u (t, o) ON TRUE"), @r#"
    id INT, t STRING, o INT
    Projection: nested.id, element#0, ORDINALITY#1
      Projection: nested.id, nested.r, nested.tags, nested.attrs, nested.items, element#0, CAST(ORDINALITY#0 AS Int32) AS ORDINALITY#1
        Unnest: lists[element#0|depth=1, ORDINALITY#0|depth=1] structs[]
          Projection: nested.id, nested.r, nested.tags, nested.attrs, nested.items, nested.tags AS element#0, generate_series(Int64(1), CAST(array_length(nested.tags) AS Int64), Int64(1)) AS ORDINALITY#0
            TableScan: nested
    "#);
    insta::assert_snapshot!(catalog.types("SELECT id, i.sku, qty FROM nested, UNNEST(items) AS i"), @"id INT, sku STRING, qty INT");
    insta::assert_snapshot!(catalog.types("SELECT * FROM UNNEST(MAP['a', 1])"), @"KEY CHAR(1) NOT NULL, VALUE INT NOT NULL");
}

#[test]
fn set_operations() {
    let catalog = TestCatalog::batch();
    insta::assert_snapshot!(catalog.plan("SELECT id FROM emp UNION ALL SELECT CAST(boss AS BIGINT) FROM emp UNION ALL SELECT 1"), @r#"
    id BIGINT
    Union
      Projection: id#0 AS id#1
        Projection: CAST(emp.id AS Int64) AS id#0
          Projection: emp.id
            TableScan: emp
      Projection: EXPR$0#0 AS id#1
        Projection: CAST(emp#0.boss AS Int64) AS EXPR$0#0
          TableScan: emp#0
      Projection: EXPR$0#2 AS id#1
        Projection: CAST(EXPR$0#1 AS Int64) AS EXPR$0#2
          Projection: Int32(1) AS EXPR$0#1
            EmptyRelation: rows=1
    "#);
    insta::assert_snapshot!(catalog.plan("SELECT id FROM emp EXCEPT SELECT boss FROM emp ORDER BY id"), @r#"
    id INT NOT NULL
    Sort: emp.id ASC NULLS FIRST
      Distinct:
        LeftAnti Join: emp.id = emp#0.boss
          Projection: emp.id
            TableScan: emp
          Projection: emp#0.boss
            TableScan: emp#0
    "#);
}

#[test]
fn grouping() {
    let catalog = TestCatalog::batch();
    insta::assert_snapshot!(catalog.plan("SELECT dept, boss + 1 AS b, COUNT(*), SUM(salary) AS s FROM emp WHERE id > 1 GROUP BY dept, boss + 1 HAVING MAX(id) > 2 ORDER BY COUNT(*) DESC"), @r#"
    dept STRING, b INT, EXPR$2 BIGINT NOT NULL, s DECIMAL(38, 2)
    Sort: EXPR$2#0 DESC NULLS LAST
      Projection: emp.dept, b#0, EXPR$2#0, s#0
        Filter: $f4#0 > Int32(2)
          Aggregate: groupBy=[[emp.dept, b#0]], aggr=[[count(Int64(1)) AS EXPR$2#0, sum(emp.salary) AS s#0, max(emp.id) AS $f4#0]]
            Projection: emp.id, emp.name, emp.dept, emp.salary, emp.boss, emp.boss + Int32(1) AS b#0
              Filter: emp.id > Int32(1)
                TableScan: emp
    "#);
    insta::assert_snapshot!(catalog.plan("SELECT dept, COUNT(DISTINCT name), GROUPING(dept) FROM emp GROUP BY ROLLUP (dept, boss)"), @r#"
    dept STRING, EXPR$1 BIGINT NOT NULL, EXPR$2 BIGINT NOT NULL
    Projection: emp.dept, EXPR$1#0, CAST(__grouping_id AS Int64) >> Int64(1) & Int64(1) AS EXPR$2#0
      Aggregate: groupBy=[[GROUPING SETS ((emp.dept, emp.boss), (emp.dept), ())]], aggr=[[count(DISTINCT emp.name) AS EXPR$1#0]]
        TableScan: emp
    "#);
    insta::assert_snapshot!(catalog.plan("SELECT MAX(id) FROM emp"), @r#"
    EXPR$0 INT
    Aggregate: groupBy=[[]], aggr=[[max(emp.id) AS EXPR$0#0]]
      TableScan: emp
    "#);
}

#[test]
fn windows_over_groups() {
    let catalog = TestCatalog::batch();
    insta::assert_snapshot!(catalog.plan("SELECT dept, SUM(SUM(salary)) OVER (ORDER BY dept) FROM emp GROUP BY dept"), @r#"
    dept STRING, EXPR$1 DECIMAL(38, 2)
    Projection: emp.dept, w0$o0#0
      WindowAggr: windowExpr=[[sum($f1#0) ORDER BY [emp.dept ASC NULLS FIRST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW AS w0$o0#0]]
        Aggregate: groupBy=[[emp.dept]], aggr=[[sum(emp.salary) AS $f1#0]]
          TableScan: emp
    "#);
    insta::assert_snapshot!(catalog.plan("SELECT id, SUM(id) OVER w AS a, COUNT(*) OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS c FROM emp WINDOW w AS (PARTITION BY dept ORDER BY salary) QUALIFY a > 3"), @r#"
    id INT NOT NULL, a INT NOT NULL, c BIGINT NOT NULL
    Projection: emp.id, w0$o0#0, w1$o0#0
      Filter: w0$o0#0 > Int32(3)
        WindowAggr: windowExpr=[[sum(emp.id) PARTITION BY [emp.dept] ORDER BY [emp.salary ASC NULLS FIRST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW AS w0$o0#0, count(Int64(1)) PARTITION BY [emp.dept] ORDER BY [emp.salary ASC NULLS FIRST] ROWS BETWEEN 1 PRECEDING AND CURRENT ROW AS w1$o0#0]]
          TableScan: emp
    "#);
}

#[test]
fn functions_that_need_over() {
    let catalog = TestCatalog::batch();
    insta::assert_snapshot!(catalog.types("SELECT ROW_NUMBER() OVER (ORDER BY id), RANK() OVER (ORDER BY id), NTILE(4) OVER (ORDER BY id), LAG(id) OVER (ORDER BY id), LEAD(id, 2, 0) OVER (ORDER BY id), FIRST_VALUE(name) OVER (PARTITION BY dept ORDER BY id) FROM emp"), @"EXPR$0 BIGINT NOT NULL, EXPR$1 BIGINT NOT NULL, EXPR$2 BIGINT NOT NULL, EXPR$3 INT, EXPR$4 INT NOT NULL, EXPR$5 STRING");
    insta::assert_snapshot!(catalog.plan("SELECT id FROM emp INTERSECT ALL SELECT boss FROM emp"), @r#"
    id INT
    Projection: id#0
      Unnest: lists[copy#0|depth=1] structs[]
        Projection: id#0, generate_series(Int64(1), times#0, Int64(1)) AS copy#0
          Filter: times#0 > Int64(0)
            Projection: id#0, CASE WHEN count#0 > count#1 THEN count#1 ELSE count#0 END AS times#0
              Aggregate: groupBy=[[id#0]], aggr=[[count(mark#4) AS count#0, count(mark#5) AS count#1]]
                Union
                  Projection: emp.id AS id#0, mark#0 AS mark#4, mark#1 AS mark#5
                    Projection: emp.id, Boolean(true) AS mark#0, Boolean(NULL) AS mark#1
                      Projection: emp.id
                        TableScan: emp
                  Projection: emp#0.boss AS id#0, mark#2 AS mark#4, mark#3 AS mark#5
                    Projection: emp#0.boss, Boolean(NULL) AS mark#2, Boolean(true) AS mark#3
                      Projection: emp#0.boss
                        TableScan: emp#0
    "#);
    insta::assert_snapshot!(catalog.error("SELECT RANK() OVER () FROM emp"), @"[RANK] RANK requires ORDER BY clause in window specification");
    insta::assert_snapshot!(catalog.error("SELECT UPPER(name) OVER () FROM emp"), @"[UPPER(name] No match found for function signature UPPER(<VARCHAR(2147483647)>).");
}

#[test]
fn inserts_fill_and_cast() {
    let catalog = TestCatalog::streaming();
    let bound = catalog
        .insert("INSERT INTO dept (head, dept) SELECT id, name FROM emp")
        .unwrap();
    insta::assert_snapshot!(bound.query.plan.display_indent().to_string(), @r#"
    Projection: emp.name, Int32(NULL) AS level#0, emp.id
      Projection: emp.id, emp.name
        TableScan: emp
    "#);
}
