//! What the statement parsers stand on: sqlparser's token cursor with words matched by text (Flink's keywords are not
//! all sqlparser's), names checked against Flink's reserved words, and errors of our own.

use filbert_types::Span;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use crate::ast::{Ident, ObjectName, OptionEntry, Query, ScalarExpr, Text};
use crate::diagnose;
use crate::dialect::FlinkDialect;
use crate::error::{ParseError, Result};
use crate::source::{Chunk, is_word, span};
use crate::words;

/// How deep queries and expressions may nest; deeper ones are an error instead of a stack overflow.
const DEPTH_MAX: usize = 256;

/// A place in the tokens of one statement.
pub(crate) struct Cursor<'a, 'p> {
    pub parser: &'a mut Parser<'p>,
    pub dialect: &'a FlinkDialect,
    /// The whole text, into which the chunk's ranges point.
    pub text: &'a str,
    pub chunk: &'a Chunk,
}

/// A parser over a statement's tokens.
pub(crate) fn parser<'p>(chunk: &Chunk, dialect: &'p FlinkDialect) -> Parser<'p> {
    Parser::new(dialect)
        .with_recursion_limit(DEPTH_MAX)
        .with_tokens_with_locations(parser_tokens(chunk))
}

impl Cursor<'_, '_> {
    /// The index of the token that comes next.
    pub fn index(&self) -> usize {
        next_index(self.parser)
    }

    pub fn peek(&self) -> &Token {
        &self.parser.peek_token_ref().token
    }

    pub fn peek_span(&self) -> Span {
        match self.chunk.tokens.get(self.index()) {
            Some(token) => span(token.span),
            None => Span {
                start: self.chunk.end(),
                end: self.chunk.end(),
            },
        }
    }

    /// From token `start` up to what was read last.
    pub fn span_since(&self, start: usize) -> Span {
        let end = self.index().max(start + 1).min(self.chunk.tokens.len());
        match (
            self.chunk.tokens.get(start),
            self.chunk.tokens.get(end.wrapping_sub(1)),
        ) {
            (Some(first), Some(last)) => span(first.span).union(span(last.span)),
            _ => self.peek_span(),
        }
    }

    /// The text of the tokens from `start` up to what was read last.
    pub fn text_since(&self, start: usize) -> String {
        let last = self.index().wrapping_sub(1);
        let hint = self.chunk.hints.iter().find(|h| h.after == Some(last));
        match (self.chunk.ranges.get(start), self.chunk.ranges.get(last)) {
            (Some(first), Some(last)) if first.0 <= last.1 => {
                let end = hint.map_or(last.1, |hint| hint.end);
                self.text[first.0..end].to_string()
            }
            _ => String::new(),
        }
    }

    pub fn at_end(&self) -> bool {
        *self.peek() == Token::EOF
    }

    pub fn peek_word(&self, word: &str) -> bool {
        is_word(self.peek(), word)
    }

    pub fn peek_nth_word(&self, n: usize, word: &str) -> bool {
        is_word(&self.parser.peek_nth_token_ref(n).token, word)
    }

    pub fn word(&mut self, word: &str) -> bool {
        let found = self.peek_word(word);
        if found {
            self.parser.advance_token();
        }
        found
    }

    /// All of these words in a row, or none.
    pub fn words(&mut self, words: &[&str]) -> bool {
        let found = words
            .iter()
            .enumerate()
            .all(|(i, w)| self.peek_nth_word(i, w));
        if found {
            for _ in words {
                self.parser.advance_token();
            }
        }
        found
    }

    /// The first of these words that stands here.
    pub fn one_of(&mut self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().copied().find(|w| self.word(w))
    }

