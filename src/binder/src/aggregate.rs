//! GROUP BY, HAVING, grouping sets.
//!
//! - `calls`: calls of aggregate functions.
//! - `grouping`: GROUPING and GROUP_ID.
//! - `names`: what keys and calls are called.

mod calls;
mod grouping;
mod names;

use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::logical_expr::{Aggregate, Expr, GroupingSet, LogicalPlan};
use filbert_functions::TypedExpr;
use filbert_types::{LogicalType, Span};
use sqlparser::ast::{self, Expr as Ast, FunctionArg, FunctionArgExpr, GroupByExpr};

use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::expr::call::call_parts;
use crate::group_window::{GroupWindow, check_one_window, refuse_in_sets};
use crate::plan::{column_exprs, project_exprs};

pub(crate) use calls::{AggregateArgs, misplaced};
pub(crate) use grouping::group_id_call;
pub(crate) use names::ItemNames;

/// A key of GROUP BY.
struct GroupKey {
    /// The key over the ungrouped rows.
    expr: Expr,
    /// Its syntax, when it is no plain column.
    ast: Option<Ast>,
    /// The key over the groups.
    column: Column,
    ty: LogicalType,
}

/// What a grouped query block computes: filled while its expressions are bound.
pub(crate) struct Aggregates {
    keys: Vec<GroupKey>,
    /// Each grouping set's keys; none for a plain GROUP BY.
    sets: Option<Vec<Vec<usize>>>,
    calls: Vec<(Expr, Column, LogicalType)>,
    window: Option<GroupWindow>,
    names: ItemNames,
}

impl Aggregates {
    /// The keys over the groups, for subqueries that name them.
    pub fn key_exprs(&self) -> Rc<Vec<Expr>> {
        Rc::new(
            self.keys
                .iter()
                .map(|k| Expr::Column(k.column.clone()))
                .collect(),
        )
    }

    /// Whether each group has a row: not where all rows are one group.
    fn never_empty(&self) -> bool {
        !self.keys.is_empty()
            && self
                .sets
                .as_ref()
                .is_none_or(|sets| sets.iter().all(|s| !s.is_empty()))
    }

    pub fn window(&self) -> Option<&GroupWindow> {
        self.window.as_ref()
    }

    /// The window's bounds become keys; gives their places.
    fn add_window(&mut self, window: GroupWindow) -> Vec<usize> {
        let first = self.keys.len();
        self.keys
            .extend(window.columns().iter().map(|column| GroupKey {
                expr: Expr::Column(column.column.clone()),
                ast: None,
                column: column.column.clone(),
                ty: column.ty.clone(),
            }));
        self.window = Some(window);
        (first..self.keys.len()).collect()
    }

    fn key(&self, expr: &Expr) -> Option<TypedExpr> {
        let key = self.keys.iter().find(|k| k.expr == *expr)?;
        Some(TypedExpr::new(
            Expr::Column(key.column.clone()),
            key.ty.clone(),
        ))
    }

    fn position(&self, expr: &Expr) -> Option<usize> {
        self.keys.iter().position(|k| k.expr == *expr)
    }
}

