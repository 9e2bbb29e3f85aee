//! The binary on a terminal of its own: what a user types, and what the screen shows.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};

/// No test waits longer for one thing.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A pause that is long for the binary and short for a test.
pub const MOMENT: Duration = Duration::from_millis(300);

pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    /// How much of the screen's text has been looked at.
    seen: usize,
}

impl Terminal {
    /// Starts the binary on a new terminal and waits for its prompt.
    pub fn prompt(args: &[&str]) -> Terminal {
        let mut terminal = Terminal::start(args);
        terminal.see("Filbert SQL> ");
        terminal
    }

    pub fn start(args: &[&str]) -> Terminal {
        let size = Winsize {
            ws_row: 24,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(&size, None).unwrap();
        let slave = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
        // `setsid --ctty` makes the terminal the one that ctrl-C comes from.
        let child = Command::new("setsid")
            .args(["--ctty", env!("CARGO_BIN_EXE_filbert")])
            .args(args)
            .env("TERM", "xterm-256color")
            .env("TZ", "UTC")
            .env_remove("NO_COLOR")
            .stdin(slave(&pty.slave))
            .stdout(slave(&pty.slave))
            .stderr(slave(&pty.slave))
            .spawn()
            .unwrap();
        drop(pty.slave);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let mut output = File::from(pty.master.try_clone().unwrap());
        let shown = Arc::clone(&screen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose last process has ended fails to be read.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Terminal {
            child,
            keyboard: File::from(pty.master),
            screen,
            seen: 0,
        }
    }

    /// Types these keys.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Types a line and ends it.
    pub fn say(&mut self, line: &str) {
        self.press(line);
        self.press("\r");
    }

    /// Waits until the screen shows `text` behind what was seen before; gives all up to its end, without colours.
    pub fn see(&mut self, text: &str) -> String {
        let start = Instant::now();
        loop {
            let plain = self.text();
            let new = plain.get(self.seen..).unwrap_or_default();
            if let Some(at) = new.find(text) {
                let end = at + text.len();
                let seen = new[..end].to_owned();
                self.seen += end;
                return seen;
            }
            assert!(
                start.elapsed() < TIMEOUT,
                "no {text:?} on the screen:\n{new}\n--- raw: {new:?}"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// All that was written, as bytes that mean something to a terminal.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    fn text(&self) -> String {
        plain(&self.raw())
    }

    /// Waits for the end of the binary; gives its exit code and what the screen shows since the last look.
    pub fn end(mut self) -> (Option<i32>, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > TIMEOUT {
                self.child.kill().unwrap();
                panic!("the binary did not end:\n{}", self.text());
            }
            thread::sleep(Duration::from_millis(10));
        };
        thread::sleep(Duration::from_millis(50));
        let plain = self.text();
        (
            status.code(),
            plain.get(self.seen..).unwrap_or_default().to_owned(),
        )
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text without what moves the cursor and colours it.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => {
                    chars.find(|c| c.is_ascii_alphabetic() || *c == '~');
                }
                Some(']') => {
                    chars.find(|c| *c == '\u{7}');
                }
                _ => {}
            },
            '\r' => {}
            c => plain.push(c),
        }
    }
    plain
}
