use std::time::Duration;

use filbert_types::ConfigOption;
use filbert_types::config::ConfigType;

use crate::error::ConnectorError;
use crate::options::TableOptions;

pub const LOOKUP_CACHE: ConfigOption = ConfigOption::new(
    "lookup.cache",
    ConfigType::Enum(&["NONE", "PARTIAL", "FULL"]),
    "What a lookup join keeps of the table: nothing, the rows of keys that were asked for, or all rows.",
)
.default("NONE");
pub const LOOKUP_MAX_RETRIES: ConfigOption = ConfigOption::new(
    "lookup.max-retries",
    ConfigType::Integer,
    "How often a lookup that has failed is tried again.",
)
.default("3");
const PARTIAL_MAX_ROWS: ConfigOption = ConfigOption::new(
    "lookup.partial-cache.max-rows",
    ConfigType::Long,
    "Keys that a partial cache holds at most; the one that was not asked for the longest goes first.",
);
const PARTIAL_EXPIRE_AFTER_WRITE: ConfigOption = ConfigOption::new(
    "lookup.partial-cache.expire-after-write",
    ConfigType::Duration,
    "How long the rows of a key are kept after they were looked up.",
);
const PARTIAL_EXPIRE_AFTER_ACCESS: ConfigOption = ConfigOption::new(
    "lookup.partial-cache.expire-after-access",
    ConfigType::Duration,
    "How long the rows of a key are kept after they were last asked for.",
);
const PARTIAL_CACHE_MISSING_KEY: ConfigOption = ConfigOption::new(
    "lookup.partial-cache.cache-missing-key",
    ConfigType::Boolean,
    "Whether a partial cache also remembers keys without rows.",
)
.default("true");
const FULL_RELOAD_STRATEGY: ConfigOption = ConfigOption::new(
    "lookup.full-cache.reload-strategy",
    ConfigType::Enum(&["PERIODIC", "TIMED"]),
    "Whether a full cache is loaded anew every interval, or at a time of day.",
)
.default("PERIODIC");
const FULL_PERIODIC_INTERVAL: ConfigOption = ConfigOption::new(
    "lookup.full-cache.periodic-reload.interval",
    ConfigType::Duration,
    "How long a full cache is used before it is loaded anew.",
);
const FULL_PERIODIC_SCHEDULE_MODE: ConfigOption = ConfigOption::new(
    "lookup.full-cache.periodic-reload.schedule-mode",
    ConfigType::Enum(&["FIXED_DELAY", "FIXED_RATE"]),
    "Whether the interval counts from the end of a load or from its start.",
)
.default("FIXED_DELAY");
const FULL_TIMED_ISO_TIME: ConfigOption = ConfigOption::new(
    "lookup.full-cache.timed-reload.iso-time",
    ConfigType::String,
    "The time of day at which a full cache is loaded anew: '10:15', '10:15Z' or '10:15+07:00'.",
);
const FULL_TIMED_INTERVAL_IN_DAYS: ConfigOption = ConfigOption::new(
    "lookup.full-cache.timed-reload.interval-in-days",
    ConfigType::Integer,
    "Every how many days a full cache is loaded anew at its time of day.",
)
.default("1");

/// The options of a table that can be looked up, for its connector's list.
pub const LOOKUP_OPTIONS: [ConfigOption; 11] = [
    LOOKUP_CACHE,
    LOOKUP_MAX_RETRIES,
    PARTIAL_MAX_ROWS,
    PARTIAL_EXPIRE_AFTER_WRITE,
    PARTIAL_EXPIRE_AFTER_ACCESS,
    PARTIAL_CACHE_MISSING_KEY,
    FULL_RELOAD_STRATEGY,
    FULL_PERIODIC_INTERVAL,
    FULL_PERIODIC_SCHEDULE_MODE,
    FULL_TIMED_ISO_TIME,
    FULL_TIMED_INTERVAL_IN_DAYS,
];

/// Keys that a partial cache holds where nothing bounds it.
const PARTIAL_KEYS_MAX: usize = 1_000_000;

/// How a table wants to be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LookupOptions {
    pub caching: LookupCaching,
    /// How often a failed lookup is tried again.
    pub max_retries: usize,
}

/// `lookup.cache`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LookupCaching {
    #[default]
    None,
    Partial(PartialCache),
    Full(FullCache),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialCache {
    pub keys_max: usize,
    pub expire_after_write: Option<Duration>,
    pub expire_after_access: Option<Duration>,
    pub keeps_missing_keys: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullCache {
    pub reload: CacheReload,
}

/// When a full cache is loaded anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheReload {
    Periodic {
        interval: Duration,
        /// The interval counts from the start of a load.
        fixed_rate: bool,
    },
    Timed {
        /// Seconds of the day; in UTC where `offset_seconds` says how far the time's zone is from it, else in local time.
        time_of_day_seconds: i64,
        offset_seconds: Option<i64>,
        interval_days: i64,
    },
}

impl LookupOptions {
    /// What a table's options say.
    ///
    /// # Errors
    /// When one is missing, or has a bad value.
    pub fn of(options: &TableOptions) -> Result<LookupOptions, ConnectorError> {
        let retries = options.get_i64(&LOOKUP_MAX_RETRIES)?.unwrap_or(3);
        let max_retries = usize::try_from(retries)
            .map_err(|_| invalid(&LOOKUP_MAX_RETRIES, "must not be negative"))?;
        Ok(LookupOptions {
            caching: caching(options)?,
            max_retries,
        })
    }
}

