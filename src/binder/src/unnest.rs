//! UNNEST: the elements of an array, map or multiset as rows, beside the row that holds it.

mod outer;

use std::rc::Rc;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column, NullHandling, ScalarValue, UnnestOptions};
use datafusion::functions_nested::expr_fn as nested;
use datafusion::logical_expr::{Cast, Expr, JoinType, LogicalPlan, Unnest};
use filbert_functions::TypedExpr;
use filbert_functions::multiset::multiset_elements;
use filbert_sql::TableFunction;
use filbert_types::{LogicalType, Span, TypeKind};
use sqlparser::ast::{Expr as Ast, JoinConstraint, Value};

use crate::binder::{Binder, NamedExpr, generated_name, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::expr::call::plain_arg;
use crate::from::{From, aliased};
use crate::plan::{column_exprs, filter, project_exprs};
use crate::scope::{Relation, Scope, ScopeColumn};

impl Binder<'_> {
    /// Joins the rows on the left with the elements of a collection of theirs.
    pub fn unnest(
        &mut self,
        left: From,
        call: &TableFunction<'_>,
        join_type: JoinType,
        constraint: &JoinConstraint,
    ) -> BindResult<From> {
        let span = span_of(call.name);
        let (outer, condition) = correlation("UNNEST", "UNNEST", join_type, constraint, span)?;
        let scope = Rc::new(left.scope);
        let [arg] = call.args else {
            return Err(BindError::at(span, "UNNEST takes one argument"));
        };
        let ast = plain_arg(arg, "UNNEST")?;
        let mut cx = ExprCx::plain(&scope, "UNNEST");
        let collection = self.expr(ast, &mut cx)?;
        let elements = self.unnest_plan(left.plan, collection, outer, call, span_of(ast))?;
        let mut named = aliased(elements, call.alias)?;
        name_single_column(&mut named, call);
        self.correlated(Rc::unwrap_or_clone(scope), named, (outer, condition), span)
    }

    /// Rows that hold those of the left side, under what [`correlation`] says of their join.
    pub(crate) fn correlated(
        &mut self,
        left: Scope,
        rows: From,
        (outer, condition): (bool, Option<&Ast>),
        span: Option<Span>,
    ) -> BindResult<From> {
        let mut scope = left;
        scope.append(rows.scope, span)?;
        let joined = From {
            plan: rows.plan,
            scope,
        };
        match condition {
            Some(condition) if outer => self.outer_where(joined, condition),
            Some(condition) => self.filtered(joined, condition),
            None => Ok(joined),
        }
    }

    pub(crate) fn filtered(&mut self, from: From, condition: &Ast) -> BindResult<From> {
        let scope = Rc::new(from.scope);
        let mut cx = ExprCx::plain(&scope, "ON");
        let bound = self.expr(condition, &mut cx)?;
        let predicate = self.condition(bound, "ON", span_of(condition))?;
        Ok(From {
            plan: filter(from.plan, predicate)?,
            scope: Rc::unwrap_or_clone(scope),
        })
    }

    /// The elements' columns on top of the rows.
    fn unnest_plan(
        &mut self,
        rows: LogicalPlan,
        collection: TypedExpr,
        outer: bool,
        call: &TableFunction<'_>,
        span: Option<Span>,
    ) -> BindResult<Relation> {
        let nullable = |ty: &LogicalType| ty.with_nullable(ty.nullable || outer);
        let value = collection.expr;
        let kept: Vec<Expr> = column_exprs(&rows);
        let mut lists: Vec<(Expr, LogicalType, &str)> = match &collection.ty.kind {
            TypeKind::Array(element) => vec![(value.clone(), nullable(element), "element")],
            TypeKind::Map(key, item) => vec![
                (nested::map_keys(value.clone()), nullable(key), "KEY"),
                (nested::map_values(value.clone()), nullable(item), "VALUE"),
            ],
            TypeKind::Multiset(element) => {
                let elements = multiset_elements(value.clone());
                vec![(elements, nullable(element), "element")]
            }
            _ => {
                return Err(BindError::at(
                    span,
                    format!(
                        "Cannot apply 'UNNEST' to arguments of type 'UNNEST(<{}>)'. Supported form(s): 'UNNEST(<MULTISET>)', 'UNNEST(<ARRAY>)', 'UNNEST(<MAP>)'",
                        collection.ty
                    ),
                ));
            }
        };
        if call.with_ordinality {
            let series = ordinality(&collection.ty.kind, value);
            let ty = LogicalType::new(TypeKind::Int, outer);
            lists.push((series, ty, "ORDINALITY"));
        }
        let (plan, columns) = self.unnest_lists(rows, kept, lists, outer)?;
        let kind = match collection.ty.kind {
            TypeKind::Multiset(element) => TypeKind::Array(element),
            kind => kind,
        };
        self.element_columns(plan, columns, &kind, outer)
    }

    /// Unnests lists of equal length side by side.
    pub(crate) fn unnest_lists(
        &mut self,
        rows: LogicalPlan,
        kept: Vec<Expr>,
        lists: Vec<(Expr, LogicalType, &str)>,
        outer: bool,
    ) -> BindResult<(LogicalPlan, Vec<ScopeColumn>)> {
        let mut exprs = kept;
        let mut columns = Vec::with_capacity(lists.len());
        for (list, ty, name) in lists {
            let column = self.new_column(name, &ty);
            exprs.push(list.alias(&column.name));
            columns.push(ScopeColumn {
                name: name.to_string(),
                column,
                ty,
            });
        }
        let plan = project_exprs(rows, exprs)?;
        let options = UnnestOptions {
            null_handling: if outer {
                NullHandling::PreserveAndExpandEmpty
            } else {
                NullHandling::Drop
            },
            recursions: Vec::new(),
        };
        let unnested: Vec<Column> = columns.iter().map(|c| c.column.clone()).collect();
        let plan = LogicalPlan::Unnest(Unnest::try_new(Arc::new(plan), unnested, options)?);
        Ok((plan, columns))
    }

    /// ROW elements become their fields; an element that is NULL as a whole gives no row.
    fn element_columns(
        &mut self,
        plan: LogicalPlan,
        columns: Vec<ScopeColumn>,
        collection: &TypeKind,
        outer: bool,
    ) -> BindResult<Relation> {
        let mut plan = plan;
        let mut items: Vec<NamedExpr> = plan
            .schema()
            .columns()
            .into_iter()
            .filter(|c| columns.iter().all(|own| own.column != *c))
            .map(|c| NamedExpr {
                name: c.name.clone(),
                expr: TypedExpr::new(
                    Expr::Column(c.clone()),
                    self.types
                        .get(&c)
                        .cloned()
                        .unwrap_or(LogicalType::from(TypeKind::Null)),
                ),
            })
            .collect();
        let before = items.len();
        for column in columns {
            match (&column.ty.kind, collection) {
                (TypeKind::Row(fields), TypeKind::Array(_)) => {
                    let present = Expr::Column(column.column.clone()).is_not_null();
                    plan = match outer {
                        false => filter(plan, present)?,
                        true => self.with_condition(plan, present)?,
                    };
                    for field in fields.clone() {
                        items.push(NamedExpr {
                            expr: self.field(column.expr(), &field.name, None, &field.name)?,
                            name: field.name,
                        });
                    }
                }
                (TypeKind::Int, _) if column.name == "ORDINALITY" => {
                    let expr = Expr::Cast(Cast::new(
                        Box::new(Expr::Column(column.column)),
                        DataType::Int32,
                    ));
                    items.push(NamedExpr {
                        name: column.name,
                        expr: TypedExpr::new(expr, column.ty),
                    });
                }
                (_, TypeKind::Array(_)) => items.push(NamedExpr {
                    name: generated_name(0),
                    expr: column.expr(),
                }),
                _ => items.push(NamedExpr {
                    expr: column.expr(),
                    name: column.name,
                }),
            }
        }
        let mut relation = self.project(plan, items)?;
        relation.columns.drain(..before);
        Ok(relation)
    }
}

