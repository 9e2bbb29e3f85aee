//! Subqueries that DataFusion's rules leave correlated or refuse: IN, EXISTS, ANY and ALL outside of a filter's top
//! level, references that skip a query level, correlation below aggregates, limits and set operations.
//!
//! A subquery becomes a join of the plan that it stands in. Where it reads columns of that plan in plain filters, those
//! become the join's condition ([`free`]); else it runs for all different values of those columns at once ([`domain`]).
//! What DataFusion's rules do well (filters by equality, aggregates above them) is left to them.

mod domain;
mod free;
mod node;
mod repeated;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, NullEquality, ScalarValue};
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison, SetQuantifier};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Join, JoinConstraint, JoinType, LogicalPlan, Operator, Projection, Subquery,
    lit, when,
};
use datafusion::optimizer::decorrelate::PullUpCorrelatedExpr;
use filbert_binder::ColumnTypes;

use crate::decorrelate::free::{outer_refs, pull_filters};
use crate::error::PlanError;
use crate::planner::PlannerContext;

/// Rewrites the subqueries of a plan, as far as DataFusion's rules would not.
///
/// # Errors
/// When a subquery can't be made a join; the operation in the way is named.
pub(crate) fn decorrelate(
    plan: LogicalPlan,
    ctx: &PlannerContext,
    types: &ColumnTypes,
) -> Result<LogicalPlan, PlanError> {
    let mut decorrelator = Decorrelator {
        ctx,
        types,
        made: 0,
    };
    decorrelator.plan(plan)
}

struct Decorrelator<'a> {
    ctx: &'a PlannerContext,
    types: &'a ColumnTypes,
    /// Columns made so far, for their names.
    made: usize,
}

/// A subquery without references to the plan that it is joined with, and what must hold of a pair of rows instead.
struct Independent {
    plan: LogicalPlan,
    conditions: Vec<Expr>,
}

