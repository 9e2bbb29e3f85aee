//! Process table functions. The expected rows are those of Flink 2.3 for the same functions written in Java.

use std::sync::Arc;

use filbert_table::{
    EnvironmentSettings, InputRow, ProcessArgument, ProcessCall, ProcessChangelog, ProcessContext,
    ProcessTableFunction, StateDeclaration, TableEnvironment, Value,
};
use filbert_types::{Field, LogicalType, RowKind, TypeKind};

use super::{environment, refusal, rows};

/// Counts a key's rows.
#[derive(Debug)]
struct Remember;

impl ProcessTableFunction for Remember {
    fn name(&self) -> &str {
        "remember"
    }

    fn arguments(&self) -> Vec<ProcessArgument> {
        vec![
            ProcessArgument::set_table("input").with(|t| t.optional_partition_by = true),
            ProcessArgument::scalar("label", LogicalType::string()),
        ]
    }

    fn state(&self) -> Vec<StateDeclaration> {
        vec![StateDeclaration::value("n", TypeKind::BigInt.into())]
    }

    fn infer(&self, _call: &ProcessCall<'_>) -> Result<Vec<Field>, String> {
        Ok(vec![
            Field::new("n", TypeKind::BigInt.into()),
            Field::new("seen", LogicalType::string()),
        ])
    }

    fn process(&self, row: &InputRow<'_>, context: &mut dyn ProcessContext) -> Result<(), String> {
        let n = context.value(0).as_i64().unwrap_or(0) + 1;
        context.set_value(0, n.into());
        let label = context.scalar(1).as_str().unwrap_or_default().to_owned();
        let text = row.values.last().and_then(Value::as_str).unwrap_or("null");
        context.collect(vec![n.into(), format!("{label}:{text}").into()])
    }
}

/// Each row several times, its columns passed through.
#[derive(Debug)]
struct Repeat;

impl ProcessTableFunction for Repeat {
    fn name(&self) -> &str {
        "repeat_rows"
    }

    fn arguments(&self) -> Vec<ProcessArgument> {
        vec![
            ProcessArgument::row_table("input").with(|t| t.pass_columns_through = true),
            ProcessArgument::scalar("times", TypeKind::Int.into()),
        ]
    }

    fn infer(&self, _call: &ProcessCall<'_>) -> Result<Vec<Field>, String> {
        Ok(vec![Field::new("out", LogicalType::string())])
    }

    fn process(&self, _row: &InputRow<'_>, context: &mut dyn ProcessContext) -> Result<(), String> {
        for i in 0..context.scalar(1).as_i64().unwrap_or(0) {
            context.collect(vec![format!("x{i}").into()])?;
        }
        Ok(())
    }
}

/// How many rows a key has, over input that changes, as a changelog.
#[derive(Debug)]
struct Alive;

impl ProcessTableFunction for Alive {
    fn name(&self) -> &str {
        "alive"
    }

    fn arguments(&self) -> Vec<ProcessArgument> {
        vec![ProcessArgument::set_table("input").with(|t| {
            t.support_updates = true;
            t.require_update_before = true;
        })]
    }

    fn state(&self) -> Vec<StateDeclaration> {
        vec![StateDeclaration::value("n", TypeKind::BigInt.into())]
    }

    fn infer(&self, _call: &ProcessCall<'_>) -> Result<Vec<Field>, String> {
        Ok(vec![Field::new("n", TypeKind::BigInt.into())])
    }

    fn changelog(&self) -> ProcessChangelog {
        ProcessChangelog::Retract
    }

    fn process(&self, row: &InputRow<'_>, context: &mut dyn ProcessContext) -> Result<(), String> {
        let before = context.value(0).as_i64().unwrap_or(0);
        let adds = matches!(row.kind, RowKind::Insert | RowKind::UpdateAfter);
        let after = before + if adds { 1 } else { -1 };
        context.set_value(0, after.into());
        match (before, after) {
            (0, after) => context.collect(vec![after.into()]),
            (before, 0) => context.collect_as(RowKind::Delete, vec![before.into()]),
            (before, after) => {
                context.collect_as(RowKind::UpdateBefore, vec![before.into()])?;
                context.collect_as(RowKind::UpdateAfter, vec![after.into()])
            }
        }
    }
}

