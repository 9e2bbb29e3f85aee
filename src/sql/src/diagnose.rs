//! Errors that say what is wrong: what was found where, what could stand there, and what was probably meant.
//!
//! - `misspelt`: keywords. `sqlparser`: sqlparser's errors.

mod misspelt;
mod sqlparser;

use ::sqlparser::tokenizer::Token;
use filbert_types::Span;
use filbert_types::suggest::nearest;

pub(crate) use self::sqlparser::from_sqlparser;

use self::misspelt::{is_clause, misspelt};
use crate::cursor::Cursor;
use crate::error::ParseError;
use crate::source::{Chunk, is_word, span};
use crate::words;

/// An error at token `index`, where `expected` could stand.
pub(crate) fn unexpected(chunk: &Chunk, index: usize, expected: &str) -> ParseError {
    let Some(found) = chunk.tokens.get(index) else {
        return ended(chunk, expected);
    };
    let place = span(found.span);
    let error = ParseError::new(
        format!("Expected {expected}, found {}.", show(&found.token)),
        place,
    );
    if let Some(error) = special(chunk, index) {
        return error;
    }
    if let Some((place, hint)) = misspelt(chunk, index, expected) {
        return ParseError {
            span: place,
            ..error
        }
        .with_hint(hint);
    }
    if let Some(word) = reserved(&found.token)
        && wants_name(expected, chunk, index)
    {
        return reserved_name(word, place);
    }
    if let Some(hint) = missing_comma(chunk, index, expected) {
        return error.with_hint(hint);
    }
    if let Some(word) = reserved(&found.token)
        && expected.contains("a name")
    {
        return error.with_hint(format!("As a name it needs backticks: `{word}`."));
    }
    if expected.contains("the end of the statement") && begins_clause(&found.token) {
        return error.with_hint(
            "A query's clauses come in this order: FROM, WHERE, GROUP BY, HAVING, WINDOW, QUALIFY, ORDER BY, LIMIT, OFFSET.",
        );
    }
    if expected.contains("')'")
        && let Some(open) = open_paren(chunk, index)
    {
        return error.with_hint(format!(
            "The '(' at {} is still open.",
            span(chunk.tokens[open].span).start
        ));
    }
    error
}

/// The error for a reserved word in place of a name.
pub(crate) fn reserved_name(word: &str, place: Span) -> ParseError {
    if is_clause(word) {
        return ParseError::new(format!("Expected a name, found '{word}'."), place)
            .with_hint(format!("As a name it needs backticks: `{word}`."));
    }
    ParseError::new(
        format!("'{word}' is a reserved word and can't be used as a name here."),
        place,
    )
    .with_hint(format!("Put it in backticks: `{word}`."))
}

fn begins_clause(token: &Token) -> bool {
    [
        "FROM", "WHERE", "GROUP", "HAVING", "WINDOW", "QUALIFY", "ORDER", "LIMIT",
    ]
    .iter()
    .any(|word| is_word(token, word))
}

/// Behind a comma: a reserved word as a name, or nothing that could be an item.
fn behind_comma(chunk: &Chunk, index: usize, is_create: bool) -> Option<ParseError> {
    let token = |i: usize| chunk.tokens.get(i).map(|t| &t.token);
    let comma = index.checked_sub(1)?;
    let found = token(index)?;
    if token(comma) != Some(&Token::Comma) {
        return None;
    }
    let clause = match found {
        Token::Word(w) if w.quote_style.is_none() && is_clause(&w.value) => Some(&w.value),
        Token::RParen => None,
        _ => return None,
    };
    let next = token(index + 1);
    let is_name = (is_create && matches!(next, Some(Token::Word(_))))
        || next == Some(&Token::Comma)
        || (next.is_some_and(|t| is_word(t, "FROM")) && !is_word(found, "FROM"));
    match clause {
        Some(word) if is_name => Some(reserved_name(word, span(chunk.tokens[index].span))),
        _ => Some(
            ParseError::new(
                format!("Expected an item after the comma, found {}.", show(found)),
                span(chunk.tokens[comma].span),
            )
            .with_hint("This comma is one too many."),
        ),
    }
}

