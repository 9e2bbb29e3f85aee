//! The SQL client: statements from a script or a prompt, their results on a terminal or a pipe.
//!
//! - [`client`]: executes a statement and shows what it gives.
//! - [`script`]: whole texts, up to the first error.
//! - [`interrupt`]: ctrl-C as a flag that waits look at; `terminal`: who gets ctrl-C, and keys.
//! - [`repl`]: the prompt; `helper`: what its line editor asks.
//! - `materialized`: the rows that a changelog leaves; `live`: a view of them that updates in place.
//! - `progress`: long waits.
//! - [`messages`]: the client's own lines.

pub mod client;
mod helper;
pub mod interrupt;
mod live;
mod materialized;
pub mod messages;
mod progress;
pub mod repl;
pub mod script;
mod terminal;

pub use client::{Client, Show};
pub use interrupt::Interrupt;
pub use script::{Allowed, Script, ScriptEnd, ScriptFailure, run_pipe};
