use filbert_types::{LogicalType, Span};

use super::{Ident, ObjectName, OptionEntry, Query, ScalarExpr, Text};

/// `CREATE [TEMPORARY] TABLE`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateTable {
    pub name: ObjectName,
    pub temporary: bool,
    pub if_not_exists: bool,
    pub mode: CreateMode,
    /// In the order written, whatever their kind.
    pub columns: Vec<ColumnDef>,
    /// `(a, b)` without types before `AS query`: the order of the query's columns.
    pub column_order: Vec<Ident>,
    pub watermarks: Vec<WatermarkDef>,
    pub constraints: Vec<KeyDef>,
    pub comment: Option<Text>,
    pub distribution: Option<Distribution>,
    pub partitioned_by: Vec<Ident>,
    /// In the order written.
    pub options: Vec<OptionEntry>,
    pub like: Option<LikeClause>,
    pub query: Option<Query>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateMode {
    Create,
    /// `REPLACE TABLE`: there must be one.
    Replace,
    CreateOrReplace,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDef {
    pub name: Ident,
    pub kind: ColumnDefKind,
    pub comment: Option<Text>,
    /// The whole definition.
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ColumnDefKind {
    Physical {
        ty: LogicalType,
        /// A key written with the column.
        key: Option<KeyDef>,
    },
    Computed(ScalarExpr),
    Metadata {
        ty: LogicalType,
        /// `FROM 'key'`; the column's name without it.
        key: Option<Text>,
        is_virtual: bool,
    },
}

/// `WATERMARK FOR column AS expression`.
#[derive(Debug, Clone, PartialEq)]
pub struct WatermarkDef {
    /// More than one part where it is a field of a ROW column.
    pub column: ObjectName,
    pub expr: ScalarExpr,
    pub span: Span,
}

/// A key, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDef {
    pub name: Option<Ident>,
    pub kind: KeyKind,
    pub columns: Vec<Ident>,
    pub enforcement: Enforcement,
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    Primary,
    /// Parsed, and not supported by Flink.
    Unique,
}

/// Flink takes `NOT ENFORCED` only, and says so to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enforcement {
    NotEnforced,
    Enforced,
    Unspecified,
}

/// `DISTRIBUTED BY HASH(a) INTO 4 BUCKETS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    pub kind: DistributionKind,
    pub columns: Vec<Ident>,
    pub buckets: Option<u32>,
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DistributionKind {
    Unknown,
    Hash,
    Range,
}

/// `LIKE source (INCLUDING ALL ..)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LikeClause {
    pub source: ObjectName,
    pub options: Vec<LikeOption>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LikeOption {
    pub strategy: MergeStrategy,
    pub feature: LikeFeature,
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeStrategy {
    Including,
    Excluding,
    Overwriting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LikeFeature {
    All,
    Constraints,
    Distribution,
    Generated,
    Metadata,
    Options,
    Partitions,
    Watermarks,
}

/// `ALTER TABLE [IF EXISTS] name action`.
#[derive(Debug, Clone, PartialEq)]
pub struct AlterTable {
    pub name: ObjectName,
    pub if_exists: bool,
    pub action: AlterTableAction,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterTableAction {
    Add(SchemaChange),
    Modify(SchemaChange),
    AddPartitions {
        if_not_exists: bool,
        partitions: Vec<PartitionWithOptions>,
    },
    DropColumns(Vec<ObjectName>),
    DropPrimaryKey,
    DropConstraint(Ident),
    DropWatermark,
    DropDistribution,
    DropPartitions {
        if_exists: bool,
        partitions: Vec<PartitionSpec>,
    },
    RenameTable(ObjectName),
    RenameColumn {
        from: ObjectName,
        to: Ident,
    },
    SetOptions(Vec<OptionEntry>),
    /// Keys to remove.
    ResetOptions(Vec<Text>),
}

/// What ADD and MODIFY name, each list in the order written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SchemaChange {
    pub columns: Vec<PositionedColumn>,
    pub watermarks: Vec<WatermarkDef>,
    pub constraints: Vec<KeyDef>,
    pub distribution: Option<Distribution>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PositionedColumn {
    pub column: ColumnDef,
    pub position: Option<ColumnPosition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnPosition {
    First,
    After(Ident),
}

/// `PARTITION (k = 'v', k2)`; a key without a value is dynamic.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionSpec {
    pub entries: Vec<PartitionEntry>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionEntry {
    pub key: Ident,
    /// A literal.
    pub value: Option<ScalarExpr>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionWithOptions {
    pub spec: PartitionSpec,
    pub options: Vec<OptionEntry>,
}

/// `INSERT INTO | OVERWRITE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Insert {
    pub target: ObjectName,
    pub overwrite: bool,
    /// Of an OPTIONS hint after the target.
    pub options: Vec<OptionEntry>,
    pub partition: Option<PartitionSpec>,
    /// Empty when none are named. More than one part for a field of a ROW.
    pub columns: Vec<ObjectName>,
    pub query: Query,
    pub on_conflict: Option<ConflictStrategy>,
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictStrategy {
    Nothing,
    Error,
    Deduplicate,
}
