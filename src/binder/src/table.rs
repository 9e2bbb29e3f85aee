//! Names in FROM: WITH queries, tables and views of the catalog.
//!
//! - `scan`: how a table is read, with its computed columns and its watermark.
//! - `snapshot`: `FOR SYSTEM_TIME AS OF`.

mod scan;
mod snapshot;

use std::collections::BTreeMap;
use std::rc::Rc;

use filbert_connector_api::{CatalogObject, CatalogView};
use filbert_sql::{HintArgs, OptionEntry};
use filbert_types::{ObjectPath, Span};
use sqlparser::ast::{self, TableAlias, TableFactor};

use crate::binder::{Binder, ident_span, name_parts, span_of};
use crate::cte::rename_columns;
use crate::ddl::quoted;
use crate::error::{BindError, BindResult, available};
use crate::from::From;
use crate::scope::Relation;

pub use scan::is_source_watermark;

impl Binder<'_> {
    /// A name in FROM: a WITH query, a table or a view.
    pub fn table(&mut self, factor: &TableFactor) -> BindResult<From> {
        let TableFactor::Table {
            name,
            alias,
            args: None,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample,
            index_hints,
        } = factor
        else {
            return Err(BindError::unsupported(
                span_of(factor),
                format!("The relation '{factor}'"),
            ));
        };
        if sample.is_some() {
            return Err(BindError::unsupported(span_of(factor), "TABLESAMPLE"));
        }
        if !with_hints.is_empty() || !partitions.is_empty() || !index_hints.is_empty() {
            return Err(BindError::unsupported(
                span_of(factor),
                format!("What follows the table's name in '{factor}'"),
            ));
        }
        let hints = self.table_hints(factor)?;
        self.named_relation(name, alias.as_ref(), hints)
    }

    /// `TABLE t` as a query.
    pub fn table_query(&mut self, table: &ast::Table) -> BindResult<Relation> {
        let parts: Vec<ast::Ident> = [&table.schema_name, &table.table_name]
            .into_iter()
            .flatten()
            .map(ast::Ident::new)
            .collect();
        let from = self.named_relation(&ast::ObjectName::from(parts), None, BTreeMap::new())?;
        let columns = from.scope.columns().cloned().collect();
        Ok(Relation {
            plan: from.plan,
            columns,
        })
    }

    /// A table's name in FROM.
    pub fn named_relation(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&TableAlias>,
        hints: BTreeMap<String, String>,
    ) -> BindResult<From> {
        self.relation_of(name, alias, hints, true)
    }

    /// A table's name as an argument (`TABLE t`), where the text takes no alias.
    pub fn argument_relation(
        &mut self,
        name: &ast::ObjectName,
        hints: BTreeMap<String, String>,
    ) -> BindResult<From> {
        self.relation_of(name, None, hints, false)
    }

    fn relation_of(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&TableAlias>,
        hints: BTreeMap<String, String>,
        takes_alias: bool,
    ) -> BindResult<From> {
        let parts = name_parts(name)?;
        let span = span_of(name);
        self.count_relation()?;
        if let [only] = parts.as_slice()
            && let Some(relation) = self.use_cte(only)
        {
            if !hints.is_empty() {
                return Err(options_refused(&format!("WITH query '{only}'"), span));
            }
            self.note_table(span, alias, quoted(only), only, takes_alias);
            return with_alias(relation?, alias, only, None);
        }
        let (path, object) = self.catalog_object(&parts, span)?;
        let last = path.object.clone();
        self.note_table(span, alias, path.quoted(), &last, takes_alias);
        let relation = match object {
            CatalogObject::Table(table) => {
                let shown = alias.map_or(last.as_str(), |a| a.name.value.as_str());
                self.scan(&path, table, hints, shown)
                    .map_err(|e| e.or_at(span))?
            }
            CatalogObject::View(view) => {
                if !hints.is_empty() {
                    return Err(options_refused(&format!("View '{}'", path.quoted()), span));
                }
                self.view(&path, &view, span)?
            }
        };
        with_alias(relation, alias, &last, Some(path))
    }

    /// A name's full path.
    pub fn qualify(&self, parts: &[String], span: Option<Span>) -> BindResult<ObjectPath> {
        self.cx
            .catalog
            .qualify(parts)
            .map_err(|e| BindError::at(span, e.to_string()))
    }

    /// What a name means in the catalog.
    pub fn catalog_object(
        &self,
        parts: &[String],
        span: Option<Span>,
    ) -> BindResult<(ObjectPath, CatalogObject)> {
        let path = self.qualify(parts, span)?;
        let found = self
            .cx
            .catalog
            .resolve(&path)
            .map_err(|e| BindError::at(span, e.to_string()))?;
        if let Some(object) = found {
            return Ok((path, object));
        }
        if let [only] = parts
            && self.ctes.iter().any(|c| c.is_recursion && c.name == *only)
        {
            let what = format!("A query of WITH RECURSIVE that reads itself, as '{only}' does,");
            return Err(BindError::unsupported(span, what));
        }
        let neighbours = self.cx.catalog.neighbours(&path);
        let names: Vec<&str> = neighbours
            .iter()
            .map(String::as_str)
            .chain(self.ctes.iter().map(|c| c.name.as_str()))
            .collect();
        let databases = self.cx.catalog.databases(&path.catalog);
        let no_database = !databases.is_empty() && !databases.contains(&path.database);
        let hint = if no_database {
            let near = filbert_types::suggest::nearest(
                &path.database,
                databases.iter().map(String::as_str),
            );
            near.map_or_else(
                || available("databases", databases.iter().map(String::as_str)),
                |near| {
                    format!(
                        "There is no database '{}'. Did you mean '{near}'?",
                        path.database
                    )
                },
            )
        } else {
            filbert_types::suggest::nearest(&path.object, names.iter().copied()).map_or_else(
                || available("tables", names.iter().copied()),
                |near| format!("Did you mean '{near}'?"),
            )
        };
        Err(BindError::at(
            span,
            format!(
                "Object '{}' not found within '{}.{}'.",
                path.object, path.catalog, path.database
            ),
        )
        .with_hint(hint))
    }

    /// Notes a table's name in full, and the alias that the user left out.
    fn note_table(
        &mut self,
        span: Option<Span>,
        alias: Option<&TableAlias>,
        full: String,
        last: &str,
        takes_alias: bool,
    ) {
        self.note_with_tail(span, || {
            let tail = match alias {
                Some(alias) if !alias.explicit => "AS".to_owned(),
                None if takes_alias => format!("AS {}", quoted(last)),
                _ => String::new(),
            };
            (full, tail)
        });
        if let Some(alias) = alias {
            self.note(ident_span(&alias.name), || quoted(&alias.name.value));
        }
    }

    /// The OPTIONS hint behind a table.
    fn table_hints(&self, factor: &TableFactor) -> BindResult<BTreeMap<String, String>> {
        let hints = Rc::clone(&self.hints);
        for hint in hints.of_table(factor) {
            if hint.is("OPTIONS") && !matches!(hint.args, HintArgs::Options(_)) {
                return Err(BindError::at(
                    Some(hint.name.span),
                    "The OPTIONS hint takes pairs: OPTIONS('key' = 'value')",
                ));
            }
        }
        self.dynamic_options(&hints.table_options(factor))
    }

    /// Options given where a table is used.
    pub fn dynamic_options(&self, entries: &[OptionEntry]) -> BindResult<BTreeMap<String, String>> {
        if let Some(first) = entries.first()
            && !self.cx.dynamic_options
        {
            return Err(BindError::at(
                Some(first.key.span),
                "The 'OPTIONS' hint is allowed only when the config option 'table.dynamic-table-options.enabled' is set to true.",
            ));
        }
        Ok(entries
            .iter()
            .map(|e| (e.key.value.clone(), e.value.value.clone()))
            .collect())
    }

    /// A view's query, bound where only the catalog is seen.
    fn view(
        &mut self,
        path: &ObjectPath,
        view: &CatalogView,
        span: Option<Span>,
    ) -> BindResult<Relation> {
        let in_view = |e: String| {
            BindError::at(
                span,
                format!("The view {} can't be read: {e}", path.quoted()),
            )
        };
        if self.views.contains(path) {
            return Err(in_view("it refers to itself".to_string()));
        }
        self.views.push(path.clone());
        let relation = self.kept_query(&view.expanded_query);
        self.views.pop();
        let mut relation = relation.map_err(|e| in_view(e.to_string()))?;
        if relation.columns.len() != view.schema.columns.len() {
            return Err(in_view(format!(
                "its query gives {} columns where it has {}",
                relation.columns.len(),
                view.schema.columns.len()
            )));
        }
        let names: Vec<ast::Ident> = view
            .schema
            .columns
            .iter()
            .map(|c| ast::Ident::new(&c.name))
            .collect();
        rename_columns(&mut relation, &names)?;
        Ok(relation)
    }

    /// A query that was kept as text, bound where only the catalog is seen.
    pub fn kept_query(&mut self, text: &str) -> BindResult<Relation> {
        let query = filbert_sql::parse_query(text).map_err(|e| BindError::new(e.to_string()))?;
        let hints = Rc::clone(&self.hints);
        let matches = Rc::clone(&self.matches);
        let relation = self.isolated(|binder| binder.text(&query));
        self.matches = matches;
        self.hints = hints;
        relation
    }
}

fn with_alias(
    relation: Relation,
    alias: Option<&TableAlias>,
    name: &str,
    path: Option<ObjectPath>,
) -> BindResult<From> {
    if alias.is_some() {
        return crate::from::aliased(relation, alias);
    }
    let mut from = From::of(relation, Some(name.to_string()));
    if let Some(only) = from.scope.relations.first_mut() {
        only.path = path;
    }
    Ok(from)
}

fn options_refused(what: &str, span: Option<Span>) -> BindError {
    BindError::at(
        span,
        format!("{what} cannot be enriched with new options. Hints can only be applied to tables."),
    )
}
