//! A subquery for all values of what it reads at once: the different values of those columns, the domain, are joined in
//! where the subquery's rows come from, carried through every operation, and in the end each row finds the subquery's
//! rows of its values. ("Unnesting Arbitrary Queries", Neumann and Kemper, 2015.)

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::common::{Column, DFSchema, ScalarValue, TableReference};
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, FetchType, Filter, Join, JoinType, Limit, LogicalPlan, SkipType,
    SubqueryAlias, Union, Unnest, Window, WindowFrame, lit, when,
};
use filbert_functions::FunctionRegistry;
use filbert_functions::aggregate::Modifiers;
use filbert_functions::window::{Over, call as window_call};

use super::free::{expr_outer_refs, outer_refs};
use super::{Decorrelator, Independent, join, only_columns, project, same, with_outer_as};
use crate::error::PlanError;

/// The different values of some columns of a plan, under names of their own.
#[derive(Clone)]
struct Domain {
    plan: LogicalPlan,
    /// A column of the plan, and its name here.
    columns: Vec<(Column, Column)>,
}

impl Domain {
    fn name_of(&self, column: &Column) -> Option<Column> {
        let mut columns = self.columns.iter();
        columns
            .find(|(outer, _)| outer == column)
            .map(|(_, d)| d.clone())
    }

    fn exprs(&self) -> impl Iterator<Item = Expr> + '_ {
        self.columns.iter().map(|(_, d)| Expr::Column(d.clone()))
    }

    fn is_read_by(&self, refs: &BTreeSet<Column>) -> bool {
        self.columns.iter().any(|(outer, _)| refs.contains(outer))
    }

    fn map(&self, expr: &Expr) -> Result<Expr, PlanError> {
        with_outer_as(expr.clone(), &|column| self.name_of(column))
    }

    fn map_all(&self, exprs: &[Expr]) -> Result<Vec<Expr>, PlanError> {
        exprs.iter().map(|e| self.map(e)).collect()
    }

    /// What makes rows of two copies of the domain belong together.
    fn equals(&self, other: &Domain) -> impl Iterator<Item = Expr> {
        let pairs: Vec<Expr> = self
            .exprs()
            .zip(other.exprs())
            .map(|(l, r)| same(l, r))
            .collect();
        pairs.into_iter()
    }
}