impl Binder<'_> {
    /// Binds GROUP BY.
    pub fn group_by(
        &mut self,
        group_by: &GroupByExpr,
        names: ItemNames,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<Aggregates> {
        let items = match group_by {
            GroupByExpr::Expressions(items, modifiers) if modifiers.is_empty() => items,
            GroupByExpr::Expressions(items, _) => {
                return Err(BindError::unsupported(
                    items.first().and_then(span_of),
                    "GROUP BY .. WITH",
                ));
            }
            GroupByExpr::All(_) => return Err(BindError::new("GROUP BY ALL is not supported.")),
        };
        let mut aggregates = Aggregates {
            keys: Vec::new(),
            sets: None,
            calls: Vec::new(),
            window: None,
            names,
        };
        // Each item is a list of sets of keys; the sets of all items are multiplied.
        let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
        let mut plain = true;
        for item in items {
            plain &= !matches!(item, Ast::GroupingSets(_) | Ast::Rollup(_) | Ast::Cube(_));
            let choices = self.group_item(item, &mut aggregates, cx)?;
            sets = sets
                .iter()
                .flat_map(|set| {
                    choices.iter().map(move |choice| {
                        let mut both = set.clone();
                        both.extend(choice.iter().filter(|k| !set.contains(k)));
                        both
                    })
                })
                .collect();
            const SETS_MAX: usize = 4096;
            if sets.len() > SETS_MAX {
                return Err(BindError::at(
                    span_of(item),
                    format!("GROUP BY makes more than {SETS_MAX} grouping sets"),
                ));
            }
        }
        if !plain {
            for (i, key) in aggregates.keys.iter_mut().enumerate() {
                if sets.iter().any(|s| !s.contains(&i)) {
                    key.ty.nullable = true;
                }
            }
            sets.iter_mut().for_each(|set| set.sort_unstable());
            sets.sort_by(|a, b| set_order(a, b));
            aggregates.sets = Some(sets);
        }
        Ok(aggregates)
    }

    fn group_item(
        &mut self,
        item: &Ast,
        aggregates: &mut Aggregates,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<Vec<Vec<usize>>> {
        match item {
            Ast::GroupingSets(sets) => self.key_lists(sets, aggregates, cx),
            Ast::Rollup(lists) => {
                let lists = self.key_lists(lists, aggregates, cx)?;
                Ok((0..=lists.len())
                    .rev()
                    .map(|n| lists[..n].concat())
                    .collect())
            }
            Ast::Cube(lists) => {
                let lists = self.key_lists(lists, aggregates, cx)?;
                const CUBE_MAX: usize = 12;
                if lists.len() > CUBE_MAX {
                    return Err(BindError::at(
                        span_of(item),
                        format!("CUBE of more than {CUBE_MAX} keys"),
                    ));
                }
                let count = lists.len();
                Ok((0..1usize << count)
                    .rev()
                    .map(|mask| {
                        lists
                            .iter()
                            .enumerate()
                            .filter(|(i, _)| mask >> (count - 1 - i) & 1 == 1)
                            .flat_map(|(_, list)| list.clone())
                            .collect()
                    })
                    .collect())
            }
            Ast::Tuple(items) => {
                let mut keys = Vec::new();
                for item in items {
                    keys.push(self.group_key(item, aggregates, cx)?);
                }
                Ok(vec![keys])
            }
            Ast::Nested(inner) => self.group_item(inner, aggregates, cx),
            Ast::Function(_) if let Some(window) = self.group_window(item, cx)? => {
                check_one_window(aggregates, span_of(item))?;
                Ok(vec![aggregates.add_window(window)])
            }
            other => Ok(vec![vec![self.group_key(other, aggregates, cx)?]]),
        }
    }

    fn key_lists(
        &mut self,
        lists: &[Vec<Ast>],
        aggregates: &mut Aggregates,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<Vec<Vec<usize>>> {
        let mut found = Vec::new();
        for list in lists {
            if let [Ast::Function(call)] = list.as_slice()
                && let Some(nested) = nested_sets(call)
            {
                found.extend(self.group_item(&nested, aggregates, cx)?);
                continue;
            }
            match list.as_slice() {
                [nested @ (Ast::GroupingSets(_) | Ast::Rollup(_) | Ast::Cube(_))] => {
                    found.extend(self.group_item(nested, aggregates, cx)?);
                }
                [Ast::Tuple(items)] => found.push(self.group_keys(items, aggregates, cx)?),
                items => found.push(self.group_keys(items, aggregates, cx)?),
            }
        }
        Ok(found)
    }

    fn group_keys(
        &mut self,
        items: &[Ast],
        aggregates: &mut Aggregates,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<Vec<usize>> {
        items
            .iter()
            .map(|item| self.group_key(item, aggregates, cx))
            .collect()
    }

    fn group_key(
        &mut self,
        ast: &Ast,
        aggregates: &mut Aggregates,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<usize> {
        if self.group_window(ast, cx)?.is_some() {
            return Err(refuse_in_sets(span_of(ast)));
        }
        let bound = self.expr(ast, cx)?;
        if let Some(found) = aggregates.position(&bound.expr) {
            return Ok(found);
        }
        self.check_groupable(&bound.ty, span_of(ast))?;
        let (column, syntax) = match &bound.expr {
            Expr::Column(column) => (column.clone(), None),
            _ => {
                let name = aggregates.names.of_key(ast, aggregates.keys.len());
                (self.new_column(&name, &bound.ty), Some(ast.clone()))
            }
        };
        aggregates.keys.push(GroupKey {
            expr: bound.expr,
            ast: syntax,
            column,
            ty: bound.ty,
        });
        Ok(aggregates.keys.len() - 1)
    }

    /// A column in a grouped block: the key that it is, or an error. Elsewhere it stays itself.
    pub fn ungrouped_check(
        &self,
        expr: TypedExpr,
        parts: &[&str],
        span: Option<Span>,
        cx: &ExprCx<'_>,
    ) -> BindResult<TypedExpr> {
        let Some(aggregates) = cx.aggregates.as_ref().filter(|_| !cx.in_aggregate) else {
            return Ok(expr);
        };
        aggregates.key(&expr.expr).ok_or_else(|| {
            BindError::at(
                span,
                format!("Expression '{}' is not being grouped", parts.join(".")),
            )
            .with_hint("Add it to GROUP BY, or put it into an aggregate function.")
        })
    }

    /// The key that an expression of a grouped block is, when it is one that is no plain column.
    pub fn grouped_expr(
        &mut self,
        ast: &Ast,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<Option<TypedExpr>> {
        let Some(aggregates) = cx.aggregates.as_ref().filter(|_| !cx.in_aggregate) else {
            return Ok(None);
        };
        if !aggregates
            .keys
            .iter()
            .any(|k| k.ast.as_ref().is_some_and(|a| similar(a, ast)))
        {
            return Ok(None);
        }
        let mut ungrouped = ExprCx::plain(cx.scope, cx.clause);
        // What can't be bound over the rows, an aggregate for one, is no key.
        let Ok(bound) = self.expr(ast, &mut ungrouped) else {
            return Ok(None);
        };
        Ok(cx.aggregates.as_ref().and_then(|a| a.key(&bound.expr)))
    }

    /// Puts the aggregate on top of the rows.
    pub fn aggregate_plan(
        &mut self,
        plan: LogicalPlan,
        aggregates: Aggregates,
    ) -> BindResult<LogicalPlan> {
        let Aggregates {
            keys,
            sets,
            calls,
            window,
            names: _,
        } = aggregates;
        let mut rows: Vec<Expr> = column_exprs(&plan);
        let before = rows.len();
        for key in keys.iter().filter(|k| k.ast.is_some()) {
            rows.push(key.expr.clone().alias(&key.column.name));
        }
        let plan = if rows.len() > before {
            project_exprs(plan, rows)?
        } else {
            plan
        };
        let plan = match window {
            None => plan,
            Some(window) => {
                let other = keys.iter().map(|k| &k.column);
                let other = other.filter(|k| window.columns().iter().all(|w| w.column != **k));
                let other = other.cloned().collect();
                self.group_window_plan(plan, window, other)?
            }
        };
        let columns: Vec<Expr> = keys
            .iter()
            .map(|k| Expr::Column(k.column.clone()))
            .collect();
        for key in &keys {
            self.types.insert(&key.column, key.ty.clone());
        }
        let group = match sets {
            None => columns,
            Some(sets) => vec![Expr::GroupingSet(GroupingSet::GroupingSets(
                sets.into_iter()
                    .map(|set| set.into_iter().map(|i| columns[i].clone()).collect())
                    .collect(),
            ))],
        };
        let mut aggr: Vec<Expr> = calls
            .into_iter()
            .map(|(expr, column, _)| expr.alias(column.name))
            .collect();
        if group.is_empty() && aggr.is_empty() {
            // `SELECT 1 FROM t HAVING TRUE`: one group, of which nothing is asked.
            let count = self.aggregate("COUNT", AggregateArgs::plain(Vec::new()), false, None)?;
            let column = self.new_column("count", &count.ty);
            aggr.push(count.expr.alias(column.name));
        }
        Ok(LogicalPlan::Aggregate(Aggregate::try_new(
            Arc::new(plan),
            group,
            aggr,
        )?))
    }
}

/// The order of grouping sets, in which a row's copies go out: a set stands before those that it holds, else by its keys.
fn set_order(a: &[usize], b: &[usize]) -> Ordering {
    let holds = |a: &[usize], b: &[usize]| b.iter().all(|key| a.contains(key));
    match (holds(a, b), holds(b, a)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}

/// ROLLUP or CUBE inside of GROUPING SETS, which the parser takes for a call.
fn nested_sets(call: &ast::Function) -> Option<Ast> {
    let (args, _) = call_parts(call).ok()?;
    let lists = args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Ast::Tuple(items))) => Some(items.clone()),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(item)) => Some(vec![item.clone()]),
        _ => None,
    });
    let lists = lists.collect::<Option<_>>()?;
    match call.name.to_string().to_uppercase().as_str() {
        "ROLLUP" => Some(Ast::Rollup(lists)),
        "CUBE" => Some(Ast::Cube(lists)),
        _ => None,
    }
}

/// Whether two nodes could be the same expression.
fn similar(a: &Ast, b: &Ast) -> bool {
    match (a, b) {
        (Ast::Nested(a), b) => similar(a, b),
        (a, Ast::Nested(b)) => similar(a, b),
        (Ast::BinaryOp { op: a, .. }, Ast::BinaryOp { op: b, .. }) => a == b,
        (Ast::Function(a), Ast::Function(b)) => {
            a.name.to_string().eq_ignore_ascii_case(&b.name.to_string())
        }
        (Ast::CompoundIdentifier(_), Ast::Identifier(_))
        | (Ast::Identifier(_), Ast::CompoundIdentifier(_)) => true,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}
