//! From a spec to its operator.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::{MatchColumn, MatchRows, MatchSpec};

use super::aggregate::RowsAggregate;
use super::automaton::{Automaton, KeyMatches, SkipTo};
use super::condition::{Condition, RunningPlaces};
use super::history::History;
use super::keys::Keys;
use super::measures::Measures;
use super::nfa::Nfa;
use super::partial::{Layout, Partials};
use super::rows::Rows;
use super::running::RunningAggregate;
use super::schedule::Schedule;
use super::standard::Standard;
use super::{MatchRecognizeOperator, Matcher};
use crate::columns::types_at;
use crate::context::ExpressionFactory;
use crate::error::Result;

impl MatchRecognizeOperator {
    /// # Errors
    /// When an expression can't be read, or a key's type can't be a key.
    pub fn new(
        spec: &MatchSpec,
        input: &SchemaRef,
        output: SchemaRef,
        expressions: &dyn ExpressionFactory,
        functions: &Arc<FunctionRegistry>,
    ) -> Result<MatchRecognizeOperator> {
        let mut layout = Layout::new(spec.variables.len());
        let (running, places) = running(spec);
        let conditions = spec.conditions.iter().enumerate();
        let conditions = conditions
            .map(|(v, c)| Condition::new(c.as_ref(), v, &mut layout, &places, expressions))
            .collect::<Result<Vec<_>>>()?;
        let history = History::new(spec, &layout, &places);
        let skip = SkipTo::new(spec.after, &spec.variables, &mut layout);
        let rows = rows(spec, input, expressions)?;
        let (columns, empty, unmatched) = match &spec.rows {
            MatchRows::One => (None, true, false),
            MatchRows::All {
                columns,
                empty,
                unmatched,
            } => (Some(columns), *empty || *unmatched, *unmatched),
        };
        let shown = columns.map(|columns| columns.iter().map(|c| rows.kept_column(*c)).collect());
        let measures = Measures::new(spec, &mut layout, &places, shown, output, expressions)?;
        let keeps_rows = Measures::need_rows(spec, &places) || reads_all_rows(spec, &places);
        let keys = types_at(input, &spec.partition_by);
        let order_by = spec.order_by.iter();
        let order_by = order_by
            .map(|(column, ascending, nulls_first)| {
                (rows.kept_column(*column), *ascending, *nulls_first)
            })
            .collect();
        let matcher = if spec.standard {
            let standard = Standard::new(spec, conditions, history, skip, unmatched)?;
            Matcher::Standard(Box::new(standard))
        } else {
            let nfa = Nfa::new(&spec.pattern)?;
            let automaton = Automaton::new(nfa, conditions, skip, spec.within_ms);
            Matcher::Flink(Box::new(automaton))
        };
        let aggregates = spec.aggregates.iter();
        let aggregates = aggregates.map(|a| RowsAggregate::new(a, functions));
        let mut measured = spec.measures.iter().flat_map(|m| &m.columns);
        Ok(MatchRecognizeOperator {
            partition_by: spec.partition_by.clone(),
            time: spec.time,
            within_ms: spec.within_ms,
            partials: Partials::new(layout, aggregates.collect(), running, keeps_rows),
            rows,
            keys: Keys::new(keys)?,
            matcher,
            measures,
            numbered: measured.any(|(column, _)| *column == MatchColumn::MatchNumber),
            empty,
            schedule: Schedule::new(order_by),
            progress: i64::MIN,
            matched_rows: 0,
            work: Default::default(),
            sorted_key: None,
            found: Vec::new(),
            found_rows: 0,
            lines: None,
            key: KeyMatches::default(),
            given_out: Vec::new(),
            verdicts: Vec::new(),
            clock: None,
            metrics: Arc::default(),
        })
    }
}

/// The aggregates that run along, and where each aggregate is among them.
fn running(spec: &MatchSpec) -> (Vec<RunningAggregate>, RunningPlaces) {
    let mut running: Vec<RunningAggregate> = Vec::new();
    let mut places: RunningPlaces = Vec::new();
    for aggregate in &spec.aggregates {
        let made = RunningAggregate::new(aggregate, spec.variables.len());
        places.push(made.is_some().then_some(running.len()));
        running.extend(made);
    }
    (running, places)
}

/// The rows' table: the cells, what orders rows of one time, and what is shown of them.
fn rows(spec: &MatchSpec, input: &SchemaRef, expressions: &dyn ExpressionFactory) -> Result<Rows> {
    let cells = spec.cells.iter();
    let cells = cells
        .map(|cell| expressions.physical(cell, input))
        .collect::<Result<Vec<_>>>()?;
    let mut kept: Vec<usize> = spec.order_by.iter().map(|(column, ..)| *column).collect();
    if let MatchRows::All { columns, .. } = &spec.rows {
        for column in columns {
            if !kept.contains(column) {
                kept.push(*column);
            }
        }
    }
    Rows::new(input, cells, kept)
}

/// Whether a condition reads an aggregate that needs the match's rows.
fn reads_all_rows(spec: &MatchSpec, places: &RunningPlaces) -> bool {
    let conditions = spec.conditions.iter().flatten();
    let mut columns = conditions.flat_map(|c| &c.columns);
    columns.any(|(column, _)| match column {
        MatchColumn::Aggregate { place, .. } => places[*place].is_none(),
        _ => false,
    })
}
