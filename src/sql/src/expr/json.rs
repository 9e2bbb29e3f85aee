//! The JSON functions: their clauses are arguments behind the positional ones, under names with a space in them.

use sqlparser::ast::{
    CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArguments,
    Ident, OrderByExpr, Value, WindowType,
};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use filbert_types::LogicalType;

use super::{argument, function, named, parse_expr, symbol, symbol_expr, take_ident};
use crate::cursor::Cursor;
use crate::data_type::{carry, cast_type, logical_type};
use crate::error::{ParseError, Result};
use crate::source::sql_span;

const RETURNING: &str = "RETURNING TYPE";
const WRAPPER: &str = "WITH WRAPPER";
const ON_EMPTY: &str = "ON EMPTY";
const ON_ERROR: &str = "ON ERROR";
const ON_NULL: &str = "ON NULL";
const DEFAULT: &str = "DEFAULT ";

/// What a JSON function does where it has no value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum JsonBehavior<'a> {
    Null,
    Error,
    True,
    False,
    Unknown,
    EmptyArray,
    EmptyObject,
    Default(&'a Expr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonWrapper {
    Without,
    Conditional,
    Unconditional,
}

/// The clauses of a JSON function, as far as written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JsonClauses<'a> {
    pub returning: Option<LogicalType>,
    pub wrapper: Option<JsonWrapper>,
    pub on_empty: Option<JsonBehavior<'a>>,
    pub on_error: Option<JsonBehavior<'a>>,
    /// `ABSENT ON NULL` is true, `NULL ON NULL` false.
    pub absent_on_null: Option<bool>,
}

fn list(function: &Function) -> &[FunctionArg] {
    match &function.args {
        FunctionArguments::List(list) => &list.args,
        _ => &[],
    }
}

