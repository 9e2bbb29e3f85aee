//! Types as text: Flink's summary string, and the form that a catalog keeps.

use std::fmt;

use super::{Field, IntervalFields, LogicalType, MAX_LENGTH, TimeKind, TypeKind};

impl LogicalType {
    /// The form that SHOW CREATE TABLE prints: STRING is `VARCHAR(2147483647)`, LTZ is spelled out.
    pub fn serializable(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write_type(&mut text, self, Style::Serializable);
        text
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Summary,
    Serializable,
}

impl fmt::Display for LogicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_type(f, self, Style::Summary)
    }
}

fn write_type(out: &mut dyn fmt::Write, ty: &LogicalType, style: Style) -> fmt::Result {
    write_kind(out, &ty.kind, style)?;
    if !ty.nullable && ty.kind != TypeKind::Null {
        out.write_str(" NOT NULL")?;
    }
    if style == Style::Summary {
        match ty.kind.time_kind() {
            TimeKind::Regular => {}
            TimeKind::Rowtime => out.write_str(" *ROWTIME*")?,
            TimeKind::Proctime => out.write_str(" *PROCTIME*")?,
        }
    }
    Ok(())
}

fn write_kind(out: &mut dyn fmt::Write, kind: &TypeKind, style: Style) -> fmt::Result {
    let summary = style == Style::Summary;
    match kind {
        TypeKind::Null => out.write_str("NULL"),
        TypeKind::Boolean => out.write_str("BOOLEAN"),
        TypeKind::TinyInt => out.write_str("TINYINT"),
        TypeKind::SmallInt => out.write_str("SMALLINT"),
        TypeKind::Int => out.write_str("INT"),
        TypeKind::BigInt => out.write_str("BIGINT"),
        TypeKind::Float => out.write_str("FLOAT"),
        TypeKind::Double => out.write_str("DOUBLE"),
        TypeKind::Decimal { precision, scale } => write!(out, "DECIMAL({precision}, {scale})"),
        TypeKind::Char(n) => write!(out, "CHAR({n})"),
        TypeKind::VarChar(MAX_LENGTH) if summary => out.write_str("STRING"),
        TypeKind::VarChar(n) => write!(out, "VARCHAR({n})"),
        TypeKind::Binary(n) => write!(out, "BINARY({n})"),
        TypeKind::VarBinary(MAX_LENGTH) if summary => out.write_str("BYTES"),
        TypeKind::VarBinary(n) => write!(out, "VARBINARY({n})"),
        TypeKind::Date => out.write_str("DATE"),
        TypeKind::Time(p) => write!(out, "TIME({p})"),
        TypeKind::Timestamp { precision, .. } => write!(out, "TIMESTAMP({precision})"),
        TypeKind::TimestampLtz { precision, .. } if summary => {
            write!(out, "TIMESTAMP_LTZ({precision})")
        }
        TypeKind::TimestampLtz { precision, .. } => {
            write!(out, "TIMESTAMP({precision}) WITH LOCAL TIME ZONE")
        }
        TypeKind::IntervalYearMonth(fields) | TypeKind::IntervalDayTime(fields) => {
            write!(out, "INTERVAL {fields}")
        }
        TypeKind::Array(element) => write_generic(out, "ARRAY", &[element], style),
        TypeKind::Multiset(element) => write_generic(out, "MULTISET", &[element], style),
        TypeKind::Map(key, value) => write_generic(out, "MAP", &[key, value], style),
        TypeKind::Row(fields) => {
            out.write_str("ROW<")?;
            write_fields(out, fields, style)
        }
        TypeKind::Structured { class, fields } => {
            write!(out, "STRUCTURED<'{}', ", class.replace('\'', "''"))?;
            write_fields(out, fields, style)
        }
        TypeKind::Variant => out.write_str("VARIANT"),
        TypeKind::Bitmap => out.write_str("BITMAP"),
        TypeKind::Raw { class, .. } if summary => write!(out, "RAW('{class}', '...')"),
        TypeKind::Raw { class, serializer } => write!(out, "RAW('{class}', '{serializer}')"),
        TypeKind::Descriptor => out.write_str("DESCRIPTOR"),
        TypeKind::Symbol => out.write_str("SYMBOL"),
    }
}

fn write_generic(
    out: &mut dyn fmt::Write,
    name: &str,
    args: &[&LogicalType],
    style: Style,
) -> fmt::Result {
    write!(out, "{name}<")?;
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            out.write_str(", ")?;
        }
        write_type(out, arg, style)?;
    }
    out.write_str(">")
}

fn write_fields(out: &mut dyn fmt::Write, fields: &[Field], style: Style) -> fmt::Result {
    for (i, field) in fields.iter().enumerate() {
        if i > 0 {
            out.write_str(", ")?;
        }
        write!(out, "`{}` ", field.name.replace('`', "``"))?;
        write_type(out, &field.ty, style)?;
        if let Some(comment) = &field.comment {
            write!(out, " '{}'", comment.replace('\'', "''"))?;
        }
    }
    out.write_str(">")
}

impl fmt::Display for IntervalFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IntervalFields::Year { precision } => write!(f, "YEAR({precision})"),
            IntervalFields::YearToMonth { precision } => write!(f, "YEAR({precision}) TO MONTH"),
            IntervalFields::Month => f.write_str("MONTH"),
            IntervalFields::Day { precision } => write!(f, "DAY({precision})"),
            IntervalFields::DayToHour { precision } => write!(f, "DAY({precision}) TO HOUR"),
            IntervalFields::DayToMinute { precision } => write!(f, "DAY({precision}) TO MINUTE"),
            IntervalFields::DayToSecond {
                precision,
                fraction,
            } => {
                write!(f, "DAY({precision}) TO SECOND({fraction})")
            }
            IntervalFields::Hour => f.write_str("HOUR"),
            IntervalFields::HourToMinute => f.write_str("HOUR TO MINUTE"),
            IntervalFields::HourToSecond { fraction } => write!(f, "HOUR TO SECOND({fraction})"),
            IntervalFields::Minute => f.write_str("MINUTE"),
            IntervalFields::MinuteToSecond { fraction } => {
                write!(f, "MINUTE TO SECOND({fraction})")
            }
            IntervalFields::Second { fraction } => write!(f, "SECOND({fraction})"),
        }
    }
}
