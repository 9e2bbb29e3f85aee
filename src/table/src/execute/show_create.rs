//! SHOW CREATE TABLE, VIEW and CATALOG: the statement that would make the object.

use std::collections::BTreeMap;

use filbert_catalog::LookedUp;
use filbert_connector_api::CatalogObject;
use filbert_connector_api::catalog::CatalogView;
use filbert_sql::ObjectName;
use filbert_types::schema::Distribution;
use filbert_types::{CatalogTable, Column, ColumnKind, ObjectPath, ResolvedSchema};
use indexmap::IndexMap;

use super::parts;
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;
use crate::result::text_table::TextTable;

pub(super) fn table(env: &TableEnvironment, name: &ObjectName) -> Result<TableResult> {
    let found = lookup(env, name, "SHOW CREATE TABLE")?;
    match &found.object {
        CatalogObject::Table(table) => result(create_table(&found, table)),
        CatalogObject::View(_) => Err(TableError::validation(format!(
            "SHOW CREATE TABLE is only supported for tables, but {} is a view. Please use SHOW CREATE VIEW instead.",
            found.path.quoted()
        ))
        .at(name.span)),
    }
}

pub(super) fn view(env: &TableEnvironment, name: &ObjectName) -> Result<TableResult> {
    let found = lookup(env, name, "SHOW CREATE VIEW")?;
    match &found.object {
        CatalogObject::View(view) => result(create_view(&found, view)),
        CatalogObject::Table(_) => Err(TableError::validation(format!(
            "SHOW CREATE VIEW is only supported for views, but {} is a table. Please use SHOW CREATE TABLE instead.",
            found.path.quoted()
        ))
        .at(name.span)),
    }
}

pub(super) fn catalog(env: &TableEnvironment, name: &ObjectName) -> Result<TableResult> {
    let session = env.session().read();
    let catalog = name.to_string();
    let Some(descriptor) = session
        .catalogs
        .descriptor(&catalog)
        .map_err(|error| TableError::from(error).at(name.span))?
    else {
        let message = format!("Cannot obtain metadata information from Catalog {catalog}.");
        return Err(TableError::validation(message).at(name.span));
    };
    let mut text = format!("CREATE CATALOG {}\n", quoted(&catalog));
    push_comment(&mut text, descriptor.comment.as_deref());
    push_options(&mut text, &descriptor.options);
    result(text)
}

pub(super) fn model(env: &TableEnvironment, name: &ObjectName) -> Result<TableResult> {
    let session = env.session().read();
    let path = session.catalogs.qualify(&parts(name))?;
    let model = session
        .catalogs
        .model(&path)
        .map_err(|error| TableError::from(error).at(name.span))?;
    let temporary = if session.catalogs.is_temporary_model(&path) {
        "TEMPORARY "
    } else {
        ""
    };
    let mut text = format!("CREATE {temporary}MODEL {}\n", path.quoted());
    for (side, columns) in [("INPUT", &model.input), ("OUTPUT", &model.output)] {
        if !columns.is_empty() {
            let columns: Vec<String> = columns.iter().map(column).collect();
            text.push_str(&format!("{side} ({})\n", columns.join(", ")));
        }
    }
    push_comment(&mut text, model.comment.as_deref());
    push_options(&mut text, &model.options);
    result(text)
}

fn result(text: String) -> Result<TableResult> {
    TableResult::of(TextTable::of_names("result", vec![text]))
}

fn lookup(env: &TableEnvironment, name: &ObjectName, statement: &str) -> Result<LookedUp> {
    let session = env.session().read();
    let path = session.catalogs.qualify(&parts(name))?;
    session.catalogs.object(&path)?.ok_or_else(|| {
        let hint = match session.catalogs.lookup(&parts(name)) {
            Err(filbert_catalog::ManagerError::ObjectNotFound { hint, .. }) => hint,
            _ => String::new(),
        };
        let message = format!(
            "Could not execute {statement}. {} with identifier {} does not exist.{hint}",
            if statement.ends_with("VIEW") {
                "View"
            } else {
                "Table"
            },
            path.quoted()
        );
        TableError::validation(message).at(name.span)
    })
}

