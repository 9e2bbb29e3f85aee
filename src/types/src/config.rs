//! Configuration options are data: key, type, default and a line of help stand in one table, and parsing, validation,
//! suggestions and the reference pages are made from it. Values are kept as written and parsed when read.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The type of an option's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigType {
    Boolean,
    Integer,
    Long,
    Double,
    String,
    /// `10 s`, `1min`, `500 ms`, or a bare number of milliseconds.
    Duration,
    /// `128mb`, `1 kb`, or a bare number of bytes.
    MemorySize,
    /// One of these words, case ignored.
    Enum(&'static [&'static str]),
    /// Elements apart by `;`.
    List,
    /// `k1:v1,k2:v2`.
    Map,
}

impl ConfigType {
    /// The name as Flink's documentation prints it.
    pub const fn name(self) -> &'static str {
        match self {
            ConfigType::Boolean => "Boolean",
            ConfigType::Integer => "Integer",
            ConfigType::Long => "Long",
            ConfigType::Double => "Double",
            ConfigType::String => "String",
            ConfigType::Duration => "Duration",
            ConfigType::MemorySize => "MemorySize",
            ConfigType::Enum(_) => "Enum",
            ConfigType::List => "List",
            ConfigType::Map => "Map",
        }
    }
}

/// One option of a session, a connector or a format.
#[derive(Debug, Clone, Copy)]
pub struct ConfigOption {
    pub key: &'static str,
    pub ty: ConfigType,
    /// As it would be written; none when the option has no default.
    pub default: Option<&'static str>,
    /// Must be given (connectors and formats).
    pub required: bool,
    /// One line of help.
    pub doc: &'static str,
}

impl ConfigOption {
    pub const fn new(key: &'static str, ty: ConfigType, doc: &'static str) -> ConfigOption {
        ConfigOption {
            key,
            ty,
            default: None,
            required: false,
            doc,
        }
    }

    pub const fn default(mut self, value: &'static str) -> ConfigOption {
        self.default = Some(value);
        self
    }

    pub const fn required(mut self) -> ConfigOption {
        self.required = true;
        self
    }

    /// Checks that `value` can be read as this option's type.
    ///
    /// # Errors
    /// When it can't; the message says what was expected.
    pub fn check(&self, value: &str) -> Result<(), ConfigError> {
        let fail = |expected: String| ConfigError {
            key: self.key.to_owned(),
            value: value.to_owned(),
            expected,
        };
        let checked = match self.ty {
            ConfigType::Boolean => parse_bool(value).map(drop),
            ConfigType::Integer => value.trim().parse::<i32>().ok().map(drop),
            ConfigType::Long => value.trim().parse::<i64>().ok().map(drop),
            ConfigType::Double => value.trim().parse::<f64>().ok().map(drop),
            ConfigType::Duration => parse_duration(value).map(drop),
            ConfigType::MemorySize => parse_memory_size(value).map(drop),
            ConfigType::Enum(words) => words
                .iter()
                .any(|w| w.eq_ignore_ascii_case(value.trim()))
                .then_some(()),
            ConfigType::String | ConfigType::List | ConfigType::Map => Some(()),
        };
        checked.ok_or_else(|| {
            fail(match self.ty {
                ConfigType::Boolean => "'true' or 'false'".to_owned(),
                ConfigType::Integer | ConfigType::Long => "a whole number".to_owned(),
                ConfigType::Double => "a number".to_owned(),
                ConfigType::Duration => "a duration such as '10 s' or '500 ms'".to_owned(),
                ConfigType::MemorySize => "a size such as '128 mb'".to_owned(),
                ConfigType::Enum(words) => format!("one of {}", words.join(", ")),
                ConfigType::String | ConfigType::List | ConfigType::Map => "text".to_owned(),
            })
        })
    }
}

/// A value that does not fit its option.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Could not parse value '{value}' for key '{key}': expected {expected}.")]
pub struct ConfigError {
    pub key: String,
    pub value: String,
    pub expected: String,
}

/// Values set by key, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    values: BTreeMap<String, String>,
}

