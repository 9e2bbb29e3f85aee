//! UNION, INTERSECT, EXCEPT.

use std::sync::Arc;

use datafusion::common::{NullEquality, NullHandling, ScalarValue, UnnestOptions};
use datafusion::functions_nested::expr_fn as nested;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Join, JoinConstraint, JoinType, LogicalPlan, Union, Unnest, lit,
    when,
};
use filbert_functions::TypedExpr;
use filbert_types::{LogicalType, Span, TimeKind, TypeKind};
use sqlparser::ast::{SetExpr, SetOperator, SetQuantifier};

use crate::aggregate::AggregateArgs;
use crate::binder::{Binder, NamedExpr, span_of};
use crate::error::{BindError, BindResult};
use crate::plan::{filter, project_exprs, schema_of};
use crate::scope::{Relation, ScopeColumn};

impl Binder<'_> {
    pub fn set_operation(
        &mut self,
        op: SetOperator,
        quantifier: SetQuantifier,
        left: &SetExpr,
        right: &SetExpr,
    ) -> BindResult<Relation> {
        let span = span_of(right);
        let all = match quantifier {
            SetQuantifier::All => true,
            SetQuantifier::Distinct | SetQuantifier::None => false,
            _ => {
                return Err(BindError::unsupported(span, format!("{op} {quantifier}")));
            }
        };
        let (name, op) = match (op, all) {
            (SetOperator::Union, true) => ("UNION ALL", SetOperator::Union),
            (SetOperator::Union, false) => ("UNION", SetOperator::Union),
            (SetOperator::Intersect, true) => ("INTERSECT ALL", SetOperator::Intersect),
            (SetOperator::Intersect, false) => ("INTERSECT", SetOperator::Intersect),
            (SetOperator::Except | SetOperator::Minus, true) => ("EXCEPT ALL", SetOperator::Except),
            (SetOperator::Except | SetOperator::Minus, false) => ("EXCEPT", SetOperator::Except),
        };
        // A chain of UNION ALL becomes one node with many inputs.
        let mut operands = vec![right];
        let mut first = left;
        if op == SetOperator::Union {
            while let SetExpr::SetOperation {
                op: SetOperator::Union,
                set_quantifier,
                left,
                right,
            } = first
                && *set_quantifier == quantifier
            {
                operands.push(right);
                first = left;
            }
        }
        operands.push(first);
        let mut relations = Vec::with_capacity(operands.len());
        for operand in operands.into_iter().rev() {
            relations.push((self.set_expr(operand)?, span_of(operand)));
        }
        let types = common_types(&relations, name)?;
        let relations = relations
            .into_iter()
            .map(|(r, place)| self.cast_columns(r, &types, place))
            .collect::<BindResult<Vec<_>>>()?;
        match op {
            SetOperator::Union => self.union(relations, &types, all),
            _ if all => self.counted(relations, &types, op == SetOperator::Intersect),
            _ => self.semi_join(relations, op == SetOperator::Intersect),
        }
    }

    fn cast_columns(
        &mut self,
        relation: Relation,
        types: &[LogicalType],
        span: Option<Span>,
    ) -> BindResult<Relation> {
        let items = relation
            .columns
            .iter()
            .zip(types)
            .map(|(c, ty)| {
                Ok(NamedExpr {
                    name: c.name.clone(),
                    expr: self.as_common(c.expr(), ty, span)?,
                })
            })
            .collect::<BindResult<Vec<_>>>()?;
        self.project(relation.plan, items)
    }

    fn as_common(
        &self,
        value: TypedExpr,
        ty: &LogicalType,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        // A timestamp beside a rowtime is taken for one.
        if ty.kind.time_kind() == TimeKind::Rowtime
            && value.ty.kind == ty.without_time_attribute().kind
        {
            let ty = ty.with_nullable(value.ty.nullable);
            return Ok(TypedExpr::new(value.expr, ty));
        }
        self.to_common(value, ty, span)
    }

    fn union(
        &mut self,
        relations: Vec<Relation>,
        types: &[LogicalType],
        all: bool,
    ) -> BindResult<Relation> {
        let names: Vec<String> = relations
            .first()
            .map(|r| r.columns.iter().map(|c| c.name.clone()).collect())
            .unwrap_or_default();
        let columns: Vec<ScopeColumn> = names
            .into_iter()
            .zip(types)
            .map(|(name, ty)| ScopeColumn {
                column: self.new_column(&name, ty),
                name,
                ty: ty.clone(),
            })
            .collect();
        let mut inputs = Vec::with_capacity(relations.len());
        for relation in relations {
            let exprs = relation
                .columns
                .iter()
                .zip(&columns)
                .map(|(from, to)| Expr::Column(from.column.clone()).alias(&to.column.name))
                .collect();
            inputs.push(Arc::new(project_exprs(relation.plan, exprs)?));
        }
        let schema = schema_of(&columns)?;
        let mut plan = LogicalPlan::Union(Union { inputs, schema });
        if !all {
            for column in &columns {
                self.check_groupable(&column.ty, None)?;
            }
            plan = LogicalPlan::Distinct(Distinct::All(Arc::new(plan)));
        }
        Ok(Relation { plan, columns })
    }

    /// INTERSECT and EXCEPT: a semi or anti join in which NULL equals NULL, and what is left once.
    fn semi_join(&mut self, relations: Vec<Relation>, intersect: bool) -> BindResult<Relation> {
        let (left, right) = two_sides(relations)?;
        for column in &left.columns {
            self.check_groupable(&column.ty, None)?;
        }
        let on: Vec<(Expr, Expr)> = left
            .columns
            .iter()
            .zip(&right.columns)
            .map(|(l, r)| {
                (
                    Expr::Column(l.column.clone()),
                    Expr::Column(r.column.clone()),
                )
            })
            .collect();
        let join_type = if intersect {
            JoinType::LeftSemi
        } else {
            JoinType::LeftAnti
        };
        let columns = left.columns.clone();
        let left = self.only_columns(left)?;
        let plan = LogicalPlan::Join(Join::try_new(
            Arc::new(left.plan),
            Arc::new(right.plan),
            on,
            None,
            join_type,
            JoinConstraint::On,
            NullEquality::NullEqualsNull,
            false,
        )?);
        let plan = LogicalPlan::Distinct(Distinct::All(Arc::new(plan)));
        Ok(Relation { plan, columns })
    }

    /// INTERSECT ALL and EXCEPT ALL: equal rows of both sides are counted, and come as often as the lesser of the two
    /// counts, or as the left's exceeds the right's.
    fn counted(
        &mut self,
        relations: Vec<Relation>,
        types: &[LogicalType],
        intersect: bool,
    ) -> BindResult<Relation> {
        let (left, right) = two_sides(relations)?;
        let names: Vec<String> = left.columns.iter().map(|c| c.name.clone()).collect();
        let left = self.marked(left, [true, false])?;
        let right = self.marked(right, [false, true])?;
        let mark = LogicalType::new(TypeKind::Boolean, true);
        let types: Vec<LogicalType> = types.iter().cloned().chain([mark.clone(), mark]).collect();
        let mut both = self.union(vec![left, right], &types, true)?;
        let marks = both.columns.split_off(names.len());
        let mut counts = Vec::with_capacity(2);
        let mut calls = Vec::with_capacity(2);
        for mark in marks {
            let args = AggregateArgs::plain(vec![mark.expr()]);
            let count = self.aggregate("COUNT", args, true, None)?;
            let column = self.new_column("count", &count.ty);
            calls.push(count.expr.alias(&column.name));
            counts.push(Expr::Column(column));
        }
        let groups = both.columns.iter();
        let groups = groups.map(|c| Expr::Column(c.column.clone())).collect();
        let plan = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(both.plan), groups, calls)?);
        let [left, right] = [counts[0].clone(), counts[1].clone()];
        let times = if intersect {
            when(left.clone().gt(right.clone()), right).otherwise(left)?
        } else {
            left - right
        };
        let plan = self.repeated(plan, &both.columns, times)?;
        let relation = Relation {
            plan,
            columns: both.columns,
        };
        self.only_columns(relation)
    }

    /// A relation with two marks beside: TRUE or NULL.
    fn marked(&mut self, relation: Relation, marks: [bool; 2]) -> BindResult<Relation> {
        let columns = relation.columns.iter();
        let mut items: Vec<NamedExpr> = columns
            .map(|c| NamedExpr {
                name: c.name.clone(),
                expr: c.expr(),
            })
            .collect();
        items.extend(marks.map(|mark| NamedExpr {
            name: "mark".to_owned(),
            expr: TypedExpr::new(
                Expr::Literal(ScalarValue::Boolean(mark.then_some(true)), None),
                LogicalType::new(TypeKind::Boolean, true),
            ),
        }));
        self.project(relation.plan, items)
    }

    /// Each row as often as `times` says, if that is more than 0.
    fn repeated(
        &mut self,
        plan: LogicalPlan,
        columns: &[ScopeColumn],
        times: Expr,
    ) -> BindResult<LogicalPlan> {
        let ty = LogicalType::not_null(TypeKind::BigInt);
        let times_column = self.new_column("times", &ty);
        let kept = || columns.iter().map(|c| Expr::Column(c.column.clone()));
        let exprs = kept().chain([times.alias(&times_column.name)]).collect();
        let plan = project_exprs(plan, exprs)?;
        let times = Expr::Column(times_column);
        let plan = filter(plan, times.clone().gt(lit(0i64)))?;
        let copy = self.new_column("copy", &LogicalType::not_null(TypeKind::BigInt));
        let copies = nested::gen_series(lit(1i64), times, lit(1i64)).alias(&copy.name);
        let plan = project_exprs(plan, kept().chain([copies]).collect())?;
        let options = UnnestOptions {
            null_handling: NullHandling::Drop,
            recursions: Vec::new(),
        };
        let unnest = Unnest::try_new(Arc::new(plan), vec![copy], options)?;
        Ok(LogicalPlan::Unnest(unnest))
    }
}

