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
use filbert_state::RowTable;

use crate::context::ExpressionFactory;
use crate::error::Result;
use crate::join::both_schemas;
use crate::output::Output;
use crate::window_join::pairs::Pairs;
use crate::window_rows::{Window, WindowRows, WindowWork, Windowed};

pub(crate) struct WindowJoin {
    layout: Layout,
    /// The window that is being joined.
    pairs: Option<Pairs>,
}

/// What all windows have in common.
struct Layout {
    spec: WindowJoinSpec,
    condition: Option<Arc<dyn PhysicalExpr>>,
    both: SchemaRef,
    inputs: [SchemaRef; 2],
    output: SchemaRef,
}

/// The operator.
///
/// # Errors
/// When the condition can't be read or the zone isn't known.
pub(crate) fn window_join(
    spec: &WindowJoinSpec,
    inputs: [&SchemaRef; 2],
    output: SchemaRef,
    expressions: &dyn ExpressionFactory,
) -> Result<Windowed<WindowJoin>> {
    let both = both_schemas(inputs);
    let condition = spec.condition.as_ref();
    let condition = condition.map(|expr| expressions.physical(expr, &both));
    let rows = WindowRows::new(
        &inputs,
        spec.window_ends.to_vec(),
        spec.time_zone.as_deref(),
        spec.proctime,
    )?;
    let join = WindowJoin {
        layout: Layout {
            spec: spec.clone(),
            condition: condition.transpose()?,
            both,
            inputs: inputs.map(Arc::clone),
            output,
        },
        pairs: None,
    };
    Ok(Windowed::new(join, rows))
}

impl WindowWork for WindowJoin {
    fn begin(&mut self, sides: &mut [RowTable], window: &Window) -> Result<()> {
        self.pairs = Some(Pairs::new(&self.layout, sides, &window.slots)?);
        for (table, slots) in sides.iter_mut().zip(&window.slots) {
            slots.iter().for_each(|slot| table.remove(*slot));
        }
        Ok(())
    }

    fn emit(&mut self, _sides: &mut [RowTable], out: &mut Output) -> Result<bool> {
        let Some(pairs) = &mut self.pairs else {
            return Ok(true);
        };
        let is_done = pairs.emit(&self.layout, out)?;
        if is_done {
            self.pairs = None;
        }
        Ok(is_done)
    }
}