pub(super) fn create_table(found: &LookedUp, table: &CatalogTable) -> String {
    let mut text = prefix("TABLE", found.temporary, &found.path);
    text.push_str(&elements(&table.schema).join(",\n"));
    text.push_str("\n)\n");
    push_comment(&mut text, table.comment.as_deref());
    if let Some(distribution) = &table.distribution {
        text.push_str(&distribution_text(distribution));
    }
    if !table.partition_keys.is_empty() {
        let keys = quoted_list(&table.partition_keys);
        text.push_str(&format!("PARTITIONED BY ({keys})\n"));
    }
    push_options(&mut text, &table.options);
    text
}

fn create_view(found: &LookedUp, view: &CatalogView) -> String {
    let mut text = prefix("VIEW", found.temporary, &found.path);
    let columns: Vec<String> = view
        .schema
        .columns
        .iter()
        .map(|c| format!("  {}{}", quoted(&c.name), comment_suffix(c)))
        .collect();
    text.push_str(&columns.join(",\n"));
    text.push_str("\n)\n");
    push_comment(&mut text, view.comment.as_deref());
    text.push_str(&format!("AS {}\n", view.expanded_query));
    text
}

fn prefix(kind: &str, temporary: bool, path: &ObjectPath) -> String {
    let temporary = if temporary { "TEMPORARY " } else { "" };
    format!("CREATE {temporary}{kind} {} (\n", path.quoted())
}

fn elements(schema: &ResolvedSchema) -> Vec<String> {
    let columns = schema.columns.iter();
    let mut elements: Vec<String> = columns.map(|c| format!("  {}", column(c))).collect();
    if let Some(watermark) = &schema.watermark {
        let path: Vec<String> = watermark.column.iter().map(|c| quoted(c)).collect();
        elements.push(format!(
            "  WATERMARK FOR {} AS {}",
            path.join("."),
            watermark.expression
        ));
    }
    if let Some(key) = &schema.primary_key {
        elements.push(format!(
            "  CONSTRAINT {} PRIMARY KEY ({}) NOT ENFORCED",
            quoted(&key.name),
            quoted_list(&key.columns)
        ));
    }
    elements
}

fn column(column: &Column) -> String {
    let kind = match &column.kind {
        ColumnKind::Physical => column.ty.serializable(),
        ColumnKind::Computed { expression } => format!("AS {expression}"),
        ColumnKind::Metadata { key, is_virtual } => {
            let key = key
                .as_ref()
                .map_or_else(String::new, |k| format!(" FROM {}", literal(k)));
            let suffix = if *is_virtual { " VIRTUAL" } else { "" };
            format!("{} METADATA{key}{suffix}", column.ty.serializable())
        }
    };
    format!("{} {kind}{}", quoted(&column.name), comment_suffix(column))
}

fn comment_suffix(column: &Column) -> String {
    match column.comment.as_deref() {
        None | Some("") => String::new(),
        Some(comment) => format!(" COMMENT {}", literal(comment)),
    }
}

fn push_comment(text: &mut String, comment: Option<&str>) {
    if let Some(comment) = comment.filter(|c| !c.is_empty()) {
        text.push_str(&format!("COMMENT {}\n", literal(comment)));
    }
}

fn push_options(text: &mut String, options: &IndexMap<String, String>) {
    if options.is_empty() {
        return;
    }
    let sorted: BTreeMap<&String, &String> = options.iter().collect();
    let entries: Vec<String> = sorted
        .into_iter()
        .map(|(key, value)| format!("  {} = {}", literal(key), literal(value)))
        .collect();
    text.push_str(&format!("WITH (\n{}\n)\n", entries.join(",\n")));
}

fn distribution_text(distribution: &Distribution) -> String {
    let mut text = "DISTRIBUTED".to_owned();
    if !distribution.columns.is_empty() {
        let kind = distribution.kind.as_deref().unwrap_or_default();
        text.push_str(&format!(
            " BY {kind}({})",
            quoted_list(&distribution.columns)
        ));
    }
    if let Some(buckets) = distribution.buckets {
        text.push_str(&format!(" INTO {buckets} BUCKETS"));
    }
    text.push('\n');
    text
}

fn quoted_list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| quoted(n)).collect();
    quoted.join(", ")
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
