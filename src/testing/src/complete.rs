//! Answers written into a file: everything but headers and expected lines stays as it is.

use std::path::Path;

use crate::script::{Expectation, Script, ScriptError};
use crate::session::Answer;

const DELIMITER: &str = "----";

/// Writes the answers into the file: a query's rows, `statement error` where it was refused.
pub(crate) fn write(
    path: &Path,
    script: &Script,
    answers: &[Result<Answer, String>],
) -> Result<(), ScriptError> {
    let text = completed(script, answers);
    std::fs::write(path, text)
        .map_err(|error| ScriptError::Unreadable(path.display().to_string(), error))
}

fn completed(script: &Script, answers: &[Result<Answer, String>]) -> String {
    let lines: Vec<&str> = script.text.lines().collect();
    let mut out: Vec<String> = Vec::with_capacity(lines.len());
    let mut at = 0;
    for (record, answer) in script.records.iter().zip(answers) {
        let header = record.line - 1;
        out.extend(lines[at..header].iter().map(|l| (*l).to_owned()));
        let end = (header..lines.len())
            .find(|i| lines[*i].trim().is_empty())
            .unwrap_or(lines.len());
        let block = &lines[header..end];
        let sql_end = block
            .iter()
            .position(|line| line.trim() == DELIMITER)
            .unwrap_or(block.len());
        complete_record(&mut out, block, sql_end, &record.expectation, answer);
        at = end;
    }
    out.extend(lines[at..].iter().map(|l| (*l).to_owned()));
    format!("{}\n", out.join("\n").trim_end_matches('\n'))
}

fn complete_record(
    out: &mut Vec<String>,
    block: &[&str],
    sql_end: usize,
    expectation: &Expectation,
    answer: &Result<Answer, String>,
) {
    let sql = || block[1..sql_end].iter().map(|l| (*l).to_owned());
    match (expectation, answer) {
        (Expectation::Rows { .. }, Ok(answer)) => {
            let mut words: Vec<&str> = block[0].split_whitespace().collect();
            if words.len() > 1 {
                words[1] = &answer.types;
            } else {
                words.push(&answer.types);
            }
            let any_order = words.contains(&"rowsort");
            out.push(words.join(" "));
            out.extend(sql());
            out.push(DELIMITER.to_owned());
            let mut lines = answer.lines.clone();
            if any_order {
                lines.sort();
            }
            out.extend(lines);
        }
        (Expectation::Ok | Expectation::Rows { .. }, Err(_)) => {
            out.push("statement error".to_owned());
            out.extend(sql());
        }
        (Expectation::Error(_), Ok(_)) => {
            out.push("statement ok".to_owned());
            out.extend(sql());
        }
        (Expectation::Ok, Ok(_)) | (Expectation::Error(_), Err(_)) => {
            out.extend(block.iter().map(|l| (*l).to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_and_rows_change() {
        let text = "# why\nquery T rowsort\nSELECT a\n----\nold\n\nstatement ok\nDROP TABLE t\n";
        let script = Script::parse(text.to_owned(), "x.slt").unwrap();
        let rows = Answer {
            lines: vec!["+I\t2".into(), "+I\t1".into()],
            types: "TI".into(),
        };
        let answers = [Ok(rows), Err("no".to_owned())];
        let expected = "# why\nquery TI rowsort\nSELECT a\n----\n+I\t1\n+I\t2\n\nstatement error\nDROP TABLE t\n";
        assert_eq!(completed(&script, &answers), expected);
    }
}
