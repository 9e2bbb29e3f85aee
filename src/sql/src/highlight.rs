use std::ops::Range;

use sqlparser::tokenizer::Token;

use crate::lexer::{LexemeKind, Lexer};
use crate::words;

/// What a stretch of a text is to the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenClass {
    Keyword,
    /// A name, in backticks or not.
    Name,
    Number,
    Text,
    Comment,
    Hint,
    Symbol,
    /// What has no meaning, and texts, names and comments that are still open.
    Error,
}

/// The stretches of a text with their bytes, in order; blanks belong to none.
pub fn highlight(text: &str) -> Vec<(Range<usize>, TokenClass)> {
    let mut lexer = Lexer::new(text);
    let mut stretches = Vec::new();
    loop {
        let before = lexer.offset();
        match lexer.next() {
            None => return stretches,
            Some(Ok(lexeme)) => stretches.push((lexeme.start..lexeme.end, class(&lexeme.kind))),
            Some(Err(_)) => {
                let blank = text[before..].len() - text[before..].trim_start().len();
                stretches.push((before + blank..lexer.offset(), TokenClass::Error));
            }
        }
    }
}

fn class(kind: &LexemeKind) -> TokenClass {
    match kind {
        LexemeKind::Comment => TokenClass::Comment,
        LexemeKind::Hint(_) => TokenClass::Hint,
        LexemeKind::Token(Token::Word(word)) => {
            if word.quote_style.is_none() && words::is_keyword(&word.value.to_ascii_uppercase()) {
                TokenClass::Keyword
            } else {
                TokenClass::Name
            }
        }
        LexemeKind::Token(Token::Number(..)) => TokenClass::Number,
        LexemeKind::Token(Token::SingleQuotedString(_) | Token::HexStringLiteral(_)) => {
            TokenClass::Text
        }
        LexemeKind::Token(_) => TokenClass::Symbol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stretch_has_a_class() {
        let text = "SELECT `a`, 'x' /*+ H */ -- c\n  + 1 != \"é";
        let found: Vec<(&str, TokenClass)> = highlight(text)
            .into_iter()
            .map(|(r, c)| (&text[r], c))
            .collect();
        assert_eq!(
            found,
            [
                ("SELECT", TokenClass::Keyword),
                ("`a`", TokenClass::Name),
                (",", TokenClass::Symbol),
                ("'x'", TokenClass::Text),
                ("/*+ H */", TokenClass::Hint),
                ("-- c", TokenClass::Comment),
                ("+", TokenClass::Symbol),
                ("1", TokenClass::Number),
                ("!=", TokenClass::Error),
                ("\"é", TokenClass::Error),
            ]
        );
        assert_eq!(
            highlight("a 'open").last().unwrap(),
            &(2..7, TokenClass::Error)
        );
    }
}
