use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use filbert_table::{EnvironmentSettings, TableEnvironment};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::random::Outcome;
use crate::replay::{Rows, Run, shown};
use crate::time::events::{BOUND_S, COLUMNS, Events};
use crate::time::query::QueryGenerator;
use crate::time::source::EventsFactory;

/// Operators that hold nothing when the last watermark has passed.
const EMPTY_AT_THE_END: [&str; 7] = [
    "WindowAggregate",
    "WindowTableFunction",
    "WindowJoin",
    "WindowRank",
    "WindowDeduplicate",
    "IntervalJoin",
    "TemporalSort",
];

/// A case: tables, a query, and the ways in which it is run.
pub fn run_case(seed: u64) -> Outcome {
    let mut rng = StdRng::seed_from_u64(seed);
    let rows_max = [5, 20, 80][rng.random_range(0..3)];
    let mut splits = || rng.random_range(1..=4);
    let counts = [splits(), splits(), splits()];
    let tables: BTreeMap<String, Events> = ["e0", "e1", "versions"]
        .iter()
        .zip(counts)
        .map(|(name, splits)| {
            let mut events = Events::random(&mut rng, rows_max, splits);
            if *name == "versions" {
                events.give_keys();
            }
            ((*name).to_owned(), events)
        })
        .collect();
    let query = QueryGenerator::new(&mut rng).query();
    let describe = |way: &str, what: &str| {
        let mut text = format!("{way}: {what}\n{}\n", query.sql);
        for (name, events) in &tables {
            // Writing to a String can't fail.
            let _ = write!(text, "{name}:\n{}", events.text());
        }
        text
    };
    let expected = match query.streaming_only {
        true => {
            let in_order = tables.iter().map(|(n, t)| (n.clone(), t.in_order()));
            let way = Way::reference(EnvironmentSettings::streaming());
            run(&query.sql, &in_order.collect(), &way)
        }
        false => {
            let way = Way::reference(EnvironmentSettings::batch());
            run(&query.sql, &tables, &way)
        }
    };
    let expected = match expected {
        Ok((rows, _)) => rows,
        Err(error) => return refused("reference", error, describe),
    };
    for parallelism in [1, 3] {
        let way = Way::random(&mut rng, parallelism);
        match run(&query.sql, &tables, &way) {
            Ok((rows, _)) if rows != expected => {
                let what = format!("gives\n{}\nexpected\n{}", shown(&rows), shown(&expected));
                return Outcome::Differs(describe(&way.text(), &what));
            }
            Ok((_, left)) => {
                if let Some(what) = left_behind(&query.sql, &left, &tables) {
                    return Outcome::Differs(describe(&way.text(), &what));
                }
            }
            Err(error) => return refused(&way.text(), error, describe),
        }
    }
    Outcome::Agrees
}

/// What an operator holds though nothing can come that needs it.
fn left_behind(
    sql: &str,
    left: &[(String, u64)],
    tables: &BTreeMap<String, Events>,
) -> Option<String> {
    // A frame of rows reaches back to the key's last ones, however old they are.
    let bounded_over =
        sql.contains(" OVER (") && sql.contains("RANGE BETWEEN") && !sql.contains("UNBOUNDED");
    left.iter().find_map(|(name, rows)| {
        let is = |prefix: &str| name.starts_with(prefix);
        let is_empty = EMPTY_AT_THE_END.iter().any(|prefix| is(prefix))
            || (is("OverAggregate") && bounded_over);
        let most = if is_empty {
            0
        } else if is("TemporalJoin") {
            let keys: BTreeSet<Option<i32>> = tables["versions"].rows().map(|r| r.k).collect();
            keys.len() as u64
        } else {
            return None;
        };
        (*rows > most)
            .then(|| format!("{name} holds {rows} rows at the end, at most {most} are of use"))
    })
}

fn refused(way: &str, error: String, describe: impl Fn(&str, &str) -> String) -> Outcome {
    match error.contains("not supported") {
        true => Outcome::Unsupported(error.lines().next().unwrap_or_default().to_owned()),
        false => Outcome::Differs(describe(way, &error)),
    }
}

/// How a query is run.
struct Way {
    settings: EnvironmentSettings,
    parallelism: usize,
    batch_rows: usize,
    seed: u64,
    /// `scan.watermark.emit.strategy`; without it a source of one split has an assigner behind it.
    strategy: Option<&'static str>,
    /// The tables' sources wait for each other.
    aligned: bool,
}

impl Way {
    fn reference(settings: EnvironmentSettings) -> Way {
        Way {
            settings,
            parallelism: 1,
            batch_rows: 1000,
            seed: 0,
            strategy: None,
            aligned: false,
        }
    }

    fn random(rng: &mut StdRng, parallelism: usize) -> Way {
        Way {
            settings: EnvironmentSettings::streaming()
                .with("parallelism.default", parallelism.to_string()),
            parallelism,
            batch_rows: [1, 3, 50][rng.random_range(0..3)],
            seed: rng.random_range(0..1000),
            strategy: [
                Some("on-event"),
                Some("on-event"),
                Some("on-periodic"),
                None,
            ][rng.random_range(0..4)],
            aligned: rng.random_bool(0.2),
        }
    }

    fn text(&self) -> String {
        format!(
            "parallelism {}, batches of at most {}, reader's seed {}, watermarks {:?}, aligned {}",
            self.parallelism, self.batch_rows, self.seed, self.strategy, self.aligned
        )
    }
}

/// The rows of a query, and what its operators hold at the end.
fn run(
    sql: &str,
    tables: &BTreeMap<String, Events>,
    way: &Way,
) -> Result<(Rows, Vec<(String, u64)>), String> {
    let registry = filbert_connectors::registry().map_err(|e| e.to_string())?;
    let env = TableEnvironment::with_connectors(way.settings.clone(), registry)
        .map_err(|e| e.to_string())?;
    let factory = EventsFactory {
        tables: tables.clone(),
        seed: way.seed,
        batch_rows: way.batch_rows,
    };
    env.register_connector(Arc::new(factory))
        .map_err(|e| e.to_string())?;
    for name in tables.keys() {
        let columns = match name.as_str() {
            "versions" => format!(
                "{}, PRIMARY KEY (k) NOT ENFORCED",
                COLUMNS.replacen("k INT", "k INT NOT NULL", 1)
            ),
            _ => COLUMNS.to_owned(),
        };
        let strategy = way
            .strategy
            .map(|s| format!(", 'scan.watermark.emit.strategy' = '{s}'"));
        let strategy = strategy.unwrap_or_default();
        let aligned = match way.aligned {
            true => {
                ", 'scan.watermark.alignment.group' = 'g', 'scan.watermark.alignment.max-drift' = '5 s', 'scan.watermark.alignment.update-interval' = '5 ms'"
            }
            false => "",
        };
        let ddl = format!(
            "CREATE TABLE {name} ({columns}, WATERMARK FOR ts AS ts - INTERVAL '{BOUND_S}' SECOND) WITH ('connector' = 'events'{strategy}{aligned})"
        );
        env.execute_sql(&ddl).map_err(|e| e.to_string())?;
    }
    let mut result = env.execute_sql(sql).map_err(|e| e.to_string())?;
    let rows = Run::fetch(&mut result)?.materialized()?;
    let detail = result.job_client().map(|job| job.detail());
    let operators = detail.into_iter().flat_map(|d| d.vertices);
    let operators = operators.flat_map(|vertex| vertex.operators);
    let left = operators.map(|operator| (operator.name, operator.state_rows));
    Ok((rows, left.collect()))
}
