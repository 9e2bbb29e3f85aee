//! The plan nodes in which subqueries stand.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Aggregate, Expr, Filter, Join, JoinType, LogicalPlan, Projection, Subquery, Window,
};
use datafusion::optimizer::decorrelate::PullUpCorrelatedExpr;

use super::free::{outer_refs, subqueries};
use super::{Decorrelator, join, only_columns, single_output, under_name};
use crate::error::PlanError;

impl Decorrelator<'_> {
    pub(super) fn plan(&mut self, plan: LogicalPlan) -> Result<LogicalPlan, PlanError> {
        let inputs: Vec<LogicalPlan> = plan.inputs().into_iter().cloned().collect();
        let inputs = inputs
            .into_iter()
            .map(|input| self.plan(input))
            .collect::<Result<Vec<_>, _>>()?;
        let exprs = plan.expressions();
        let plan = if plan.inputs().is_empty() {
            plan
        } else {
            plan.with_new_exprs(exprs, inputs)?
        };
        if let LogicalPlan::Join(join) = &plan
            && let Some(lateral) = self.lateral(join)?
        {
            return Ok(lateral);
        }
        if plan.expressions().iter().all(|e| subqueries(e).is_empty()) {
            return Ok(plan);
        }
        match plan {
            LogicalPlan::Filter(filter) => self.filter(filter),
            LogicalPlan::Projection(projection) => self.projection(projection),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Join(join) => self.outer_join(join),
            other => Ok(other),
        }
    }

    /// An expression whose subqueries have been rewritten inside.
    fn inside(&mut self, expr: Expr) -> Result<Expr, PlanError> {
        let mut failed = None;
        let rewritten = expr.transform_up(|e| {
            let mut replace =
                |subquery: &Subquery| match self.plan(subquery.subquery.as_ref().clone()) {
                    Ok(plan) => plan_as_subquery(plan),
                    Err(error) => {
                        failed = Some(error);
                        subquery.clone()
                    }
                };
            Ok(match e {
                Expr::Exists(mut exists) => {
                    exists.subquery = replace(&exists.subquery);
                    Transformed::yes(Expr::Exists(exists))
                }
                Expr::InSubquery(mut item) => {
                    item.subquery = replace(&item.subquery);
                    Transformed::yes(Expr::InSubquery(item))
                }
                Expr::SetComparison(mut comparison) => {
                    comparison.subquery = replace(&comparison.subquery);
                    Transformed::yes(Expr::SetComparison(comparison))
                }
                Expr::ScalarSubquery(subquery) => {
                    Transformed::yes(Expr::ScalarSubquery(replace(&subquery)))
                }
                other => Transformed::no(other),
            })
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(rewritten.data),
        }
    }

    fn filter(&mut self, filter: Filter) -> Result<LogicalPlan, PlanError> {
        let columns = filter.input.schema().columns();
        let mut input = Arc::unwrap_or_clone(filter.input);
        let mut kept = Vec::new();
        let conjuncts = split_conjunction_owned(filter.predicate);
        for conjunct in self.once(&mut input, conjuncts)? {
            if subqueries(&conjunct).is_empty() {
                kept.push(conjunct);
                continue;
            }
            let conjunct = self.inside(conjunct)?;
            if is_simple_condition(&conjunct, &input)? {
                kept.push(conjunct);
                continue;
            }
            match self.semi_join(&mut input, &conjunct)? {
                true => {}
                false => kept.push(self.value(&mut input, conjunct, true)?),
            }
        }
        let plan = match conjunction(kept) {
            Some(predicate) => LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(input))?),
            None => input,
        };
        only_columns(plan, columns)
    }

    /// IN, EXISTS and their negations at a filter's top level; false for other conditions.
    fn semi_join(&mut self, input: &mut LogicalPlan, condition: &Expr) -> Result<bool, PlanError> {
        let (condition, outside) = match condition {
            Expr::Not(inner) => (inner.as_ref(), true),
            other => (other, false),
        };
        let (plan, negated, item) = match condition {
            Expr::Exists(Exists { subquery, negated }) => {
                (subquery.subquery.as_ref().clone(), *negated, None)
            }
            Expr::InSubquery(InSubquery {
                expr,
                subquery,
                negated,
            }) => {
                let (value, plan) = self.compared(expr, subquery)?;
                let column = Expr::Column(single_output(&plan)?);
                (plan, *negated, Some((value, column)))
            }
            _ => return Ok(false),
        };
        let negated = negated != outside;
        let independent = self.independent(&plan, input)?;
        let item = item.map(|(value, column)| {
            let equal = value.clone().eq(column.clone());
            match negated {
                true => equal.or(value.is_null()).or(column.is_null()),
                false => equal,
            }
        });
        let join_type = match negated {
            true => JoinType::LeftAnti,
            false => JoinType::LeftSemi,
        };
        let conditions = item.into_iter().chain(independent.conditions);
        *input = join(
            input.clone(),
            independent.plan,
            join_type,
            conjunction(conditions),
        )?;
        Ok(true)
    }

    pub(super) fn projection(&mut self, projection: Projection) -> Result<LogicalPlan, PlanError> {
        let mut input = Arc::unwrap_or_clone(projection.input);
        let mut exprs = Vec::with_capacity(projection.expr.len());
        let names: Vec<String> = projection
            .expr
            .iter()
            .map(|e| e.schema_name().to_string())
            .collect();
        for (expr, name) in self
            .once(&mut input, projection.expr)?
            .into_iter()
            .zip(names)
        {
            exprs.push(self.named_value(&mut input, expr, name)?);
        }
        super::project(input, exprs)
    }

    fn aggregate(&mut self, aggregate: Aggregate) -> Result<LogicalPlan, PlanError> {
        let mut input = Arc::unwrap_or_clone(aggregate.input);
        let groups = self.below(&mut input, aggregate.group_expr)?;
        let calls = self.below(&mut input, aggregate.aggr_expr)?;
        let aggregate = Aggregate::try_new(Arc::new(input), groups, calls)?;
        Ok(LogicalPlan::Aggregate(aggregate))
    }

    fn window(&mut self, window: Window) -> Result<LogicalPlan, PlanError> {
        let columns = window.schema.columns();
        let mut input = Arc::unwrap_or_clone(window.input);
        let calls = self.below(&mut input, window.window_expr)?;
        let window = Window::try_new(calls, Arc::new(input))?;
        only_columns(LogicalPlan::Window(window), columns)
    }

    /// A value under the name that it had.
    fn named_value(
        &mut self,
        input: &mut LogicalPlan,
        expr: Expr,
        name: String,
    ) -> Result<Expr, PlanError> {
        let value = match subqueries(&expr).is_empty() {
            true => expr,
            false => {
                let inside = self.inside(expr)?;
                self.value(input, inside, false)?
            }
        };
        Ok(under_name(value, name))
    }

    /// Subqueries in the condition of an outer join are joined to the side that they read.
    fn outer_join(&mut self, old: Join) -> Result<LogicalPlan, PlanError> {
        let columns = old.schema.columns();
        let mut sides = [
            Arc::unwrap_or_clone(old.left),
            Arc::unwrap_or_clone(old.right),
        ];
        let mut conditions = Vec::new();
        for conjunct in old.filter.into_iter().flat_map(split_conjunction_owned) {
            if subqueries(&conjunct).is_empty() {
                conditions.push(conjunct);
                continue;
            }
            let conjunct = self.inside(conjunct)?;
            let mut read: Vec<Column> = conjunct.column_refs().into_iter().cloned().collect();
            for subquery in subqueries(&conjunct) {
                read.extend(outer_refs(&subquery.subquery));
            }
            let reads = |side: &LogicalPlan| read.iter().any(|c| side.schema().has_column(c));
            let side = usize::from(reads(&sides[1]));
            if reads(&sides[0]) && reads(&sides[1]) {
                return Err(PlanError::Refused(
                    "A subquery in the condition of an outer join that reads both sides is not supported."
                        .to_owned(),
                ));
            }
            conditions.push(self.value(&mut sides[side], conjunct, true)?);
        }
        let [left, right] = sides;
        let joined = Join::try_new(
            Arc::new(left),
            Arc::new(right),
            old.on,
            conjunction(conditions),
            old.join_type,
            old.join_constraint,
            old.null_equality,
            old.null_aware,
        )?;
        only_columns(LogicalPlan::Join(joined), columns)
    }

    /// A join with a LATERAL side that DataFusion's rule leaves.
    fn lateral(&mut self, old: &Join) -> Result<Option<LogicalPlan>, PlanError> {
        let refs = outer_refs(&old.right);
        let reads_left = refs.iter().any(|c| old.left.schema().has_column(c));
        if !reads_left || is_simple_lateral(old)? {
            return Ok(None);
        }
        let columns = old.schema.columns();
        let independent = self.independent(&old.right, &old.left)?;
        let conditions = old.filter.clone().into_iter().chain(independent.conditions);
        let joined = join(
            old.left.as_ref().clone(),
            independent.plan,
            old.join_type,
            conjunction(conditions),
        )?;
        Ok(Some(only_columns(joined, columns)?))
    }
}

