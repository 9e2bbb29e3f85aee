//! GROUP BY, aggregate calls, HAVING, grouping sets.

use std::rc::Rc;
use std::sync::Arc;

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Cast, Expr, GroupingSet, LogicalPlan, Operator,
};
use filbert_functions::TypedExpr;
use filbert_types::{LogicalType, Span, TypeKind};
use sqlparser::ast::{self, Expr as Ast, FunctionArg, FunctionArgExpr, GroupByExpr};

use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::expr::call::{call_parts, plain_arg};
use crate::group_window::{GroupWindow, check_one_window, refuse_in_sets};
use crate::plan::project_exprs;

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
}

/// An aggregate's arguments and clauses, bound.
pub(crate) struct AggregateArgs {
    pub args: Vec<TypedExpr>,
    pub distinct: bool,
    pub filter: Option<TypedExpr>,
    pub order_by: Vec<Sort>,
    pub ignore_nulls: Option<bool>,
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
            _ => (self.new_column("key", &bound.ty), Some(ast.clone())),
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

    pub fn aggregate_call(
        &mut self,
        name: &str,
        function: &ast::Function,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<TypedExpr> {
        let span = span_of(function);
        if cx.in_aggregate {
            return Err(BindError::at(
                span,
                "Aggregate expressions cannot be nested",
            ));
        }
        if cx.aggregates.is_none() {
            return Err(BindError::at(
                span,
                format!("Aggregate expression is illegal in {} clause", cx.clause),
            ));
        }
        cx.in_aggregate = true;
        let args = self.aggregate_args(name, function, cx);
        cx.in_aggregate = false;
        let Some(aggregates) = cx.aggregates.as_mut() else {
            return Err(BindError::at(span, "The query is not grouped"));
        };
        let full_name = json_aggregate(name, function).unwrap_or(name);
        let args = args?;
        for arg in args.args.iter().filter(|_| args.distinct) {
            self.check_groupable(&arg.ty, span)?;
        }
        let call = self.aggregate(full_name, args, aggregates.never_empty(), span)?;
        if let Some((_, column, ty)) = aggregates.calls.iter().find(|(e, ..)| *e == call.expr) {
            return Ok(TypedExpr::new(Expr::Column(column.clone()), ty.clone()));
        }
        let column = self.new_column(&name.to_lowercase(), &call.ty);
        aggregates
            .calls
            .push((call.expr, column.clone(), call.ty.clone()));
        Ok(TypedExpr::new(Expr::Column(column), call.ty))
    }

    /// Binds what stands between an aggregate's parentheses, and its FILTER.
    pub fn aggregate_args(
        &mut self,
        name: &str,
        function: &ast::Function,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<AggregateArgs> {
        let (args, clauses) = call_parts(function)?;
        let bound = match args {
            _ if json_aggregate(name, function).is_some() => filbert_sql::json_arguments(function)
                .into_iter()
                .map(|arg| self.expr(arg, cx))
                .collect::<BindResult<_>>()?,
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] => {
                if !name.eq_ignore_ascii_case("COUNT") {
                    return Err(BindError::at(
                        span_of(function),
                        format!("Unknown argument '*' in {name}(*): only COUNT takes it"),
                    ));
                }
                Vec::new()
            }
            // Their clause stands among the arguments, and is in the name.
            _ if name.starts_with("JSON_") => filbert_sql::json_arguments(function)
                .into_iter()
                .map(|a| self.expr(a, cx))
                .collect::<BindResult<Vec<_>>>()?,
            args => args
                .iter()
                .map(|a| plain_arg(a, name).and_then(|a| self.expr(a, cx)))
                .collect::<BindResult<Vec<_>>>()?,
        };
        let filter = match &function.filter {
            Some(filter) => {
                let bound = self.expr(filter, cx)?;
                let ty = bound.ty.clone();
                let condition = self.condition(bound, "FILTER", span_of(filter.as_ref()))?;
                Some(TypedExpr::new(
                    condition,
                    LogicalType::new(TypeKind::Boolean, ty.nullable),
                ))
            }
            None => None,
        };
        let order_by = self.sort_exprs(clauses.order_by, cx)?;
        Ok(AggregateArgs {
            args: bound,
            distinct: clauses.distinct,
            filter,
            order_by,
            ignore_nulls: clauses.ignore_nulls,
        })
    }

    /// `GROUPING(a, b)`: a bit for each key, 1 where the row's grouping set lacks it.
    pub fn grouping_call(
        &mut self,
        function: &ast::Function,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<TypedExpr> {
        let span = span_of(function);
        let (args, _) = call_parts(function)?;
        let mut keys = Vec::new();
        for arg in args {
            let ast = plain_arg(arg, "GROUPING")?;
            let mut rows = ExprCx::plain(cx.scope, cx.clause);
            let bound = self.expr(ast, &mut rows)?;
            let position = cx
                .aggregates
                .as_ref()
                .and_then(|a| a.position(&bound.expr))
                .ok_or_else(|| {
                    BindError::at(
                        span_of(ast),
                        "Argument to GROUPING operator must be a grouped expression",
                    )
                })?;
            keys.push(position);
        }
        let Some(aggregates) = &cx.aggregates else {
            return Err(BindError::at(
                span,
                "GROUPING operator may only occur in an aggregate query",
            ));
        };
        let ty = LogicalType::not_null(TypeKind::BigInt);
        if aggregates.sets.is_none() {
            return Ok(TypedExpr::new(int64(0), ty));
        }
        let key_count = aggregates.keys.len();
        let mut result: Option<Expr> = None;
        for key in keys {
            let bit = grouping_bit(key, key_count);
            result = Some(match result {
                None => bit,
                Some(before) => op(
                    op(before, Operator::Multiply, int64(2)),
                    Operator::Plus,
                    bit,
                ),
            });
        }
        match result {
            Some(expr) => Ok(TypedExpr::new(expr, ty)),
            None => Err(BindError::at(span, "GROUPING needs an argument")),
        }
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
        } = aggregates;
        let mut rows: Vec<Expr> = plan
            .schema()
            .columns()
            .into_iter()
            .map(Expr::Column)
            .collect();
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
            let count = self.aggregate("COUNT", AggregateArgs::none(), false, None)?;
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

/// The function behind JSON_OBJECTAGG or JSON_ARRAYAGG with its ON NULL clause; none for other names.
fn json_aggregate(name: &str, function: &ast::Function) -> Option<&'static str> {
    let clauses = filbert_sql::json_clauses(function);
    Some(match name.to_uppercase().as_str() {
        "JSON_OBJECTAGG" => match clauses.absent_on_null {
            Some(true) => "JSON_OBJECTAGG_ABSENT_ON_NULL",
            _ => "JSON_OBJECTAGG_NULL_ON_NULL",
        },
        "JSON_ARRAYAGG" => match clauses.absent_on_null {
            Some(false) => "JSON_ARRAYAGG_NULL_ON_NULL",
            _ => "JSON_ARRAYAGG_ABSENT_ON_NULL",
        },
        _ => return None,
    })
}

/// `GROUP_ID()`: tells the copies of a grouping set apart; the first is 0.
pub(crate) fn group_id_call(
    function: &ast::Function,
    cx: &mut ExprCx<'_>,
) -> BindResult<TypedExpr> {
    let Some(aggregates) = &cx.aggregates else {
        return Err(BindError::at(
            span_of(function),
            "GROUP_ID operator may only occur in an aggregate query",
        ));
    };
    let ty = LogicalType::not_null(TypeKind::BigInt);
    let expr = match aggregates.sets {
        Some(_) => op(
            grouping_id(),
            Operator::BitwiseShiftRight,
            int64(aggregates.keys.len() as i64),
        ),
        None => int64(0),
    };
    Ok(TypedExpr::new(expr, ty))
}

/// DataFusion's grouping id: a bit for each key that the set lacks, above them which copy of the set it is.
fn grouping_id() -> Expr {
    Expr::Cast(Cast::new(
        Box::new(Expr::Column(Column::from_name(
            Aggregate::INTERNAL_GROUPING_ID,
        ))),
        arrow::datatypes::DataType::Int64,
    ))
}

/// The bit of the grouping id that says that a set lacks the key.
fn grouping_bit(key: usize, key_count: usize) -> Expr {
    let shift = (key_count - 1 - key) as i64;
    op(
        op(grouping_id(), Operator::BitwiseShiftRight, int64(shift)),
        Operator::BitwiseAnd,
        int64(1),
    )
}

fn op(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}

fn int64(value: i64) -> Expr {
    Expr::Literal(ScalarValue::Int64(Some(value)), None)
}

impl AggregateArgs {
    /// A call without arguments.
    pub fn none() -> AggregateArgs {
        AggregateArgs {
            args: Vec::new(),
            distinct: false,
            filter: None,
            order_by: Vec::new(),
            ignore_nulls: None,
        }
    }
}
