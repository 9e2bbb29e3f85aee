//! Runs every `.slt` file of this folder. An argument that is no option picks the files whose path holds it.
#![expect(
    clippy::print_stdout,
    reason = "a test harness of its own, which reports by printing"
)]

#[path = "slt/lists.rs"]
mod lists;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use filbert_table::{EnvironmentSettings, TableEnvironment};
use filbert_testing::{FileReport, NewEnvironment, Options, print_outcome};

use lists::{KnownDifference, Lists};

/// What came of a file.
#[derive(Default)]
struct Verdict {
    passed: usize,
    known: usize,
    waiting: usize,
    /// What must be told: failures, and list entries that are wrong.
    complaints: Vec<String>,
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lists = match Lists::read(root) {
        Ok(lists) => lists,
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let files: Vec<PathBuf> = match filbert_testing::find_files(root) {
        Ok(files) => files
            .into_iter()
            .filter(|f| !f.components().any(|c| c.as_os_str() == "target"))
            .filter(|f| match &filter {
                Some(filter) => f.to_string_lossy().contains(filter),
                None => true,
            })
            .collect(),
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let verdicts = run_all(root, &files, &lists);
    let mut complaints: Vec<String> = if filter.is_none() {
        lists.without_file(root, &files)
    } else {
        Vec::new()
    };
    let total = verdicts
        .into_iter()
        .fold(Verdict::default(), |mut total, v| {
            total.passed += v.passed;
            total.known += v.known;
            total.waiting += v.waiting;
            complaints.extend(v.complaints);
            total
        });
    for complaint in &complaints {
        println!("{complaint}");
    }
    println!(
        "{} files: {} passed, {} failed, {} known differences, {} in files that wait",
        files.len(),
        total.passed,
        complaints.len(),
        total.known,
        total.waiting
    );
    if complaints.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run_all(root: &Path, files: &[PathBuf], lists: &Lists) -> Vec<Verdict> {
    let new: Arc<NewEnvironment> = Arc::new(|settings: EnvironmentSettings| {
        TableEnvironment::with_connectors(settings, filbert_connectors::registry()?)
    });
    let next = AtomicUsize::new(0);
    let verdicts = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdict = run(root, file, &new, lists);
                    let mut verdicts = verdicts.lock().unwrap_or_else(PoisonError::into_inner);
                    verdicts.push(verdict);
                }
            });
        }
    });
    verdicts
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}

fn run(root: &Path, file: &Path, new: &Arc<NewEnvironment>, lists: &Lists) -> Verdict {
    let name = lists::name_of(root, file);
    let report = match filbert_testing::run_file(file, new, &Options::default()) {
        Ok(report) => report,
        Err(error) => {
            return Verdict {
                complaints: vec![error.to_string()],
                ..Verdict::default()
            };
        }
    };
    let verdict = judge(&report, &lists.known_in(&name));
    match lists.waits_for(&name) {
        None => verdict,
        Some(reason) if verdict.complaints.is_empty() => Verdict {
            complaints: vec![format!(
                "{name} no longer waits for {reason}: all its records pass. Take it off waiting.txt."
            )],
            ..verdict
        },
        Some(_) => Verdict {
            waiting: report.results.len(),
            ..Verdict::default()
        },
    }
}

fn judge(report: &FileReport, known: &[&KnownDifference]) -> Verdict {
    let mut verdict = Verdict::default();
    for result in &report.results {
        let listed = known.iter().find(|k| k.is(&result.record.sql));
        match (result.outcome.passed(), listed) {
            (true, None) => verdict.passed += 1,
            (true, Some(known)) if known.unsettled => verdict.passed += 1,
            (false, Some(_)) => verdict.known += 1,
            (true, Some(_)) => verdict.complaints.push(format!(
                "{}:{}: no difference any more. Take it off known-differences.txt.",
                report.path.display(),
                result.record.line
            )),
            (false, None) => verdict
                .complaints
                .extend(print_outcome(&report.path, result)),
        }
    }
    verdict
}
