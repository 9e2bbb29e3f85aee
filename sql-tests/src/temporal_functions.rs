//! Temporal table functions: the answers are Flink's for the same functions, made in its Table API; but there NULL finds
//! NULL, and ON and LEFT JOIN are refused.

use std::path::PathBuf;

use filbert_table::{EnvironmentSettings, TableEnvironment};

/// Removed when dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const ORDERS: &str = "(1, 'eur', 10, TIMESTAMP '2024-01-01 10:00:00'), (2, 'usd', 20, TIMESTAMP '2024-01-01 10:05:00'), \
    (3, 'eur', 30, TIMESTAMP '2024-01-01 10:30:00'), (4, 'yen', 40, TIMESTAMP '2024-01-01 10:31:00'), \
    (5, CAST(NULL AS STRING), 50, TIMESTAMP '2024-01-01 10:32:00'), (6, 'eur', 60, TIMESTAMP '2024-01-01 09:00:00')";

const HISTORY: &str = "('eur', 114, 'a', TIMESTAMP '2024-01-01 09:30:00'), ('usd', 102, 'b', TIMESTAMP '2024-01-01 09:45:00'), \
    ('eur', 119, 'a', TIMESTAMP '2024-01-01 10:15:00'), (CAST(NULL AS STRING), 1, 'n', TIMESTAMP '2024-01-01 10:16:00'), \
    ('eur', 116, 'c', TIMESTAMP '2024-01-01 10:30:00')";

/// Orders `o`, and the rates in `h` as the functions `rates` and, by processing time, `prates`.
fn environment(settings: EnvironmentSettings, name: &str) -> (TableEnvironment, Folder) {
    let connectors = filbert_connectors::registry().unwrap();
    let env = TableEnvironment::with_connectors(settings, connectors).unwrap();
    let name = format!("filbert-temporal-{name}-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    let files = |table: &str| {
        let path = folder.0.join(table);
        format!(
            "WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'json')",
            path.display()
        )
    };
    let statements = [
        format!(
            "CREATE TABLE o (id INT, cur STRING, amount INT, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) {}",
            files("o")
        ),
        format!(
            "CREATE TABLE h (cur STRING, rate INT, region STRING, vf TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR vf AS vf - INTERVAL '1' SECOND) {}",
            files("h")
        ),
        format!("INSERT INTO o VALUES {ORDERS}"),
        format!("INSERT INTO h VALUES {HISTORY}"),
    ];
    for statement in statements {
        env.execute_sql(&statement).unwrap().collect_text().unwrap();
    }
    for (name, time) in [("rates", "vf"), ("prates", "pt")] {
        let history = env.sql_query("SELECT * FROM h").unwrap();
        if let Ok(function) = history.create_temporal_table_function(time, "cur") {
            env.register_temporal_table_function(name, function);
        }
    }
    (env, folder)
}

/// The rows of a query, each as its cells, in order of their text.
fn rows(env: &TableEnvironment, sql: &str) -> Vec<String> {
    let rows = env.execute_sql(sql).unwrap().collect_text().unwrap();
    let text = |cell: &Option<String>| cell.clone().unwrap_or("NULL".into());
    let mut rows: Vec<String> = rows
        .iter()
        .map(|row| row.cells.iter().map(text).collect::<Vec<_>>().join(" "))
        .collect();
    rows.sort();
    rows
}

fn refusal(env: &TableEnvironment, sql: &str) -> String {
    match env.execute_sql(sql) {
        Err(error) => error.to_string(),
        Ok(result) => match result.collect_text() {
            Err(error) => error.to_string(),
            Ok(rows) => panic!("{sql} gave {rows:?}"),
        },
    }
}

#[test]
fn a_row_meets_the_version_of_its_time() {
    let (env, _folder) = environment(EnvironmentSettings::streaming(), "event");
    let whole = ["1 114", "2 102", "3 116"];
    for from in [
        "o, LATERAL TABLE(rates(o.ts)) AS r WHERE r.cur = o.cur",
        "o JOIN LATERAL TABLE(rates(o.ts)) AS r ON r.cur = o.cur",
        "o CROSS JOIN LATERAL TABLE(RATES(ts)) AS r(c, rate, reg, vf, pt) WHERE c = o.cur",
    ] {
        assert_eq!(
            rows(&env, &format!("SELECT o.id, r.rate FROM {from}")),
            whole
        );
    }
    let some = "SELECT o.id, o.amount * r.rate FROM o, LATERAL TABLE(rates(ts)) AS r WHERE r.cur = o.cur AND rate > 115";
    assert_eq!(rows(&env, some), ["3 3480"]);
    let both = "SELECT o.id, r.rate FROM o, LATERAL TABLE(rates(o.ts)) AS r WHERE r.cur = o.cur AND r.rate + o.amount > 123";
    assert_eq!(rows(&env, both), ["1 114", "3 116"]);
    let outer =
        "SELECT o.id, r.rate FROM o LEFT JOIN LATERAL TABLE(rates(o.ts)) AS r ON r.cur = o.cur";
    let padded = ["1 114", "2 102", "3 116", "4 NULL", "5 NULL", "6 NULL"];
    assert_eq!(rows(&env, outer), padded);
}

