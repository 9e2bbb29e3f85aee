//! DESCRIBE and SHOW COLUMNS.

use filbert_functions::signature::signatures_under;
use filbert_functions::{FunctionRef, FunctionRegistry, aggregate, process_table_function, window};
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
    let scope = |system: bool, temporary: bool| {
        vec![
            row("is system function", &system.to_string()),
            row("is temporary", &temporary.to_string()),
        ]
    };
    let (mut rows, called) = match session.catalogs.described_function(&parts) {
        Some((function, system, temporary)) => {
            let mut rows = scope(system, temporary);
            if !system {
                rows.push(row("class name", &function.class_name));
                rows.push(row("function language", &function.language.to_string()));
            }
            (rows, function.class_name.clone())
        }
        None => (scope(true, false), name.to_string()),
    };
    let known = definition_rows(&session.functions, &called);
    if known.is_none() && session.catalogs.function(&parts).is_none() {
        let created = session.catalogs.list_user_functions(
            session.catalogs.current_catalog(),
            session.catalogs.current_database(),
        );
        let hint = session.functions.hint_among(&called, &created);
        let message = format!("Function {name} does not exist.{hint}");
        return Err(TableError::validation(message).at(name.span));
    }
    if extended {
        rows.extend(known.unwrap_or_default());
    }
    info_table(rows)
}

/// What DESCRIBE FUNCTION EXTENDED says of a function that can be called; none where nothing has the name.
fn definition_rows(
    functions: &FunctionRegistry,
    name: &str,
) -> Option<Vec<(String, Option<String>)>> {
    let definition = |kind: &str, deterministic: bool, folds: bool, signatures: &[String]| {
        let row = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
        vec![
            row("kind", kind),
            row("requirements", "[]"),
            row("is deterministic", &deterministic.to_string()),
            row("supports constant folding", &folds.to_string()),
            row("signature", &signatures.join("\n")),
        ]
    };
    let scalar = functions.scalar(name);
    // What was registered goes before a built-in function of the name.
    let hidden = functions.has_registered(name);
    let scalar = scalar.filter(|f| !hidden || matches!(f, FunctionRef::User(_)));
    let (mut rows, doc) = if let Some(function) = scalar {
        let deterministic = function.is_deterministic();
        let folds = match &function {
            FunctionRef::User(user) => deterministic && user.supports_constant_folding(),
            _ => deterministic,
        };
        let rows = definition(
            "SCALAR",
            deterministic,
            folds,
            &signatures_under(name, &function),
        );
        (rows, function.doc().to_owned())
    } else if let Some(function) = functions.table(name) {
        let deterministic = function.is_deterministic();
        let rows = definition("TABLE", deterministic, false, &function.signatures());
        (rows, function.doc().to_owned())
    } else if let Some(function) = functions.process(name) {
        let signature = process_table_function::signature(function.as_ref());
        let deterministic = function.is_deterministic();
        let rows = definition("PROCESS_TABLE", deterministic, false, &[signature]);
        (rows, function.doc().to_owned())
    } else if let Some(function) = functions.temporal(name) {
        let signature = format!("{name}(<TIME ATTRIBUTE>)");
        let (time, key) = (&function.time_attribute, &function.primary_key);
        let doc = format!("The rows of each {key} as they were at a time, by {time}.");
        (definition("TABLE", true, false, &[signature]), doc)
    } else if let Some(function) = functions.user_aggregate(name) {
        let rows = definition("AGGREGATE", true, false, &function.signatures());
        (rows, function.doc().to_owned())
    } else if let Some(function) = aggregate::aggregate(name) {
        let signatures = function.signature.signatures.iter();
        let signatures: Vec<String> = signatures.map(ToString::to_string).collect();
        let rows = definition("AGGREGATE", true, false, &signatures);
        (rows, function.signature.doc.to_owned())
    } else {
        let (_, signatures, doc) = window::all().find(|(n, ..)| n.eq_ignore_ascii_case(name))?;
        let signatures: Vec<String> = signatures.iter().map(ToString::to_string).collect();
        (
            definition("AGGREGATE", true, false, &signatures),
            doc.to_owned(),
        )
    };
    if !doc.is_empty() {
        rows.push(("description".to_owned(), Some(doc)));
    }
    Some(rows)
}
