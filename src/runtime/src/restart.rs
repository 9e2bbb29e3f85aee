//! When a failed job starts again (Flink's restart strategies, by their keys).

use std::collections::VecDeque;

use filbert_types::{ConfigOption, Configuration, options};
use rand::Rng;

use crate::error::JobError;

/// Decides about restarts; knows the failures so far.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RestartStrategy {
    None,
    FixedDelay {
        attempts: i64,
        delay_ms: i64,
        failures: i64,
    },
    ExponentialDelay(ExponentialDelay),
    FailureRate {
        failures_max: usize,
        interval_ms: i64,
        delay_ms: i64,
        failures_at_ms: VecDeque<i64>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExponentialDelay {
    attempts_max: i64,
    initial_ms: i64,
    max_ms: i64,
    multiplier: f64,
    reset_after_ms: i64,
    jitter: f64,
    attempts: i64,
    backoff_ms: i64,
    last_failure_ms: Option<i64>,
}

impl RestartStrategy {
    /// # Errors
    /// When a value is wrong.
    pub(crate) fn new(configuration: &Configuration) -> Result<RestartStrategy, JobError> {
        options::RESTART_STRATEGY.check(
            configuration
                .get(&options::RESTART_STRATEGY)
                .unwrap_or("none"),
        )?;
        let name = configuration
            .get(&options::RESTART_STRATEGY)
            .unwrap_or("none")
            .trim()
            .to_ascii_lowercase();
        let ms = |option: &ConfigOption| -> Result<i64, JobError> {
            let duration = configuration.get_duration(option)?.unwrap_or_default();
            Ok(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
        };
        let number = |option: &ConfigOption| -> Result<i64, JobError> {
            Ok(configuration.get_i64(option)?.unwrap_or_default())
        };
        let factor = |option: &ConfigOption| -> Result<f64, JobError> {
            Ok(configuration.get_f64(option)?.unwrap_or_default())
        };
        Ok(match name.as_str() {
            "fixed-delay" | "fixeddelay" => RestartStrategy::FixedDelay {
                attempts: number(&options::FIXED_DELAY_ATTEMPTS)?,
                delay_ms: ms(&options::FIXED_DELAY_DELAY)?,
                failures: 0,
            },
            "exponential-delay" | "exponentialdelay" => {
                let initial_ms = ms(&options::EXPONENTIAL_DELAY_INITIAL)?;
                RestartStrategy::ExponentialDelay(ExponentialDelay {
                    attempts_max: number(&options::EXPONENTIAL_DELAY_ATTEMPTS)?,
                    initial_ms,
                    max_ms: ms(&options::EXPONENTIAL_DELAY_MAX)?,
                    multiplier: factor(&options::EXPONENTIAL_DELAY_MULTIPLIER)?,
                    reset_after_ms: ms(&options::EXPONENTIAL_DELAY_RESET)?,
                    jitter: factor(&options::EXPONENTIAL_DELAY_JITTER)?,
                    attempts: 0,
                    backoff_ms: initial_ms,
                    last_failure_ms: None,
                })
            }
            "failure-rate" | "failurerate" => RestartStrategy::FailureRate {
                failures_max: usize::try_from(number(&options::FAILURE_RATE_MAX)?).unwrap_or(0),
                interval_ms: ms(&options::FAILURE_RATE_INTERVAL)?,
                delay_ms: ms(&options::FAILURE_RATE_DELAY)?,
                failures_at_ms: VecDeque::new(),
            },
            _ => RestartStrategy::None,
        })
    }

    /// Notes a failure; how long to wait before the next attempt, or none when there is to be none.
    pub(crate) fn after_failure(&mut self, now_ms: i64) -> Option<i64> {
        match self {
            RestartStrategy::None => None,
            RestartStrategy::FixedDelay {
                attempts,
                delay_ms,
                failures,
            } => {
                *failures += 1;
                (*failures <= *attempts).then_some(*delay_ms)
            }
            RestartStrategy::ExponentialDelay(strategy) => strategy.after_failure(now_ms),
            RestartStrategy::FailureRate {
                failures_max,
                interval_ms,
                delay_ms,
                failures_at_ms,
            } => {
                failures_at_ms.push_back(now_ms);
                while failures_at_ms.len() > *failures_max + 1 {
                    failures_at_ms.pop_front();
                }
                let full = failures_at_ms.len() > *failures_max;
                let earliest = failures_at_ms.front().copied().unwrap_or(now_ms);
                (!full || now_ms - earliest > *interval_ms).then_some(*delay_ms)
            }
        }
    }
}

impl ExponentialDelay {
    fn after_failure(&mut self, now_ms: i64) -> Option<i64> {
        let calm = self
            .last_failure_ms
            .is_some_and(|last| now_ms - last >= self.reset_after_ms + self.backoff_ms);
        if calm {
            self.attempts = 0;
        }
        self.backoff_ms = if self.attempts == 0 {
            self.initial_ms
        } else {
            ((self.backoff_ms as f64 * self.multiplier) as i64).min(self.max_ms)
        };
        self.attempts += 1;
        self.last_failure_ms = Some(now_ms);
        if self.attempts > self.attempts_max {
            return None;
        }
        let spread = self.backoff_ms as f64 * self.jitter;
        let jitter = if spread > 0.0 {
            rand::rng().random_range(-spread..=spread)
        } else {
            0.0
        };
        Some(((self.backoff_ms as f64 + jitter) as i64).clamp(0, self.max_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strategy(settings: &[(&str, &str)]) -> RestartStrategy {
        let settings = settings.iter();
        let configuration = settings
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        RestartStrategy::new(&configuration).unwrap()
    }

    #[test]
    fn nothing_restarts_unless_asked_for() {
        assert_eq!(strategy(&[]).after_failure(0), None);
        let mut fixed = strategy(&[
            ("restart-strategy.type", "fixed-delay"),
            ("restart-strategy.fixed-delay.attempts", "2"),
        ]);
        assert_eq!(
            [0, 1, 2].map(|at| fixed.after_failure(at)),
            [Some(1000), Some(1000), None]
        );
    }

    #[test]
    fn a_failure_rate_counts_within_its_interval() {
        let mut rate = strategy(&[("restart-strategy.type", "failure-rate")]);
        assert_eq!(rate.after_failure(0), Some(1000));
        assert_eq!(
            rate.after_failure(70_000),
            Some(1000),
            "the first is over a minute ago"
        );
        assert_eq!(rate.after_failure(80_000), None);
    }

    #[test]
    fn an_exponential_delay_grows_and_calms_down() {
        let mut delay = strategy(&[
            ("restart-strategy.type", "exponential-delay"),
            ("restart-strategy.exponential-delay.jitter-factor", "0"),
            ("restart-strategy.exponential-delay.backoff-multiplier", "2"),
            ("restart-strategy.exponential-delay.max-backoff", "3 s"),
        ]);
        let waits = [0, 10, 20].map(|at| delay.after_failure(at));
        assert_eq!(waits, [Some(1000), Some(2000), Some(3000)]);
        assert_eq!(delay.after_failure(2 * 3_600_000), Some(1000));
    }

    #[test]
    fn an_unknown_strategy_is_refused() {
        let configuration = [("restart-strategy.type".to_owned(), "always".to_owned())];
        let error = RestartStrategy::new(&configuration.into_iter().collect()).unwrap_err();
        assert!(error.to_string().contains("always"), "{error}");
    }
}