fn plan_as_subquery(plan: LogicalPlan) -> Subquery {
    let outer_ref_columns = plan.all_out_ref_exprs();
    Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns,
        spans: datafusion::common::Spans::new(),
    }
}

/// True for conditions that DataFusion's rules make joins: IN and EXISTS as a whole, comparisons with a scalar subquery.
fn is_simple_condition(condition: &Expr, input: &LogicalPlan) -> Result<bool, PlanError> {
    let whole = match condition {
        Expr::Not(inner) => inner.as_ref(),
        other => other,
    };
    let (subquery, pull_up) = match whole {
        Expr::Exists(exists) => (
            &exists.subquery,
            PullUpCorrelatedExpr::new().with_exists_sub_query(true),
        ),
        Expr::InSubquery(item) => {
            let column = Expr::Column(single_output(&item.subquery.subquery)?);
            let equal = item.expr.as_ref().clone().eq(column);
            let pull_up = PullUpCorrelatedExpr::new().with_in_predicate_opt(Some(equal));
            (&item.subquery, pull_up)
        }
        other => {
            let scalars = subqueries(other);
            let all_scalar = !other.exists(|e| {
                Ok(matches!(
                    e,
                    Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)
                ))
            })?;
            for scalar in &scalars {
                if !super::is_simple_scalar(scalar, input)? {
                    return Ok(false);
                }
            }
            return Ok(all_scalar);
        }
    };
    can_pull_up(&subquery.subquery, input, pull_up)
}

fn can_pull_up(
    subquery: &LogicalPlan,
    input: &LogicalPlan,
    mut pull_up: PullUpCorrelatedExpr,
) -> Result<bool, PlanError> {
    let immediate = outer_refs(subquery)
        .iter()
        .all(|c| input.schema().has_column(c));
    Ok(immediate && subquery.clone().rewrite(&mut pull_up).is_ok() && pull_up.can_pull_up)
}

fn is_simple_lateral(join: &Join) -> Result<bool, PlanError> {
    let plan = match join.right.as_ref() {
        LogicalPlan::SubqueryAlias(alias) => alias.input.as_ref(),
        other => other,
    };
    let LogicalPlan::Subquery(subquery) = plan else {
        return Ok(false);
    };
    let mut pull_up = PullUpCorrelatedExpr::new().with_need_handle_count_bug(true);
    let refs = outer_refs(&subquery.subquery);
    let immediate = refs.iter().all(|c| join.left.schema().has_column(c));
    Ok(immediate
        && subquery
            .subquery
            .as_ref()
            .clone()
            .rewrite(&mut pull_up)
            .is_ok()
        && pull_up.can_pull_up
        && pull_up.pull_up_having_expr.is_none())
}
