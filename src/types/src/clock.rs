//! Processing time, injected: jobs run on the system's clock, tests on one that they move by hand.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Processing time in milliseconds since the epoch.
pub trait Clock: Send + Sync {
    fn now_ms(&self) -> i64;

    /// How long a thread may sleep until `deadline_ms`; none when only a wake-up can bring the deadline.
    fn sleep_until(&self, deadline_ms: i64) -> Option<Duration>;

    /// Wakers that must be called whenever time jumps (a manual clock). The system's clock needs none.
    fn subscribe(&self, waker: Waker) {
        drop(waker);
    }
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everyone else is given"
    )]
    fn now_ms(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| {
                i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
            })
    }

    fn sleep_until(&self, deadline_ms: i64) -> Option<Duration> {
        let ms = deadline_ms.saturating_sub(self.now_ms());
        Some(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug, Default)]
pub struct ManualClock {
    now_ms: AtomicI64,
    subscribers: Mutex<Vec<Waker>>,
}

impl ManualClock {
    pub fn new(now_ms: i64) -> ManualClock {
        ManualClock {
            now_ms: AtomicI64::new(now_ms),
            subscribers: Mutex::default(),
        }
    }

    /// Moves time forward and wakes everyone who waits.
    pub fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
        for waker in self.lock().iter() {
            waker.wake_by_ref();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn sleep_until(&self, deadline_ms: i64) -> Option<Duration> {
        (deadline_ms <= self.now_ms()).then_some(Duration::ZERO)
    }

    fn subscribe(&self, waker: Waker) {
        self.lock().push(waker);
    }
}
