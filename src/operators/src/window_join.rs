//! Joins the rows of equal windows: inner, left, right, full, semi, anti and mark.
//!
//! - State: both inputs' rows by the end of their window; all of it goes when the window has fired.
//! - Changelog: takes inserts, emits inserts.
//! - At a watermark every window that both inputs have all rows of is joined, the earliest first; then the watermark
//!   passes. A row whose window has fired is late: it is dropped and counted, and goes to the side output `late-data`.
//! - Cost: keys are hashed once a window; pairs are made in pieces of a batch, on which the rest of the condition runs.

mod pairs;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use filbert_graph::spec::WindowJoinSpec;
use filbert_types::{ChangeBatch, Watermark};

use crate::context::{ExpressionFactory, OperatorContext};
use crate::error::Result;
use crate::join::both_schemas;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::window_join::pairs::Pairs;
use crate::window_rows::{Next, WindowRows};

pub struct WindowJoinOperator {
    layout: Layout,
    rows: WindowRows,
    /// The window that is being joined.
    pairs: Option<Pairs>,
    metrics: Arc<OperatorMetrics>,
}

/// What all windows have in common.
struct Layout {
    spec: WindowJoinSpec,
    condition: Option<Arc<dyn PhysicalExpr>>,
    both: SchemaRef,
    inputs: [SchemaRef; 2],
    output: SchemaRef,
}

impl WindowJoinOperator {
    /// # Errors
    /// When the condition can't be read or the zone isn't known.
    pub fn new(
        spec: &WindowJoinSpec,
        inputs: [&SchemaRef; 2],
        output: SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<WindowJoinOperator> {
        let both = both_schemas(inputs);
        let condition = spec.condition.as_ref();
        let condition = condition.map(|expr| expressions.physical(expr, &both));
        Ok(WindowJoinOperator {
            rows: WindowRows::new(
                &inputs,
                spec.window_ends.to_vec(),
                spec.time_zone.as_deref(),
                spec.proctime,
            )?,
            layout: Layout {
                spec: spec.clone(),
                condition: condition.transpose()?,
                both,
                inputs: inputs.map(Arc::clone),
                output,
            },
            pairs: None,
            metrics: Arc::default(),
        })
    }

    /// Goes on until all is done or the output is full.
    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            if let Some(mut pairs) = self.pairs.take()
                && !pairs.emit(&self.layout, out)?
            {
                self.pairs = Some(pairs);
                return Ok(Step::More);
            }
            match self.rows.next(&self.metrics, out, |_, _| Ok(()))? {
                Next::Done => return Ok(Step::Done),
                Next::Fire(window) => {
                    let pairs = Pairs::new(&self.layout, &self.rows.sides, &window.slots)?;
                    for (table, slots) in self.rows.sides.iter_mut().zip(window.slots) {
                        slots.into_iter().for_each(|slot| table.remove(slot));
                    }
                    self.pairs = Some(pairs);
                }
            }
        }
    }
}

impl Operator for WindowJoinOperator {
    fn side_outputs(&self) -> &'static [&'static str] {
        &["late-data"]
    }

    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        Ok(())
    }

    fn process(&mut self, input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        self.rows.push_batch(input, batch)?;
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.rows.push_watermark(watermark);
        self.run(out)
    }

    fn next_timer(&self) -> Option<i64> {
        self.rows.next_timer()
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        self.rows.push_timer(now_ms);
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}
