use std::thread::sleep;

use crate::process::Folder;
use crate::terminal::{MOMENT, Terminal};

const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";
const UP: &str = "\u{1b}[A";
const TAB: &str = "\t";

const ENDLESS: &str = "CREATE TABLE endless (n BIGINT, m AS n / 1000000) WITH ('connector' = 'datagen', \
     'rows-per-second' = '50', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000');";

fn with_history(name: &str) -> (Folder, String) {
    let folder = Folder::new(name);
    let history = folder.path("history");
    (folder, history)
}

#[test]
fn statements_span_lines_and_come_back_from_the_history() {
    let (_folder, history) = with_history("prompt_history");
    let mut terminal = Terminal::prompt(&["--history", &history]);
    terminal.say("SELECT 40 + 1 AS a,");
    terminal.say("  'x;y' AS b -- a comment; here");
    terminal.say(";");
    terminal.see("Received a total of 1 row");
    terminal.see("Filbert SQL> ");
    terminal.say("HELP;");
    terminal.see("QUIT/EXIT");
    terminal.see("Filbert SQL> ");
    terminal.press(UP);
    terminal.press(UP);
    terminal.see("40 + 1");
    terminal.press("\r");
    terminal.see("Received a total of 1 row");
    terminal.see("Filbert SQL> ");
    terminal.say("quit");
    let (code, end) = terminal.end();
    assert_eq!(code, Some(0));
    assert!(end.contains("Exiting Filbert SQL..."), "{end}");

    let mut again = Terminal::prompt(&["--history", &history]);
    again.press(UP);
    again.see("quit");
    again.press(UP);
    again.see("40 + 1");
    again.press(CTRL_C);
    again.see("Filbert SQL> ");
    again.press(CTRL_D);
    assert_eq!(again.end().0, Some(0));
}

