//! INSERT, alone or as a set: one job that writes.

use filbert_binder::BoundInsert;
use filbert_planner::{PlanTarget, Planned};
use filbert_sql::{Insert, Statement};
use filbert_types::{Field, TypeKind, options};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use filbert_types::schema::arrow_schema;

use super::submit::{self, TableName};
use crate::binding;
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::{ResultSource, TableResult};

/// How many rows an INSERT has written is not known when its result is made.
const UNKNOWN_ROW_COUNT: i64 = -1;

/// Runs INSERTs as one job.
pub(crate) fn run_inserts(env: &TableEnvironment, inserts: &[Insert]) -> Result<TableResult> {
    let inserts: Vec<&Insert> = inserts.iter().collect();
    run(env, &inserts)
}

fn run(env: &TableEnvironment, inserts: &[&Insert]) -> Result<TableResult> {
    if inserts.is_empty() {
        return Err(TableError::validation(
            "No statement in statement set, skip submit.",
        ));
    }
    let bound = bind_all(env, inserts)?;
    let sinks: Vec<String> = bound.iter().map(|insert| insert.path.to_string()).collect();
    let targets: Vec<PlanTarget> = bound.into_iter().map(PlanTarget::Insert).collect();
    start(env, &targets, &sinks, &tables(inserts))
}

/// The tables that INSERTs name.
pub(super) fn tables(inserts: &[&Insert]) -> Vec<TableName> {
    let target = |insert: &Insert| (super::parts(&insert.target), insert.target.span);
    inserts
        .iter()
        .flat_map(|insert| std::iter::once(target(insert)).chain(insert.query.tables()))
        .collect()
}

/// Plans and starts the job that fills the sinks.
pub(super) fn start(
    env: &TableEnvironment,
    targets: &[PlanTarget],
    sinks: &[String],
    tables: &[TableName],
) -> Result<TableResult> {
    let planned = submit::plan(env, targets, tables)?;
    start_planned(env, planned, sinks)
}

/// Starts the job that fills the sinks.
pub(super) fn start_planned(
    env: &TableEnvironment,
    planned: Planned,
    sinks: &[String],
) -> Result<TableResult> {
    let name = format!("insert-into_{}", sinks.join(","));
    let sync = env
        .session()
        .read()
        .configuration
        .get_bool(&options::DML_SYNC)?;
    let job = submit::start(env, planned, &name)?;
    Ok(affected_rows(sinks)?.with_job(job, sync))
}

pub(super) fn bind_all(env: &TableEnvironment, inserts: &[&Insert]) -> Result<Vec<BoundInsert>> {
    inserts
        .iter()
        .map(|insert| binding::insert(env, insert))
        .collect()
}

/// A row with a column per sink.
fn affected_rows(sinks: &[String]) -> Result<TableResult> {
    let fields: Vec<Field> = numbered(sinks)
        .into_iter()
        .map(|name| Field::new(name, TypeKind::BigInt.into()))
        .collect();
    let columns: Vec<ArrayRef> = fields
        .iter()
        .map(|_| Arc::new(Int64Array::from(vec![UNKNOWN_ROW_COUNT])) as ArrayRef)
        .collect();
    let batch = RecordBatch::try_new(arrow_schema(&fields), columns)
        .map_err(|error| TableError::validation(error.to_string()))?;
    Ok(TableResult::values(ResultSource::Insert, fields, batch))
}

/// A sink that is written more than once gets `_1`, `_2` at its names.
fn numbered(sinks: &[String]) -> Vec<String> {
    let mut seen: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    sinks
        .iter()
        .map(|sink| {
            let repeated = sinks.iter().filter(|other| *other == sink).count() > 1;
            let number = seen.entry(sink).or_insert(0);
            *number += 1;
            if repeated {
                format!("{sink}_{number}")
            } else {
                sink.clone()
            }
        })
        .collect()
}

/// `BEGIN STATEMENT SET`: from here to END every statement is an INSERT of one job.
pub(super) fn begin(env: &TableEnvironment) -> Result<TableResult> {
    env.session().write().statement_set = Some(Vec::new());
    TableResult::ok()
}

/// A statement between BEGIN STATEMENT SET and END.
pub(super) fn in_statement_set(
    env: &TableEnvironment,
    statement: &Statement,
) -> Result<TableResult> {
    match statement {
        Statement::Insert(insert) => {
            if let Some(set) = &mut env.session().write().statement_set {
                set.push((**insert).clone());
            }
            TableResult::ok()
        }
        Statement::EndStatementSet => {
            let inserts = env.session().write().statement_set.take();
            run_inserts(env, &inserts.unwrap_or_default())
        }
        _ => Err(TableError::validation(
            "Only INSERT statements are allowed between BEGIN STATEMENT SET and END.",
        )),
    }
}
