//! Views: the query's schema, and its text with every name whole.

use filbert_connector_api::CatalogView;
use filbert_sql::{Query, ViewColumn};
use filbert_types::{Column, ResolvedSchema};
use sqlparser::ast::{Expr, Ident, Select, SelectItem, SetExpr};

use super::canonical::canonical;
use crate::binder::{BindContext, Binder, ident_span};
use crate::error::{BindError, BindResult};
use crate::names::uniquify;
use crate::scope::Relation;

/// The view that CREATE VIEW or ALTER VIEW declares.
///
/// # Errors
/// When the query doesn't bind, or the columns named are not as many as it gives.
pub fn resolve_view(
    cx: BindContext<'_>,
    query: &Query,
    columns: &[ViewColumn],
    comment: Option<String>,
) -> BindResult<CatalogView> {
    // Errors have their place in the statement; the text is expanded by places in the query alone.
    let mut binder = Binder::new(cx);
    let relation = binder.text(query)?;
    let names: Vec<String> = if columns.is_empty() {
        own_names(&relation, query)?
    } else {
        view_names(columns, relation.columns.len())?
    };
    let schema = ResolvedSchema {
        columns: names
            .into_iter()
            .zip(&relation.columns)
            .enumerate()
            .map(|(i, (name, c))| Column {
                comment: columns
                    .get(i)
                    .and_then(|c| c.comment.as_ref())
                    .map(|c| c.value.clone()),
                ..Column::physical(name, c.ty.clone())
            })
            .collect(),
        watermark: None,
        primary_key: None,
    };
    Ok(CatalogView {
        schema,
        comment,
        original_query: query.text.clone(),
        expanded_query: expand(cx, &query.text)?,
    })
}

/// No item of the query may name a column that stands before it; what a star repeats is told apart by numbers.
fn own_names(relation: &Relation, query: &Query) -> BindResult<Vec<String>> {
    let names: Vec<&str> = relation.columns.iter().map(|c| c.name.as_str()).collect();
    if let Some(select) = first_select(query.ast.body.as_ref()) {
        let stars = select.projection.iter().filter(|item| is_star(item));
        let starred = match stars.count() {
            1 => (names.len() + 1).saturating_sub(select.projection.len()),
            // Which columns are whose can't be told.
            _ => 0,
        };
        let mut seen: Vec<&str> = Vec::new();
        for item in &select.projection {
            if is_star(item) {
                seen.extend(names.iter().skip(seen.len()).take(starred));
            } else if let Some(name) = item_name(item) {
                if seen.contains(&name.value.as_str()) {
                    return Err(repeated(name));
                }
                seen.push(&name.value);
            } else {
                seen.push("");
            }
        }
    }
    Ok(uniquify(names))
}

fn repeated(name: &Ident) -> BindError {
    BindError::at(
        ident_span(name),
        format!(
            "A column with the same name `{}` has been defined.",
            name.value
        ),
    )
    .with_hint("Name the columns apart: CREATE VIEW v (a, b) AS .., or SELECT .. AS b.")
}

fn first_select(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}

fn is_star(item: &SelectItem) -> bool {
    matches!(
        item,
        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
    )
}

fn item_name(item: &SelectItem) -> Option<&Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last(),
        _ => None,
    }
}

fn view_names(columns: &[ViewColumn], count: usize) -> BindResult<Vec<String>> {
    if columns.len() != count {
        let span = columns.first().map(|c| c.name.span);
        return Err(BindError::at(
            span,
            format!(
                "VIEW definition and input fields not match:\n\tDef fields: [{}].\n\tInput fields: {count}.",
                columns
                    .iter()
                    .map(|c| c.name.value.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        ));
    }
    for (i, column) in columns.iter().enumerate() {
        if columns[..i]
            .iter()
            .any(|c| c.name.value == column.name.value)
        {
            return Err(BindError::at(
                Some(column.name.span),
                format!(
                    "A column with the same name `{}` has been defined.",
                    column.name.value
                ),
            ));
        }
    }
    Ok(columns.iter().map(|c| c.name.value.clone()).collect())
}

/// A query's text with every name whole, so that it means the same in any database.
///
/// # Errors
/// When the text doesn't bind.
pub(crate) fn expand(cx: BindContext<'_>, text: &str) -> BindResult<String> {
    let query = filbert_sql::parse_query(text).map_err(|e| BindError::new(e.to_string()))?;
    let mut binder = Binder::new(cx);
    binder.edits = Some(Vec::new());
    binder.text(&query)?;
    let edits = binder.edits.take().unwrap_or_default();
    Ok(canonical(text, &edits, true).unwrap_or_else(|| text.to_string()))
}
