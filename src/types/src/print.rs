//! Values as text, column by column: what Flink shows in results, what `CAST(x AS STRING)` gives, and what the print
//! connector writes.
//!
//! A [`Formatter`] is made once a column and bound once a batch; writing a value then costs no downcast and no
//! allocation.
//!
//! - `bind`: the array behind each type.
//! - [`number`]: Java's notations of floating point numbers and decimals.
//! - [`temporal`]: dates, times, timestamps and intervals.

mod bind;
pub mod number;
pub mod temporal;

use arrow::array::{
    Array, BinaryArray, BinaryViewArray, BooleanArray, LargeBinaryArray, LargeStringArray,
    StringArray, StringViewArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::TimeUnit;
use arrow::error::ArrowError;

use crate::logical_type::LogicalType;
use crate::row_kind::RowKind;
use crate::zone::TimeZone;

/// Whose notation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// A result's cell: as a cast, but bytes are `x'0aff'`.
    Cell,
    /// `CAST(x AS STRING)`: bytes are read as UTF-8.
    Cast,
    /// Java's `toString`, as the print connector writes: `true`, `null`, `2020-01-02T03:04`, `[10, -1]`.
    Java,
}

/// Writes values of one type.
#[derive(Debug, Clone)]
pub struct Formatter {
    ty: LogicalType,
    zone: TimeZone,
    style: Style,
}

impl Formatter {
    /// A formatter of result cells; TIMESTAMP_LTZ is shown in `zone`.
    pub fn new(ty: &LogicalType, zone: TimeZone) -> Formatter {
        Formatter::with_style(ty, zone, Style::Cell)
    }

    pub fn with_style(ty: &LogicalType, zone: TimeZone, style: Style) -> Formatter {
        Formatter {
            ty: ty.clone(),
            zone,
            style,
        }
    }

    /// The column's values, ready to be written.
    ///
    /// # Errors
    /// When the array's type does not carry values of the formatter's type.
    pub fn bind<'a>(&self, array: &'a dyn Array) -> Result<BoundColumn<'a>, ArrowError> {
        bind::bind(&self.ty, self.zone, self.style, array)
    }

    /// Appends one value; where many are written, [`Formatter::bind`] first.
    ///
    /// # Errors
    /// As [`Formatter::bind`].
    pub fn write(&self, array: &dyn Array, row: usize, out: &mut String) -> Result<(), ArrowError> {
        self.bind(array)?.write(row, out);
        Ok(())
    }
}

/// A column's values with all that writing them needs.
pub struct BoundColumn<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
    style: Style,
}

