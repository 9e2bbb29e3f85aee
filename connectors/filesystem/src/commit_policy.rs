//! What marks a partition as complete: `sink.partition-commit.*`. Partitions are committed when the input has ended, all
//! that got rows, whatever the trigger waits for in a running job: so does Flink. Commits before the end come with
//! checkpoints.

use filbert_connector_api::{ConnectorError, FactoryContext};

use crate::location::Store;
use crate::options::{COMMIT_POLICY, SUCCESS_FILE};
use crate::writer::to_path;

/// How a partition is committed.
#[derive(Debug, Clone, Default)]
pub struct CommitPolicy {
    /// The name of an empty file that is put into the folder.
    success_file: Option<String>,
}

impl CommitPolicy {
    /// # Errors
    /// When a policy is none that there is for files.
    pub fn new(ctx: &FactoryContext<'_>) -> Result<CommitPolicy, ConnectorError> {
        let mut policy = CommitPolicy::default();
        let Some(kinds) = ctx.options.get(&COMMIT_POLICY) else {
            return Ok(policy);
        };
        for kind in kinds.split(',').map(str::trim) {
            match kind.to_ascii_lowercase().as_str() {
                "success-file" => {
                    let name = ctx.options.get(&SUCCESS_FILE).unwrap_or_default();
                    policy.success_file = Some(name.to_owned());
                }
                "metastore" => {
                    return Err(ConnectorError::user(
                        "Can not configure a 'metastore' partition commit policy for a file system table. You can only \
                         configure 'metastore' partition commit policy for a hive table.",
                    ));
                }
                "custom" => {
                    return Err(ConnectorError::user(
                        "The partition commit policy 'custom' is a Java class, which can't run here. Use 'success-file'.",
                    ));
                }
                _ => {
                    return Err(ConnectorError::user(format!(
                        "'{kind}' is no partition commit policy. Expected: success-file."
                    )));
                }
            }
        }
        Ok(policy)
    }

    /// Marks the partition in this folder.
    pub fn commit(&self, store: &Store, folder: &str) -> Result<(), ConnectorError> {
        match &self.success_file {
            Some(name) => store.put(&to_path(&format!("{folder}/{name}"))?, Vec::new()),
            None => Ok(()),
        }
    }
}
