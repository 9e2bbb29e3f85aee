//! sqlparser's errors in our words: their texts hold the place and what was expected.

use sqlparser::parser::ParserError;
use sqlparser::tokenizer::Token;

use super::unexpected;
use crate::dialect::FlinkDialect;
use crate::error::ParseError;
use crate::source::{Chunk, is_word, span};

/// Our error for one of sqlparser's: its text holds the place.
pub(crate) fn from_sqlparser(
    chunk: &Chunk,
    dialect: &FlinkDialect,
    error: ParserError,
) -> ParseError {
    let text = match error {
        ParserError::RecursionLimitExceeded => {
            return ParseError::new("The statement nests too deeply.", chunk.span())
                .with_hint("Split it, for instance by views.");
        }
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
    };
    if let Some(error) = dialect.raised(&text) {
        return error;
    }
    let (message, place) = match text.rsplit_once(" at Line: ") {
        Some((message, place)) => (message, parse_place(place)),
        None => (text.as_str(), None),
    };
    let index = match place {
        Some((line, column)) => chunk
            .tokens
            .iter()
            .position(|t| t.span.start.line == line && t.span.start.column == column)
            .unwrap_or(chunk.tokens.len()),
        None => chunk.tokens.len(),
    };
    let expected = message
        .strip_prefix("Expected: ")
        .and_then(|m| m.rsplit_once(", found: "))
        .map(|(expected, _)| expected);
    match expected {
        Some(expected) => unexpected(chunk, index, &reword(expected)),
        None if message.contains("or JOIN after ") => {
            let side = message.rsplit(' ').next().unwrap_or_default();
            unexpected(
                chunk,
                after_join_side(chunk, side),
                &format!("JOIN or OUTER JOIN after {side}"),
            )
        }
        None => {
            let place = chunk
                .tokens
                .get(index)
                .map_or(chunk.span(), |t| span(t.span));
            ParseError::new(format!("{}.", message.trim_end_matches('.')), place)
        }
    }
}

/// The token behind a LEFT, RIGHT or FULL that no JOIN follows.
fn after_join_side(chunk: &Chunk, side: &str) -> usize {
    let at = chunk.tokens.windows(2).position(|pair| {
        is_word(&pair[0].token, side)
            && !["JOIN", "OUTER"].iter().any(|w| is_word(&pair[1].token, w))
            && pair[1].token != Token::LParen
    });
    at.map_or(chunk.tokens.len(), |i| i + 1)
}

fn parse_place(place: &str) -> Option<(u64, u64)> {
    let (line, column) = place.split_once(", Column: ")?;
    Some((line.trim().parse().ok()?, column.trim().parse().ok()?))
}

/// sqlparser's words for what it wants, in ours.
fn reword(expected: &str) -> String {
    match expected {
        "identifier" | "an identifier after AS" => "a name".to_string(),
        "end of statement" => "the end of the statement".to_string(),
        "an expression" => "an expression".to_string(),
        "joined table" => "a table or a join".to_string(),
        "SELECT, VALUES, or a subquery in the query body" => {
            "SELECT, VALUES, TABLE or a query in parentheses".to_string()
        }
        "(" | ")" | "," | "=" | "[" | "]" | "=>" => format!("'{expected}'"),
        "ROWS, RANGE, GROUPS" => "PARTITION BY, ORDER BY, ROWS, RANGE or ')'".to_string(),
        "JOIN or APPLY after CROSS" => "JOIN after CROSS".to_string(),
        other => other.to_string(),
    }
}
