use datafusion::common::Column;
use datafusion::logical_expr::Expr;
use filbert_binder::RelationalNode;
use filbert_binder::relational::{PatternColumn, RowMatch};
use filbert_graph::spec::MatchTime;
use filbert_types::TimeKind;

use super::Converter;
use super::calc::{is_proctime_call, without_alias};
use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::row_match::RowMatcher;
use crate::streaming::match_recognize::Match;
use crate::streaming::node::{NodeId, StreamOp};

impl Converter<'_> {
    pub(super) fn row_match(
        &mut self,
        input: NodeId,
        node: &RelationalNode,
        matching: &RowMatch,
    ) -> Result<NodeId, PlanError> {
        let output = node.schema.columns();
        let columns = &self.plan.nodes[input].columns;
        let matcher = RowMatcher::new(matching, self.types, columns)?;
        let first = matcher.order_by.first().map(|(column, ..)| *column);
        let time = match first.map(|c| (c, columns[c].ty.kind.time_kind())) {
            Some((column, TimeKind::Rowtime)) => MatchTime::Event(column),
            Some((_, TimeKind::Proctime)) => MatchTime::Processing,
            _ => {
                return Err(PlanError::Refused(
                    "You must specify either rowtime or proctime for order by as the first one."
                        .to_owned(),
                ));
            }
        };
        let fields = node.schema.fields().iter();
        let mut columns: Vec<PlanColumn> = output
            .into_iter()
            .zip(fields)
            .map(|(column, field)| self.new_column(column, field.data_type()))
            .collect();
        // Of the measures the match's own time alone is a time attribute.
        let before = columns.len().saturating_sub(matching.measures.len());
        for (column, (_, measure)) in columns[before..].iter_mut().zip(&matching.measures) {
            if !is_match_time(measure, matching) {
                column.ty = column.ty.without_time_attribute();
            }
        }
        let op = StreamOp::Match(Box::new(Match { matcher, time }));
        Ok(self.plan.add(op, vec![input], columns))
    }
}

/// MATCH_ROWTIME() or MATCH_PROCTIME().
fn is_match_time(measure: &Expr, matching: &RowMatch) -> bool {
    let is_rowtime = |column: &Column| {
        let read = matching.columns.iter().find(|(c, _)| c == column);
        matches!(read, Some((_, PatternColumn::Rowtime)))
    };
    match without_alias(measure) {
        Expr::Column(column) => is_rowtime(column),
        call => is_proctime_call(call),
    }
}