/// What came of two tables, in a list and counted in a map.
#[derive(Debug)]
struct Both;

impl ProcessTableFunction for Both {
    fn name(&self) -> &str {
        "both_sides"
    }

    fn arguments(&self) -> Vec<ProcessArgument> {
        ["a", "b"].map(ProcessArgument::set_table).to_vec()
    }

    fn state(&self) -> Vec<StateDeclaration> {
        vec![
            StateDeclaration::list("all", LogicalType::string()),
            StateDeclaration::map("sides", LogicalType::string(), TypeKind::BigInt.into()),
        ]
    }

    fn infer(&self, _call: &ProcessCall<'_>) -> Result<Vec<Field>, String> {
        Ok(vec![Field::new("v", LogicalType::string())])
    }

    fn process(&self, row: &InputRow<'_>, context: &mut dyn ProcessContext) -> Result<(), String> {
        let side = ["a", "b"][row.argument];
        let text = row.values[1].as_str().unwrap_or("null");
        context.push(0, format!("{side}{text}").into());
        let count = context
            .get(1, &side.into())?
            .and_then(|v| v.as_i64())
            .unwrap_or(0)
            + 1;
        context.put(1, side.into(), count.into());
        let all: Vec<&str> = context.list(0)?.iter().filter_map(Value::as_str).collect();
        let mut all = all;
        all.sort_unstable();
        let line = format!("{} {count}", all.len());
        context.collect(vec![line.into()])
    }
}

pub fn register(env: &TableEnvironment) {
    env.register_process_table_function(Arc::new(Remember));
    env.register_process_table_function(Arc::new(Repeat));
    env.register_process_table_function(Arc::new(Alive));
    env.register_process_table_function(Arc::new(Both));
}

fn sorted(sql: &str) -> Vec<String> {
    let mut rows = rows(&environment(EnvironmentSettings::streaming()), sql);
    rows.sort();
    rows
}

#[test]
fn state_is_kept_by_key() {
    let seen = ["+I 1 1 x:a b", "+I 2 1 x:null", "+I 3 1 x:cc"];
    for call in [
        "remember(input => TABLE t PARTITION BY id, label => 'x')",
        "remember(TABLE t PARTITION BY id, 'x', DEFAULT, 'my-uid')",
        "remember(TABLE t PARTITION BY id, 'x')",
        "TABLE(remember(label => 'x', input => TABLE t PARTITION BY id, uid => 'u1')) AS c(a, b, d)",
        "remember(input => (SELECT * FROM t) PARTITION BY id, label => 'x')",
    ] {
        assert_eq!(sorted(&format!("SELECT * FROM {call}")), seen, "{call}");
    }
    let alone = sorted("SELECT n FROM remember(input => TABLE t, label => 'x')");
    assert_eq!(alone, ["+I 1", "+I 2", "+I 3"]);
    let by_two = sorted(
        "SELECT * FROM remember(input => TABLE t PARTITION BY (id, s), label => 'x') WHERE id = 1",
    );
    assert_eq!(by_two, ["+I 1 a b 1 x:a b"]);
    let joined = sorted(
        "SELECT a.id, c.n FROM t AS a JOIN remember(input => TABLE t PARTITION BY id, label => 'x') AS c ON a.id = c.id",
    );
    assert_eq!(joined, ["+I 1 1", "+I 2 1", "+I 3 1"]);
}

#[test]
fn columns_pass_through() {
    assert_eq!(
        sorted("SELECT * FROM repeat_rows(TABLE t, 2)"),
        [
            "+I 1 a b x0",
            "+I 1 a b x1",
            "+I 2 NULL x0",
            "+I 2 NULL x1",
            "+I 3 cc x0",
            "+I 3 cc x1"
        ]
    );
}

