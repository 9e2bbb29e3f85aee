//! Literals of time, and calls that take a unit of time.

use sqlparser::ast::{
    BinaryOperator, CeilFloorKind, DataType, DateTimeField, Expr, ExtractSyntax, Ident, Interval,
    TimezoneInfo, TypedString, UnaryOperator, Value,
};
use sqlparser::tokenizer::Token;

use filbert_types::{LogicalType, TypeKind};

use super::{argument, function, parse_expr, symbol_expr, take_ident};
use crate::cursor::Cursor;
use crate::data_type::carry;
use crate::diagnose;
use crate::error::{ParseError, Result};
use crate::source::sql_span;

/// `DATE '..'` and its like; none when no text follows, but a call may.
pub(super) fn literal(cursor: &mut Cursor<'_, '_>, upper: &str) -> Result<Option<Expr>> {
    let text_at = |c: &Cursor<'_, '_>, n: usize| {
        matches!(
            c.parser.peek_nth_token_ref(n).token,
            Token::SingleQuotedString(_)
        )
    };
    let place = cursor.peek_span();
    let zoned = |c: &Cursor<'_, '_>, words: &[&str]| {
        words
            .iter()
            .enumerate()
            .all(|(i, w)| c.peek_nth_word(i + 1, w))
    };
    if upper == "TIMESTAMP"
        && zoned(cursor, &["WITH", "LOCAL", "TIME", "ZONE"])
        && text_at(cursor, 5)
    {
        cursor.words(&["TIMESTAMP", "WITH", "LOCAL", "TIME", "ZONE"]);
        let ty = LogicalType::from(TypeKind::timestamp_ltz(6));
        return typed(cursor, carry(&ty, place)).map(Some);
    }
    if zoned(cursor, &["WITH", "TIME", "ZONE"]) && text_at(cursor, 4) {
        return Err(
            ParseError::new(format!("{upper} WITH TIME ZONE is not supported."), place)
                .with_hint("Use TIMESTAMP WITH LOCAL TIME ZONE '..'."),
        );
    }
    if zoned(cursor, &["WITHOUT", "TIME", "ZONE"]) && text_at(cursor, 4) {
        cursor.words(&[upper, "WITHOUT", "TIME", "ZONE"]);
    } else if text_at(cursor, 1) {
        cursor.parser.advance_token();
    } else if cursor.parser.peek_nth_token_ref(1).token == Token::LParen {
        return Ok(None);
    } else {
        return Err(cursor.unexpected("an expression or a name"));
    }
    let data_type = match upper {
        "DATE" => DataType::Date,
        "TIME" => DataType::Time(None, TimezoneInfo::None),
        _ => DataType::Timestamp(None, TimezoneInfo::None),
    };
    typed(cursor, data_type).map(Some)
}

fn typed(cursor: &mut Cursor<'_, '_>, data_type: DataType) -> Result<Expr> {
    let text = cursor.string("a text in single quotes")?;
    Ok(Expr::TypedString(TypedString {
        data_type,
        value: Value::SingleQuotedString(text.value).with_span(sql_span(text.span)),
        uses_odbc_syntax: false,
    }))
}

/// `INTERVAL [+ | -] '..' qualifier`.
pub(super) fn interval(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    cursor.parser.advance_token();
    let op = if cursor.token(&Token::Minus) {
        Some(UnaryOperator::Minus)
    } else if cursor.token(&Token::Plus) {
        Some(UnaryOperator::Plus)
    } else {
        None
    };
    let value = match cursor.peek() {
        Token::SingleQuotedString(_) => {
            let text = cursor.string("the interval in single quotes")?;
            Expr::Value(Value::SingleQuotedString(text.value).with_span(sql_span(text.span)))
        }
        Token::Number(digits, _) => {
            let value = Value::SingleQuotedString(digits.clone());
            let place = cursor.peek_span();
            cursor.parser.advance_token();
            Expr::Value(value.with_span(sql_span(place)))
        }
        Token::LParen | Token::Word(_) if op.is_none() => return scaled(cursor),
        _ => return Err(cursor.unexpected("the interval's value in single quotes")),
    };
    let value = match op {
        Some(op) => Expr::UnaryOp {
            op,
            expr: Box::new(value),
        },
        None => value,
    };
    qualified(cursor, value)
}

/// `INTERVAL x DAY` is `x * INTERVAL '1' DAY`.
fn scaled(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    let place = cursor.peek_span();
    let factor = cursor.parser.parse_prefix().map_err(|e| cursor.error(e))?;
    let factor = cursor
        .parser
        .parse_compound_expr(factor, Vec::new())
        .map_err(|e| cursor.error(e))?;
    let one = Value::SingleQuotedString("1".to_string()).with_span(sql_span(place));
    let unit = qualified(cursor, Expr::Value(one))?;
    Ok(Expr::Nested(Box::new(Expr::BinaryOp {
        left: Box::new(factor),
        op: BinaryOperator::Multiply,
        right: Box::new(unit),
    })))
}

/// The units that an interval can begin with; each may be written in the plural.
const UNITS: &[&str] = &[
    "YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "YEARS", "QUARTERS",
    "MONTHS", "WEEKS", "DAYS", "HOURS", "MINUTES", "SECONDS",
];

/// Whether an interval's qualifier begins at the next token.
pub(super) fn begins_qualifier(token: &Token) -> bool {
    UNITS.iter().any(|u| crate::source::is_word(token, u))
}

