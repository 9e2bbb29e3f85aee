use filbert_types::Configuration;
use filbert_types::options::MAX_PARALLELISM;

use crate::error::GraphError;

/// The fewest key groups that an operator gets by itself.
pub const MIN_MAX_PARALLELISM: usize = 128;
/// The most key groups that an operator can have.
pub const MAX_MAX_PARALLELISM: usize = 32768;

/// Flink's number of key groups for an operator of this parallelism: one and a half times as many, rounded up to a
/// power of two, at least 128 and at most 32768.
pub fn default_max_parallelism(parallelism: usize) -> usize {
    (parallelism + parallelism / 2)
        .next_power_of_two()
        .clamp(MIN_MAX_PARALLELISM, MAX_MAX_PARALLELISM)
}

/// `pipeline.max-parallelism` where it is set.
///
/// # Errors
/// When the value is no number, or out of range.
pub fn configured_max_parallelism(
    configuration: &Configuration,
) -> Result<Option<usize>, GraphError> {
    match configuration.get_i64(&MAX_PARALLELISM)? {
        None | Some(-1) => Ok(None),
        Some(value) => usize::try_from(value)
            .ok()
            .filter(|v| (1..=MAX_MAX_PARALLELISM).contains(v))
            .map(Some)
            .ok_or(GraphError::MaxParallelismRange {
                key: MAX_PARALLELISM.key,
                value,
            }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_parallelism_follows_flinks_formula() {
        for (parallelism, expected) in [
            (1, 128),
            (85, 128),
            (86, 256),
            (171, 256),
            (172, 512),
            (32768, 32768),
        ] {
            assert_eq!(
                default_max_parallelism(parallelism),
                expected,
                "{parallelism}"
            );
        }
    }
}