/// `[1, 2, .., n]` for a collection of n elements.
fn ordinality(collection: &TypeKind, value: Expr) -> Expr {
    let list = match collection {
        TypeKind::Map(..) => nested::map_keys(value),
        TypeKind::Multiset(_) => multiset_elements(value),
        _ => value,
    };
    let count = Expr::Cast(Cast::new(
        Box::new(nested::array_length(list)),
        DataType::Int64,
    ));
    let one = Expr::Literal(ScalarValue::Int64(Some(1)), None);
    nested::gen_series(one.clone(), count, one)
}

/// `UNNEST(x) AS t` of one column: the column has the alias's name too.
fn name_single_column(named: &mut From, call: &TableFunction<'_>) {
    let Some(alias) = call.alias.filter(|a| a.columns.is_empty()) else {
        return;
    };
    if let Some(relation) = named.scope.relations.first_mut()
        && let [column] = relation.columns.as_mut_slice()
    {
        column.name.clone_from(&alias.name.value);
    }
}

/// How a join takes what is made for each of its left rows: whether it keeps rows for which there is none, and its
/// condition if that isn't TRUE. `name` and `with` name what is joined, at a sentence's beginning and within.
pub(crate) fn correlation<'c>(
    name: &str,
    with: &str,
    join_type: JoinType,
    constraint: &'c JoinConstraint,
    span: Option<Span>,
) -> BindResult<(bool, Option<&'c Ast>)> {
    let refused = |what: String| Err(BindError::unsupported(span, what));
    let outer = match join_type {
        JoinType::Inner => false,
        JoinType::Left => true,
        _ => return refused(format!("{name} in a RIGHT or FULL JOIN")),
    };
    match constraint {
        JoinConstraint::None => Ok((outer, None)),
        JoinConstraint::On(condition) => Ok((
            outer,
            Some(condition).filter(|condition| !is_true(condition)),
        )),
        _ => refused(format!("USING or NATURAL with {with}")),
    }
}

fn is_true(ast: &Ast) -> bool {
    match ast {
        Ast::Value(value) => matches!(value.value, Value::Boolean(true)),
        Ast::Nested(inner) => is_true(inner),
        _ => false,
    }
}

/// For a scope that nothing is in.
pub(crate) fn empty_scope() -> Rc<Scope> {
    Rc::new(Scope::default())
}
