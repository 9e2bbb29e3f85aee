use filbert_types::{ConfigOption, ConfigType, Configuration};

use crate::error::PlanError;

pub const RUNTIME_MODE: ConfigOption = ConfigOption::new(
    "execution.runtime-mode",
    ConfigType::Enum(&["STREAMING", "BATCH"]),
    "Whether queries run as streams or as finite batch jobs.",
)
.default("STREAMING");

pub const PARALLELISM: ConfigOption = ConfigOption::new(
    "parallelism.default",
    ConfigType::Integer,
    "The parallelism of operators: -1 means 1 for streams and all cores for batch jobs.",
)
.default("-1");

pub const RESOURCE_PARALLELISM: ConfigOption = ConfigOption::new(
    "table.exec.resource.default-parallelism",
    ConfigType::Integer,
    "The parallelism of SQL operators; above zero it goes before 'parallelism.default'.",
)
.default("-1");

pub const STATE_TTL: ConfigOption = ConfigOption::new(
    "table.exec.state.ttl",
    ConfigType::Duration,
    "How long the state of a key that is not touched is kept at least; 0 keeps it for ever.",
)
.default("0 ms");

pub const IDLE_TIMEOUT: ConfigOption = ConfigOption::new(
    "table.exec.source.idle-timeout",
    ConfigType::Duration,
    "A source without rows for this long no longer holds watermarks back; 0 switches that off.",
)
.default("0 ms");

pub const WATERMARK_INTERVAL: ConfigOption = ConfigOption::new(
    "pipeline.auto-watermark-interval",
    ConfigType::Duration,
    "Watermarks rise at most once in this much event time; 0 after every row.",
)
.default("200 ms");

pub const CDC_EVENTS_DUPLICATE: ConfigOption = ConfigOption::new(
    "table.exec.source.cdc-events-duplicate",
    ConfigType::Boolean,
    "A changelog source may repeat events: they are deduplicated by the table's primary key.",
)
.default("false");

pub const NOT_NULL_ENFORCER: ConfigOption = ConfigOption::new(
    "table.exec.sink.not-null-enforcer",
    ConfigType::Enum(&["ERROR", "DROP"]),
    "What a sink does with NULL in a NOT NULL column.",
)
.default("ERROR");

pub const SIMPLIFY_OPERATOR_NAME: ConfigOption = ConfigOption::new(
    "table.exec.simplify-operator-name-enabled",
    ConfigType::Boolean,
    "Name operators by kind and number; otherwise by their whole description.",
)
.default("true");

/// The options that planning reads.
pub const OPTIONS: &[ConfigOption] = &[
    RUNTIME_MODE,
    PARALLELISM,
    RESOURCE_PARALLELISM,
    STATE_TTL,
    IDLE_TIMEOUT,
    WATERMARK_INTERVAL,
    CDC_EVENTS_DUPLICATE,
    NOT_NULL_ENFORCER,
    SIMPLIFY_OPERATOR_NAME,
];

/// True when the session runs queries as batch jobs.
///
/// # Errors
/// When `execution.runtime-mode` is neither `STREAMING` nor `BATCH`.
pub fn is_batch(configuration: &Configuration) -> Result<bool, PlanError> {
    let mode = configuration.get(&RUNTIME_MODE).unwrap_or_default();
    RUNTIME_MODE.check(mode)?;
    Ok(mode.eq_ignore_ascii_case("BATCH"))
}

/// The parallelism of operators: `table.exec.resource.default-parallelism`, else `parallelism.default`, else 1 for
/// streams and all cores for batch jobs.
///
/// # Errors
/// When a value is no whole number.
pub fn parallelism(configuration: &Configuration, batch: bool) -> Result<usize, PlanError> {
    for option in [&RESOURCE_PARALLELISM, &PARALLELISM] {
        if let Some(value) = configuration.get_i64(option)?
            && value > 0
        {
            return Ok(usize::try_from(value).unwrap_or(usize::MAX));
        }
    }
    if !batch {
        return Ok(1);
    }
    Ok(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}
