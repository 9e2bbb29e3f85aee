/// What the state layer refuses.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("A value of Arrow type {0} can't be a key.")]
    Key(String),
    #[error("The state table holds more than {0} keys in one subtask; raise the parallelism.")]
    Full(usize),
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
}
