use std::sync::OnceLock;

use filbert_operators::error::Result;
use filbert_operators::{IoRuntime, OperatorError};
use tokio::runtime::{Builder, Handle, Runtime};

/// A tokio runtime that is made when it is first asked for.
pub(crate) struct LazyRuntime {
    threads: usize,
    name: &'static str,
    runtime: OnceLock<Option<Runtime>>,
}

impl LazyRuntime {
    pub(crate) fn new(threads: usize, name: &'static str) -> LazyRuntime {
        LazyRuntime {
            threads,
            name,
            runtime: OnceLock::new(),
        }
    }
}

impl IoRuntime for LazyRuntime {
    fn handle(&self) -> Result<Handle> {
        let runtime = self.runtime.get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(self.threads)
                .thread_name(self.name)
                .enable_all()
                .build()
                .ok()
        });
        let handle = runtime.as_ref().map(|r| r.handle().clone());
        handle.ok_or_else(|| OperatorError::world("Could not start threads for input and output."))
    }
}

impl Drop for LazyRuntime {
    fn drop(&mut self) {
        // Blocking work may be in flight, and the last handle may be dropped inside the runtime itself.
        if let Some(Some(runtime)) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
