//! Functions of the program's own: registered, created under other names, called in both modes.

mod aggregates;
mod process;
mod scalar;
mod table;

use std::sync::Arc;

use filbert_table::{EnvironmentSettings, TableEnvironment};

use self::aggregates::WeightedAverage;

fn environment(settings: EnvironmentSettings) -> TableEnvironment {
    let env = TableEnvironment::create(settings).unwrap();
    env.register_aggregate_function(Arc::new(WeightedAverage));
    scalar::register(&env);
    table::register(&env);
    process::register(&env);
    env
}

/// What is wrong with a statement.
fn refusal(env: &TableEnvironment, sql: &str) -> String {
    let result = env.execute_sql(sql).and_then(|r| r.collect_text());
    result.map(|_| ()).unwrap_err().to_string()
}

/// The rows that a query leaves, each as `kind cells`.
fn rows(env: &TableEnvironment, sql: &str) -> Vec<String> {
    let rows = env.execute_sql(sql).unwrap().collect_text().unwrap();
    let text = |cell: &Option<String>| cell.clone().unwrap_or("NULL".into());
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row.cells.iter().map(text).collect();
            format!("{} {}", row.kind.short(), cells.join(" "))
        })
        .collect()
}

const SALES: &str = "(VALUES ('a', 10, 1), ('b', 4, 4), ('a', 40, 2), ('a', 7, 3)) AS t(k, v, w)";

#[test]
fn an_aggregate_function_runs_in_both_modes() {
    let by_key = format!("SELECT k, weighted_average(v, w) FROM {SALES} GROUP BY k");
    let mut batch = rows(&environment(EnvironmentSettings::batch()), &by_key);
    batch.sort();
    assert_eq!(batch, ["+I a 18", "+I b 4"]);
    let streaming = rows(&environment(EnvironmentSettings::streaming()), &by_key);
    let expected = [
        "+I a 10", "+I b 4", "-U a 10", "+U a 30", "-U a 30", "+U a 18",
    ];
    let of_a = |rows: &[String]| -> Vec<String> {
        rows.iter().filter(|r| r.contains(" a ")).cloned().collect()
    };
    assert_eq!(of_a(&streaming), of_a(&expected.map(str::to_owned)));
    assert_eq!(streaming.len(), expected.len());
}

#[test]
fn it_takes_back_what_changes_below_it() {
    let nested = format!(
        "SELECT weighted_average(s, c) FROM (SELECT k, SUM(v) AS s, COUNT(*) AS c FROM {SALES} GROUP BY k)"
    );
    assert_eq!(
        rows(&environment(EnvironmentSettings::batch()), &nested),
        ["+I 43"]
    );
    let streaming = rows(&environment(EnvironmentSettings::streaming()), &nested);
    assert_eq!(streaming.last().unwrap(), "+U 43");
}

#[test]
fn create_function_gives_it_another_name() {
    let env = environment(EnvironmentSettings::batch());
    for scope in ["TEMPORARY", "TEMPORARY SYSTEM", ""] {
        env.execute_sql(&format!(
            "CREATE {scope} FUNCTION wavg AS 'weighted_average'"
        ))
        .unwrap();
        let query = format!("SELECT wavg(v, w) FILTER (WHERE k = 'a') FROM {SALES}");
        assert_eq!(rows(&env, &query), ["+I 18"]);
        env.execute_sql(&format!("DROP {scope} FUNCTION wavg"))
            .unwrap();
        assert!(env.execute_sql(&query).is_err());
    }
    let unknown = env.execute_sql("CREATE TEMPORARY FUNCTION f AS 'nobody.knows'");
    assert!(unknown.unwrap_err().to_string().contains("nobody.knows"));
}

#[test]
fn its_state_outlives_batches_and_goes_with_its_key() {
    let env = environment(EnvironmentSettings::streaming());
    // Keys come and go: the last row of `a` is taken back before others come.
    let query = format!(
        "SELECT c, weighted_average(s, c) FROM (SELECT k, SUM(v) AS s, COUNT(*) AS c FROM {SALES} GROUP BY k) GROUP BY c"
    );
    let mut left: Vec<String> = Vec::new();
    for row in rows(&env, &query) {
        let (kind, values) = row.split_once(' ').unwrap();
        match kind {
            "+I" | "+U" => left.push(values.to_owned()),
            _ => {
                let at = left.iter().position(|l| l == values);
                left.remove(at.expect("only what was sent is taken back"));
            }
        }
    }
    left.sort();
    assert_eq!(left, ["1 4", "3 57"]);
}

#[test]
fn bundles_give_the_same_in_one_phase_and_in_two() {
    for phase in ["ONE_PHASE", "TWO_PHASE", "AUTO"] {
        let env = environment(EnvironmentSettings::streaming());
        env.set("table.exec.mini-batch.enabled", "true");
        env.set("table.exec.mini-batch.allow-latency", "1 h");
        env.set("table.exec.mini-batch.size", "100");
        env.set("table.optimizer.agg-phase-strategy", phase);
        let query = format!("SELECT k, weighted_average(v, w) FROM {SALES} GROUP BY k");
        let mut rows = rows(&env, &query);
        rows.sort();
        assert_eq!(rows, ["+I a 18", "+I b 4"], "{phase}");
    }
}

#[test]
fn wrong_arguments_show_the_signatures() {
    let sql = format!("SELECT weighted_average(k, w) FROM {SALES}");
    let error = environment(EnvironmentSettings::batch())
        .execute_sql(&sql)
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("weighted_average(<CHAR(1)"), "{text}");
    assert!(
        text.contains("weighted_average(<BIGINT>, <BIGINT>)"),
        "{text}"
    );
}
