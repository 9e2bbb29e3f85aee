//! WATERMARK FOR: an assigner behind the source, or watermarks that the source makes itself.

use datafusion::common::Column;
use datafusion::logical_expr::Expr;
use filbert_connector_api::options::{TableOptions, WatermarkParams};
use filbert_types::TimeKind;
use filbert_types::options::{AUTO_WATERMARK_INTERVAL, SOURCE_IDLE_TIMEOUT};

use super::Converter;
use super::calc::inlined;
use crate::error::PlanError;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::source::{Source, SourceWatermark};
use crate::streaming::watermark_assigner::WatermarkAssigner;

impl Converter<'_> {
    pub(super) fn watermark(
        &mut self,
        input: NodeId,
        rowtime: &Column,
        watermark: &Expr,
    ) -> Result<NodeId, PlanError> {
        let rowtime = self.place(input, rowtime)?;
        let mut interval_ms = self.millis(&AUTO_WATERMARK_INTERVAL)?.unwrap_or(0);
        let mut idle_timeout_ms = self.millis(&SOURCE_IDLE_TIMEOUT)?;
        let (params, by_split) = match self.source_below(input) {
            Some((_, source)) => (
                watermark_params(source)?,
                source.table.source.supports_watermark_push_down(),
            ),
            None => (None, false),
        };
        if let Some(timeout) = params.as_ref().and_then(|p| p.idle_timeout) {
            idle_timeout_ms = Some(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        }
        let idle_timeout_ms = idle_timeout_ms.filter(|ms| *ms > 0);
        if params.as_ref().is_some_and(|p| p.on_event) {
            interval_ms = 0;
        }
        // Without splits to be told apart an assigner does as well.
        let params = params.filter(|p| p.alignment.is_some() || by_split);
        if let Some(params) = params
            && let Some(expr) = self.over_source(input, watermark)?
        {
            let Some((source, _)) = self.source_below(input) else {
                return Err(PlanError::Internal("a source that is none".to_owned()));
            };
            let made = SourceWatermark {
                expr,
                columns: self.plan.nodes[source].columns.clone(),
                interval_ms,
                idle_timeout_ms,
                params,
            };
            if let StreamOp::Source(source) = &mut self.plan.nodes[source].op {
                source.watermark = Some(made);
            }
            let column = &mut self.plan.nodes[input].columns[rowtime];
            column.ty = column.ty.with_time_kind(TimeKind::Rowtime);
            return Ok(input);
        }
        let op = StreamOp::WatermarkAssigner(WatermarkAssigner {
            rowtime,
            watermark: watermark.clone(),
            interval_ms,
            idle_timeout_ms,
        });
        let mut columns = self.plan.nodes[input].columns.clone();
        columns[rowtime].ty = columns[rowtime].ty.with_time_kind(TimeKind::Rowtime);
        Ok(self.plan.add(op, vec![input], columns))
    }

    /// The source whose rows come here with nothing but a Calc between.
    fn source_below(&self, input: NodeId) -> Option<(NodeId, &Source)> {
        let node = &self.plan.nodes[input];
        match &node.op {
            StreamOp::Source(source) => Some((input, source)),
            StreamOp::Calc(calc) if calc.condition.is_none() => {
                let below = *node.inputs.first()?;
                match &self.plan.nodes[below].op {
                    StreamOp::Source(source) => Some((below, source)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// An expression over a node's columns as one over those of the source below it.
    fn over_source(&self, input: NodeId, expr: &Expr) -> Result<Option<Expr>, PlanError> {
        let node = &self.plan.nodes[input];
        match &node.op {
            StreamOp::Source(_) => Ok(Some(expr.clone())),
            StreamOp::Calc(calc) => inlined(expr, calc, &node.columns).map(Some),
            _ => Ok(None),
        }
    }
}

/// How a source makes watermarks itself; none where an assigner behind it makes them.
fn watermark_params(source: &Source) -> Result<Option<WatermarkParams>, PlanError> {
    let bound = &source.table.bound;
    let options = bound.table.options.iter().chain(&bound.hint_options);
    let options = options.map(|(k, v)| (k.clone(), v.clone()));
    let params = TableOptions::new(options.collect()).watermark_params();
    let params = params.map_err(|error| PlanError::Table {
        path: bound.path.clone(),
        error,
    })?;
    let by_split = source.table.source.supports_watermark_push_down();
    Ok(params.or_else(|| by_split.then(WatermarkParams::default)))
}
