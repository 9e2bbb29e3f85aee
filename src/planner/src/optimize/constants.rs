//! Constants that Flink's folding can't write down.

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::error::PlanError;

const DAY_MS: i32 = 86_400_000;

/// Refuses constant dates whose year, of which Flink writes four digits, is 0, or is before it; and the constant time
/// 24:00:00. A column may hold them.
///
/// # Errors
/// Where the plan has one.
pub(super) fn check(plan: &LogicalPlan) -> Result<(), PlanError> {
    let mut wrong = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                wrong = wrong.take().or_else(|| problem(expr));
                Ok(if wrong.is_some() {
                    TreeNodeRecursion::Stop
                } else {
                    TreeNodeRecursion::Continue
                })
            })
        })
    })?;
    match wrong {
        Some(message) => Err(PlanError::Refused(message)),
        None => Ok(()),
    }
}

fn problem(expr: &Expr) -> Option<String> {
    let Expr::Literal(value, _) = expr else {
        return None;
    };
    match value {
        ScalarValue::Date32(Some(day)) => {
            let (year, ..) = filbert_types::print::temporal::civil(i64::from(*day));
            (year < 0 || year % 10_000 == 0)
                .then(|| format!("Year out of range: [{}] in a constant DATE.", year % 10_000))
        }
        ScalarValue::Time32Millisecond(Some(ms)) if *ms >= DAY_MS => {
            Some("Hour out of range: [24] in a constant TIME.".to_string())
        }
        _ => None,
    }
}
