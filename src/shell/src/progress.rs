//! What a long wait shows on a terminal.

use std::time::{Duration, Instant};

use filbert_table::{ExecutionState, JobClient};
use indicatif::{ProgressBar, ProgressStyle};

/// Waits shorter than this show nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// A line that tells how far a job is; gone when dropped.
pub(crate) struct Progress {
    shown: bool,
    start: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// `shown` is false where nobody looks, and where a line would be in the way of rows.
    pub fn new(shown: bool) -> Progress {
        Progress {
            shown,
            start: Instant::now(),
            bar: None,
        }
    }

    /// Brings the line up to date.
    pub fn tick(&mut self, job: Option<&JobClient>) {
        if !self.shown || self.start.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        if let Some(job) = job {
            let seconds = self.start.elapsed().as_secs();
            bar.set_message(format!("{seconds} s, {}", message(job)));
        }
        bar.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn message(job: &JobClient) -> String {
    let detail = job.detail();
    let subtasks = || detail.vertices.iter().flat_map(|v| &v.subtasks);
    let total = subtasks().count();
    let finished = subtasks()
        .filter(|s| s.state == ExecutionState::Finished)
        .count();
    let rows: u64 = subtasks().map(|s| s.records_out).sum();
    format!("{finished} of {total} tasks finished, {rows} rows between tasks. Ctrl-C cancels.")
}