enum Values<'a> {
    Null,
    Boolean(&'a BooleanArray),
    TinyInt(&'a [i8]),
    SmallInt(&'a [i16]),
    Int(&'a [i32]),
    BigInt(&'a [i64]),
    Float(&'a [f32]),
    Double(&'a [f64]),
    Decimal(&'a [i128], i8),
    Text(Text<'a>),
    Bytes(Bytes<'a>),
    /// A roaring bitmap in its portable form.
    Bitmap(Bytes<'a>),
    Date(&'a [i32]),
    Time(&'a [i32], u8),
    Timestamp {
        values: &'a [i64],
        unit: TimeUnit,
        precision: u8,
        zone: Option<TimeZone>,
    },
    Months(&'a [i32]),
    Millis(&'a [i64]),
    List(&'a [i32], Box<BoundColumn<'a>>),
    Map {
        offsets: &'a [i32],
        keys: Box<BoundColumn<'a>>,
        values: Box<BoundColumn<'a>>,
    },
    Row(Vec<BoundColumn<'a>>),
    Structured(Vec<(String, BoundColumn<'a>)>),
}

enum Text<'a> {
    View(&'a StringViewArray),
    Offsets(&'a StringArray),
    LargeOffsets(&'a LargeStringArray),
}

enum Bytes<'a> {
    View(&'a BinaryViewArray),
    Offsets(&'a BinaryArray),
    LargeOffsets(&'a LargeBinaryArray),
}

impl Bytes<'_> {
    fn value(&self, row: usize) -> &[u8] {
        match self {
            Bytes::View(array) => array.value(row),
            Bytes::Offsets(array) => array.value(row),
            Bytes::LargeOffsets(array) => array.value(row),
        }
    }
}

/// `{1,2,3}`; bytes that are no bitmap as they are.
fn write_bitmap(bytes: &[u8], out: &mut String) {
    let Ok(bitmap) = roaring::RoaringBitmap::deserialize_from(bytes) else {
        out.push_str("x'");
        bytes.iter().for_each(|b| out.push_str(&format!("{b:02x}")));
        out.push('\'');
        return;
    };
    out.push('{');
    for (i, value) in bitmap.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        number::write_int(value, out);
    }
    out.push('}');
}

impl BoundColumn<'_> {
    pub fn is_null(&self, row: usize) -> bool {
        matches!(self.values, Values::Null) || self.nulls.is_some_and(|n| n.is_null(row))
    }

    /// Appends a value; NULL is `NULL`, in Java's style `null`. A caller that shows a NULL cell otherwise asks
    /// [`BoundColumn::is_null`] first.
    pub fn write(&self, row: usize, out: &mut String) {
        if self.is_null(row) {
            out.push_str(if self.style == Style::Java {
                "null"
            } else {
                "NULL"
            });
            return;
        }
        match &self.values {
            Values::Null => {}
            Values::Boolean(array) => out.push_str(self.boolean(array.value(row))),
            Values::TinyInt(values) => number::write_int(values[row], out),
            Values::SmallInt(values) => number::write_int(values[row], out),
            Values::Int(values) => number::write_int(values[row], out),
            Values::BigInt(values) => number::write_int(values[row], out),
            Values::Float(values) => number::write_float(values[row], out),
            Values::Double(values) => number::write_double(values[row], out),
            Values::Decimal(values, scale) if self.style == Style::Java => {
                number::write_big_decimal(values[row], i32::from(*scale), out);
            }
            Values::Decimal(values, scale) => number::write_decimal(values[row], *scale, out),
            Values::Text(Text::View(array)) => out.push_str(array.value(row)),
            Values::Text(Text::Offsets(array)) => out.push_str(array.value(row)),
            Values::Text(Text::LargeOffsets(array)) => out.push_str(array.value(row)),
            Values::Bytes(array) => self.write_bytes(array.value(row), out),
            Values::Bitmap(array) => write_bitmap(array.value(row), out),
            Values::List(offsets, items) => {
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                out.push('[');
                write_separated(range, out, |i, out| items.write(i, out));
                out.push(']');
            }
            Values::Map {
                offsets,
                keys,
                values,
            } => {
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                out.push('{');
                write_separated(range, out, |i, out| {
                    keys.write(i, out);
                    out.push('=');
                    values.write(i, out);
                });
                out.push('}');
            }
            Values::Row(columns) => {
                let java = self.style == Style::Java;
                out.push_str(if java { "+I[" } else { "(" });
                write_separated(0..columns.len(), out, |i, out| columns[i].write(row, out));
                out.push(if java { ']' } else { ')' });
            }
            Values::Structured(columns) => {
                out.push('(');
                write_separated(0..columns.len(), out, |i, out| {
                    let (name, column) = &columns[i];
                    out.push_str(name);
                    out.push('=');
                    column.write(row, out);
                });
                out.push(')');
            }
            temporal => self.write_temporal(temporal, row, out),
        }
    }

    fn write_temporal(&self, values: &Values<'_>, row: usize, out: &mut String) {
        let java = self.style == Style::Java;
        match values {
            Values::Date(values) => temporal::write_date(values[row], out),
            Values::Time(values, _) if java => temporal::write_java_time(values[row], out),
            Values::Time(values, precision) => {
                temporal::write_time(values[row], *precision, out);
            }
            Values::Timestamp {
                values,
                unit,
                precision,
                zone,
            } => {
                let (mut seconds, nanos) = temporal::split(values[row], *unit);
                if java {
                    temporal::write_java_date_time(seconds, nanos, zone.is_some(), out);
                } else {
                    if let Some(zone) = zone {
                        seconds += i64::from(zone.offset_at_utc(seconds));
                    }
                    temporal::write_timestamp(seconds, nanos, *precision, out);
                }
            }
            Values::Months(values) if java => temporal::write_java_period(values[row], out),
            Values::Months(values) => temporal::write_months(values[row], out),
            Values::Millis(values) if java => temporal::write_java_duration(values[row], out),
            Values::Millis(values) => temporal::write_millis(values[row], out),
            _ => {}
        }
    }

    fn boolean(&self, value: bool) -> &'static str {
        match (self.style, value) {
            (Style::Java, true) => "true",
            (Style::Java, false) => "false",
            (_, true) => "TRUE",
            (_, false) => "FALSE",
        }
    }

    fn write_bytes(&self, bytes: &[u8], out: &mut String) {
        match self.style {
            Style::Cast => out.push_str(&String::from_utf8_lossy(bytes)),
            Style::Cell => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.push_str("x'");
                for byte in bytes {
                    out.push(char::from(HEX[usize::from(byte >> 4)]));
                    out.push(char::from(HEX[usize::from(byte & 15)]));
                }
                out.push('\'');
            }
            Style::Java => {
                out.push('[');
                write_separated(0..bytes.len(), out, |i, out| {
                    number::write_int(bytes[i].cast_signed(), out);
                });
                out.push(']');
            }
        }
    }
}

fn write_separated(
    range: std::ops::Range<usize>,
    out: &mut String,
    write: impl Fn(usize, &mut String),
) {
    let start = range.start;
    for i in range {
        if i > start {
            out.push_str(", ");
        }
        write(i, out);
    }
}

/// Appends a row as Java's `Row.toString`: `+I[1, null, a]`. The columns are of [`Style::Java`].
pub fn write_java_row(kind: RowKind, columns: &[BoundColumn<'_>], row: usize, out: &mut String) {
    out.push_str(kind.short());
    out.push('[');
    write_separated(0..columns.len(), out, |i, out| columns[i].write(row, out));
    out.push(']');
}

#[cfg(test)]
mod tests;
