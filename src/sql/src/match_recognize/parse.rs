use filbert_types::Span;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::{
    AfterMatch, Definition, EmptyMatches, MatchRecognize, Measure, Pattern, Quantifier,
    RowsPerMatch, Subset,
};
use crate::cursor::Cursor;
use crate::error::{ParseError, Result};
use crate::expr;
use crate::validate;
use sqlparser::ast::Expr;

const DEPTH_MAX: u32 = 64;

/// What stands in the parentheses behind MATCH_RECOGNIZE.
pub(crate) fn parse(cursor: &mut Cursor<'_, '_>, place: Span) -> Result<MatchRecognize> {
    let mut partition_by = Vec::new();
    if cursor.words(&["PARTITION", "BY"]) {
        partition_by = cursor.comma_separated(parse_expr)?;
    }
    let mut order_by = Vec::new();
    if cursor.words(&["ORDER", "BY"]) {
        order_by = cursor
            .comma_separated(|c| Parser::parse_order_by_expr(c.parser).map_err(|e| c.error(e)))?;
    }
    let mut measures = Vec::new();
    if cursor.word("MEASURES") {
        measures = cursor.comma_separated(measure)?;
    }
    let rows_per_match = rows_per_match(cursor)?;
    let after_match = after_match(cursor)?;
    if !cursor.peek_word("PATTERN") {
        return Err(cursor.unexpected(
            "PATTERN (the clauses' order is PARTITION BY, ORDER BY, MEASURES, ONE ROW PER MATCH, AFTER MATCH, PATTERN, \
             WITHIN, SUBSET, DEFINE)",
        ));
    }
    cursor.expect_word("PATTERN")?;
    cursor.expect(&Token::LParen)?;
    let start = cursor.index();
    let anchored_start = cursor.token(&Token::Caret);
    let pattern = alternation(cursor, 0)?;
    let anchored_end = cursor.token(&Token::Char('$'));
    let pattern_span = cursor.span_since(start);
    if !cursor.token(&Token::RParen) {
        return Err(cursor.unexpected("a pattern variable, a quantifier or ')'"));
    }
    let within = if cursor.word("WITHIN") {
        Some(parse_expr(cursor)?)
    } else {
        None
    };
    let subsets = if cursor.word("SUBSET") {
        cursor.comma_separated(subset)?
    } else {
        Vec::new()
    };
    cursor.expect_word("DEFINE")?;
    let define = cursor.comma_separated(definition)?;
    Ok(MatchRecognize {
        partition_by,
        order_by,
        measures,
        rows_per_match,
        after_match,
        pattern,
        pattern_span,
        anchored_start,
        anchored_end,
        within,
        subsets,
        define,
        span: place,
    })
}

fn parse_expr(cursor: &mut Cursor<'_, '_>) -> Result<Expr> {
    let start = cursor.index();
    let expr = expr::parse_expr(cursor)?;
    validate::expr(&expr, cursor.span_since(start))?;
    Ok(expr)
}

fn measure(cursor: &mut Cursor<'_, '_>) -> Result<Measure> {
    let expr = parse_expr(cursor)?;
    cursor.expect_word("AS")?;
    let name = cursor.ident()?;
    Ok(Measure { expr, name })
}

fn rows_per_match(cursor: &mut Cursor<'_, '_>) -> Result<RowsPerMatch> {
    if cursor.word("ONE") {
        cursor.expect_words(&["ROW", "PER", "MATCH"])?;
        return Ok(RowsPerMatch::One);
    }
    if cursor.word("ALL") {
        cursor.expect_words(&["ROWS", "PER", "MATCH"])?;
        for (option, empty) in [
            (["SHOW", "EMPTY", "MATCHES"], EmptyMatches::Show),
            (["OMIT", "EMPTY", "MATCHES"], EmptyMatches::Omit),
            (["WITH", "UNMATCHED", "ROWS"], EmptyMatches::WithUnmatched),
        ] {
            if cursor.words(&option) {
                return Ok(RowsPerMatch::All(empty));
            }
        }
        return Ok(RowsPerMatch::All(EmptyMatches::Show));
    }
    Ok(RowsPerMatch::One)
}

fn after_match(cursor: &mut Cursor<'_, '_>) -> Result<AfterMatch> {
    if !cursor.word("AFTER") {
        return Ok(AfterMatch::ToNextRow);
    }
    cursor.expect_words(&["MATCH", "SKIP"])?;
    if cursor.word("PAST") {
        cursor.expect_words(&["LAST", "ROW"])?;
        return Ok(AfterMatch::PastLastRow);
    }
    cursor.expect_word("TO")?;
    if cursor.words(&["NEXT", "ROW"]) {
        return Ok(AfterMatch::ToNextRow);
    }
    if cursor.word("FIRST") {
        return cursor.ident().map(AfterMatch::ToFirst);
    }
    // LAST may be left out.
    cursor.word("LAST");
    cursor.ident().map(AfterMatch::ToLast)
}

