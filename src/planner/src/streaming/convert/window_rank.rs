use filbert_graph::spec::{RankFunction, RankRange, WindowColumn};

use super::Converter;
use crate::columns::WindowBound;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::rank::Rank;
use crate::streaming::window_rank::WindowRank;

impl Converter<'_> {
    /// A rank whose partitions have both bounds of one window; any other stays as it is.
    pub(super) fn windowed_rank(&self, input: NodeId, rank: Rank) -> StreamOp {
        let bounds = self.both_bounds(input, &rank.partition_by);
        let (
            Some((window, [start, end])),
            RankFunction::RowNumber,
            RankRange::Constant {
                start: first,
                end: last,
            },
        ) = (bounds, rank.function, rank.range)
        else {
            return StreamOp::Rank(rank);
        };
        let info = &self.windows[window];
        let others = rank.partition_by.into_iter();
        StreamOp::WindowRank(WindowRank {
            window: info.spec.clone(),
            time_zone: info.time_zone.clone(),
            proctime: info.is_proctime(),
            window_start: start,
            window_end: end,
            partition_by: others.filter(|c| *c != start && *c != end).collect(),
            order_by: rank.order_by,
            ranks: (first, last),
            output_rank: rank.output_rank,
        })
    }

    /// The window both of whose bounds are among these columns, and their places.
    fn both_bounds(&self, node: NodeId, columns: &[usize]) -> Option<(usize, [usize; 2])> {
        let input = &self.plan.nodes[node].columns;
        let place = |which: WindowColumn, window: usize| {
            let wanted = Some(WindowBound { which, window });
            columns.iter().copied().find(|c| input[*c].window == wanted)
        };
        let mut windows = columns.iter().filter_map(|c| input[*c].window);
        windows.find_map(|b| {
            let start = place(WindowColumn::Start, b.window)?;
            Some((b.window, [start, place(WindowColumn::End, b.window)?]))
        })
    }
}
