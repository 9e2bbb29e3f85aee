//! Temporal joins by event time: of a key's versions each is valid until the next, so a join with a table as of the left
//! row's time is one with versions and the times at which they end. Flink runs these joins in streams only.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::functions_window::expr_fn::lead;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, ExprFunctionExt, Join, LogicalPlan, Projection, Window};
use filbert_binder::ColumnTypes;
use filbert_binder::relational::History;

use super::lower::scanned_table;
use crate::columns::shown_name;
use crate::error::PlanError;

/// The join of a left row with the versions of its time: `versions` are all of them, `time` is the left's column.
pub(super) fn joined(
    join: &Join,
    versions: &LogicalPlan,
    time: &Column,
    history: Option<&History>,
    types: &ColumnTypes,
) -> Result<LogicalPlan, PlanError> {
    let (since, key) = match history {
        Some(history) => (history.time.clone(), vec![history.key.clone()]),
        None => versioned(versions)?,
    };
    if let (Some(l), Some(r)) = (types.get(time), types.get(&since))
        && l.arrow() != r.arrow()
    {
        return Err(PlanError::Refused(format!(
            "Event-Time Temporal Table Join requires row time attributes of one type, but the left's is {l} and the versioned table's is {r}."
        )));
    }
    let until = Column::new_unqualified(format!("{}$until", since.name));
    let since = Expr::Column(since);
    let next = lead(since.clone(), Some(1), None)
        .partition_by(key.into_iter().map(Expr::Column).collect())
        .order_by(vec![since.clone().sort(true, false)])
        .build()?
        .alias(&until.name);
    let right = Window::try_new(vec![next], Arc::new(versions.clone()))?;
    let (time, until) = (Expr::Column(time.clone()), Expr::Column(until));
    let begun = time.clone().gt_eq(since);
    let not_over = until.clone().is_null().or(time.lt(until));
    let filter = join.filter.iter().cloned().chain([begun, not_over]);
    let joined = Join::try_new(
        Arc::clone(&join.left),
        Arc::new(LogicalPlan::Window(right)),
        join.on.clone(),
        conjunction(filter),
        join.join_type,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?;
    let columns = join
        .schema
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    let joined = Arc::new(LogicalPlan::Join(joined));
    Ok(LogicalPlan::Projection(Projection::try_new(
        columns, joined,
    )?))
}

/// The time and the key of a versioned table.
fn versioned(versions: &LogicalPlan) -> Result<(Column, Vec<Column>), PlanError> {
    let Some(table) = scanned_table(versions) else {
        return Err(PlanError::Unsupported {
            operation: "A temporal join by event time with a view".to_owned(),
            mode: "batch",
            hint: " It runs with SET 'execution.runtime-mode' = 'streaming'.".to_owned(),
        });
    };
    let schema = &table.table.schema;
    let columns = versions.schema().columns();
    let column = |name: &str| {
        let found = columns.iter().find(|c| shown_name(&c.name) == name);
        found.cloned().ok_or_else(|| {
            PlanError::Internal(format!("a versioned table without its column {name}"))
        })
    };
    let rowtime = schema.watermark.as_ref().map(|w| w.column.as_slice());
    let (Some([time]), Some(key)) = (rowtime, &schema.primary_key) else {
        return Err(PlanError::Refused(
            "Event-Time Temporal Table Join requires both primary key and row time attribute in versioned table, but no row time attribute can be found."
                .to_owned(),
        ));
    };
    let key = key.columns.iter().map(|name| column(name));
    Ok((column(time)?, key.collect::<Result<_, _>>()?))
}
