//! Table functions in FROM. The expected rows are those of Flink 2.3 for the same functions written in Java.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int32Array};
use arrow::datatypes::Int32Type;
use filbert_table::{
    EnvironmentSettings, InferredTable, RowTableFunction, RowWise, TableCalls, TableEnvironment,
    TableFunction, TableRows, Value,
};
use filbert_types::{Field, LogicalType, TypeKind};

use super::{environment, refusal, rows};

/// The words of a text, with their lengths.
#[derive(Debug)]
struct Split;

impl RowTableFunction for Split {
    fn name(&self) -> &str {
        "split"
    }

    fn signatures(&self) -> Vec<String> {
        vec!["split(<STRING>[, <STRING>])".into()]
    }

    fn infer(&self, args: &[LogicalType]) -> Option<InferredTable> {
        let texts = args.iter().all(|a| a.kind.is_character());
        (matches!(args.len(), 1 | 2) && texts).then(|| InferredTable {
            arg_types: vec![LogicalType::string(); args.len()],
            columns: vec![
                Field::new("word", LogicalType::string()),
                Field::new("length", TypeKind::Int.into()),
            ],
        })
    }

    fn eval(&self, args: &[Value], collect: &mut dyn FnMut(Vec<Value>)) -> Result<(), String> {
        let Some(text) = args[0].as_str() else {
            return Ok(());
        };
        let separator = args.get(1).and_then(Value::as_str).unwrap_or(" ");
        for word in text.split(separator) {
            collect(vec![word.into(), (word.chars().count() as i64).into()]);
        }
        Ok(())
    }

    fn doc(&self) -> &str {
        "The words of a text."
    }
}

/// The numbers from one to another.
#[derive(Debug)]
struct Series;

impl TableFunction for Series {
    fn name(&self) -> &str {
        "series"
    }

    fn signatures(&self) -> Vec<String> {
        vec!["series(<INT>, <INT>)".into()]
    }

    fn infer(&self, args: &[LogicalType]) -> Option<InferredTable> {
        let numbers = args.iter().all(|a| a.kind.is_integer());
        (args.len() == 2 && numbers).then(|| InferredTable {
            arg_types: vec![TypeKind::Int.into(); 2],
            columns: vec![Field::new("EXPR$0", TypeKind::Int.into())],
        })
    }

    fn eval(&self, calls: &TableCalls<'_>) -> Result<TableRows, String> {
        let [from, to] = [&calls.args[0], &calls.args[1]].map(|a| a.as_primitive::<Int32Type>());
        let (mut counts, mut numbers) = (Vec::new(), Vec::new());
        for call in 0..calls.len {
            let before = numbers.len();
            if from.is_valid(call) && to.is_valid(call) {
                numbers.extend(from.value(call)..=to.value(call));
            }
            counts.push(numbers.len() - before);
        }
        Ok(TableRows {
            counts,
            columns: vec![Arc::new(Int32Array::from(numbers))],
        })
    }
}

pub fn register(env: &TableEnvironment) {
    env.register_table_function(Arc::new(RowWise(Split)));
    env.register_table_function(Arc::new(Series));
    env.execute_sql(
        "CREATE TEMPORARY VIEW t AS SELECT * FROM (VALUES (1, 'a b'), (2, CAST(NULL AS STRING)), (3, 'cc')) AS t(id, s)",
    )
    .unwrap();
}

/// The rows of a query in both modes, sorted.
fn both(sql: &str) -> Vec<String> {
    let sorted = |settings| {
        let mut rows = rows(&environment(settings), sql);
        rows.sort();
        rows
    };
    let streaming = sorted(EnvironmentSettings::streaming());
    assert_eq!(streaming, sorted(EnvironmentSettings::batch()), "{sql}");
    streaming
}