/// Mistakes that have a shape of their own.
fn special(chunk: &Chunk, index: usize) -> Option<ParseError> {
    let token = |i: usize| chunk.tokens.get(i).map(|t| &t.token);
    let before = |n: usize| index.checked_sub(n).and_then(token);
    let is = |t: Option<&Token>, word: &str| t.is_some_and(|t| is_word(t, word));
    let place = span(chunk.tokens[index].span);
    let is_create = is(token(0), "CREATE");
    let found = token(index)?;
    if *found == Token::RParen && open_paren(chunk, index).is_none() {
        return Some(ParseError::new("This ')' closes nothing.", place));
    }
    if *found == Token::Question {
        return Some(
            ParseError::new("Parameters ('?') are not supported.", place)
                .with_hint("Write the value itself."),
        );
    }
    for word in ["GROUP", "ORDER", "PARTITION"] {
        let next = token(index + 1).filter(|t| matches!(t, Token::Word(_) | Token::Number(..)));
        if let Some(next) = next.filter(|t| is_word(found, word) && !is_word(t, "BY")) {
            let place = chunk.tokens.get(index + 1).map_or(place, |t| span(t.span));
            let message = format!("Expected BY after {word}, found {}.", show(next));
            return Some(ParseError::new(message, place));
        }
    }
    if is_create
        && let Some(word) = ["DEFAULT", "CHECK", "REFERENCES", "GENERATED"]
            .into_iter()
            .find(|word| is_word(found, word))
    {
        return Some(
            ParseError::new(
                format!("{word} is not part of a column in Flink SQL."),
                place,
            )
            .with_hint("A computed column is written: name AS expression."),
        );
    }
    let list_is_empty = is(before(1), "SELECT")
        || (is(before(2), "SELECT") && (is(before(1), "DISTINCT") || is(before(1), "ALL")));
    if is_word(found, "FROM") && list_is_empty {
        return Some(
            ParseError::new("SELECT has no list.", place)
                .with_hint("Write SELECT * for all columns."),
        );
    }
    if let Some(error) = behind_comma(chunk, index, is_create) {
        return Some(error);
    }
    if before(1) == Some(&Token::LParen)
        && before(3) == Some(&Token::Mul)
        && (is(before(2), "EXCEPT") || is(before(2), "EXCLUDE"))
    {
        let place = span(chunk.tokens[index - 2].span);
        return Some(
            ParseError::new("SELECT * EXCEPT is not part of Flink SQL.", place)
                .with_hint("List the columns."),
        );
    }
    None
}

/// An error at the next token, where one of `words` must stand.
pub(crate) fn unexpected_word(cursor: &Cursor<'_, '_>, words: &[&str]) -> ParseError {
    let expected = match words {
        [one] => (*one).to_string(),
        [head @ .., last] => format!("{} or {last}", head.join(", ")),
        [] => "nothing more".to_string(),
    };
    let error = unexpected(cursor.chunk, cursor.index(), &expected);
    match cursor.peek() {
        Token::Word(w) if w.quote_style.is_none() => match nearest(&w.value, words.iter().copied())
        {
            Some(word) => ParseError {
                hint: None,
                span: cursor.peek_span(),
                ..error
            }
            .with_hint(format!("Did you mean {word}?")),
            None => error,
        },
        _ => error,
    }
}

/// The statement ended where `expected` could stand.
fn ended(chunk: &Chunk, expected: &str) -> ParseError {
    let end = chunk.end();
    let here = Span { start: end, end };
    let error = match open_paren(chunk, chunk.tokens.len()) {
        Some(index) => ParseError::new(
            format!("Expected {expected}, but the statement ends here."),
            span(chunk.tokens[index].span),
        )
        .with_hint("This '(' is never closed."),
        None => ParseError::new(
            format!("Expected {expected}, but the statement ends here."),
            here,
        ),
    };
    if chunk.terminated {
        error
    } else {
        error.incomplete()
    }
}

/// A token as an error shows it.
pub(crate) fn show(token: &Token) -> String {
    match token {
        Token::EOF => "the end of the statement".to_string(),
        Token::SingleQuotedString(s) => {
            let head: String = s.chars().take(24).collect();
            let dots = if head.len() < s.len() { ".." } else { "" };
            format!("the text '{head}{dots}'")
        }
        Token::Word(w) if w.quote_style.is_some() => format!("the name `{}`", w.value),
        other => format!("'{other}'"),
    }
}

/// The word as written, when it is reserved.
fn reserved(token: &Token) -> Option<&str> {
    match token {
        Token::Word(w) if w.quote_style.is_none() => {
            words::is_reserved(&w.value.to_ascii_uppercase()).then_some(w.value.as_str())
        }
        _ => None,
    }
}

fn missing_comma(chunk: &Chunk, index: usize, expected: &str) -> Option<String> {
    let before = &chunk.tokens.get(index.checked_sub(1)?)?.token;
    let ends_item = matches!(
        before,
        Token::Word(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::RParen
            | Token::RBracket
    );
    let begins_item = matches!(
        &chunk.tokens[index].token,
        Token::Word(_) | Token::Number(..) | Token::SingleQuotedString(_)
    );
    let fits = expected.contains("','")
        || expected.contains("')'")
        || expected.contains("end of the statement");
    (ends_item && begins_item && fits && reserved(&chunk.tokens[index].token).is_none()).then(
        || {
            format!(
                "Is a comma missing before {}?",
                show(&chunk.tokens[index].token)
            )
        },
    )
}

/// The innermost parenthesis that is open before token `index`.
fn open_paren(chunk: &Chunk, index: usize) -> Option<usize> {
    let mut open = Vec::new();
    for (i, token) in chunk.tokens.iter().enumerate().take(index) {
        match token.token {
            Token::LParen => open.push(i),
            Token::RParen => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}

/// Whether the place looks like one for a name: asked for, or behind AS, a dot or a comma.
fn wants_name(expected: &str, chunk: &Chunk, index: usize) -> bool {
    let before = index.checked_sub(1).map(|i| &chunk.tokens[i].token);
    let after_as = matches!(before, Some(Token::Word(w))
        if w.quote_style.is_none() && w.value.eq_ignore_ascii_case("AS"));
    let starts_clause = matches!(&chunk.tokens[index].token, Token::Word(w)
        if is_clause(&w.value));
    let as_alias = expected.contains("the end of the statement") || expected.contains("')'");
    expected == "a name"
        || (!starts_clause
            && (expected.contains("a name")
                || after_as
                || as_alias
                || matches!(before, Some(Token::Period))))
}
