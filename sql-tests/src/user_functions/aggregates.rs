//! Aggregate functions of the embedding program in windows, with OVER and in patterns.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::types::Int64Type;
use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use filbert_table::{
    AggregateFunction, AggregateStates, EnvironmentSettings, Inferred, TableEnvironment,
};
use filbert_types::{LogicalType, TypeKind};

use super::rows;

/// The average of values, each so many times as its weight says.
#[derive(Debug)]
pub struct WeightedAverage;

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

/// Removed when dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Sales of two keys over a minute.
fn with_sales(settings: EnvironmentSettings, name: &str) -> (TableEnvironment, Folder) {
    let connectors = filbert_connectors::registry().unwrap();
    let env = TableEnvironment::with_connectors(settings, connectors).unwrap();
    env.register_aggregate_function(Arc::new(WeightedAverage));
    let name = format!("filbert-{name}-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    let path = folder.0.display();
    env.execute_sql(&format!(
        "CREATE TABLE sales (k STRING, v BIGINT, w BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
        WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json')"
    ))
    .unwrap();
    let at = |second: u32| format!("TIMESTAMP '2024-01-01 00:00:{second:02}'");
    let rows = format!(
        "INSERT INTO sales VALUES ('a', 10, 1, {}), ('b', 4, 4, {}), ('a', 40, 2, {}), ('a', 7, 3, {}), ('b', 9, 1, {})",
        at(1),
        at(2),
        at(4),
        at(21),
        at(22)
    );
    env.execute_sql(&rows).unwrap().collect_text().unwrap();
    (env, folder)
}

fn both() -> [EnvironmentSettings; 2] {
    [
        EnvironmentSettings::streaming(),
        EnvironmentSettings::batch(),
    ]
}

fn sorted_rows(env: &TableEnvironment, sql: &str) -> Vec<String> {
    let mut rows = rows(env, sql);
    rows.sort();
    rows
}

#[test]
fn an_aggregate_function_runs_in_windows() {
    let windows = [
        "TUMBLE(TABLE sales, DESCRIPTOR(ts), INTERVAL '10' SECOND)",
        "HOP(TABLE sales, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND)",
        "CUMULATE(TABLE sales, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND)",
        "SESSION(TABLE sales PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' SECOND)",
    ];
    let expected: [&[&str]; 4] = [
        &["+I a 7", "+I a 30", "+I b 4", "+I b 9"],
        &[
            "+I a 7", "+I a 7", "+I a 30", "+I a 30", "+I b 4", "+I b 4", "+I b 9", "+I b 9",
        ],
        &[
            "+I a 18", "+I a 30", "+I a 30", "+I b 4", "+I b 4", "+I b 5",
        ],
        &["+I a 7", "+I a 30", "+I b 4", "+I b 9"],
    ];
    for settings in both() {
        let (env, _folder) = with_sales(settings, "windows");
        for (window, expected) in windows.iter().zip(expected) {
            let query = format!(
                "SELECT k, weighted_average(v, w) FROM {window} GROUP BY k, window_start, window_end"
            );
            let mut expected: Vec<String> = expected.iter().map(|e| (*e).to_owned()).collect();
            expected.sort();
            assert_eq!(sorted_rows(&env, &query), expected, "{window}");
        }
        let legacy = "SELECT k, weighted_average(v, w) FROM sales GROUP BY k, SESSION(ts, INTERVAL '5' SECOND)";
        assert_eq!(
            sorted_rows(&env, legacy),
            ["+I a 30", "+I a 7", "+I b 4", "+I b 9"]
        );
    }
}

#[test]
fn an_aggregate_function_runs_over_rows() {
    for settings in both() {
        let (env, _folder) = with_sales(settings, "over");
        let over = |frame: &str| {
            format!(
                "SELECT k, v, weighted_average(v, w) OVER (PARTITION BY k ORDER BY ts {frame}) FROM sales"
            )
        };
        assert_eq!(
            sorted_rows(&env, &over("")),
            [
                "+I a 10 10",
                "+I a 40 30",
                "+I a 7 18",
                "+I b 4 4",
                "+I b 9 5"
            ]
        );
        assert_eq!(
            sorted_rows(&env, &over("ROWS BETWEEN 1 PRECEDING AND CURRENT ROW")),
            [
                "+I a 10 10",
                "+I a 40 30",
                "+I a 7 20",
                "+I b 4 4",
                "+I b 9 5"
            ]
        );
    }
}

#[test]
fn an_aggregate_function_runs_over_an_ordinary_column() {
    let (env, _folder) = with_sales(EnvironmentSettings::streaming(), "changing");
    let query = "SELECT k, v, weighted_average(v, w) OVER (PARTITION BY k ORDER BY v) FROM sales";
    let of_a: Vec<String> = rows(&env, query)
        .into_iter()
        .filter(|row| row.contains(" a "))
        .collect();
    assert_eq!(
        of_a,
        [
            "+I a 10 10",
            "+I a 40 30",
            "+I a 7 7",
            "-U a 10 10",
            "+U a 10 7",
            "-U a 40 30",
            "+U a 40 18"
        ]
    );
}

#[test]
fn an_aggregate_function_runs_over_the_rows_of_a_match() {
    for settings in both() {
        let (env, _folder) = with_sales(settings, "match");
        let query = "SELECT * FROM sales MATCH_RECOGNIZE (
            PARTITION BY k ORDER BY ts
            MEASURES weighted_average(A.v, A.w) AS average, LAST(A.v) AS l, weighted_average(B.v, B.w) AS b
            AFTER MATCH SKIP PAST LAST ROW
            PATTERN (A+ B) DEFINE A AS A.w < 3, B AS B.w >= 3 AND weighted_average(A.v, A.w) > 20)";
        assert_eq!(sorted_rows(&env, query), ["+I a 30 40 7"]);
    }
}
