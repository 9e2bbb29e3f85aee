//! How jobs are made and run: mode, parallelism, chaining, exchanges.

use crate::config::ConfigOption;
use crate::config::ConfigType::{Boolean, Duration, Enum, Integer, String};

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
