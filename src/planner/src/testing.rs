//! What tests of planning stand on.

use filbert_functions::ExprContext;

pub(crate) fn expr_context() -> ExprContext {
    ExprContext {
        time_zone: filbert_types::TimeZone::UTC,
        batch: false,
        legacy_cast: false,
        query_start_us: 0,
        current_database: "default_database".to_owned(),
    }
}