    pub fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.word(word) {
            Ok(())
        } else {
            Err(self.unexpected(word))
        }
    }

    pub fn expect_words(&mut self, words: &[&str]) -> Result<()> {
        words.iter().try_for_each(|w| self.expect_word(w))
    }

    /// One of these words, or an error that names them all.
    pub fn expect_one_of(&mut self, words: &[&'static str]) -> Result<&'static str> {
        match self.one_of(words) {
            Some(word) => Ok(word),
            None => Err(diagnose::unexpected_word(self, words)),
        }
    }

    pub fn token(&mut self, token: &Token) -> bool {
        self.parser.consume_token(token)
    }

    pub fn expect(&mut self, token: &Token) -> Result<()> {
        if self.token(token) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("'{token}'")))
        }
    }

    /// An error at the next token: `expected` says what could stand there.
    pub fn unexpected(&self, expected: &str) -> ParseError {
        diagnose::unexpected(self.chunk, self.index(), expected)
    }

    /// Our error for sqlparser's.
    pub fn error(&self, error: ParserError) -> ParseError {
        diagnose::from_sqlparser(self.chunk, self.dialect, error)
    }

    pub fn ident(&mut self) -> Result<Ident> {
        let token = self.parser.peek_token_ref();
        let ident = ident(token).map_err(|()| self.unexpected("a name"))?;
        self.parser.advance_token();
        Ok(ident)
    }

    /// A name of any number of parts.
    pub fn object_name(&mut self) -> Result<ObjectName> {
        let start = self.index();
        let mut parts = vec![self.ident()?];
        while self.token(&Token::Period) {
            parts.push(self.ident()?);
        }
        let span = self.span_since(start);
        Ok(ObjectName { parts, span })
    }

    /// The name of a table, view or function.
    pub fn object_path(&mut self) -> Result<ObjectName> {
        let name = self.object_name()?;
        if name.parts.len() > 3 {
            return Err(ParseError::new(
                format!("The name '{name}' has {} parts.", name.parts.len()),
                name.span,
            )
            .with_hint("A name has at most three: catalog.database.object."));
        }
        Ok(name)
    }

    pub fn string(&mut self, what: &str) -> Result<Text> {
        let span = self.peek_span();
        let Token::SingleQuotedString(value) = self.peek() else {
            return Err(self.unexpected(what));
        };
        let value = value.clone();
        self.parser.advance_token();
        Ok(Text { value, span })
    }

    /// `item {, item}` in parentheses.
    pub fn parenthesized<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.expect(&Token::LParen)?;
        let mut items = vec![item(self)?];
        loop {
            if self.token(&Token::RParen) {
                return Ok(items);
            }
            if !self.token(&Token::Comma) {
                return Err(self.unexpected("',' or ')'"));
            }
            items.push(item(self)?);
        }
    }

    pub fn comma_separated<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.token(&Token::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    pub fn ident_list(&mut self) -> Result<Vec<Ident>> {
        self.parenthesized(Cursor::ident)
    }

    /// `('key' = 'value', ..)`.
    pub fn options(&mut self) -> Result<Vec<OptionEntry>> {
        self.expect(&Token::LParen)?;
        if self.token(&Token::RParen) {
            return Ok(Vec::new());
        }
        let mut entries = vec![self.option_entry()?];
        while !self.token(&Token::RParen) {
            if !self.token(&Token::Comma) {
                return Err(self.unexpected("',' or ')' after the option"));
            }
            entries.push(self.option_entry()?);
        }
        Ok(entries)
    }

    fn option_entry(&mut self) -> Result<OptionEntry> {
        let key = self.string("an option's key in single quotes")?;
        self.expect(&Token::Eq)?;
        let value = self.string(&format!(
            "the value of option '{}' in single quotes",
            key.value
        ))?;
        Ok(OptionEntry { key, value })
    }

    /// `('key', ..)`, or `()`.
    pub fn option_keys(&mut self) -> Result<Vec<Text>> {
        if *self.peek() == Token::LParen && self.parser.peek_nth_token_ref(1).token == Token::RParen
        {
            self.parser.advance_token();
            self.parser.advance_token();
            return Ok(Vec::new());
        }
        self.parenthesized(|c| c.string("an option's key in single quotes"))
    }

    /// WITH and its options, where they stand here.
    pub fn with_options(&mut self) -> Result<Vec<OptionEntry>> {
        if self.word("WITH") {
            self.options()
        } else {
            Ok(Vec::new())
        }
    }

    pub fn comment(&mut self) -> Result<Option<Text>> {
        if self.word("COMMENT") {
            self.string("the comment in single quotes").map(Some)
        } else {
            Ok(None)
        }
    }

    pub fn if_not_exists(&mut self) -> Result<bool> {
        if self.word("IF") {
            self.expect_words(&["NOT", "EXISTS"])?;
            return Ok(true);
        }
        Ok(false)
    }

    pub fn if_exists(&mut self) -> Result<bool> {
        if self.word("IF") {
            self.expect_word("EXISTS")?;
            return Ok(true);
        }
        Ok(false)
    }

    pub fn uint(&mut self, what: &str) -> Result<u32> {
        let value = match self.peek() {
            Token::Number(digits, _) => digits.parse().ok(),
            _ => None,
        };
        let value = value.ok_or_else(|| self.unexpected(what))?;
        self.parser.advance_token();
        Ok(value)
    }

    pub fn query(&mut self) -> Result<Query> {
        crate::query::parse(self)
    }

    pub fn scalar(&mut self) -> Result<ScalarExpr> {
        crate::query::parse_scalar(self)
    }
}

/// The index in the chunk of the token that comes next. The parser's tokens begin with a blank of ours (see
/// `parser_tokens`), since its own index can't tell "none read" from "one read".
pub(crate) fn next_index(parser: &Parser<'_>) -> usize {
    parser.get_current_index()
}

fn parser_tokens(chunk: &Chunk) -> Vec<TokenWithSpan> {
    let blank = TokenWithSpan::wrap(Token::Whitespace(Whitespace::Space));
    std::iter::once(blank)
        .chain(chunk.tokens.iter().cloned())
        .collect()
}

/// The name that a token is, unless it is a reserved word.
pub(crate) fn ident(token: &TokenWithSpan) -> std::result::Result<Ident, ()> {
    match &token.token {
        Token::Word(w)
            if w.quote_style.is_some() || !words::is_reserved(&w.value.to_ascii_uppercase()) =>
        {
            Ok(Ident {
                value: w.value.clone(),
                span: span(token.span),
            })
        }
        _ => Err(()),
    }
}
