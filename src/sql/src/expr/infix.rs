use sqlparser::ast::Expr;
use sqlparser::dialect::{Dialect, Precedence};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::datetime::{begins_qualifier, qualified};
use super::{argument, function, named};
use crate::cursor::Cursor;
use crate::dialect::FlinkDialect;
use crate::error::{ParseError, Result};
use crate::source::is_word;

/// The most operators that one statement may chain: their trees lean left, one level each, and whoever walks them
/// recurses.
const OPERATORS_MAX: usize = 2000;

/// How tightly the operator of ours that comes next binds; none leaves it to sqlparser.
pub(crate) fn next_precedence(parser: &Parser<'_>, dialect: &FlinkDialect) -> Option<u8> {
    let token = &parser.peek_token_ref().token;
    if begins_qualifier(token) && after_difference(parser) {
        return Some(dialect.prec_value(Precedence::DoubleColon));
    }
    if follows_query(parser) {
        return Some(dialect.prec_value(Precedence::Period));
    }
    // To sqlparser a colon is a path into JSON, a question mark an operator of PostgreSQL's.
    matches!(
        token,
        Token::Colon | Token::Question | Token::Char(_) | Token::Pipe | Token::Caret
    )
    .then_some(0)
}

/// Whether `PARTITION BY` comes behind a parenthesis: `(SELECT ..) PARTITION BY k` as an argument.
fn follows_query(parser: &Parser<'_>) -> bool {
    let is = |token: &Token, word: &str| matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word));
    let behind = parser.token_at(parser.get_current_index());
    behind.token == Token::RParen
        && is(&parser.peek_nth_token_ref(0).token, "PARTITION")
        && is(&parser.peek_nth_token_ref(1).token, "BY")
}

/// Whether the tokens before are `.. - ..)`: then DAY is the difference's unit and no alias.
fn after_difference(parser: &Parser<'_>) -> bool {
    let end = parser.get_current_index();
    if parser.token_at(end).token != Token::RParen {
        return false;
    }
    let mut depth = 0usize;
    let mut minus = false;
    for i in (0..=end).rev() {
        match parser.token_at(i).token {
            Token::RParen => depth += 1,
            Token::LParen => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    let called = i > 0
                        && matches!(&parser.token_at(i - 1).token, Token::Word(w)
                        if w.quote_style.is_some() || !crate::words::is_reserved(&w.value.to_ascii_uppercase()));
                    return minus && !called;
                }
            }
            Token::Minus if depth == 1 => minus = true,
            _ => {}
        }
    }
    false
}

/// The operator of ours that comes next, or none.
pub(crate) fn infix(
    cursor: &mut Cursor<'_, '_>,
    left: &Expr,
    precedence: u8,
) -> Result<Option<Expr>> {
    if cursor.dialect.count_operator() > OPERATORS_MAX {
        return Err(ParseError::new(
            format!("The statement chains more than {OPERATORS_MAX} operators."),
            cursor.peek_span(),
        )
        .with_hint("Use IN (..) instead of many ORs, or split the statement."));
    }
    let Token::Word(word) = cursor.peek() else {
        return Ok(None);
    };
    match word.value.to_ascii_uppercase().as_str() {
        "IS" => is(cursor, left),
        "PARTITION" if matches!(left, Expr::Subquery(_)) && cursor.peek_nth_word(1, "BY") => {
            super::call::partitioned(cursor, left.clone()).map(Some)
        }
        "BETWEEN" => between(cursor, left, false),
        "NOT" if cursor.peek_nth_word(1, "BETWEEN") => between(cursor, left, true),
        _ if begins_qualifier(cursor.peek())
            && precedence == cursor.dialect.prec_value(Precedence::DoubleColon) =>
        {
            qualified(cursor, left.clone()).map(Some)
        }
        _ => Ok(None),
    }
}

/// IS JSON, and IS DISTINCT FROM, whose right side sqlparser reads too far.
fn is(cursor: &mut Cursor<'_, '_>, left: &Expr) -> Result<Option<Expr>> {
    let place = cursor.peek_span();
    let not = usize::from(cursor.peek_nth_word(1, "NOT"));
    if cursor.peek_nth_word(1 + not, "JSON") {
        for _ in 0..2 + not {
            cursor.parser.advance_token();
        }
        let kind = cursor
            .one_of(&["VALUE", "OBJECT", "ARRAY", "SCALAR"])
            .unwrap_or("VALUE");
        let name = if not == 1 {
            format!("IS NOT JSON {kind}")
        } else {
            format!("IS JSON {kind}")
        };
        return Ok(Some(Expr::Function(function(
            named(&name, place),
            vec![argument(left.clone())],
        ))));
    }
    if cursor.peek_nth_word(1 + not, "DISTINCT") && cursor.peek_nth_word(2 + not, "FROM") {
        for _ in 0..3 + not {
            cursor.parser.advance_token();
        }
        let right = Box::new(operand(cursor, Precedence::Eq)?);
        let left = Box::new(left.clone());
        return Ok(Some(if not == 1 {
            Expr::IsNotDistinctFrom(left, right)
        } else {
            Expr::IsDistinctFrom(left, right)
        }));
    }
    Ok(None)
}

fn operand(cursor: &mut Cursor<'_, '_>, precedence: Precedence) -> Result<Expr> {
    let precedence = cursor.dialect.prec_value(precedence);
    cursor
        .parser
        .parse_subexpr(precedence)
        .map_err(|e| cursor.error(e))
}

fn between(cursor: &mut Cursor<'_, '_>, left: &Expr, negated: bool) -> Result<Option<Expr>> {
    let place = cursor.peek_span();
    let at = 1 + usize::from(negated);
    let word = &cursor.parser.peek_nth_token_ref(at).token;
    let symmetric = is_word(word, "SYMMETRIC");
    if !symmetric && !is_word(word, "ASYMMETRIC") {
        return Ok(None);
    }
    for _ in 0..=at {
        cursor.parser.advance_token();
    }
    let low = operand(cursor, Precedence::Between)?;
    cursor.expect_word("AND")?;
    let high = operand(cursor, Precedence::Between)?;
    if !symmetric {
        return Ok(Some(Expr::Between {
            expr: Box::new(left.clone()),
            negated,
            low: Box::new(low),
            high: Box::new(high),
        }));
    }
    let name = if negated {
        "NOT BETWEEN SYMMETRIC"
    } else {
        "BETWEEN SYMMETRIC"
    };
    let args = [left.clone(), low, high].map(argument).to_vec();
    Ok(Some(Expr::Function(function(named(name, place), args))))
}
