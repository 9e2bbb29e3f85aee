//! Flink's types and the Arrow type that carries each.
//!
//! - `text`: types as text.

mod text;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, FieldRef, Fields, IntervalUnit, TimeUnit};
use serde::{Deserialize, Serialize};

/// Whether a timestamp is an ordinary value or a time attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum TimeKind {
    #[default]
    Regular,
    Rowtime,
    Proctime,
}

/// A type without its nullability, as Flink's `LogicalTypeRoot` with its parameters.
///
/// Lengths are counted in code points (bytes for the binary types); STRING is `VarChar(MAX_LENGTH)` and BYTES
/// `VarBinary(MAX_LENGTH)`. Precisions of times are decimal digits of the second.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TypeKind {
    /// The type of a bare NULL.
    Null,
    Boolean,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Float,
    Double,
    Decimal {
        precision: u8,
        scale: u8,
    },
    Char(u32),
    VarChar(u32),
    Binary(u32),
    VarBinary(u32),
    Date,
    Time(u8),
    Timestamp {
        precision: u8,
        kind: TimeKind,
    },
    TimestampLtz {
        precision: u8,
        kind: TimeKind,
    },
    /// Months. `fields` as declared, e.g. `YEAR TO MONTH`, decides only how the type prints.
    IntervalYearMonth(IntervalFields),
    /// Milliseconds.
    IntervalDayTime(IntervalFields),
    Array(Box<LogicalType>),
    Map(Box<LogicalType>, Box<LogicalType>),
    Multiset(Box<LogicalType>),
    Row(Vec<Field>),
    /// STRUCTURED<'class', name type, ..>: a row whose type has a name.
    Structured {
        class: String,
        fields: Vec<Field>,
    },
    Variant,
    Bitmap,
    /// RAW('class', 'serializer'): opaque bytes.
    Raw {
        class: String,
        serializer: String,
    },
    /// A window TVF's column descriptor.
    Descriptor,
    /// A keyword argument (`DAY` in `TIMESTAMPDIFF(DAY, ..)`), its Java enum's name.
    Symbol,
}

/// The qualifier of an interval type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IntervalFields {
    Year { precision: u8 },
    YearToMonth { precision: u8 },
    Month,
    Day { precision: u8 },
    DayToHour { precision: u8 },
    DayToMinute { precision: u8 },
    DayToSecond { precision: u8, fraction: u8 },
    Hour,
    HourToMinute,
    HourToSecond { fraction: u8 },
    Minute,
    MinuteToSecond { fraction: u8 },
    Second { fraction: u8 },
}

/// A field of a ROW.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    pub ty: LogicalType,
    pub comment: Option<String>,
}

impl Field {
    pub fn new(name: impl Into<String>, ty: LogicalType) -> Field {
        Field {
            name: name.into(),
            ty,
            comment: None,
        }
    }
}

/// One of Flink's SQL types, with its nullability.
///
/// `Display` prints Flink's summary string (`DECIMAL(10, 2) NOT NULL`, `STRING`), which TYPEOF and DESCRIBE show.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LogicalType {
    pub kind: TypeKind,
    pub nullable: bool,
}

/// The length of STRING and BYTES.
pub const MAX_LENGTH: u32 = i32::MAX as u32;
/// The largest precision of a DECIMAL.
pub const MAX_DECIMAL_PRECISION: u8 = 38;
/// The zone that marks the Arrow form of TIMESTAMP_LTZ; its values are UTC.
pub const LTZ_ZONE: &str = "UTC";

impl From<TypeKind> for LogicalType {
    /// The nullable type.
    fn from(kind: TypeKind) -> LogicalType {
        LogicalType {
            kind,
            nullable: true,
        }
    }
}

impl TypeKind {
    pub const STRING: TypeKind = TypeKind::VarChar(MAX_LENGTH);
    pub const BYTES: TypeKind = TypeKind::VarBinary(MAX_LENGTH);