fn two_sides(relations: Vec<Relation>) -> BindResult<(Relation, Relation)> {
    let mut relations = relations.into_iter();
    match (relations.next(), relations.next()) {
        (Some(left), Some(right)) => Ok((left, right)),
        _ => Err(BindError::new("A set operation has two sides")),
    }
}

fn common_types(
    relations: &[(Relation, Option<Span>)],
    name: &str,
) -> BindResult<Vec<LogicalType>> {
    let Some((first, _)) = relations.first() else {
        return Ok(Vec::new());
    };
    for (relation, place) in relations {
        if relation.columns.len() != first.columns.len() {
            return Err(BindError::at(
                *place,
                format!(
                    "Column count mismatch in {name}: {} and {}",
                    first.columns.len(),
                    relation.columns.len()
                ),
            ));
        }
    }
    (0..first.columns.len())
        .map(|i| {
            let types: Vec<LogicalType> = relations
                .iter()
                .map(|(r, _)| r.columns[i].ty.clone())
                .collect();
            let common = filbert_functions::common_type(&types);
            let common = common.map(|ty| with_first_time(ty, &types));
            common.ok_or_else(|| {
                let names: Vec<String> = types.iter().map(ToString::to_string).collect();
                BindError::at(
                    relations.last().and_then(|(_, place)| *place),
                    format!(
                        "Type mismatch in column {} of {name}: {}",
                        i + 1,
                        names.join(", ")
                    ),
                )
            })
        })
        .collect()
}

/// Of timestamps of one type the first says whether they are a rowtime.
fn with_first_time(common: LogicalType, types: &[LogicalType]) -> LogicalType {
    let mut common = common;
    let is_alike = |ty: &LogicalType| {
        ty.without_time_attribute().kind == common.without_time_attribute().kind
            && ty.kind.time_kind() != TimeKind::Proctime
    };
    if let Some(first) = types.first()
        && first.kind.time_kind() == TimeKind::Rowtime
        && types.iter().all(is_alike)
    {
        common.kind = first.kind.clone();
    }
    common
}
