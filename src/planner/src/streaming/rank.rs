//! Rank: the first rows of each partition in an order. What it keeps depends on what its input sends: of inserts, or of
//! updates by key that only move rows towards the front, the first N rows; else all, and then it needs -U.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::{
    DeduplicateSpec, FirstNSpec, RankFunction, RankRange, RankSpec, RankStrategy, SortKey,
};
use filbert_types::TimeKind;

use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::monotonicity::{self, Monotonicity};
use crate::streaming::node::{
    Accepts, Distribution, KeySet, NodeView, PlanNode, StreamOperator, names,
};

#[derive(Debug, Clone)]
pub(crate) struct Rank {
    pub function: RankFunction,
    pub range: RankRange,
    pub partition_by: Vec<usize>,
    pub order_by: Vec<SortKey>,
    /// The rank follows the input's columns.
    pub output_rank: bool,
    pub form: RankForm,
    pub state_ttl_ms: Option<u64>,
}

/// As what SQL wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RankForm {
    /// A condition on ROW_NUMBER, RANK or DENSE_RANK.
    TopN,
    /// ORDER BY with LIMIT.
    SortLimit,
    /// LIMIT alone.
    Limit,
}

impl Rank {
    fn is_top_1(&self) -> bool {
        self.range == RankRange::Constant { start: 1, end: 1 }
            && self.function == RankFunction::RowNumber
    }

    /// The kind of time by whose single column rows are ordered.
    pub fn time(&self, input: &PlanNode) -> Option<TimeKind> {
        match self.order_by.as_slice() {
            [key] => Some(input.columns[key.column].ty.kind.time_kind())
                .filter(|k| *k != TimeKind::Regular),
            _ => None,
        }
    }

    /// Ordered by time, one row a partition, over inserts.
    fn is_deduplicate(&self, input: &PlanNode) -> bool {
        self.form == RankForm::TopN
            && self.is_top_1()
            && !self.output_rank
            && input.traits.modify.is_insert_only()
            && self.time(input).is_some()
    }

    fn keeps_first(&self) -> bool {
        self.order_by.first().is_some_and(|key| key.ascending)
    }

    /// Rows go out as they come, the first ones only: places never change hands.
    fn is_first_n(&self, input: &PlanNode) -> bool {
        let in_order_of_arrival = self
            .order_by
            .iter()
            .all(|key| input.columns[key.column].ty.kind.time_kind() == TimeKind::Proctime);
        let keeps_last = self.is_deduplicate(input) && !self.keeps_first();
        self.function == RankFunction::RowNumber
            && matches!(self.range, RankRange::Constant { .. })
            && input.traits.modify.is_insert_only()
            && in_order_of_arrival
            && !keeps_last
    }

    /// The keys by which the input may send updates without -U: its sort columns only move rows towards the front.
    fn update_key(&self, view: NodeView<'_>) -> Option<Vec<usize>> {
        if self.function != RankFunction::RowNumber || self.form == RankForm::Limit {
            return None;
        }
        let input = view.input(0);
        let partition: KeySet = self.partition_by.iter().copied().collect();
        let key = input
            .upsert_keys
            .iter()
            .find(|key| key.is_superset(&partition))?;
        let moves = monotonicity::of(view.plan, view.node.inputs[0])?;
        let rises = |sort: &SortKey| match moves[sort.column] {
            Monotonicity::Constant => true,
            Monotonicity::Increasing => !sort.ascending,
            Monotonicity::Decreasing => sort.ascending,
            Monotonicity::None => false,
        };
        (!self.order_by.is_empty() && self.order_by.iter().all(rises))
            .then(|| key.iter().copied().collect())
    }

    pub fn strategy(&self, view: NodeView<'_>) -> RankStrategy {
        let input = view.input(0);
        if input.traits.modify.is_insert_only() {
            return RankStrategy::Append;
        }
        match self.update_key(view) {
            Some(key) if input.traits.update == UpdateKind::OnlyAfter => {
                RankStrategy::Update { key }
            }
            _ => RankStrategy::Retract,
        }
    }

    fn strategy_text(&self, view: NodeView<'_>) -> String {
        match self.strategy(view) {
            RankStrategy::Append => "AppendFastStrategy".to_owned(),
            RankStrategy::Retract => "RetractStrategy".to_owned(),
            RankStrategy::Update { key } => {
                let key: Vec<String> = key.iter().map(ToString::to_string).collect();
                format!("UpdateFastStrategy[{}]", key.join(","))
            }
        }
    }

    fn range_text(&self, input: &[PlanColumn]) -> String {
        match self.range {
            RankRange::Constant { start, end } if end == i64::MAX => format!("rankStart={start}"),
            RankRange::Constant { start, end } => format!("rankStart={start}, rankEnd={end}"),
            RankRange::Column(column) => format!("rankEnd={}", input[column].name),
        }
    }

    fn limit_text(&self) -> String {
        match self.range {
            RankRange::Constant { start, end } => {
                format!(
                    "offset=[{}], fetch=[{}]",
                    start - 1,
                    end.saturating_sub(start - 1)
                )
            }
            RankRange::Column(_) => String::new(),
        }
    }
}

/// `v DESC, ROWTIME rt ASC`
pub(crate) fn order_text(order_by: &[SortKey], input: &[PlanColumn]) -> String {
    let keys: Vec<String> = order_by
        .iter()
        .map(|key| {
            let direction = if key.ascending { "ASC" } else { "DESC" };
            // What Flink says of NULLs where it isn't the default for the direction.
            let nulls = match (key.ascending, key.nulls_first) {
                (true, false) => " NULLS LAST",
                (false, true) => " NULLS FIRST",
                _ => "",
            };
            format!("{} {direction}{nulls}", input[key.column].name)
        })
        .collect();
    keys.join(", ")
}

