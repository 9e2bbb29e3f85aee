use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use filbert_table::{EnvironmentSettings, TableEnvironment};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::random::expr;
use crate::random::query::QueryGenerator;
use crate::random::source::ChangelogFactory;
use crate::random::tables::{COLUMNS, Table};
use crate::replay::{Rows, Run, shown};

/// What came of a case.
#[derive(Debug)]
pub enum Outcome {
    Agrees,
    /// An operation that isn't supported, by its message.
    Unsupported(String),
    /// The case and what is wrong with it.
    Differs(String),
}

/// What came of many cases.
#[derive(Debug, Default)]
pub struct Tally {
    pub agreed: usize,
    pub unsupported: BTreeMap<String, usize>,
    pub failures: Vec<String>,
}

/// Runs cases from a seed on, until so many are done, the time is over, or ten have failed.
pub fn run_cases(
    first_seed: u64,
    count: u64,
    most: Duration,
    run_case: impl Fn(u64) -> Outcome,
) -> Tally {
    let started = Instant::now();
    let mut tally = Tally::default();
    for seed in first_seed..first_seed.saturating_add(count) {
        if started.elapsed() > most || tally.failures.len() >= 10 {
            break;
        }
        match run_case(seed) {
            Outcome::Agrees => tally.agreed += 1,
            Outcome::Unsupported(reason) => *tally.unsupported.entry(reason).or_default() += 1,
            Outcome::Differs(what) => tally.failures.push(format!("seed {seed}\n{what}")),
        }
    }
    tally
}

/// A case: tables, a query, and the ways in which it is run.
pub fn run_case(seed: u64) -> Outcome {
    let mut rng = StdRng::seed_from_u64(seed);
    let count = rng.random_range(1..=3);
    let changes_max = [3, 12, 40][rng.random_range(0..3)];
    let tables: BTreeMap<String, Table> = (0..count)
        .map(|i| (format!("t{i}"), Table::random(&mut rng, changes_max)))
        .collect();
    let depth = rng.random_range(1..=3);
    let sql = QueryGenerator::new(&mut rng, tables.len()).query(depth);
    let describe = |way: &str, what: &str| {
        let mut text = format!("{way}: {what}\n{sql}\n");
        for (name, table) in &tables {
            // Writing to a String can't fail.
            let _ = write!(text, "{name}: {}", table.text());
        }
        text
    };
    let batch = run(&sql, &tables, EnvironmentSettings::batch(), 1000);
    let expected = match batch.and_then(|run| run.materialized()) {
        Ok(rows) => rows,
        Err(error) => return refused("batch", error, describe),
    };
    for parallelism in [1, 4] {
        let batch_rows = [1, 2, 7, 1000][rng.random_range(0..4)];
        let mini_batch = rng.random_bool(0.5);
        let mut settings =
            EnvironmentSettings::streaming().with("parallelism.default", parallelism.to_string());
        if mini_batch {
            settings = settings
                .with("table.exec.mini-batch.enabled", "true")
                .with("table.exec.mini-batch.allow-latency", "1 s")
                .with(
                    "table.exec.mini-batch.size",
                    rng.random_range(1..20).to_string(),
                );
        }
        let split = rng.random_bool(0.3);
        if split {
            settings = settings
                .with("table.optimizer.distinct-agg.split.enabled", "true")
                .with("table.optimizer.distinct-agg.split.bucket-num", "3");
        }
        let way = format!(
            "streaming, parallelism {parallelism}, batches of {batch_rows}, mini-batch {mini_batch}, split {split}"
        );
        let streamed = run(&sql, &tables, settings, batch_rows);
        match streamed.and_then(|run| run.materialized()) {
            Ok(rows) if rows == expected => {}
            Ok(rows) => {
                let what = format!("gives\n{}\nbatch gives\n{}", shown(&rows), shown(&expected));
                return Outcome::Differs(describe(&way, &what));
            }
            Err(error) => return refused(&way, error, describe),
        }
    }
    Outcome::Agrees
}

/// A case of scalar expressions: batch and streaming give the same rows, or both an error.
pub fn run_expressions(seed: u64) -> Outcome {
    let mut rng = StdRng::seed_from_u64(seed);
    let sql = expr::query(&mut rng);
    let no_tables = BTreeMap::new();
    let run = |settings| run(&sql, &no_tables, settings, 1000).and_then(|run| run.materialized());
    let batch = run(EnvironmentSettings::batch());
    let parallelism = rng.random_range(1..=3);
    let streamed =
        run(EnvironmentSettings::streaming().with("parallelism.default", parallelism.to_string()));
    let shown = |rows: &Result<Rows, String>| match rows {
        Ok(rows) => shown(rows),
        Err(error) => error.clone(),
    };
    let internal = |rows: &Result<Rows, String>| matches!(rows, Err(error) if error.contains("Internal error") || error.contains("hangs"));
    match (&batch, &streamed) {
        (Ok(batch), Ok(streamed)) if batch == streamed => Outcome::Agrees,
        (Err(_), Err(_)) if !internal(&batch) && !internal(&streamed) => Outcome::Agrees,
        _ => Outcome::Differs(format!(
            "{sql}\nbatch gives\n{}\nstreaming gives\n{}",
            shown(&batch),
            shown(&streamed)
        )),
    }
}

fn refused(way: &str, error: String, describe: impl Fn(&str, &str) -> String) -> Outcome {
    let known = [
        "not supported",
        "more than one row",
        "Rank end should not less than zero",
    ];
    let known = known.iter().any(|words| error.contains(words));
    match known {
        true => Outcome::Unsupported(error.lines().next().unwrap_or_default().to_owned()),
        false => Outcome::Differs(describe(way, &error)),
    }
}

fn run(
    sql: &str,
    tables: &BTreeMap<String, Table>,
    settings: EnvironmentSettings,
    batch_rows: usize,
) -> Result<Run, String> {
    let registry = filbert_connectors::registry().map_err(|e| e.to_string())?;
    let env = TableEnvironment::with_connectors(settings, registry).map_err(|e| e.to_string())?;
    let factory = ChangelogFactory {
        tables: tables.clone(),
        batch_rows,
    };
    env.register_connector(Arc::new(factory))
        .map_err(|e| e.to_string())?;
    for (name, table) in tables {
        let key = match table.mode.is_keyed() {
            true => ", PRIMARY KEY (k) NOT ENFORCED",
            false => "",
        };
        let ddl = format!("CREATE TABLE {name} ({COLUMNS}{key}) WITH ('connector' = 'changelog')");
        let ddl = match table.mode.is_keyed() {
            true => ddl.replacen("k INT", "k INT NOT NULL", 1),
            false => ddl,
        };
        env.execute_sql(&ddl).map_err(|e| e.to_string())?;
    }
    let mut result = env.execute_sql(sql).map_err(|e| e.to_string())?;
    Run::fetch(&mut result)
}