#[test]
fn rows_stand_beside_the_row_that_they_are_made_of() {
    let of_words = ["+I 1 a b a 1", "+I 1 a b b 1", "+I 3 cc cc 2"];
    assert_eq!(
        both("SELECT * FROM t, LATERAL TABLE(split(s, ' '))"),
        of_words
    );
    assert_eq!(
        both("SELECT id, s, c, d FROM t, LATERAL TABLE(split(s)) AS x(c, d)"),
        of_words
    );
    assert_eq!(
        both("SELECT * FROM t CROSS JOIN LATERAL TABLE(SPLIT(s)) AS x(c, d)"),
        of_words
    );
    assert_eq!(
        both("SELECT id, x.* FROM t CROSS JOIN LATERAL TABLE(series(1, id)) AS x"),
        ["+I 1 1", "+I 2 1", "+I 2 2", "+I 3 1", "+I 3 2", "+I 3 3"]
    );
    assert_eq!(
        both("SELECT * FROM t JOIN LATERAL TABLE(series(1, id)) AS x(n) ON n > 2"),
        ["+I 3 cc 3"]
    );
    assert_eq!(
        both("SELECT * FROM t, LATERAL TABLE(series(1, id)) AS x(n) WHERE n > 2"),
        ["+I 3 cc 3"]
    );
    assert_eq!(
        both(
            "SELECT id, word, n FROM t, LATERAL TABLE(split(s)) AS x(word, d), LATERAL TABLE(series(d, d + id)) AS y(n) WHERE id = 1"
        ),
        ["+I 1 a 1", "+I 1 a 2", "+I 1 b 1", "+I 1 b 2"]
    );
}

#[test]
fn a_left_join_keeps_rows_without_any() {
    assert_eq!(
        both("SELECT * FROM t LEFT JOIN LATERAL TABLE(split(s)) AS x(c, d) ON TRUE"),
        [
            "+I 1 a b a 1",
            "+I 1 a b b 1",
            "+I 2 NULL NULL NULL",
            "+I 3 cc cc 2"
        ]
    );
}

#[test]
fn a_call_stands_for_itself() {
    let numbers = ["+I 1", "+I 2", "+I 3"];
    for from in [
        "TABLE(series(1, 3))",
        "TABLE(series(1, 3)) AS s",
        "series(1, 3)",
        "LATERAL TABLE(series(1, 3))",
    ] {
        assert_eq!(both(&format!("SELECT * FROM {from}")), numbers, "{from}");
    }
    let batch = environment(EnvironmentSettings::batch());
    let sum = "SELECT SUM(CAST(n AS BIGINT)) FROM TABLE(series(1, 100000)) AS s(n)";
    assert_eq!(rows(&batch, sum), ["+I 5000050000"]);
}

#[test]
fn changes_pass_through() {
    let env = environment(EnvironmentSettings::streaming());
    let query = "SELECT k, n, w FROM (SELECT id, COUNT(*) AS n FROM (VALUES (1),(1),(2)) AS v(id) GROUP BY id) AS g(k, n), LATERAL TABLE(series(1, CAST(n AS INT))) AS x(w)";
    let of_one = |rows: Vec<String>| -> Vec<String> {
        rows.into_iter()
            .filter(|r| r[3..].starts_with('1'))
            .collect()
    };
    assert_eq!(
        of_one(rows(&env, query)),
        ["+I 1 1 1", "-U 1 1 1", "+U 1 2 1", "+U 1 2 2"]
    );
}

#[test]
fn a_plan_shows_the_call_as_a_correlate() {
    let env = environment(EnvironmentSettings::streaming());
    let plan = env
        .explain_sql("SELECT * FROM t LEFT JOIN LATERAL TABLE(split(s)) AS x(c, d) ON TRUE")
        .unwrap();
    assert!(plan.contains("Correlate(invocation=[split("), "{plan}");
    assert!(plan.contains("joinType=[LEFT]"), "{plan}");
}

#[test]
fn what_does_not_fit_is_told() {
    let env = environment(EnvironmentSettings::streaming());
    let cases = [
        (
            "SELECT * FROM t, LATERAL TABLE(sprit(s))",
            "Did you mean 'split'?",
        ),
        (
            "SELECT * FROM t, LATERAL TABLE(series('a', id)) AS x(n)",
            "series(<INT>, <INT>)",
        ),
        (
            "SELECT * FROM t, LATERAL TABLE(series(id)) AS x(n)",
            "series(<INTEGER>)",
        ),
        (
            "SELECT * FROM t, LATERAL TABLE(series(1, id)) AS x(n, m)",
            "2",
        ),
        ("SELECT * FROM t, series(1, t.id)", "'t'"),
        (
            "SELECT series(1, 2)",
            "Cannot call table function here: 'series'",
        ),
        (
            "SELECT * FROM TABLE(pair('a'))",
            "cannot be used as a table function",
        ),
        (
            "SELECT * FROM t RIGHT JOIN LATERAL TABLE(series(1, id)) AS x(n) ON TRUE",
            "RIGHT",
        ),
    ];
    for (sql, expected) in cases {
        let text = refusal(&env, sql);
        assert!(text.contains(expected), "{sql}: {text}");
    }
}
