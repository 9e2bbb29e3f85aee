/// Why a call is refused. The binder adds the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No function has this name.
    #[error("No match found for function signature {name}({arguments}).{hint}")]
    UnknownFunction {
        name: String,
        arguments: String,
        hint: String,
    },
    /// The arguments fit none of the signatures.
    #[error("Cannot apply '{name}' to arguments of type '{got}'.\nSupported form(s): {}", signatures.join("\n"))]
    NoSignature {
        name: String,
        got: String,
        signatures: Vec<String>,
    },
    /// A value of one type cannot become one of the other.
    #[error("Cast function cannot convert value of type {from} to type {to}")]
    NoCast { from: String, to: String },
    /// Anything else, said in full.
    #[error("{0}")]
    Invalid(String),
    /// Known to Flink, not built yet.
    #[error("{0} is not supported yet.")]
    Unsupported(String),
}
