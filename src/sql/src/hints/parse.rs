use filbert_types::{Location, Span};
use sqlparser::tokenizer::Token;

use super::{Hint, HintArgs, HintEntry, Hints, misplaced_hint};
use crate::ast::{Ident, OptionEntry, Text};
use crate::error::{ParseError, Result};
use crate::lexer::{LexemeKind, Lexer};
use crate::source::{Chunk, RawHint, location};

/// The hints of a statement.
pub(crate) fn parse(chunk: &Chunk) -> Result<Hints> {
    let mut hints = Hints::default();
    for raw in &chunk.hints {
        let Some(after) = raw.after else {
            return Err(misplaced_hint(raw.span));
        };
        hints.entries.push(HintEntry {
            after: location(chunk.tokens[after].span.end),
            hints: HintParser::new(raw)?.hints()?,
            span: raw.span,
        });
    }
    Ok(hints)
}

struct HintParser<'a> {
    raw: &'a RawHint,
    tokens: Vec<(Token, Span)>,
    next: usize,
}

impl<'a> HintParser<'a> {
    fn new(raw: &'a RawHint) -> Result<HintParser<'a>> {
        let mut tokens = Vec::new();
        for lexeme in Lexer::new(&raw.text) {
            let lexeme = lexeme.map_err(|e| ParseError {
                span: shift(e.span, raw.span.start),
                ..e
            })?;
            if let LexemeKind::Token(token) = lexeme.kind {
                tokens.push((token, shift(lexeme.span, raw.span.start)));
            }
        }
        Ok(HintParser {
            raw,
            tokens,
            next: 0,
        })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(t, _)| t)
    }

    fn span(&self) -> Span {
        self.tokens
            .get(self.next)
            .map_or(self.raw.span, |(_, s)| *s)
    }

    fn eat(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn error(&self, expected: &str) -> ParseError {
        ParseError::new(format!("Expected {expected} in this hint."), self.span())
            .with_hint("Hints look like /*+ OPTIONS('key' = 'value'), BROADCAST(t) */.")
    }

    fn hints(mut self) -> Result<Vec<Hint>> {
        let mut hints = vec![self.hint()?];
        while self.next < self.tokens.len() {
            if !self.eat(&Token::Comma) {
                return Err(self.error("a comma"));
            }
            hints.push(self.hint()?);
        }
        Ok(hints)
    }

    fn hint(&mut self) -> Result<Hint> {
        let name = self.ident("the name of a hint")?;
        if !self.eat(&Token::LParen) {
            return Ok(Hint {
                name,
                args: HintArgs::None,
            });
        }
        if self.eat(&Token::RParen) {
            return Ok(Hint {
                name,
                args: HintArgs::None,
            });
        }
        let args = self.args()?;
        Ok(Hint { name, args })
    }

    fn args(&mut self) -> Result<HintArgs> {
        let mut names = Vec::new();
        let mut options = Vec::new();
        let mut texts = Vec::new();
        loop {
            if let Some(Token::SingleQuotedString(_)) = self.peek() {
                let key = self.text()?;
                if self.eat(&Token::Eq) {
                    let value = self.value()?;
                    options.push(OptionEntry { key, value });
                } else {
                    texts.push(key);
                }
            } else if matches!(self.peek(), Some(Token::Number(..))) {
                texts.push(self.value()?);
            } else {
                let name = self.dotted_name()?;
                if self.eat(&Token::Eq) {
                    let key = Text {
                        value: name.value,
                        span: name.span,
                    };
                    let value = self.value()?;
                    options.push(OptionEntry { key, value });
                } else {
                    names.push(name);
                }
            }
            if self.eat(&Token::RParen) {
                break;
            }
            if !self.eat(&Token::Comma) {
                return Err(self.error("',' or ')'"));
            }
        }
        match (names.is_empty(), options.is_empty(), texts.is_empty()) {
            (false, true, true) => Ok(HintArgs::Names(names)),
            (true, false, true) => Ok(HintArgs::Options(options)),
            (true, true, false) => Ok(HintArgs::Texts(texts)),
            _ => Err(ParseError::new(
                "A hint's arguments are either names or 'key' = 'value' pairs, not both.",
                self.raw.span,
            )),
        }
    }

    fn dotted_name(&mut self) -> Result<Ident> {
        let mut name = self.ident("a name or a 'key' = 'value' pair")?;
        while self.eat(&Token::Period) {
            let part = self.ident("a name")?;
            name.value = format!("{}.{}", name.value, part.value);
            name.span = name.span.union(part.span);
        }
        Ok(name)
    }

    fn ident(&mut self, expected: &str) -> Result<Ident> {
        let Some(Token::Word(word)) = self.peek() else {
            return Err(self.error(expected));
        };
        let ident = Ident {
            value: word.value.clone(),
            span: self.span(),
        };
        self.next += 1;
        Ok(ident)
    }

    fn text(&mut self) -> Result<Text> {
        let Some(Token::SingleQuotedString(value)) = self.peek() else {
            return Err(self.error("a text in single quotes"));
        };
        let text = Text {
            value: value.clone(),
            span: self.span(),
        };
        self.next += 1;
        Ok(text)
    }

    fn value(&mut self) -> Result<Text> {
        if let Some(Token::Number(digits, _)) = self.peek() {
            let text = Text {
                value: digits.clone(),
                span: self.span(),
            };
            self.next += 1;
            return Ok(text);
        }
        self.text()
    }
}

/// The place in the statement's text of a place in the hint's: the hint's text begins three characters in.
fn shift(span: Span, start: Location) -> Span {
    let shift = |l: Location| {
        if l.line == 1 {
            Location {
                line: start.line,
                column: start.column + 2 + l.column,
            }
        } else {
            Location {
                line: start.line + l.line - 1,
                column: l.column,
            }
        }
    };
    Span {
        start: shift(span.start),
        end: shift(span.end),
    }
}
