use serde::{Deserialize, Serialize};

use crate::expr::ExprSpec;

/// Runs a process table function over its table arguments, one input each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessTableSpec {
    /// The name by which the function was registered.
    pub function: String,
    /// The operator's name; none for functions without state whose calls give none.
    pub uid: Option<String>,
    /// By input.
    pub tables: Vec<ProcessTableInput>,
    /// The scalar arguments by number, constants; none for tables.
    pub scalars: Vec<Option<ExprSpec>>,
    pub state_ttl_ms: Option<u64>,
}

/// A table argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessTableInput {
    /// Its number among the function's arguments.
    pub argument: usize,
    /// The input's columns in the order in which the function sees them.
    pub columns: Vec<usize>,
    /// Columns of the input.
    pub keys: Vec<usize>,
    /// The time column, of the input.
    pub on_time: Option<usize>,
    /// All columns stand in the output, and not the key's alone.
    pub pass_through: bool,
    /// Rows of one key are seen together.
    pub set_semantics: bool,
}