/// The columns of processing time.
pub(crate) fn processing_times(columns: &[PlanColumn]) -> Vec<usize> {
    (0..columns.len())
        .filter(|i| columns[*i].ty.kind.time_kind() == TimeKind::Proctime)
        .collect()
}

impl StreamOperator for Rank {
    fn name(&self) -> &'static str {
        match self.form {
            RankForm::TopN => "Rank",
            RankForm::SortLimit => "SortLimit",
            RankForm::Limit => "Limit",
        }
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let input = &view.input(0).columns;
        let order = order_text(&self.order_by, input);
        let strategy = self.strategy_text(view);
        match self.form {
            RankForm::Limit => self.limit_text(),
            RankForm::SortLimit => {
                format!(
                    "orderBy=[{order}], {}, strategy=[{strategy}]",
                    self.limit_text()
                )
            }
            RankForm::TopN => {
                let function = match self.function {
                    RankFunction::RowNumber => "ROW_NUMBER",
                    RankFunction::Rank => "RANK",
                    RankFunction::DenseRank => "DENSE_RANK",
                };
                let partition: Vec<&str> = self
                    .partition_by
                    .iter()
                    .map(|c| input[*c].name.as_str())
                    .collect();
                let time = match self.time(view.input(0)) {
                    Some(TimeKind::Rowtime) => "ROWTIME ",
                    _ => "",
                };
                format!(
                    "strategy=[{strategy}], rankType=[{function}], rankRange=[{}], partitionBy=[{}], orderBy=[{time}{order}], select=[{}]",
                    self.range_text(input),
                    partition.join(", "),
                    names(&view.node.columns).join(", ")
                )
            }
        }
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let input = view.input(0);
        let emit_update_before = view.node.traits.update == UpdateKind::BeforeAndAfter;
        if self.is_first_n(input)
            && let RankRange::Constant { start, end } = self.range
        {
            return Ok(Some(OperatorSpec::FirstN(FirstNSpec {
                partition_by: self.partition_by.clone(),
                start,
                end,
                output_rank: self.output_rank,
                state_ttl_ms: self.state_ttl_ms,
            })));
        }
        let processing_times = processing_times(&input.columns);
        if self.is_deduplicate(input) {
            let by_rowtime = self.time(input) == Some(TimeKind::Rowtime);
            return Ok(Some(OperatorSpec::Deduplicate(DeduplicateSpec {
                key: self.partition_by.clone(),
                rowtime: self
                    .order_by
                    .first()
                    .map(|k| k.column)
                    .filter(|_| by_rowtime),
                keep_last: !self.keeps_first(),
                emit_update_before,
                processing_times,
                state_ttl_ms: self.state_ttl_ms,
            })));
        }
        Ok(Some(OperatorSpec::Rank(RankSpec {
            partition_by: self.partition_by.clone(),
            // The time at which a row is processed says nothing that its place among the others doesn't.
            order_by: self
                .order_by
                .iter()
                .copied()
                .filter(|key| !processing_times.contains(&key.column))
                .collect(),
            function: self.function,
            range: self.range,
            strategy: self.strategy(view),
            output_rank: self.output_rank,
            emit_update_before,
            processing_times,
            state_ttl_ms: self.state_ttl_ms,
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
        Accepts::Only(ModifyKinds::ALL, self.name().to_owned())
    }

    fn modifies(&self, inputs: &[ModifyKinds]) -> ModifyKinds {
        if self.form == RankForm::Limit && inputs.iter().all(|i| i.is_insert_only()) {
            return ModifyKinds::INSERT;
        }
        ModifyKinds::ALL
    }

    fn modifies_of(&self, inputs: &[ModifyKinds], view: NodeView<'_>) -> ModifyKinds {
        let by_time = self.time(view.input(0)).is_some();
        let first_row = self.form == RankForm::TopN
            && self.is_top_1()
            && !self.output_rank
            && self.keeps_first()
            && by_time
            && inputs.iter().all(|i| i.is_insert_only());
        if first_row {
            return ModifyKinds::INSERT;
        }
        self.modifies(inputs)
    }

    fn update_inputs(&self, _required: UpdateKind, view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        let retract = vec![UpdateKind::BeforeAndAfter];
        if self.update_key(view).is_some() {
            return vec![vec![UpdateKind::OnlyAfter], retract];
        }
        vec![retract]
    }

    fn delete_inputs(&self, _required: DeleteKind, _view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        vec![vec![DeleteKind::Full]]
    }

    fn upsert_keys(&self, view: NodeView<'_>) -> Vec<KeySet> {
        let partition: KeySet = self.partition_by.iter().copied().collect();
        let input = view.input(0);
        // ORDER BY .. LIMIT puts rows together by what they are sorted by, as Flink sees it.
        let mut held = partition.clone();
        if self.form == RankForm::SortLimit {
            held.extend(self.order_by.iter().map(|key| key.column));
        }
        let of_input = || {
            let keys = input.upsert_keys.iter();
            keys.filter(|key| key.is_superset(&held)).cloned().collect()
        };
        if self.function != RankFunction::RowNumber {
            return of_input();
        }
        match self.range {
            RankRange::Constant { start: 1, end: 1 } => vec![partition],
            _ if self.output_rank => {
                let mut key = partition;
                key.insert(view.node.columns.len() - 1);
                vec![key]
            }
            // With an offset rows are updated by their places, which nobody sees.
            RankRange::Constant { start, .. } if start > 1 => Vec::new(),
            _ => of_input(),
        }
    }
}
