//! DESCRIBE and SHOW COLUMNS.

use filbert_sql::{Describe, Ident, LikeFilter, ObjectName};
use filbert_types::{Column, ColumnKind, ResolvedSchema, TimeKind};

use super::{job, model, parts};
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::like::passes;
use crate::result::TableResult;
use crate::result::text_table::TextTable;

pub(super) fn execute(env: &TableEnvironment, describe: &Describe) -> Result<TableResult> {
    match describe {
        Describe::Table { name, .. } => columns(env, name, None),
        Describe::Catalog { name, extended } => catalog(env, name, *extended),
        Describe::Function { name, extended } => function(env, name, *extended),
        Describe::Model { name, .. } => model::describe(env, name),
        Describe::Job { id } => job::describe(env, id),
    }
}

/// The columns of a table or view whose names pass the filter.
pub(super) fn columns(
    env: &TableEnvironment,
    name: &ObjectName,
    like: Option<&LikeFilter>,
) -> Result<TableResult> {
    let found = env
        .session()
        .read()
        .catalogs
        .lookup(&parts(name))
        .map_err(|error| TableError::from(error).at(name.span))?;
    TableResult::of(schema_table(found.object.schema(), like))
}

fn schema_table(schema: &ResolvedSchema, like: Option<&LikeFilter>) -> TextTable {
    let columns: Vec<&Column> = schema
        .columns
        .iter()
        .filter(|c| like.is_none_or(|like| passes(&c.name, like)))
        .collect();
    let each = |f: &dyn Fn(&Column) -> Option<String>| -> Vec<Option<String>> {
        columns.iter().map(|c| f(c)).collect()
    };
    let table = TextTable::new()
        .text("name", each(&|c| Some(c.name.clone())))
        .text("type", each(&|c| Some(type_text(schema, c))))
        .boolean("null", columns.iter().map(|c| c.ty.nullable))
        .text("key", each(&|c| key_text(schema, c)))
        .text("extras", each(&extras))
        .text("watermark", each(&|c| watermark_text(schema, c)));
    if schema.columns.iter().any(|c| c.comment.is_some()) {
        table.text("comment", each(&|c| c.comment.clone()))
    } else {
        table
    }
}

fn is_rowtime(schema: &ResolvedSchema, column: &Column) -> bool {
    schema
        .watermark
        .as_ref()
        .is_some_and(|w| matches!(w.column.as_slice(), [name] if *name == column.name))
}

fn type_text(schema: &ResolvedSchema, column: &Column) -> String {
    let text = column.ty.with_nullable(true).to_string();
    if column.ty.kind.time_kind() == TimeKind::Regular && is_rowtime(schema, column) {
        return format!("{text} *ROWTIME*");
    }
    text
}

fn key_text(schema: &ResolvedSchema, column: &Column) -> Option<String> {
    let key = schema.primary_key.as_ref()?;
    key.columns
        .contains(&column.name)
        .then(|| format!("PRI({})", key.columns.join(", ")))
}

fn extras(column: &Column) -> Option<String> {
    match &column.kind {
        ColumnKind::Physical => None,
        ColumnKind::Computed { expression } => Some(format!("AS {expression}")),
        ColumnKind::Metadata { key, is_virtual } => {
            let mut text = "METADATA".to_owned();
            if let Some(key) = key {
                text.push_str(&format!(" FROM '{key}'"));
            }
            if *is_virtual {
                text.push_str(" VIRTUAL");
            }
            Some(text)
        }
    }
}

fn watermark_text(schema: &ResolvedSchema, column: &Column) -> Option<String> {
    let watermark = schema.watermark.as_ref()?;
    is_rowtime(schema, column).then(|| watermark.expression.clone())
}

fn info_table(rows: Vec<(String, Option<String>)>) -> Result<TableResult> {
    let (names, values): (Vec<_>, Vec<_>) = rows.into_iter().map(|(n, v)| (Some(n), v)).unzip();
    let table = TextTable::new()
        .text("info name", names)
        .text("info value", values);
    TableResult::of(table)
}

fn catalog(env: &TableEnvironment, name: &Ident, extended: bool) -> Result<TableResult> {
    let session = env.session().read();
    let descriptor = session
        .catalogs
        .descriptor(&name.value)
        .map_err(|error| TableError::from(error).at(name.span))?;
    let Some(descriptor) = descriptor else {
        let message = format!(
            "Cannot obtain metadata information from Catalog {}.",
            name.value
        );
        return Err(TableError::validation(message).at(name.span));
    };
    let mut rows = vec![
        ("name".to_owned(), Some(name.value.clone())),
        ("type".to_owned(), descriptor.options.get("type").cloned()),
        ("comment".to_owned(), descriptor.comment.clone()),
    ];
    if extended {
        let mut options: Vec<_> = descriptor
            .options
            .iter()
            .filter(|(key, _)| *key != "type")
            .map(|(key, value)| (format!("option:{key}"), Some(value.clone())))
            .collect();
        options.sort();
        rows.extend(options);
    }
    info_table(rows)
}

fn function(env: &TableEnvironment, name: &ObjectName, extended: bool) -> Result<TableResult> {
    let session = env.session().read();
    let parts = parts(name);
    let row = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    if let Some(function) = session.catalogs.function(&parts) {
        return info_table(vec![
            row("is system function", "false"),
            row("is temporary", "false"),
            row("class name", &function.class_name),
            row("function language", &function.language.to_string()),
        ]);
    }
    let Some(function) = session.functions.scalar(&name.to_string()) else {
        let hint = session.functions.hint(&name.to_string());
        let message = format!("Function {name} does not exist.{hint}");
        return Err(TableError::validation(message).at(name.span));
    };
    let mut rows = vec![
        row("is system function", "true"),
        row("is temporary", "false"),
    ];
    if extended {
        rows.push(row("kind", "SCALAR"));
        if let filbert_functions::FunctionRef::BuiltIn(function) = function {
            rows.push(row("description", function.doc));
        }
    }
    info_table(rows)
}
