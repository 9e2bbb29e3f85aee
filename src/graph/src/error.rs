use filbert_types::config::ConfigError;

/// What is wrong with a graph. Only [`GraphError::Config`] is a user's to mend; the rest are ours.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    #[error("Two operators of the stream graph have the id {id}: '{first}' and '{second}'.")]
    DuplicateId {
        id: u32,
        first: String,
        second: String,
    },
    #[error("An edge of the stream graph names the operator {id}, which the graph does not have.")]
    DanglingEdge { id: u32 },
    #[error("The stream graph has a cycle through operator '{name}'.")]
    Cycle { name: String },
    #[error("Operator '{name}' has no input and is no source.")]
    NoInput { name: String },
    #[error("Operator '{name}' has an input {gap} missing below input {input}.")]
    InputGap {
        name: String,
        gap: usize,
        input: usize,
    },
    #[error("Source '{name}' has an input.")]
    SourceWithInput { name: String },
    #[error("Operator '{name}' has parallelism 0.")]
    NoParallelism { name: String },
    #[error(
        "The forward edge from '{source_name}' to '{target_name}' joins parallelism {source_parallelism} and {target_parallelism}."
    )]
    UnequalForward {
        source_name: String,
        target_name: String,
        source_parallelism: usize,
        target_parallelism: usize,
    },
    #[error(
        "Operator '{name}' has parallelism {parallelism}, more than its maximum of {max_parallelism} ('pipeline.max-parallelism')."
    )]
    AboveMaxParallelism {
        name: String,
        parallelism: usize,
        max_parallelism: usize,
    },
    #[error("'{key}' must lie between 1 and 32768, not {value}.")]
    MaxParallelismRange { key: &'static str, value: i64 },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("The graph cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
