//! SELECT: a query block from FROM to ORDER BY; `items`: its select list.

mod items;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::{Distinct as DistinctNode, Expr, LogicalPlan};
use filbert_functions::TypedExpr;
use filbert_functions::operators::can_fail;
use filbert_types::{LogicalType, Span, TypeKind};
use sqlparser::ast::{
    self, Distinct, Expr as Ast, GroupByExpr, OrderByExpr, Query, Select, Visit, Visitor,
};

use crate::aggregate::{Aggregates, ItemNames};
use crate::binder::{Binder, NamedExpr, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::{ExprCx, split_conjuncts};
use crate::order::{OrderKey, item_of, ordinal, sort_of, sort_plan};
use crate::plan::{filter, project_exprs};
use crate::scope::{Relation, Scope, ScopeColumn};
use crate::typing::check_orderable;
use crate::window::Windows;

/// The parts of a query block, bound over its scope.
struct Block {
    scope: Rc<Scope>,
    aggregates: Option<Aggregates>,
    windows: Windows,
}

/// What stands behind the rows: the items, what they are sorted by, and the conditions over groups and windows.
struct Bound {
    items: Vec<NamedExpr>,
    having: Option<Expr>,
    qualify: Option<Expr>,
    order: Vec<(OrderKey, SortTemplate)>,
}

type SortTemplate = OrderByExpr;

impl Binder<'_> {
    pub fn select(&mut self, select: &Select, order_by: &[OrderByExpr]) -> BindResult<Relation> {
        check_select(select)?;
        self.check_hints(select)?;
        let from = self.from(&select.from)?;
        self.state_ttl_hints(select, &from.scope)?;
        self.lookup_hints(select, &from.scope)?;
        let scope = Rc::new(from.scope);
        let mut plan = from.plan;
        if let Some(condition) = &select.selection {
            plan = self.where_clause(plan, condition, &scope)?;
        }
        let mut block = Block {
            aggregates: self.block_aggregates(select, order_by, &scope)?,
            windows: Windows::new(&select.named_window)?,
            scope,
        };
        let bound = self.block_expressions(select, order_by, &mut block)?;
        let distinct = is_distinct(select)?;
        self.block_plan(plan, block, bound, distinct, select)
    }

    fn where_clause(
        &mut self,
        plan: LogicalPlan,
        condition: &Ast,
        scope: &Rc<Scope>,
    ) -> BindResult<LogicalPlan> {
        let mut correlated: Option<Expr> = None;
        let mut rest = Vec::new();
        for conjunct in split_conjuncts(condition) {
            let mut cx = ExprCx::plain(scope, "WHERE");
            let bound = self.expr(conjunct, &mut cx)?;
            let ty = LogicalType::new(TypeKind::Boolean, bound.ty.nullable);
            let predicate = self.condition(bound, "WHERE", span_of(conjunct))?;
            // What names an outer query stays a conjunct of its own: decorrelation can't look into a guarded AND.
            if predicate.contains_outer() && !can_fail(&predicate) {
                correlated = Some(match correlated {
                    None => predicate,
                    Some(before) => before.and(predicate),
                });
            } else {
                rest.push(TypedExpr::new(predicate, ty));
            }
        }
        let rest = self.conjunction(rest)?.map(|c| c.expr);
        let all = match (correlated, rest) {
            (Some(correlated), Some(rest)) => Some(correlated.and(rest)),
            (correlated, rest) => correlated.or(rest),
        };
        match all {
            Some(predicate) => filter(plan, predicate),
            None => Ok(plan),
        }
    }

    /// A block is grouped when it says so or calls an aggregate.
    fn block_aggregates(
        &mut self,
        select: &Select,
        order_by: &[OrderByExpr],
        scope: &Rc<Scope>,
    ) -> BindResult<Option<Aggregates>> {
        let has_keys = match &select.group_by {
            GroupByExpr::Expressions(keys, modifiers) => !keys.is_empty() || !modifiers.is_empty(),
            GroupByExpr::All(_) => true,
        };
        if !has_keys && select.having.is_none() && !self.calls_aggregate(select, order_by) {
            return Ok(None);
        }
        let mut cx = ExprCx::plain(scope, "GROUP BY");
        let names = ItemNames::of(&select.projection);
        Ok(Some(self.group_by(&select.group_by, names, &mut cx)?))
    }

    fn block_expressions(
        &mut self,
        select: &Select,
        order_by: &[OrderByExpr],
        block: &mut Block,
    ) -> BindResult<Bound> {
        let items = self.select_items(&select.projection, block)?;
        let having = match &select.having {
            Some(condition) => {
                let mut cx = block.cx("HAVING");
                cx.windows = None;
                let bound = self.expr(condition, &mut cx)?;
                Some(self.condition(bound, "HAVING", span_of(condition))?)
            }
            None => None,
        };
        let qualify = match &select.qualify {
            Some(condition) => Some(self.qualify_clause(condition, &items, block)?),
            None => None,
        };
        let mut order = Vec::new();
        for item in order_by {
            let key = self.order_key(item, &items, block)?;
            let ty = match &key {
                OrderKey::Item(index) => &items[*index].expr.ty,
                OrderKey::Hidden(expr) => &expr.ty,
            };
            check_orderable(ty, span_of(&item.expr))?;
            order.push((key, item.clone()));
        }
        Ok(Bound {
            items,
            having,
            qualify,
            order,
        })
    }

    fn qualify_clause(
        &mut self,
        condition: &Ast,
        items: &[NamedExpr],
        block: &mut Block,
    ) -> BindResult<Expr> {
        let before = block.windows.len();
        let window_items = block.windows.columns();
        let mut cx = block.cx("QUALIFY");
        cx.aliases = items;
        let bound = self.expr(condition, &mut cx)?;
        let predicate = self.condition(bound, "QUALIFY", span_of(condition))?;
        let names_window = predicate
            .column_refs()
            .iter()
            .any(|c| window_items.contains(c));
        if block.windows.len() == before && !names_window {
            return Err(BindError::at(
                span_of(condition),
                format!("QUALIFY expression '{condition}' must contain a window function"),
            ));
        }
        Ok(predicate)
    }

    /// An ORDER BY item: a position, a name of the select list, or an expression.
    fn order_key(
        &mut self,
        item: &OrderByExpr,
        items: &[NamedExpr],
        block: &mut Block,
    ) -> BindResult<OrderKey> {
        if let Some(index) = ordinal(&item.expr, items.len())? {
            return Ok(OrderKey::Item(index));
        }
        if let Ast::Identifier(ident) = &item.expr
            && let Some(index) = items.iter().position(|i| i.name == ident.value)
        {
            return Ok(OrderKey::Item(index));
        }
        let mut cx = block.cx("ORDER BY");
        cx.aliases = items;
        let bound = self.expr(&item.expr, &mut cx)?;
        Ok(match item_of(items, &bound.expr) {
            Some(index) => OrderKey::Item(index),
            None => OrderKey::Hidden(bound),
        })
    }

    fn block_plan(
        &mut self,
        rows: LogicalPlan,
        block: Block,
        bound: Bound,
        distinct: bool,
        select: &Select,
    ) -> BindResult<Relation> {
        let mut plan = rows;
        if let Some(aggregates) = block.aggregates {
            plan = self.aggregate_plan(plan, aggregates)?;
        }
        if let Some(having) = bound.having {
            plan = filter(plan, having)?;
        }
        if !block.windows.is_empty() {
            plan = self.window_plan(plan, block.windows)?;
        }
        if let Some(qualify) = bound.qualify {
            plan = filter(plan, qualify)?;
        }
        self.output(plan, bound.items, bound.order, distinct, span_of(select))
    }

    /// The select list, DISTINCT and ORDER BY on top of the block's rows.
    fn output(
        &mut self,
        plan: LogicalPlan,
        items: Vec<NamedExpr>,
        order: Vec<(OrderKey, SortTemplate)>,
        distinct: bool,
        span: Option<Span>,
    ) -> BindResult<Relation> {
        let mut used = HashSet::new();
        let mut exprs = Vec::with_capacity(items.len());
        let mut columns: Vec<ScopeColumn> = Vec::with_capacity(items.len());
        for item in items {
            let (expr, column) = self.name_expr(&item.name, item.expr, &mut used);
            exprs.push(expr);
            columns.push(column);
        }
        let mut sort: Vec<SortExpr> = Vec::new();
        let visible = exprs.len();
        for (key, template) in order {
            let column = match key {
                OrderKey::Item(index) => columns[index].column.clone(),
                OrderKey::Hidden(_) if distinct => {
                    return Err(BindError::at(
                        span_of(&template.expr).or(span),
                        format!("Expression '{}' is not in the select clause", template.expr),
                    )
                    .with_hint("With SELECT DISTINCT only what is selected can be sorted by."));
                }
                OrderKey::Hidden(expr) => {
                    let (expr, column) = self.name_expr("sort", expr, &mut used);
                    exprs.push(expr);
                    column.column
                }
            };
            sort.push(sort_of(&template, Expr::Column(column))?);
        }
        let hidden = exprs.len() > visible;
        let mut plan = project_exprs(plan, exprs)?;
        if distinct {
            for column in &columns {
                self.check_groupable(&column.ty, span)?;
            }
            plan = LogicalPlan::Distinct(DistinctNode::All(Arc::new(plan)));
        }
        plan = sort_plan(plan, sort);
        if hidden {
            let shown = columns
                .iter()
                .map(|c| Expr::Column(c.column.clone()))
                .collect();
            plan = project_exprs(plan, shown)?;
        }
        Ok(Relation { plan, columns })
    }

    /// Whether the block's own expressions, not those of its subqueries, call an aggregate without OVER.
    fn calls_aggregate(&self, select: &Select, order_by: &[OrderByExpr]) -> bool {
        let mut search = AggregateSearch {
            is_aggregate: &|call| {
                self.function_name(call)
                    .is_ok_and(|n| self.is_aggregate(&n))
            },
            queries: 0,
        };
        select.projection.visit(&mut search).is_break()
            || select.qualify.visit(&mut search).is_break()
            || order_by.iter().any(|o| o.visit(&mut search).is_break())
    }
}

