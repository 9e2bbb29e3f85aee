//! Flink's type grammar, to [`LogicalType`]. DDL and CAST share it.
//!
//! Inside a query's tree a type is `DataType::Custom` whose name is the type's text; [`cast_type`] gives the type back.
//!
//! - `interval`: INTERVAL. `constructed`: types of other types.

mod constructed;
mod interval;

use filbert_types::logical_type::{MAX_DECIMAL_PRECISION, MAX_LENGTH};
use filbert_types::{LogicalType, Span, TypeKind};
use sqlparser::ast::{DataType, Ident, ObjectName};
use sqlparser::tokenizer::Token;

use self::constructed::{map, row, single_argument, structured};
use self::interval::interval;
use crate::cursor::Cursor;
use crate::dialect::FlinkDialect;
use crate::error::{ParseError, Result};
use crate::lexer::Lexer;
use crate::parse::run;
use crate::source::{next_chunk, span, sql_span};

const DEPTH_MAX: u32 = 64;
/// A TIME is stored in milliseconds.
const TIME_PRECISION_MAX: u8 = 3;

/// The type that a `DataType` of our trees stands for: of a CAST, a typed literal, a RETURNING clause.
///
/// An error means that the tree wasn't made by this crate.
pub fn cast_type(data_type: &DataType) -> Result<LogicalType> {
    match data_type {
        DataType::Custom(name, _) => match name.0.first().and_then(|p| p.as_ident()) {
            Some(ident) => parse_type(&ident.value),
            None => parse_type(&data_type.to_string()),
        },
        other => parse_type(&other.to_string()),
    }
}

/// The place of a type in a tree of ours.
pub fn cast_type_span(data_type: &DataType) -> Option<Span> {
    match data_type {
        DataType::Custom(name, _) => name
            .0
            .first()
            .and_then(|p| p.as_ident())
            .map(|i| span(i.span)),
        _ => None,
    }
}

/// The `DataType` that carries a type through sqlparser's trees.
pub(crate) fn carry(ty: &LogicalType, place: Span) -> DataType {
    let mut ident = Ident::new(ty.serializable());
    ident.span = sql_span(place);
    DataType::Custom(ObjectName::from(vec![ident]), Vec::new())
}

/// Parses a type on its own, e.g. `ROW<a INT NOT NULL, b ARRAY<STRING>>`.
pub fn parse_type(text: &str) -> Result<LogicalType> {
    let mut lexer = Lexer::new(text);
    let chunk = next_chunk(&mut lexer).unwrap_or_default();
    if let Some(error) = chunk.error {
        return Err(error);
    }
    let dialect = FlinkDialect::new(chunk);
    run(text, &dialect, "the end of the type", logical_type)
}

/// A type with its `NOT NULL` or `NULL`, where one stands here.
pub(crate) fn logical_type(cursor: &mut Cursor<'_, '_>) -> Result<LogicalType> {
    nested(cursor, 0)
}

/// The type of a CAST, whose nullability is that of what is cast.
pub(crate) fn cast_target(cursor: &mut Cursor<'_, '_>) -> Result<LogicalType> {
    let start = cursor.index();
    let kind = base(cursor, 0)?;
    let ty = nullability(cursor, kind)?;
    // Flink's CAST takes the elements of `INT ARRAY` for NOT NULL; its DDL doesn't.
    let ty = collections(cursor, ty, false)?;
    if ty.nullable {
        return Ok(ty);
    }
    Err(ParseError::new(
        "The type of a CAST can't be NOT NULL.",
        cursor.span_since(start),
    )
    .with_hint(
        "The result is NOT NULL when what is cast is; NOT NULL may stand inside of the type.",
    ))
}

fn nested(cursor: &mut Cursor<'_, '_>, depth: u32) -> Result<LogicalType> {
    if depth > DEPTH_MAX {
        return Err(ParseError::new(
            "The type nests too deeply.",
            cursor.peek_span(),
        ));
    }
    let kind = base(cursor, depth)?;
    let ty = nullability(cursor, kind)?;
    collections(cursor, ty, true)
}

/// `ARRAY` and `MULTISET` behind their element's type, whose nullability stays only where `elements_nullable` says so.
fn collections(
    cursor: &mut Cursor<'_, '_>,
    mut ty: LogicalType,
    elements_nullable: bool,
) -> Result<LogicalType> {
    loop {
        if cursor.word("ARRAY") {
            ty.nullable &= elements_nullable;
            ty = nullability(cursor, TypeKind::Array(Box::new(ty)))?;
        } else if cursor.word("MULTISET") {
            ty.nullable &= elements_nullable;
            ty = nullability(cursor, TypeKind::Multiset(Box::new(ty)))?;
        } else {
            return Ok(ty);
        }
    }
}

