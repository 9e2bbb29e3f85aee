use std::time::Duration;

use filbert_types::config::{ConfigError, ConfigType};
use filbert_types::{ConfigOption, Configuration};

/// A fixed parallelism for a scan source; a connector that honours it lists it among its options.
pub const SCAN_PARALLELISM: ConfigOption = ConfigOption::new(
    "scan.parallelism",
    ConfigType::Integer,
    "Parallelism of the source; by default the job's.",
);

/// A fixed parallelism for a sink; a connector that honours it lists it among its options.
pub const SINK_PARALLELISM: ConfigOption = ConfigOption::new(
    "sink.parallelism",
    ConfigType::Integer,
    "Parallelism of the sink; by default that of the input.",
);

/// The format of a table's records.
pub const FORMAT: ConfigOption = ConfigOption::new(
    "format",
    ConfigType::String,
    "The format of the records: csv, json, ...",
)
.required();

/// An option that Flink has and that is refused by name: its key and what it waits for.
pub type RefusedOption = (&'static str, &'static str);

/// Options of every scan source that are not there yet.
pub const REFUSED_SCAN_OPTIONS: &[RefusedOption] = &[
    (
        "scan.watermark.emit.strategy",
        "watermarks are emitted as 'table.exec' settings say",
    ),
    (
        "scan.watermark.idle-timeout",
        "use 'table.exec.source.idle-timeout'",
    ),
    (
        "scan.watermark.alignment.group",
        "watermark alignment is not built yet",
    ),
    (
        "scan.watermark.alignment.max-drift",
        "watermark alignment is not built yet",
    ),
    (
        "scan.watermark.alignment.update-interval",
        "watermark alignment is not built yet",
    ),
];

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

    /// A count that must be at least one (a parallelism, a size in rows).
    ///
    /// # Errors
    /// When the value is not a positive whole number.
    pub fn get_positive(&self, option: &ConfigOption) -> Result<Option<usize>, ConfigError> {
        let Some(number) = self.get_i64(option)? else {
            return Ok(None);
        };
        match usize::try_from(number) {
            Ok(count) if count > 0 => Ok(Some(count)),
            _ => Err(ConfigError {
                key: option.key.to_owned(),
                value: number.to_string(),
                expected: "a whole number above zero".to_owned(),
            }),
        }
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
