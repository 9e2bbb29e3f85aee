//! Text to lexemes. Comments and hints are lexemes too, so that a highlighter sees the whole text; the parser gets
//! sqlparser's tokens, with places. Lexing is lazy: a broken lexeme harms only the statement that holds it.

use filbert_types::{Location, Span};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Word};

use crate::error::{ParseError, Result};
use crate::words;

mod literal;

/// What a stretch of the text is.
#[derive(Debug, Clone, PartialEq)]
pub enum LexemeKind {
    /// What the parser sees.
    Token(Token),
    Comment,
    /// `/*+ .. */`, its inside.
    Hint(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Lexeme {
    pub kind: LexemeKind,
    /// Byte offsets in the text.
    pub start: usize,
    pub end: usize,
    pub span: Span,
}

/// Reads lexemes one by one. After an error it goes on behind the place of the error.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    text: &'a str,
    pos: usize,
    location: Location,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Lexer<'a> {
        Lexer {
            text,
            pos: 0,
            location: Location { line: 1, column: 1 },
        }
    }

    /// Where the next lexeme is looked for, in bytes.
    pub fn offset(&self) -> usize {
        self.pos
    }

    pub fn location(&self) -> Location {
        self.location
    }

    fn rest(&self) -> &'a str {
        &self.text[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        if c == '\n' {
            self.location.line += 1;
            self.location.column = 1;
        } else {
            self.location.column += 1;
        }
        Some(c)
    }

    fn bump_n(&mut self, n: usize) {
        for _ in 0..n {
            self.bump();
        }
    }

    fn bump_while(&mut self, accept: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&accept) {
            self.bump();
        }
    }

    /// Moves past `end`; false when the text ends first.
    fn bump_past(&mut self, end: &str) -> bool {
        while !self.rest().is_empty() {
            if self.rest().starts_with(end) {
                self.bump_n(end.chars().count());
                return true;
            }
            self.bump();
        }
        false
    }

    fn span_from(&self, start: Location) -> Span {
        Span {
            start,
            end: self.location,
        }
    }

    fn lex(&mut self) -> Result<LexemeKind> {
        let start = self.location;
        let rest = self.rest();
        if rest.starts_with("--") || rest.starts_with("//") {
            self.bump_while(|c| c != '\n');
            return Ok(LexemeKind::Comment);
        }
        if rest.starts_with("/*") {
            return self.block_comment();
        }
        let Some(c) = self.peek() else {
            return Err(ParseError::new(
                "The text ends here.",
                self.span_from(start),
            ));
        };
        let token = match c {
            '\'' => self.string(start)?,
            '`' => self.quoted_identifier()?,
            '0'..='9' => self.number(),
            '.' if self.peek_second().is_some_and(|c| c.is_ascii_digit()) => self.number(),
            c if is_word_start(c) => self.word_or_literal(start)?,
            _ => self.symbol()?,
        };
        Ok(LexemeKind::Token(token))
    }

    fn block_comment(&mut self) -> Result<LexemeKind> {
        let start = self.location;
        let is_hint = self.rest().starts_with("/*+");
        let inside = self.pos + 3;
        self.bump_n(2);
        if !self.bump_past("*/") {
            let what = if is_hint { "hint" } else { "comment" };
            let opening = Span {
                start,
                end: Location {
                    line: start.line,
                    column: start.column + 2,
                },
            };
            return Err(
                ParseError::new(format!("This {what} is never closed by '*/'."), opening)
                    .incomplete(),
            );
        }
        if is_hint && inside <= self.pos - 2 {
            return Ok(LexemeKind::Hint(
                self.text[inside..self.pos - 2].to_string(),
            ));
        }
        Ok(LexemeKind::Comment)
    }

    fn quoted_identifier(&mut self) -> Result<Token> {
        let start = self.location;
        self.bump();
        let mut value = String::new();
        loop {
            match self.bump() {
                Some('`') if self.peek() == Some('`') => {
                    self.bump();
                    value.push('`');
                }
                Some('`') => break,
                Some(c) => value.push(c),
                None => {
                    return Err(ParseError::new(
                        "This name is never closed by a backtick.",
                        self.span_from(start),
                    )
                    .incomplete());
                }
            }
        }
        if value.is_empty() {
            return Err(ParseError::new(
                "A name can't be empty.",
                self.span_from(start),
            ));
        }
        Ok(Token::Word(Word {
            value,
            quote_style: Some('`'),
            keyword: Keyword::NoKeyword,
        }))
    }

    fn number(&mut self) -> Token {
        let start = self.pos;
        self.bump_while(|c| c.is_ascii_digit());
        if self.peek() == Some('.') {
            self.bump();
            self.bump_while(|c| c.is_ascii_digit());
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            let after = &self.rest()[1..];
            let digits = after.strip_prefix(['+', '-']).unwrap_or(after);
            if digits.starts_with(|c: char| c.is_ascii_digit()) {
                self.bump_n(1 + after.len() - digits.len());
                self.bump_while(|c| c.is_ascii_digit());
            }
        }
        Token::Number(self.text[start..self.pos].to_string(), false)
    }

    fn word_or_literal(&mut self, start: Location) -> Result<Token> {
        if let Some(literal) = self.prefixed_literal(start)? {
            return Ok(literal);
        }
        let from = self.pos;
        self.bump_while(is_word_part);
        Ok(word(&self.text[from..self.pos]))
    }

    fn symbol(&mut self) -> Result<Token> {
        let start = self.location;
        let rest = self.rest();
        for (text, message, hint) in REFUSED {
            if rest.starts_with(text) {
                if *text == "\"" {
                    self.bump();
                    self.bump_while(|c| c != '"' && c != '\n' && c != ';');
                    if self.peek() == Some('"') {
                        self.bump();
                    }
                } else {
                    self.bump_n(text.len());
                }
                return Err(ParseError::new(*message, self.span_from(start)).with_hint(*hint));
            }
        }
        for (text, token) in SYMBOLS {
            if rest.starts_with(text) {
                self.bump_n(text.len());
                return Ok(token.clone());
            }
        }
        let c = self.bump().unwrap_or(' ');
        Err(ParseError::new(
            format!("The character '{c}' has no meaning in SQL."),
            self.span_from(start),
        ))
    }
}

