use arrow::datatypes::TimeUnit;
use filbert_types::{LogicalType, TypeKind};

use crate::column::{ColumnBuilder, Values};
use crate::json::cursor::Cursor;
use crate::json::decode::{Reader, find_fields};
use crate::scalar::{Dialect, NotA, append_text};

/// Something that a message says beside its rows.
#[derive(Debug, Clone, Copy)]
pub struct Metadata {
    /// By what a table asks for it.
    pub key: &'static str,
    /// The message's field that holds it.
    pub field: &'static str,
    pub extract: Extract,
}

/// How metadata is read from its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extract {
    Text,
    TextArray,
    TextMap,
    IntMap,
    /// A count of milliseconds since 1970.
    Millis,
    Seconds,
    /// A timestamp as text, with a blank or a T before the time and with or without a Z, or a count of milliseconds.
    Timestamp,
    /// A member of the field's object, as text.
    Member(&'static str),
    MemberMillis(&'static str),
}

impl Metadata {
    pub const fn new(key: &'static str, field: &'static str, extract: Extract) -> Metadata {
        Metadata {
            key,
            field,
            extract,
        }
    }

    pub fn ty(&self) -> LogicalType {
        let text = || Box::new(LogicalType::string());
        LogicalType::from(match self.extract {
            Extract::Text | Extract::Member(_) => TypeKind::STRING,
            Extract::TextArray => TypeKind::Array(text()),
            Extract::TextMap => TypeKind::Map(text(), text()),
            Extract::IntMap => TypeKind::Map(text(), Box::new(TypeKind::Int.into())),
            Extract::Millis | Extract::Seconds | Extract::MemberMillis(_) => {
                TypeKind::timestamp_ltz(3)
            }
            Extract::Timestamp => TypeKind::timestamp_ltz(6),
        })
    }

    /// Appends what the field's text says; nothing for a message without the field.
    pub(super) fn append(
        &self,
        reader: &mut Reader,
        column: &mut ColumnBuilder,
        value: Option<&[u8]>,
    ) -> Result<(), NotA> {
        let value = match (self.extract, value) {
            (Extract::Member(name) | Extract::MemberMillis(name), Some(object)) => {
                member(reader, object, name)?
            }
            (_, value) => value,
        };
        let Some(value) = value.filter(|v| v.first() != Some(&b'n')) else {
            column.append_null();
            return Ok(());
        };
        match self.extract {
            Extract::Millis | Extract::MemberMillis(_) => append_count(column, value, 1000),
            Extract::Seconds => append_count(column, value, 1),
            Extract::Timestamp if value.first() != Some(&b'"') => append_count(column, value, 1000),
            Extract::Timestamp => append_timestamp(column, value),
            _ => reader.append(column, value, &mut false),
        }
    }
}

/// The text of an object's member.
fn member<'a>(reader: &mut Reader, object: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, NotA> {
    match object.first() {
        Some(b'n') => return Ok(None),
        Some(b'{') => {}
        _ => return Err(NotA),
    }
    let mut spans = Vec::new();
    let names = [name.to_owned()];
    find_fields(
        &mut Cursor::new(object),
        &names,
        &mut spans,
        &mut reader.text,
    )
    .map_err(|_| NotA)?;
    Ok(spans[0].map(|(start, end)| &object[start..end]))
}

/// Appends an instant in whichever of its forms the tool wrote it.
fn append_timestamp(column: &mut ColumnBuilder, value: &[u8]) -> Result<(), NotA> {
    let text = std::str::from_utf8(value).map_err(|_| NotA)?;
    let text = text.trim_matches('"').trim_end_matches('Z');
    append_text(
        column,
        &format!("{}Z", text.replacen('T', " ", 1)),
        Dialect::JsonSql,
    )
}

/// Appends a count of so many parts of a second as a timestamp. The count may stand in quotes.
fn append_count(column: &mut ColumnBuilder, value: &[u8], per_second: i64) -> Result<(), NotA> {
    let text = std::str::from_utf8(value).map_err(|_| NotA)?;
    let count: i64 = text.trim_matches('"').parse().map_err(|_| NotA)?;
    let Values::Timestamp(builder) = &mut column.values else {
        return Err(NotA);
    };
    let unit_per_second: i64 = match builder.unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let scaled = i128::from(count) * i128::from(unit_per_second) / i128::from(per_second);
    builder
        .values
        .append_value(i64::try_from(scaled).map_err(|_| NotA)?);
    Ok(())
}
