//! WindowRank: the first rows of each partition of a window (window Top-N), or the first or last by time (window
//! deduplication). Each window goes out once, when it has all its rows.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::{SortKey, WindowRankSpec, WindowSpec};
use filbert_types::TimeKind;

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::changelog::ModifyKinds;
use crate::streaming::node::{Accepts, Distribution, KeySet, NodeView, StreamOperator, names};
use crate::streaming::window_tvf::window_text;

#[derive(Debug, Clone)]
pub(crate) struct WindowRank {
    pub window: WindowSpec,
    pub time_zone: Option<String>,
    pub proctime: bool,
    pub window_start: usize,
    pub window_end: usize,
    /// The other columns that are partitioned by.
    pub partition_by: Vec<usize>,
    pub order_by: Vec<SortKey>,
    /// Both inclusive.
    pub ranks: (i64, i64),
    pub output_rank: bool,
}

impl WindowRank {
    /// One row a partition, by time.
    fn is_deduplicate(&self, view: NodeView<'_>) -> bool {
        let input = &view.input(0).columns;
        let by_time = |key: &SortKey| input[key.column].ty.kind.time_kind() != TimeKind::Regular;
        self.ranks == (1, 1)
            && !self.output_rank
            && matches!(self.order_by.as_slice(), [key] if by_time(key))
    }

    fn keeps_last(&self, view: NodeView<'_>) -> bool {
        self.is_deduplicate(view) && self.order_by.iter().any(|key| !key.ascending)
    }
}

impl StreamOperator for WindowRank {
    fn name(&self) -> &'static str {
        "WindowRank"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let input = &view.input(0).columns;
        let bounds = format!(
            "win_start=[{}], win_end=[{}]",
            input[self.window_start].name, input[self.window_end].name
        );
        let window = window_text(&self.window, &bounds, input);
        let partition: Vec<&str> = self
            .partition_by
            .iter()
            .map(|c| input[*c].name.as_str())
            .collect();
        let order: Vec<String> = self
            .order_by
            .iter()
            .map(|key| {
                let direction = if key.ascending { "ASC" } else { "DESC" };
                format!("{} {direction}", input[key.column].name)
            })
            .collect();
        format!(
            "window=[{window}], rankType=[ROW_NUMBER], rankRange=[rankStart={}, rankEnd={}], partitionBy=[{}], orderBy=[{}], select=[{}]",
            self.ranks.0,
            self.ranks.1,
            partition.join(", "),
            order.join(", "),
            names(&view.node.columns).join(", ")
        )
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let mut partition_by = vec![self.window_start];
        partition_by.extend(&self.partition_by);
        Ok(Some(OperatorSpec::WindowRank(WindowRankSpec {
            time_zone: self.time_zone.clone(),
            proctime: self.proctime,
            window_end: self.window_end,
            partition_by,
            order_by: self.order_by.clone(),
            last_first: self.keeps_last(view),
            start: self.ranks.0,
            end: self.ranks.1,
            output_rank: self.output_rank,
        })))
    }

    fn distribution(&self, _input: usize) -> Distribution {
        if self.partition_by.is_empty() {
            Distribution::Single
        } else {
            Distribution::Hash(self.partition_by.clone())
        }
    }

    fn fixed_parallelism(&self) -> Option<usize> {
        self.partition_by.is_empty().then_some(1)
    }

    fn accepts(&self, _input: usize) -> Accepts {
        Accepts::Only(ModifyKinds::INSERT, "WindowRank".to_owned())
    }

    fn modifies(&self, _inputs: &[ModifyKinds]) -> ModifyKinds {
        ModifyKinds::INSERT
    }

    /// The input's keys; the partition with its window, and with the rank where several are wanted.
    fn upsert_keys(&self, view: NodeView<'_>) -> Vec<KeySet> {
        let mut keys = view.input(0).upsert_keys.clone();
        let partition = [self.window_start, self.window_end];
        let mut partition: KeySet = self.partition_by.iter().copied().chain(partition).collect();
        let rank = view.node.columns.len() - 1;
        if self.output_rank {
            partition.insert(rank);
        }
        if self.output_rank || self.ranks.0 == self.ranks.1 {
            keys.push(partition);
        }
        keys
    }
}
