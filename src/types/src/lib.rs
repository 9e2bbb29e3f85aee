//! The ground floor: what every room shares.
//!
//! - [`logical_type`]: Flink's types and the Arrow form that carries each.
//! - [`row_kind`]: the four kinds of change.
//! - [`batch`]: [`ChangeBatch`], the unit of data, and [`Element`], what flows between tasks.
//! - [`time`]: [`Watermark`], event time's promise.
//! - [`clock`]: processing time, injected.
//! - [`zone`]: time zones.
//! - [`print`]: values as text.
//! - [`parse`]: text as values, for formats.
//! - [`config`]: configuration options as data, and the values set for them.
//! - [`options`]: the options of a session, with what each does.
//! - [`suggest`]: the nearest name to a mistyped one.
//! - [`schema`]: columns, keys and watermarks of tables, and the table as inert data.
//! - [`span`]: places in a SQL text.
//! - [`recent_views`]: what was found lately for the strings of a batch.

pub mod batch;
pub mod clock;
pub mod config;
pub mod logical_type;
pub mod options;
pub mod parse;
pub mod print;
pub mod recent_views;
pub mod row_kind;
pub mod schema;
pub mod span;
pub mod suggest;
pub mod time;
pub mod zone;

pub use batch::{Barrier, ChangeBatch, Element, WatermarkMark};
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::{ConfigOption, ConfigType, Configuration};
pub use logical_type::{Field, LogicalType, TimeKind, TypeKind};
pub use row_kind::RowKind;
pub use schema::{
    CatalogTable, Column, ColumnKind, ObjectPath, PrimaryKey, ResolvedSchema, WatermarkSpec,
};
pub use span::{Location, Span};
pub use time::Watermark;
pub use zone::TimeZone;
