//! Changes to the tokens before sqlparser sees them, where its grammar is narrower and has no hook: rows of VALUES
//! without parentheses, `TABLE t` as a query, and MATCH_RECOGNIZE, whose body is cut out and parsed apart. Places stay those of the text.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use crate::diagnose;
use crate::dialect::FlinkDialect;
use crate::error::{ParseError, Result};
use crate::lexer::word;
use crate::match_recognize::{self, DERIVED, MatchRecognize};
use crate::parse::run;
use crate::source::{Chunk, is_word, span};
use crate::words;

const SET_OPERATORS_MAX: usize = 1000;

/// What becomes of one token.
#[derive(Debug, Clone, Default)]
struct Edit {
    before: Vec<Token>,
    drop: bool,
    after: Vec<Token>,
}

/// The statement's tokens for sqlparser, and what was cut out of them.
pub(crate) fn rewrite(text: &str, chunk: Chunk) -> Result<(Chunk, Vec<MatchRecognize>)> {
    check(&chunk)?;
    let wanted = |t: &TokenWithSpan| {
        ["VALUES", "MATCH_RECOGNIZE", "TABLE"]
            .iter()
            .any(|w| is_word(&t.token, w))
    };
    if !chunk.tokens.iter().any(wanted) {
        return Ok((chunk, Vec::new()));
    }
    let mut edits = vec![Edit::default(); chunk.tokens.len()];
    let mut matches = Vec::new();
    for i in 0..chunk.tokens.len() {
        if edits[i].drop {
            continue;
        }
        if is_word(&chunk.tokens[i].token, "TABLE") && begins_query(&chunk, i) {
            // sqlparser's TABLE takes two parts at most and forgets their places.
            edits[i].drop = true;
            edits[i].before = vec![word("SELECT"), Token::Mul, word("FROM")];
        }
        if is_word(&chunk.tokens[i].token, "VALUES") && !follows_dot(&chunk, i) {
            rows(&chunk, i + 1, &mut edits);
        }
        if is_word(&chunk.tokens[i].token, "MATCH_RECOGNIZE")
            && let Some(close) = closing(&chunk, i + 1)
        {
            matches.push(cut_match(
                text,
                &chunk,
                (i, close),
                &mut edits,
                matches.len(),
            )?);
        }
    }
    Ok((apply(chunk, edits), matches))
}

/// What sqlparser would let through: a FILTER without its condition, which it drops, and more set operators than whoever
/// walks the tree can recurse over.
fn check(chunk: &Chunk) -> Result<()> {
    let is = |i: usize, wanted: &Token| chunk.tokens.get(i).is_some_and(|t| t.token == *wanted);
    let mut set_operators = 0;
    for (i, token) in chunk.tokens.iter().enumerate() {
        if is_word(&token.token, "FILTER") && i > 0 && is(i - 1, &Token::RParen) {
            let complete = is(i + 1, &Token::LParen)
                && chunk
                    .tokens
                    .get(i + 2)
                    .is_some_and(|t| is_word(&t.token, "WHERE"));
            if !complete {
                return Err(diagnose::unexpected(
                    chunk,
                    i + 1,
                    "(WHERE condition) after FILTER",
                ));
            }
        }
        if ["UNION", "INTERSECT", "EXCEPT"]
            .iter()
            .any(|w| is_word(&token.token, w))
        {
            set_operators += 1;
            if set_operators > SET_OPERATORS_MAX {
                return Err(ParseError::new(
                    format!("The statement has more than {SET_OPERATORS_MAX} set operators."),
                    span(token.span),
                )
                .with_hint("Split it, for instance by views."));
            }
        }
    }
    Ok(())
}

