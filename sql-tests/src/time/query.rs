use rand::Rng;
use rand::rngs::StdRng;

/// A query, and what it may leave in its operators' state.
pub struct Query {
    pub sql: String,
    /// Batch mode can't tell: the reference is the stream in the order of times.
    pub streaming_only: bool,
}

/// Makes queries over `e0` and `e1` (see [`crate::time::events::COLUMNS`]), and `versions`, whose key is `k`.
pub struct QueryGenerator<'a> {
    rng: &'a mut StdRng,
}

impl<'a> QueryGenerator<'a> {
    pub fn new(rng: &'a mut StdRng) -> QueryGenerator<'a> {
        QueryGenerator { rng }
    }

    pub fn query(&mut self) -> Query {
        let sql = match self.rng.random_range(0..12) {
            0..3 => self.window_aggregate(),
            3 => self.group_window(),
            4 => self.windows_of_windows(),
            5 => self.window_join(),
            6 => self.window_rank(),
            7 => self.deduplicate(),
            8 => self.interval_join(),
            9 => self.over(),
            10 => {
                let input = self.input();
                format!("SELECT id, k, ts FROM {input} ORDER BY ts, id")
            }
            _ => {
                return Query {
                    sql: self.temporal_join(),
                    streaming_only: true,
                };
            }
        };
        Query {
            sql,
            streaming_only: false,
        }
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.rng.random_range(0..texts.len())]
    }

