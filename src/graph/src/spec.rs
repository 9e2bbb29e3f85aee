//! What an operator must do, as serializable data. `filbert-operators` builds the operator from it.

mod changelog;
mod interval_join;
mod lookup_join;
mod match_recognize;
mod process_table;
mod rank;
mod temporal_join;
mod window;

use std::collections::BTreeMap;

use filbert_types::{CatalogTable, Field, ObjectPath};
use serde::{Deserialize, Serialize};

use crate::expr::ExprSpec;

pub use changelog::{
    ChangelogFunctionSpec, ChangelogNormalizeSpec, ConflictSpec, SinkMaterializerSpec,
};
pub use interval_join::IntervalJoinSpec;
pub use lookup_join::{
    AsyncLookupSpec, AsyncOrder, LookupCalcSpec, LookupJoinSpec, LookupKeySpec, LookupKeyValue,
    LookupMaterializeSpec, LookupRetrySpec,
};
pub use match_recognize::{
    AfterMatch, MatchAggregateSpec, MatchColumn, MatchExprSpec, MatchRows, MatchSpec, MatchTime,
    RowPattern,
};
pub use process_table::{ProcessTableInput, ProcessTableSpec};
pub use rank::{
    DeduplicateSpec, FirstNSpec, OverBound, OverFrame, OverFunction, OverSpec, OverTime,
    RankFunction, RankRange, RankSpec, RankStrategy, SortKey, TemporalSortSpec,
};
pub use temporal_join::TemporalJoinSpec;
pub use window::{
    LocalWindowAggregateSpec, MonthWindow, WindowAggregateSpec, WindowColumn, WindowEmitSpec,
    WindowJoinSpec, WindowRankSpec, WindowSpec, WindowTableFunctionSpec,
};

/// One operator's work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one stands in each node of a graph, never many in a row"
)]
pub enum OperatorSpec {
    Source(SourceSpec),
    Values(ValuesSpec),
    Calc(CalcSpec),
    WatermarkAssigner(WatermarkAssignerSpec),
    MiniBatchAssigner(MiniBatchAssignerSpec),
    GroupAggregate(GroupAggregateSpec),
    LocalGroupAggregate(LocalGroupAggregateSpec),
    IncrementalGroupAggregate(IncrementalGroupAggregateSpec),
    WindowTableFunction(WindowTableFunctionSpec),
    WindowAggregate(WindowAggregateSpec),
    LocalWindowAggregate(LocalWindowAggregateSpec),
    WindowJoin(WindowJoinSpec),
    TemporalJoin(TemporalJoinSpec),
    LookupJoin(Box<LookupJoinSpec>),
    WindowRank(WindowRankSpec),
    Expand(ExpandSpec),
    Join(JoinSpec),
    IntervalJoin(IntervalJoinSpec),
    Unnest(UnnestSpec),
    Rank(RankSpec),
    FirstN(FirstNSpec),
    Deduplicate(DeduplicateSpec),
    TemporalSort(TemporalSortSpec),
    Match(Box<MatchSpec>),
    Over(OverSpec),
    /// Drops -U rows, for a consumer that needs only what a row has become.
    DropUpdateBefore,
    ChangelogNormalize(ChangelogNormalizeSpec),
    ChangelogFunction(ChangelogFunctionSpec),
    ProcessTable(Box<ProcessTableSpec>),
    SinkMaterializer(SinkMaterializerSpec),
    Sink(SinkSpec),
    Collect(CollectSpec),
    /// A piece of a batch plan, cut at its exchanges.
    BatchPiece(BatchPieceSpec),
}

impl OperatorSpec {
    /// The operator's name, where the statement gives one.
    pub fn uid(&self) -> Option<&str> {
        match self {
            OperatorSpec::ProcessTable(spec) => spec.uid.as_deref(),
            OperatorSpec::ChangelogFunction(spec) => spec.uid(),
            _ => None,
        }
    }
}

/// A partition of a table: its keys and their values.
pub type PartitionSpec = Vec<(String, Option<String>)>;