#[test]
fn changelogs_come_in_and_go_out() {
    let counts = "(SELECT id, COUNT(*) AS c FROM (VALUES (1),(1),(2)) AS v(id) GROUP BY id)";
    let query = format!("SELECT * FROM alive(input => {counts} PARTITION BY id)");
    let env = environment(EnvironmentSettings::streaming());
    let of_one: Vec<String> = rows(&env, &query)
        .into_iter()
        .filter(|r| r[3..].starts_with('1'))
        .collect();
    assert_eq!(of_one, ["+I 1 1", "-D 1 1", "+I 1 1"]);
    let plan = env
        .execute_sql(&format!("EXPLAIN CHANGELOG_MODE {query}"))
        .unwrap()
        .collect_text()
        .unwrap();
    let plan = plan[0].cells[0].clone().unwrap();
    assert!(
        plan.contains("uid=[alive], select=[id,n], changelogMode=[I,UB,UA,D]"),
        "{plan}"
    );
}

#[test]
fn two_tables_share_a_keys_state() {
    let two = "both_sides(a => TABLE t PARTITION BY id, b => TABLE t PARTITION BY id)";
    assert_eq!(
        sorted(&format!("SELECT * FROM {two}")),
        [
            "+I 1 1 1 1",
            "+I 1 1 2 1",
            "+I 2 2 1 1",
            "+I 2 2 2 1",
            "+I 3 3 1 1",
            "+I 3 3 2 1"
        ]
    );
    assert_eq!(
        sorted(&format!("SELECT id0 FROM {two} WHERE id = 3")),
        ["+I 3", "+I 3"]
    );
}

#[test]
fn what_does_not_fit_is_told() {
    let env = environment(EnvironmentSettings::streaming());
    let cases = [
        (
            "remember(input => TABLE t PARTITION BY id)",
            "misses 'label'",
        ),
        (
            "remember(input => 1, label => 'x')",
            "Argument 'input' expects a table to be passed.",
        ),
        (
            "remember(input => TABLE t PARTITION BY nope, label => 'x')",
            "Invalid column 'nope' for PARTITION BY clause. Available columns are: [id, s]",
        ),
        (
            "remember(input => TABLE t PARTITION BY id, label => 'x', uid => 'bad uid!')",
            "follows the pattern [a-zA-Z_][a-zA-Z-_0-9]*. But found: bad uid!",
        ),
        (
            "remember(input => TABLE t PARTITION BY id, label => 'x', foo => 1)",
            "no parameter 'foo'",
        ),
        (
            "remember(input => TABLE t PARTITION BY id, label => 'x', on_time => DESCRIPTOR(id))",
            "has data type 'INT",
        ),
        (
            "repeat_rows(input => TABLE t PARTITION BY id, times => 2)",
            "Only tables with set semantics may be partitioned.",
        ),
        ("alive(input => TABLE t)", "requires a PARTITION BY clause"),
        (
            "remember(input => (SELECT id, COUNT(*) AS c FROM t GROUP BY id) PARTITION BY id, label => 'x')",
            "doesn't support consuming update changes which is produced by node GroupAggregate",
        ),
        (
            "both_sides(a => TABLE t PARTITION BY id, b => TABLE t PARTITION BY s)",
            "Given partition key sets: ",
        ),
    ];
    for (call, expected) in cases {
        let text = refusal(&env, &format!("SELECT * FROM {call}"));
        assert!(text.contains(expected), "{call}: {text}");
    }
    let twice = "SELECT id, n FROM remember(TABLE t PARTITION BY id, 'x') UNION ALL SELECT id, n FROM remember(TABLE t PARTITION BY id, 'y')";
    assert!(refusal(&env, twice).contains("Duplicate unique identifier 'remember'"));
    let named = "SELECT id, n FROM remember(TABLE t PARTITION BY id, 'x', uid => 'a') UNION ALL SELECT id, n FROM remember(TABLE t PARTITION BY id, 'y', uid => 'b')";
    assert_eq!(sorted(named).len(), 6);
    let batch = environment(EnvironmentSettings::batch());
    let text = refusal(&batch, "SELECT * FROM repeat_rows(TABLE t, 2)");
    assert!(text.contains("repeat_rows"), "{text}");
}
