//! Calls and constructs in brackets of words: CASE, TRIM, POSITION, and the arguments of table functions.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    CaseWhen, Expr, Function, FunctionArguments, ObjectName, OrderByExpr, TrimWhereField,
    WindowSpec, WindowType,
};
use sqlparser::dialect::{Dialect, Precedence};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::{argument, function, named, parse_expr, take_ident};
use crate::cursor::Cursor;
use crate::error::Result;

/// CASE in both forms; several values after WHEN are as many branches.
pub(super) fn case(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    let case_token = AttachedToken(cursor.parser.next_token());
    let operand = if cursor.peek_word("WHEN") {
        None
    } else {
        Some(Box::new(parse_expr(cursor)?))
    };
    let mut conditions = Vec::new();
    cursor.expect_word("WHEN")?;
    loop {
        let values = if operand.is_some() {
            cursor.comma_separated(parse_expr)?
        } else {
            vec![parse_expr(cursor)?]
        };
        cursor.expect_word("THEN")?;
        let result = parse_expr(cursor)?;
        conditions.extend(values.into_iter().map(|condition| CaseWhen {
            condition,
            result: result.clone(),
        }));
        if !cursor.word("WHEN") {
            break;
        }
    }
    let else_result = if cursor.word("ELSE") {
        Some(Box::new(parse_expr(cursor)?))
    } else {
        None
    };
    if !cursor.peek_word("END") {
        return Err(cursor.unexpected("WHEN, ELSE or END of this CASE"));
    }
    let end_token = AttachedToken(cursor.parser.next_token());
    Ok(Expr::Case {
        case_token,
        end_token,
        operand,
        conditions,
        else_result,
    })
}

/// `TRIM([LEADING | TRAILING | BOTH] [what] FROM x)` and `TRIM(x)`.
pub(super) fn trim(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    cursor.parser.advance_token();
    cursor.expect(&Token::LParen)?;
    let trim_where = match cursor.one_of(&["BOTH", "LEADING", "TRAILING"]) {
        Some("BOTH") => Some(TrimWhereField::Both),
        Some("LEADING") => Some(TrimWhereField::Leading),
        Some(_) => Some(TrimWhereField::Trailing),
        None => None,
    };
    let mut trim_what = None;
    let expr = if trim_where.is_some() && cursor.word("FROM") {
        parse_expr(cursor)?
    } else {
        let first = parse_expr(cursor)?;
        if trim_where.is_some() || cursor.peek_word("FROM") {
            cursor.expect_word("FROM")?;
            trim_what = Some(Box::new(first));
            parse_expr(cursor)?
        } else {
            first
        }
    };
    cursor.expect(&Token::RParen)?;
    Ok(Expr::Trim {
        expr: Box::new(expr),
        trim_where,
        trim_what,
        trim_characters: None,
    })
}

/// `POSITION(a IN b [FROM n])`.
pub(super) fn position(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    let name = take_ident(cursor);
    cursor.expect(&Token::LParen)?;
    let precedence = cursor.dialect.prec_value(Precedence::Between);
    let what = cursor
        .parser
        .parse_subexpr(precedence)
        .map_err(|e| cursor.error(e))?;
    if !cursor.word("IN") {
        return Err(cursor
            .unexpected("IN")
            .with_hint("POSITION(part IN text), or LOCATE(part, text)."));
    }
    let text = parse_expr(cursor)?;
    let from = if cursor.word("FROM") {
        Some(parse_expr(cursor)?)
    } else {
        None
    };
    cursor.expect(&Token::RParen)?;
    Ok(match from {
        None => Expr::Position {
            expr: Box::new(what),
            r#in: Box::new(text),
        },
        Some(from) => Expr::Function(function(
            name,
            vec![argument(what), argument(text), argument(from)],
        )),
    })
}

/// `TABLE t [PARTITION BY ..] [ORDER BY ..]` or `TABLE (query) ..`: a table as an argument.
pub(super) fn table(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    let keyword = take_ident(cursor);
    let source = if cursor.token(&Token::LParen) {
        let query = cursor.parser.parse_query().map_err(|e| cursor.error(e))?;
        cursor.expect(&Token::RParen)?;
        Expr::Subquery(query)
    } else {
        let name = cursor.object_path()?;
        let mut parts: Vec<_> = name.parts.iter().map(|p| named(&p.value, p.span)).collect();
        if parts.len() == 1 {
            Expr::Identifier(parts.remove(0))
        } else {
            Expr::CompoundIdentifier(parts)
        }
    };
    table_of(cursor, keyword, source)
}

/// `(query) PARTITION BY ..`, at the PARTITION.
pub(super) fn partitioned(cursor: &mut Cursor<'_, '_>, query: Expr) -> Result<Expr> {
    let place = cursor.peek_span();
    table_of(cursor, named("TABLE", place), query)
}

fn table_of(
    cursor: &mut Cursor<'_, '_>,
    keyword: sqlparser::ast::Ident,
    source: Expr,
) -> Result<Expr> {
    let (partition_by, order_by) = partitioning(cursor)?;
    Ok(Expr::Function(Function {
        over: Some(WindowType::WindowSpec(WindowSpec {
            window_name: None,
            partition_by,
            order_by,
            window_frame: None,
        })),
        ..function(keyword, vec![argument(source)])
    }))
}

/// `PARTITION BY` one expression or several in parentheses, and `ORDER BY` likewise.
fn partitioning(cursor: &mut Cursor<'_, '_>) -> Result<(Vec<Expr>, Vec<OrderByExpr>)> {
    let mut partition_by = Vec::new();
    if cursor.words(&["PARTITION", "BY"]) {
        partition_by = if cursor.token(&Token::LParen) {
            let keys = cursor.comma_separated(parse_expr)?;
            cursor.expect(&Token::RParen)?;
            keys
        } else {
            vec![parse_expr(cursor)?]
        };
    }
    let mut order_by = Vec::new();
    if cursor.words(&["ORDER", "BY"]) {
        let mut item =
            |c: &mut Cursor<'_, '_>| Parser::parse_order_by_expr(c.parser).map_err(|e| c.error(e));
        order_by = if cursor.token(&Token::LParen) {
            let keys = cursor.comma_separated(&mut item)?;
            cursor.expect(&Token::RParen)?;
            keys
        } else {
            vec![item(cursor)?]
        };
    }
    Ok((partition_by, order_by))
}

/// `MODEL m`.
pub(super) fn model(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    let keyword = take_ident(cursor);
    let name = cursor.object_path()?;
    let parts = name.parts.iter().map(|p| named(&p.value, p.span)).collect();
    Ok(Expr::Function(function(
        keyword,
        vec![argument(Expr::CompoundIdentifier(parts))],
    )))
}

/// `FINAL f(x)` or `RUNNING f(x)`.
pub(super) fn modifier(cursor: &mut Cursor<'_, '_>, upper: &str) -> Result<Expr> {
    let place = cursor.peek_span();
    cursor.parser.advance_token();
    let precedence = cursor.dialect.prec_value(Precedence::Period);
    let call = cursor
        .parser
        .parse_subexpr(precedence)
        .map_err(|e| cursor.error(e))?;
    Ok(Expr::Function(function(
        named(upper, place),
        vec![argument(call)],
    )))
}

/// DEFAULT in place of an argument.
pub(super) fn default(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    let keyword = take_ident(cursor);
    Ok(Expr::Function(Function {
        name: ObjectName::from(vec![keyword.clone()]),
        args: FunctionArguments::None,
        ..function(keyword, Vec::new())
    }))
}
