use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use filbert_shell::messages::{self, Style};
use filbert_shell::script::Allowed;
use filbert_shell::{Client, Interrupt, ScriptFailure, Show, run_script};
use filbert_table::print::OutputFormat;
use filbert_table::{EnvironmentSettings, ErrorKind, TableEnvironment, TableError};
use filbert_testing::{NewEnvironment, Options};

use crate::args::{Args, Command, SessionArgs, TestArgs};
use crate::docs;

/// The exit code where ctrl-C ended the work.
const INTERRUPTED: u8 = 130;

/// Does what the arguments ask for.
pub fn run(args: Args) -> ExitCode {
    match execute(args) {
        Ok(code) => code,
        Err(failure) => {
            let style = Style::of_stderr();
            let text = format!("{}\n{failure}", messages::FAILED);
            // Nobody is left to tell when the error output is closed.
            let _ = writeln!(io::stderr(), "{}", style.error(&text));
            if failure.error.kind == ErrorKind::Cancelled {
                ExitCode::from(INTERRUPTED)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn execute(args: Args) -> Result<ExitCode, Box<ScriptFailure>> {
    match &args.command {
        Some(Command::Test(test)) => run_tests(test, &args.session).map_err(without_place),
        Some(Command::Docs { folder, check }) => write_docs(folder, *check).map_err(without_place),
        None => run_sql(&args),
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

fn without_place(error: TableError) -> Box<ScriptFailure> {
    Box::new(ScriptFailure {
        source: None,
        line: 1,
        report: error.to_string(),
        error,
    })
}

fn run_sql(args: &Args) -> Result<ExitCode, Box<ScriptFailure>> {
    let format: OutputFormat = args.output.parse().map_err(without_place)?;
    let settings = args
        .session
        .define
        .iter()
        .fold(EnvironmentSettings::default(), |settings, (key, value)| {
            settings.with(key, value)
        });
    let env = new_environment(settings).map_err(without_place)?;
    let interrupt = Interrupt::install()
        .map_err(|error| without_place(unreadable(Path::new("ctrl-C"), &error)))?;
    let show = Show {
        format,
        messages: format == OutputFormat::Tableau,
        style: Style::of_stdout(),
        interactive: io::stdout().is_terminal(),
    };
    let mut client = Client::new(env, show, interrupt);
    let mut out = io::stdout().lock();
    if let Some(path) = &args.session.init {
        let text = read(path)?;
        let name = path.display().to_string();
        run_script(
            &mut client,
            &text,
            Some(&name),
            Allowed::Initialisation,
            &mut out,
        )?;
    }
    if let Some(path) = &args.file {
        let text = read(path)?;
        let name = path.display().to_string();
        run_script(&mut client, &text, Some(&name), Allowed::All, &mut out)?;
    } else if let Some(text) = &args.execute {
        run_script(&mut client, text, None, Allowed::All, &mut out)?;
    } else if io::stdin().is_terminal() {
        drop(out);
        filbert_shell::repl::run(client, history(args).as_deref());
    } else {
        let mut text = String::new();
        io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| without_place(unreadable(Path::new("standard input"), &error)))?;
        run_script(&mut client, &text, None, Allowed::All, &mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the prompt keeps its history: the argument, else a file in the user's home.
fn history(args: &Args) -> Option<PathBuf> {
    let home = || std::env::home_dir().map(|home| home.join(".filbert-sql-history"));
    args.history.clone().or_else(home)
}

fn new_environment(settings: EnvironmentSettings) -> Result<TableEnvironment, TableError> {
    TableEnvironment::with_connectors(settings, filbert_connectors::registry()?)
}

fn read(path: &Path) -> Result<String, Box<ScriptFailure>> {
    std::fs::read_to_string(path).map_err(|error| without_place(unreadable(path, &error)))
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
    };
    let invalid = |error: filbert_testing::ScriptError| TableError::validation(error.to_string());
    let mut files = Vec::new();
    for path in &args.paths {
        files.extend(filbert_testing::find_files(path).map_err(invalid)?);
    }
    let mut out = io::stdout().lock();
    let (mut passed, mut failed) = (0, 0);
    for path in &files {
        match filbert_testing::run_file(path, &new, &options) {
            Ok(report) => {
                passed += report.passed();
                failed += report.failed();
                for result in &report.results {
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
    }
    put(&mut out, &format!("{passed} passed, {failed} failed"))?;
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn put(out: &mut dyn Write, text: &str) -> Result<(), TableError> {
    writeln!(out, "{text}").map_err(|error| {
        TableError::new(
            ErrorKind::Execution,
            format!("The output cannot be written: {error}."),
        )
    })
}
