//! UNION, INTERSECT, EXCEPT.

use std::sync::Arc;

use datafusion::common::{Column, DFSchema, NullEquality, ScalarValue};
use datafusion::logical_expr::{
    Distinct, Expr, Join, JoinConstraint, JoinType, LogicalPlan, Union, Window, WindowFrame,
    WindowFrameBound, WindowFrameUnits,
};
use filbert_types::{LogicalType, Span};
use sqlparser::ast::{SetExpr, SetOperator, SetQuantifier};

use crate::aggregate::AggregateArgs;
use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::plan::project_exprs;
use crate::scope::{Relation, ScopeColumn};
use crate::window::Over;

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
            _ => self.semi_join(relations, op == SetOperator::Intersect, all),
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
                Ok(crate::binder::NamedExpr {
                    name: c.name.clone(),
                    expr: self.to_common(c.expr(), ty, span)?,
                })
            })
            .collect::<BindResult<Vec<_>>>()?;
        self.project(relation.plan, items)
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
        let fields = columns
            .iter()
            .map(|c| (None, Arc::new(c.ty.arrow_field(&c.column.name))))
            .collect();
        let schema = Arc::new(DFSchema::new_with_metadata(fields, Default::default())?);
        let mut plan = LogicalPlan::Union(Union { inputs, schema });
        if !all {
            plan = LogicalPlan::Distinct(Distinct::All(Arc::new(plan)));
        }
        Ok(Relation { plan, columns })
    }

    /// INTERSECT and EXCEPT: a semi or anti join in which NULL equals NULL. With ALL each row is numbered among its
    /// equals first, so that the n-th on the left meets the n-th on the right.
    fn semi_join(
        &mut self,
        relations: Vec<Relation>,
        intersect: bool,
        all: bool,
    ) -> BindResult<Relation> {
        let mut relations = relations.into_iter();
        let (Some(left), Some(right)) = (relations.next(), relations.next()) else {
            return Err(BindError::new("A set operation has two sides"));
        };
        let output = left.columns.clone();
        let mut on: Vec<(Expr, Expr)> = left
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
        let (left, right) = if all {
            let (left, left_number) = self.numbered(left)?;
            let (right, right_number) = self.numbered(right)?;
            on.push((Expr::Column(left_number), Expr::Column(right_number)));
            (left, right)
        } else {
            let left = LogicalPlan::Distinct(Distinct::All(Arc::new(left.plan)));
            (left, right.plan)
        };
        let join_type = if intersect {
            JoinType::LeftSemi
        } else {
            JoinType::LeftAnti
        };
        let plan = LogicalPlan::Join(Join::try_new(
            Arc::new(left),
            Arc::new(right),
            on,
            None,
            join_type,
            JoinConstraint::On,
            NullEquality::NullEqualsNull,
            false,
        )?);
        let relation = Relation {
            plan,
            columns: output,
        };
        if all {
            self.only_columns(relation)
        } else {
            Ok(relation)
        }
    }

    fn numbered(&mut self, relation: Relation) -> BindResult<(LogicalPlan, Column)> {
        let partition_by: Vec<Expr> = relation
            .columns
            .iter()
            .map(|c| Expr::Column(c.column.clone()))
            .collect();
        let over = Over {
            partition_by,
            order_by: Vec::new(),
            frame: WindowFrame::new_bounds(
                WindowFrameUnits::Rows,
                WindowFrameBound::Preceding(ScalarValue::Null),
                WindowFrameBound::Following(ScalarValue::Null),
            ),
        };
        let call = self.window("ROW_NUMBER", AggregateArgs::none(), &over, None)?;
        let column = self.new_column("row_number", &call.ty);
        let expr = call.expr.alias(&column.name);
        let plan = LogicalPlan::Window(Window::try_new(vec![expr], Arc::new(relation.plan))?);
        Ok((plan, column))
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
            filbert_functions::common_type(&types).ok_or_else(|| {
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