    pub const fn decimal(precision: u8, scale: u8) -> TypeKind {
        TypeKind::Decimal { precision, scale }
    }

    pub const fn timestamp(precision: u8) -> TypeKind {
        TypeKind::Timestamp {
            precision,
            kind: TimeKind::Regular,
        }
    }

    pub const fn timestamp_ltz(precision: u8) -> TypeKind {
        TypeKind::TimestampLtz {
            precision,
            kind: TimeKind::Regular,
        }
    }

    pub const fn is_integer(&self) -> bool {
        matches!(
            self,
            TypeKind::TinyInt | TypeKind::SmallInt | TypeKind::Int | TypeKind::BigInt
        )
    }

    /// Integers and decimals.
    pub const fn is_exact_numeric(&self) -> bool {
        self.is_integer() || matches!(self, TypeKind::Decimal { .. })
    }

    pub const fn is_approximate_numeric(&self) -> bool {
        matches!(self, TypeKind::Float | TypeKind::Double)
    }

    pub const fn is_numeric(&self) -> bool {
        self.is_exact_numeric() || self.is_approximate_numeric()
    }

    /// CHAR and VARCHAR.
    pub const fn is_character(&self) -> bool {
        matches!(self, TypeKind::Char(_) | TypeKind::VarChar(_))
    }

    /// BINARY and VARBINARY.
    pub const fn is_binary(&self) -> bool {
        matches!(self, TypeKind::Binary(_) | TypeKind::VarBinary(_))
    }

    pub const fn is_timestamp(&self) -> bool {
        matches!(
            self,
            TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. }
        )
    }

    pub const fn is_interval(&self) -> bool {
        matches!(
            self,
            TypeKind::IntervalYearMonth(_) | TypeKind::IntervalDayTime(_)
        )
    }

    /// Whether values can be sorted, grouped and joined by: not maps, multisets and values without a type of their own.
    pub fn is_orderable(&self) -> bool {
        match self {
            TypeKind::Map(..)
            | TypeKind::Multiset(_)
            | TypeKind::Variant
            | TypeKind::Bitmap
            | TypeKind::Raw { .. } => false,
            TypeKind::Array(element) => element.kind.is_orderable(),
            TypeKind::Row(fields) | TypeKind::Structured { fields, .. } => {
                fields.iter().all(|f| f.ty.kind.is_orderable())
            }
            _ => true,
        }
    }

    pub const fn time_kind(&self) -> TimeKind {
        match self {
            TypeKind::Timestamp { kind, .. } | TypeKind::TimestampLtz { kind, .. } => *kind,
            _ => TimeKind::Regular,
        }
    }

    /// The Arrow type that carries values of this type.
    pub fn arrow(&self) -> DataType {
        match self {
            TypeKind::Null => DataType::Null,
            TypeKind::Boolean => DataType::Boolean,
            TypeKind::TinyInt => DataType::Int8,
            TypeKind::SmallInt => DataType::Int16,
            TypeKind::Int => DataType::Int32,
            TypeKind::BigInt => DataType::Int64,
            TypeKind::Float => DataType::Float32,
            TypeKind::Double => DataType::Float64,
            TypeKind::Decimal { precision, scale } => {
                DataType::Decimal128(*precision, *scale as i8)
            }
            TypeKind::Char(_) | TypeKind::VarChar(_) | TypeKind::Symbol | TypeKind::Descriptor => {
                DataType::Utf8View
            }
            TypeKind::Binary(_)
            | TypeKind::VarBinary(_)
            | TypeKind::Raw { .. }
            | TypeKind::Variant
            | TypeKind::Bitmap => DataType::BinaryView,
            TypeKind::Date => DataType::Date32,
            TypeKind::Time(_) => DataType::Time32(TimeUnit::Millisecond),
            TypeKind::Timestamp { precision, .. } => {
                DataType::Timestamp(timestamp_unit(*precision), None)
            }
            TypeKind::TimestampLtz { precision, .. } => {
                DataType::Timestamp(timestamp_unit(*precision), Some(LTZ_ZONE.into()))
            }
            TypeKind::IntervalYearMonth(_) => DataType::Interval(IntervalUnit::YearMonth),
            TypeKind::IntervalDayTime(_) => DataType::Duration(TimeUnit::Millisecond),
            TypeKind::Array(element) => DataType::List(Arc::new(element.arrow_field("item"))),
            TypeKind::Map(key, value) => arrow_map(key.kind.arrow(), value.kind.arrow()),
            TypeKind::Multiset(element) => arrow_map(element.kind.arrow(), DataType::Int32),
            TypeKind::Row(fields) | TypeKind::Structured { fields, .. } => DataType::Struct(
                fields
                    .iter()
                    .map(|f| Arc::new(f.ty.arrow_field(&f.name)))
                    .collect::<Vec<FieldRef>>()
                    .into(),
            ),
        }
    }
}

