//! What the line editor asks: completion, colours, whether a statement has ended.

use std::borrow::Cow;

use filbert_sql::{Completeness, TokenClass, completeness, highlight};
use filbert_table::TableEnvironment;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper, Result};

use crate::repl::is_command;

pub(crate) struct SqlHelper {
    pub env: TableEnvironment,
    pub colours: bool,
}

impl Helper for SqlHelper {}

impl Hinter for SqlHelper {
    type Hint = String;
}

impl Completer for SqlHelper {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        let completion = self.env.complete(line, pos);
        let pairs = completion.candidates.into_iter().map(|candidate| Pair {
            display: candidate.clone(),
            replacement: candidate,
        });
        Ok((completion.start, pairs.collect()))
    }
}

impl Validator for SqlHelper {
    fn validate(&self, ctx: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        let text = ctx.input();
        Ok(match completeness(text) {
            Completeness::Incomplete if !is_command(text) => ValidationResult::Incomplete,
            _ => ValidationResult::Valid(None),
        })
    }
}

impl Highlighter for SqlHelper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if !self.colours {
            return Cow::Borrowed(line);
        }
        Cow::Owned(highlighted(line))
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.colours && kind != CmdKind::MoveCursor
    }
}

/// The text with its colours.
fn highlighted(line: &str) -> String {
    let mut out = String::with_capacity(line.len() * 2);
    let mut done = 0;
    for (range, class) in highlight(line) {
        let (Some(before), Some(text)) = (line.get(done..range.start), line.get(range.clone()))
        else {
            break;
        };
        out.push_str(before);
        match colour(class) {
            Some(code) => out.extend(["\x1b[", code, "m", text, "\x1b[0m"]),
            None => out.push_str(text),
        }
        done = range.end;
    }
    out.push_str(&line[done..]);
    out
}

fn colour(class: TokenClass) -> Option<&'static str> {
    match class {
        TokenClass::Keyword => Some("34;1"),
        TokenClass::Comment => Some("3;90"),
        TokenClass::Hint => Some("1;36"),
        TokenClass::Text => Some("32"),
        TokenClass::Number => Some("33"),
        TokenClass::Name | TokenClass::Symbol | TokenClass::Error => None,
    }
}

#[cfg(test)]
mod tests {
    use super::highlighted;

    #[test]
    fn colours_change_nothing_but_the_looks() {
        let text = "SELECT `a`, 'x' -- c\nFROM t WHERE 1 < \u{e9}t\u{e9} /* open";
        let mut plain = String::new();
        let mut rest = highlighted(text).leak() as &str;
        while let Some((before, after)) = rest.split_once("\x1b[") {
            plain.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        plain.push_str(rest);
        assert_eq!(plain, text);
        assert!(highlighted("SELECT 1").starts_with("\x1b[34;1mSELECT\x1b[0m "));
    }
}