/// `value DAY(2) TO SECOND(3)`.
pub(super) fn qualified(cursor: &mut Cursor<'_, '_>, value: Expr) -> Result<Expr> {
    let Some(unit) = cursor.one_of(UNITS) else {
        return Err(diagnose::unexpected_word(
            cursor,
            &[
                "YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND",
            ],
        )
        .with_missing_hint("An interval needs its unit: INTERVAL '1' DAY."));
    };
    let unit = unit.strip_suffix('S').unwrap_or(unit);
    let mut leading_precision = None;
    let mut fractional_seconds_precision = None;
    if cursor.token(&Token::LParen) {
        leading_precision = Some(u64::from(cursor.uint("a number of digits")?));
        if unit == "SECOND" && cursor.token(&Token::Comma) {
            fractional_seconds_precision = Some(u64::from(cursor.uint("a number of digits")?));
        }
        cursor.expect(&Token::RParen)?;
    }
    let mut last_field = None;
    if cursor.peek_word("TO") {
        let ends: &[&'static str] = match unit {
            "YEAR" => &["MONTH"],
            "DAY" => &["HOUR", "MINUTE", "SECOND"],
            "HOUR" => &["MINUTE", "SECOND"],
            "MINUTE" => &["SECOND"],
            _ => return Err(cursor.unexpected("no TO after this unit")),
        };
        cursor.parser.advance_token();
        let last = cursor.expect_one_of(ends)?;
        last_field = Some(field(last, cursor.peek_span()));
        if last == "SECOND" && cursor.token(&Token::LParen) {
            fractional_seconds_precision = Some(u64::from(cursor.uint("a number of digits")?));
            cursor.expect(&Token::RParen)?;
        }
    }
    Ok(Expr::Interval(Interval {
        value: Box::new(value),
        leading_field: Some(field(unit, cursor.peek_span())),
        leading_precision,
        last_field,
        fractional_seconds_precision,
    }))
}

/// The units that EXTRACT, FLOOR and their like take.
const TIME_UNITS: &[&str] = &[
    "YEAR",
    "QUARTER",
    "MONTH",
    "WEEK",
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "MILLISECOND",
    "MICROSECOND",
    "NANOSECOND",
    "DOW",
    "DOY",
    "ISODOW",
    "ISOYEAR",
    "EPOCH",
    "DECADE",
    "CENTURY",
    "MILLENNIUM",
];

fn field(unit: &str, place: filbert_types::Span) -> DateTimeField {
    match unit {
        "YEAR" => DateTimeField::Year,
        "QUARTER" => DateTimeField::Quarter,
        "MONTH" => DateTimeField::Month,
        "WEEK" => DateTimeField::Week(None),
        "DAY" => DateTimeField::Day,
        "HOUR" => DateTimeField::Hour,
        "MINUTE" => DateTimeField::Minute,
        "SECOND" => DateTimeField::Second,
        "MILLISECOND" => DateTimeField::Millisecond,
        "MICROSECOND" => DateTimeField::Microsecond,
        "NANOSECOND" => DateTimeField::Nanosecond,
        "DOW" => DateTimeField::Dow,
        "DOY" => DateTimeField::Doy,
        "ISODOW" => DateTimeField::Isodow,
        "ISOYEAR" => DateTimeField::Isoyear,
        "EPOCH" => DateTimeField::Epoch,
        "DECADE" => DateTimeField::Decade,
        "CENTURY" => DateTimeField::Century,
        "MILLENNIUM" => DateTimeField::Millennium,
        other => DateTimeField::Custom(Ident::with_span(sql_span(place), other)),
    }
}

fn time_unit(cursor: &mut Cursor<'_, '_>) -> Result<DateTimeField> {
    let place = cursor.peek_span();
    Ok(field(cursor.expect_one_of(TIME_UNITS)?, place))
}

/// `EXTRACT(unit FROM x)`.
pub(super) fn extract(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    cursor.parser.advance_token();
    cursor.expect(&Token::LParen)?;
    let field = time_unit(cursor)?;
    cursor.expect_word("FROM")?;
    let expr = parse_expr(cursor)?;
    cursor.expect(&Token::RParen)?;
    Ok(Expr::Extract {
        field,
        syntax: ExtractSyntax::From,
        expr: Box::new(expr),
    })
}

/// `FLOOR(x [TO unit])` and CEIL's.
pub(super) fn round(cursor: &mut Cursor<'_, '_>, floor: bool) -> Result<Expr> {
    cursor.parser.advance_token();
    cursor.expect(&Token::LParen)?;
    let expr = Box::new(parse_expr(cursor)?);
    let field = CeilFloorKind::DateTimeField(if cursor.word("TO") {
        time_unit(cursor)?
    } else {
        DateTimeField::NoDateTime
    });
    cursor.expect(&Token::RParen)?;
    Ok(if floor {
        Expr::Floor { expr, field }
    } else {
        Expr::Ceil { expr, field }
    })
}

/// `TIMESTAMPADD(unit, n, x)` and `TIMESTAMPDIFF(unit, a, b)`.
pub(super) fn timestamp_call(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    let name = take_ident(cursor);
    cursor.expect(&Token::LParen)?;
    let place = cursor.peek_span();
    let Token::Word(word) = cursor.peek() else {
        return Err(cursor.unexpected("a unit of time such as DAY"));
    };
    let upper = word.value.to_ascii_uppercase();
    let unit = upper.strip_prefix("SQL_TSI_").unwrap_or(&upper).to_string();
    if unit != "FRAC_SECOND" && !TIME_UNITS.contains(&unit.as_str()) {
        return Err(diagnose::unexpected_word(cursor, TIME_UNITS));
    }
    cursor.parser.advance_token();
    let mut args = vec![argument(symbol_expr(&unit, place))];
    while cursor.token(&Token::Comma) {
        args.push(argument(parse_expr(cursor)?));
    }
    if !cursor.token(&Token::RParen) {
        return Err(cursor.unexpected("',' or ')'"));
    }
    Ok(Expr::Function(function(name, args)))
}