impl Block {
    fn cx(&mut self, clause: &'static str) -> ExprCx<'_> {
        ExprCx {
            scope: &self.scope,
            clause,
            aggregates: self.aggregates.as_mut(),
            windows: Some(&mut self.windows),
            aliases: &[],
            in_aggregate: false,
        }
    }
}

struct AggregateSearch<'a> {
    is_aggregate: &'a dyn Fn(&ast::Function) -> bool,
    queries: usize,
}

impl Visitor for AggregateSearch<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Ast) -> ControlFlow<()> {
        match expr {
            Ast::Function(call)
                if self.queries == 0 && call.over.is_none() && (self.is_aggregate)(call) =>
            {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

fn is_distinct(select: &Select) -> BindResult<bool> {
    match &select.distinct {
        None | Some(Distinct::All) => Ok(false),
        Some(Distinct::Distinct) => Ok(true),
        Some(Distinct::On(on)) => Err(BindError::unsupported(
            on.first().and_then(span_of),
            "DISTINCT ON",
        )),
    }
}

fn check_select(select: &Select) -> BindResult<()> {
    let span = span_of(select);
    let refused = [
        (select.top.is_some(), "TOP"),
        (select.into.is_some(), "SELECT INTO"),
        (select.exclude.is_some(), "EXCLUDE"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (select.value_table_mode.is_some(), "SELECT AS VALUE"),
        (select.select_modifiers.is_some(), "A modifier of SELECT"),
    ];
    if let Some((_, what)) = refused.into_iter().find(|(present, _)| *present) {
        return Err(BindError::unsupported(span, what));
    }
    if select.projection.is_empty() {
        return Err(
            BindError::at(span, "SELECT has no select list").with_hint("Name columns, or write *.")
        );
    }
    Ok(())
}
