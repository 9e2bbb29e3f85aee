//! Where a table lies, and its store behind plain blocking calls.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use filbert_connector_api::ConnectorError;
use futures::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};

/// An object store whose calls are waited for on the calling thread.
#[derive(Clone)]
pub struct Store {
    inner: Arc<dyn ObjectStore>,
    /// Where a remote store's requests run; the local one needs no runtime.
    remote: Option<Arc<tokio::runtime::Runtime>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.inner)
    }
}

impl Store {
    fn local() -> Store {
        Store {
            inner: Arc::new(LocalFileSystem::new()),
            remote: None,
        }
    }

    pub fn is_local(&self) -> bool {
        self.remote.is_none()
    }

    pub fn inner(&self) -> &Arc<dyn ObjectStore> {
        &self.inner
    }

    /// Waits for a request, on whatever thread this is.
    fn wait<T: Send + 'static>(
        &self,
        what: impl Fn() -> String,
        request: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<T, ConnectorError> {
        let done = match &self.remote {
            None => futures::executor::block_on(request),
            Some(runtime) => {
                let (sender, receiver) = std::sync::mpsc::sync_channel(1);
                runtime.spawn(async move {
                    // Nobody waits any more when this fails.
                    let _ = sender.send(request.await);
                });
                receiver.recv().map_err(|_| {
                    ConnectorError::engine(format!("{}: the request was dropped", what()))
                })?
            }
        };
        done.map_err(|e| ConnectorError::world(format!("{}: {e}", what())).with_source(e))
    }

    /// Every file below a folder, at any depth.
    pub fn list(&self, folder: &Path) -> Result<Vec<ObjectMeta>, ConnectorError> {
        let (store, prefix) = (Arc::clone(&self.inner), folder.clone());
        self.wait(|| format!("cannot list '{}'", shown(folder)), async move {
            let mut files = Vec::new();
            let mut stream = store.list(Some(&prefix));
            while let Some(file) = stream.next().await {
                files.push(file?);
            }
            Ok(files)
        })
    }

