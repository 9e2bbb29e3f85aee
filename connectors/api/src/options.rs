use std::time::Duration;

use filbert_types::config::{ConfigError, ConfigType};
use filbert_types::{ConfigOption, Configuration};

use crate::error::ConnectorError;

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

pub const WATERMARK_EMIT_STRATEGY: ConfigOption = ConfigOption::new(
    "scan.watermark.emit.strategy",
    ConfigType::Enum(&["on-periodic", "on-event"]),
    "Whether the source sends watermarks by the clock ('pipeline.auto-watermark-interval') or after every row that raises them.",
)
.default("on-periodic");
pub const WATERMARK_IDLE_TIMEOUT: ConfigOption = ConfigOption::new(
    "scan.watermark.idle-timeout",
    ConfigType::Duration,
    "A split without rows for this long no longer holds watermarks back; by default 'table.exec.source.idle-timeout'.",
);
pub const WATERMARK_ALIGNMENT_GROUP: ConfigOption = ConfigOption::new(
    "scan.watermark.alignment.group",
    ConfigType::String,
    "Sources of a job with the same group wait for each other's watermarks.",
);
pub const WATERMARK_ALIGNMENT_MAX_DRIFT: ConfigOption = ConfigOption::new(
    "scan.watermark.alignment.max-drift",
    ConfigType::Duration,
    "How far a source may be ahead of the slowest of its group.",
);
pub const WATERMARK_ALIGNMENT_UPDATE_INTERVAL: ConfigOption = ConfigOption::new(
    "scan.watermark.alignment.update-interval",
    ConfigType::Duration,
    "How often a source looks where its group is.",
)
.default("1 s");

/// The options by which any scan source makes watermarks.
pub const WATERMARK_OPTIONS: &[ConfigOption] = &[
    WATERMARK_EMIT_STRATEGY,
    WATERMARK_IDLE_TIMEOUT,
    WATERMARK_ALIGNMENT_GROUP,
    WATERMARK_ALIGNMENT_MAX_DRIFT,
    WATERMARK_ALIGNMENT_UPDATE_INTERVAL,
];

/// What a table's [`WATERMARK_OPTIONS`] say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatermarkParams {
    pub on_event: bool,
    pub idle_timeout: Option<Duration>,
    pub alignment: Option<WatermarkAlignment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatermarkAlignment {
    pub group: String,
    pub max_drift: Duration,
    pub update_interval: Duration,
}

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

    /// How the table's source makes watermarks, if an option says so.
    ///
    /// # Errors
    /// When a value is wrong, or an alignment lacks its group or drift.
    pub fn watermark_params(&self) -> Result<Option<WatermarkParams>, ConnectorError> {
        if !WATERMARK_OPTIONS.iter().any(|o| self.raw(o.key).is_some()) {
            return Ok(None);
        }
        let strategy = self.get(&WATERMARK_EMIT_STRATEGY).unwrap_or_default();
        let group = self.get(&WATERMARK_ALIGNMENT_GROUP);
        let max_drift = self.get_duration(&WATERMARK_ALIGNMENT_MAX_DRIFT)?;
        let is_set = |option: &ConfigOption| self.raw(option.key).is_some();
        let alignment = match (group, max_drift) {
            (Some(group), Some(max_drift)) => Some(WatermarkAlignment {
                group: group.to_owned(),
                max_drift,
                update_interval: self
                    .get_duration(&WATERMARK_ALIGNMENT_UPDATE_INTERVAL)?
                    .unwrap_or(Duration::from_secs(1)),
            }),
            (None, None) if !is_set(&WATERMARK_ALIGNMENT_UPDATE_INTERVAL) => None,
            _ => {
                return Err(ConnectorError::user(format!(
                    "'{}' and '{}' must be set when configuring watermark alignment",
                    WATERMARK_ALIGNMENT_GROUP.key, WATERMARK_ALIGNMENT_MAX_DRIFT.key
                )));
            }
        };
        Ok(Some(WatermarkParams {
            on_event: strategy.eq_ignore_ascii_case("on-event"),
            idle_timeout: self.get_duration(&WATERMARK_IDLE_TIMEOUT)?,
            alignment,
        }))
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