impl Decorrelator<'_> {
    fn new_column(&mut self, name: &str) -> Column {
        self.made += 1;
        Column::new_unqualified(format!("${name}#{}", self.made))
    }

    /// Makes a subquery independent of the plan's columns.
    fn independent(
        &mut self,
        subquery: &LogicalPlan,
        input: &LogicalPlan,
    ) -> Result<Independent, PlanError> {
        let wanted: BTreeSet<Column> = outer_refs(subquery)
            .into_iter()
            .filter(|column| input.schema().has_column(column))
            .collect();
        if wanted.is_empty() {
            return Ok(Independent {
                plan: subquery.clone(),
                conditions: Vec::new(),
            });
        }
        if let Some(pulled) = pull_filters(subquery, &wanted)? {
            return Ok(pulled);
        }
        self.over_domain(subquery, input, &wanted)
    }

    /// Whether a row of the subquery meets each row, as a column.
    fn mark(
        &mut self,
        input: &mut LogicalPlan,
        subquery: &LogicalPlan,
        condition: Option<Expr>,
    ) -> Result<Expr, PlanError> {
        let independent = self.independent(subquery, input)?;
        let columns = input.schema().columns();
        let conditions = condition.into_iter().chain(independent.conditions);
        let join = join(
            input.clone(),
            independent.plan,
            JoinType::LeftMark,
            conjunction(conditions),
        )?;
        let found = join.schema().columns().pop();
        let found = found.ok_or_else(|| PlanError::Internal("a mark join without mark".into()))?;
        let mark = self.new_column("mark");
        let kept = columns.into_iter().map(Expr::Column);
        let exprs = kept.chain([Expr::Column(found).alias(&mark.name)]);
        *input = project(join, exprs.collect())?;
        Ok(Expr::Column(mark))
    }

    /// The one value that the subquery has for each row, as a column.
    fn scalar(
        &mut self,
        input: &mut LogicalPlan,
        subquery: &LogicalPlan,
    ) -> Result<Expr, PlanError> {
        let value = single_output(subquery)?;
        let name = self.new_column("value");
        // The value gets a name of its own: its column may be one of the plan's too.
        let outputs = vec![Expr::Column(value).alias(&name.name)];
        let named = project(subquery.clone(), outputs)?;
        let independent = self.independent(&named, input)?;
        *input = join(
            input.clone(),
            independent.plan,
            JoinType::Left,
            conjunction(independent.conditions),
        )?;
        Ok(Expr::Column(name))
    }

    /// An expression with its subqueries as columns of `input`, which grows by them. Where NULL is as good as FALSE,
    /// `two_valued`, an IN needs only its truth.
    fn value(
        &mut self,
        input: &mut LogicalPlan,
        expr: Expr,
        two_valued: bool,
    ) -> Result<Expr, PlanError> {
        if let Expr::BinaryExpr(BinaryExpr { left, op, right }) = &expr
            && matches!(op, Operator::And | Operator::Or)
        {
            let left = self.value(input, left.as_ref().clone(), two_valued)?;
            let right = self.value(input, right.as_ref().clone(), two_valued)?;
            let both = BinaryExpr::new(Box::new(left), *op, Box::new(right));
            return Ok(Expr::BinaryExpr(both));
        }
        let mut failed = None;
        let rewritten = expr.transform_down(|e| {
            let made = match &e {
                Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_)
                | Expr::ScalarSubquery(_) => self.subquery_value(input, &e, two_valued),
                _ => return Ok(Transformed::no(e)),
            };
            match made {
                Ok(Some(value)) => Ok(Transformed::new(
                    value,
                    true,
                    datafusion::common::tree_node::TreeNodeRecursion::Jump,
                )),
                Ok(None) => Ok(Transformed::no(e)),
                Err(error) => {
                    failed = Some(error);
                    datafusion::common::plan_err!("a subquery that can't be joined")
                }
            }
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(rewritten?.data),
        }
    }

    /// The value of an expression that is a subquery; none where DataFusion's rules take it.
    fn subquery_value(
        &mut self,
        input: &mut LogicalPlan,
        expr: &Expr,
        two_valued: bool,
    ) -> Result<Option<Expr>, PlanError> {
        Ok(Some(match expr {
            Expr::Exists(Exists { subquery, negated }) => {
                let mark = self.mark(input, &subquery.subquery, None)?;
                if *negated { !mark } else { mark }
            }
            Expr::InSubquery(InSubquery {
                expr,
                subquery,
                negated,
            }) => {
                let (value, plan) = self.compared(expr, subquery)?;
                let equal = value.clone().eq(Expr::Column(single_output(&plan)?));
                let plain = two_valued && !negated
                    || !self.may_be_null(expr) && !self.column_may_be_null(&subquery.subquery);
                let found = self.compare(input, &plan, equal, plain)?;
                if *negated { !found } else { found }
            }
            Expr::SetComparison(SetComparison {
                expr,
                subquery,
                op,
                quantifier,
            }) => {
                let (value, plan) = self.compared(expr, subquery)?;
                let right = Expr::Column(single_output(&plan)?);
                let holds =
                    Expr::BinaryExpr(BinaryExpr::new(Box::new(value), *op, Box::new(right)));
                match quantifier {
                    SetQuantifier::Any => self.compare(input, &plan, holds, two_valued)?,
                    SetQuantifier::All => !self.compare(input, &plan, !holds, false)?,
                }
            }
            Expr::ScalarSubquery(subquery) => {
                if is_simple_scalar(subquery, input)? {
                    return Ok(None);
                }
                self.scalar(input, &subquery.subquery)?
            }
            _ => return Ok(None),
        }))
    }

    /// A value and a subquery whose one column has a name that nothing else has.
    fn compared(
        &mut self,
        value: &Expr,
        subquery: &Subquery,
    ) -> Result<(Expr, LogicalPlan), PlanError> {
        let output = Expr::Column(single_output(&subquery.subquery)?);
        let name = self.new_column("item");
        let plan = project(
            subquery.subquery.as_ref().clone(),
            vec![output.alias(&name.name)],
        )?;
        Ok((value.clone(), plan))
    }

    /// Whether a comparison holds with a row of the subquery: TRUE where it does, NULL where it may, else FALSE.
    fn compare(
        &mut self,
        input: &mut LogicalPlan,
        subquery: &LogicalPlan,
        holds: Expr,
        plain: bool,
    ) -> Result<Expr, PlanError> {
        let found = self.mark(input, subquery, Some(holds.clone()))?;
        if plain {
            return Ok(found);
        }
        let unknown = self.mark(input, subquery, Some(holds.is_null()))?;
        let null = lit(ScalarValue::Boolean(None));
        let value = when(found, lit(true))
            .when(unknown, null)
            .otherwise(lit(false))?;
        Ok(value)
    }

    fn may_be_null(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Column(column) | Expr::OuterReferenceColumn(_, column) => {
                self.types.get(column).is_none_or(|ty| ty.nullable)
            }
            Expr::Literal(value, _) => value.is_null(),
            _ => true,
        }
    }

    fn column_may_be_null(&self, plan: &LogicalPlan) -> bool {
        let column = plan.schema().columns().pop();
        column.is_none_or(|column| self.may_be_null(&Expr::Column(column)))
    }
}

