//! Small plan nodes, made so that every new column has its internal name and its type.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::common::{Column, DFSchema, DFSchemaRef, NullEquality};
use datafusion::logical_expr::{
    EmptyRelation, Expr, Filter, Join, JoinConstraint, JoinType, LogicalPlan, Projection,
};
use filbert_functions::TypedExpr;
use filbert_types::LogicalType;

use crate::binder::{Binder, NamedExpr};
use crate::error::BindResult;
use crate::scope::{Relation, ScopeColumn};

/// One row without columns.
pub(crate) fn one_row() -> LogicalPlan {
    LogicalPlan::EmptyRelation(EmptyRelation {
        produce_one_row: true,
        schema: Arc::new(datafusion::common::DFSchema::empty()),
    })
}

pub(crate) fn filter(plan: LogicalPlan, predicate: Expr) -> BindResult<LogicalPlan> {
    Ok(LogicalPlan::Filter(Filter::try_new(
        predicate,
        Arc::new(plan),
    )?))
}

/// A join whose condition is left whole: the optimizer takes the equalities out.
pub(crate) fn join(
    left: LogicalPlan,
    right: LogicalPlan,
    condition: Option<Expr>,
    join_type: JoinType,
) -> BindResult<LogicalPlan> {
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

impl Binder<'_> {
    /// A new internal column of a type.
    pub fn new_column(&mut self, name: &str, ty: &LogicalType) -> Column {
        let column = self.names.column(name);
        self.types.insert(&column, ty.clone());
        column
    }

    /// Gives an expression an internal name, unless it is a column that `used` doesn't have yet: that one keeps its own.
    pub fn name_expr(
        &mut self,
        name: &str,
        expr: TypedExpr,
        used: &mut HashSet<Column>,
    ) -> (Expr, ScopeColumn) {
        if let Expr::Column(column) = &expr.expr
            && used.insert(column.clone())
        {
            let scope_column = ScopeColumn {
                name: name.to_string(),
                column: column.clone(),
                ty: expr.ty.clone(),
            };
            return (expr.expr, scope_column);
        }
        let column = self.new_column(name, &expr.ty);
        let scope_column = ScopeColumn {
            name: name.to_string(),
            column: column.clone(),
            ty: expr.ty,
        };
        (expr.expr.alias(column.name), scope_column)
    }

    /// Projects named expressions; nothing is added where they are the plan's columns as they stand.
    pub fn project(&mut self, plan: LogicalPlan, items: Vec<NamedExpr>) -> BindResult<Relation> {
        let mut used = HashSet::new();
        let (exprs, columns): (Vec<Expr>, Vec<ScopeColumn>) = items
            .into_iter()
            .map(|item| self.name_expr(&item.name, item.expr, &mut used))
            .unzip();
        Ok(Relation {
            plan: project_exprs(plan, exprs)?,
            columns,
        })
    }
}

/// A plan's columns as expressions.
pub(crate) fn column_exprs(plan: &LogicalPlan) -> Vec<Expr> {
    plan.schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect()
}

/// The schema of a plan with these columns.
pub(crate) fn schema_of(columns: &[ScopeColumn]) -> BindResult<DFSchemaRef> {
    let fields = columns.iter().map(|c| {
        let field = c.ty.arrow_field(&c.column.name);
        (c.column.relation.clone(), Arc::new(field))
    });
    let schema = DFSchema::new_with_metadata(fields.collect(), HashMap::new())?;
    Ok(Arc::new(schema))
}

/// A projection, unless it would change nothing.
pub(crate) fn project_exprs(plan: LogicalPlan, exprs: Vec<Expr>) -> BindResult<LogicalPlan> {
    let fields = plan.schema().columns();
    let same = fields.len() == exprs.len()
        && !fields.is_empty()
        && fields
            .iter()
            .zip(&exprs)
            .all(|(field, expr)| matches!(expr, Expr::Column(c) if c == field));
    if same {
        return Ok(plan);
    }
    Ok(LogicalPlan::Projection(Projection::try_new(
        exprs,
        Arc::new(plan),
    )?))
}
