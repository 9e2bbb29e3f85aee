//! What planning reads of files, kept for running.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::cache::cache_manager::{
    CacheManager, CacheManagerConfig, FileMetadataCache,
};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};

/// The footers of files that were read: planning a query reads them for their statistics, running it needs them again, and
/// so does the next query. An entry counts only for a file of the same size and time of change. Bounded, by DataFusion's
/// own limit.
#[derive(Clone)]
pub struct FileCache(Arc<FileMetadataCache>);

impl FileCache {
    /// An empty cache.
    ///
    /// # Errors
    /// When DataFusion's defaults make no cache, which is a bug.
    pub fn new() -> Result<FileCache> {
        let caches = CacheManager::try_new(&CacheManagerConfig::default())?;
        Ok(FileCache(caches.get_file_metadata_cache()))
    }

    /// The environment that `builder` makes, with this cache.
    ///
    /// # Errors
    /// When the environment can't be made.
    pub fn environment(&self, builder: RuntimeEnvBuilder) -> Result<Arc<RuntimeEnv>> {
        let caches = CacheManagerConfig::default();
        let caches = caches.with_file_metadata_cache(Some(Arc::clone(&self.0)));
        builder.with_cache_manager(caches).build_arc()
    }
}

impl fmt::Debug for FileCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileCache").finish_non_exhaustive()
    }
}
