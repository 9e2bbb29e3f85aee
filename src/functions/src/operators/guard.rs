use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, Operator, binary_expr, lit};

use crate::udf::BoundFunction;

/// True where evaluating the expression can end in an error, so that it may run only on rows that reach it.
pub fn can_fail(expr: &Expr) -> bool {
    let mut found = false;
    // The closure never fails.
    let _ = expr.apply(|e| {
        if let Expr::ScalarFunction(call) = e
            && call_can_fail(call)
        {
            found = true;
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

fn call_can_fail(call: &ScalarFunction) -> bool {
    call.func
        .inner()
        .downcast_ref::<BoundFunction>()
        .is_some_and(|bound| bound.function.fallible())
}

/// `left AND right`, where `right` runs only on rows for which `left` doesn't decide.
pub fn and(left: Expr, right: Expr) -> Expr {
    guarded(left, right, Operator::And)
}

/// `left OR right`, where `right` runs only on rows for which `left` doesn't decide.
pub fn or(left: Expr, right: Expr) -> Expr {
    guarded(left, right, Operator::Or)
}

fn guarded(left: Expr, right: Expr, op: Operator) -> Expr {
    if !can_fail(&right) {
        return binary_expr(left, op, right);
    }
    let decided = lit(op == Operator::Or);
    if left.is_volatile() {
        // The left side must run once: CASE left WHEN decided THEN decided WHEN NOT decided THEN right ELSE NULL op right.
        let unknown = lit(datafusion::common::ScalarValue::Boolean(None));
        return Expr::Case(datafusion::logical_expr::Case::new(
            Some(Box::new(left)),
            vec![
                (Box::new(decided.clone()), Box::new(decided)),
                (Box::new(lit(op == Operator::And)), Box::new(right.clone())),
            ],
            Some(Box::new(binary_expr(unknown, op, right))),
        ));
    }
    // The left side stays a conjunct of its own, which the optimizer may push down.
    let undecided = match op {
        Operator::And => left.clone().is_not_false(),
        _ => left.clone().is_not_true(),
    };
    let right = crate::builtins::conditional::case(undecided, right, decided);
    binary_expr(left, op, right)
}
