//! What SQL means and how queries are planned and run: `table.*`.

use crate::config::ConfigOption;
use crate::config::ConfigType::{Boolean, Duration, Enum, Integer, Long, String};

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
