//! INSERT: the query's columns become the sink's.

use std::collections::BTreeMap;

use filbert_connector_api::CatalogObject;
use filbert_functions::{TypedExpr, literal};
use filbert_sql::{ConflictStrategy, Insert, ObjectName, PartitionSpec};
use filbert_types::{CatalogTable, Column, LogicalType, ObjectPath, TypeKind};
use sqlparser::ast::SetExpr;

use crate::binder::{BindContext, Binder, NamedExpr};
use crate::bound::BoundInsert;
use crate::error::{BindError, BindResult, available};
use crate::scope::Relation;

/// Where a sink's column gets its value from.
enum Source {
    /// The query's column at this place.
    Query(usize),
    /// A value of the PARTITION clause.
    Static(TypedExpr),
    Null,
}

/// Binds an INSERT.
///
/// # Errors
/// When the target is no table, or the query doesn't give what its columns take.
pub fn bind_insert(cx: BindContext<'_>, insert: &Insert) -> BindResult<BoundInsert> {
    let mut binder = Binder::new(cx);
    let (path, table) = binder.insert_target(&insert.target)?;
    let hint_options: BTreeMap<String, String> = binder.dynamic_options(&insert.options)?;
    let sink: Vec<Column> = table
        .schema
        .columns
        .iter()
        .filter(|c| c.is_persisted())
        .cloned()
        .collect();
    let statics = match &insert.partition {
        Some(spec) => binder.static_partition(spec, &table)?,
        None => Vec::new(),
    };
    let relation = binder.text(&insert.query)?;
    let relation = binder.insert_values(relation, insert, &path, &sink, &statics)?;
    let static_partition = statics
        .iter()
        .map(|(name, _, text)| (name.clone(), text.clone()))
        .collect();
    Ok(BoundInsert {
        path,
        table,
        hint_options,
        overwrite: insert.overwrite,
        static_partition,
        on_conflict: insert.on_conflict.map(|c| {
            match c {
                ConflictStrategy::Nothing => "NOTHING",
                ConflictStrategy::Error => "ERROR",
                ConflictStrategy::Deduplicate => "DEDUPLICATE",
            }
            .to_string()
        }),
        query: binder.finish(relation),
    })
}

/// A static partition's key, its value and the value's text.
type StaticValue = (String, TypedExpr, String);

impl Binder<'_> {
    fn insert_target(&self, name: &ObjectName) -> BindResult<(ObjectPath, CatalogTable)> {
        let parts: Vec<String> = name.parts.iter().map(|p| p.value.clone()).collect();
        let path = self.qualify(&parts, Some(name.span))?;
        match self.catalog_object(&parts, Some(name.span)) {
            Ok((path, CatalogObject::Table(table))) => Ok((path, table)),
            Ok((path, CatalogObject::View(_))) => Err(BindError::at(
                Some(name.span),
                format!(
                    "'{}' is a view, and only tables can be written to.",
                    path.quoted()
                ),
            )),
            Err(error) => Err(BindError {
                message: format!("Cannot find table '{}' to write to.", path.quoted()),
                ..error
            }),
        }
    }

    fn static_partition(
        &mut self,
        spec: &PartitionSpec,
        table: &CatalogTable,
    ) -> BindResult<Vec<StaticValue>> {
        let mut values: Vec<StaticValue> = Vec::new();
        for entry in &spec.entries {
            let name = &entry.key.value;
            if !table.partition_keys.contains(name) {
                return Err(BindError::at(
                    Some(entry.key.span),
                    format!("Column '{name}' is no partition key of the table."),
                )
                .with_hint(available(
                    "partition keys",
                    table.partition_keys.iter().map(String::as_str),
                )));
            }
            if values.iter().any(|(n, ..)| n == name) {
                return Err(BindError::at(
                    Some(entry.key.span),
                    format!("Target column '{name}' is assigned more than once"),
                ));
            }
            // A key without a value is filled by the query.
            let Some(value) = &entry.value else {
                continue;
            };
            let scope = crate::unnest::empty_scope();
            let mut cx = crate::expr::ExprCx::plain(&scope, "PARTITION");
            let bound = self.expr(&value.ast, &mut cx)?;
            let Some(column) = table.schema.column(name) else {
                continue;
            };
            // Flink takes the value's text: PARTITION (day = '2024-01-01') fits a DATE.
            let cast = self.cast(bound, &column.ty, Some(value.span))?;
            values.push((name.clone(), cast, value.literal_text()));
        }
        Ok(values)
    }

    /// Puts the query's columns, static values and NULLs where the sink wants them, in its types.
    fn insert_values(
        &mut self,
        relation: Relation,
        insert: &Insert,
        path: &ObjectPath,
        sink: &[Column],
        statics: &[StaticValue],
    ) -> BindResult<Relation> {
        let named = named_targets(insert, sink, statics)?;
        let targets: Vec<usize> = match &named {
            Some(named) => named.clone(),
            None => (0..sink.len())
                .filter(|i| statics.iter().all(|(n, ..)| *n != sink[*i].name))
                .collect(),
        };
        if relation.columns.len() != targets.len() {
            return Err(mismatch(
                insert,
                path,
                "Different number of columns.",
                &relation,
                &targets,
                sink,
            ));
        }
        let mut items = Vec::with_capacity(sink.len());
        for (index, column) in sink.iter().enumerate() {
            let source = match targets.iter().position(|t| *t == index) {
                Some(place) => Source::Query(place),
                None => match statics.iter().find(|(n, ..)| *n == column.name) {
                    Some((_, value, _)) => Source::Static(value.clone()),
                    None => Source::Null,
                },
            };
            let expr = match source {
                Source::Query(place) => {
                    let value = relation.columns[place].expr();
                    self.sink_value(value, column)
                        .map_err(|_| incompatible(insert, path, place, &relation, &targets, sink))?
                }
                Source::Static(value) => value,
                Source::Null if column.ty.nullable => literal::null_of(&column.ty),
                Source::Null => {
                    return Err(BindError::at(
                        Some(insert.target.span),
                        format!(
                            "Column '{}' has no default value and does not allow NULLs",
                            column.name
                        ),
                    ));
                }
            };
            items.push(NamedExpr {
                name: column.name.clone(),
                expr,
            });
        }
        let mut relation = self.project(relation.plan, items)?;
        // The result's types are the sink's.
        for (column, target) in relation.columns.iter_mut().zip(sink) {
            column.ty = target.ty.with_nullable(column.ty.nullable);
        }
        Ok(relation)
    }

    /// Puts the query's columns under the sink's columns of their names; the others are NULL.
    pub fn fill_by_name(
        &mut self,
        relation: Relation,
        table: &CatalogTable,
    ) -> BindResult<Relation> {
        let mut items = Vec::new();
        let persisted = table.schema.columns.iter().filter(|c| c.is_persisted());
        for (position, column) in persisted.enumerate() {
            let expr = match relation.columns.iter().find(|c| c.name == column.name) {
                Some(found) => self.declared_value(found.expr(), column, position)?,
                None if column.ty.nullable => literal::null_of(&column.ty),
                None => {
                    return Err(BindError::new(format!(
                        "Column '{}' has no default value and does not allow NULLs.",
                        column.name
                    )));
                }
            };
            items.push(NamedExpr {
                name: column.name.clone(),
                expr,
            });
        }
        self.project(relation.plan, items)
    }

    /// What CREATE TABLE AS puts into a column that it declares with a type of its own.
    fn declared_value(
        &self,
        value: TypedExpr,
        column: &Column,
        position: usize,
    ) -> BindResult<TypedExpr> {
        let (source, target) = (&value.ty, &column.ty);
        let incompatible = || {
            BindError::new(format!(
                "Incompatible types for sink column '{}' at position {}. The source column has type '{}', while the target column has type '{}'.",
                column.name,
                position + 1,
                source.without_time_attribute(),
                target.without_time_attribute()
            ))
        };
        if source.nullable && !target.nullable {
            return Err(incompatible());
        }
        self.sink_value(value.clone(), column)
            .map_err(|_| incompatible())
    }

    fn sink_value(&self, value: TypedExpr, column: &Column) -> BindResult<TypedExpr> {
        let target = column.ty.without_time_attribute();
        if value.ty.kind == TypeKind::Null {
            return Ok(literal::null_of(&target));
        }
        let value = TypedExpr::new(value.expr, value.ty.without_time_attribute());
        self.implicit_cast(value, &target, None)
    }
}