impl Decorrelator<'_> {
    pub(super) fn over_domain(
        &mut self,
        subquery: &LogicalPlan,
        input: &LogicalPlan,
        wanted: &BTreeSet<Column>,
    ) -> Result<Independent, PlanError> {
        let domain = self.domain(input, wanted.iter().cloned())?;
        let plan = self.unnest(subquery, &domain)?;
        let conditions = domain.columns.iter();
        let conditions =
            conditions.map(|(outer, d)| same(Expr::Column(outer.clone()), Expr::Column(d.clone())));
        Ok(Independent {
            plan,
            conditions: conditions.collect(),
        })
    }

    fn domain(
        &mut self,
        input: &LogicalPlan,
        wanted: impl Iterator<Item = Column>,
    ) -> Result<Domain, PlanError> {
        let columns: Vec<(Column, Column)> = wanted
            .map(|column| (column, self.new_column("d")))
            .collect();
        let exprs = columns.iter();
        let exprs = exprs.map(|(outer, d)| Expr::Column(outer.clone()).alias(&d.name));
        let values = project(input.clone(), exprs.collect())?;
        Ok(Domain {
            plan: LogicalPlan::Distinct(Distinct::All(Arc::new(values))),
            columns,
        })
    }

    /// The same domain under other names.
    fn copy_of(&mut self, domain: &Domain) -> Result<Domain, PlanError> {
        let columns: Vec<(Column, Column)> = domain
            .columns
            .iter()
            .map(|(outer, _)| (outer.clone(), self.new_column("d")))
            .collect();
        let exprs = domain.exprs().zip(&columns);
        let exprs = exprs.map(|(old, (_, new))| old.alias(&new.name)).collect();
        Ok(Domain {
            plan: project(domain.plan.clone(), exprs)?,
            columns,
        })
    }

    /// The plan's rows for every row of the domain: its columns, and the domain's.
    fn unnest(&mut self, plan: &LogicalPlan, domain: &Domain) -> Result<LogicalPlan, PlanError> {
        if !domain.is_read_by(&outer_refs(plan)) {
            return join(plan.clone(), domain.plan.clone(), JoinType::Inner, None);
        }
        match plan {
            LogicalPlan::Filter(filter) => {
                let input = self.unnest(&filter.input, domain)?;
                let filter = Filter::try_new(domain.map(&filter.predicate)?, Arc::new(input))?;
                Ok(LogicalPlan::Filter(filter))
            }
            LogicalPlan::Projection(projection) => {
                let input = self.unnest(&projection.input, domain)?;
                let mut exprs = domain.map_all(&projection.expr)?;
                exprs.extend(domain.exprs());
                project(input, exprs)
            }
            LogicalPlan::Aggregate(aggregate) => self.unnest_aggregate(aggregate, domain),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let input = self.unnest(input, domain)?;
                Ok(LogicalPlan::Distinct(Distinct::All(Arc::new(input))))
            }
            LogicalPlan::SubqueryAlias(alias) => self.unnest_alias(alias, domain),
            LogicalPlan::Subquery(subquery) => self.unnest(&subquery.subquery, domain),
            LogicalPlan::Sort(sort) => {
                let input = self.unnest(&sort.input, domain)?;
                match sort.fetch {
                    None => Ok(input),
                    Some(fetch) => self.first_rows(input, domain, &sort.expr, 0, Some(fetch)),
                }
            }
            LogicalPlan::Limit(limit) => self.unnest_limit(limit, domain),
            LogicalPlan::Window(window) => self.unnest_window(window, domain),
            LogicalPlan::Union(union) => self.unnest_union(union, domain),
            LogicalPlan::Unnest(unnest) => {
                let input = self.unnest(&unnest.input, domain)?;
                let columns = unnest.exec_columns.clone();
                let options = unnest.options.clone();
                let unnest = Unnest::try_new(Arc::new(input), columns, options)?;
                Ok(LogicalPlan::Unnest(unnest))
            }
            LogicalPlan::Join(join) => self.unnest_join(join, domain),
            other => Err(refused(&other.display().to_string())),
        }
    }

    fn unnest_alias(
        &mut self,
        alias: &SubqueryAlias,
        domain: &Domain,
    ) -> Result<LogicalPlan, PlanError> {
        let columns = alias.schema.columns();
        let input = self.unnest(&alias.input, domain)?;
        // The alias counts columns: those of its own come first.
        let own = alias.input.schema().columns().into_iter();
        let own: Vec<Expr> = own.map(Expr::Column).collect();
        let input = project(input, own.into_iter().chain(domain.exprs()).collect())?;
        let aliased = SubqueryAlias::try_new(Arc::new(input), alias.alias.clone())?;
        let named = domain.columns.iter().map(|(_, d)| {
            let there = Column::new(Some(alias.alias.clone()), &d.name);
            Expr::Column(there).alias(&d.name)
        });
        let exprs = columns.into_iter().map(Expr::Column).chain(named).collect();
        project(LogicalPlan::SubqueryAlias(aliased), exprs)
    }

    /// Groups of each row of the domain; an aggregate without GROUP BY has a result for every one, also without rows.
    fn unnest_aggregate(
        &mut self,
        aggregate: &Aggregate,
        domain: &Domain,
    ) -> Result<LogicalPlan, PlanError> {
        if matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]) {
            return Err(refused("GROUPING SETS"));
        }
        let global = aggregate.group_expr.is_empty();
        let inner = match global {
            true => self.copy_of(domain)?,
            false => domain.clone(),
        };
        let input = self.unnest(&aggregate.input, &inner)?;
        let mut groups = inner.map_all(&aggregate.group_expr)?;
        groups.extend(inner.exprs());
        let calls = inner.map_all(&aggregate.aggr_expr)?;
        let grouped = Aggregate::try_new(Arc::new(input), groups, calls)?;
        let grouped = LogicalPlan::Aggregate(grouped);
        let columns = aggregate.schema.columns();
        if !global {
            let exprs = columns.into_iter().map(Expr::Column);
            return project(grouped, exprs.chain(domain.exprs()).collect());
        }
        let condition = conjunction(domain.equals(&inner));
        let all = join(domain.plan.clone(), grouped, JoinType::Left, condition)?;
        let values = columns.into_iter().zip(&aggregate.aggr_expr);
        let values = values.map(|(column, call)| or_nothing(column, call));
        let values = values.collect::<Result<Vec<_>, PlanError>>()?;
        project(all, values.into_iter().chain(domain.exprs()).collect())
    }

    fn unnest_limit(&mut self, limit: &Limit, domain: &Domain) -> Result<LogicalPlan, PlanError> {
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) =
            (limit.get_skip_type()?, limit.get_fetch_type()?)
        else {
            return Err(refused("a LIMIT that is no literal"));
        };
        match limit.input.as_ref() {
            // The order is below a projection that drops what it is by.
            LogicalPlan::Projection(projection)
                if matches!(projection.input.as_ref(), LogicalPlan::Sort(_)) =>
            {
                let below = Limit {
                    skip: limit.skip.clone(),
                    fetch: limit.fetch.clone(),
                    input: Arc::clone(&projection.input),
                };
                let input = self.unnest_limit(&below, domain)?;
                let mut exprs = domain.map_all(&projection.expr)?;
                exprs.extend(domain.exprs());
                project(input, exprs)
            }
            LogicalPlan::Sort(sort) => {
                let input = self.unnest(&sort.input, domain)?;
                self.first_rows(input, domain, &sort.expr, skip, fetch)
            }
            other => {
                let input = self.unnest(other, domain)?;
                self.first_rows(input, domain, &[], skip, fetch)
            }
        }
    }

    /// The first rows of each row of the domain.
    fn first_rows(
        &mut self,
        input: LogicalPlan,
        domain: &Domain,
        order_by: &[SortExpr],
        skip: usize,
        fetch: Option<usize>,
    ) -> Result<LogicalPlan, PlanError> {
        let columns = input.schema().columns();
        let over = Over {
            partition_by: domain.exprs().collect(),
            order_by: order_by.to_vec(),
            frame: WindowFrame::new((!order_by.is_empty()).then_some(true)),
        };
        let (ctx, registry) = (&self.ctx.expr, FunctionRegistry::new());
        let modifiers = Modifiers::default();
        let number = window_call(ctx, &registry, "ROW_NUMBER", Vec::new(), &over, modifiers)
            .map_err(|e| PlanError::Internal(e.to_string()))?;
        let name = self.new_column("row_number");
        let call = number.expr.alias(&name.name);
        let window = LogicalPlan::Window(Window::try_new(vec![call], Arc::new(input))?);
        let number = || Expr::Column(name.clone());
        let literal = |n: usize| lit(i64::try_from(n).unwrap_or(i64::MAX));
        let above = (skip > 0).then(|| number().gt(literal(skip)));
        let below = fetch.map(|n| number().lt_eq(literal(skip.saturating_add(n))));
        let plan = match conjunction(above.into_iter().chain(below)) {
            None => return Ok(window),
            Some(bounds) => LogicalPlan::Filter(Filter::try_new(bounds, Arc::new(window))?),
        };
        only_columns(plan, columns)
    }

    fn unnest_window(
        &mut self,
        window: &Window,
        domain: &Domain,
    ) -> Result<LogicalPlan, PlanError> {
        let columns = window.schema.columns();
        let input = self.unnest(&window.input, domain)?;
        let mut calls = domain.map_all(&window.window_expr)?;
        for call in &mut calls {
            let call = match call {
                Expr::Alias(alias) => alias.expr.as_mut(),
                other => other,
            };
            if let Expr::WindowFunction(function) = call {
                function.params.partition_by.extend(domain.exprs());
            }
        }
        let window = LogicalPlan::Window(Window::try_new(calls, Arc::new(input))?);
        let exprs = columns.into_iter().map(Expr::Column);
        project(window, exprs.chain(domain.exprs()).collect())
    }

    fn unnest_union(&mut self, union: &Union, domain: &Domain) -> Result<LogicalPlan, PlanError> {
        let mut inputs = Vec::with_capacity(union.inputs.len());
        for input in &union.inputs {
            let columns = input.schema().columns().into_iter().map(Expr::Column);
            let unnested = self.unnest(input, domain)?;
            inputs.push(Arc::new(project(
                unnested,
                columns.chain(domain.exprs()).collect(),
            )?));
        }
        let own = union.schema.iter();
        let own = own.map(|(relation, field)| (relation.cloned(), Arc::clone(field)));
        let domain_fields = domain.plan.schema().fields().iter();
        let fields: Vec<(Option<TableReference>, _)> = own
            .chain(domain_fields.map(|field| (None, Arc::clone(field))))
            .collect();
        let schema = Arc::new(DFSchema::new_with_metadata(fields, HashMap::new())?);
        Ok(LogicalPlan::Union(Union { inputs, schema }))
    }

    fn unnest_join(&mut self, old: &Join, domain: &Domain) -> Result<LogicalPlan, PlanError> {
        let columns = old.schema.columns();
        let mut conditions: Vec<Expr> = old
            .on
            .iter()
            .map(|(l, r)| match old.null_equality {
                datafusion::common::NullEquality::NullEqualsNull => same(l.clone(), r.clone()),
                datafusion::common::NullEquality::NullEqualsNothing => l.clone().eq(r.clone()),
            })
            .chain(old.filter.clone())
            .collect();
        conditions = domain.map_all(&conditions)?;
        let right_reads = domain.is_read_by(&outer_refs(&old.right));
        let left_reads = domain.is_read_by(&outer_refs(&old.left));
        let swapped = matches!(
            old.join_type,
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark
        );
        if old.null_aware || swapped || old.join_type == JoinType::Full {
            return Err(refused(&format!("a {} JOIN", old.join_type)));
        }
        let inner = old.join_type == JoinType::Inner;
        // An inner join needs the domain on one side; the others keep the left's rows, so that it must be there.
        let on_left = left_reads || !inner || !right_reads;
        let left = match on_left {
            true => self.unnest(&old.left, domain)?,
            false => old.left.as_ref().clone(),
        };
        let right = if right_reads && on_left {
            let copy = self.copy_of(domain)?;
            conditions.extend(domain.equals(&copy));
            self.unnest(&old.right, &copy)?
        } else if right_reads {
            self.unnest(&old.right, domain)?
        } else {
            old.right.as_ref().clone()
        };
        let joined = join(left, right, old.join_type, conjunction(conditions))?;
        let exprs = columns.into_iter().map(Expr::Column);
        project(joined, exprs.chain(domain.exprs()).collect())
    }
}

/// The value of an aggregate, where there may be no rows: COUNT is 0 then, other functions NULL.
fn or_nothing(column: Column, call: &Expr) -> Result<Expr, PlanError> {
    debug_assert!(expr_outer_refs(&Expr::Column(column.clone())).is_empty());
    let value = Expr::Column(column.clone());
    let function = match call {
        Expr::Alias(alias) => alias.expr.as_ref(),
        other => other,
    };
    let counts = match function {
        Expr::AggregateFunction(call) => {
            let name = call.func.name().to_uppercase();
            matches!(
                name.as_str(),
                "COUNT" | "APPROX_COUNT_DISTINCT" | "REGR_COUNT"
            )
        }
        _ => false,
    };
    if !counts {
        return Ok(value);
    }
    let zero = lit(ScalarValue::Int64(Some(0)));
    let counted = when(value.clone().is_null(), zero).otherwise(value)?;
    Ok(counted.alias(column.name))
}

fn refused(operation: &str) -> PlanError {
    PlanError::Refused(format!(
        "A subquery that reads the query around it inside of {operation} is not supported."
    ))
}