/// Reads a table through its connector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceSpec {
    pub path: ObjectPath,
    pub table: CatalogTable,
    /// Options of an OPTIONS hint.
    pub hint_options: BTreeMap<String, String>,
    /// Metadata columns wanted, by key.
    pub metadata: Vec<Field>,
    /// Indices into the physical columns followed by `metadata`; none for all.
    pub projection: Option<Vec<usize>>,
    /// The fields that are read of some ROW columns, by the column's index; the others may be NULL.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nested: BTreeMap<usize, Vec<String>>,
    /// Conjuncts that the source takes, as logical expressions in bytes.
    pub filters: Vec<ExprSpec>,
    pub limit: Option<u64>,
    pub partitions: Option<Vec<PartitionSpec>>,
    pub batch: bool,
    /// Whether the source ends by itself.
    #[serde(default)]
    pub bounded: bool,
    /// Watermarks that the source makes, split by split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<SourceWatermarkSpec>,
}

/// Watermarks made in a source, by an expression over the columns that it gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceWatermarkSpec {
    pub watermark: ExprSpec,
    /// After every row that raises it; else by the clock.
    pub on_event: bool,
    pub interval_ms: u64,
    pub idle_timeout_ms: Option<u64>,
    pub alignment: Option<AlignmentSpec>,
}

/// Sources of a group wait while they are ahead of the slowest by more than this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlignmentSpec {
    pub group: String,
    pub max_drift_ms: u64,
    pub update_interval_ms: u64,
}

/// Emits literal rows, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValuesSpec {
    /// The rows as an Arrow IPC stream.
    pub rows_ipc: Vec<u8>,
}

/// Filters and projects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalcSpec {
    pub condition: Option<ExprSpec>,
    pub projection: Vec<ExprSpec>,
    /// The expressions find the watermark before each row behind the input's columns: as TIMESTAMP(3), and as
    /// TIMESTAMP_LTZ(3).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub watermarks: bool,
}

/// Emits watermarks by an expression over the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatermarkAssignerSpec {
    pub rowtime: usize,
    pub watermark: ExprSpec,
    /// Emits at most every so many milliseconds of event time; 0 after each row that raises it.
    pub interval_ms: u64,
    pub idle_timeout_ms: Option<u64>,
}

/// A call of an aggregate function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AggregateCallSpec {
    /// Flink's name: `SUM`.
    pub function: String,
    /// Columns of the operator's input.
    pub args: Vec<usize>,
    pub arg_types: Vec<filbert_types::LogicalType>,
    pub distinct: bool,
    /// A boolean column of the input.
    pub filter: Option<usize>,
    /// Columns to sort by, with `ascending` and `nulls first`.
    pub order_by: Vec<(usize, bool, bool)>,
    /// NULLs don't count (`ARRAY_AGG(x IGNORE NULLS)`).
    #[serde(default)]
    pub ignore_nulls: bool,
    /// What the input takes back needn't reach the call: its value only ever rises (or falls).
    #[serde(default)]
    pub ignores_retractions: bool,
    pub output: Field,
}

/// GROUP BY over a changelog, per record or, with mini-batch, net per bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupAggregateSpec {
    pub keys: Vec<usize>,
    pub calls: Vec<AggregateCallSpec>,
    /// The consumer needs -U.
    pub emit_update_before: bool,
    /// The input sends -U or -D.
    pub input_retracts: bool,
    pub state_ttl_ms: Option<u64>,
    /// Gathers at most so many rows, and sends the net change of each key.
    #[serde(default)]
    pub mini_batch_rows: Option<u64>,
    /// The input is what local aggregations send: keys, state, and the number of rows.
    #[serde(default)]
    pub merges: bool,
}

/// The first of two phases: gathers rows by key and sends their state as columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalGroupAggregateSpec {
    pub keys: Vec<usize>,
    pub calls: Vec<AggregateCallSpec>,
    /// The input sends -U or -D.
    pub input_retracts: bool,
    pub mini_batch_rows: u64,
}

