use std::time::Duration;

use filbert_types::config::ConfigError;
use filbert_types::{ConfigOption, Configuration};

/// A table's WITH clause, read through the options that its connector and formats declare.
#[derive(Debug, Clone, Default)]
pub struct TableOptions {
    values: Configuration,
}

impl TableOptions {
    pub fn new(values: Configuration) -> TableOptions {
        TableOptions { values }
    }

    /// The options of a format: keys that begin with `prefix.`, without it.
    pub fn with_prefix(&self, prefix: &str) -> TableOptions {
        let values = self.values.iter().filter_map(|(key, value)| {
            let rest = key.strip_prefix(prefix)?.strip_prefix('.')?;
            Some((rest.to_owned(), value.to_owned()))
        });
        TableOptions::new(values.collect())
    }

    pub fn raw(&self, key: &str) -> Option<&str> {
        self.values.raw(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter()
    }

    pub fn get(&self, option: &ConfigOption) -> Option<&str> {
        self.values.get(option)
    }

    /// # Errors
    /// When the value is not a boolean.
    pub fn get_bool(&self, option: &ConfigOption) -> Result<bool, ConfigError> {
        self.values.get_bool(option)
    }

    /// # Errors
    /// When the value is not a whole number.
    pub fn get_i64(&self, option: &ConfigOption) -> Result<Option<i64>, ConfigError> {
        self.values.get_i64(option)
    }

    /// # Errors
    /// When the value is not a number.
    pub fn get_f64(&self, option: &ConfigOption) -> Result<Option<f64>, ConfigError> {
        self.values.get_f64(option)
    }

    /// # Errors
    /// When the value is not a duration.
    pub fn get_duration(&self, option: &ConfigOption) -> Result<Option<Duration>, ConfigError> {
        self.values.get_duration(option)
    }

    /// # Errors
    /// When the value is not a size.
    pub fn get_memory_bytes(&self, option: &ConfigOption) -> Result<Option<u64>, ConfigError> {
        self.values.get_memory_bytes(option)
    }
}