/// The sink's columns that the statement names, in its order.
fn named_targets(
    insert: &Insert,
    sink: &[Column],
    statics: &[StaticValue],
) -> BindResult<Option<Vec<usize>>> {
    if insert.columns.is_empty() {
        return Ok(None);
    }
    let mut targets = Vec::with_capacity(insert.columns.len());
    for name in &insert.columns {
        let span = Some(name.span);
        let [part] = name.parts.as_slice() else {
            return Err(BindError::unsupported(
                span,
                format!("The field '{name}' of a ROW as an INSERT's target"),
            ));
        };
        let Some(index) = sink.iter().position(|c| c.name == part.value) else {
            let names = || sink.iter().map(|c| c.name.as_str());
            let hint = filbert_types::suggest::nearest(&part.value, names()).map_or_else(
                || available("columns", names()),
                |near| format!("Did you mean '{near}'?"),
            );
            return Err(
                BindError::at(span, format!("Unknown target column '{}'", part.value))
                    .with_hint(hint),
            );
        };
        let is_static = statics.iter().any(|(n, ..)| *n == part.value);
        if targets.contains(&index) || is_static {
            return Err(BindError::at(
                span,
                format!("Target column '{}' is assigned more than once", part.value),
            ));
        }
        targets.push(index);
    }
    Ok(Some(targets))
}

fn incompatible(
    insert: &Insert,
    path: &ObjectPath,
    place: usize,
    relation: &Relation,
    targets: &[usize],
    sink: &[Column],
) -> BindError {
    let cause = format!(
        "Incompatible types for sink column '{}' at position {place}.",
        sink[targets[place]].name
    );
    let mut error = mismatch(insert, path, &cause, relation, targets, sink);
    if let SetExpr::Select(select) = insert.query.ast.body.as_ref() {
        error.span = select
            .projection
            .get(place)
            .filter(|_| select.projection.len() == relation.columns.len())
            .and_then(crate::binder::span_of)
            .or(error.span);
    }
    error.with_hint(
        "CAST the expression, or name the target columns in the order of the query: INSERT INTO t (b, a) SELECT ...",
    )
}

/// Flink's error for a query that doesn't fit its sink, with both schemas.
fn mismatch(
    insert: &Insert,
    path: &ObjectPath,
    cause: &str,
    relation: &Relation,
    targets: &[usize],
    sink: &[Column],
) -> BindError {
    let list = |columns: &mut dyn Iterator<Item = (&str, &LogicalType)>| {
        columns
            .map(|(name, ty)| format!("{name}: {ty}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let query = list(&mut relation.columns.iter().map(|c| (c.name.as_str(), &c.ty)));
    let wanted = list(
        &mut targets
            .iter()
            .map(|t| (sink[*t].name.as_str(), &sink[*t].ty)),
    );
    BindError::at(
        Some(insert.query.span),
        format!(
            "Column types of query result and sink for '{path}' do not match.\nCause: {cause}\n\nQuery schema: [{query}]\nSink schema:  [{wanted}]"
        ),
    )
}
