//! Expressions of Flink's that sqlparser's grammar lacks, and how its tree carries them.
//!
//! | Flink | in the tree | taken apart by |
//! |---|---|---|
//! | `CAST(x AS t)`, `TRY_CAST` | `Expr::Cast`, the type as `DataType::Custom` | [`cast_type`](crate::cast_type) |
//! | `MAP[k, v, ..]`, `ARRAY[..]` | `Expr::Map`, `Expr::Array` | |
//! | `ROW(a, b)`, `(a, b)` | a call of `ROW`, `Expr::Tuple` | |
//! | `DATE '..'`, `TIME '..'`, `TIMESTAMP '..'`, `TIMESTAMP WITH LOCAL TIME ZONE '..'` | `Expr::TypedString` | [`literal_kind`] |
//! | `INTERVAL '1' DAY`, `INTERVAL -'1' DAY` | `Expr::Interval`; the sign is a `UnaryOp` around the text | |
//! | `INTERVAL x DAY` | `x * INTERVAL '1' DAY` in an `Expr::Nested` | |
//! | `(a - b) DAY TO SECOND` | `Expr::Interval` whose value is the `Expr::Nested` difference | [`interval_difference`] |
//! | `U&'..'`, `E'..'`, `N'..'`, `_UTF8'..'` | a plain string with its escapes resolved | |
//! | `UNKNOWN` | `CAST(NULL AS BOOLEAN)` | |
//! | `TIMESTAMPADD(DAY, ..)`, `TIMESTAMPDIFF(DAY, ..)` | a call whose first argument is a symbol | [`symbol`] |
//! | `EXTRACT(DAY FROM x)`, `FLOOR(x TO DAY)`, `CEIL(x TO DAY)` | `Expr::Extract`, `Expr::Floor`, `Expr::Ceil` | |
//! | `POSITION(a IN b FROM n)` | a call of `POSITION` with three arguments; without FROM `Expr::Position` | |
//! | `CASE a WHEN 1, 2 THEN r` | `Expr::Case` with one branch for each of the values | |
//! | `x IS [NOT] JSON [VALUE, OBJECT, ARRAY, SCALAR]` | a call | [`is_json`] |
//! | `x [NOT] BETWEEN SYMMETRIC a AND b` | a call | [`between_symmetric`] |
//! | `JSON_VALUE`, `JSON_QUERY`, `JSON_EXISTS`, `JSON_OBJECT`, `JSON_ARRAY`, `JSON_OBJECTAGG`, `JSON_ARRAYAGG` | a call: positional arguments first (key, value, key, value for objects), clauses behind them | [`json_arguments`], [`json_clauses`] |
//! | `TABLE t PARTITION BY k ORDER BY x` as an argument | a call | [`table_argument`] |
//! | `MODEL m`, `DEFAULT` as an argument | a call of `MODEL`, of `DEFAULT` without parentheses | [`is_default`] |
//! | `DESCRIPTOR(a, b)` | a call of `DESCRIPTOR` on names | |
//! | `FINAL LAST(a.x)`, `RUNNING LAST(a.x)` in MEASURES | a call of `FINAL`, `RUNNING` | |
//! | `FROM UNNEST(x) WITH ORDINALITY`, `LATERAL TABLE(f(x))`, `TABLE(f(x))`, `f(x)` | three kinds of `TableFactor` | [`table_function`] |
//!
//! A call that a user can't have written has a name that no unquoted name can be (a space in it, or a reserved word).

use sqlparser::ast::{
    CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, MapEntry, ObjectName, Value,
};
use sqlparser::tokenizer::Token;

use filbert_types::{LogicalType, Span, TypeKind};

use crate::cursor::Cursor;
use crate::data_type::{carry, cast_target};
use crate::error::{ParseError, Result};
use crate::source::sql_span;
use crate::words;

mod call;
mod datetime;
mod infix;
mod json;
mod take;

pub(crate) use infix::{infix, next_precedence};
pub use json::{JsonBehavior, JsonClauses, JsonWrapper, json_arguments, json_clauses};
pub use take::{
    IsJson, JsonKind, LiteralKind, TableArgument, TableArgumentSource, TableFunction,
    between_symmetric, interval_difference, is_default, is_json, literal_kind, symbol,
    table_argument, table_function,
};

