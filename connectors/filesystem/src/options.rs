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

pub const COMMIT_POLICY: ConfigOption = ConfigOption::new(
    "sink.partition-commit.policy.kind",
    ConfigType::String,
    "How a partition that is complete is marked: success-file puts an empty file into its folder.",
);
pub const SUCCESS_FILE: ConfigOption = ConfigOption::new(
    "sink.partition-commit.success-file.name",
    ConfigType::String,
    "The name of that file.",
)
.default("_SUCCESS");
const COMMIT_TRIGGER: ConfigOption = ConfigOption::new(
    "sink.partition-commit.trigger",
    ConfigType::Enum(&["process-time", "partition-time"]),
    "Which clock tells that a partition is complete in a running job; at the end of the input all are.",
)
.default("process-time");
const COMMIT_DELAY: ConfigOption = ConfigOption::new(
    "sink.partition-commit.delay",
    ConfigType::Duration,
    "How long a running job waits until it takes a partition for complete.",
)
.default("0 ms");
const COMMIT_TIME_ZONE: ConfigOption = ConfigOption::new(
    "sink.partition-commit.watermark-time-zone",
    ConfigType::String,
    "The time zone in which a watermark is compared with a partition's time.",
)
.default("UTC");
const TIME_EXTRACTOR: ConfigOption = ConfigOption::new(
    "partition.time-extractor.kind",
    ConfigType::Enum(&["default"]),
    "How a partition's time is found.",
)
.default("default");
const TIMESTAMP_PATTERN: ConfigOption = ConfigOption::new(
    "partition.time-extractor.timestamp-pattern",
    ConfigType::String,
    "A partition's time as text with its values: '$dt $hour:00:00'.",
);
const TIMESTAMP_FORMATTER: ConfigOption = ConfigOption::new(
    "partition.time-extractor.timestamp-formatter",
    ConfigType::String,
    "The pattern that this text is read by.",
);
pub const AUTO_COMPACTION: ConfigOption = ConfigOption::new(
    "auto-compaction",
    ConfigType::Boolean,
    "In streaming mode, put the small files of a folder together before they are seen.",
)
.default("false");
pub const COMPACTION_SIZE: ConfigOption = ConfigOption::new(
    "compaction.file-size",
    ConfigType::MemorySize,
    "Files are put together up to this size; by default that of the rolling policy.",
);

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
    COMMIT_POLICY,
    SUCCESS_FILE,
    COMMIT_TRIGGER,
    COMMIT_DELAY,
    COMMIT_TIME_ZONE,
    TIME_EXTRACTOR,
    TIMESTAMP_PATTERN,
    TIMESTAMP_FORMATTER,
    AUTO_COMPACTION,
    COMPACTION_SIZE,
    SCAN_PARALLELISM,
    SINK_PARALLELISM,
];

const JAVA_CLASS: &str = "it names a Java class, which can't run here";

/// What Flink's connector has and this one has not.
pub const REFUSED: &[RefusedOption] = &[
    ("partition.time-extractor.class", JAVA_CLASS),
    ("sink.partition-commit.policy.class", JAVA_CLASS),
    ("sink.partition-commit.policy.parameters", JAVA_CLASS),
    (
        "compaction.parallelism",
        "files are compacted beside the job's manager, on one thread",
    ),
];
