//! The prompt: lines are read until a statement ends, and executed.

use std::io::{self, Write};
use std::path::Path;

use filbert_sql::Statements;
use filbert_table::ErrorKind;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Editor};

use crate::client::Client;
use crate::helper::SqlHelper;
use crate::messages;
use crate::terminal::{Quiet, keeping_interrupts};

const PROMPT: &str = "Filbert SQL> ";

const WELCOME: &str = "\
Filbert SQL: Apache Flink SQL in one binary.
Welcome! Enter 'HELP;' to list all available commands. 'QUIT;' to exit.
";

/// Reads and executes statements until QUIT or the end of input.
pub fn run(mut client: Client, history: Option<&Path>) {
    let mut out = io::stdout();
    let _ = writeln!(out, "{WELCOME}");
    let Ok(mut editor) = editor(&client) else {
        let _ = writeln!(out, "This terminal cannot be edited on; use -f or -e.");
        return;
    };
    if let Some(path) = history {
        // There is none the first time.
        let _ = editor.load_history(path);
    }
    // All the way: what is pressed between two modes, as ctrl-D right behind ctrl-C, would be lost.
    let quiet = Quiet::begin();
    loop {
        for failure in client.failed_jobs() {
            let text = client.show().style.error(&failure.error.to_string());
            let _ = writeln!(out, "{text}\n");
        }
        let text = match editor.readline(PROMPT) {
            Ok(text) => text,
            Err(ReadlineError::Interrupted) => {
                client.interrupt().take();
                continue;
            }
            Err(_) => break,
        };
        if text.trim().is_empty() {
            continue;
        }
        let _ = editor.add_history_entry(text.trim());
        if let Some(path) = history {
            // A history that can't be kept is no reason to stop.
            let _ = editor.append_history(path);
        }
        if execute(&mut client, &text, &mut out) == Next::Quit {
            break;
        }
    }
    leave(&mut client, &mut out);
    drop(quiet);
}

/// The jobs live in this process: they end with it, in order and not unseen.
fn leave(client: &mut Client, out: &mut dyn Write) {
    let style = client.show().style;
    let jobs = client.running_jobs();
    if jobs > 0 {
        let text = format!(
            "Cancelling {jobs} running {}.",
            if jobs == 1 { "job" } else { "jobs" }
        );
        let _ = writeln!(out, "{}", style.warning(&text));
    }
    for job in client.cancel_jobs() {
        let _ = writeln!(out, "{}", style.info(&job.error.to_string()));
    }
    let _ = writeln!(out, "{}", style.info(messages::EXITING));
}

fn editor(client: &Client) -> rustyline::Result<Editor<SqlHelper, DefaultHistory>> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .auto_add_history(false)
        .build();
    let mut editor = keeping_interrupts(|| Editor::with_config(config))??;
    editor.set_helper(Some(SqlHelper {
        env: client.environment().clone(),
        colours: client.show().style.colours,
    }));
    Ok(editor)
}

/// True for the client's own commands, which need no semicolon.
pub(crate) fn is_command(text: &str) -> bool {
    matches!(command(text).as_str(), "QUIT" | "EXIT" | "CLEAR" | "HELP")
}

fn command(text: &str) -> String {
    text.trim().trim_end_matches(';').trim().to_uppercase()
}

#[derive(PartialEq)]
enum Next {
    Read,
    Quit,
}

fn execute(client: &mut Client, text: &str, out: &mut dyn Write) -> Next {
    match command(text).as_str() {
        "QUIT" | "EXIT" => return Next::Quit,
        "CLEAR" => {
            let _ = write!(out, "\x1b[H\x1b[2J");
            let _ = out.flush();
            return Next::Read;
        }
        "HELP" => {
            let _ = writeln!(out, "{HELP}");
            return Next::Read;
        }
        _ => {}
    }
    let style = client.show().style;
    // What was pressed at the prompt is not meant for the statement.
    client.interrupt().take();
    for parsed in Statements::new(text) {
        let executed = parsed
            .map_err(filbert_table::TableError::from)
            .and_then(|parsed| client.execute(&parsed, out));
        if let Err(error) = executed {
            let report = error.report(text);
            let line = match error.kind {
                ErrorKind::Cancelled => style.info(&report),
                _ => style.error(&format!("{}\n{report}", messages::FAILED)),
            };
            let _ = writeln!(out, "{line}\n");
            break;
        }
        let _ = writeln!(out);
    }
    Next::Read
}

const HELP: &str = "\
The following commands are available:

QUIT/EXIT            Quits the client.
CLEAR                Clears the terminal.
HELP                 Prints this list.
SET                  Sets a session option. Syntax: \"SET '<key>'='<value>';\". Use \"SET;\" for listing all options.
RESET                Resets a session option. Syntax: \"RESET '<key>';\". Use \"RESET;\" for resetting all options.
SHOW                 Lists what exists: CATALOGS, DATABASES, TABLES, VIEWS, FUNCTIONS, COLUMNS FROM t, CREATE TABLE t, JOBS.
DESCRIBE             Describes a table's columns.
INSERT INTO          Inserts the results of a query into a table.
INSERT OVERWRITE     Inserts the results of a query into a table and replaces what was there.
SELECT               Executes a query.
EXPLAIN              Shows the plans of a query or of an INSERT.
BEGIN STATEMENT SET  Begins a statement set. Syntax: \"BEGIN STATEMENT SET;\"
END                  Ends a statement set and runs it as one job. Syntax: \"END;\"
STOP JOB             Stops a job. Syntax: \"STOP JOB '<id>';\"

Statements end with a semicolon and may span lines.";