#[test]
fn the_left_time_attribute_stays_and_the_histories_goes() {
    let (env, _folder) = environment(EnvironmentSettings::streaming(), "attributes");
    let joined = "(SELECT o.ts, r.vf FROM o, LATERAL TABLE(rates(o.ts)) AS r WHERE r.cur = o.cur)";
    let counted =
        format!("SELECT COUNT(*) FROM {joined} GROUP BY TUMBLE(ts, INTERVAL '20' MINUTE)");
    assert_eq!(rows(&env, &counted), ["1", "2"]);
    // A group window of old goes by what the query says, as in Flink; a window table function does not.
    let by_version =
        format!("SELECT COUNT(*) FROM {joined} GROUP BY TUMBLE(vf, INTERVAL '1' HOUR)");
    assert_eq!(rows(&env, &by_version), ["1", "2"]);
    let by_version = format!(
        "SELECT COUNT(*) FROM TABLE(TUMBLE({joined}, DESCRIPTOR(vf), INTERVAL '1' HOUR)) GROUP BY window_start, window_end"
    );
    let refused = refusal(&env, &by_version);
    assert!(refused.contains("time attribute"), "{refused}");
}

#[test]
fn by_processing_time_a_row_meets_the_newest_version() {
    let (env, _folder) = environment(EnvironmentSettings::streaming(), "processing");
    // Which rows of the history are there when an order comes is a matter of the clock: those found are the key's own.
    let joined = "SELECT DISTINCT o.cur, r.cur FROM o LEFT JOIN LATERAL TABLE(prates(o.pt)) AS r ON r.cur = o.cur";
    for row in rows(&env, joined) {
        let (order, rate) = row.split_once(' ').unwrap();
        assert!(rate == order || rate == "NULL", "{row}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (env, _folder) = environment(EnvironmentSettings::streaming(), "refused");
    let of = |from: &str| format!("SELECT o.id FROM {from}");
    for (from, why) in [
        (
            "o, LATERAL TABLE(rates(o.pt)) AS r WHERE r.cur = o.cur",
            "Non rowtime timeAttribute",
        ),
        (
            "o, LATERAL TABLE(prates(o.ts)) AS r WHERE r.cur = o.cur",
            "Non processing timeAttribute",
        ),
        (
            "o, LATERAL TABLE(rates(o.amount)) AS r WHERE r.cur = o.cur",
            "timeAttribute [INT]",
        ),
        (
            "o, LATERAL TABLE(rates(o.ts + INTERVAL '1' SECOND)) AS r WHERE r.cur = o.cur",
            "Unsupported argument",
        ),
        (
            "o, LATERAL TABLE(rates()) AS r WHERE r.cur = o.cur",
            "exactly one argument",
        ),
        (
            "o, LATERAL TABLE(rates(o.ts)) AS r",
            "Only single column join key is supported",
        ),
        (
            "o, LATERAL TABLE(rates(o.ts)) AS r WHERE r.region = o.cur",
            "must be the same as temporal table's primary key",
        ),
        (
            "o, LATERAL TABLE(ratess(o.ts)) AS r WHERE r.cur = o.cur",
            "Did you mean 'rates'?",
        ),
    ] {
        let refused = refusal(&env, &of(from));
        assert!(refused.contains(why), "{from}: {refused}");
    }
    let history = env.sql_query("SELECT * FROM h").unwrap();
    let wrong = history.create_temporal_table_function("rate", "cur");
    assert!(
        wrong
            .unwrap_err()
            .to_string()
            .contains("Invalid timeAttribute [rate]")
    );
    let missing = history.create_temporal_table_function("vf", "curr");
    assert!(
        missing
            .unwrap_err()
            .to_string()
            .contains("Did you mean 'cur'?")
    );
}

#[test]
fn the_history_is_the_one_that_it_was_made_of() {
    let (env, _folder) = environment(EnvironmentSettings::streaming(), "elsewhere");
    env.execute_sql("CREATE DATABASE other").unwrap();
    env.execute_sql("USE other").unwrap();
    let o = "default_catalog.default_database.o";
    let query = format!(
        "SELECT o.id, r.rate FROM {o} AS o, LATERAL TABLE(rates(o.ts)) AS r WHERE r.cur = o.cur"
    );
    assert_eq!(rows(&env, &query), ["1 114", "2 102", "3 116"]);
    let described = rows(&env, "DESCRIBE FUNCTION EXTENDED rates");
    assert!(
        described.iter().any(|row| row == "kind TABLE"),
        "{described:?}"
    );
}

#[test]
fn batch_mode_gives_the_same_rows() {
    let (env, _folder) = environment(EnvironmentSettings::batch(), "batch");
    let query = "SELECT o.id, r.rate FROM o, LATERAL TABLE(rates(o.ts)) AS r WHERE r.cur = o.cur";
    assert_eq!(rows(&env, query), ["1 114", "2 102", "3 116"]);
    let now = "SELECT o.id FROM o, LATERAL TABLE(prates(o.pt)) AS r WHERE r.cur = o.cur";
    let refused = refusal(&env, now);
    assert!(refused.contains("temporal table function"), "{refused}");
}
