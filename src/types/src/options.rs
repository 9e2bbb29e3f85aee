//! The session's options: what SET takes.
//!
//! [`HONOURED`] are the options that change what happens here, with type, default and help; the reference page is made
//! from it. [`known`](known::KNOWN) are the keys that Flink has besides: they are accepted, and said to be without effect.

pub mod known;

use crate::config::{ConfigOption, ConfigType};
use crate::suggest::nearest;

use ConfigType::{Boolean, Double, Duration, Enum, Integer, Long, MemorySize, String};

pub const RUNTIME_MODE: ConfigOption = ConfigOption::new(
    "execution.runtime-mode",
    Enum(&["STREAMING", "BATCH", "AUTOMATIC"]),
    "Whether statements run as streaming or batch jobs.",
)
.default("STREAMING");
pub const BUFFER_TIMEOUT: ConfigOption = ConfigOption::new(
    "execution.buffer-timeout.interval",
    Duration,
    "How long rows may wait for others before they are sent on; 0 sends each at once.",
)
.default("100 ms");
pub const BATCH_SHUFFLE_MODE: ConfigOption = ConfigOption::new(
    "execution.batch-shuffle-mode",
    Enum(&["ALL_EXCHANGES_PIPELINED", "ALL_EXCHANGES_BLOCKING"]),
    "Whether the exchange before a batch job's sink runs beside or after its producer; exchanges inside a plan are always pipelined.",
)
.default("ALL_EXCHANGES_PIPELINED");
pub const PARALLELISM: ConfigOption = ConfigOption::new(
    "parallelism.default",
    Integer,
    "Subtasks of an operator. Unset: 1 in streaming mode, all cores in batch mode.",
);
pub const PIPELINE_NAME: ConfigOption = ConfigOption::new(
    "pipeline.name",
    String,
    "The name of the next jobs; by default made from the statement.",
);
pub const MAX_PARALLELISM: ConfigOption = ConfigOption::new(
    "pipeline.max-parallelism",
    Integer,
    "Number of key groups; -1 derives it from the parallelism.",
)
.default("-1");
pub const OPERATOR_CHAINING: ConfigOption = ConfigOption::new(
    "pipeline.operator-chaining.enabled",
    Boolean,
    "Run operators that are joined by forward edges as one task.",
)
.default("true");
pub const CHAIN_DIFFERENT_MAX_PARALLELISM: ConfigOption = ConfigOption::new(
    "pipeline.operator-chaining.chain-operators-with-different-max-parallelism",
    Boolean,
    "Chain operators even when their maximum parallelism differs.",
)
.default("true");
pub const AUTO_WATERMARK_INTERVAL: ConfigOption = ConfigOption::new(
    "pipeline.auto-watermark-interval",
    Duration,
    "How often watermarks are sent; 0 sends one after every row that raises it.",
)
.default("200 ms");
pub const RESTART_STRATEGY: ConfigOption = ConfigOption::new(
    "restart-strategy.type",
    Enum(&[
        "none",
        "off",
        "disable",
        "fixed-delay",
        "fixeddelay",
        "exponential-delay",
        "exponentialdelay",
        "failure-rate",
        "failurerate",
    ]),
    "What happens when a task fails.",
)
.default("none");
pub const FIXED_DELAY_ATTEMPTS: ConfigOption = ConfigOption::new(
    "restart-strategy.fixed-delay.attempts",
    Integer,
    "How often a job is restarted before it fails.",
)
.default("1");
pub const FIXED_DELAY_DELAY: ConfigOption = ConfigOption::new(
    "restart-strategy.fixed-delay.delay",
    Duration,
    "The wait between two attempts.",
)
.default("1 s");
pub const EXPONENTIAL_DELAY_ATTEMPTS: ConfigOption = ConfigOption::new(
    "restart-strategy.exponential-delay.attempts-before-reset-backoff",
    Integer,
    "Restarts before the job fails, counted until the backoff is reset.",
)
.default("2147483647");
pub const EXPONENTIAL_DELAY_MULTIPLIER: ConfigOption = ConfigOption::new(
    "restart-strategy.exponential-delay.backoff-multiplier",
    Double,
    "The factor by which the wait grows after each failure.",
)
.default("1.5");
pub const EXPONENTIAL_DELAY_INITIAL: ConfigOption = ConfigOption::new(
    "restart-strategy.exponential-delay.initial-backoff",
    Duration,
    "The first wait.",
)
.default("1 s");
pub const EXPONENTIAL_DELAY_JITTER: ConfigOption = ConfigOption::new(
    "restart-strategy.exponential-delay.jitter-factor",
    Double,
    "The share of the wait that is random.",
)
.default("0.1");
pub const EXPONENTIAL_DELAY_MAX: ConfigOption = ConfigOption::new(
    "restart-strategy.exponential-delay.max-backoff",
    Duration,
    "The longest wait.",
)
.default("1 min");
pub const EXPONENTIAL_DELAY_RESET: ConfigOption = ConfigOption::new(
    "restart-strategy.exponential-delay.reset-backoff-threshold",
    Duration,
    "How long a job must run for the wait to start anew.",
)
.default("1 h");
pub const FAILURE_RATE_DELAY: ConfigOption = ConfigOption::new(
    "restart-strategy.failure-rate.delay",
    Duration,
    "The wait between two attempts.",
)
.default("1 s");
pub const FAILURE_RATE_INTERVAL: ConfigOption = ConfigOption::new(
    "restart-strategy.failure-rate.failure-rate-interval",
    Duration,
    "The interval over which failures are counted.",
)
.default("1 min");
pub const FAILURE_RATE_MAX: ConfigOption = ConfigOption::new(
    "restart-strategy.failure-rate.max-failures-per-interval",
    Integer,
    "Failures in an interval after which the job fails.",
)
.default("1");
pub const TASK_SLOTS: ConfigOption = ConfigOption::new(
    "taskmanager.numberOfTaskSlots",
    Integer,
    "Slots of the embedded TaskManager. Unset: as many as a job needs.",
);
pub const TASK_CPU_CORES: ConfigOption = ConfigOption::new(
    "taskmanager.cpu.cores",
    Double,
    "CPU cores that the slots share. Unset: the machine's.",
);
pub const TASK_HEAP_MEMORY: ConfigOption = ConfigOption::new(
    "taskmanager.memory.task.heap.size",
    MemorySize,
    "Memory for operators' ordinary work, shared by the slots.",
);
pub const SLOT_REQUEST_TIMEOUT: ConfigOption = ConfigOption::new(
    "slot.request.timeout",
    Duration,
    "How long a job waits for slots that other jobs hold.",
)
.default("5 min");
pub const MANAGED_MEMORY: ConfigOption = ConfigOption::new(
    "taskmanager.memory.managed.size",
    MemorySize,
    "Memory for sorting, hashing and state, shared by the slots.",
);
pub const DEFAULT_PARALLELISM: ConfigOption = ConfigOption::new(
    "table.exec.resource.default-parallelism",
    Integer,
    "Subtasks of SQL operators; -1 leaves it to parallelism.default.",
)
.default("-1");
pub const FORCE_RECOMPILE: ConfigOption = ConfigOption::new(
    "table.plan.force-recompile",
    Boolean,
    "COMPILE PLAN writes over a plan that is there.",
)
.default("false");
pub const DML_SYNC: ConfigOption = ConfigOption::new(
    "table.dml-sync",
    Boolean,
    "INSERT returns only when its job has ended.",
)
.default("false");
pub const LOCAL_TIME_ZONE: ConfigOption = ConfigOption::new("table.local-time-zone", String, "The session's time zone: a zone's name, an offset such as +02:00, or 'default' for the system's.").default("default");
pub const DYNAMIC_TABLE_OPTIONS: ConfigOption = ConfigOption::new(
    "table.dynamic-table-options.enabled",
    Boolean,
    "Allow the OPTIONS hint.",
)
.default("true");
pub const LEGACY_CAST: ConfigOption = ConfigOption::new(
    "table.exec.legacy-cast-behaviour",
    Enum(&["ENABLED", "DISABLED"]),
    "With ENABLED a failing CAST gives NULL.",
)
.default("DISABLED");
pub const SOURCE_IDLE_TIMEOUT: ConfigOption = ConfigOption::new(
    "table.exec.source.idle-timeout",
    Duration,
    "A source without rows for this long no longer holds watermarks back; 0 never.",
)
.default("0 ms");
pub const EARLY_FIRE: ConfigOption = ConfigOption::new(
    "table.exec.emit.early-fire.enabled",
    Boolean,
    "Group windows (GROUP BY TUMBLE(..), HOP(..)) send results before their ends, and updates of them.",
)
.default("false");
pub const EARLY_FIRE_DELAY: ConfigOption = ConfigOption::new(
    "table.exec.emit.early-fire.delay",
    Duration,
    "How often they do; 0 at every row.",
);
pub const LATE_FIRE: ConfigOption = ConfigOption::new(
    "table.exec.emit.late-fire.enabled",
    Boolean,
    "Group windows take rows for a while after their ends, and send updates.",
)
.default("false");
pub const LATE_FIRE_DELAY: ConfigOption = ConfigOption::new(
    "table.exec.emit.late-fire.delay",
    Duration,
    "How often they do; 0 at every late row.",
);
pub const ALLOW_LATENESS: ConfigOption = ConfigOption::new(
    "table.exec.emit.allow-lateness",
    Duration,
    "How long after their ends group windows take rows, with late-fire; unset: table.exec.state.ttl.",
);
pub const NOT_NULL_ENFORCER: ConfigOption = ConfigOption::new(
    "table.exec.sink.not-null-enforcer",
    Enum(&["ERROR", "DROP"]),
    "What a NULL for a NOT NULL column of a sink does.",
)
.default("ERROR");
pub const TYPE_LENGTH_ENFORCER: ConfigOption = ConfigOption::new(
    "table.exec.sink.type-length-enforcer",
    Enum(&["IGNORE", "TRIM_PAD", "ERROR"]),
    "What a sink does with values that are longer or shorter than their type.",
)
.default("IGNORE");
pub const UPSERT_MATERIALIZE: ConfigOption = ConfigOption::new(
    "table.exec.sink.upsert-materialize",
    Enum(&["NONE", "AUTO", "FORCE"]),
    "Put rows for an upsert sink back in order before it.",
)
.default("AUTO");
pub const KEYED_SHUFFLE: ConfigOption = ConfigOption::new(
    "table.exec.sink.keyed-shuffle",
    Enum(&["NONE", "AUTO", "FORCE"]),
    "Bring rows that are only inserted together by a sink's primary key: never, when parallelism changes, or always.",
)
.default("AUTO");
pub const CDC_EVENTS_DUPLICATE: ConfigOption = ConfigOption::new(
    "table.exec.source.cdc-events-duplicate",
    Boolean,
    "Changelog sources may send events twice: fold them by primary key.",
)
.default("false");
pub const REQUIRE_ON_CONFLICT: ConfigOption = ConfigOption::new(
    "table.exec.sink.require-on-conflict",
    Boolean,
    "Ask for ON CONFLICT where a query's upsert key is not the sink's primary key.",
)
.default("true");
pub const ASYNC_LOOKUP_BUFFER_CAPACITY: ConfigOption = ConfigOption::new(
    "table.exec.async-lookup.buffer-capacity",
    Integer,
    "How many rows of an asynchronous lookup join may wait for their lookups.",
)
.default("100");
pub const ASYNC_LOOKUP_TIMEOUT: ConfigOption = ConfigOption::new(
    "table.exec.async-lookup.timeout",
    Duration,
    "How long an asynchronous lookup may take, with all that is tried again.",
)
.default("3 min");
pub const ASYNC_LOOKUP_OUTPUT_MODE: ConfigOption = ConfigOption::new(
    "table.exec.async-lookup.output-mode",
    Enum(&["ORDERED", "ALLOW_UNORDERED"]),
    "Whether rows leave an asynchronous lookup join as they came, or as their lookups end where that changes no result.",
)
.default("ORDERED");
pub const ASYNC_LOOKUP_KEY_ORDERED: ConfigOption = ConfigOption::new(
    "table.exec.async-lookup.key-ordered-enabled",
    Boolean,
    "With ALLOW_UNORDERED, let changes of different keys overtake each other; those of one key stay in order.",
)
.default("false");
pub const INTERVAL_JOIN_MIN_CLEANUP: ConfigOption = ConfigOption::new(
    "table.exec.interval-join.min-cleanup-interval",
    Duration,
    "How much longer than it must a row of an interval join waits that has met nothing; outer rows then go out that much later.",
)
.default("0 ms");
pub const NON_DETERMINISTIC_UPDATE: ConfigOption = ConfigOption::new(
    "table.optimizer.non-deterministic-update.strategy",
    Enum(&["IGNORE", "TRY_RESOLVE"]),
    "Whether a query whose updates may not find what they take back (RAND, NOW, a lookup) is mended or refused, or runs as it is.",
)
.default("IGNORE");
pub const STATE_TTL: ConfigOption = ConfigOption::new(
    "table.exec.state.ttl",
    Duration,
    "How long idle state is kept; 0 for ever.",
)
.default("0 ms");
pub const MINI_BATCH: ConfigOption = ConfigOption::new(
    "table.exec.mini-batch.enabled",
    Boolean,
    "Gather rows and send net changes.",
)
.default("false");
pub const MINI_BATCH_LATENCY: ConfigOption = ConfigOption::new(
    "table.exec.mini-batch.allow-latency",
    Duration,
    "How long rows are gathered.",
)
.default("0 ms");
pub const MINI_BATCH_SIZE: ConfigOption = ConfigOption::new(
    "table.exec.mini-batch.size",
    Long,
    "How many rows are gathered at most.",
)
.default("-1");
pub const AGG_PHASE_STRATEGY: ConfigOption = ConfigOption::new(
    "table.optimizer.agg-phase-strategy",
    Enum(&["AUTO", "ONE_PHASE", "TWO_PHASE"]),
    "Aggregate in one phase or in two.",
)
.default("AUTO");
pub const SPLIT_DISTINCT: ConfigOption = ConfigOption::new(
    "table.optimizer.distinct-agg.split.enabled",
    Boolean,
    "Aggregate DISTINCT values in two levels, the first by buckets of the values.",
)
.default("false");
pub const SPLIT_DISTINCT_BUCKETS: ConfigOption = ConfigOption::new(
    "table.optimizer.distinct-agg.split.bucket-num",
    Integer,
    "How many buckets split DISTINCT values have.",
)
.default("1024");
pub const INCREMENTAL_AGGREGATE: ConfigOption = ConfigOption::new(
    "table.optimizer.incremental-agg-enabled",
    Boolean,
    "Let the two middle phases of split and two-phase aggregates share their state.",
)
.default("true");
pub const REUSE_SUB_PLAN: ConfigOption = ConfigOption::new(
    "table.optimizer.reuse-sub-plan-enabled",
    Boolean,
    "Run equal parts of a statement's plans once.",
)
.default("true");
pub const REUSE_SOURCE: ConfigOption = ConfigOption::new(
    "table.optimizer.reuse-source-enabled",
    Boolean,
    "Read a source once where equal parts of plans are run once.",
)
.default("true");
pub const REUSE_SINK: ConfigOption = ConfigOption::new(
    "table.optimizer.reuse-sink-enabled",
    Boolean,
    "Write what a statement set inserts into one table through one sink.",
)
.default("false");
pub const SORT_DEFAULT_LIMIT: ConfigOption = ConfigOption::new(
    "table.exec.sort.default-limit",
    Integer,
    "A LIMIT for ORDER BY without one; -1 for none.",
)
.default("-1");
pub const SORT_NON_TEMPORAL: ConfigOption = ConfigOption::new(
    "__table.exec.sort.non-temporal.enabled__",
    Boolean,
    "Allow ORDER BY on any column over bounded input in streaming mode.",
)
.default("false");
pub const BUILTIN_CATALOG: ConfigOption = ConfigOption::new(
    "table.builtin-catalog-name",
    String,
    "The first catalog's name.",
)
.default("default_catalog");
pub const BUILTIN_DATABASE: ConfigOption = ConfigOption::new(
    "table.builtin-database-name",
    String,
    "The first database's name.",
)
.default("default_database");
pub const SQL_DIALECT: ConfigOption = ConfigOption::new(
    "table.sql-dialect",
    Enum(&["default"]),
    "The dialect of SQL.",
)
.default("default");
pub const RESULT_MODE: ConfigOption = ConfigOption::new(
    "sql-client.execution.result-mode",
    Enum(&["TABLE", "CHANGELOG", "TABLEAU"]),
    "How a query's rows are shown.",
)
.default("TABLEAU");
pub const MAX_TABLE_RESULT_ROWS: ConfigOption = ConfigOption::new(
    "sql-client.execution.max-table-result.rows",
    Integer,
    "Rows that the live view of a result keeps.",
)
.default("1000000");
pub const PRINT_TIME_COST: ConfigOption = ConfigOption::new(
    "sql-client.display.print-time-cost",
    Boolean,
    "Print how long a query took.",
)
.default("true");
pub const MAX_COLUMN_WIDTH: ConfigOption = ConfigOption::new(
    "table.display.max-column-width",
    Integer,
    "Cells of text longer than this are cut when printed.",
)
.default("30");
pub const CLIENT_MAX_COLUMN_WIDTH: ConfigOption = ConfigOption::new(
    "sql-client.display.max-column-width",
    Integer,
    "The old name of table.display.max-column-width.",
);

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
    if known::KNOWN.binary_search(&key).is_ok() {
        return KeyStatus::WithoutEffect;
    }
    KeyStatus::Unknown(nearest(
        key,
        honoured()
            .map(|o| o.key)
            .chain(known::KNOWN.iter().copied()),
    ))
}

/// The options with an effect.
pub fn honoured() -> impl Iterator<Item = &'static ConfigOption> {
    HONOURED.iter().flat_map(|(_, options)| options.iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_keys_are_sorted_and_apart_from_honoured_ones() {
        assert!(known::KNOWN.is_sorted());
        for option in honoured() {
            assert!(
                known::KNOWN.binary_search(&option.key).is_err(),
                "{}",
                option.key
            );
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