#[test]
fn names_are_completed_and_words_coloured() {
    let (_folder, history) = with_history("prompt_completion");
    let mut terminal = Terminal::prompt(&["--history", &history]);
    terminal.say(
        "CREATE TABLE zorders (zprice INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');",
    );
    terminal.see("succeeded.");
    terminal.see("Filbert SQL> ");
    terminal.press(&format!("SELECT zpr{TAB}"));
    sleep(MOMENT);
    terminal.press(&format!(" FROM zor{TAB}"));
    sleep(MOMENT);
    terminal.say(" WHERE zprice IS NULL;");
    terminal.see("Received a total of 0 row");
    assert!(terminal.raw().contains("\u{1b}[34;1mSELECT"));
    terminal.see("Filbert SQL> ");
    terminal.press(&format!(
        "CREATE TABLE t (a INT) WITH ('connector' = 'datagen', 'rows-per-s{TAB}"
    ));
    terminal.see("rows-per-second");
    terminal.press(CTRL_C);
    terminal.see("Filbert SQL> ");
    terminal.press(CTRL_D);
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn ctrl_c_ends_a_query_and_not_the_prompt() {
    let (_folder, history) = with_history("prompt_interrupt");
    let mut terminal = Terminal::prompt(&["--history", &history]);
    terminal.say(ENDLESS);
    terminal.see("succeeded.");
    terminal.see("Filbert SQL> ");
    // At an empty prompt, and in the middle of a statement.
    terminal.press(CTRL_C);
    terminal.see("Filbert SQL> ");
    terminal.press("SELECT nonsense");
    terminal.see("nonsense");
    terminal.press(CTRL_C);
    terminal.see("Filbert SQL> ");

    terminal.say("SELECT n FROM endless;");
    terminal.see("| +I |                    3 |");
    terminal.press(CTRL_C);
    let shown = terminal.see("Query terminated, received a total of");
    assert!(!shown.contains("^C"), "{shown}");
    terminal.see("[INFO] Result retrieval cancelled.");
    terminal.see("Filbert SQL> ");

    terminal.say("SELECT 1 AS still_here;");
    terminal.see("still_here");
    terminal.see("Received a total of 1 row");
    terminal.see("Filbert SQL> ");
    terminal.press(CTRL_D);
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn an_insert_runs_beside_the_prompt_and_ends_with_it() {
    let (folder, history) = with_history("prompt_insert");
    let mut terminal = Terminal::prompt(&["--history", &history]);
    terminal.say(ENDLESS);
    terminal.see("succeeded.");
    terminal.say(&folder.filled(
        "CREATE TABLE s (n BIGINT) WITH ('connector' = 'filesystem', 'path' = '${TMP}/s', 'format' = 'csv');",
    ));
    terminal.see("succeeded.");
    terminal.say("INSERT INTO s SELECT n FROM endless;");
    terminal.see("Job ID: ");
    terminal.say("SHOW JOBS;");
    terminal.see("RUNNING");
    terminal.say("SET 'table.dml-sync' = 'true';");
    terminal.see("succeeded.");
    // A synchronous INSERT is what ctrl-C ends.
    terminal.say("INSERT INTO s SELECT n FROM endless;");
    terminal.see("Submitting SQL update statement");
    sleep(MOMENT);
    terminal.press(CTRL_C);
    terminal.see("The job was cancelled.");
    terminal.see("Filbert SQL> ");
    terminal.press(CTRL_D);
    let (code, end) = terminal.end();
    assert_eq!(code, Some(0));
    assert!(end.contains("Cancelling 1 running job."), "{end}");
    assert!(end.contains("Left unfinished: "), "{end}");
}

#[test]
fn a_table_is_shown_in_a_live_view() {
    let (_folder, history) = with_history("prompt_view");
    let mut terminal = Terminal::prompt(&["--history", &history]);
    terminal.say(ENDLESS);
    terminal.see("succeeded.");
    terminal.say("SET 'sql-client.execution.result-mode' = 'table';");
    terminal.see("succeeded.");
    terminal.say("SELECT m, COUNT(*) AS c FROM endless GROUP BY m;");
    terminal.see("1 row, running for 0:0");
    assert!(terminal.raw().contains("\u{1b}[?1049h"));
    terminal.see("1 row, running for 0:01");
    terminal.press("q");
    terminal.see("1 row in set");
    assert!(terminal.raw().contains("\u{1b}[?1049l"));
    terminal.see("Filbert SQL> ");

    terminal.say("SET 'sql-client.execution.result-mode' = 'changelog';");
    terminal.see("succeeded.");
    terminal.say("SELECT m, COUNT(*) AS c FROM endless GROUP BY m;");
    terminal.see("| -U |");
    terminal.see("| +U |");
    terminal.press(CTRL_C);
    terminal.see("Query terminated");
    terminal.see("Filbert SQL> ");
    terminal.say("CLEAR;");
    terminal.see("Filbert SQL> ");
    terminal.say("exit;");
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn an_error_at_the_prompt_shows_the_place_in_its_line() {
    let (_folder, history) = with_history("prompt_error");
    let mut terminal = Terminal::prompt(&["--history", &history]);
    terminal.say("SELECT 1 AS a,");
    terminal.say("  nme FROM (VALUES (1)) AS t (name);");
    terminal.see("Did you mean 'name'?");
    terminal.see("2 |   nme FROM");
    terminal.see("  |   ^^^");
    terminal.see("Filbert SQL> ");
    terminal.say("SELEC 1;");
    terminal.see("Did you mean SELECT?");
    terminal.see("Filbert SQL> ");
    terminal.press(CTRL_D);
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn a_script_on_a_terminal_leaves_the_terminal_as_it_was() {
    let mut terminal = Terminal::start(&["-e", &format!("{ENDLESS} SELECT n FROM endless;")]);
    terminal.see("| +I |                    3 |");
    terminal.press(CTRL_C);
    let shown = terminal.see("Query terminated");
    assert!(!shown.contains("^C"), "{shown}");
    assert_eq!(terminal.end().0, Some(130));
}

#[test]
fn ctrl_d_right_behind_ctrl_c_ends_the_shell() {
    let (_folder, history) = with_history("prompt_interrupt_and_end");
    let mut terminal = Terminal::prompt(&["--history", &history]);
    terminal.say(ENDLESS);
    terminal.see("succeeded.");
    terminal.see("Filbert SQL> ");
    terminal.say("SELECT m FROM endless;");
    terminal.see("| +I |");
    terminal.press("\u{3}\u{4}");
    let (code, end) = terminal.end();
    assert_eq!(code, Some(0));
    assert!(end.contains("Exiting Filbert SQL..."), "{end}");
}
