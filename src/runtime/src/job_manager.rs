//! The control thread: it alone changes the states of jobs.

/// What the control thread is told.
pub(crate) enum ControlEvent {
    Cancel(String),
}
