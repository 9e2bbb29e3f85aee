use std::collections::BTreeSet;

use filbert_connector_api::sink::WriterContext;
use filbert_connector_api::{Committable, Committer, ConnectorError};
use object_store::path::Path;

use crate::commit_policy::CommitPolicy;
use crate::compact::{self, Compaction};
use crate::layout::Layout;
use crate::location::{Location, shown};
use crate::writer::{PartFile, job_prefix, to_path};

/// Makes part files visible, and for INSERT OVERWRITE drops what they replace: the table's other files, or those of the
/// partitions that got rows. A partition that got none keeps its files, as in Flink, also where the statement names it.
pub struct FileCommitter {
    location: Location,
    overwrite: bool,
    partitioned: bool,
    /// In batch mode a table without partitions is marked as one is.
    batch: bool,
    job_prefix: String,
    /// The folders that got rows.
    touched: BTreeSet<String>,
    policy: CommitPolicy,
    compaction: Option<Compaction>,
}

impl FileCommitter {
    pub fn new(
        location: Location,
        layout: &Layout,
        policy: CommitPolicy,
        compaction: Option<Compaction>,
        ctx: &WriterContext,
    ) -> FileCommitter {
        FileCommitter {
            location,
            overwrite: ctx.overwrite,
            partitioned: !layout.partition_keys.is_empty(),
            batch: ctx.batch,
            job_prefix: job_prefix(&ctx.job_id),
            touched: BTreeSet::new(),
            policy,
            compaction,
        }
    }

    /// Puts small files together, shows what comes of it, and drops what went in.
    fn publish_compacted(
        &mut self,
        compaction: &Compaction,
        files: Vec<PartFile>,
    ) -> Result<(), ConnectorError> {
        let store = self.location.store.clone();
        for group in compaction.groups(&store, files)? {
            let mut gone = 0;
            for file in &group {
                gone += usize::from(store.head(&to_path(&file.hidden)?)?.is_none());
            }
            if gone == 0 {
                let merged = compaction.merge(&store, &group)?;
                self.publish(&merged)?;
                if group.len() > 1 {
                    for file in &group {
                        store.delete(&to_path(&file.hidden)?)?;
                    }
                }
            } else {
                // Compacted before, by a run that did not live to say so: that ends with the files being dropped.
                for file in &group {
                    let hidden = to_path(&file.hidden)?;
                    if store.head(&hidden)?.is_some() {
                        store.delete(&hidden)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn publish(&mut self, file: &PartFile) -> Result<(), ConnectorError> {
        let (hidden, visible) = (to_path(&file.hidden)?, to_path(&file.visible)?);
        if let Some((folder, _)) = visible.as_ref().rsplit_once('/') {
            self.touched.insert(folder.to_owned());
        }
        let store = &self.location.store;
        if store.head(&hidden)?.is_none() {
            // Committed before, by a run that did not live to say so.
            return match store.head(&visible)? {
                Some(_) => Ok(()),
                None => Err(ConnectorError::world(format!(
                    "the part file {} is gone before it was committed",
                    shown(&hidden)
                ))),
            };
        }
        store.rename(&hidden, &visible)
    }

    fn drop_replaced(&self) -> Result<(), ConnectorError> {
        let folders: Vec<Path> = if self.partitioned {
            self.touched
                .iter()
                .map(|f| to_path(f))
                .collect::<Result<_, _>>()?
        } else {
            vec![self.location.base.clone()]
        };
        for folder in folders {
            for file in self.location.store.list(&folder)? {
                let name = file.location.filename().unwrap_or_default();
                let own = name.strip_prefix(compact::PREFIX).unwrap_or(name);
                if !name.starts_with(['.', '_']) && !own.starts_with(&self.job_prefix) {
                    self.location.store.delete(&file.location)?;
                }
            }
        }
        Ok(())
    }
}

impl Committer for FileCommitter {
    fn commit(&mut self, committables: Vec<Committable>) -> Result<(), ConnectorError> {
        let file = |Committable(value): Committable| {
            serde_json::from_value(value)
                .map_err(|e| ConnectorError::engine(format!("no part file to commit: {e}")))
        };
        let files: Vec<PartFile> = committables
            .into_iter()
            .map(file)
            .collect::<Result<_, _>>()?;
        match self.compaction.clone() {
            Some(compaction) => self.publish_compacted(&compaction, files),
            None => files.iter().try_for_each(|file| self.publish(file)),
        }
    }

    fn finish(&mut self) -> Result<(), ConnectorError> {
        if self.overwrite {
            self.drop_replaced()?;
        }
        let store = &self.location.store;
        if self.partitioned {
            let mut folders = self.touched.iter();
            folders.try_for_each(|folder| self.policy.commit(store, folder))?;
        } else if self.batch {
            self.policy.commit(store, self.location.base.as_ref())?;
        }
        let base = shown(&self.location.base);
        if self.location.store.is_local() {
            // A table that got no row is an empty folder, not a missing one.
            std::fs::create_dir_all(&base).map_err(|e| {
                ConnectorError::world(format!("cannot create folder {base}: {e}")).with_source(e)
            })?;
        }
        Ok(())
    }
}
