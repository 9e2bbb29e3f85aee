//! `t FOR SYSTEM_TIME AS OF time`: a table as of the left side's time.

use std::sync::Arc;

use datafusion::logical_expr::Expr;
use sqlparser::ast::{Expr as Ast, FunctionArguments, TableFactor, TableVersion};

use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::from::From;
use crate::relational::{Relational, RelationalNode};

impl Binder<'_> {
    /// `t FOR SYSTEM_TIME AS OF l.ts`: the rows as of the left row's time.
    pub fn snapshot(
        &mut self,
        left: &From,
        factor: &TableFactor,
        version: &TableVersion,
    ) -> BindResult<From> {
        let TableVersion::ForSystemTimeAsOf(period) = version else {
            return Err(BindError::unsupported(
                span_of(factor),
                format!("The version '{version}'"),
            ));
        };
        let mut plain = factor.clone();
        if let TableFactor::Table { version, .. } = &mut plain {
            *version = None;
        }
        let mut right = self.table(&plain)?;
        let bound = self.expr_of_left(left, period, "FOR SYSTEM_TIME AS OF");
        if let TableFactor::Table { name, .. } = factor {
            // The alias stands behind the time.
            self.move_tail(span_of(name), span_of(period));
        }
        let bound = bound?;
        if !bound.ty.kind.is_timestamp() {
            return Err(BindError::at(
                span_of(period),
                format!(
                    "The system time period specification expects Timestamp type but is '{}'",
                    bound.ty
                ),
            ));
        }
        if !is_name(period) {
            return Err(time_travel(period, &bound.expr, factor));
        }
        let node = RelationalNode {
            schema: Arc::clone(right.plan.schema()),
            relational: Relational::Snapshot {
                period: bound.expr,
                history: None,
            },
            inputs: vec![right.plan],
        };
        right.plan = node.into_plan();
        Ok(right)
    }
}

/// What Flink takes for a column: a name, also that of a function without parentheses.
fn is_name(period: &Ast) -> bool {
    match period {
        Ast::Identifier(_) | Ast::CompoundIdentifier(_) => true,
        Ast::Function(call) => matches!(call.args, FunctionArguments::None),
        _ => false,
    }
}

/// `FOR SYSTEM_TIME AS OF TIMESTAMP '..'` asks the catalog for a table as it was; none can tell.
fn time_travel(period: &Ast, bound: &Expr, factor: &TableFactor) -> BindError {
    let is_constant =
        !bound.contains_outer() && bound.column_refs().is_empty() && !bound.is_volatile();
    let message = match is_constant {
        false => format!(
            "Unsupported time travel expression: {period} for the expression can not be reduced to a constant by Flink."
        ),
        true => {
            let TableFactor::Table { name, .. } = factor else {
                return BindError::unsupported(span_of(factor), "FOR SYSTEM_TIME AS OF a constant");
            };
            format!(
                "Time travel is not supported: getTable(ObjectPath, long) is not implemented by the catalog of table '{name}'."
            )
        }
    };
    BindError::at(span_of(period), message)
}
