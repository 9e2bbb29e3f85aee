use filbert_types::Span;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use crate::ast::{Query, ScalarExpr};
use crate::cursor::{self, Cursor};
use crate::error::{ParseError, Result};
use crate::hints::{Hints, parse_hints};
use crate::match_recognize::restore_derived;
use crate::source::{is_word, location};
use crate::validate;

/// A query, up to where it ends.
pub(crate) fn parse(cursor: &mut Cursor<'_, '_>) -> Result<Query> {
    let start = cursor.index();
    let parsed = cursor.parser.parse_query();
    let mut ast = parsed.map_err(|e| refine(cursor, cursor.error(e)))?;
    if !cursor.dialect.matches.is_empty() {
        restore_derived(&mut ast);
    }
    let place = cursor.span_since(start);
    let hints = hints_within(cursor, place)?;
    validate::query(&ast, &hints, place)?;
    cursor
        .dialect
        .claim_hints(hints.entries.iter().map(|e| e.after));
    Ok(Query {
        ast: *ast,
        hints,
        matches: cursor.dialect.matches.clone(),
        text: cursor.text_since(start),
        span: place,
    })
}

fn hints_within(cursor: &Cursor<'_, '_>, place: Span) -> Result<Hints> {
    let mut hints = parse_hints(cursor.chunk)?;
    hints
        .entries
        .retain(|e| place.start <= e.after && e.after <= place.end);
    Ok(hints)
}

/// An expression, up to where it ends.
pub(crate) fn parse_scalar(cursor: &mut Cursor<'_, '_>) -> Result<ScalarExpr> {
    let start = cursor.index();
    let ast = Parser::parse_expr(cursor.parser).map_err(|e| refine(cursor, cursor.error(e)))?;
    let place = cursor.span_since(start);
    validate::expr(&ast, place)?;
    Ok(ScalarExpr {
        ast,
        text: cursor.text_since(start),
        span: place,
    })
}

/// sqlparser tries a parenthesis in FROM and behind IN as a query first, and when that fails reports what the second
/// try found. Here the queries in parentheses are tried again, for the error that got furthest.
fn refine(cursor: &Cursor<'_, '_>, error: ParseError) -> ParseError {
    let mut best = error;
    for (i, token) in cursor.chunk.tokens.iter().enumerate() {
        let starts_query = token.token == Token::LParen
            && cursor.chunk.tokens.get(i + 1).is_some_and(|t| {
                ["SELECT", "WITH", "VALUES"]
                    .iter()
                    .any(|w| is_word(&t.token, w))
            });
        if !starts_query || location(token.span.start) > best.span.start {
            continue;
        }
        if let Some(error) = query_error(cursor, i + 1)
            && error.span.start > best.span.start
        {
            best = error;
        }
    }
    best
}

/// What is wrong with the query in parentheses that begins at token `start`.
fn query_error(cursor: &Cursor<'_, '_>, start: usize) -> Option<ParseError> {
    let mut parser = cursor::parser(cursor.chunk, cursor.dialect);
    for _ in 0..start {
        parser.advance_token();
    }
    let inner = Cursor {
        parser: &mut parser,
        dialect: cursor.dialect,
        text: cursor.text,
        chunk: cursor.chunk,
    };
    let parsed = inner.parser.parse_query();
    match parsed {
        Err(error) => Some(inner.error(error)),
        Ok(_) if *inner.peek() != Token::RParen => Some(inner.unexpected("')'")),
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests;
