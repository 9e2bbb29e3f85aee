//! Functions of the program's own: registered, created under other names, called in both modes.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod process;
mod scalar;
mod table;

use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::types::Int64Type;
use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use filbert_table::{
    AggregateFunction, AggregateStates, EnvironmentSettings, Inferred, TableEnvironment,
};
use filbert_types::{LogicalType, TypeKind};

/// The average of values, each so many times as its weight says.
#[derive(Debug)]
struct WeightedAverage;

impl AggregateFunction for WeightedAverage {
    fn name(&self) -> &str {
        "weighted_average"
    }

    fn signatures(&self) -> Vec<String> {
        vec!["weighted_average(<BIGINT>, <BIGINT>)".into()]
    }

    fn infer(&self, args: &[LogicalType]) -> Option<Inferred> {
        let numbers = args.iter().all(|a| a.kind.is_integer());
        (args.len() == 2 && numbers).then(|| Inferred {
            arg_types: vec![LogicalType::new(TypeKind::BigInt, true); 2],
            return_type: LogicalType::new(TypeKind::BigInt, true),
        })
    }

    fn state_types(&self, _types: &Inferred) -> Vec<DataType> {
        vec![DataType::Int64, DataType::Int64]
    }

    fn states(&self, _types: &Inferred) -> Box<dyn AggregateStates> {
        Box::new(Sums::default())
    }

    fn retracts(&self) -> bool {
        true
    }
}

/// Of each group the sum of the weighted values, and that of the weights.
#[derive(Default)]
struct Sums(Vec<(i64, i64)>);

impl Sums {
    fn add(&mut self, groups: &[u32], args: &[ArrayRef], sign: i64) {
        let [values, weights] = [&args[0], &args[1]].map(|a| a.as_primitive::<Int64Type>());
        for (i, group) in groups.iter().enumerate() {
            let sums = &mut self.0[*group as usize];
            sums.0 += sign * values.value(i) * weights.value(i);
            sums.1 += sign * weights.value(i);
        }
    }
}

impl AggregateStates for Sums {
    fn reserve(&mut self, groups: usize) {
        self.0.resize(groups.max(self.0.len()), (0, 0));
    }

    fn accumulate(&mut self, groups: &[u32], args: &[ArrayRef]) -> Result<(), String> {
        self.add(groups, args, 1);
        Ok(())
    }

    fn retract(&mut self, groups: &[u32], args: &[ArrayRef]) -> Result<(), String> {
        self.add(groups, args, -1);
        Ok(())
    }

    fn values(&self, groups: &[u32]) -> Result<ArrayRef, String> {
        let sums = groups.iter().map(|g| self.0[*g as usize]);
        let averages = sums.map(|(sum, weight)| sum.checked_div(weight));
        Ok(Arc::new(averages.collect::<Int64Array>()))
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, String> {
        let sums = groups.iter().map(|g| self.0[*g as usize]);
        let (sums, weights): (Vec<i64>, Vec<i64>) = sums.unzip();
        Ok(vec![
            Arc::new(Int64Array::from(sums)),
            Arc::new(Int64Array::from(weights)),
        ])
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<(), String> {
        let [sums, weights] = [&state[0], &state[1]].map(|a| a.as_primitive::<Int64Type>());
        for (i, group) in groups.iter().enumerate() {
            let held = &mut self.0[*group as usize];
            held.0 += sums.value(i);
            held.1 += weights.value(i);
        }
        Ok(())
    }

    fn reset(&mut self, group: u32) {
        self.0[group as usize] = (0, 0);
    }

    fn memory_bytes(&self) -> usize {
        self.0.capacity() * size_of::<(i64, i64)>()
    }
}

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
