use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use filbert_graph::spec::{JoinKind, WindowColumn};

use super::Converter;
use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::streaming::join::JoinKey;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::window_join::{WindowJoin, windowed_column};

impl Converter<'_> {
    /// A join on both bounds of windows that are cut alike; none where it is another join. `columns`: what the join
    /// gives, without what windows add to it.
    pub(super) fn window_join(
        &mut self,
        kind: JoinKind,
        [left, right]: [NodeId; 2],
        keys: &[JoinKey],
        rest: &[Expr],
        columns: &[PlanColumn],
    ) -> Result<Option<NodeId>, PlanError> {
        let bound = |side: NodeId, column: usize| self.plan.nodes[side].columns[column].window;
        let pair = |key: &JoinKey| {
            let [l, r] = key.columns;
            Some((bound(left, l)?, bound(right, r)?))
        };
        let joined = |which: WindowColumn, windows: Option<(usize, usize)>| {
            keys.iter().find_map(|key| {
                let (l, r) = pair(key)?;
                let is_wanted = l.which == which
                    && r.which == which
                    && windows.is_none_or(|w| w == (l.window, r.window));
                is_wanted.then_some((key.columns, (l.window, r.window)))
            })
        };
        let Some((window_starts, windows)) = joined(WindowColumn::Start, None) else {
            return Ok(None);
        };
        let Some((window_ends, _)) = joined(WindowColumn::End, Some(windows)) else {
            return Ok(None);
        };
        let (l, r) = (&self.windows[windows.0], &self.windows[windows.1]);
        let alike = l.time_zone == r.time_zone && l.is_proctime() == r.is_proctime();
        if l.spec.shape() != r.spec.shape() || !alike {
            return Ok(None);
        }
        let is_bound = |key: &&JoinKey| key.columns == window_starts || key.columns == window_ends;
        let op = WindowJoin {
            kind,
            window: l.spec.clone(),
            time_zone: l.time_zone.clone(),
            proctime: l.is_proctime(),
            window_starts,
            window_ends,
            keys: keys.iter().filter(|k| !is_bound(k)).copied().collect(),
            condition: conjunction(rest.to_vec()),
        };
        let inputs = self.plan.nodes[left].columns.iter();
        let inputs = inputs.chain(&self.plan.nodes[right].columns);
        let mut columns = columns.to_vec();
        for (output, input) in columns.iter_mut().zip(inputs) {
            windowed_column(output, input);
        }
        let op = StreamOp::WindowJoin(Box::new(op));
        Ok(Some(self.plan.add(op, vec![left, right], columns)))
    }
}