fn nullability(cursor: &mut Cursor<'_, '_>, kind: TypeKind) -> Result<LogicalType> {
    if cursor.peek_word("NOT") && cursor.peek_nth_word(1, "NULL") {
        cursor.words(&["NOT", "NULL"]);
        return Ok(LogicalType::not_null(kind));
    }
    // The NULL of `NULL ON EMPTY`, which can follow the type of a RETURNING, isn't the type's.
    if !cursor.peek_nth_word(1, "ON") {
        cursor.word("NULL");
    }
    Ok(LogicalType::from(kind))
}

/// The names of types, for "did you mean".
const NAMES: &[&str] = &[
    "ARRAY",
    "BIGINT",
    "BINARY",
    "BITMAP",
    "BOOLEAN",
    "BYTES",
    "CHAR",
    "CHARACTER",
    "DATE",
    "DEC",
    "DECIMAL",
    "DESCRIPTOR",
    "DOUBLE",
    "FLOAT",
    "INT",
    "INTEGER",
    "INTERVAL",
    "MAP",
    "MULTISET",
    "NULL",
    "NUMERIC",
    "RAW",
    "ROW",
    "SMALLINT",
    "STRING",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_LTZ",
    "TINYINT",
    "VARBINARY",
    "VARCHAR",
    "VARIANT",
];

fn base(cursor: &mut Cursor<'_, '_>, depth: u32) -> Result<TypeKind> {
    let start = cursor.index();
    let Token::Word(word) = cursor.peek() else {
        return Err(cursor.unexpected("a data type"));
    };
    if word.quote_style.is_some() {
        return Err(ParseError::new(
            format!("`{}` is no data type.", word.value),
            cursor.peek_span(),
        )
        .with_hint("User-defined types are not supported."));
    }
    let written = word.value.clone();
    let upper = written.to_ascii_uppercase();
    cursor.parser.advance_token();
    let kind = match upper.as_str() {
        "BOOLEAN" => TypeKind::Boolean,
        "TINYINT" => TypeKind::TinyInt,
        "SMALLINT" => TypeKind::SmallInt,
        "INT" | "INTEGER" => TypeKind::Int,
        "BIGINT" => TypeKind::BigInt,
        "FLOAT" => TypeKind::Float,
        "REAL" => return Err(real(cursor, start)),
        "DOUBLE" => {
            cursor.word("PRECISION");
            TypeKind::Double
        }
        "DECIMAL" | "DEC" | "NUMERIC" => decimal(cursor)?,
        "STRING" => TypeKind::STRING,
        "BYTES" => TypeKind::BYTES,
        "CHAR" | "CHARACTER" if cursor.word("VARYING") => {
            TypeKind::VarChar(length(cursor, MAX_LENGTH)?)
        }
        "CHAR" | "CHARACTER" => TypeKind::Char(length(cursor, 1)?),
        "VARCHAR" => TypeKind::VarChar(length(cursor, MAX_LENGTH)?),
        "BINARY" if cursor.word("VARYING") => TypeKind::VarBinary(length(cursor, MAX_LENGTH)?),
        "BINARY" => TypeKind::Binary(length(cursor, 1)?),
        "VARBINARY" => TypeKind::VarBinary(length(cursor, MAX_LENGTH)?),
        "DATE" => TypeKind::Date,
        "TIME" => time(cursor)?,
        "TIMESTAMP" => timestamp(cursor, start)?,
        "TIMESTAMP_LTZ" => TypeKind::timestamp_ltz(precision(cursor, 9, 6)?),
        "INTERVAL" => interval(cursor)?,
        "ARRAY" => TypeKind::Array(Box::new(single_argument(cursor, depth)?)),
        "MULTISET" => TypeKind::Multiset(Box::new(single_argument(cursor, depth)?)),
        "MAP" => map(cursor, depth)?,
        "ROW" => row(cursor, depth)?,
        "RAW" => raw(cursor)?,
        "VARIANT" => TypeKind::Variant,
        "BITMAP" => TypeKind::Bitmap,
        "NULL" => TypeKind::Null,
        "DESCRIPTOR" => TypeKind::Descriptor,
        "STRUCTURED" => structured(cursor, depth)?,
        _ => return Err(unknown(cursor, &written, start)),
    };
    Ok(kind)
}

fn real(cursor: &Cursor<'_, '_>, start: usize) -> ParseError {
    ParseError::new("Type is not supported: REAL", cursor.span_since(start))
        .with_hint("FLOAT has the same values.")
}

fn unknown(cursor: &Cursor<'_, '_>, written: &str, start: usize) -> ParseError {
    let upper = written.to_ascii_uppercase();
    let foreign = match upper.as_str() {
        "TEXT" | "CLOB" | "NVARCHAR" | "NCHAR" | "UUID" | "JSON" => Some("STRING"),
        "BLOB" | "BYTEA" => Some("BYTES"),
        "INT8" | "LONG" => Some("BIGINT"),
        "INT4" => Some("INT"),
        "INT2" | "SHORT" => Some("SMALLINT"),
        "BOOL" => Some("BOOLEAN"),
        "DATETIME" => Some("TIMESTAMP"),
        "TIMESTAMPTZ" => Some("TIMESTAMP_LTZ"),
        "FLOAT8" | "FLOAT64" => Some("DOUBLE"),
        "STRUCT" => Some("ROW"),
        _ => None,
    };
    let error = ParseError::new(
        format!("There is no data type '{written}'."),
        cursor.span_since(start),
    );
    match foreign.or_else(|| filbert_types::suggest::nearest(&upper, NAMES.iter().copied())) {
        Some(name) => error.with_hint(format!("Did you mean {name}?")),
        None => error.with_hint(format!("The types are {}.", NAMES.join(", "))),
    }
}

