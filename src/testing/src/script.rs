use std::path::Path;

use sqllogictest::parser::{Condition, Control, ExpectedError, QueryExpect, StatementExpect};
use sqllogictest::{DefaultColumnType, Record, SortMode};

/// The name by which `skipif` and `onlyif` know this engine.
const ENGINE: &str = "filbert";

/// Why a file cannot be read as a script.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    #[error("{0} cannot be read: {1}.")]
    Unreadable(String, std::io::Error),
    #[error("{place}: {message}")]
    Malformed { place: String, message: String },
    #[error("{0}: the run was interrupted.")]
    Interrupted(String),
}

/// What a record asks for.
#[derive(Debug, Clone)]
pub enum Expectation {
    Ok,
    /// A refusal whose text matches.
    Error(ExpectedError),
    /// These lines, in this order or in any.
    Rows {
        lines: Vec<String>,
        any_order: bool,
    },
}

/// A statement or query with what it should give.
#[derive(Debug, Clone)]
pub struct TestRecord {
    /// Of the header, from 1.
    pub line: usize,
    pub sql: String,
    pub expectation: Expectation,
}

/// A file's records up to `halt`.
#[derive(Debug, Clone)]
pub struct Script {
    pub text: String,
    pub records: Vec<TestRecord>,
}

impl Script {
    /// # Errors
    /// When the file can't be read, or a line is no record.
    pub fn read(path: &Path) -> Result<Script, ScriptError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ScriptError::Unreadable(name.clone(), error))?;
        Script::parse(text, &name)
    }

    /// # Errors
    /// When a line is no record.
    pub fn parse(text: String, name: &str) -> Result<Script, ScriptError> {
        // A line of blanks ends a record too.
        let lines: Vec<&str> = text
            .lines()
            .map(|line| if line.trim().is_empty() { "" } else { line })
            .collect();
        let parsed = sqllogictest::parse::<DefaultColumnType>(&lines.join("\n")).map_err(|e| {
            ScriptError::Malformed {
                place: format!("{name}:{}", e.location().line()),
                message: e.kind().to_string(),
            }
        })?;
        let mut reader = Reader {
            name,
            any_order: false,
            records: Vec::new(),
        };
        for record in parsed {
            if matches!(record, Record::Halt { .. }) {
                break;
            }
            reader.push(record)?;
        }
        Ok(Script {
            records: reader.records,
            text,
        })
    }
}

struct Reader<'a> {
    name: &'a str,
    /// `control sortmode`.
    any_order: bool,
    records: Vec<TestRecord>,
}

impl Reader<'_> {
    fn push(&mut self, record: Record<DefaultColumnType>) -> Result<(), ScriptError> {
        match record {
            Record::Statement {
                loc,
                conditions,
                sql,
                expected,
                ..
            } => {
                let expectation = match expected {
                    StatementExpect::Ok => Expectation::Ok,
                    StatementExpect::Error(error) => Expectation::Error(error),
                    StatementExpect::Count(_) => {
                        return Err(self.unsupported(loc.line(), "statement count"));
                    }
                };
                self.add(loc.line(), &conditions, sql, expectation);
            }
            Record::Query {
                loc,
                conditions,
                sql,
                expected,
                ..
            } => {
                let expectation = match expected {
                    QueryExpect::Error(error) => Expectation::Error(error),
                    QueryExpect::Results {
                        sort_mode: Some(SortMode::ValueSort),
                        ..
                    } => return Err(self.unsupported(loc.line(), "valuesort")),
                    QueryExpect::Results {
                        sort_mode, results, ..
                    } => Expectation::Rows {
                        lines: results,
                        any_order: sort_mode
                            .map_or(self.any_order, |mode| mode == SortMode::RowSort),
                    },
                };
                self.add(loc.line(), &conditions, sql, expectation);
            }
            Record::Control(Control::SortMode(mode)) => {
                self.any_order = mode == SortMode::RowSort;
            }
            Record::Comment(_)
            | Record::Newline
            | Record::Condition(_)
            | Record::Subtest { .. } => {}
            Record::System { loc, .. } => return Err(self.unsupported(loc.line(), "system")),
            Record::Include { loc, .. } => return Err(self.unsupported(loc.line(), "include")),
            Record::Sleep { loc, .. } => return Err(self.unsupported(loc.line(), "sleep")),
            Record::HashThreshold { loc, .. } => {
                return Err(self.unsupported(loc.line(), "hash-threshold"));
            }
            _ => return Err(self.unsupported(0, "this directive")),
        }
        Ok(())
    }

    fn add(&mut self, line: u32, conditions: &[Condition], sql: String, expectation: Expectation) {
        let skipped = conditions.iter().any(|condition| match condition {
            Condition::SkipIf { label } => label == ENGINE,
            Condition::OnlyIf { label } => label != ENGINE,
        });
        if !skipped {
            self.records.push(TestRecord {
                line: line as usize,
                sql,
                expectation,
            });
        }
    }

    fn unsupported(&self, line: u32, what: &str) -> ScriptError {
        ScriptError::Malformed {
            place: format!("{}:{line}", self.name),
            message: format!("'{what}' is not supported."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_records_up_to_halt_with_their_lines() {
        let text = "# a comment\nstatement ok\nSET 'a' = 'b'\n\nquery TI rowsort\nSELECT 1,\n  2\n----\n+I 1\n \nhalt\n\nbroken";
        let script = Script::parse(text.replace("\n\nbroken", "\n").to_owned(), "x.slt").unwrap();
        let lines: Vec<usize> = script.records.iter().map(|r| r.line).collect();
        assert_eq!(lines, [2, 5]);
        assert_eq!(script.records[1].sql, "SELECT 1,\n  2");
        match &script.records[1].expectation {
            Expectation::Rows { lines, any_order } => {
                assert_eq!(lines, &["+I 1"]);
                assert!(any_order);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_unknown_line_is_named_with_its_place() {
        let error = Script::parse("statement ok\nSELECT 1\n\nquerry T\n".to_owned(), "x.slt");
        assert!(error.unwrap_err().to_string().starts_with("x.slt:4: "));
    }
}
