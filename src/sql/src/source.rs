//! A text cut into statements, each as tokens with their places. The cut needs no grammar: it knows strings, comments
//! and the `STATEMENT SET BEGIN .. END` block, in which semicolons part INSERTs.

use filbert_types::{Location, Span};
use sqlparser::tokenizer::{Location as SqlLocation, Span as SqlSpan, Token, TokenWithSpan};

use crate::error::ParseError;
use crate::lexer::{Lexeme, LexemeKind, Lexer};

/// A hint's text and the place of the token before it.
#[derive(Debug, Clone)]
pub(crate) struct RawHint {
    pub text: String,
    pub span: Span,
    /// Where it ends in the text, in bytes.
    pub end: usize,
    /// Index of the token that the hint follows.
    pub after: Option<usize>,
}

/// The tokens of one statement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chunk {
    pub tokens: Vec<TokenWithSpan>,
    /// Byte range of each token in the text.
    pub ranges: Vec<(usize, usize)>,
    pub hints: Vec<RawHint>,
    /// Whether a semicolon ends it.
    pub terminated: bool,
    /// The first lexeme that makes no sense.
    pub error: Option<ParseError>,
}

impl Chunk {
    /// The place behind the last token.
    pub fn end(&self) -> Location {
        self.tokens
            .last()
            .map_or(Location { line: 1, column: 1 }, |t| location(t.span.end))
    }

    pub fn span(&self) -> Span {
        Span {
            start: self
                .tokens
                .first()
                .map_or(self.end(), |t| location(t.span.start)),
            end: self.end(),
        }
    }

    /// The bytes from the first token to the last.
    pub fn range(&self) -> (usize, usize) {
        match (self.ranges.first(), self.ranges.last()) {
            (Some(first), Some(last)) => (first.0, last.1),
            _ => (0, 0),
        }
    }
}

/// Reads the next statement's tokens; none when only blanks, comments and semicolons are left.
pub(crate) fn next_chunk(lexer: &mut Lexer<'_>) -> Option<Chunk> {
    let mut chunk = Chunk::default();
    let mut in_block = false;
    for lexeme in lexer.by_ref() {
        let Lexeme {
            kind,
            start,
            end,
            span,
        } = match lexeme {
            Ok(lexeme) => lexeme,
            Err(error) => {
                chunk.error.get_or_insert(error);
                continue;
            }
        };
        match kind {
            LexemeKind::Comment => {}
            LexemeKind::Hint(text) => chunk.hints.push(RawHint {
                text,
                span,
                end,
                after: chunk.tokens.len().checked_sub(1),
            }),
            LexemeKind::Token(Token::SemiColon) if !in_block => {
                if chunk.tokens.is_empty() && chunk.error.is_none() {
                    continue;
                }
                chunk.terminated = true;
                return Some(chunk);
            }
            LexemeKind::Token(token) => {
                if ends_block(&chunk.tokens, &token) {
                    in_block = false;
                }
                chunk.tokens.push(TokenWithSpan::new(token, sql_span(span)));
                chunk.ranges.push((start, end));
                in_block |= begins_block(&chunk.tokens);
            }
        }
    }
    (!chunk.tokens.is_empty() || chunk.error.is_some()).then_some(chunk)
}

fn begins_block(tokens: &[TokenWithSpan]) -> bool {
    matches!(tokens, [.., a, b, c]
        if is_word(&a.token, "STATEMENT") && is_word(&b.token, "SET") && is_word(&c.token, "BEGIN"))
}

/// END closes the block only where a statement could begin; a CASE's END can't stand there.
fn ends_block(tokens: &[TokenWithSpan], next: &Token) -> bool {
    is_word(next, "END")
        && tokens
            .last()
            .is_some_and(|t| t.token == Token::SemiColon || is_word(&t.token, "BEGIN"))
}

/// Whether a token is this word, unquoted.
pub(crate) fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

pub(crate) fn sql_span(span: Span) -> SqlSpan {
    let convert = |l: Location| SqlLocation {
        line: l.line,
        column: l.column,
    };
    SqlSpan::new(convert(span.start), convert(span.end))
}

pub(crate) fn location(location: SqlLocation) -> Location {
    Location {
        line: location.line,
        column: location.column,
    }
}

/// Our form of sqlparser's span.
pub fn span(span: SqlSpan) -> Span {
    Span {
        start: location(span.start),
        end: location(span.end),
    }
}
