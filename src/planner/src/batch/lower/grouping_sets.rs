use std::sync::Arc;

use datafusion::common::{Column, Result, ScalarValue};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{
    Aggregate, Expr, Filter, GroupingSet, LogicalPlan, Projection, col, lit,
};

const ROWS: &str = "$rows";

/// Over no rows, GROUPING SETS with keys give no row in Flink, not even for the set without keys: it expands rows first.
/// DataFusion gives that set a row, which is dropped here. None where nothing need change.
pub(super) fn lower(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    let [Expr::GroupingSet(sets)] = aggregate.group_expr.as_slice() else {
        return Ok(None);
    };
    if matches!(sets, GroupingSet::GroupingSets(sets) if sets.len() == 1 && sets[0].is_empty()) {
        return total(aggregate).map(Some);
    }
    if !has_total_beside_keys(sets) {
        return Ok(None);
    }
    let columns = aggregate.schema.columns();
    let mut calls = aggregate.aggr_expr.clone();
    calls.push(count(lit(1i64)).alias(ROWS));
    let counted = Aggregate::try_new(
        Arc::clone(&aggregate.input),
        aggregate.group_expr.clone(),
        calls,
    )?;
    let with_rows = col(ROWS).gt(lit(0i64));
    let filter = Filter::try_new(with_rows, Arc::new(LogicalPlan::Aggregate(counted)))?;
    let kept = columns.into_iter().map(Expr::Column).collect();
    let projection = Projection::try_new(kept, Arc::new(LogicalPlan::Filter(filter)))?;
    Ok(Some(LogicalPlan::Projection(projection)))
}

/// `GROUPING SETS (())` is no GROUP BY at all: it has a row for no rows, too.
fn total(aggregate: &Aggregate) -> Result<LogicalPlan> {
    let input = Arc::clone(&aggregate.input);
    let plain = Aggregate::try_new(input, Vec::new(), aggregate.aggr_expr.clone())?;
    let own = plain.schema.columns();
    let exprs = aggregate.schema.iter().map(|(relation, field)| {
        let column = Column::from((relation, field));
        if own.contains(&column) {
            return Ok(Expr::Column(column));
        }
        let zero = ScalarValue::new_zero(field.data_type())?;
        Ok(lit(zero).alias_qualified(column.relation, column.name))
    });
    let exprs = exprs.collect::<Result<Vec<_>>>()?;
    let projection = Projection::try_new(exprs, Arc::new(LogicalPlan::Aggregate(plain)))?;
    Ok(LogicalPlan::Projection(projection))
}

fn has_total_beside_keys(sets: &GroupingSet) -> bool {
    match sets {
        GroupingSet::Rollup(keys) | GroupingSet::Cube(keys) => !keys.is_empty(),
        GroupingSet::GroupingSets(sets) => {
            sets.iter().any(Vec::is_empty) && sets.iter().any(|set| !set.is_empty())
        }
    }
}
