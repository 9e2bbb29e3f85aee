use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;
use std::thread::Thread;
use std::time::Duration;

/// Wakes a task's thread: channels, clocks, coordinators and operators' futures all do it through this one.
#[derive(Debug, Default)]
pub(crate) struct TaskWaker {
    thread: OnceLock<Thread>,
    woken: AtomicBool,
}

impl TaskWaker {
    /// Makes the current thread the one that is woken.
    pub(crate) fn attach(&self) {
        // A second call would be another thread's, and a task has one.
        let _ = self.thread.set(std::thread::current());
    }

    /// Sleeps until woken, for at most `timeout`; returns at once when woken since the last wait.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        if self.woken.swap(false, Ordering::Acquire) {
            return;
        }
        match timeout {
            None => std::thread::park(),
            Some(timeout) => std::thread::park_timeout(timeout),
        }
        self.woken.store(false, Ordering::Release);
    }
}

impl Wake for TaskWaker {
    fn wake(self: std::sync::Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &std::sync::Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }
}
