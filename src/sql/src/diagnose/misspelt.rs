//! Misspelt keywords, and which was meant.

use filbert_types::Span;
use filbert_types::suggest::nearest;
use sqlparser::tokenizer::Token;

use crate::source::{Chunk, span};
use crate::words;

/// The keywords that go on after a query's parts: what a misspelt one among names was probably meant to be.
const CLAUSES: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "JOIN",
    "INNER",
    "LEFT",
    "RIGHT",
    "FULL",
    "CROSS",
    "NATURAL",
    "LATERAL",
    "USING",
    "WINDOW",
    "QUALIFY",
    "DISTINCT",
    "BETWEEN",
    "LIKE",
    "VALUES",
    "PARTITION",
    "OVER",
    "UNNEST",
    "MATCH_RECOGNIZE",
    "WITH",
    "AS",
    "ON",
    "AND",
    "OR",
    "IN",
    "IS",
    "NOT",
    "NULL",
    "BY",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "TABLE",
    "COMMENT",
    "PRIMARY",
    "ENFORCED",
    "WATERMARK",
    "METADATA",
    "VIRTUAL",
    "PARTITIONED",
    "INTO",
    "EXISTS",
];

/// Whether a word is one of those keywords.
pub(super) fn is_clause(word: &str) -> bool {
    CLAUSES.contains(&word.to_ascii_uppercase().as_str())
}

/// The misspelt keyword at or before token `index`, with its place: `SELECT a FORM t` fails at `t`.
pub(super) fn misspelt(chunk: &Chunk, index: usize, expected: &str) -> Option<(Span, String)> {
    let before = index.checked_sub(1);
    // `SELECT a FORM orders`: letters in another order are the surer sign than one too many.
    let transposed = before.filter(|i| {
        matches!(&chunk.tokens[*i].token, Token::Word(w) if w.quote_style.is_none()
            && CLAUSES.iter().any(|c| is_anagram(&w.value.to_ascii_uppercase(), c)))
    });
    for i in [transposed, Some(index), before].into_iter().flatten() {
        let Token::Word(w) = &chunk.tokens.get(i)?.token else {
            continue;
        };
        if w.quote_style.is_some() || w.value.len() < 2 {
            continue;
        }
        let upper = w.value.to_ascii_uppercase();
        if words::is_keyword(&upper) && i != index {
            continue;
        }
        // A reserved word is misspelt only when it isn't a clause of its own: `JOIN u NO a = b`.
        if words::is_reserved(&upper) && (is_clause(&upper) || upper.len() > 3) {
            continue;
        }
        let wanted = expected
            .split(|c: char| !c.is_ascii_uppercase() && c != '_')
            .filter(|w| w.len() > 1);
        if let Some(word) = near(&upper, wanted).or_else(|| near(&upper, CLAUSES.iter().copied())) {
            return Some((
                span(chunk.tokens[i].span),
                format!("Did you mean {word} instead of '{}'?", w.value),
            ));
        }
    }
    None
}

/// Whether two words have the same letters in another order.
fn is_anagram(a: &str, b: &str) -> bool {
    let sorted = |s: &str| {
        let mut letters: Vec<char> = s.chars().collect();
        letters.sort_unstable();
        letters
    };
    a != b && sorted(a) == sorted(b)
}

/// Like [`nearest`], but short words must be letters in another order, or lack one of four: `t` is no misspelt `AT`.
fn near<'a>(upper: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = nearest(upper, candidates.filter(|c| *c != upper))?;
    let lacks_one = upper.len() == 3 && near.len() == 4 && {
        let mut rest = near.chars();
        upper.chars().all(|c| rest.any(|n| n == c))
    };
    (upper.len() >= 4 || is_anagram(upper, near) || lacks_one).then_some(near)
}