impl Configuration {
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.values.insert(key.into(), value.into());
    }

    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.values.remove(key)
    }

    pub fn clear(&mut self) {
        self.values.clear();
    }

    /// The value as set, without defaults.
    pub fn raw(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// The option's value, else its default.
    pub fn get<'a>(&'a self, option: &ConfigOption) -> Option<&'a str> {
        self.raw(option.key).or(option.default)
    }

    /// # Errors
    /// When the value is not a boolean.
    pub fn get_bool(&self, option: &ConfigOption) -> Result<bool, ConfigError> {
        Ok(self.parsed(option, parse_bool)?.unwrap_or(false))
    }

    /// # Errors
    /// When the value is not a whole number.
    pub fn get_i64(&self, option: &ConfigOption) -> Result<Option<i64>, ConfigError> {
        self.parsed(option, |v| v.trim().parse().ok())
    }

    /// # Errors
    /// When the value is not a number.
    pub fn get_f64(&self, option: &ConfigOption) -> Result<Option<f64>, ConfigError> {
        self.parsed(option, |v| v.trim().parse().ok())
    }

    /// # Errors
    /// When the value is not a duration.
    pub fn get_duration(&self, option: &ConfigOption) -> Result<Option<Duration>, ConfigError> {
        self.parsed(option, parse_duration)
    }

    /// Bytes.
    ///
    /// # Errors
    /// When the value is not a size.
    pub fn get_memory_bytes(&self, option: &ConfigOption) -> Result<Option<u64>, ConfigError> {
        self.parsed(option, parse_memory_size)
    }

    fn parsed<T>(
        &self,
        option: &ConfigOption,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.get(option) else {
            return Ok(None);
        };
        option.check(value)?;
        parse(value).map(Some).ok_or_else(|| ConfigError {
            key: option.key.to_owned(),
            value: value.to_owned(),
            expected: option.ty.name().to_owned(),
        })
    }
}

impl FromIterator<(String, String)> for Configuration {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(iter: I) -> Configuration {
        Configuration {
            values: iter.into_iter().collect(),
        }
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Flink's `TimeUtils.parseDuration`: a whole number and a unit, milliseconds without one.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let nanos_per_unit: u64 = match unit.as_str() {
        "d" | "day" | "days" => 86_400_000_000_000,
        "h" | "hour" | "hours" => 3_600_000_000_000,
        "m" | "min" | "minute" | "minutes" => 60_000_000_000,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000_000_000,
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1_000_000,
        "µs" | "micro" | "micros" | "microsecond" | "microseconds" => 1_000,
        "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => 1,
        _ => return None,
    };
    number.checked_mul(nanos_per_unit).map(Duration::from_nanos)
}

/// Flink's `MemorySize.parse`: a whole number and a unit, bytes without one; units are powers of 1024.
pub fn parse_memory_size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let factor: u64 = match unit.as_str() {
        "" | "b" | "bytes" => 1,
        "k" | "kb" | "kibibytes" => 1 << 10,
        "m" | "mb" | "mebibytes" => 1 << 20,
        "g" | "gb" | "gibibytes" => 1 << 30,
        "t" | "tb" | "tebibytes" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

fn number_and_unit(text: &str) -> Option<(u64, String)> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim().to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: ConfigOption =
        ConfigOption::new("rows-per-second", ConfigType::Long, "Rate.").default("10000");

    #[test]
    fn reads_durations_and_sizes_as_flink_does() {
        assert_eq!(parse_duration("10 s"), Some(Duration::from_secs(10)));
        assert_eq!(parse_duration("1min"), Some(Duration::from_secs(60)));
        assert_eq!(parse_duration("250"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("ten s"), None);
        assert_eq!(parse_memory_size("128mb"), Some(128 << 20));
        assert_eq!(parse_memory_size("1 parsec"), None);
    }

    #[test]
    fn a_value_of_the_wrong_type_names_key_and_expectation() {
        let mut conf = Configuration::default();
        assert_eq!(conf.get_i64(&RATE), Ok(Some(10000)));
        conf.set("rows-per-second", "fast");
        let error = conf.get_i64(&RATE).map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err(
                "Could not parse value 'fast' for key 'rows-per-second': expected a whole number."
                    .to_owned()
            )
        );
    }
}
