//! Operators and the predicates written with keywords, as functions by name: `"+"`, `"AND"`, `"IS NULL"`, ..
//!
//! Where an operator means the same in DataFusion it becomes DataFusion's, so that its optimizer knows it; where it
//! doesn't, a kernel of ours runs.

pub(crate) mod arithmetic;
pub(crate) mod comparison;
pub(crate) mod concat;
pub(crate) mod decimal;
pub(crate) mod guard;
pub(crate) mod logic;
pub(crate) mod nested;
pub(crate) mod temporal;

pub use guard::can_fail;
