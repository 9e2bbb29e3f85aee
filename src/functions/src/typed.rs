use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use filbert_types::{LogicalType, TimeZone};

/// A bound expression and its type. The expression's Arrow type is always `ty.arrow()`.
#[derive(Debug, Clone)]
pub struct TypedExpr {
    pub expr: Expr,
    pub ty: LogicalType,
}

impl TypedExpr {
    pub fn new(expr: Expr, ty: LogicalType) -> TypedExpr {
        TypedExpr { expr, ty }
    }

    /// The value when the expression is a literal.
    pub fn literal(&self) -> Option<&ScalarValue> {
        match &self.expr {
            Expr::Literal(value, _) => Some(value),
            _ => None,
        }
    }
}

/// What typing and folding need to know of the session.
#[derive(Debug, Clone)]
pub struct ExprContext {
    /// `table.local-time-zone`.
    pub time_zone: TimeZone,
    /// True in batch mode, where CURRENT_TIMESTAMP is one instant for the whole query.
    pub batch: bool,
    /// `table.exec.legacy-cast-behaviour` is ENABLED.
    pub legacy_cast: bool,
    /// The instant at which the query began: microseconds since the epoch.
    pub query_start_us: i64,
    /// For CURRENT_DATABASE().
    pub current_database: String,
}
