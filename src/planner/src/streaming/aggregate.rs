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
    /// COUNT of rows, or of the values of columns.
    pub fn count(args: Vec<usize>) -> AggregateCall {
        AggregateCall {
            function: "COUNT".to_owned(),
            args,
            distinct: false,
            filter: None,
            order_by: Vec::new(),
            ignore_nulls: false,
        }
    }

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
        let call = self.call_text(input, retracts, None);
        format!("{call} AS {}", output.name)
    }

    /// `SUM(v)`. `distinct_buffer` names the values that a local phase has seen, in place of DISTINCT.
    pub fn call_text(
        &self,
        input: &[PlanColumn],
        retracts: bool,
        distinct_buffer: Option<&str>,
    ) -> String {
        let distinct = match distinct_buffer {
            Some(buffer) => format!("{buffer} "),
            None if self.distinct => "DISTINCT ".to_owned(),
            None => String::new(),
        };
        let filter = self.filter.map(|f| format!(" FILTER {}", input[f].name));
        format!(
            "{}({distinct}{}){}",
            self.name(retracts),
            self.args_text(input),
            filter.unwrap_or_default()
        )
    }

    /// `SUM_RETRACT`
    pub fn name(&self, retracts: bool) -> String {
        let suffix = if retracts { "_RETRACT" } else { "" };
        format!("{}{suffix}", self.function)
    }

    pub fn args_text(&self, input: &[PlanColumn]) -> String {
        let args: Vec<&str> = self.args.iter().map(|a| input[*a].name.as_str()).collect();
        match args.is_empty() {
            true => "*".to_owned(),
            false => args.join(", "),
        }
    }
}

/// The buffer of each DISTINCT call's values, shared by calls over the same arguments: `distinct$0`.
pub(crate) fn distinct_names(calls: &[AggregateCall]) -> Vec<Option<String>> {
    let mut seen: Vec<&[usize]> = Vec::new();
    let name =
        |call: &'_ AggregateCall, place: usize| call.distinct.then(|| format!("distinct${place}"));
    let mut names = Vec::with_capacity(calls.len());
    for call in calls {
        let known = seen.iter().position(|args| *args == call.args);
        let place = known.unwrap_or(seen.len());
        if call.distinct && known.is_none() {
            seen.push(&call.args);
        }
        names.push(name(call, place));
    }
    names
}
