//! The SQL client: statements from a script or a prompt, their results on a terminal or a pipe.
//!
//! - [`client`]: executes a statement and shows what it gives.
//! - [`script`]: whole texts, ended by the first error.
//! - [`interrupt`]: ctrl-C as a flag that waits look at.
//! - [`repl`]: the prompt; `helper`: what its line editor asks.
//! - `live`: a table that updates in place; `progress`: long waits.
//! - [`messages`]: the client's own lines.

pub mod client;
mod helper;
pub mod interrupt;
mod live;
pub mod messages;
mod progress;
pub mod repl;
pub mod script;

pub use client::{Client, Show};
pub use interrupt::Interrupt;
pub use script::{ScriptFailure, run_script};
