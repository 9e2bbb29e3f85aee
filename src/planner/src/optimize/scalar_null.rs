//! The NULL of a scalar subquery without rows. DataFusion takes a subquery's nullability from its column, so that
//! `COALESCE((SELECT COUNT(*) ..), 0)` would lose its COALESCE before the subquery becomes an outer join. In a stream a
//! COUNT has no row before it has seen one, and in both modes HAVING or LIMIT can leave none.
//!
//! While rules run, such a column stands in a function that may give NULL; afterwards the column stands there alone.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::expr::{Alias, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, Projection, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Subquery, Volatility,
};

/// A value that DataFusion must take for nullable.
#[derive(Debug, PartialEq, Eq, Hash)]
struct MaybeNull {
    signature: Signature,
}

impl ScalarUDFImpl for MaybeNull {
    fn name(&self) -> &'static str {
        "maybe_null"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types {
            [ty] => Ok(ty.clone()),
            _ => internal_err!("maybe_null takes one value"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [field] => Ok(Arc::new(Field::clone(field).with_nullable(true))),
            _ => internal_err!("maybe_null takes one value"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            Some(value) => Ok(value),
            None => internal_err!("maybe_null takes one value"),
        }
    }
}

/// Makes the values of scalar subqueries nullable; true where there was one to make so.
///
/// # Errors
/// When a plan can't be put together again; that would be a bug.
pub(super) fn mark(plan: LogicalPlan) -> Result<(LogicalPlan, bool)> {
    let function = Arc::new(ScalarUDF::new_from_impl(MaybeNull {
        signature: Signature::any(1, Volatility::Immutable),
    }));
    let marked = rewrite_exprs(plan, &|expr| match expr {
        Expr::ScalarSubquery(subquery) => nullable_subquery(subquery, &function),
        other => Ok(Transformed::no(other)),
    })?;
    Ok((marked.data, marked.transformed))
}

/// Undoes [`mark`].
///
/// # Errors
/// When a plan can't be put together again; that would be a bug.
pub(super) fn unmark(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plain = rewrite_exprs(plan, &|expr| match expr {
        Expr::ScalarFunction(call) if is_mark(&call) => Ok(match call.args.into_iter().next() {
            Some(value) => Transformed::yes(value),
            None => return internal_err!("maybe_null takes one value"),
        }),
        Expr::Alias(alias) if names_itself(&alias) => Ok(Transformed::yes(*alias.expr)),
        other => Ok(Transformed::no(other)),
    })?;
    Ok(plain.data)
}

fn is_mark(call: &ScalarFunction) -> bool {
    call.func.inner().is::<MaybeNull>()
}

fn names_itself(alias: &Alias) -> bool {
    matches!(alias.expr.as_ref(), Expr::Column(column)
        if column.name == alias.name && column.relation == alias.relation)
}

fn nullable_subquery(subquery: Subquery, function: &Arc<ScalarUDF>) -> Result<Transformed<Expr>> {
    let schema = subquery.subquery.schema();
    let fields: Vec<_> = schema.iter().collect();
    let [(relation, field)] = fields.as_slice() else {
        return Ok(Transformed::no(Expr::ScalarSubquery(subquery)));
    };
    if field.is_nullable() {
        return Ok(Transformed::no(Expr::ScalarSubquery(subquery)));
    }
    let column = schema.columns().into_iter().map(Expr::Column).collect();
    let call = ScalarFunction::new_udf(Arc::clone(function), column);
    let value = Expr::ScalarFunction(call).alias_qualified(relation.cloned(), field.name());
    let plan = Projection::try_new(vec![value], Arc::clone(&subquery.subquery))?;
    Ok(Transformed::yes(Expr::ScalarSubquery(Subquery {
        subquery: Arc::new(LogicalPlan::Projection(plan)),
        ..subquery
    })))
}

/// Rewrites all expressions of a plan and its subqueries, whose types may change by it.
fn rewrite_exprs(
    plan: LogicalPlan,
    rewrite: &dyn Fn(Expr) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| {
        node.map_expressions(|expr| expr.transform_up(rewrite))?
            .map_data(LogicalPlan::recompute_schema)
    })
}

#[cfg(test)]
mod tests {
    use datafusion::functions_aggregate::expr_fn::count;
    use datafusion::logical_expr::{LogicalPlanBuilder, col, lit, scalar_subquery};

    use super::*;

    fn counted() -> Arc<LogicalPlan> {
        let rows = LogicalPlanBuilder::values(vec![vec![lit(1)]]).unwrap();
        let none: Vec<Expr> = Vec::new();
        let count = rows.aggregate(none, [count(col("column1")).alias("c")]);
        Arc::new(count.unwrap().build().unwrap())
    }

    #[test]
    fn a_count_in_a_subquery_may_be_null_while_rules_run() {
        let plan = LogicalPlanBuilder::empty(true)
            .project([scalar_subquery(counted()).alias("v")])
            .unwrap()
            .build()
            .unwrap();
        assert!(!plan.schema().field(0).is_nullable());
        let (marked, any) = mark(plan).unwrap();
        assert!(any);
        assert!(marked.schema().field(0).is_nullable());
        let plain = unmark(marked).unwrap().display_indent().to_string();
        assert!(!plain.contains("maybe_null"), "{plain}");
    }
}
