use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use filbert_shell::messages::{self, Style};
use filbert_shell::{Allowed, Client, Interrupt, Script, ScriptEnd, ScriptFailure, Show};
use filbert_table::print::OutputFormat;
use filbert_table::{EnvironmentSettings, ErrorKind, TableEnvironment, TableError};
use filbert_testing::{NewEnvironment, Options, RecordResult};

use crate::args::{Args, Command, SessionArgs, TestArgs};
use crate::docs;

/// The exit code where ctrl-C ended the work.
const INTERRUPTED: u8 = 130;

/// Does what the arguments ask for.
pub fn run(args: Args) -> ExitCode {
    let done = match &args.command {
        Some(Command::Test(test)) => run_tests(test, &args.session),
        Some(Command::Docs { folder, check }) => write_docs(folder, *check),
        None => run_sql(&args),
    };
    done.unwrap_or_else(|error| {
        if error.kind != ErrorKind::OutputClosed {
            complain(&error);
        }
        ExitCode::FAILURE
    })
}

/// Tells of an error on the error output.
fn complain(error: &dyn std::fmt::Display) {
    let text = format!("{}\n{error}", messages::FAILED);
    // Nobody is left to tell when the error output is closed.
    let _ = writeln!(io::stderr(), "{}", Style::of_stderr().error(&text));
}

fn complain_of_script(failure: &ScriptFailure) {
    match failure.error.kind {
        ErrorKind::Cancelled => {
            let text = Style::of_stderr().warning(&failure.error.to_string());
            let _ = writeln!(io::stderr(), "{text}");
        }
        ErrorKind::OutputClosed => {}
        _ => complain(failure),
    }
}

fn write_docs(folder: &Path, check: bool) -> Result<ExitCode, TableError> {
    let connectors = filbert_connectors::registry()?;
    let pages = docs::write(folder, check, &connectors).map_err(|e| unreadable(folder, &e))?;
    for page in &pages {
        let what = if check { "stale" } else { "written" };
        put(&mut io::stdout(), &format!("{what}: {page}\n"))?;
    }
    Ok(ExitCode::from(u8::from(check && !pages.is_empty())))
}

fn run_sql(args: &Args) -> Result<ExitCode, TableError> {
    let format: OutputFormat = args.output.parse()?;
    let settings = args
        .session
        .define
        .iter()
        .fold(EnvironmentSettings::default(), |settings, (key, value)| {
            settings.with(key, value)
        });
    warn_of_settings(&args.session);
    let env = new_environment(settings)?;
    let interrupt =
        Interrupt::install().map_err(|error| unreadable(Path::new("ctrl-C"), &error))?;
    let show = Show {
        format,
        messages: format == OutputFormat::Tableau,
        style: Style::of_stdout(),
        interactive: io::stdout().is_terminal(),
    };
    let mut client = Client::new(env, show, interrupt);
    if let Some(path) = &args.session.init {
        let end = run_file(&mut client, path, Allowed::Initialisation)?;
        if end != ScriptEnd::Succeeded {
            return Ok(exit_code(end));
        }
    }
    let end = if let Some(path) = &args.file {
        run_file(&mut client, path, Allowed::All)?
    } else if let Some(text) = &args.execute {
        run_text(&mut client, text, None, Allowed::All)
    } else if io::stdin().is_terminal() {
        filbert_shell::repl::run(client, history(args).as_deref());
        ScriptEnd::Succeeded
    } else {
        let (mut input, mut out) = (io::stdin().lock(), io::stdout());
        filbert_shell::run_pipe(&mut input, &mut client, &mut out, &mut complain_of_script)
            .map_err(|error| unreadable(Path::new("Standard input"), &error))?
    };
    Ok(exit_code(end))
}

/// A key of `-D` that nobody knows is as silent a mistake as one of SET.
fn warn_of_settings(session: &SessionArgs) {
    for (key, value) in &session.define {
        if let Some(notice) = filbert_table::setting_notice(key, value) {
            let _ = writeln!(io::stderr(), "{}", Style::of_stderr().warning(&notice));
        }
    }
}

fn run_file(client: &mut Client, path: &Path, allowed: Allowed) -> Result<ScriptEnd, TableError> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let name = path.display().to_string();
    Ok(run_text(client, &text, Some(&name), allowed))
}

fn run_text(client: &mut Client, text: &str, source: Option<&str>, allowed: Allowed) -> ScriptEnd {
    let script = Script {
        text,
        source,
        allowed,
    };
    script.run(client, &mut io::stdout(), &mut complain_of_script)
}

fn exit_code(end: ScriptEnd) -> ExitCode {
    match end {
        ScriptEnd::Succeeded => ExitCode::SUCCESS,
        ScriptEnd::Failed => ExitCode::FAILURE,
        ScriptEnd::Interrupted => ExitCode::from(INTERRUPTED),
    }
}

/// Where the prompt keeps its history: the argument, else a file in the user's home.
fn history(args: &Args) -> Option<PathBuf> {
    let home = || std::env::home_dir().map(|home| home.join(".filbert-sql-history"));
    args.history.clone().or_else(home)
}

fn new_environment(settings: EnvironmentSettings) -> Result<TableEnvironment, TableError> {
    TableEnvironment::with_connectors(settings, filbert_connectors::registry()?)
}

fn unreadable(path: &Path, error: &io::Error) -> TableError {
    TableError::validation(format!("{} cannot be read: {error}.", path.display()))
}

fn run_tests(args: &TestArgs, session: &SessionArgs) -> Result<ExitCode, TableError> {
    let define = session.define.clone();
    let new: Arc<NewEnvironment> = Arc::new(move |settings: EnvironmentSettings| {
        let settings = define
            .iter()
            .fold(settings, |settings, (key, value)| settings.with(key, value));
        new_environment(settings)
    });
    let options = Options {
        complete: args.complete,
        timeout: Duration::from_secs(args.timeout),
        interrupted: Arc::new({
            let interrupt =
                Interrupt::install().map_err(|error| unreadable(Path::new("ctrl-C"), &error))?;
            move || interrupt.is_pressed()
        }),
    };
    let invalid = |error: filbert_testing::ScriptError| TableError::validation(error.to_string());
    let mut files = Vec::new();
    for path in &args.paths {
        files.extend(filbert_testing::find_files(path).map_err(invalid)?);
    }
    // Not locked: the files' own tables may print.
    let mut out = io::stdout();
    let (mut passed, mut failed, mut written) = (0, 0, 0);
    for path in &files {
        match filbert_testing::run_file(path, &new, &options) {
            Ok(report) => {
                let is_written = |r: &RecordResult| args.complete && r.outcome.completes();
                passed += report.passed();
                for result in report.results.iter().filter(|r| !r.outcome.passed()) {
                    if is_written(result) {
                        written += 1;
                        continue;
                    }
                    failed += 1;
                    if let Some(text) = filbert_testing::print_outcome(path, result) {
                        put(&mut out, &text)?;
                    }
                }
            }
            Err(error) => {
                failed += 1;
                put(&mut out, &error.to_string())?;
            }
        }
        if (options.interrupted)() {
            break;
        }
    }
    let summary = if args.complete {
        format!("{passed} passed, {written} written, {failed} failed")
    } else {
        format!("{passed} passed, {failed} failed")
    };
    put(&mut out, &summary)?;
    if (options.interrupted)() {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn put(out: &mut dyn Write, text: &str) -> Result<(), TableError> {
    writeln!(out, "{text}").map_err(|error| TableError::output(&error))
}
