//! FROM: tables, subqueries, joins; what each brings into scope.

use std::rc::Rc;
use std::sync::Arc;

use datafusion::common::Spans;
use datafusion::logical_expr::{JoinType, LogicalPlan, Subquery};
use filbert_functions::TypedExpr;
use filbert_sql::TableFunction;
use filbert_types::Span;
use sqlparser::ast::{
    Expr as Ast, Join, JoinConstraint, JoinOperator, Query, TableAlias, TableFactor, TableWithJoins,
};

use crate::binder::{Binder, deeper, ident_span, span_of};
use crate::cte::rename_columns;
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::plan::{join, one_row};
use crate::scope::{OuterScope, Relation, Scope, ScopeRelation};

/// Rows and the names by which they are known.
pub(crate) struct From {
    pub plan: LogicalPlan,
    pub scope: Scope,
}

impl From {
    /// A query block without FROM reads one row without columns.
    pub fn nothing() -> From {
        From {
            plan: one_row(),
            scope: Scope::default(),
        }
    }

    pub fn of(relation: Relation, alias: Option<String>) -> From {
        From {
            plan: relation.plan,
            scope: Scope::of(ScopeRelation {
                alias,
                path: None,
                columns: relation.columns,
            }),
        }
    }
}

impl Binder<'_> {
    pub fn from(&mut self, items: &[TableWithJoins]) -> BindResult<From> {
        let mut all: Option<From> = None;
        for item in items {
            all = Some(match all {
                None => self.table_with_joins(item, None)?,
                Some(left) => self.comma(left, item)?,
            });
        }
        Ok(all.unwrap_or_else(From::nothing))
    }

    /// `a, b JOIN c`: what stands left of the comma is in sight of LATERAL alone.
    fn comma(&mut self, left: From, item: &TableWithJoins) -> BindResult<From> {
        if item.joins.is_empty() || self.is_correlated(&item.relation) {
            let joined =
                self.join_factor(left, &item.relation, JoinType::Inner, &JoinConstraint::None)?;
            return self.joins(joined, &item.joins);
        }
        let right = self.table_with_joins(item, Some(&left.scope))?;
        let span = span_of(&item.relation);
        self.cross(left, right, span)
    }

    fn cross(&mut self, left: From, right: From, span: Option<Span>) -> BindResult<From> {
        let mut scope = left.scope;
        scope.append(right.scope, span)?;
        Ok(From {
            plan: join(left.plan, right.plan, None, JoinType::Inner)?,
            scope,
        })
    }

    fn table_with_joins(
        &mut self,
        item: &TableWithJoins,
        outside: Option<&Scope>,
    ) -> BindResult<From> {
        let first = if self.is_correlated(&item.relation) {
            let left = From {
                plan: one_row(),
                scope: outside.cloned().unwrap_or_default(),
            };
            let plain = filbert_sql::table_function(&item.relation).is_some_and(|c| !c.lateral);
            if outside.is_none() || plain && unnest_call(&item.relation).is_none() {
                let left = match outside {
                    Some(_) => From::nothing(),
                    None => left,
                };
                self.join_factor(left, &item.relation, JoinType::Inner, &JoinConstraint::None)?
            } else {
                return Err(BindError::unsupported(
                    span_of(&item.relation),
                    "LATERAL at the head of a parenthesized join",
                ));
            }
        } else {
            self.factor(&item.relation)?
        };
        self.joins(first, &item.joins)
    }

    fn joins(&mut self, first: From, joins: &[Join]) -> BindResult<From> {
        let mut left = first;
        for item in joins {
            let span = span_of(&item.relation);
            if item.global {
                return Err(BindError::unsupported(span, "GLOBAL JOIN"));
            }
            let (join_type, constraint) = join_kind(&item.join_operator, span)?;
            left = self.join_factor(left, &item.relation, join_type, constraint)?;
        }
        Ok(left)
    }

    /// A relation that stands for itself.
    pub(crate) fn factor(&mut self, factor: &TableFactor) -> BindResult<From> {
        deeper(|| match factor {
            TableFactor::Table { args: None, .. } => self.table(factor),
            TableFactor::Derived {
                lateral: false,
                subquery,
                alias,
                sample: None,
            } => self.derived(subquery, alias.as_ref()),
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => self.table_with_joins(table_with_joins, None),
            TableFactor::Table { .. }
            | TableFactor::TableFunction { .. }
            | TableFactor::Function { .. } => self.table_function_factor(factor),
            TableFactor::MatchRecognize { .. } => self.match_recognize(factor),
            TableFactor::Derived {
                sample: Some(_), ..
            } => Err(BindError::unsupported(span_of(factor), "TABLESAMPLE")),
            TableFactor::Pivot { .. } => Err(BindError::unsupported(span_of(factor), "PIVOT")),
            TableFactor::Unpivot { .. } => Err(BindError::unsupported(span_of(factor), "UNPIVOT")),
            other => Err(BindError::unsupported(
                span_of(factor),
                format!("The relation '{other}'"),
            )),
        })
    }

    fn derived(&mut self, query: &Query, alias: Option<&TableAlias>) -> BindResult<From> {
        let mut relation = self.query(query)?;
        if let Some(alias) = alias {
            let names = alias.columns.iter().map(|column| &column.name);
            self.rename_values(&mut relation, names)?;
        }
        aliased(relation, alias)
    }

    /// Joins a relation that may see the rows on its left.
    pub fn join_factor(
        &mut self,
        left: From,
        factor: &TableFactor,
        join_type: JoinType,
        constraint: &JoinConstraint,
    ) -> BindResult<From> {
        if let Some(call) = unnest_call(factor) {
            return self.unnest(left, &call, join_type, constraint);
        }
        if let Some(call) = filbert_sql::table_function(factor) {
            if self.is_table_function(&call) {
                return self.correlate(left, &call, join_type, constraint);
            }
            if let Some(function) = self.temporal_function(&call) {
                let right = self.history(&left, &call, &function)?;
                return self.join_relations(left, right, join_type, constraint, span_of(factor));
            }
        }
        match factor {
            TableFactor::Table {
                version: Some(version),
                ..
            } => {
                let right = self.snapshot(&left, factor, version)?;
                self.join_relations(left, right, join_type, constraint, span_of(factor))
            }
            TableFactor::Derived {
                lateral: true,
                subquery,
                alias,
                sample: None,
            } => {
                let right = self.lateral(&left, subquery, alias.as_ref())?;
                if !matches!(join_type, JoinType::Inner | JoinType::Left) {
                    return Err(BindError::unsupported(
                        span_of(factor),
                        "LATERAL in a RIGHT or FULL JOIN",
                    ));
                }
                self.join_relations(left, right, join_type, constraint, span_of(factor))
            }
            _ => {
                let right = self.factor(factor)?;
                self.join_relations(left, right, join_type, constraint, span_of(factor))
            }
        }
    }

    /// Whether a relation is made from the rows on its left.
    fn is_correlated(&self, factor: &TableFactor) -> bool {
        let called = || filbert_sql::table_function(factor);
        unnest_call(factor).is_some()
            || called().is_some_and(|call| {
                self.is_table_function(&call) || self.temporal_function(&call).is_some()
            })
            || matches!(
                factor,
                TableFactor::Derived { lateral: true, .. }
                    | TableFactor::Table {
                        version: Some(_),
                        ..
                    }
            )
    }

    /// Binds what sees the rows on its left as an outer block.
    fn beside<T>(&mut self, left: &From, bind: impl FnOnce(&mut Self) -> T) -> T {
        self.outer.push(OuterScope {
            scope: Rc::new(left.scope.clone()),
            keys: None,
        });
        let bound = bind(self);
        self.outer.pop();
        bound
    }

    /// An expression over the rows on its left alone.
    pub fn expr_of_left(
        &mut self,
        left: &From,
        ast: &Ast,
        clause: &'static str,
    ) -> BindResult<TypedExpr> {
        self.beside(left, |binder| {
            let nothing = Rc::new(Scope::default());
            binder.expr(ast, &mut ExprCx::plain(&nothing, clause))
        })
    }

    /// `LATERAL (SELECT ..)`: the query sees the rows on its left as an outer block.
    fn lateral(
        &mut self,
        left: &From,
        query: &Query,
        alias: Option<&TableAlias>,
    ) -> BindResult<From> {
        let mut relation = self.beside(left, |binder| binder.query(query))?;
        let outer_ref_columns = relation.plan.all_out_ref_exprs();
        if !outer_ref_columns.is_empty() {
            relation.plan = LogicalPlan::Subquery(Subquery {
                subquery: Arc::new(relation.plan),
                outer_ref_columns,
                spans: Spans::new(),
            });
        }
        aliased(relation, alias)
    }
}

