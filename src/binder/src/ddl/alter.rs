//! ALTER TABLE, as far as it changes a schema.

use filbert_sql::{
    AlterTableAction, ColumnPosition, Ident, KeyDef, ObjectName, PositionedColumn, SchemaChange,
};
use filbert_types::{CatalogTable, ColumnKind, Span};

use super::create::{check_buckets, distribution};
use super::draft::{Draft, DraftColumn, DraftKind, draft_key, draft_watermark};
use crate::binder::{BindContext, Binder};
use crate::error::{BindError, BindResult, available};

/// The table after an ALTER TABLE; none where the action is no matter of the schema (options, partitions, a new name).
///
/// # Errors
/// When the change names what isn't there, repeats what is, or leaves a schema that doesn't hold together.
pub fn alter_schema(
    cx: BindContext<'_>,
    table: &CatalogTable,
    action: &AlterTableAction,
) -> BindResult<Option<CatalogTable>> {
    let mut draft = Draft::stored(&table.schema);
    let mut altered = table.clone();
    match action {
        AlterTableAction::Add(change) => add(&mut draft, &mut altered, change)?,
        AlterTableAction::Modify(change) => modify(&mut draft, &mut altered, change)?,
        AlterTableAction::DropColumns(names) => {
            for name in names {
                drop_column(&mut draft, &altered, name)?;
            }
        }
        AlterTableAction::DropPrimaryKey => {
            if draft.key.take().is_none() {
                return Err(failed(
                    None,
                    "The base table does not define any primary key.",
                ));
            }
        }
        AlterTableAction::DropConstraint(name) => drop_constraint(&mut draft, name)?,
        AlterTableAction::DropWatermark => {
            if draft.watermark.take().is_none() {
                return Err(failed(
                    None,
                    "The base table does not define any watermark strategy.",
                ));
            }
        }
        AlterTableAction::DropDistribution => {
            if altered.distribution.take().is_none() {
                return Err(failed(None, "Table does not have a distribution to drop."));
            }
        }
        AlterTableAction::RenameColumn { from, to } => {
            rename(&mut draft, &altered, from, to)?;
        }
        AlterTableAction::AddPartitions { .. }
        | AlterTableAction::DropPartitions { .. }
        | AlterTableAction::RenameTable(_)
        | AlterTableAction::SetOptions(_)
        | AlterTableAction::ResetOptions(_) => return Ok(None),
    }
    let mut binder = Binder::new(cx);
    let dropped_key = draft.key.is_none() && table.schema.primary_key.is_some();
    altered.schema = binder.resolve_draft(draft).map_err(|e| BindError {
        message: format!("Failed to execute ALTER TABLE statement.\n{}", e.message),
        ..e
    })?;
    debug_assert!(!dropped_key || altered.schema.primary_key.is_none());
    Ok(Some(altered))
}

fn failed(span: Option<Span>, why: impl std::fmt::Display) -> BindError {
    BindError::at(
        span,
        format!("Failed to execute ALTER TABLE statement.\n{why}"),
    )
}

fn add(draft: &mut Draft, table: &mut CatalogTable, change: &SchemaChange) -> BindResult<()> {
    for column in &change.columns {
        let name = &column.column.name;
        if draft.position(&name.value).is_some() {
            return Err(failed(
                Some(name.span),
                format!("Column '{}' already exists in the table.", name.value),
            ));
        }
        place(draft, column, None)?;
    }
    if let Some(key) = draft_key(&change_keys(change))? {
        if let Some(old) = &draft.key {
            return Err(failed(
                key.span,
                format!(
                    "The base table has already defined the primary key constraint [{}]. You might want to drop it before adding a new one.",
                    old.columns.join(", ")
                ),
            ));
        }
        draft.key = Some(key);
    }
    if let Some(watermark) = draft_watermark(&change.watermarks)? {
        if let Some(old) = &draft.watermark {
            return Err(failed(
                watermark.span,
                format!(
                    "The base table has already defined the watermark strategy for '{}'. You might want to drop it before adding a new one.",
                    old.column.join(".")
                ),
            ));
        }
        draft.watermark = Some(watermark);
    }
    if let Some(own) = &change.distribution {
        if table.distribution.is_some() {
            return Err(failed(
                Some(own.span),
                "The base table has already defined a distribution. You can modify it or drop it before adding a new one.",
            ));
        }
        check_buckets(own)?;
        table.distribution = Some(distribution(own));
    }
    Ok(())
}

