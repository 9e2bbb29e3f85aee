//! The select list: expressions and stars.

use std::rc::Rc;

use datafusion::logical_expr::Expr;
use filbert_functions::TypedExpr;
use filbert_types::{Span, TypeKind};
use sqlparser::ast::{
    self, Expr as Ast, SelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};

use super::Block;
use crate::binder::{Binder, NamedExpr, generated_name, ident_span, name_parts, span_of};
use crate::ddl::quoted;
use crate::error::{BindError, BindResult, available};
use crate::names::uniquify;
use crate::scope::{Scope, ScopeRelation};
use crate::typing::refuse_untyped_null;

impl Binder<'_> {
    pub(super) fn select_items(
        &mut self,
        projection: &[SelectItem],
        block: &mut Block,
    ) -> BindResult<Vec<NamedExpr>> {
        let mut items = Vec::new();
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(ast) => {
                    let name = implied_name(ast).unwrap_or_else(|| generated_name(items.len()));
                    items.push(self.select_item(ast, name, block)?);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    self.note_alias(ident_span(alias), &alias.value);
                    items.push(self.select_item(expr, alias.value.clone(), block)?);
                }
                SelectItem::Wildcard(options) => {
                    check_wildcard(options, item)?;
                    self.star(&[], item, block, &mut items)?;
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) => {
                    check_wildcard(options, item)?;
                    self.star(&name_parts(name)?, item, block, &mut items)?;
                }
                other => {
                    return Err(BindError::unsupported(
                        span_of(other),
                        format!("The select item '{other}'"),
                    ));
                }
            }
        }
        Ok(items)
    }

    fn select_item(&mut self, ast: &Ast, name: String, block: &mut Block) -> BindResult<NamedExpr> {
        let mut cx = block.cx("SELECT");
        let expr = self.expr(ast, &mut cx)?;
        refuse_untyped_null(&expr, span_of(ast))?;
        Ok(NamedExpr { name, expr })
    }

    /// `*`, `t.*` and `row_column.*`.
    fn star(
        &mut self,
        prefix: &[String],
        item: &SelectItem,
        block: &mut Block,
        items: &mut Vec<NamedExpr>,
    ) -> BindResult<()> {
        let span = span_of(item);
        let scope = Rc::clone(&block.scope);
        let parts: Vec<&str> = prefix.iter().map(String::as_str).collect();
        let found: Vec<(String, TypedExpr)> = if parts.is_empty() {
            if scope.relations.is_empty() {
                return Err(BindError::at(span, "SELECT * requires a FROM clause"));
            }
            no_repeated_name(&scope, &scope.relations, span)?;
            scope.star()
        } else if let Some(relation) = scope.relation(&parts) {
            no_repeated_name(&scope, std::slice::from_ref(relation), span)?;
            relation
                .columns
                .iter()
                .map(|c| (c.name.clone(), c.expr()))
                .collect()
        } else {
            self.row_star(&parts, &scope, span)?
        };
        self.note(span, || star_text(&found, &scope));
        let cx = block.cx("SELECT");
        for (name, expr) in found {
            let expr = self.ungrouped_check(expr, &[&name], span, &cx)?;
            let name = unlike(name, items);
            items.push(NamedExpr { name, expr });
        }
        Ok(())
    }

    fn row_star(
        &mut self,
        parts: &[&str],
        scope: &Rc<Scope>,
        span: Option<Span>,
    ) -> BindResult<Vec<(String, TypedExpr)>> {
        let unknown = || {
            BindError::at(span, format!("Unknown identifier '{}'", parts.join("."))).with_hint(
                available(
                    "tables",
                    scope.relations.iter().filter_map(|r| r.alias.as_deref()),
                ),
            )
        };
        let Some(found) = scope.find(parts, span).map_err(|_| unknown())? else {
            return Err(unknown());
        };
        let mut base = found.expr;
        for part in &parts[found.parts..] {
            base = self.field(base, part, span, &parts.join("."))?;
        }
        let TypeKind::Row(fields) = base.ty.kind.clone() else {
            return Err(unknown());
        };
        fields
            .iter()
            .map(|f| {
                Ok((
                    f.name.clone(),
                    self.field(base.clone(), &f.name, span, &f.name)?,
                ))
            })
            .collect()
    }
}

fn no_repeated_name(
    scope: &Scope,
    relations: &[ScopeRelation],
    span: Option<Span>,
) -> BindResult<()> {
    let Some(name) = scope.repeated_name(relations) else {
        return Ok(());
    };
    let error = BindError::at(span, format!("Column '{name}' is ambiguous"));
    Err(error.with_hint("Give each column a name of its own with AS."))
}

/// The name of a star's column: another one where the list has it already.
fn unlike(name: String, items: &[NamedExpr]) -> String {
    if items.iter().all(|item| item.name != name) {
        return name;
    }
    let taken = items.iter().map(|item| item.name.as_str());
    uniquify(taken.chain([name.as_str()])).pop().unwrap_or(name)
}

/// A select item without alias is named by the last part of a name; others have no name of their own.
fn implied_name(ast: &Ast) -> Option<String> {
    match ast {
        Ast::Identifier(ident) => Some(ident.value.clone()),
        Ast::CompoundIdentifier(idents) => idents.last().map(|i| i.value.clone()),
        Ast::CompoundFieldAccess { access_chain, root } => match access_chain.last() {
            Some(ast::AccessExpr::Dot(Ast::Identifier(ident)))
                if matches!(**root, Ast::Identifier(_) | Ast::CompoundIdentifier(_))
                    && access_chain
                        .iter()
                        .all(|a| matches!(a, ast::AccessExpr::Dot(_))) =>
            {
                Some(ident.value.clone())
            }
            _ => None,
        },
        Ast::Nested(inner) => implied_name(inner),
        _ => None,
    }
}

/// What a star stands for, as text; a name that comes again gets its number.
fn star_text(found: &[(String, TypedExpr)], scope: &Scope) -> String {
    let unique = uniquify(found.iter().map(|(name, _)| name.as_str()));
    found
        .iter()
        .zip(unique)
        .map(|((name, expr), unique)| {
            let relation = match &expr.expr {
                Expr::Column(column) => scope.relation_of(column).and_then(|r| r.alias.as_deref()),
                _ => None,
            };
            let text = match relation {
                Some(relation) => format!("{}.{}", quoted(relation), quoted(name)),
                None => quoted(name),
            };
            if unique == *name {
                text
            } else {
                format!("{text} AS {}", quoted(&unique))
            }
        })
        .collect::<Vec<_>>()
        .join(", ")
}

fn check_wildcard(options: &WildcardAdditionalOptions, item: &SelectItem) -> BindResult<()> {
    let plain = options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none();
    if plain {
        return Ok(());
    }
    Err(BindError::unsupported(
        span_of(item),
        format!("What follows the star in '{item}'"),
    ))
}