/// Milliseconds up to 3 digits, microseconds up to 6, nanoseconds beyond.
pub const fn timestamp_unit(precision: u8) -> TimeUnit {
    match precision {
        0..=3 => TimeUnit::Millisecond,
        4..=6 => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    }
}

fn arrow_map(key: DataType, value: DataType) -> DataType {
    let entries = Fields::from(vec![
        ArrowField::new("keys", key, false),
        ArrowField::new("values", value, true),
    ]);
    DataType::Map(
        Arc::new(ArrowField::new("entries", DataType::Struct(entries), false)),
        false,
    )
}

impl LogicalType {
    pub const fn new(kind: TypeKind, nullable: bool) -> LogicalType {
        LogicalType { kind, nullable }
    }

    pub const fn not_null(kind: TypeKind) -> LogicalType {
        LogicalType::new(kind, false)
    }

    /// Nullable STRING.
    pub const fn string() -> LogicalType {
        LogicalType::new(TypeKind::STRING, true)
    }

    pub fn with_nullable(&self, nullable: bool) -> LogicalType {
        LogicalType::new(self.kind.clone(), nullable)
    }

    pub fn arrow(&self) -> DataType {
        self.kind.arrow()
    }

    /// The Arrow field of a column of this type. It is always nullable: a delete by key has gaps.
    pub fn arrow_field(&self, name: &str) -> ArrowField {
        ArrowField::new(name, self.arrow(), true)
    }

    /// The same type as an ordinary value, not a time attribute.
    pub fn without_time_attribute(&self) -> LogicalType {
        self.with_time_kind(TimeKind::Regular)
    }

    /// The same type as a time attribute of a kind; other types than timestamps stay as they are.
    #[must_use]
    pub fn with_time_kind(&self, time: TimeKind) -> LogicalType {
        let mut ty = self.clone();
        if let TypeKind::Timestamp { kind, .. } | TypeKind::TimestampLtz { kind, .. } = &mut ty.kind
        {
            *kind = time;
        }
        ty
    }

    /// The same type without the comments of ROW fields, which a catalog does not keep.
    #[must_use]
    pub fn without_field_comments(&self) -> LogicalType {
        let strip = |ty: &LogicalType| Box::new(ty.without_field_comments());
        let kind = match &self.kind {
            TypeKind::Array(element) => TypeKind::Array(strip(element)),
            TypeKind::Multiset(element) => TypeKind::Multiset(strip(element)),
            TypeKind::Map(key, value) => TypeKind::Map(strip(key), strip(value)),
            TypeKind::Row(fields) => TypeKind::Row(
                fields
                    .iter()
                    .map(|f| Field::new(&f.name, f.ty.without_field_comments()))
                    .collect(),
            ),
            other => other.clone(),
        };
        LogicalType::new(kind, self.nullable)
    }

    /// Equal but for nullability at the top.
    pub fn same_kind(&self, other: &LogicalType) -> bool {
        self.kind == other.kind
    }
}