/// `(n)`, when it stands here.
fn parameter(cursor: &mut Cursor<'_, '_>) -> Result<Option<(u32, Span)>> {
    if !cursor.token(&Token::LParen) {
        return Ok(None);
    }
    let at = cursor.peek_span();
    let value = cursor.uint("a number")?;
    cursor.expect(&Token::RParen)?;
    Ok(Some((value, at)))
}

fn length(cursor: &mut Cursor<'_, '_>, default: u32) -> Result<u32> {
    match parameter(cursor)? {
        None => Ok(default),
        Some((n, _)) if n <= MAX_LENGTH => Ok(n),
        Some((_, at)) => Err(ParseError::new(
            format!("A length must be at most {MAX_LENGTH}."),
            at,
        )),
    }
}

/// A precision past the maximum is the maximum, as in Flink.
fn precision(cursor: &mut Cursor<'_, '_>, max: u8, default: u8) -> Result<u8> {
    Ok(parameter(cursor)?.map_or(default, |(n, _)| clamp(n, max)))
}

fn clamp(n: u32, max: u8) -> u8 {
    u8::try_from(n).map_or(max, |n| n.min(max))
}

fn in_range(n: u32, min: u8, max: u8, at: Span, name: &str) -> Result<u8> {
    u8::try_from(n)
        .ok()
        .filter(|n| (min..=max).contains(n))
        .ok_or_else(|| {
            ParseError::new(
                format!(
                    "The precision of {name} must be between {min} and {max} (both inclusive)."
                ),
                at,
            )
        })
}

fn decimal(cursor: &mut Cursor<'_, '_>) -> Result<TypeKind> {
    if !cursor.token(&Token::LParen) {
        return Ok(TypeKind::decimal(10, 0));
    }
    let at = cursor.peek_span();
    let precision = cursor.uint("the decimal's precision")?;
    if precision == 0 {
        return Err(ParseError::new(
            "Decimal precision must be between 1 and 38 (both inclusive).",
            at,
        ));
    }
    let precision = clamp(precision, MAX_DECIMAL_PRECISION);
    let mut scale = 0;
    if cursor.token(&Token::Comma) {
        let at = cursor.peek_span();
        let n = cursor.uint("the decimal's scale")?;
        scale = u8::try_from(n).ok().filter(|s| *s <= precision).ok_or_else(|| {
            ParseError::new(
                format!("A decimal's scale must be between 0 and its precision {precision} (both inclusive)."),
                at,
            )
        })?;
    }
    cursor.expect(&Token::RParen)?;
    Ok(TypeKind::decimal(precision, scale))
}

fn time(cursor: &mut Cursor<'_, '_>) -> Result<TypeKind> {
    let precision = precision(cursor, TIME_PRECISION_MAX, 0)?;
    if cursor.peek_word("WITH") && cursor.peek_nth_word(2, "ZONE") | cursor.peek_nth_word(3, "ZONE")
    {
        return Err(ParseError::new(
            "TIME WITH TIME ZONE is not supported.",
            cursor.peek_span(),
        ));
    }
    cursor.words(&["WITHOUT", "TIME", "ZONE"]);
    Ok(TypeKind::Time(precision))
}

fn timestamp(cursor: &mut Cursor<'_, '_>, start: usize) -> Result<TypeKind> {
    let precision = precision(cursor, 9, 6)?;
    if cursor.words(&["WITH", "LOCAL", "TIME", "ZONE"]) {
        return Ok(TypeKind::timestamp_ltz(precision));
    }
    if cursor.words(&["WITH", "TIME", "ZONE"]) {
        return Err(ParseError::new(
            "TIMESTAMP WITH TIME ZONE is not supported.",
            cursor.span_since(start),
        )
        .with_hint("Use TIMESTAMP_LTZ, an instant shown in the session's time zone."));
    }
    cursor.words(&["WITHOUT", "TIME", "ZONE"]);
    Ok(TypeKind::timestamp(precision))
}

fn raw(cursor: &mut Cursor<'_, '_>) -> Result<TypeKind> {
    cursor.expect(&Token::LParen)?;
    let class = cursor.string("the class name in single quotes")?.value;
    cursor.expect(&Token::Comma)?;
    let serializer = cursor.string("the serializer in single quotes")?.value;
    cursor.expect(&Token::RParen)?;
    Ok(TypeKind::Raw { class, serializer })
}

#[cfg(test)]
mod tests;