fn modify(draft: &mut Draft, table: &mut CatalogTable, change: &SchemaChange) -> BindResult<()> {
    for column in &change.columns {
        let name = &column.column.name;
        let Some(index) = draft.position(&name.value) else {
            return Err(missing(draft, &name.value, Some(name.span)));
        };
        let old = draft.columns[index].clone();
        if column.position.is_some() {
            draft.columns.remove(index);
            place(draft, column, Some(&old))?;
        } else {
            let mut new = DraftColumn::of(&column.column);
            new.comment = new.comment.or(old.comment);
            draft.columns[index] = new;
        }
    }
    if let Some(key) = draft_key(&change_keys(change))? {
        if draft.key.is_none() {
            return Err(failed(
                key.span,
                "The base table does not define any primary key constraint. You might want to add a new one.",
            ));
        }
        draft.key = Some(key);
    }
    if let Some(watermark) = draft_watermark(&change.watermarks)? {
        if draft.watermark.is_none() {
            return Err(failed(
                watermark.span,
                "The base table does not define any watermark. You might want to add a new one.",
            ));
        }
        draft.watermark = Some(watermark);
    }
    if let Some(own) = &change.distribution {
        if table.distribution.is_none() {
            return Err(failed(
                Some(own.span),
                "The base table does not define any distribution. You might want to add a new one.",
            ));
        }
        check_buckets(own)?;
        table.distribution = Some(distribution(own));
    }
    Ok(())
}

fn change_keys(change: &SchemaChange) -> Vec<&KeyDef> {
    change
        .columns
        .iter()
        .filter_map(|c| match &c.column.kind {
            filbert_sql::ColumnDefKind::Physical { key, .. } => key.as_ref(),
            _ => None,
        })
        .chain(&change.constraints)
        .collect()
}

/// Puts a column where its position says, at the end without one.
fn place(
    draft: &mut Draft,
    column: &PositionedColumn,
    old: Option<&DraftColumn>,
) -> BindResult<()> {
    let mut new = DraftColumn::of(&column.column);
    new.comment = new.comment.or_else(|| old.and_then(|o| o.comment.clone()));
    match &column.position {
        None => draft.columns.push(new),
        Some(ColumnPosition::First) => draft.columns.insert(0, new),
        Some(ColumnPosition::After(after)) => {
            let Some(index) = draft.position(&after.value) else {
                return Err(missing(draft, &after.value, Some(after.span)));
            };
            draft.columns.insert(index + 1, new);
        }
    }
    Ok(())
}

fn missing(draft: &Draft, name: &str, span: Option<Span>) -> BindError {
    let names = || draft.columns.iter().map(|c| c.name.as_str());
    let hint = filbert_types::suggest::nearest(name, names()).map_or_else(
        || available("columns", names()),
        |near| format!("Did you mean '{near}'?"),
    );
    failed(
        span,
        format!("Column '{name}' does not exist in the table."),
    )
    .with_hint(hint)
}

fn top_level(name: &ObjectName) -> BindResult<&Ident> {
    match name.parts.as_slice() {
        [only] => Ok(only),
        _ => Err(failed(
            Some(name.span),
            format!("Altering the nested column '{name}' is not supported."),
        )),
    }
}

/// A column can go only when nothing else in the table stands on it.
fn drop_column(draft: &mut Draft, table: &CatalogTable, name: &ObjectName) -> BindResult<()> {
    let ident = top_level(name)?;
    let span = Some(ident.span);
    let Some(index) = draft.position(&ident.value) else {
        return Err(missing(draft, &ident.value, span));
    };
    if let Some(user) = user_of(draft, table, &ident.value) {
        return Err(failed(
            span,
            format!("The column '{}' is used by {user}.", ident.value),
        ));
    }
    draft.columns.remove(index);
    Ok(())
}

