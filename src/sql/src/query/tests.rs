use sqlparser::ast::{Select, SetExpr, TableFactor};

use crate::error::ParseError;
use crate::hints::HintArgs;
use crate::{Query, parse_query, table_function};

fn query(text: &str) -> Query {
    parse_query(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn select(query: &Query) -> &Select {
    match &*query.ast.body {
        SetExpr::Select(select) => select,
        other => panic!("{other:?}"),
    }
}

fn error(text: &str) -> ParseError {
    parse_query(text).expect_err(text)
}

#[test]
fn hints_are_tied_to_what_they_follow() {
    let query = query(
        "SELECT /*+ BROADCAST(a, db.b), STATE_TTL('a' = '1d') */ * FROM a /*+ OPTIONS('k' = 'v', 'l' = 'w') */ AS x \
         JOIN b ON x.i = b.i WHERE x.j IN (SELECT /*+ LOOKUP('table' = 'c') */ j FROM c)",
    );
    let select = select(&query);
    let hints = query.hints.of_select(select);
    assert_eq!(hints.len(), 2);
    assert!(matches!(&hints[0].args, HintArgs::Names(n) if n[1].value == "db.b"));
    assert!(hints[1].is("state_ttl"));
    let options = query.hints.table_options(&select.from[0].relation);
    assert_eq!((options.len(), options[1].value.value.as_str()), (2, "w"));
    assert!(
        query
            .hints
            .of_table(&select.from[0].joins[0].relation)
            .is_empty()
    );
}

#[test]
fn hints_elsewhere_are_refused() {
    for text in [
        "SELECT a /*+ OPTIONS('a' = 'b') */ FROM t",
        "SELECT a FROM t AS x /*+ OPTIONS('a' = 'b') */",
        "/*+ OPTIONS('a' = 'b') */ SELECT a FROM t",
        "SELECT a FROM t WHERE /*+ OPTIONS('a' = 'b') */ TRUE",
    ] {
        assert!(error(text).message.contains("can't stand here"), "{text}");
    }
    let error = error("SELECT a FROM t /*+ OPTIONS('a' 1) */");
    assert_eq!(error.span.start.column, 33);
}

#[test]
fn rows_of_values_need_no_parentheses() {
    for (text, rows, width) in [
        ("VALUES 1, 2, 3", 3, 1),
        ("VALUES (1, 'a'), ROW(2, 'b')", 2, 2),
        ("VALUES (1) + 2, f(3, 4)", 2, 1),
        ("VALUES (1, 2)", 1, 2),
        ("VALUES ARRAY[1, 2], ARRAY[3]", 2, 1),
    ] {
        let query = query(text);
        let SetExpr::Values(values) = &*query.ast.body else {
            panic!("{text}")
        };
        assert_eq!(
            (values.rows.len(), values.rows[0].len()),
            (rows, width),
            "{text}"
        );
        assert_eq!(query.text, text);
    }
    query(
        "SELECT x FROM (VALUES 1, 2) AS t(x) WHERE x IN (VALUES 1) UNION ALL VALUES 3 ORDER BY x",
    );
    query("SELECT x = ANY (VALUES 1, 2), EXISTS (VALUES 1) FROM t");
}

#[test]
fn table_functions_in_all_their_forms() {
    for (text, name, lateral, ordinality) in [
        ("SELECT * FROM f(x) AS t(a)", "f", false, false),
        ("SELECT * FROM TABLE(f(x)) AS t(a)", "f", false, false),
        (
            "SELECT * FROM LATERAL TABLE(f(x)) AS t(a)",
            "f",
            true,
            false,
        ),
        (
            "SELECT * FROM UNNEST(x) WITH ORDINALITY AS t(a)",
            "UNNEST",
            false,
            true,
        ),
        (
            "SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(a), INTERVAL '1' DAY)) AS t(a)",
            "TUMBLE",
            false,
            false,
        ),
    ] {
        let query = query(text);
        let function = table_function(&select(&query).from[0].relation).unwrap();
        assert_eq!(function.name.to_string(), name, "{text}");
        assert_eq!(
            (function.lateral, function.with_ordinality),
            (lateral, ordinality),
            "{text}"
        );
        assert_eq!(function.alias.unwrap().name.value, "t", "{text}");
    }
    assert!(matches!(
        &select(&query("SELECT * FROM t FOR SYSTEM_TIME AS OF x.y AS r")).from[0].relation,
        TableFactor::Table {
            version: Some(_),
            alias: Some(_),
            ..
        }
    ));
}

#[test]
fn flinks_grammar_is_taken() {
    for text in [
        "WITH a AS (SELECT 1 AS x), b(y) AS (SELECT x FROM a) SELECT * FROM b",
        "SELECT a FROM t GROUP BY GROUPING SETS ((a), ()), ROLLUP(b), CUBE(c, d)",
        "SELECT SUM(a) FILTER (WHERE b) OVER w FROM t WINDOW w AS (PARTITION BY c ORDER BY d ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
        "SELECT a FROM t QUALIFY ROW_NUMBER() OVER (PARTITION BY b ORDER BY c) = 1",
        "SELECT a FROM t ORDER BY a DESC NULLS LAST LIMIT 1 OFFSET 2",
        "SELECT a FROM t OFFSET 1 ROW FETCH NEXT 1 ROWS ONLY",
        "SELECT a FROM t INTERSECT ALL SELECT b FROM u EXCEPT SELECT c FROM v",
        "SELECT * FROM a NATURAL JOIN b LEFT JOIN c USING (x) FULL OUTER JOIN d ON TRUE, LATERAL (SELECT 1)",
        "SELECT FIRST_VALUE(a) IGNORE NULLS OVER (ORDER BY b) FROM t",
        "SELECT LISTAGG(a, ',') WITHIN GROUP (ORDER BY a) FROM t",
        "SELECT (a).b, a.b[1].c, f(x).d, t.* FROM t",
        "SELECT a NOT SIMILAR TO 'x' ESCAPE '!', b LIKE 'y' ESCAPE '!' FROM t",
        "SELECT * FROM ((SELECT 1) UNION ALL (SELECT 2)) AS x",
        "(SELECT 1)",
        "TABLE t",
        "SELECT 1 -- comment\n",
    ] {
        query(text);
    }
}

#[test]
fn what_other_databases_have_is_refused() {
    for (text, expected) in [
        ("SELECT 1 WHERE TRUE", "WHERE needs a FROM"),
        ("SELECT *", "needs a FROM"),
        ("SELECT * EXCEPT (a) FROM t", "EXCEPT"),
        ("SELECT DISTINCT ON (a) b FROM t", "DISTINCT ON"),
        ("SELECT a FROM t GROUP BY ALL", "GROUP BY ALL"),
        ("SELECT a FROM t ORDER BY ALL", "ALL"),
        ("SELECT a FROM t LIMIT 1, 2", "LIMIT count OFFSET start"),
        ("SELECT a FROM t LIMIT -1", "LIMIT takes"),
        ("SELECT a FROM t LIMIT 'x'", "LIMIT takes"),
        ("SELECT a FROM t FETCH FIRST ROW ONLY", "FETCH needs"),
        ("SELECT a FROM t MINUS SELECT b FROM u", "EXCEPT"),
        ("SELECT a FROM t JOIN u", "requires a condition"),
        ("SELECT a FROM (t JOIN u ON TRUE) AS x", "takes no alias"),
        ("SELECT a FROM (t)", "join"),
        ("SELECT a FROM TABLE(t)", "table function"),
        ("SELECT a FROM t FOR UPDATE", "FOR"),
        ("SELECT a AT TIME ZONE 'UTC' FROM t", "CONVERT_TZ"),
        ("SELECT COUNT(*, a) FROM t", "'*' stands alone"),
        ("SELECT COUNT(DISTINCT *) FROM t", "'*' stands alone"),
        ("SELECT ROW()", "at least one field"),
        ("SELECT SUM(a) FILTER FROM t", "after FILTER"),
        ("SELECT a 'x' FROM t", "backticks"),
        ("SELECT a FROM t TABLESAMPLE (10 PERCENT)", "TABLESAMPLE"),
        ("SELECT a FROM t WHERE a = ?", "Parameters"),
    ] {
        let error = error(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn reserved_words_are_no_names() {
    for text in [
        "SELECT a AS value FROM t",
        "SELECT a value FROM t",
        "SELECT a FROM order",
        "SELECT a FROM t AS order",
        "SELECT a FROM t AS x(value)",
        "SELECT a FROM db.user",
        "SELECT t.value FROM t",
        "WITH value AS (SELECT 1) SELECT 1",
    ] {
        assert!(error(text).hint.unwrap().contains("backticks"), "{text}");
    }
    query("SELECT `value` AS `order`, t.`day` FROM `user` AS t(`value`)");
}

#[test]
fn typing_errors_are_recognised() {
    for (text, expected) in [
        ("SELECT a FORM t", "FROM"),
        ("SELECT a FROM t WEHRE a = 1", "WHERE"),
        ("SELECT a FROM t GRUOP BY a", "GROUP"),
        ("SELECT a FROM t GROUP BT a", "Expected BY after GROUP"),
        ("SELECT a FROM t ODER BY a", "ORDER"),
        ("SELECT a FROM t LIMTI 5", "LIMIT"),
        ("SELECT a FROM t JION u ON TRUE", "JOIN"),
        ("SELECT a FROM t JOIN u NO TRUE", "ON"),
        ("SELECT a FROM t WHERE a BETWEEN 1 NAD 2", "AND"),
        ("SELECT SUM(a) OVER (PARTITON BY b) FROM t", "PARTITION"),
        ("SELECT a b c FROM t", "Is a comma missing before 'c'?"),
        ("SELECT a, FROM t", "one too many"),
        ("SELECT FROM t", "SELECT has no list"),
        ("SELECT (a + 1 FROM t", "still open"),
        ("SELECT a + 1) FROM t", "closes nothing"),
        ("SELECT * FROM t LEFT u ON TRUE", "after LEFT"),
    ] {
        let error = error(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn errors_in_subqueries_keep_their_place() {
    for text in [
        "SELECT * FROM (SELECT a FROM t WEHRE a = 1) AS x",
        "SELECT * FROM t WHERE a IN (SELECT a FROM t WEHRE a = 1)",
        "SELECT * FROM t JOIN (SELECT a FROM (SELECT a FROM t WEHRE a = 1)) AS x ON TRUE",
    ] {
        let error = error(text);
        let column = text.find("WEHRE").unwrap() as u64 + 1;
        assert_eq!(error.span.start.column, column, "{text}: {error}");
        assert!(error.hint.unwrap().contains("WHERE"), "{text}");
    }
}

#[test]
fn nesting_is_bounded_and_takes_no_exponential_time() {
    let deep = |open: &str, inside: &str, close: &str, n: usize| {
        format!(
            "SELECT * FROM {}{inside}{}",
            open.repeat(n),
            close.repeat(n)
        )
    };
    let started = std::time::Instant::now();
    for text in [
        deep("(SELECT * FROM ", "t WEHRE a = 1", ")", 40),
        deep("f(a => ", "INTERVAL '1' DYA", ")", 40),
        deep("(", "a JOIN b ON", ")", 40),
        deep("(", "SELECT 1", ")", 40) + " x y z",
        deep("(SELECT * FROM ", "t", ")", 10_000),
        deep("((", "t", "))", 10_000),
        "SELECT ".to_string() + &"f(".repeat(10_000),
        "SELECT ".to_string() + &"CASE WHEN ".repeat(10_000),
        "SELECT ".to_string() + &"-".repeat(9_000).replace('-', "- "),
        "SELECT ".to_string() + &"a[".repeat(10_000),
        "SELECT a".to_string() + &" UNION SELECT a".repeat(10_000),
    ] {
        let head: String = text.chars().take(60).collect();
        assert!(parse_query(&text).is_err(), "{head}");
    }
    assert!(started.elapsed().as_secs() < 30);
}