impl Iterator for Lexer<'_> {
    type Item = Result<Lexeme>;

    fn next(&mut self) -> Option<Result<Lexeme>> {
        self.bump_while(|c| c.is_whitespace() || c == '\u{feff}');
        if self.rest().is_empty() {
            return None;
        }
        let (start, location) = (self.pos, self.location);
        Some(self.lex().map(|kind| Lexeme {
            kind,
            start,
            end: self.pos,
            span: self.span_from(location),
        }))
    }
}

/// Longest first among those with a common beginning.
const SYMBOLS: &[(&str, Token)] = &[
    ("<>", Token::Neq),
    ("<=", Token::LtEq),
    (">=", Token::GtEq),
    ("=>", Token::RArrow),
    ("||", Token::StringConcat),
    (",", Token::Comma),
    (";", Token::SemiColon),
    ("(", Token::LParen),
    (")", Token::RParen),
    ("[", Token::LBracket),
    ("]", Token::RBracket),
    ("{", Token::LBrace),
    ("}", Token::RBrace),
    (".", Token::Period),
    ("=", Token::Eq),
    ("<", Token::Lt),
    (">", Token::Gt),
    ("+", Token::Plus),
    ("-", Token::Minus),
    ("*", Token::Mul),
    ("/", Token::Div),
    ("%", Token::Mod),
    ("|", Token::Pipe),
    ("^", Token::Caret),
    (":", Token::Colon),
    ("?", Token::Question),
    ("$", Token::Char('$')),
];

/// What other SQLs have and Flink's hasn't.
const REFUSED: &[(&str, &str, &str)] = &[
    ("!=", "'!=' is no operator of Flink SQL.", "Use '<>'."),
    ("==", "'==' is no operator of Flink SQL.", "Use '='."),
    (
        "::",
        "'::' casts are not part of Flink SQL.",
        "Use CAST(x AS type).",
    ),
    (
        ":=",
        "':=' is not part of Flink SQL.",
        "Named arguments are written name => value.",
    ),
    ("&&", "'&&' is no operator of Flink SQL.", "Use AND."),
    (
        "\"",
        "Double quotes have no meaning in Flink SQL.",
        "Use backticks for names (`name`) and single quotes for text ('text').",
    ),
    (
        "!",
        "'!' is no operator of Flink SQL.",
        "Use NOT, or '<>' for inequality.",
    ),
];

/// The token of an unquoted word. Only Flink's own keywords are keywords: what sqlparser knows from other SQLs stays a
/// name.
pub(crate) fn word(text: &str) -> Token {
    let upper = text.to_ascii_uppercase();
    if words::is_keyword(&upper) {
        return Token::make_word(text, None);
    }
    Token::Word(Word {
        value: text.to_string(),
        quote_style: None,
        keyword: Keyword::NoKeyword,
    })
}

fn is_word_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn is_word_part(c: char) -> bool {
    is_word_start(c) || c == '$' || c.is_numeric()
}

#[cfg(test)]
mod tests;
