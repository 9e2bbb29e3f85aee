//! WindowTableFunction: adds window_start, window_end and window_time to each row, once for every window it lies in.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::{MonthWindow, WindowSpec, WindowTableFunctionSpec};

use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::node::{Distribution, KeySet, NodeView, StreamOperator};

#[derive(Debug, Clone)]
pub(crate) struct WindowTableFunction {
    pub window: WindowSpec,
    pub time: usize,
    pub proctime: bool,
    pub time_zone: Option<String>,
}

/// `TUMBLE(time_col=[rt], size=[1 min])`; `column` is `time_col=[rt]`, or what stands for it.
pub(crate) fn window_text(window: &WindowSpec, column: &str, input: &[PlanColumn]) -> String {
    let offset = |ms: i64| match ms {
        0 => String::new(),
        ms => format!(", offset=[{}]", duration_text(ms)),
    };
    match window {
        WindowSpec::Tumble { size_ms, offset_ms } => format!(
            "TUMBLE({column}, size=[{}]{})",
            duration_text(*size_ms),
            offset(*offset_ms)
        ),
        WindowSpec::Hop {
            size_ms,
            slide_ms,
            offset_ms,
        } => format!(
            "HOP({column}, size=[{}], slide=[{}]{})",
            duration_text(*size_ms),
            duration_text(*slide_ms),
            offset(*offset_ms)
        ),
        WindowSpec::Cumulate {
            size_ms,
            step_ms,
            offset_ms,
        } => format!(
            "CUMULATE({column}, max_size=[{}], step=[{}]{})",
            duration_text(*size_ms),
            duration_text(*step_ms),
            offset(*offset_ms)
        ),
        WindowSpec::Months {
            shape,
            size,
            step,
            offset_ms,
        } => {
            let (size, step) = (months_text(*size), months_text(*step));
            let offset = offset(*offset_ms);
            match shape {
                MonthWindow::Tumble => format!("TUMBLE({column}, size=[{size}]{offset})"),
                MonthWindow::Hop => {
                    format!("HOP({column}, size=[{size}], slide=[{step}]{offset})")
                }
                MonthWindow::Cumulate => {
                    format!("CUMULATE({column}, max_size=[{size}], step=[{step}]{offset})")
                }
            }
        }
        WindowSpec::Session {
            gap_ms,
            partition_by,
        } => {
            let keys: Vec<&str> = partition_by
                .iter()
                .map(|k| input[*k].name.as_str())
                .collect();
            let keys = match keys.as_slice() {
                [] => String::new(),
                keys => format!(", partition keys=[{}]", keys.join(", ")),
            };
            format!("SESSION({column}, gap=[{}]{keys})", duration_text(*gap_ms))
        }
    }
}

fn months_text(months: i64) -> String {
    match (months % 12, months) {
        (_, 1) => "1 month".to_owned(),
        (0, 12) => "1 year".to_owned(),
        (0, _) => format!("{} years", months / 12),
        _ => format!("{months} months"),
    }
}

/// `1 min`, as Flink's `TimeUtils` prints a duration: in the largest unit that holds it whole.
fn duration_text(ms: i64) -> String {
    const UNITS: [(i64, &str); 4] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "min"),
        (1_000, "s"),
    ];
    UNITS
        .iter()
        .find(|(unit, _)| ms != 0 && ms % unit == 0)
        .map_or_else(
            || format!("{ms} ms"),
            |(unit, name)| format!("{} {name}", ms / unit),
        )
}

impl StreamOperator for WindowTableFunction {
    fn name(&self) -> &'static str {
        "WindowTableFunction"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let input = &view.input(0).columns;
        let column = format!("time_col=[{}]", input[self.time].name);
        format!("window=[{}]", window_text(&self.window, &column, input))
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        Ok(Some(OperatorSpec::WindowTableFunction(
            WindowTableFunctionSpec {
                window: self.window.clone(),
                time: self.time,
                proctime: self.proctime,
                time_zone: self.time_zone.clone(),
            },
        )))
    }

    fn distribution(&self, _input: usize) -> Distribution {
        match &self.window {
            WindowSpec::Session { partition_by, .. } if partition_by.is_empty() => {
                Distribution::Single
            }
            WindowSpec::Session { partition_by, .. } => Distribution::Hash(partition_by.clone()),
            _ => Distribution::Any,
        }
    }

    fn fixed_parallelism(&self) -> Option<usize> {
        (self.distribution(0) == Distribution::Single).then_some(1)
    }

    /// A row may lie in several windows: its key tells it apart only together with the window.
    fn upsert_keys(&self, view: NodeView<'_>) -> Vec<KeySet> {
        let start = view.node.columns.len() - 3;
        view.input(0)
            .upsert_keys
            .iter()
            .map(|key| key.iter().copied().chain([start]).collect())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::duration_text;

    #[test]
    fn durations_print_in_the_largest_whole_unit() {
        assert_eq!(duration_text(60_000), "1 min");
        assert_eq!(duration_text(90_000), "90 s");
        assert_eq!(duration_text(86_400_000), "1 d");
        assert_eq!(duration_text(1_500), "1500 ms");
    }
}
