//! The arguments of a call that are tables: their rows, keys and times.

use filbert_functions::process_table_function::{ArgumentKind, TableTraits};
use filbert_sql::TableArgument;
use filbert_types::{LogicalType, Span, TypeKind};
use sqlparser::ast::Expr as Ast;

use super::call::Call;
use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::relational::ProcessTable;
use crate::scope::{Relation, ScopeColumn};
use crate::tvf::arguments::{descriptor, partition_column};

/// A table argument, bound.
pub(super) struct BoundTable {
    pub(super) relation: Relation,
    pub(super) table: ProcessTable,
}

impl Binder<'_> {
    pub(super) fn process_tables(&mut self, call: &Call<'_>) -> BindResult<Vec<BoundTable>> {
        let mut tables = Vec::new();
        for (number, argument) in call.arguments.iter().enumerate() {
            let ArgumentKind::Table(traits) = argument.kind else {
                continue;
            };
            let Some(ast) = call.asts[number] else {
                continue;
            };
            let Some(table) = filbert_sql::table_argument(ast) else {
                return Err(BindError::at(
                    span_of(ast).or(call.span),
                    format!(
                        "Invalid argument value. Argument '{}' expects a table to be passed.",
                        argument.name
                    ),
                ));
            };
            tables.push(self.process_table(call, number, traits, &table)?);
        }
        if call.on_time().is_some() && tables.iter().all(|t| t.table.on_time.is_none()) {
            return Err(call.refuse("The `on_time` argument names no column of a table argument."));
        }
        check_keys(&tables, call.span)?;
        Ok(tables)
    }

    fn process_table(
        &mut self,
        call: &Call<'_>,
        number: usize,
        traits: TableTraits,
        table: &TableArgument<'_>,
    ) -> BindResult<BoundTable> {
        let name = call.arguments[number].name.as_str();
        let function = call.function.name();
        if let Some(first) = table.partition_by.first()
            && !traits.set_semantics
        {
            return Err(BindError::at(
                span_of(first).or(call.span),
                format!(
                    "Only tables with set semantics may be partitioned. Invalid PARTITION BY clause in the {number}-th operand of table function '{function}'"
                ),
            ));
        }
        if let Some(first) = table.order_by.first() {
            return Err(BindError::unsupported(
                span_of(&first.expr).or(call.span),
                format!("ORDER BY in a table argument of {function}"),
            ));
        }
        if traits.set_semantics && table.partition_by.is_empty() && !traits.optional_partition_by {
            return Err(call.refuse(format!(
                "Table argument '{name}' requires a PARTITION BY clause for parallel processing."
            )));
        }
        let relation = self.argument_rows(table)?;
        let mut partition_by = Vec::with_capacity(table.partition_by.len());
        for key in table.partition_by {
            let column = partition_column(key, &relation).map_err(|e| {
                let names = relation.columns.iter().map(|c| c.name.as_str());
                let names: Vec<&str> = names.collect();
                let message = format!(
                    "Invalid column '{key}' for PARTITION BY clause. Available columns are: [{}]",
                    names.join(", ")
                );
                BindError::at(e.span, message)
            })?;
            let place = relation.columns.iter().position(|c| c.column == column);
            partition_by.push(place.unwrap_or_default());
        }
        let on_time = match call.on_time() {
            Some(ast) => time_column(ast, &relation, name, call.span)?,
            None => None,
        };
        if traits.require_on_time && on_time.is_none() {
            return Err(call.refuse(format!(
                "Table argument '{name}' requires a time attribute. Please provide one using the implicit `on_time` argument. For example: myFunction(..., on_time => DESCRIPTOR(`my_timestamp`))"
            )));
        }
        Ok(BoundTable {
            table: ProcessTable {
                argument: number,
                traits,
                columns: relation.columns.iter().map(|c| c.column.clone()).collect(),
                partition_by,
                on_time,
            },
            relation,
        })
    }
}

/// The column of a table that a DESCRIPTOR names for `on_time`; it may name columns of other tables too.
fn time_column(
    ast: &Ast,
    relation: &Relation,
    argument: &str,
    span: Option<Span>,
) -> BindResult<Option<usize>> {
    let span = span_of(ast).or(span);
    let names = descriptor(ast).and_then(|items| {
        let names = items.into_iter().map(|item| Some(item?.value.as_str()));
        names.collect::<Option<Vec<&str>>>()
    });
    let Some(names) = names else {
        return Err(BindError::at(
            span,
            "The argument 'on_time' must be DESCRIPTOR(column)",
        ));
    };
    let named = |c: &ScopeColumn| names.contains(&c.name.as_str());
    let Some(place) = relation.columns.iter().position(named) else {
        return Ok(None);
    };
    let ty = &relation.columns[place].ty;
    let fits = match ty.kind {
        TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. } => {
            precision <= 3
        }
        _ => false,
    };
    if fits {
        return Ok(Some(place));
    }
    Err(BindError::at(
        span,
        format!(
            "Unsupported data type for time attribute. The `on_time` argument must reference a TIMESTAMP or TIMESTAMP_LTZ column (up to precision 3). However, column '{}' in table argument '{argument}' has data type '{ty}'.",
            relation.columns[place].name
        ),
    ))
}

/// Tables that are seen together must be partitioned alike.
fn check_keys(tables: &[BoundTable], span: Option<Span>) -> BindResult<()> {
    let key = |bound: &BoundTable| -> Vec<LogicalType> {
        let columns = bound.table.partition_by.iter();
        columns
            .map(|at| bound.relation.columns[*at].ty.clone())
            .collect()
    };
    let keys: Vec<Vec<LogicalType>> = tables
        .iter()
        .filter(|t| t.table.traits.set_semantics)
        .map(key)
        .collect();
    let alike = |a: &[LogicalType], b: &[LogicalType]| {
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|(a, b)| a.kind.arrow() == b.kind.arrow())
    };
    if keys.windows(2).all(|pair| alike(&pair[0], &pair[1])) {
        return Ok(());
    }
    let sets: Vec<String> = keys
        .iter()
        .map(|key| {
            let types: Vec<String> = key.iter().map(ToString::to_string).collect();
            format!("[{}]", types.join(", "))
        })
        .collect();
    Err(BindError::at(
        span,
        format!(
            "Invalid PARTITION BY columns. The number of columns and their data types must match across all involved table arguments. Given partition key sets: {}",
            sets.join(", ")
        ),
    ))
}