/// What in the table names a column: its key, its watermark, a computed column, its partitions, its distribution.
fn user_of(draft: &Draft, table: &CatalogTable, name: &str) -> Option<String> {
    let named = |columns: &[String]| columns.iter().any(|c| c == name);
    if named(&table.partition_keys) {
        return Some("the partition keys".to_string());
    }
    if table
        .distribution
        .as_ref()
        .is_some_and(|d| named(&d.columns))
    {
        return Some("the distribution".to_string());
    }
    if draft.key.as_ref().is_some_and(|k| named(&k.columns)) {
        return Some("the primary key".to_string());
    }
    let watermark = table.schema.watermark.as_ref();
    let in_watermark = watermark.is_some_and(|w| {
        w.column.first().is_some_and(|c| c == name) || mentions(&w.expression, name)
    });
    if draft.watermark.is_some() && in_watermark {
        return Some("the watermark".to_string());
    }
    draft.columns.iter().find_map(|c| {
        let column = table.schema.column(&c.name)?;
        let ColumnKind::Computed { expression } = &column.kind else {
            return None;
        };
        (matches!(c.kind, DraftKind::Computed(_)) && mentions(expression, name))
            .then(|| format!("the computed column '{}'", c.name))
    })
}

/// Whether an expression's text, as the binder keeps it, names a column.
fn mentions(expression: &str, name: &str) -> bool {
    expression.contains(&super::canonical::quoted(name))
}

fn drop_constraint(draft: &mut Draft, name: &Ident) -> BindResult<()> {
    let matches = draft
        .key
        .as_ref()
        .is_some_and(|k| k.name.as_deref() == Some(name.value.as_str()));
    if !matches {
        return Err(failed(
            Some(name.span),
            format!(
                "The base table does not define a primary key constraint named '{}'.",
                name.value
            ),
        )
        .with_hint(available(
            "constraints",
            draft.key.iter().filter_map(|k| k.name.as_deref()),
        )));
    }
    draft.key = None;
    Ok(())
}

fn rename(
    draft: &mut Draft,
    table: &CatalogTable,
    from: &ObjectName,
    to: &Ident,
) -> BindResult<()> {
    let ident = top_level(from)?;
    let span = Some(ident.span);
    let Some(index) = draft.position(&ident.value) else {
        return Err(missing(draft, &ident.value, span));
    };
    if draft.position(&to.value).is_some() {
        return Err(failed(
            Some(to.span),
            format!("The column '{}' already existed in table schema.", to.value),
        ));
    }
    let by_distribution = table.distribution.as_ref();
    let user = if table.partition_keys.contains(&ident.value) {
        Some("the partition keys")
    } else if by_distribution.is_some_and(|d| d.columns.contains(&ident.value)) {
        Some("the distribution")
    } else {
        None
    };
    if let Some(user) = user {
        return Err(failed(
            span,
            format!("The column '{}' is used by {user}.", ident.value),
        ));
    }
    let by_computed = draft.columns.iter().find(|c| {
        let column = table.schema.column(&c.name);
        column.is_some_and(|c| {
            matches!(&c.kind, ColumnKind::Computed { expression } if mentions(expression, &ident.value))
        })
    });
    if let Some(computed) = by_computed {
        return Err(failed(
            span,
            format!(
                "The column '{}' is referenced by the computed column '{}'.",
                ident.value, computed.name
            ),
        ));
    }
    let in_watermark = table.schema.watermark.as_ref().is_some_and(|w| {
        w.column.first() == Some(&ident.value) || mentions(&w.expression, &ident.value)
    });
    if in_watermark {
        return Err(failed(
            span,
            format!(
                "The column '{}' is referenced by the watermark.",
                ident.value
            ),
        ));
    }
    draft.columns[index].name.clone_from(&to.value);
    let key = draft.key.iter_mut().flat_map(|key| &mut key.columns);
    for column in key.filter(|c| **c == ident.value) {
        column.clone_from(&to.value);
    }
    Ok(())
}
