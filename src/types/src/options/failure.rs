//! What happens when a task fails: the restart strategies.

use crate::config::ConfigOption;
use crate::config::ConfigType::{Double, Duration, Enum, Integer};

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