    /// None when there is no such file.
    pub fn head(&self, path: &Path) -> Result<Option<ObjectMeta>, ConnectorError> {
        let (store, wanted) = (Arc::clone(&self.inner), path.clone());
        self.wait(|| format!("cannot look at '{}'", shown(path)), async move {
            match store.head(&wanted).await {
                Ok(meta) => Ok(Some(meta)),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    pub fn read(&self, path: &Path, range: Range<u64>) -> Result<Bytes, ConnectorError> {
        let (store, wanted) = (Arc::clone(&self.inner), path.clone());
        self.wait(|| format!("cannot read '{}'", shown(path)), async move {
            store.get_range(&wanted, range).await
        })
    }

    pub fn put(&self, path: &Path, bytes: Vec<u8>) -> Result<(), ConnectorError> {
        let (store, target) = (Arc::clone(&self.inner), path.clone());
        self.wait(|| format!("cannot write '{}'", shown(path)), async move {
            let payload = PutPayload::from(bytes);
            store.put(&target, payload).await.map(drop)
        })
    }

    /// Begins a file that is written part by part.
    pub fn begin(&self, path: &Path) -> Result<Upload, ConnectorError> {
        let (store, target) = (Arc::clone(&self.inner), path.clone());
        let upload = self.wait(|| format!("cannot create '{}'", shown(path)), async move {
            store.put_multipart(&target).await
        })?;
        Ok(Upload {
            store: self.clone(),
            path: path.clone(),
            upload: Some(upload),
        })
    }

    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), ConnectorError> {
        let (store, source, target) = (Arc::clone(&self.inner), from.clone(), to.clone());
        self.wait(
            || format!("cannot rename '{}' to '{}'", shown(from), shown(to)),
            async move { store.rename(&source, &target).await },
        )
    }

    pub fn delete(&self, path: &Path) -> Result<(), ConnectorError> {
        let (store, target) = (Arc::clone(&self.inner), path.clone());
        self.wait(|| format!("cannot delete '{}'", shown(path)), async move {
            match store.delete(&target).await {
                Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }
}

/// A file in the making; it appears under its name when completed.
pub struct Upload {
    store: Store,
    path: Path,
    /// None while a part is on its way, and after it was completed.
    upload: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    pub fn write(&mut self, bytes: Vec<u8>) -> Result<(), ConnectorError> {
        self.run(|mut upload| async move {
            let written = upload.put_part(PutPayload::from(bytes)).await;
            (upload, written)
        })
    }

    pub fn complete(mut self) -> Result<(), ConnectorError> {
        self.run(|mut upload| async move {
            let completed = upload.complete().await.map(drop);
            (upload, completed)
        })
    }

    fn run<F>(
        &mut self,
        step: impl FnOnce(Box<dyn MultipartUpload>) -> F,
    ) -> Result<(), ConnectorError>
    where
        F: Future<Output = (Box<dyn MultipartUpload>, object_store::Result<()>)> + Send + 'static,
    {
        let Some(upload) = self.upload.take() else {
            return Err(ConnectorError::engine("the file failed before"));
        };
        let path = self.path.clone();
        let request = step(upload);
        let (upload, done) = self
            .store
            .wait(|| format!("cannot write '{}'", shown(&path)), async move {
                Ok(request.await)
            })?;
        self.upload = Some(upload);
        done.map_err(|e| {
            ConnectorError::world(format!("cannot write '{}': {e}", shown(&self.path)))
                .with_source(e)
        })
    }
}

/// A path as users write it: with the leading slash that stores leave out.
pub fn shown(path: &Path) -> String {
    format!("/{path}")
}

/// A table's place: everything below `base` that `pattern` lets through.
#[derive(Debug, Clone)]
pub struct Location {
    pub store: Store,
    /// `file://` or `s3://bucket`.
    pub root: String,
    pub base: Path,
    /// For globs: the pattern that a file's path or one of its folders must match.
    pub pattern: Option<glob::Pattern>,
}

impl Location {
    /// Reads the option `path`.
    ///
    /// # Errors
    /// When the address is of an unknown kind, or a glob is malformed.
    pub fn parse(text: &str) -> Result<Location, ConnectorError> {
        let text = text.trim();
        match text.split_once("://") {
            Some(("file", rest)) => Location::local(rest),
            Some(("s3" | "s3a", rest)) => Location::s3(rest),
            Some((scheme, _)) => Err(ConnectorError::user(format!(
                "Could not find a file system implementation for scheme '{scheme}': 'file' and 's3' are known."
            ))),
            None => Location::local(text.strip_prefix("file:").unwrap_or(text)),
        }
    }

    fn local(text: &str) -> Result<Location, ConnectorError> {
        let path = std::path::absolute(text).map_err(|e| {
            ConnectorError::user(format!("'{text}' is not a path: {e}")).with_source(e)
        })?;
        let Some(path) = path.to_str() else {
            return Err(ConnectorError::user(format!("path '{text}' is not UTF-8")));
        };
        let literal = std::path::Path::new(path).exists();
        Location::new(Store::local(), "file://".to_owned(), path, literal)
    }

    #[cfg(feature = "s3")]
    fn s3(rest: &str) -> Result<Location, ConnectorError> {
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        let store = object_store::aws::AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .build()
            .map_err(|e| {
                ConnectorError::user(format!("cannot use s3://{bucket}: {e}")).with_source(e)
            })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("s3")
            .enable_all()
            .build()
            .map_err(|e| ConnectorError::world(format!("cannot start threads: {e}")))?;
        let store = Store {
            inner: Arc::new(store),
            remote: Some(Arc::new(runtime)),
        };
        Location::new(store, format!("s3://{bucket}"), path, false)
    }

    #[cfg(not(feature = "s3"))]
    fn s3(rest: &str) -> Result<Location, ConnectorError> {
        Err(ConnectorError::user(format!(
            "cannot use s3://{rest}: this build has no S3, it needs the cargo feature 's3'"
        )))
    }

    fn new(
        store: Store,
        root: String,
        path: &str,
        literal: bool,
    ) -> Result<Location, ConnectorError> {
        let path = path.trim_matches('/');
        let is_glob = !literal && path.contains(['*', '?', '[']);
        let (base, pattern) = if is_glob {
            let first = path.find(['*', '?', '[']).unwrap_or(0);
            let folder = path[..first].rfind('/').map_or("", |end| &path[..end]);
            let pattern = glob::Pattern::new(path)
                .map_err(|e| ConnectorError::user(format!("'{path}' is not a glob: {e}")))?;
            (folder, Some(pattern))
        } else {
            (path, None)
        };
        let base = Path::parse(base)
            .map_err(|e| ConnectorError::user(format!("'{path}' is not a path: {e}")))?;
        Ok(Location {
            store,
            root,
            base,
            pattern,
        })
    }

    /// The table's path as the user would write it.
    pub fn shown(&self) -> String {
        match &self.pattern {
            Some(pattern) => format!("/{pattern}"),
            None => shown(&self.base),
        }
    }
}
