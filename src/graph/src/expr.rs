use filbert_types::LogicalType;
use serde::{Deserialize, Serialize};

/// An expression over an operator's input: its bytes (a physical expression, written and read by the codec of
/// `filbert-functions`), its text for EXPLAIN, and its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExprSpec {
    pub bytes: Vec<u8>,
    pub text: String,
    pub ty: LogicalType,
}