fn caching(options: &TableOptions) -> Result<LookupCaching, ConnectorError> {
    let is = |option: &ConfigOption, word: &str| {
        let value = options.get(option).unwrap_or_default();
        value.trim().eq_ignore_ascii_case(word)
    };
    if is(&LOOKUP_CACHE, "PARTIAL") {
        return Ok(LookupCaching::Partial(PartialCache {
            keys_max: options
                .get_positive(&PARTIAL_MAX_ROWS)?
                .unwrap_or(PARTIAL_KEYS_MAX),
            expire_after_write: options.get_duration(&PARTIAL_EXPIRE_AFTER_WRITE)?,
            expire_after_access: options.get_duration(&PARTIAL_EXPIRE_AFTER_ACCESS)?,
            keeps_missing_keys: options.get_bool(&PARTIAL_CACHE_MISSING_KEY)?,
        }));
    }
    if !is(&LOOKUP_CACHE, "FULL") {
        return Ok(LookupCaching::None);
    }
    let reload = match is(&FULL_RELOAD_STRATEGY, "TIMED") {
        true => timed(options)?,
        false => CacheReload::Periodic {
            interval: options
                .get_duration(&FULL_PERIODIC_INTERVAL)?
                .ok_or_else(|| missing(&FULL_PERIODIC_INTERVAL, "PERIODIC"))?,
            fixed_rate: is(&FULL_PERIODIC_SCHEDULE_MODE, "FIXED_RATE"),
        },
    };
    Ok(LookupCaching::Full(FullCache { reload }))
}

fn timed(options: &TableOptions) -> Result<CacheReload, ConnectorError> {
    let text = options
        .get(&FULL_TIMED_ISO_TIME)
        .ok_or_else(|| missing(&FULL_TIMED_ISO_TIME, "TIMED"))?;
    let (time_of_day_seconds, offset_seconds) = iso_time(text.trim()).ok_or_else(|| {
        invalid(
            &FULL_TIMED_ISO_TIME,
            "must be a time such as '10:15', '10:15Z' or '10:15+07:00'",
        )
    })?;
    let days = options.get_positive(&FULL_TIMED_INTERVAL_IN_DAYS)?;
    Ok(CacheReload::Timed {
        time_of_day_seconds,
        offset_seconds,
        interval_days: days.map_or(1, |days| i64::try_from(days).unwrap_or(i64::MAX)),
    })
}

/// Seconds of the day, and those of the zone's offset where one is given.
fn iso_time(text: &str) -> Option<(i64, Option<i64>)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((clock_seconds(time)?, Some(0)));
    }
    let Some(at) = text.rfind(['+', '-']) else {
        return Some((clock_seconds(text)?, None));
    };
    let offset = clock_seconds(&text[at + 1..])?;
    let offset = if text[at..].starts_with('-') {
        -offset
    } else {
        offset
    };
    Some((clock_seconds(&text[..at])?, Some(offset)))
}

/// `10:15` or `10:15:30`.
fn clock_seconds(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(|part| {
        let digits = !part.is_empty() && part.len() <= 2;
        digits.then(|| part.parse::<u8>().ok()).flatten()
    });
    let hours = parts.next()??;
    let minutes = parts.next()??;
    let seconds = match parts.next() {
        Some(seconds) => seconds?,
        None => 0,
    };
    let fits = hours < 24 && minutes < 60 && seconds < 60 && parts.next().is_none();
    fits.then_some(i64::from(hours) * 3600 + i64::from(minutes) * 60 + i64::from(seconds))
}

fn missing(option: &ConfigOption, strategy: &str) -> ConnectorError {
    ConnectorError::user(format!(
        "Missing '{}' for reload strategy '{strategy}' of a full cache.",
        option.key
    ))
}

fn invalid(option: &ConfigOption, must: &str) -> ConnectorError {
    ConnectorError::user(format!(
        "Invalid value for option '{}': it {must}.",
        option.key
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<LookupOptions, ConnectorError> {
        let pairs = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        LookupOptions::of(&TableOptions::new(pairs.collect()))
    }

    #[test]
    fn times_of_day_may_have_a_zone() {
        assert_eq!(iso_time("10:15"), Some((36_900, None)));
        assert_eq!(iso_time("10:15Z"), Some((36_900, Some(0))));
        assert_eq!(iso_time("10:15:01+07:00"), Some((36_901, Some(25_200))));
        assert_eq!(iso_time("00:00-01:30"), Some((0, Some(-5_400))));
        assert_eq!(iso_time("24:00"), None);
        assert_eq!(iso_time("noon"), None);
        assert_eq!(iso_time("1:2:3:4"), None);
    }

    #[test]
    fn a_full_cache_must_say_when_it_is_loaded() {
        assert_eq!(of(&[]).unwrap().caching, LookupCaching::None);
        let error = of(&[("lookup.cache", "full")]).unwrap_err();
        assert!(
            error
                .message
                .contains("lookup.full-cache.periodic-reload.interval")
        );
        let timed = [
            ("lookup.cache", "FULL"),
            ("lookup.full-cache.reload-strategy", "timed"),
        ];
        let error = of(&timed).unwrap_err();
        assert!(
            error
                .message
                .contains("lookup.full-cache.timed-reload.iso-time")
        );
    }
}
