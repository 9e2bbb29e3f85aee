//! What names mean inside one query block.

use std::collections::HashSet;
use std::rc::Rc;

use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan};
use filbert_functions::TypedExpr;
use filbert_types::{LogicalType, ObjectPath, Span};

use crate::error::{BindError, BindResult, available};

/// A column as a query block sees it: the user's name, the plan's column, its type.
#[derive(Debug, Clone)]
pub(crate) struct ScopeColumn {
    pub name: String,
    pub column: Column,
    pub ty: LogicalType,
}

impl ScopeColumn {
    pub fn expr(&self) -> TypedExpr {
        TypedExpr::new(Expr::Column(self.column.clone()), self.ty.clone())
    }
}

/// A plan and its columns as the user names them; names may repeat.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub plan: LogicalPlan,
    pub columns: Vec<ScopeColumn>,
}

/// One item of FROM.
#[derive(Debug, Clone)]
pub(crate) struct ScopeRelation {
    pub alias: Option<String>,
    /// Where a catalog's table is used without an alias, its path: columns may be named by it.
    pub path: Option<ObjectPath>,
    pub columns: Vec<ScopeColumn>,
}

/// A column of USING or of a natural join: its bare name is none of the two.
#[derive(Debug, Clone)]
pub(crate) struct MergedColumn {
    pub name: String,
    pub expr: TypedExpr,
    pub hides: Vec<Column>,
}

/// What FROM brings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub relations: Vec<ScopeRelation>,
    pub merged: Vec<MergedColumn>,
}

/// A scope around a subquery. `keys` are set where it is grouped: only these columns are left.
#[derive(Debug, Clone)]
pub(crate) struct OuterScope {
    pub scope: Rc<Scope>,
    pub keys: Option<Rc<Vec<Expr>>>,
}

/// Where a name's leading parts lead, and how many of them were used.
pub(crate) struct Found {
    pub expr: TypedExpr,
    pub parts: usize,
    /// The column, where it is one of one relation.
    pub column: Option<Column>,
}

impl Scope {
    pub fn of(relation: ScopeRelation) -> Scope {
        Scope {
            relations: vec![relation],
            merged: Vec::new(),
        }
    }

    /// The columns of a relation without a name.
    pub fn of_columns(columns: Vec<ScopeColumn>) -> Scope {
        Scope::of(ScopeRelation {
            alias: None,
            path: None,
            columns,
        })
    }

    /// Puts the relations of `other` behind these.
    ///
    /// # Errors
    /// When both have a relation of one name.
    pub fn append(&mut self, other: Scope, span: Option<Span>) -> BindResult<()> {
        for relation in &other.relations {
            let Some(alias) = &relation.alias else {
                continue;
            };
            if self
                .relations
                .iter()
                .any(|r| r.alias.as_ref() == Some(alias))
            {
                return Err(BindError::at(
                    span,
                    format!("Duplicate relation name '{alias}' in FROM clause"),
                )
                .with_hint("Give one of them an alias: `table AS name`."));
            }
        }
        self.relations.extend(other.relations);
        self.merged.extend(other.merged);
        Ok(())
    }

    pub fn columns(&self) -> impl Iterator<Item = &ScopeColumn> {
        self.relations.iter().flat_map(|r| &r.columns)
    }

    /// The relation that a column is of.
    pub fn relation_of(&self, column: &Column) -> Option<&ScopeRelation> {
        self.relations
            .iter()
            .find(|r| r.columns.iter().any(|c| c.column == *column))
    }

    /// The columns of `*`, in order.
    pub fn star(&self) -> Vec<(String, TypedExpr)> {
        let merged = self.merged.iter().map(|m| (m.name.clone(), m.expr.clone()));
        let rest = self
            .columns()
            .filter(|c| !self.is_hidden(&c.column))
            .map(|c| (c.name.clone(), c.expr()));
        merged.chain(rest).collect()
    }

