use std::fmt::Write;
use std::path::Path;

use crate::run::{Outcome, RecordResult};

/// Lines of a difference that are shown at most.
const SHOWN_MAX: usize = 60;

/// A failed record as text: file and line, the statement, and what differs. None for one that passed.
pub fn print_outcome(path: &Path, result: &RecordResult) -> Option<String> {
    let mut text = format!("{}:{}: ", path.display(), result.record.line);
    let body = match &result.outcome {
        Outcome::Passed => return None,
        Outcome::Failed(error) => {
            text.push_str("failed");
            format!("  error: {}\n", error.replace('\n', "\n  "))
        }
        Outcome::Succeeded => {
            text.push_str("succeeded, an error was expected");
            String::new()
        }
        Outcome::OtherError { expected, got } => {
            text.push_str("failed in another way than expected");
            format!("  - {expected}\n  + {}\n", got.replace('\n', "\n  + "))
        }
        Outcome::Different { expected, got } => {
            text.push_str("other rows than expected (- expected, + got)");
            difference(expected, got)
        }
    };
    text.push('\n');
    for line in result.record.sql.lines() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  | {line}");
    }
    text.push_str(&body);
    Some(text)
}

/// The lines in which both differ, with those that they have in common at either end left out.
fn difference(expected: &[String], got: &[String]) -> String {
    let shared =
        |a: &mut dyn Iterator<Item = (&String, &String)>| a.take_while(|(x, y)| x == y).count();
    let head = shared(&mut expected.iter().zip(got));
    let (expected, got) = (&expected[head..], &got[head..]);
    let tail = shared(&mut expected.iter().rev().zip(got.iter().rev()));
    let mut text = String::new();
    if head > 0 {
        let _ = writeln!(text, "    ({head} equal)");
    }
    push_lines(&mut text, '-', &expected[..expected.len() - tail]);
    push_lines(&mut text, '+', &got[..got.len() - tail]);
    if tail > 0 {
        let _ = writeln!(text, "    ({tail} equal)");
    }
    text
}

fn push_lines(text: &mut String, mark: char, lines: &[String]) {
    for line in lines.iter().take(SHOWN_MAX) {
        let _ = writeln!(text, "  {mark} {line}");
    }
    if lines.len() > SHOWN_MAX {
        let _ = writeln!(text, "  {mark} ... and {} more", lines.len() - SHOWN_MAX);
    }
}
