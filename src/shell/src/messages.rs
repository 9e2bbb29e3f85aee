//! The client's own lines, in Flink's words.

use std::io::IsTerminal;

pub const SUCCEEDED: &str = "Execute statement succeeded.";
pub const SUBMITTING: &str = "Submitting SQL update statement to the cluster...";
pub const SUBMITTED: &str = "SQL update statement has been successfully submitted to the cluster:";
pub const COMPLETED: &str = "Complete execution of the SQL update statement.";
pub const ADDED: &str = "Add SQL update statement to the statement set.";
pub const RESULT_CANCELLED: &str = "Result retrieval cancelled.";
pub const FAILED: &str = "Could not execute SQL statement. Reason:";
pub const EXITING: &str = "Exiting Filbert SQL...";

/// Colours, where the output is a terminal and `NO_COLOR` is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    pub colours: bool,
}

impl Style {
    /// For standard output.
    pub fn of_stdout() -> Style {
        Style {
            colours: std::io::stdout().is_terminal() && !no_color(),
        }
    }

    /// For standard error.
    pub fn of_stderr() -> Style {
        Style {
            colours: std::io::stderr().is_terminal() && !no_color(),
        }
    }

    pub fn info(self, text: &str) -> String {
        self.tagged("[INFO]", "34;1", text)
    }

    pub fn warning(self, text: &str) -> String {
        self.tagged("[WARNING]", "33;1", text)
    }

    pub fn error(self, text: &str) -> String {
        self.tagged("[ERROR]", "31;1", text)
    }

    fn tagged(self, tag: &str, code: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{code}m{tag} {text}\x1b[0m")
        } else {
            format!("{tag} {text}")
        }
    }
}

fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
