use filbert_types::Configuration;
use filbert_types::options::{DEFAULT_PARALLELISM, PARALLELISM, RUNTIME_MODE};

use crate::error::PlanError;

/// True when the session runs queries as batch jobs.
///
/// # Errors
/// When `execution.runtime-mode` is neither `STREAMING` nor `BATCH`.
pub fn is_batch(configuration: &Configuration) -> Result<bool, PlanError> {
    let mode = configuration.get(&RUNTIME_MODE).unwrap_or_default();
    RUNTIME_MODE.check(mode)?;
    if mode.eq_ignore_ascii_case("AUTOMATIC") {
        return Err(PlanError::Refused(
            "Unsupported mode 'AUTOMATIC' for 'execution.runtime-mode'. Only an explicit BATCH mode or STREAMING mode is supported."
                .to_owned(),
        ));
    }
    Ok(mode.eq_ignore_ascii_case("BATCH"))
}

/// The parallelism of operators: `table.exec.resource.default-parallelism`, else `parallelism.default`, else 1 for
/// streams and all cores for batch jobs.
///
/// # Errors
/// When a value is no whole number.
pub fn parallelism(configuration: &Configuration, batch: bool) -> Result<usize, PlanError> {
    for option in [&DEFAULT_PARALLELISM, &PARALLELISM] {
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