    /// A name that several columns of one of these relations have, so that `*` can't tell which is meant.
    pub fn repeated_name<'a>(&self, relations: &'a [ScopeRelation]) -> Option<&'a str> {
        relations.iter().find_map(|relation| {
            let mut names = HashSet::new();
            let shown = relation.columns.iter();
            let mut shown = shown.filter(|c| !self.is_hidden(&c.column));
            shown
                .find(|c| !names.insert(c.name.as_str()))
                .map(|c| c.name.as_str())
        })
    }

    fn is_hidden(&self, column: &Column) -> bool {
        self.merged.iter().any(|m| m.hides.contains(column))
    }

    /// The relation that a prefix of one to three parts names.
    pub fn relation(&self, parts: &[&str]) -> Option<&ScopeRelation> {
        self.relations.iter().find(|r| match (parts, &r.path) {
            ([name], _) => r.alias.as_deref() == Some(*name),
            ([database, name], Some(path)) => path.database == *database && path.object == *name,
            ([catalog, database, name], Some(path)) => {
                path.catalog == *catalog && path.database == *database && path.object == *name
            }
            _ => false,
        })
    }

    /// The column of a bare name; none when there is none.
    ///
    /// # Errors
    /// When there are several.
    pub fn column(&self, name: &str, span: Option<Span>) -> BindResult<Option<TypedExpr>> {
        let merged = self
            .merged
            .iter()
            .filter(|m| m.name == name)
            .map(|m| (None, m.expr.clone()));
        let plain = self.relations.iter().flat_map(|r| {
            r.columns
                .iter()
                .filter(|c| c.name == name && !self.is_hidden(&c.column))
                .map(|c| (r.alias.clone(), c.expr()))
        });
        let mut found: Vec<(Option<String>, TypedExpr)> = merged.chain(plain).collect();
        if found.len() > 1 {
            let candidates: Vec<String> = found
                .iter()
                .filter_map(|(alias, _)| alias.as_ref().map(|a| format!("'{a}.{name}'")))
                .collect();
            let hint = if candidates.is_empty() {
                String::new()
            } else {
                format!("It could be {}.", candidates.join(" or "))
            };
            return Err(
                BindError::at(span, format!("Column '{name}' is ambiguous")).with_hint(hint)
            );
        }
        Ok(found.pop().map(|(_, expr)| expr))
    }

    /// The longest sense of a dotted name: a relation and its column, else a column. What parts are left are fields.
    ///
    /// # Errors
    /// When the name is ambiguous, or a relation of that name lacks the column.
    pub fn find(&self, parts: &[&str], span: Option<Span>) -> BindResult<Option<Found>> {
        for prefix in (1..parts.len().min(4)).rev() {
            let Some(relation) = self.relation(&parts[..prefix]) else {
                continue;
            };
            let name = parts[prefix];
            let mut matching = relation.columns.iter().filter(|c| c.name == name);
            let Some(column) = matching.next() else {
                // A column may have the relation's name: `r.x` where r is both.
                if let Some(found) = self.first_as_column(parts, span)? {
                    return Ok(Some(found));
                }
                return Err(not_in_table(name, relation, &parts[..prefix], span));
            };
            if matching.next().is_some() {
                return Err(BindError::at(span, format!("Column '{name}' is ambiguous")));
            }
            return Ok(Some(Found {
                expr: column.expr(),
                parts: prefix + 1,
                column: Some(column.column.clone()),
            }));
        }
        self.first_as_column(parts, span)
    }

    fn first_as_column(&self, parts: &[&str], span: Option<Span>) -> BindResult<Option<Found>> {
        let Some(first) = parts.first() else {
            return Ok(None);
        };
        Ok(self.column(first, span)?.map(|expr| Found {
            column: match &expr.expr {
                Expr::Column(column) if self.merged.iter().all(|m| m.name != *first) => {
                    Some(column.clone())
                }
                _ => None,
            },
            expr,
            parts: 1,
        }))
    }
}

fn not_in_table(
    name: &str,
    relation: &ScopeRelation,
    prefix: &[&str],
    span: Option<Span>,
) -> BindError {
    let names = || relation.columns.iter().map(|c| c.name.as_str());
    let hint = filbert_types::suggest::nearest(name, names()).map_or_else(
        || available("columns", names()),
        |near| format!("Did you mean '{near}'?"),
    );
    BindError::at(
        span,
        format!("Column '{name}' not found in table '{}'", prefix.join(".")),
    )
    .with_hint(hint)
}

/// Functions that are called by their name alone.
const CONSTANTS: &[&str] = &[
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "LOCALTIME",
    "LOCALTIMESTAMP",
];

/// The error for a name that no scope knows.
pub(crate) fn not_found(parts: &[&str], scopes: &[&Scope], span: Option<Span>) -> BindError {
    let names: Vec<&str> = scopes
        .iter()
        .flat_map(|s| s.columns())
        .map(|c| c.name.as_str())
        .collect();
    if let [table, _, ..] = parts {
        let tables: Vec<&str> = scopes
            .iter()
            .flat_map(|s| &s.relations)
            .filter_map(|r| r.alias.as_deref())
            .collect();
        let hint = filbert_types::suggest::nearest(table, tables.iter().copied()).map_or_else(
            || available("tables", tables.iter().copied()),
            |near| format!("Did you mean '{near}'?"),
        );
        return BindError::at(span, format!("Table '{table}' not found")).with_hint(hint);
    }
    let name = parts.first().copied().unwrap_or_default();
    let near = filbert_types::suggest::nearest(name, names.iter().copied());
    let near = near.or_else(|| filbert_types::suggest::nearest(name, CONSTANTS.iter().copied()));
    let hint = near.map_or_else(
        || available("columns", names.iter().copied()),
        |near| format!("Did you mean '{near}'?"),
    );
    BindError::at(span, format!("Column '{name}' not found in any table")).with_hint(hint)
}
