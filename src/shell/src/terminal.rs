//! The terminal beneath the line editor: who gets ctrl-C, what typing shows, and keys while a view is open.

use std::io;
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{read, tcgetpgrp};

/// Makes a line editor and takes SIGINT back from it: rustyline holds the signal for as long as an editor lives, though
/// it reads ctrl-C as a key, and a running query would never hear of it.
pub(crate) fn keeping_interrupts<T>(make: impl FnOnce() -> T) -> io::Result<T> {
    let none = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: the only handlers set are "ignore" and the one that was there before.
    let ours = unsafe {
        let ours = sigaction(Signal::SIGINT, &none)?;
        sigaction(Signal::SIGINT, &ours)?;
        ours
    };
    let made = make();
    // SAFETY: as above.
    unsafe { sigaction(Signal::SIGINT, &ours)? };
    Ok(made)
}

/// The terminal without echo while a statement runs: ctrl-C would leave a `^C` among the rows. What is typed ahead is
/// kept key by key (by lines, ctrl-D would be an end of input that the line editor never sees) and shown by the next
/// prompt. As it was when dropped.
pub(crate) struct Quiet {
    before: Termios,
}

impl Quiet {
    /// None where standard input is no terminal, or one that others use: changing it from the background would stop the
    /// process.
    pub fn begin() -> Option<Quiet> {
        // SAFETY: the call takes nothing and cannot fail.
        let own = unsafe { nix::libc::getpgrp() };
        if tcgetpgrp(io::stdin()).ok()?.as_raw() != own {
            return None;
        }
        let before = tcgetattr(io::stdin()).ok()?;
        let mut quiet = before.clone();
        quiet
            .local_flags
            .remove(LocalFlags::ECHO | LocalFlags::ICANON);
        tcsetattr(io::stdin(), SetArg::TCSANOW, &quiet).ok()?;
        Some(Quiet { before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        restore(&self.before);
    }
}

/// The modes of the terminal that standard input is.
pub(crate) fn modes() -> Option<Termios> {
    tcgetattr(io::stdin()).ok()
}

pub(crate) fn restore(modes: &Termios) {
    // A terminal that is gone needs no mode.
    let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, modes);
}

/// What a key means in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Quit,
    LineUp,
    LineDown,
    PageUp,
    PageDown,
    Left,
    Right,
    First,
    Last,
}

/// The keyboard, key by key and without echo; ctrl-C still interrupts. Lines again when dropped.
pub(crate) struct Keys {
    before: Termios,
}

impl Keys {
    /// None where standard input is no terminal.
    pub fn open() -> Option<Keys> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut raw = before.clone();
        raw.local_flags
            .remove(LocalFlags::ICANON | LocalFlags::ECHO);
        tcsetattr(io::stdin(), SetArg::TCSANOW, &raw).ok()?;
        Some(Keys { before })
    }

    /// The keys that were pressed since the last look.
    pub fn pressed(&self) -> Vec<Key> {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::ZERO) {
            Ok(ready) if ready > 0 => {}
            _ => return Vec::new(),
        }
        let mut bytes = [0; 64];
        match read(stdin.as_fd(), &mut bytes) {
            Ok(count) => keys(&bytes[..count]),
            Err(_) => Vec::new(),
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        restore(&self.before);
    }
}

const MEANINGS: &[(&[u8], Key)] = &[
    (b"q", Key::Quit),
    (b"Q", Key::Quit),
    (b"\x1b[A", Key::LineUp),
    (b"\x1b[B", Key::LineDown),
    (b"\x1b[C", Key::Right),
    (b"\x1b[D", Key::Left),
    (b"\x1b[5~", Key::PageUp),
    (b"\x1b[6~", Key::PageDown),
    (b"\x1b[H", Key::First),
    (b"\x1b[F", Key::Last),
    (b"p", Key::PageUp),
    (b"n", Key::PageDown),
    (b"g", Key::First),
    (b"G", Key::Last),
];

fn keys(mut bytes: &[u8]) -> Vec<Key> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let meaning = MEANINGS.iter().find(|(code, _)| bytes.starts_with(code));
        match meaning {
            Some((code, key)) => {
                found.push(*key);
                bytes = &bytes[code.len()..];
            }
            None => bytes = &bytes[1..],
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Key, keys};

    #[test]
    fn keys_come_in_one_piece_or_several() {
        assert_eq!(keys(b"\x1b[6~xq"), [Key::PageDown, Key::Quit]);
        assert_eq!(keys(b"\x1b[A\x1b[B"), [Key::LineUp, Key::LineDown]);
    }
}