/// The expression of ours that begins here, or none: then sqlparser's grammar goes on.
pub(crate) fn prefix(cursor: &mut Cursor<'_, '_>) -> Result<Option<Expr>> {
    if *cursor.peek() == Token::LBracket {
        return Err(
            ParseError::new("An array begins with ARRAY.", cursor.peek_span())
                .with_hint("Write ARRAY[1, 2]."),
        );
    }
    let Token::Word(word) = cursor.peek() else {
        return Ok(None);
    };
    if word.quote_style.is_some() {
        return Ok(None);
    }
    let upper = word.value.to_ascii_uppercase();
    if cursor.parser.peek_nth_token_ref(1).token == Token::RArrow {
        return named_argument(cursor);
    }
    if !words::is_keyword(&upper) {
        return Ok(None);
    }
    let called = cursor.parser.peek_nth_token_ref(1).token == Token::LParen;
    if called && let Some(expr) = special_call(cursor, &upper)? {
        return Ok(Some(expr));
    }
    match upper.as_str() {
        "CASE" => call::case(cursor).map(Some),
        "INTERVAL" => datetime::interval(cursor).map(Some),
        "DATE" | "TIME" | "TIMESTAMP" => datetime::literal(cursor, &upper),
        "UNKNOWN" => unknown(cursor).map(Some),
        "MAP" if bracket_follows(cursor) => map(cursor).map(Some),
        "MULTISET" if bracket_follows(cursor) => Err(ParseError::new(
            "MULTISET[..] is not supported.",
            cursor.peek_span(),
        )
        .with_hint("Use ARRAY[..], or the aggregate function COLLECT.")),
        "ARRAY" | "NOT" | "TRUE" | "FALSE" | "NULL" if !(called && upper == "ARRAY") => Ok(None),
        "TABLE" => call::table(cursor).map(Some),
        "VALUES" if in_parentheses(cursor) => {
            let query = cursor.parser.parse_query().map_err(|e| cursor.error(e))?;
            Ok(Some(Expr::Subquery(query)))
        }
        "MODEL" if name_follows(cursor) => call::model(cursor).map(Some),
        "FINAL" | "RUNNING" if name_follows(cursor) => call::modifier(cursor, &upper).map(Some),
        "DEFAULT" => call::default(cursor).map(Some),
        _ if called => function_name(cursor, &upper),
        _ if words::CONTEXT_WORDS.binary_search(&upper.as_str()).is_ok() => context(cursor, &upper),
        _ if words::is_reserved(&upper) => Err(reserved(cursor)),
        _ => Ok(None),
    }
}

/// sqlparser tries `name => value` first and forgets why that failed; here the value is tried again.
fn named_argument(cursor: &mut Cursor<'_, '_>) -> Result<Option<Expr>> {
    let name = cursor.index();
    let error = cursor.dialect.named_argument_error(name, || {
        let mut ahead = crate::cursor::parser(cursor.chunk, cursor.dialect);
        for _ in 0..name + 2 {
            ahead.advance_token();
        }
        ahead.parse_expr().err().map(|e| cursor.error(e))
    });
    error.map_or(Ok(None), Err)
}

/// Calls whose arguments have a grammar of their own.
fn special_call(cursor: &mut Cursor<'_, '_>, upper: &str) -> Result<Option<Expr>> {
    match upper {
        "CAST" => cast(cursor, CastKind::Cast).map(Some),
        "TRY_CAST" => cast(cursor, CastKind::TryCast).map(Some),
        "TRIM" => call::trim(cursor).map(Some),
        "POSITION" => call::position(cursor).map(Some),
        "EXTRACT" => datetime::extract(cursor).map(Some),
        "CEIL" | "CEILING" | "FLOOR" => datetime::round(cursor, upper == "FLOOR").map(Some),
        "TIMESTAMPADD" | "TIMESTAMPDIFF" => datetime::timestamp_call(cursor).map(Some),
        "JSON_VALUE" | "JSON_QUERY" | "JSON_EXISTS" | "JSON_OBJECT" | "JSON_ARRAY"
        | "JSON_OBJECTAGG" | "JSON_ARRAYAGG" => json::call(cursor, upper).map(Some),
        _ => Ok(None),
    }
}

/// A reserved word before a parenthesis: a function's name for a few.
fn function_name(cursor: &Cursor<'_, '_>, upper: &str) -> Result<Option<Expr>> {
    if words::is_reserved(upper) && words::CALL_WORDS.binary_search(&upper).is_err() {
        return Err(cursor.unexpected("an expression or a name"));
    }
    Ok(None)
}