/// Whether the TABLE at `index` is a query, `TABLE t`, and no argument and no part of DDL.
fn begins_query(chunk: &Chunk, index: usize) -> bool {
    let token = |i: usize| chunk.tokens.get(i).map(|t| &t.token);
    let one_of = |i: Option<usize>, words: &[&str]| {
        i.and_then(token)
            .is_some_and(|t| words.iter().any(|w| is_word(t, w)))
    };
    let names = matches!(token(index + 1), Some(Token::Word(w))
        if w.quote_style.is_some() || !words::is_reserved(&w.value.to_ascii_uppercase()));
    if !names {
        return false;
    }
    let Some(before) = index.checked_sub(1) else {
        return true;
    };
    let joins = [
        "UNION",
        "ALL",
        "DISTINCT",
        "INTERSECT",
        "EXCEPT",
        "AS",
        "FOR",
        "EXPLAIN",
        "EXECUTE",
    ];
    if token(before) == Some(&Token::LParen) {
        let outside = before.checked_sub(1);
        return outside.is_none()
            || one_of(outside, &joins)
            || one_of(outside, &["FROM", "JOIN", "IN", "EXISTS", "LATERAL"])
            || outside.and_then(token) == Some(&Token::LParen);
    }
    let in_insert = one_of(Some(0), &["INSERT"])
        && matches!(token(before), Some(Token::Word(_) | Token::RParen))
        && opening_at(chunk, index).is_none();
    in_insert || one_of(Some(before), &joins)
}

/// The parenthesis that is open at `index`.
fn opening_at(chunk: &Chunk, index: usize) -> Option<usize> {
    let mut depth = 0usize;
    for i in (0..index).rev() {
        match chunk.tokens[i].token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => return Some(i),
            Token::LParen => depth -= 1,
            _ => {}
        }
    }
    None
}

fn follows_dot(chunk: &Chunk, index: usize) -> bool {
    index > 0 && chunk.tokens[index - 1].token == Token::Period
}

/// The `)` of the `(` at `open`.
fn closing(chunk: &Chunk, open: usize) -> Option<usize> {
    if chunk.tokens.get(open)?.token != Token::LParen {
        return None;
    }
    let mut depth = 0usize;
    for (i, token) in chunk.tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth -= 1;
                if depth == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
    }
    None
}

