//! The queries of Nexmark, and its patterns, from their files: the same rows in streaming at parallelism 1 and 2 and in
//! batch.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use filbert_benches::nexmark::CountChar;
use filbert_table::{EnvironmentSettings, Row, TableEnvironment};
use filbert_types::RowKind;

/// Twenty seconds of events, each at a time of its own.
const EVENTS: &str = "20000";
const RATE: &str = "1000";

/// A query's rows, materialized, with how often each is there.
type Rows = BTreeMap<String, i64>;

fn file(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../benches/nexmark");
    let text = std::fs::read_to_string(folder.join(format!("{name}.sql"))).unwrap();
    text.replace("${EVENTS}", EVENTS)
        .replace("'100000'", &format!("'{RATE}'"))
}

fn statements(text: &str) -> impl Iterator<Item = &str> {
    text.split(";\n").filter(|s| !s.trim().is_empty())
}

/// The rows that the file's INSERT would write.
fn rows(name: &str, settings: EnvironmentSettings) -> Result<Vec<Row>, String> {
    let settings = settings.with("table.dml-sync", "true");
    let connectors = filbert_connectors::registry().unwrap();
    let env = TableEnvironment::with_connectors(settings, connectors).unwrap();
    env.register_scalar_function(Arc::new(CountChar));
    let mut texts = vec![file("schema")];
    if name == "q13" {
        texts.push(file("side_input"));
    }
    for statement in texts.iter().flat_map(|text| statements(text)) {
        env.execute_sql(statement).map_err(|e| e.to_string())?;
    }
    for statement in statements(&file(name)) {
        let Some((_, query)) = statement.split_once("INSERT INTO sink\n") else {
            env.execute_sql(statement).map_err(|e| e.to_string())?;
            continue;
        };
        let result = env.execute_sql(query).map_err(|e| e.to_string())?;
        return result.collect_text().map_err(|e| e.to_string());
    }
    Err("no INSERT".to_owned())
}

/// What the changes come to. Of q12, whose windows are those of the clock, the bids of each bidder.
fn materialized(name: &str, rows: Vec<Row>) -> Rows {
    let mut result = Rows::new();
    for row in rows {
        let by = match row.kind {
            RowKind::Insert | RowKind::UpdateAfter => 1,
            RowKind::Delete | RowKind::UpdateBefore => -1,
        };
        let cells = row.cells.iter().map(|c| c.as_deref().unwrap_or("NULL"));
        let cells: Vec<&str> = cells.collect();
        let (key, by) = match name {
            "q12" => (cells[0].to_owned(), by * cells[1].parse::<i64>().unwrap()),
            // Which of two equal prices comes first is open: the auction, the price and the rank.
            "q19" => ([cells[0], cells[2], cells[cells.len() - 1]].join("|"), by),
            _ => (cells.join("|"), by),
        };
        *result.entry(key).or_default() += by;
    }
    result.retain(|_, count| *count != 0);
    result
}

fn run(name: &str, settings: EnvironmentSettings) -> Result<Rows, String> {
    rows(name, settings).map(|rows| materialized(name, rows))
}

fn streaming(parallelism: usize) -> EnvironmentSettings {
    EnvironmentSettings::streaming().with("parallelism.default", parallelism.to_string())
}

/// What is different, for a person to read.
fn difference(left: &Rows, right: &Rows) -> String {
    let only = |a: &Rows, b: &Rows| {
        let lines = a.iter().filter(|(k, n)| b.get(*k) != Some(n));
        let lines: Vec<String> = lines.take(5).map(|(k, n)| format!("{n} x {k}")).collect();
        lines.join("\n")
    };
    format!(
        "{} rows, first of its own:\n{}\n{} rows, first of its own:\n{}",
        left.len(),
        only(left, right),
        right.len(),
        only(right, left)
    )
}

/// Every way gives the rows of streaming at parallelism 1; which are some.
fn check(name: &str) {
    let expected = run(name, streaming(1)).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(!expected.is_empty(), "{name} gives no rows");
    assert!(
        expected.values().all(|count| *count > 0),
        "{name} takes back what was never there"
    );
    for (way, settings) in [
        ("parallelism 2", streaming(2)),
        ("batch", EnvironmentSettings::batch()),
    ] {
        let rows = run(name, settings).unwrap_or_else(|e| panic!("{name}, {way}: {e}"));
        assert!(
            rows == expected,
            "{name}, {way} against parallelism 1: {}",
            difference(&rows, &expected)
        );
    }
}

macro_rules! queries {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name));
            }
        )*
    };
}

queries! {
    q00 q01 q02 q03 q04 q05 q06 q07 q08 q09 q10 q11 q12 q13 q14 q15 q16 q17 q18 q19 q20 q21 q22 q23
    cep0 cep1 cep2 cep3
}