fn context(cursor: &mut Cursor<'_, '_>, upper: &str) -> Result<Option<Expr>> {
    match upper {
        "CURRENT_DATE" | "CURRENT_TIME" | "CURRENT_TIMESTAMP" | "LOCALTIME" | "LOCALTIMESTAMP" => {
            Ok(None)
        }
        _ => {
            let name = take_ident(cursor);
            Ok(Some(Expr::Function(Function {
                args: FunctionArguments::None,
                ..function(name, Vec::new())
            })))
        }
    }
}

fn reserved(cursor: &Cursor<'_, '_>) -> ParseError {
    // `diagnose` knows whether the word was meant as a name or stands where an expression is missing.
    cursor.unexpected("an expression or a name")
}

/// Whether the last token read opens a parenthesis.
fn in_parentheses(cursor: &Cursor<'_, '_>) -> bool {
    let before = cursor
        .index()
        .checked_sub(1)
        .and_then(|i| cursor.chunk.tokens.get(i));
    before.is_some_and(|t| t.token == Token::LParen)
}

fn bracket_follows(cursor: &Cursor<'_, '_>) -> bool {
    cursor.parser.peek_nth_token_ref(1).token == Token::LBracket
}

fn name_follows(cursor: &Cursor<'_, '_>) -> bool {
    matches!(&cursor.parser.peek_nth_token_ref(1).token, Token::Word(w)
        if w.quote_style.is_some() || !words::is_reserved(&w.value.to_ascii_uppercase())
            || ["LAST", "FIRST", "SUM", "COUNT", "MIN", "MAX", "AVG"].contains(&w.value.to_ascii_uppercase().as_str()))
}

/// The next token, a word, as a name.
fn take_ident(cursor: &mut Cursor<'_, '_>) -> Ident {
    let token = cursor.parser.next_token();
    match token.token {
        Token::Word(word) => word.into_ident(token.span),
        other => Ident::with_span(token.span, other.to_string()),
    }
}

pub(crate) fn named(name: &str, place: Span) -> Ident {
    Ident::with_span(sql_span(place), name)
}

pub(crate) fn function(name: Ident, args: Vec<FunctionArg>) -> Function {
    Function {
        name: ObjectName::from(vec![name]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}

pub(crate) fn argument(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}

/// A keyword as an argument.
pub(crate) fn symbol_expr(word: &str, place: Span) -> Expr {
    Expr::Value(Value::Placeholder(word.to_string()).with_span(sql_span(place)))
}

pub(crate) fn parse_expr(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    cursor.parser.parse_expr().map_err(|e| cursor.error(e))
}

fn cast(cursor: &mut Cursor<'_, '_>, kind: CastKind) -> Result<Expr> {
    cursor.parser.advance_token();
    cursor.expect(&Token::LParen)?;
    let expr = parse_expr(cursor)?;
    cursor.expect_word("AS")?;
    let start = cursor.index();
    let ty = cast_target(cursor)?;
    let data_type = carry(&ty, cursor.span_since(start));
    cursor.expect(&Token::RParen)?;
    Ok(Expr::Cast {
        kind,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    })
}

fn unknown(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    let place = cursor.peek_span();
    cursor.parser.advance_token();
    Ok(Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::Value(Value::Null.with_span(sql_span(place)))),
        data_type: carry(&LogicalType::from(TypeKind::Boolean), place),
        array: false,
        format: None,
    })
}

fn map(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    cursor.parser.advance_token();
    cursor.expect(&Token::LBracket)?;
    let mut entries = Vec::new();
    if cursor.token(&Token::RBracket) {
        return Ok(Expr::Map(sqlparser::ast::Map { entries }));
    }
    loop {
        let key = Box::new(parse_expr(cursor)?);
        if *cursor.peek() == Token::RBracket {
            return Err(
                ParseError::new("This key of the map has no value.", cursor.peek_span())
                    .with_hint("A map lists keys and values in turn: MAP['a', 1, 'b', 2]."),
            );
        }
        cursor.expect(&Token::Comma)?;
        let value = Box::new(parse_expr(cursor)?);
        entries.push(MapEntry { key, value });
        if cursor.token(&Token::RBracket) {
            return Ok(Expr::Map(sqlparser::ast::Map { entries }));
        }
        if !cursor.token(&Token::Comma) {
            return Err(cursor.unexpected("',' or ']'"));
        }
    }
}

#[cfg(test)]
mod tests;