/// The arguments of a JSON function without its clauses; keys and values in turn for JSON_OBJECT and JSON_OBJECTAGG.
pub fn json_arguments(function: &Function) -> Vec<&Expr> {
    list(function)
        .iter()
        .filter_map(|a| match a {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

/// The clauses of a JSON function.
pub fn json_clauses(function: &Function) -> JsonClauses<'_> {
    let mut clauses = JsonClauses::default();
    for arg in list(function) {
        let FunctionArg::Named {
            name,
            arg: FunctionArgExpr::Expr(value),
            ..
        } = arg
        else {
            continue;
        };
        if name.quote_style.is_some() {
            continue;
        }
        match name.value.as_str() {
            RETURNING => {
                if let Expr::Cast { data_type, .. } = value {
                    clauses.returning = cast_type(data_type).ok();
                }
            }
            WRAPPER => clauses.wrapper = symbol(value).map(wrapper_of),
            ON_EMPTY => clauses.on_empty = Some(behavior_of(value)),
            ON_ERROR => clauses.on_error = Some(behavior_of(value)),
            ON_NULL => clauses.absent_on_null = symbol(value).map(|s| s == "ABSENT"),
            _ => {}
        }
    }
    clauses
}

fn wrapper_of(word: &str) -> JsonWrapper {
    match word {
        "CONDITIONAL" => JsonWrapper::Conditional,
        "UNCONDITIONAL" => JsonWrapper::Unconditional,
        _ => JsonWrapper::Without,
    }
}

fn behavior_of(value: &Expr) -> JsonBehavior<'_> {
    match symbol(value) {
        Some("NULL") => JsonBehavior::Null,
        Some("ERROR") => JsonBehavior::Error,
        Some("TRUE") => JsonBehavior::True,
        Some("FALSE") => JsonBehavior::False,
        Some("UNKNOWN") => JsonBehavior::Unknown,
        Some("EMPTY ARRAY") => JsonBehavior::EmptyArray,
        Some("EMPTY OBJECT") => JsonBehavior::EmptyObject,
        _ => JsonBehavior::Default(value),
    }
}

/// A JSON function's call, its clauses and what may follow an aggregate.
pub(super) fn call(cursor: &mut Cursor<'_, '_>, upper: &str) -> Result<Expr> {
    let name = take_ident(cursor);
    cursor.expect(&Token::LParen)?;
    let mut args = Vec::new();
    let mut order_by = Vec::new();
    match upper {
        "JSON_VALUE" | "JSON_QUERY" | "JSON_EXISTS" => path_call(cursor, upper, &mut args)?,
        "JSON_OBJECT" => object(cursor, &mut args)?,
        "JSON_OBJECTAGG" => {
            key_value(cursor, &mut args)?;
            null_clause(cursor, &mut args)?;
        }
        "JSON_ARRAY" => array(cursor, &mut args)?,
        _ => {
            args.push(argument(parse_expr(cursor)?));
            order_by = order(cursor)?;
            null_clause(cursor, &mut args)?;
        }
    }
    if !cursor.token(&Token::RParen) {
        return Err(cursor.unexpected(&format!("',', ')' or a clause of {upper}")));
    }
    let mut function = Function {
        within_group: order_by,
        ..function(name, args)
    };
    if upper.ends_with("AGG") {
        suffix(cursor, &mut function)?;
    }
    Ok(Expr::Function(function))
}

/// `ORDER BY a, b`, or nothing.
fn order(cursor: &mut Cursor<'_, '_>) -> Result<Vec<OrderByExpr>> {
    if !cursor.words(&["ORDER", "BY"]) {
        return Ok(Vec::new());
    }
    cursor.comma_separated(|c| Parser::parse_order_by_expr(c.parser).map_err(|e| c.error(e)))
}

fn clause(name: &str, value: Expr, cursor: &Cursor<'_, '_>) -> FunctionArg {
    FunctionArg::Named {
        name: Ident::with_span(sql_span(cursor.peek_span()), name),
        arg: FunctionArgExpr::Expr(value),
        operator: FunctionArgOperator::RightArrow,
    }
}

fn path_call(cursor: &mut Cursor<'_, '_>, upper: &str, args: &mut Vec<FunctionArg>) -> Result<()> {
    args.push(argument(parse_expr(cursor)?));
    if !cursor.token(&Token::Comma) {
        return Err(cursor.unexpected(&format!("',' and the path of {upper}(<STRING>, <PATH>)")));
    }
    args.push(argument(parse_expr(cursor)?));
    if upper != "JSON_EXISTS" && cursor.word("RETURNING") {
        let start = cursor.index();
        let ty = logical_type(cursor)?;
        let place = cursor.span_since(start);
        if !ty.nullable {
            return Err(ParseError::new(
                "RETURNING has a type without NOT NULL",
                place,
            ));
        }
        let null = Value::Null.with_span(sql_span(place));
        let carrier = Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(Expr::Value(null)),
            data_type: carry(&ty, place),
            array: false,
            format: None,
        };
        args.push(clause(RETURNING, carrier, cursor));
    }
    if upper == "JSON_QUERY"
        && let Some(word) = wrapper(cursor)?
    {
        let place = cursor.peek_span();
        args.push(clause(WRAPPER, symbol_expr(word, place), cursor));
    }
    while *cursor.peek() != Token::RParen {
        behavior_clause(cursor, upper, args)?;
    }
    Ok(())
}

/// `WITHOUT [ARRAY] WRAPPER` or `WITH [CONDITIONAL | UNCONDITIONAL] [ARRAY] WRAPPER`.
fn wrapper(cursor: &mut Cursor<'_, '_>) -> Result<Option<&'static str>> {
    let word = if cursor.word("WITHOUT") {
        "WITHOUT"
    } else if cursor.word("WITH") {
        cursor
            .one_of(&["CONDITIONAL", "UNCONDITIONAL"])
            .unwrap_or("UNCONDITIONAL")
    } else {
        return Ok(None);
    };
    cursor.word("ARRAY");
    cursor.expect_word("WRAPPER")?;
    Ok(Some(word))
}

