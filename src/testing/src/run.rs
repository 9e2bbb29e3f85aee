use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::complete;
use crate::script::{Expectation, Script, ScriptError, TestRecord};
use crate::session::{Answer, NewEnvironment, Session};

/// How files are run.
#[derive(Clone)]
pub struct Options {
    /// Write the answers into the files.
    pub complete: bool,
    /// How long a record may take.
    pub timeout: Duration,
    /// True when the user wants the run to end (ctrl-C).
    pub interrupted: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            complete: false,
            timeout: Duration::from_secs(20),
            interrupted: Arc::new(|| false),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("complete", &self.complete)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// How a record came out.
#[derive(Debug, Clone)]
pub enum Outcome {
    Passed,
    /// The statement failed, with the error that it gave.
    Failed(String),
    /// It succeeded though an error was expected.
    Succeeded,
    /// It was refused for another reason than the one expected.
    OtherError {
        expected: String,
        got: String,
    },
    /// It gave other rows.
    Different {
        expected: Vec<String>,
        got: Vec<String>,
    },
}

impl Outcome {
    pub fn passed(&self) -> bool {
        matches!(self, Outcome::Passed)
    }

    /// True for an answer that can be written into the file: a refusal of another kind than the one expected is not.
    pub fn completes(&self) -> bool {
        !matches!(self, Outcome::OtherError { .. })
    }
}

/// A record and how it came out.
#[derive(Debug, Clone)]
pub struct RecordResult {
    pub record: TestRecord,
    pub outcome: Outcome,
}

/// A file's records and how they came out.
#[derive(Debug, Clone)]
pub struct FileReport {
    pub path: PathBuf,
    pub results: Vec<RecordResult>,
}

impl FileReport {
    pub fn passed(&self) -> usize {
        self.results.iter().filter(|r| r.outcome.passed()).count()
    }

    pub fn failed(&self) -> usize {
        self.results.len() - self.passed()
    }
}

/// The `.slt` files at a path: the file itself, or all in a folder and below, sorted.
///
/// # Errors
/// When the path or a folder below it can't be read.
pub fn find_files(path: &Path) -> Result<Vec<PathBuf>, ScriptError> {
    let mut files = Vec::new();
    collect_files(path, &mut files)?;
    Ok(files)
}

fn collect_files(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), ScriptError> {
    let unreadable = |error| ScriptError::Unreadable(path.display().to_string(), error);
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
        .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect())
        .map_err(unreadable)?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() || entry.extension().is_some_and(|e| e == "slt") {
            collect_files(&entry, files)?;
        }
    }
    Ok(())
}

/// Time beyond a record's own timeout after which its thread is given up.
const GRACE: Duration = Duration::from_secs(15);

/// How often a wait looks at whether the run is interrupted.
const TICK: Duration = Duration::from_millis(100);

/// What the thread of a file sends: each record's answer, in order.
type Answers = mpsc::Receiver<Result<Answer, String>>;

/// Runs all records of a file in a fresh session.
///
/// # Errors
/// When the file can't be read, is no script, can't be completed, or the run is interrupted.
pub fn run_file(
    path: &Path,
    new: &Arc<NewEnvironment>,
    options: &Options,
) -> Result<FileReport, ScriptError> {
    let script = Script::read(path)?;
    // Held here, not by the session's thread: a process that ends doesn't wait for its threads.
    let tmp = tempfile::Builder::new()
        .prefix("slt")
        .tempdir()
        .map_err(|error| ScriptError::Unreadable("a temporary folder".to_owned(), error))?;
    let (session, answers) = start(&script, tmp.path(), new, options);
    let mut results = Vec::with_capacity(script.records.len());
    let mut given = Vec::with_capacity(script.records.len());
    let mut gone = None;
    for record in &script.records {
        let answer = match &gone {
            Some(reason) => Err(String::clone(reason)),
            None => next_answer(&answers, options).unwrap_or_else(|reason| {
                gone = Some(reason.clone());
                Err(reason)
            }),
        };
        if (options.interrupted)() {
            return Err(ScriptError::Interrupted(path.display().to_string()));
        }
        results.push(RecordResult {
            record: record.clone(),
            outcome: judge(&record.expectation, &answer),
        });
        given.push(answer);
    }
    if gone.is_none() {
        // Its panics have been answers already.
        let _ = session.join();
    }
    if options.complete {
        complete::write(path, &script, &given)?;
    }
    Ok(FileReport {
        path: path.to_owned(),
        results,
    })
}

/// A record's answer, or why there will be none for it and those behind it.
fn next_answer(answers: &Answers, options: &Options) -> Result<Result<Answer, String>, String> {
    let timeout = options.timeout + GRACE;
    let begun = Instant::now();
    loop {
        match answers.recv_timeout(TICK) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Disconnected) => {
                return Err("The session's thread has ended.".to_owned());
            }
            Err(RecvTimeoutError::Timeout) if (options.interrupted)() => {
                return Err("The run was interrupted.".to_owned());
            }
            Err(RecvTimeoutError::Timeout) if begun.elapsed() >= timeout => {
                return Err(format!(
                    "It did not come back within {} s; the rest of the file was not run.",
                    timeout.as_secs()
                ));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// A thread that runs the file's records, so that one that hangs can be given up.
fn start(
    script: &Script,
    tmp: &Path,
    new: &Arc<NewEnvironment>,
    options: &Options,
) -> (JoinHandle<()>, Answers) {
    let (sender, answers) = mpsc::channel();
    let statements: Vec<String> = script.records.iter().map(|r| r.sql.clone()).collect();
    let (new, timeout) = (Arc::clone(new), options.timeout);
    let tmp = tmp.to_string_lossy().into_owned();
    let session = std::thread::spawn(move || {
        let mut session = Session::new(&*new, &tmp, timeout);
        for sql in statements {
            let run = AssertUnwindSafe(|| session.run(&sql).map_err(|error| error.to_string()));
            let answer = catch_unwind(run)
                .unwrap_or_else(|panic| Err(format!("PANIC: {}", panic_text(&*panic))));
            if sender.send(answer).is_err() {
                break;
            }
        }
        session.close();
    });
    (session, answers)
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

fn judge(expectation: &Expectation, answer: &Result<Answer, String>) -> Outcome {
    match (expectation, answer) {
        (Expectation::Ok, Ok(_)) => Outcome::Passed,
        // A panic is never the refusal that was meant.
        (Expectation::Error(_), Err(error)) if error.starts_with("PANIC") => {
            Outcome::Failed(error.clone())
        }
        (Expectation::Error(expected), Err(error)) if expected.is_match(error, None) => {
            Outcome::Passed
        }
        (Expectation::Error(expected), Err(error)) => Outcome::OtherError {
            expected: expected.to_string(),
            got: error.clone(),
        },
        (Expectation::Error(_), Ok(_)) => Outcome::Succeeded,
        (Expectation::Ok | Expectation::Rows { .. }, Err(error)) => Outcome::Failed(error.clone()),
        (Expectation::Rows { lines, any_order }, Ok(answer)) => {
            let (mut expected, mut got) = (squeezed(lines), squeezed(&answer.lines));
            if *any_order {
                expected.sort();
                got.sort();
            }
            if expected == got {
                Outcome::Passed
            } else {
                Outcome::Different { expected, got }
            }
        }
    }
}

/// Lines with every run of blanks as one.
fn squeezed(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}