/// True for a scalar subquery that DataFusion's rules make a join, or run by itself.
fn is_simple_scalar(subquery: &Subquery, input: &LogicalPlan) -> Result<bool, PlanError> {
    let refs = outer_refs(&subquery.subquery);
    if refs.is_empty() {
        return Ok(true);
    }
    let mut pull_up = PullUpCorrelatedExpr::new().with_need_handle_count_bug(true);
    let immediate = refs.iter().all(|c| input.schema().has_column(c));
    Ok(immediate
        && subquery
            .subquery
            .as_ref()
            .clone()
            .rewrite(&mut pull_up)
            .is_ok()
        && pull_up.can_pull_up)
}

fn single_output(plan: &LogicalPlan) -> Result<Column, PlanError> {
    let mut columns = plan.schema().columns();
    match (columns.pop(), columns.is_empty()) {
        (Some(column), true) => Ok(column),
        _ => Err(PlanError::Internal(
            "a subquery that is a value has one column".to_owned(),
        )),
    }
}

fn join(
    left: LogicalPlan,
    right: LogicalPlan,
    join_type: JoinType,
    condition: Option<Expr>,
) -> Result<LogicalPlan, PlanError> {
    let condition = match join_type {
        JoinType::Inner => condition,
        _ => Some(condition.unwrap_or_else(|| lit(true))),
    };
    Ok(LogicalPlan::Join(Join::try_new(
        Arc::new(left),
        Arc::new(right),
        Vec::new(),
        condition,
        join_type,
        JoinConstraint::On,
        NullEquality::NullEqualsNothing,
        false,
    )?))
}

fn project(input: LogicalPlan, exprs: Vec<Expr>) -> Result<LogicalPlan, PlanError> {
    let projection = Projection::try_new(exprs, Arc::new(input))?;
    Ok(LogicalPlan::Projection(projection))
}

/// A value under a name that it may have already.
fn under_name(value: Expr, name: String) -> Expr {
    let own = value.schema_name().to_string();
    if own == name {
        value
    } else {
        value.alias(name)
    }
}

/// A plan's columns alone, where it has grown.
fn only_columns(plan: LogicalPlan, columns: Vec<Column>) -> Result<LogicalPlan, PlanError> {
    if plan.schema().fields().len() == columns.len() {
        return Ok(plan);
    }
    project(plan, columns.into_iter().map(Expr::Column).collect())
}

/// `l IS NOT DISTINCT FROM r`
fn same(l: Expr, r: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(
        Box::new(l),
        Operator::IsNotDistinctFrom,
        Box::new(r),
    ))
}

/// The columns that an expression refers to, of the query around it.
fn with_outer_as(
    expr: Expr,
    column_of: &dyn Fn(&Column) -> Option<Column>,
) -> Result<Expr, PlanError> {
    let rewritten = expr.transform_up(|e| {
        Ok(match &e {
            Expr::OuterReferenceColumn(_, column) => match column_of(column) {
                Some(column) => Transformed::yes(Expr::Column(column)),
                None => Transformed::no(e),
            },
            _ => Transformed::no(e),
        })
    })?;
    Ok(rewritten.data)
}