/// The `(` of the `)` at `close`.
fn opening(chunk: &Chunk, close: usize) -> Option<usize> {
    let mut depth = 0usize;
    for i in (0..=close).rev() {
        match chunk.tokens[i].token {
            Token::RParen => depth += 1,
            Token::LParen => {
                depth -= 1;
                if depth == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
    }
    None
}

/// Where a list of rows ends, besides at a parenthesis or semicolon.
const ENDS: &[&str] = &[
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "MINUS",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "ON",
    "AS",
    "WHERE",
];

/// Puts rows that are bare values in parentheses, and takes ROW from before those that have them.
fn rows(chunk: &Chunk, first: usize, edits: &mut [Edit]) {
    let mut start = first;
    let mut i = first;
    let mut depth = 0usize;
    loop {
        let token = chunk.tokens.get(i).map(|t| &t.token);
        let ends = match token {
            None | Some(Token::SemiColon | Token::EOF) => true,
            Some(Token::RParen | Token::RBracket) if depth == 0 => true,
            Some(t) => depth == 0 && ENDS.iter().any(|w| is_word(t, w)),
        };
        if ends || (depth == 0 && token == Some(&Token::Comma)) {
            if start < i {
                row(chunk, start, i - 1, edits);
            }
            if ends {
                return;
            }
            start = i + 1;
        }
        match token {
            Some(Token::LParen | Token::LBracket) => depth += 1,
            Some(Token::RParen | Token::RBracket) => depth = depth.saturating_sub(1),
            _ => {}
        }
        i += 1;
    }
}

fn row(chunk: &Chunk, first: usize, last: usize, edits: &mut [Edit]) {
    if closing(chunk, first) == Some(last) || is_word(&chunk.tokens[first].token, "VALUES") {
        return;
    }
    if is_word(&chunk.tokens[first].token, "ROW") && closing(chunk, first + 1) == Some(last) {
        edits[first].drop = true;
        return;
    }
    edits[first].before.push(Token::LParen);
    edits[last].after.push(Token::RParen);
}

/// Parses the body between `MATCH_RECOGNIZE (` and `)`, and puts a stub in its place that names it.
fn cut_match(
    text: &str,
    chunk: &Chunk,
    (start, close): (usize, usize),
    edits: &mut [Edit],
    number: usize,
) -> Result<MatchRecognize> {
    let body = Chunk {
        tokens: chunk.tokens[start + 2..close].to_vec(),
        ranges: chunk.ranges[start + 2..close].to_vec(),
        hints: Vec::new(),
        terminated: true,
        error: None,
    };
    let place = span(chunk.tokens[start].span).union(span(chunk.tokens[close].span));
    let dialect = FlinkDialect::new(body);
    let parsed = run(text, &dialect, "the end of MATCH_RECOGNIZE", |c| {
        match_recognize::parse(c, place)
    })?;
    for edit in &mut edits[start + 2..close] {
        edit.drop = true;
    }
    let name = Token::Word(Word {
        value: number.to_string(),
        quote_style: Some('`'),
        keyword: Keyword::NoKeyword,
    });
    edits[start + 1].after = vec![
        word("PATTERN"),
        Token::LParen,
        name.clone(),
        Token::RParen,
        word("DEFINE"),
        name,
        word("AS"),
        word("TRUE"),
    ];
    wrap_derived(chunk, start, edits);
    Ok(parsed)
}

/// sqlparser knows MATCH_RECOGNIZE behind names only: a query before it becomes the argument of a call, which
/// [`match_recognize::restore_derived`] undoes in the tree.
fn wrap_derived(chunk: &Chunk, start: usize, edits: &mut [Edit]) {
    let Some(close) = start
        .checked_sub(1)
        .filter(|i| chunk.tokens[*i].token == Token::RParen)
    else {
        return;
    };
    let Some(open) = opening(chunk, close) else {
        return;
    };
    let is_query = chunk.tokens.get(open + 1).is_some_and(|t| {
        t.token == Token::LParen
            || ["SELECT", "VALUES", "WITH", "TABLE"]
                .iter()
                .any(|w| is_word(&t.token, w))
    });
    let is_call = open > 0
        && matches!(&chunk.tokens[open - 1].token, Token::Word(w)
            if w.quote_style.is_some() || !["FROM", "JOIN", "LATERAL"].contains(&w.value.to_ascii_uppercase().as_str()));
    if !is_query || is_call {
        return;
    }
    let derived = Token::Word(Word {
        value: DERIVED.to_string(),
        quote_style: Some('`'),
        keyword: Keyword::NoKeyword,
    });
    edits[open].before.splice(0..0, [derived, Token::LParen]);
    edits[close].after.push(Token::RParen);
}

fn apply(chunk: Chunk, edits: Vec<Edit>) -> Chunk {
    let mut tokens = Vec::with_capacity(chunk.tokens.len());
    let mut ranges = Vec::with_capacity(chunk.tokens.len());
    let mut place_of = Vec::with_capacity(chunk.tokens.len());
    for ((old, range), edit) in chunk.tokens.into_iter().zip(chunk.ranges).zip(edits) {
        let kept = (!edit.drop).then_some(old.token);
        for token in edit.before.into_iter().chain(kept).chain(edit.after) {
            tokens.push(TokenWithSpan::new(token, old.span));
            ranges.push(range);
        }
        place_of.push(tokens.len().saturating_sub(1));
    }
    let hints = chunk
        .hints
        .into_iter()
        .map(|mut hint| {
            hint.after = hint.after.map(|i| place_of[i]);
            hint
        })
        .collect();
    Chunk {
        tokens,
        ranges,
        hints,
        terminated: chunk.terminated,
        error: chunk.error,
    }
}