    fn table(&mut self) -> &'static str {
        self.of(&["e0", "e1"])
    }

    fn input(&mut self) -> String {
        let table = self.table();
        match self.rng.random_range(0..4) {
            0 => format!("(SELECT * FROM {table} WHERE v > -10)"),
            1 => "(SELECT * FROM e0 UNION ALL SELECT * FROM e1 WHERE v < 5)".to_owned(),
            _ => table.to_owned(),
        }
    }

    fn seconds(&mut self, choices: &[i64]) -> String {
        let seconds = choices[self.rng.random_range(0..choices.len())];
        format!("INTERVAL '{seconds}' SECOND(4)")
    }

    fn offset(&mut self) -> String {
        match self.rng.random_range(0..3) {
            0 => format!(", {}", self.seconds(&[-7, 3, 4000])),
            _ => String::new(),
        }
    }

    /// A window function over a table.
    fn window(&mut self) -> String {
        let input = match self.input() {
            table if table.starts_with('(') => table,
            table => format!("TABLE {table}"),
        };
        let offset = self.offset();
        match self.rng.random_range(0..5) {
            0 | 1 => {
                let seconds = [5, 10, 60][self.rng.random_range(0..3)];
                let size = format!("INTERVAL '{seconds}' SECOND(4)");
                let offset = match self.rng.random_range(0..3) {
                    0 => format!(", {}", self.seconds(&[-7 % seconds, 3, seconds - 1])),
                    _ => String::new(),
                };
                format!("TUMBLE({input}, DESCRIPTOR(ts), {size}{offset})")
            }
            2 => {
                let (slide, times) = (
                    [5, 10, 30][self.rng.random_range(0..3)],
                    self.rng.random_range(1..5),
                );
                let size = slide * times;
                format!(
                    "HOP({input}, DESCRIPTOR(ts), INTERVAL '{slide}' SECOND(4), INTERVAL '{size}' SECOND(4){offset})"
                )
            }
            3 => {
                let (step, times) = (
                    [5, 10, 30][self.rng.random_range(0..3)],
                    self.rng.random_range(1..5),
                );
                let size = step * times;
                format!(
                    "CUMULATE({input}, DESCRIPTOR(ts), INTERVAL '{step}' SECOND(4), INTERVAL '{size}' SECOND(4){offset})"
                )
            }
            _ => {
                let gap = self.seconds(&[2, 9, 30]);
                match input.strip_prefix("TABLE ") {
                    Some(table) if self.rng.random_bool(0.7) => {
                        let keys = self.of(&["k", "s", "(k, s)"]);
                        format!("SESSION(TABLE {table} PARTITION BY {keys}, DESCRIPTOR(ts), {gap})")
                    }
                    _ => format!("SESSION({input}, DESCRIPTOR(ts), {gap})"),
                }
            }
        }
    }

    fn calls(&mut self) -> String {
        const CALLS: [&str; 12] = [
            "COUNT(*)",
            "COUNT(v)",
            "SUM(v)",
            "MIN(v)",
            "MAX(v)",
            "AVG(v)",
            "MAX(s)",
            "COUNT(DISTINCT s)",
            "SUM(DISTINCT v)",
            "COUNT(*) FILTER (WHERE v > 0)",
            "COUNT(DISTINCT v) FILTER (WHERE s = 'x')",
            "MIN(id)",
        ];
        let count = self.rng.random_range(1..=3);
        let calls: Vec<String> = (0..count)
            .map(|i| format!("{} AS c{i}", self.of(&CALLS)))
            .collect();
        calls.join(", ")
    }

    fn window_aggregate(&mut self) -> String {
        let window = self.window();
        let calls = self.calls();
        let (select, group) = match self.rng.random_range(0..5) {
            0 => ("k, s", "GROUPING SETS ((k), (s), ())"),
            1 => ("k, s", "ROLLUP(k, s)"),
            2 => ("k, s", "k, s"),
            3 => ("", ""),
            _ => ("k", "k"),
        };
        let comma = |text: &str| match text {
            "" => String::new(),
            text => format!(", {text}"),
        };
        let having = self.of(&["", "", " HAVING COUNT(*) > 1"]);
        format!(
            "SELECT window_start, window_end{}, {calls} FROM TABLE({window}) GROUP BY window_start, window_end{}{having}",
            comma(select),
            comma(group)
        )
    }

    fn group_window(&mut self) -> String {
        let input = self.input();
        let calls = self.calls();
        let window = match self.rng.random_range(0..3) {
            0 => format!("TUMBLE(ts, {})", self.seconds(&[5, 30])),
            // Windows of old need no whole number of slides.
            1 => format!(
                "HOP(ts, {}, {})",
                self.seconds(&[4, 10]),
                self.seconds(&[10, 25])
            ),
            _ => format!("SESSION(ts, {})", self.seconds(&[3, 20])),
        };
        let start = window.replacen('(', "_START(", 1);
        let end = window.replacen('(', "_END(", 1);
        match self.rng.random_bool(0.7) {
            true => format!(
                "SELECT k, {start} AS a, {end} AS b, {calls} FROM {input} GROUP BY k, {window}"
            ),
            false => {
                format!("SELECT {start} AS a, {end} AS b, {calls} FROM {input} GROUP BY {window}")
            }
        }
    }

    fn windows_of_windows(&mut self) -> String {
        let table = self.table();
        let inner = format!(
            "SELECT k, window_time AS rt, SUM(v) AS v, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE {table}, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY k, window_start, window_end, window_time"
        );
        let outer = match self.rng.random_range(0..3) {
            0 => "TUMBLE",
            1 => "HOP",
            _ => "CUMULATE",
        };
        let sizes = match outer {
            "TUMBLE" => "INTERVAL '30' SECOND",
            _ => "INTERVAL '10' SECOND, INTERVAL '30' SECOND",
        };
        format!(
            "SELECT window_start, window_end, COUNT(*) AS c, SUM(v) AS s, MAX(n) AS m FROM TABLE({outer}(({inner}), DESCRIPTOR(rt), {sizes})) GROUP BY window_start, window_end"
        )
    }

    fn window_join(&mut self) -> String {
        let size = self.seconds(&[5, 20]);
        let side = |table: &str| {
            format!(
                "(SELECT id, k, v, window_start, window_end FROM TABLE(TUMBLE(TABLE {table}, DESCRIPTOR(ts), {size})))"
            )
        };
        let (left, right) = (side("e0"), side("e1"));
        let on = "l.k = r.k AND l.window_start = r.window_start AND l.window_end = r.window_end";
        let more = self.of(&["", " AND l.v < r.v"]);
        match self.rng.random_range(0..6) {
            0 => format!(
                "SELECT l.id, l.window_end FROM {left} l WHERE EXISTS (SELECT 1 FROM {right} r WHERE {on})"
            ),
            1 => format!(
                "SELECT l.id, l.window_end FROM {left} l WHERE NOT EXISTS (SELECT 1 FROM {right} r WHERE {on})"
            ),
            kind => {
                let kind = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"][kind - 2];
                format!(
                    "SELECT l.id, r.id AS rid, l.window_start, r.window_end FROM {left} l {kind} {right} r ON {on}{more}"
                )
            }
        }
    }

    fn window_rank(&mut self) -> String {
        let window = self.window();
        let order = self.of(&["v, id", "v DESC, id", "ts, id", "ts DESC, id", "s, id DESC"]);
        let key = self.of(&["", ", k"]);
        let limit = self.rng.random_range(1..4);
        format!(
            "SELECT id, k, window_start, n FROM (SELECT id, k, window_start, ROW_NUMBER() OVER (PARTITION BY window_start, window_end{key} ORDER BY {order}) AS n FROM TABLE({window})) WHERE n <= {limit}"
        )
    }

    fn deduplicate(&mut self) -> String {
        // Each table's times are unique, those of both together aren't.
        let table = self.table();
        let order = self.of(&["ASC", "DESC"]);
        match self.rng.random_bool(0.5) {
            true => format!(
                "SELECT id, k, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts {order}) AS n FROM {table}) WHERE n = 1"
            ),
            false => format!(
                "SELECT id, window_end FROM (SELECT id, window_end, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY ts {order}) AS n FROM TABLE(TUMBLE(TABLE {table}, DESCRIPTOR(ts), INTERVAL '10' SECOND))) WHERE n = 1"
            ),
        }
    }

    fn interval_join(&mut self) -> String {
        let kind = self.of(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
        let (before, after) = (self.seconds(&[0, 5, 30]), self.seconds(&[0, 4, 60]));
        let more = self.of(&["", " AND l.v <> r.v"]);
        format!(
            "SELECT l.id, r.id AS rid, l.ts, r.ts AS rts FROM e0 l {kind} e1 r ON l.k = r.k AND l.ts BETWEEN r.ts - {before} AND r.ts + {after}{more}"
        )
    }

    fn over(&mut self) -> String {
        let table = self.table();
        let call = self.of(&["SUM(v)", "COUNT(*)", "MAX(v)", "MIN(s)", "AVG(v)"]);
        let frame = match self.rng.random_range(0..4) {
            0 => "ROWS BETWEEN 2 PRECEDING AND CURRENT ROW".to_owned(),
            1 => "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW".to_owned(),
            2 => format!(
                "RANGE BETWEEN {} PRECEDING AND CURRENT ROW",
                self.seconds(&[3, 40])
            ),
            _ => "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW".to_owned(),
        };
        let partition = self.of(&["", "PARTITION BY k "]);
        format!("SELECT id, {call} OVER ({partition}ORDER BY ts {frame}) AS c FROM {table}")
    }

    fn temporal_join(&mut self) -> String {
        let kind = self.of(&["JOIN", "LEFT JOIN"]);
        format!(
            "SELECT e.id, r.id AS rid, r.v FROM e0 e {kind} versions FOR SYSTEM_TIME AS OF e.ts AS r ON e.k = r.k"
        )
    }
}
