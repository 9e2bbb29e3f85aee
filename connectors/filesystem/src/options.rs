use filbert_connector_api::options::{RefusedOption, SCAN_PARALLELISM, SINK_PARALLELISM};
use filbert_types::ConfigOption;
use filbert_types::config::ConfigType;

pub const PATH: ConfigOption = ConfigOption::new(
    "path",
    ConfigType::String,
    "A file, a folder (read with its subfolders) or a glob; a plain path or a file:// or s3:// address.",
)
.required();
pub const MONITOR_INTERVAL: ConfigOption = ConfigOption::new(
    "source.monitor-interval",
    ConfigType::Duration,
    "Look for new files this often; the source then never ends.",
);
pub const PATH_REGEX: ConfigOption = ConfigOption::new(
    "source.path.regex-pattern",
    ConfigType::String,
    "Read only files whose whole path matches.",
);
const REPORT_STATISTICS: ConfigOption = ConfigOption::new(
    "source.report-statistics",
    ConfigType::Enum(&["ALL", "NONE"]),
    "Whether the planner may use the statistics in files.",
)
.default("ALL");
pub const DEFAULT_PARTITION: ConfigOption = ConfigOption::new(
    "partition.default-name",
    ConfigType::String,
    "The folder of rows whose partition column is NULL or empty.",
)
.default("__DEFAULT_PARTITION__");
pub const FILE_SIZE: ConfigOption = ConfigOption::new(
    "sink.rolling-policy.file-size",
    ConfigType::MemorySize,
    "A part file that has grown to this size is closed and another begun.",
)
.default("128 mb");
pub const ROLLOVER_INTERVAL: ConfigOption = ConfigOption::new(
    "sink.rolling-policy.rollover-interval",
    ConfigType::Duration,
    "A part file that has been open this long is closed and another begun.",
)
.default("30 min");
pub const INACTIVITY_INTERVAL: ConfigOption = ConfigOption::new(
    "sink.rolling-policy.inactivity-interval",
    ConfigType::Duration,
    "A part file that has got no row for this long is closed and another begun.",
)
.default("30 min");
pub const CHECK_INTERVAL: ConfigOption = ConfigOption::new(
    "sink.rolling-policy.check-interval",
    ConfigType::Duration,
    "How often the two intervals are checked, at most; they are checked when rows arrive.",
)
.default("1 min");
pub const SHUFFLE_BY_PARTITION: ConfigOption = ConfigOption::new(
    "sink.shuffle-by-partition.enable",
    ConfigType::Boolean,
    "In batch mode, bring the rows of a partition to one writer, for fewer files.",
)
.default("false");

pub const OPTIONS: &[ConfigOption] = &[
    PATH,
    MONITOR_INTERVAL,
    PATH_REGEX,
    REPORT_STATISTICS,
    DEFAULT_PARTITION,
    FILE_SIZE,
    ROLLOVER_INTERVAL,
    INACTIVITY_INTERVAL,
    CHECK_INTERVAL,
    SHUFFLE_BY_PARTITION,
    SCAN_PARALLELISM,
    SINK_PARALLELISM,
];

const PARTITION_COMMIT: &str = "partition commits come with checkpoints";
const PARTITION_TIME: &str =
    "partition times matter to partition commits only, which come with checkpoints";
const COMPACTION: &str = "compaction of part files comes with checkpoints";

/// What Flink's connector has and this one has not yet.
pub const REFUSED: &[RefusedOption] = &[
    ("partition.time-extractor.kind", PARTITION_TIME),
    ("partition.time-extractor.class", PARTITION_TIME),
    ("partition.time-extractor.timestamp-pattern", PARTITION_TIME),
    (
        "partition.time-extractor.timestamp-formatter",
        PARTITION_TIME,
    ),
    ("sink.partition-commit.trigger", PARTITION_COMMIT),
    ("sink.partition-commit.delay", PARTITION_COMMIT),
    (
        "sink.partition-commit.watermark-time-zone",
        PARTITION_COMMIT,
    ),
    ("sink.partition-commit.policy.kind", PARTITION_COMMIT),
    ("sink.partition-commit.policy.class", PARTITION_COMMIT),
    ("sink.partition-commit.policy.parameters", PARTITION_COMMIT),
    ("sink.partition-commit.success-file.name", PARTITION_COMMIT),
    ("auto-compaction", COMPACTION),
    ("compaction.file-size", COMPACTION),
    ("compaction.parallelism", COMPACTION),
];
