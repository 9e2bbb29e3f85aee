//! Calls tell the time by the clock that the environment was given.

use std::sync::Arc;

use filbert_table::{EnvironmentSettings, Row, TableEnvironment};
use filbert_types::ManualClock;

/// 2024-05-06 07:08:09.123 UTC
const NOW_MS: i64 = 1_714_979_289_123;

fn run(settings: EnvironmentSettings, query: &str) -> Vec<Row> {
    let settings = settings.with("table.local-time-zone", "UTC");
    let connectors = filbert_connectors::registry().unwrap();
    let clock = Arc::new(ManualClock::new(NOW_MS));
    let env = TableEnvironment::with_clock(settings, connectors, clock).unwrap();
    env.execute_sql(query).unwrap().collect_text().unwrap()
}

#[test]
fn every_function_of_now_reads_it() {
    let query = "SELECT CURRENT_TIMESTAMP, NOW(), CURRENT_ROW_TIMESTAMP(), CAST(PROCTIME() AS TIMESTAMP_LTZ(3)), \
         LOCALTIMESTAMP, CURRENT_DATE, CURRENT_TIME, LOCALTIME, UNIX_TIMESTAMP(), id \
         FROM (VALUES (1), (2)) AS t(id)";
    let now = "2024-05-06 07:08:09.123";
    for settings in [
        EnvironmentSettings::streaming(),
        EnvironmentSettings::batch(),
    ] {
        let rows = run(settings, query);
        assert_eq!(rows.len(), 2);
        for row in rows {
            let cells = row.cells.iter().map(|c| c.as_deref().unwrap_or("NULL"));
            let cells: Vec<&str> = cells.collect();
            let expected = [
                now,
                now,
                now,
                now,
                now,
                "2024-05-06",
                "07:08:09",
                "07:08:09",
                "1714979289",
            ];
            assert_eq!(cells[..9], expected);
        }
    }
}
