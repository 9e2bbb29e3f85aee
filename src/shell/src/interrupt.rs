use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::termios::Termios;

use crate::terminal::{modes, restore};

/// Whether ctrl-C was pressed since the flag was last taken. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    pressed: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes ctrl-C over from the process: from now on it sets the flag, and a second press while the first has not
    /// been taken ends the process.
    ///
    /// # Errors
    /// When the system refuses a handler or a thread.
    pub fn install() -> io::Result<Interrupt> {
        let interrupt = Interrupt::default();
        let flag = interrupt.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        // A process that ends on the way must not leave a terminal without echo.
        let modes = modes();
        std::thread::Builder::new()
            .name("interrupt".to_owned())
            .spawn(move || runtime.block_on(listen(flag, modes)))?;
        Ok(interrupt)
    }

    /// True when ctrl-C was pressed; the flag is down afterwards.
    pub fn take(&self) -> bool {
        self.pressed.swap(false, Ordering::SeqCst)
    }

    pub fn is_pressed(&self) -> bool {
        self.pressed.load(Ordering::SeqCst)
    }

    /// As if ctrl-C was pressed.
    pub fn press(&self) {
        self.pressed.store(true, Ordering::SeqCst);
    }
}

/// The exit code of a process that ctrl-C ended.
const INTERRUPTED: i32 = 130;

async fn listen(flag: Interrupt, modes: Option<Termios>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        if flag.pressed.swap(true, Ordering::SeqCst) {
            modes.iter().for_each(restore);
            std::process::exit(INTERRUPTED);
        }
    }
}