/// `behavior ON EMPTY` or `behavior ON ERROR`.
fn behavior_clause(
    cursor: &mut Cursor<'_, '_>,
    upper: &str,
    args: &mut Vec<FunctionArg>,
) -> Result<()> {
    let words: &[&'static str] = match upper {
        "JSON_EXISTS" => &["TRUE", "FALSE", "UNKNOWN", "ERROR"],
        "JSON_VALUE" => &["NULL", "ERROR", "DEFAULT"],
        _ => &["NULL", "ERROR", "EMPTY"],
    };
    let place = cursor.peek_span();
    let value = match cursor.expect_one_of(words)? {
        "DEFAULT" => {
            let value = parse_expr(cursor)?;
            // A plain DEFAULT is kept apart from the symbols by being none.
            if symbol(&value).is_some() {
                return Err(ParseError::new(format!("{DEFAULT}needs a value."), place));
            }
            value
        }
        "EMPTY" => match cursor.expect_one_of(&["ARRAY", "OBJECT"])? {
            "OBJECT" => symbol_expr("EMPTY OBJECT", place),
            _ => symbol_expr("EMPTY ARRAY", place),
        },
        word => symbol_expr(word, place),
    };
    cursor.expect_word("ON")?;
    let ends: &[&'static str] = if upper == "JSON_EXISTS" {
        &["ERROR"]
    } else {
        &["EMPTY", "ERROR"]
    };
    let name = match cursor.expect_one_of(ends)? {
        "EMPTY" => ON_EMPTY,
        _ => ON_ERROR,
    };
    let taken = args
        .iter()
        .any(|a| matches!(a, FunctionArg::Named { name: n, .. } if n.value == name));
    if taken {
        return Err(ParseError::new(
            format!("{upper} has two {name} clauses."),
            place,
        ));
    }
    args.push(clause(name, value, cursor));
    Ok(())
}

fn object(cursor: &mut Cursor<'_, '_>, args: &mut Vec<FunctionArg>) -> Result<()> {
    if *cursor.peek() == Token::RParen || null_clause(cursor, args)? {
        return Ok(());
    }
    loop {
        key_value(cursor, args)?;
        if !cursor.token(&Token::Comma) {
            break;
        }
    }
    null_clause(cursor, args).map(|_| ())
}

/// `[KEY] k VALUE v` or `k : v`.
fn key_value(cursor: &mut Cursor<'_, '_>, args: &mut Vec<FunctionArg>) -> Result<()> {
    let keyword = cursor.peek_word("KEY")
        && !matches!(
            cursor.parser.peek_nth_token_ref(1).token,
            Token::Colon | Token::Period | Token::LParen
        )
        && !cursor.peek_nth_word(1, "VALUE");
    if keyword {
        cursor.parser.advance_token();
    }
    args.push(argument(parse_expr(cursor)?));
    if !cursor.word("VALUE") && !cursor.token(&Token::Colon) {
        return Err(cursor.unexpected("VALUE after the key"));
    }
    args.push(argument(parse_expr(cursor)?));
    Ok(())
}

fn array(cursor: &mut Cursor<'_, '_>, args: &mut Vec<FunctionArg>) -> Result<()> {
    if *cursor.peek() == Token::RParen || null_clause(cursor, args)? {
        return Ok(());
    }
    loop {
        args.push(argument(parse_expr(cursor)?));
        if !cursor.token(&Token::Comma) {
            break;
        }
    }
    null_clause(cursor, args).map(|_| ())
}

/// `NULL ON NULL` or `ABSENT ON NULL`; false when none stands here.
fn null_clause(cursor: &mut Cursor<'_, '_>, args: &mut Vec<FunctionArg>) -> Result<bool> {
    let starts =
        (cursor.peek_word("NULL") || cursor.peek_word("ABSENT")) && cursor.peek_nth_word(1, "ON");
    if !starts {
        return Ok(false);
    }
    let place = cursor.peek_span();
    let word = cursor.expect_one_of(&["NULL", "ABSENT"])?;
    cursor.expect_words(&["ON", "NULL"])?;
    args.push(clause(ON_NULL, symbol_expr(word, place), cursor));
    Ok(true)
}

/// FILTER and OVER.
fn suffix(cursor: &mut Cursor<'_, '_>, function: &mut Function) -> Result<()> {
    if cursor.words(&["WITHIN", "GROUP"]) {
        cursor.expect(&Token::LParen)?;
        function.within_group = order(cursor)?;
        cursor.expect(&Token::RParen)?;
    }
    if cursor.word("FILTER") {
        cursor.expect(&Token::LParen)?;
        cursor.expect_word("WHERE")?;
        function.filter = Some(Box::new(parse_expr(cursor)?));
        cursor.expect(&Token::RParen)?;
    }
    if cursor.word("OVER") {
        function.over = Some(if cursor.token(&Token::LParen) {
            WindowType::WindowSpec(
                cursor
                    .parser
                    .parse_window_spec()
                    .map_err(|e| cursor.error(e))?,
            )
        } else {
            let name = cursor.ident()?;
            WindowType::NamedWindow(named(&name.value, name.span))
        });
    }
    Ok(())
}