/// Gives a relation its alias and the names of its columns.
pub(crate) fn aliased(relation: Relation, alias: Option<&TableAlias>) -> BindResult<From> {
    let mut relation = relation;
    let Some(alias) = alias else {
        return Ok(From::of(relation, None));
    };
    if let Some(at) = &alias.at {
        return Err(BindError::unsupported(ident_span(at), "AT after an alias"));
    }
    let names: Vec<_> = alias.columns.iter().map(|c| c.name.clone()).collect();
    rename_columns(&mut relation, &names)?;
    Ok(From::of(relation, Some(alias.name.value.clone())))
}

fn join_kind(
    operator: &JoinOperator,
    span: Option<Span>,
) -> BindResult<(JoinType, &JoinConstraint)> {
    Ok(match operator {
        JoinOperator::Join(c) | JoinOperator::Inner(c) | JoinOperator::CrossJoin(c) => {
            (JoinType::Inner, c)
        }
        JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => (JoinType::Left, c),
        JoinOperator::Right(c) | JoinOperator::RightOuter(c) => (JoinType::Right, c),
        JoinOperator::FullOuter(c) => (JoinType::Full, c),
        other => {
            let name = match other {
                JoinOperator::Semi(_) | JoinOperator::LeftSemi(_) | JoinOperator::RightSemi(_) => {
                    "SEMI JOIN"
                }
                JoinOperator::Anti(_) | JoinOperator::LeftAnti(_) | JoinOperator::RightAnti(_) => {
                    "ANTI JOIN"
                }
                JoinOperator::CrossApply | JoinOperator::OuterApply => "APPLY",
                JoinOperator::AsOf { .. } => "ASOF JOIN",
                _ => "This kind of join",
            };
            return Err(BindError::unsupported(span, name));
        }
    })
}

fn unnest_call(factor: &TableFactor) -> Option<TableFunction<'_>> {
    filbert_sql::table_function(factor).filter(|call| {
        matches!(call.name.0.as_slice(), [part] if part.as_ident().is_some_and(|i| {
            i.quote_style.is_none() && i.value.eq_ignore_ascii_case("UNNEST")
        }))
    })
}
