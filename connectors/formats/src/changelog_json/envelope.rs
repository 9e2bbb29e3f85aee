use filbert_types::ConfigOption;
use filbert_types::config::ConfigType;

use super::metadata::{Extract, Metadata};
use crate::json::{
    IGNORE_NULLS, IGNORE_PARSE_ERRORS, NULL_KEY_LITERAL, NULL_KEY_MODE, PLAIN_DECIMALS,
    TIMESTAMP_FORMAT,
};

pub const SCHEMA_INCLUDE: ConfigOption = ConfigOption::new(
    "schema-include",
    ConfigType::Boolean,
    "Each message holds its schema beside its payload; for reading only.",
)
.default("false");
pub const DATABASE_INCLUDE: ConfigOption = ConfigOption::new(
    "database.include",
    ConfigType::String,
    "Read only messages of databases whose whole name this regular expression matches.",
);
pub const TABLE_INCLUDE: ConfigOption = ConfigOption::new(
    "table.include",
    ConfigType::String,
    "Read only messages of tables whose whole name this regular expression matches.",
);

/// Where a message has its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The row before and the row after, each whole.
    BeforeAfter,
    /// The row, and of an update what its changed fields were.
    DataOld,
    /// As `DataOld`, for an array of rows.
    Arrays,
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Insert,
    Update,
    Delete,
}

/// How a tool writes a change.
#[derive(Debug)]
pub struct Envelope {
    pub identifier: &'static str,
    pub doc: &'static str,
    /// The tool's name in messages.
    pub tool: &'static str,
    pub shape: Shape,
    /// The fields that hold the rows: `before` and `after`, or `data` and `old`.
    pub rows: [&'static str; 2],
    /// The field that says what happened.
    pub op: &'static str,
    pub insert: &'static [&'static str],
    pub update: &'static str,
    pub delete: &'static str,
    /// What is no change of rows and is passed over.
    pub ignored: &'static [&'static str],
    pub options: &'static [ConfigOption],
    pub metadata: &'static [Metadata],
}

impl Envelope {
    /// What the text of `op` says; none where the tool has no such word.
    pub fn op(&self, text: &str) -> Option<Op> {
        if self.insert.contains(&text) {
            Some(Op::Insert)
        } else if text == self.update {
            Some(Op::Update)
        } else {
            (text == self.delete).then_some(Op::Delete)
        }
    }
}

const COMMON: [ConfigOption; 6] = [
    IGNORE_PARSE_ERRORS,
    TIMESTAMP_FORMAT,
    NULL_KEY_MODE,
    NULL_KEY_LITERAL,
    PLAIN_DECIMALS,
    IGNORE_NULLS,
];

pub static DEBEZIUM: Envelope = Envelope {
    identifier: "debezium-json",
    doc: "Changes as Debezium writes them, a JSON message a line in files.",
    tool: "Debezium",
    shape: Shape::BeforeAfter,
    rows: ["before", "after"],
    op: "op",
    insert: &["c", "r"],
    update: "u",
    delete: "d",
    ignored: &[],
    options: &[
        SCHEMA_INCLUDE,
        COMMON[0],
        COMMON[1],
        COMMON[2],
        COMMON[3],
        COMMON[4],
        COMMON[5],
    ],
    metadata: &[
        Metadata::new("schema", "schema", Extract::Text),
        Metadata::new("ingestion-timestamp", "ts_ms", Extract::Millis),
        Metadata::new("source.timestamp", "source", Extract::MemberMillis("ts_ms")),
        Metadata::new("source.database", "source", Extract::Member("db")),
        Metadata::new("source.schema", "source", Extract::Member("schema")),
        Metadata::new("source.table", "source", Extract::Member("table")),
        Metadata::new("source.properties", "source", Extract::TextMap),
    ],
};

pub static CANAL: Envelope = Envelope {
    identifier: "canal-json",
    doc: "Changes as Canal writes them, a JSON message of one or more rows a line in files.",
    tool: "Canal",
    shape: Shape::Arrays,
    rows: ["data", "old"],
    op: "type",
    insert: &["INSERT"],
    update: "UPDATE",
    delete: "DELETE",
    ignored: &["CREATE"],
    options: &[
        DATABASE_INCLUDE,
        TABLE_INCLUDE,
        COMMON[0],
        COMMON[1],
        COMMON[2],
        COMMON[3],
        COMMON[4],
        COMMON[5],
    ],
    metadata: &[
        Metadata::new("database", "database", Extract::Text),
        Metadata::new("table", "table", Extract::Text),
        Metadata::new("sql-type", "sqlType", Extract::IntMap),
        Metadata::new("pk-names", "pkNames", Extract::TextArray),
        Metadata::new("ingestion-timestamp", "ts", Extract::Millis),
        Metadata::new("event-timestamp", "es", Extract::Millis),
    ],
};

pub static MAXWELL: Envelope = Envelope {
    identifier: "maxwell-json",
    doc: "Changes as Maxwell's daemon writes them, a JSON message a line in files.",
    tool: "Maxwell",
    shape: Shape::DataOld,
    rows: ["data", "old"],
    op: "type",
    insert: &["insert"],
    update: "update",
    delete: "delete",
    ignored: &[],
    options: &COMMON,
    metadata: &[
        Metadata::new("database", "database", Extract::Text),
        Metadata::new("table", "table", Extract::Text),
        Metadata::new(
            "primary-key-columns",
            "primary_key_columns",
            Extract::TextArray,
        ),
        Metadata::new("ingestion-timestamp", "ts", Extract::Seconds),
    ],
};

pub static OGG: Envelope = Envelope {
    identifier: "ogg-json",
    doc: "Changes as Oracle GoldenGate writes them, a JSON message a line in files.",
    tool: "Ogg",
    shape: Shape::BeforeAfter,
    rows: ["before", "after"],
    op: "op_type",
    insert: &["I"],
    update: "U",
    delete: "D",
    ignored: &[],
    options: &COMMON,
    metadata: &[
        Metadata::new("table", "table", Extract::Text),
        Metadata::new("primary-keys", "primary_keys", Extract::TextArray),
        Metadata::new("ingestion-timestamp", "current_ts", Extract::Timestamp),
        Metadata::new("event-timestamp", "op_ts", Extract::Timestamp),
    ],
};
