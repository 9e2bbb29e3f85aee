//! Binds texts against a catalog in memory and looks at the plans.

mod errors;
mod harness;
mod queries;
