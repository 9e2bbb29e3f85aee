use std::fmt::Write as _;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Fields, Schema, SchemaRef, TimeUnit};
use filbert_connector_api::ConnectorError;
use filbert_types::Field;

/// The type of an event's field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    Long,
    Text,
    Time,
}

impl FieldType {
    pub fn arrow(self) -> DataType {
        match self {
            FieldType::Long => DataType::Int64,
            FieldType::Text => DataType::Utf8View,
            FieldType::Time => DataType::Timestamp(TimeUnit::Millisecond, None),
        }
    }

    const fn sql(self) -> &'static str {
        match self {
            FieldType::Long => "BIGINT",
            FieldType::Text => "STRING",
            FieldType::Time => "TIMESTAMP(3)",
        }
    }
}

pub type EventFields = &'static [(&'static str, FieldType)];

pub const PERSON: EventFields = &[
    ("id", FieldType::Long),
    ("name", FieldType::Text),
    ("emailAddress", FieldType::Text),
    ("creditCard", FieldType::Text),
    ("city", FieldType::Text),
    ("state", FieldType::Text),
    ("dateTime", FieldType::Time),
    ("extra", FieldType::Text),
];

pub const AUCTION: EventFields = &[
    ("id", FieldType::Long),
    ("itemName", FieldType::Text),
    ("description", FieldType::Text),
    ("initialBid", FieldType::Long),
    ("reserve", FieldType::Long),
    ("dateTime", FieldType::Time),
    ("expires", FieldType::Time),
    ("seller", FieldType::Long),
    ("category", FieldType::Long),
    ("extra", FieldType::Text),
];

pub const BID: EventFields = &[
    ("auction", FieldType::Long),
    ("bidder", FieldType::Long),
    ("price", FieldType::Long),
    ("channel", FieldType::Text),
    ("url", FieldType::Text),
    ("dateTime", FieldType::Time),
    ("extra", FieldType::Text),
];

/// The ROW columns behind `event_type`, in the order of [`Kind`](crate::events::Kind).
pub const EVENTS: [(&str, EventFields); 3] =
    [("person", PERSON), ("auction", AUCTION), ("bid", BID)];

pub fn struct_fields(fields: EventFields) -> Fields {
    fields
        .iter()
        .map(|(name, ty)| ArrowField::new(*name, ty.arrow(), true))
        .collect()
}

/// The schema of all columns.
pub fn schema() -> SchemaRef {
    let mut fields = vec![ArrowField::new("event_type", DataType::Int32, true)];
    fields.extend(
        EVENTS.iter().map(|(name, event)| {
            ArrowField::new(*name, DataType::Struct(struct_fields(event)), true)
        }),
    );
    Arc::new(Schema::new(fields))
}

/// # Errors
/// When the table's physical columns are not the benchmark's.
pub fn check(fields: &[Field]) -> Result<(), ConnectorError> {
    let wanted = schema();
    let same = fields.len() == wanted.fields().len()
        && fields.iter().zip(wanted.fields()).all(|(field, wanted)| {
            field.name == *wanted.name() && field.ty.arrow() == *wanted.data_type()
        });
    if same {
        return Ok(());
    }
    let mut message =
        String::from("A 'nexmark' table must have these physical columns:\n  event_type INT");
    for (name, event) in EVENTS {
        let fields: Vec<String> = event
            .iter()
            .map(|(name, ty)| format!("{name} {}", ty.sql()))
            .collect();
        // Writing to a String can't fail.
        let _ = write!(message, ",\n  {name} ROW<{}>", fields.join(", "));
    }
    message.push_str("\nIt has:");
    for field in fields {
        let _ = write!(message, "\n  {} {}", field.name, field.ty);
    }
    Err(ConnectorError::user(message))
}