fn subset(cursor: &mut Cursor<'_, '_>) -> Result<Subset> {
    let name = cursor.ident()?;
    cursor.expect(&Token::Eq)?;
    let variables = cursor.ident_list()?;
    Ok(Subset { name, variables })
}

fn definition(cursor: &mut Cursor<'_, '_>) -> Result<Definition> {
    let variable = cursor.ident()?;
    cursor.expect_word("AS")?;
    let condition = parse_expr(cursor)?;
    Ok(Definition {
        variable,
        condition,
    })
}

fn alternation(cursor: &mut Cursor<'_, '_>, depth: u32) -> Result<Pattern> {
    if depth > DEPTH_MAX {
        return Err(ParseError::new(
            "The pattern nests too deeply.",
            cursor.peek_span(),
        ));
    }
    let mut branches = vec![concatenation(cursor, depth)?];
    while cursor.token(&Token::Pipe) {
        branches.push(concatenation(cursor, depth)?);
    }
    Ok(match branches.len() {
        1 => branches.remove(0),
        _ => Pattern::Alternation(branches),
    })
}

fn concatenation(cursor: &mut Cursor<'_, '_>, depth: u32) -> Result<Pattern> {
    let mut parts = Vec::new();
    while matches!(
        cursor.peek(),
        Token::Word(_) | Token::LParen | Token::LBrace
    ) {
        parts.push(repeated(cursor, depth)?);
    }
    match parts.len() {
        0 => Err(cursor.unexpected("a pattern variable")),
        1 => Ok(parts.remove(0)),
        _ => Ok(Pattern::Concat(parts)),
    }
}

fn repeated(cursor: &mut Cursor<'_, '_>, depth: u32) -> Result<Pattern> {
    let pattern = primary(cursor, depth)?;
    let start = cursor.index();
    let (min, max) = match cursor.peek() {
        Token::Mul => (Some(0), None),
        Token::Plus => (Some(1), None),
        Token::Question => (Some(0), Some(1)),
        Token::LBrace if cursor.parser.peek_nth_token_ref(1).token != Token::Minus => {
            return bounded(cursor, pattern, start);
        }
        _ => return Ok(pattern),
    };
    cursor.parser.advance_token();
    Ok(finish(cursor, pattern, (min, max), start))
}

/// `{n}`, `{n,}`, `{,m}`, `{n,m}`.
fn bounded(cursor: &mut Cursor<'_, '_>, pattern: Pattern, start: usize) -> Result<Pattern> {
    cursor.expect(&Token::LBrace)?;
    let min = match cursor.peek() {
        Token::Comma => None,
        _ => Some(cursor.uint("how often the pattern repeats")?),
    };
    let max = if cursor.token(&Token::Comma) {
        match cursor.peek() {
            Token::RBrace if min.is_some() => None,
            _ => Some(cursor.uint("how often the pattern repeats")?),
        }
    } else {
        min
    };
    cursor.expect(&Token::RBrace)?;
    Ok(finish(cursor, pattern, (min, max), start))
}

fn finish(
    cursor: &mut Cursor<'_, '_>,
    pattern: Pattern,
    (min, max): (Option<u32>, Option<u32>),
    start: usize,
) -> Pattern {
    let reluctant = cursor.token(&Token::Question);
    Pattern::Repeat {
        pattern: Box::new(pattern),
        quantifier: Quantifier {
            min,
            max,
            reluctant,
        },
        span: cursor.span_since(start),
    }
}

fn primary(cursor: &mut Cursor<'_, '_>, depth: u32) -> Result<Pattern> {
    if cursor.token(&Token::LParen) {
        let inside = alternation(cursor, depth + 1)?;
        cursor.expect(&Token::RParen)?;
        return Ok(Pattern::Group(Box::new(inside)));
    }
    if cursor.token(&Token::LBrace) {
        cursor.expect(&Token::Minus)?;
        let inside = alternation(cursor, depth + 1)?;
        cursor.expect(&Token::Minus)?;
        cursor.expect(&Token::RBrace)?;
        return Ok(Pattern::Exclude(Box::new(inside)));
    }
    if cursor.peek_word("PERMUTE") {
        cursor.parser.advance_token();
        return cursor
            .parenthesized(|c| alternation(c, depth + 1))
            .map(Pattern::Permute);
    }
    cursor.ident().map(Pattern::Variable)
}