/// Between the two phases of an aggregation that is split by buckets of DISTINCT values: merges by key and bucket, and
/// sends by key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncrementalGroupAggregateSpec {
    /// Of the input's first columns, those that are the keys; the others are buckets.
    pub keys: Vec<usize>,
    /// How many columns keys and buckets are.
    pub key_columns: usize,
    pub calls: Vec<AggregateCallSpec>,
    /// The rows behind the input's state may have been taken back.
    pub input_retracts: bool,
    pub state_ttl_ms: Option<u64>,
    pub mini_batch_rows: u64,
}

/// Ends the bundles of operators that gather rows: by watermarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MiniBatchAssignerSpec {
    pub interval_ms: u64,
    /// Lets watermarks through at most every interval, instead of making them by the clock.
    pub rowtime: bool,
}

/// Emits each row once for every element of its lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnnestSpec {
    /// Columns of the input that hold lists; the output has an element in the place of each.
    pub lists: Vec<usize>,
    /// A row without elements comes once, with NULLs.
    pub outer: bool,
    /// The list is the one that this gives for the input's row (a table function's call): it stands behind its columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<ExprSpec>,
    /// Where `outer`: an element counts where this, over the output's columns, is true. A row none of whose elements counts
    /// comes once, with NULLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<ExprSpec>,
}

/// Joins two changelogs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JoinSpec {
    pub kind: JoinKind,
    pub left: JoinSideSpec,
    pub right: JoinSideSpec,
    /// For each pair of keys whether NULL meets NULL (`IS NOT DISTINCT FROM`).
    pub null_meets_null: Vec<bool>,
    /// NOT IN: a NULL in the one key meets every row.
    pub null_aware: bool,
    /// What else must hold, over the left's columns followed by the right's.
    pub condition: Option<ExprSpec>,
    /// With so many rows of both inputs a bundle ends, whose net changes are joined.
    pub mini_batch_rows: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    /// Left rows that have a match.
    Semi,
    /// Left rows that have none.
    Anti,
    /// Left rows, and whether they have a match.
    Mark,
}

/// One input of a join.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JoinSideSpec {
    pub keys: Vec<usize>,
    pub unique_key: JoinUniqueKey,
    /// The input sends -U, +U or -D.
    pub changes: bool,
    /// It sends new versions of rows without the -U of the old ones, or deletes by key alone.
    pub upserts: bool,
    pub state_ttl_ms: Option<u64>,
}

/// What is known of a join input's keys; it decides how its rows are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinUniqueKey {
    /// Rows may repeat.
    None,
    /// There is one row for a join key at most.
    JoinKey,
    /// These columns tell a row from all others.
    Columns(Vec<usize>),
}

/// Emits each row once for every grouping set: the input's columns, NULL where the set lacks them, then the set's
/// number as BIGINT NOT NULL (Flink's `$e`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpandSpec {
    pub sets: Vec<ExpandSet>,
}

/// One copy of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpandSet {
    /// The input's column for each output column but the last; none for NULL.
    pub columns: Vec<Option<usize>>,
    /// The bits of the grouping columns that are NULL in this set, the last column's lowest.
    pub id: i64,
}

/// Writes rows through a table's connector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SinkSpec {
    pub path: ObjectPath,
    pub table: CatalogTable,
    pub hint_options: BTreeMap<String, String>,
    pub overwrite: bool,
    pub static_partition: Vec<(String, String)>,
    /// Columns that must not be NULL (`table.exec.sink.not-null-enforcer`).
    pub not_null: Vec<usize>,
    pub batch: bool,
}

/// Hands rows to the client that asked for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectSpec {
    /// Tells the result's channel among those of the process.
    pub result_id: String,
}

/// A piece of a batch plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchPieceSpec {
    /// The plan that the piece belongs to, among the job's artifacts.
    pub plan_id: String,
    /// The piece's number in that plan, by the order in which the plan is cut.
    pub piece: usize,
}
