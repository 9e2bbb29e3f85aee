//! The binary as a child process, and files for it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// No test waits longer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A folder of a test's own, gone with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Writes a file; `${TMP}` in its text is this folder.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, self.filled(text)).unwrap();
        path
    }

    pub fn filled(&self, text: &str) -> String {
        text.replace("${TMP}", &self.0.display().to_string())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a process left.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A running binary.
pub struct Filbert {
    child: Child,
    input: Option<ChildStdin>,
    output: Box<dyn BufRead + Send>,
    seen: String,
}

/// Runs the binary to its end, with nothing to read.
pub fn filbert(args: &[&str]) -> Ended {
    let mut running = Filbert::start(args);
    running.input = None;
    running.end()
}

impl Filbert {
    pub fn start(args: &[&str]) -> Filbert {
        let mut child = Command::new(env!("CARGO_BIN_EXE_filbert"))
            .args(args)
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Filbert {
            input: child.stdin.take(),
            output: Box::new(BufReader::new(child.stdout.take().unwrap())),
            child,
            seen: String::new(),
        }
    }

    /// Writes to the binary's input.
    pub fn say(&mut self, text: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{text}").unwrap();
        input.flush().unwrap();
    }

    /// Reads the output up to a line that holds `text`, and gives that line.
    pub fn read_to(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let count = self.output.read_line(&mut line).unwrap();
            assert!(count > 0, "no '{text}' in:\n{}", self.seen);
            self.seen.push_str(&line);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Closes the pipe that the binary writes to.
    pub fn stop_reading(&mut self) {
        self.output = Box::new(std::io::empty());
    }

    pub fn interrupt(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(sent.success());
    }

    pub fn end(mut self) -> Ended {
        self.input = None;
        let mut errors = self.child.stderr.take().unwrap();
        let err = thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).map(|_| text)
        });
        let mut output = self.output;
        let out = thread::spawn(move || {
            let mut text = self.seen;
            output.read_to_string(&mut text).map(|_| text)
        });
        let status = wait(&mut self.child);
        Ended {
            code: status.code(),
            out: out.join().unwrap().unwrap(),
            err: err.join().unwrap().unwrap(),
        }
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > TIMEOUT {
            child.kill().unwrap();
            panic!("the process did not end");
        }
        thread::sleep(Duration::from_millis(10));
    }
}
