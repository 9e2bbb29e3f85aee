//! The session's options: what SET takes.
//!
//! [`HONOURED`] are the options that change what happens here, with type, default and help; the reference page is made
//! from it. [`known`] are the keys that Flink has besides: they are accepted, and said to be without effect.
//!
//! - `jobs`, `failure`, `task_manager`, `table`, `client`: the options by subject.

mod client;
mod failure;
mod jobs;
pub mod known;
mod table;
mod task_manager;

use crate::config::ConfigOption;
use crate::suggest::nearest;

pub use client::*;
pub use failure::*;
pub use jobs::*;
pub use table::*;
pub use task_manager::*;

/// The options with an effect, by subject.
pub const HONOURED: &[(&str, &[ConfigOption])] = &[
    (
        "Jobs",
        &[
            RUNTIME_MODE,
            BUFFER_TIMEOUT,
            BATCH_SHUFFLE_MODE,
            PARALLELISM,
            PIPELINE_NAME,
            MAX_PARALLELISM,
            OPERATOR_CHAINING,
            CHAIN_DIFFERENT_MAX_PARALLELISM,
            AUTO_WATERMARK_INTERVAL,
        ],
    ),
    (
        "Failure",
        &[
            RESTART_STRATEGY,
            FIXED_DELAY_ATTEMPTS,
            FIXED_DELAY_DELAY,
            EXPONENTIAL_DELAY_ATTEMPTS,
            EXPONENTIAL_DELAY_MULTIPLIER,
            EXPONENTIAL_DELAY_INITIAL,
            EXPONENTIAL_DELAY_JITTER,
            EXPONENTIAL_DELAY_MAX,
            EXPONENTIAL_DELAY_RESET,
            FAILURE_RATE_DELAY,
            FAILURE_RATE_INTERVAL,
            FAILURE_RATE_MAX,
        ],
    ),
    (
        "TaskManager",
        &[
            TASK_SLOTS,
            TASK_CPU_CORES,
            TASK_HEAP_MEMORY,
            MANAGED_MEMORY,
            SLOT_REQUEST_TIMEOUT,
        ],
    ),
    (
        "Table and SQL",
        &[
            DEFAULT_PARALLELISM,
            DML_SYNC,
            FORCE_RECOMPILE,
            LOCAL_TIME_ZONE,
            DYNAMIC_TABLE_OPTIONS,
            LEGACY_CAST,
            SOURCE_IDLE_TIMEOUT,
            EARLY_FIRE,
            EARLY_FIRE_DELAY,
            LATE_FIRE,
            LATE_FIRE_DELAY,
            ALLOW_LATENESS,
            NOT_NULL_ENFORCER,
            TYPE_LENGTH_ENFORCER,
            UPSERT_MATERIALIZE,
            KEYED_SHUFFLE,
            CDC_EVENTS_DUPLICATE,
            REQUIRE_ON_CONFLICT,
            STATE_TTL,
            ASYNC_LOOKUP_BUFFER_CAPACITY,
            ASYNC_LOOKUP_TIMEOUT,
            ASYNC_LOOKUP_OUTPUT_MODE,
            ASYNC_LOOKUP_KEY_ORDERED,
            INTERVAL_JOIN_MIN_CLEANUP,
            NON_DETERMINISTIC_UPDATE,
            MINI_BATCH,
            MINI_BATCH_LATENCY,
            MINI_BATCH_SIZE,
            AGG_PHASE_STRATEGY,
            SPLIT_DISTINCT,
            SPLIT_DISTINCT_BUCKETS,
            INCREMENTAL_AGGREGATE,
            REUSE_SUB_PLAN,
            REUSE_SOURCE,
            REUSE_SINK,
            SORT_DEFAULT_LIMIT,
            SORT_NON_TEMPORAL,
            BUILTIN_CATALOG,
            BUILTIN_DATABASE,
            SQL_DIALECT,
        ],
    ),
    (
        "Client",
        &[
            RESULT_MODE,
            MAX_TABLE_RESULT_ROWS,
            PRINT_TIME_COST,
            MAX_COLUMN_WIDTH,
            CLIENT_MAX_COLUMN_WIDTH,
        ],
    ),
];

/// What SET makes of a key.
#[derive(Debug, Clone, Copy)]
pub enum KeyStatus {
    /// An option with an effect here.
    Honoured(ConfigOption),
    /// A key of Flink's that means nothing here.
    WithoutEffect,
    /// Neither; the nearest key, when there is one.
    Unknown(Option<&'static str>),
}

/// Looks a key up among the options that have an effect and those that Flink has besides.
pub fn status(key: &str) -> KeyStatus {
    if let Some(option) = honoured().find(|o| o.key == key) {
        return KeyStatus::Honoured(*option);
    }
    if known::is_known(key) {
        return KeyStatus::WithoutEffect;
    }
    KeyStatus::Unknown(nearest(key, honoured().map(|o| o.key).chain(known::keys())))
}

/// The options with an effect.
pub fn honoured() -> impl Iterator<Item = &'static ConfigOption> {
    HONOURED.iter().flat_map(|(_, options)| options.iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_keys_are_apart_from_honoured_ones() {
        for option in honoured() {
            assert!(!known::is_known(option.key), "{}", option.key);
        }
    }

    #[test]
    fn every_default_fits_its_type() {
        for option in honoured() {
            if let Some(default) = option.default {
                assert_eq!(option.check(default), Ok(()));
            }
        }
    }

    #[test]
    fn a_mistyped_key_gets_the_nearest() {
        assert!(matches!(
            status("paralelism.default"),
            KeyStatus::Unknown(Some("parallelism.default"))
        ));
        assert!(matches!(status("rest.port"), KeyStatus::WithoutEffect));
    }
}
