//! What group and window aggregation share: calls of aggregate functions and how they print.

use filbert_graph::spec::AggregateCallSpec;

use crate::columns::PlanColumn;

/// A call of an aggregate function over columns of the input.
#[derive(Debug, Clone)]
pub(crate) struct AggregateCall {
    pub function: String,
    pub args: Vec<usize>,
    pub distinct: bool,
    pub filter: Option<usize>,
    /// Columns to sort by, with `ascending` and `nulls first`.
    pub order_by: Vec<(usize, bool, bool)>,
    pub ignore_nulls: bool,
}

impl AggregateCall {
    pub fn spec(&self, input: &[PlanColumn], output: &PlanColumn) -> AggregateCallSpec {
        AggregateCallSpec {
            function: self.function.clone(),
            args: self.args.clone(),
            arg_types: self.args.iter().map(|a| input[*a].ty.clone()).collect(),
            distinct: self.distinct,
            filter: self.filter,
            order_by: self.order_by.clone(),
            ignore_nulls: self.ignore_nulls,
            ignores_retractions: false,
            output: output.field(),
        }
    }

    /// `SUM(v) AS total`; over changing input the function has Flink's suffix: `SUM_RETRACT(v)`.
    pub fn text(&self, input: &[PlanColumn], output: &PlanColumn, retracts: bool) -> String {
        let args: Vec<&str> = self.args.iter().map(|a| input[*a].name.as_str()).collect();
        let args = if args.is_empty() {
            "*".to_owned()
        } else {
            args.join(", ")
        };
        let suffix = if retracts { "_RETRACT" } else { "" };
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        let filter = self
            .filter
            .map(|f| format!(" FILTER {}", input[f].name))
            .unwrap_or_default();
        format!(
            "{}{suffix}({distinct}{args}){filter} AS {}",
            self.function, output.name
        )
    }
}
