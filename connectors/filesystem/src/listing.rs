use filbert_connector_api::{ConnectorError, source::Partition};
use object_store::ObjectMeta;
use object_store::path::Path;
use regex::Regex;

use crate::location::{Location, shown};
use crate::partition;

/// A file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    pub path: Path,
    pub size: u64,
    pub modified_ms: i64,
    /// The values of the partition keys.
    pub partition: Vec<Option<String>>,
    pub meta: ObjectMeta,
}

/// What a table's files are.
#[derive(Debug, Clone)]
pub struct Listing {
    pub location: Location,
    pub regex: Option<Regex>,
    pub partition_keys: Vec<String>,
    pub default_partition: String,
}

impl Listing {
    /// The table's files, oldest first.
    ///
    /// # Errors
    /// When there is no such path, the store does not answer, or a file of a partitioned table lies in no partition.
    pub fn files(&self) -> Result<Vec<FoundFile>, ConnectorError> {
        let location = &self.location;
        let mut found = Vec::new();
        for meta in location.store.list(&location.base)? {
            if self.wanted(&meta) {
                found.push(self.file(meta)?);
            }
        }
        if found.is_empty() {
            // A listing does not give the file at the path itself.
            match location.store.head(&location.base)? {
                Some(meta) if self.matches(&meta.location) => found.push(self.file(meta)?),
                _ => self.check_there()?,
            }
        }
        found.sort_by(|a, b| (a.meta.last_modified, &a.path).cmp(&(b.meta.last_modified, &b.path)));
        Ok(found)
    }

    fn check_there(&self) -> Result<(), ConnectorError> {
        let location = &self.location;
        let there = location.pattern.is_none()
            && location.store.is_local()
            && std::path::Path::new(&shown(&location.base)).exists();
        if there {
            return Ok(());
        }
        Err(ConnectorError::user(format!(
            "File {} does not exist or can not be read.",
            location.shown()
        )))
    }

    /// The folders between the table's own and the file.
    fn folders<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a str> {
        let below = path.as_ref().strip_prefix(self.location.base.as_ref());
        let below = below.unwrap_or_default().trim_start_matches('/');
        let folders = below.rfind('/').map_or("", |end| &below[..end]);
        folders.split('/').filter(|name| !name.is_empty())
    }

    fn wanted(&self, meta: &ObjectMeta) -> bool {
        let hidden = |name: &str| name.starts_with(['.', '_']);
        let file_hidden = hidden(meta.location.filename().unwrap_or_default());
        // A partition's folder may begin with an underscore as its key does.
        let folder_hidden = |name: &str| hidden(name) && !name.contains('=');
        !file_hidden
            && !self.folders(&meta.location).any(folder_hidden)
            && self.matches(&meta.location)
    }

    fn matches(&self, path: &Path) -> bool {
        let shown = shown(path);
        let regex_fits = self.regex.as_ref().is_none_or(|r| r.is_match(&shown));
        let glob_fits = self.location.pattern.as_ref().is_none_or(|pattern| {
            let options = glob::MatchOptions {
                case_sensitive: true,
                require_literal_separator: true,
                require_literal_leading_dot: true,
            };
            let path = path.as_ref();
            let ends = path.match_indices('/').map(|(end, _)| end);
            ends.chain([path.len()])
                .any(|end| pattern.matches_with(&path[..end], options))
        });
        regex_fits && glob_fits
    }

    fn file(&self, meta: ObjectMeta) -> Result<FoundFile, ConnectorError> {
        let partition = if self.partition_keys.is_empty() {
            Vec::new()
        } else {
            let folders = self.folders(&meta.location);
            partition::parse_folders(&self.partition_keys, folders, &self.default_partition)
                .ok_or_else(|| {
                    ConnectorError::user(format!(
                        "file {} of a table partitioned by {} does not lie in folders such as '{}=..'",
                        shown(&meta.location),
                        self.partition_keys.join(", "),
                        self.partition_keys.join("=../")
                    ))
                })?
        };
        Ok(FoundFile {
            path: meta.location.clone(),
            size: meta.size,
            modified_ms: meta.last_modified.timestamp_millis(),
            partition,
            meta,
        })
    }

    /// The partitions that have files, in order of their folders.
    pub fn partitions(&self) -> Result<Vec<Partition>, ConnectorError> {
        let mut partitions: Vec<Vec<Option<String>>> =
            self.files()?.into_iter().map(|f| f.partition).collect();
        partitions.sort();
        partitions.dedup();
        let named =
            |values: Vec<Option<String>>| self.partition_keys.iter().cloned().zip(values).collect();
        Ok(partitions.into_iter().map(named).collect())
    }
}

/// True when the file's partition is among the wanted ones.
pub fn is_wanted(file: &FoundFile, keys: &[String], wanted: Option<&[Partition]>) -> bool {
    let Some(wanted) = wanted else {
        return true;
    };
    let same = |partition: &Partition| {
        keys.iter()
            .zip(&file.partition)
            .all(|(key, value)| partition.iter().any(|(k, v)| k == key && v == value))
    };
    wanted.iter().any(same)
}
