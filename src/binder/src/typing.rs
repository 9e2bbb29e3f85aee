//! The ways from here to `filbert-functions`: it types, the binder adds the place.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use filbert_functions::aggregate::{self, Modifiers};
use filbert_functions::{CallError, TypedExpr, call, window};
use filbert_types::{LogicalType, Span, TypeKind};

use crate::aggregate::AggregateArgs;
use crate::binder::Binder;
use crate::error::{BindError, BindResult};

impl Binder<'_> {
    /// A call of a function or an operator by its name.
    pub fn scalar(
        &self,
        name: &str,
        args: Vec<TypedExpr>,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let bound = call::scalar(self.cx.exprs, self.cx.functions, name, args);
        bound.map_err(|error| match error {
            CallError::UnknownFunction {
                name, arguments, ..
            } => {
                let error = self.unknown_function(name, arguments);
                BindError::from_call(&error, span)
            }
            error => BindError::from_call(&error, span),
        })
    }

    /// With the nearest name, those of CREATE FUNCTION too.
    pub fn unknown_function(&self, name: String, arguments: String) -> CallError {
        if window::is_window_function(&name) {
            return CallError::Invalid(format!(
                "OVER clause is necessary for window functions: {}(..) OVER (ORDER BY ..).",
                name.to_uppercase()
            ));
        }
        if self.cx.functions.table(&name).is_some() || self.cx.functions.process(&name).is_some() {
            return CallError::Invalid(format!(
                "Cannot call table function here: '{name}'. It belongs into FROM: LATERAL TABLE({name}(..))."
            ));
        }
        let created = self.cx.catalog.user_functions();
        let hint = self.cx.functions.hint_among(&name, &created);
        CallError::UnknownFunction {
            name,
            arguments,
            hint,
        }
    }

    pub fn cast(
        &self,
        arg: TypedExpr,
        ty: &LogicalType,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        call::cast(self.cx.exprs, arg, ty).map_err(|e| BindError::from_call(&e, span))
    }

    pub fn try_cast(
        &self,
        arg: TypedExpr,
        ty: &LogicalType,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        call::try_cast(self.cx.exprs, arg, ty).map_err(|e| BindError::from_call(&e, span))
    }

    pub fn implicit_cast(
        &self,
        arg: TypedExpr,
        ty: &LogicalType,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        call::implicit_cast(self.cx.exprs, arg, ty).map_err(|e| BindError::from_call(&e, span))
    }

    /// Casts to a common type that was found before; nullability stays the argument's.
    pub fn to_common(
        &self,
        arg: TypedExpr,
        common: &LogicalType,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        if arg.ty.kind == common.kind {
            return Ok(arg);
        }
        let ty = common.with_nullable(arg.ty.nullable);
        self.cast(arg, &ty, span)
    }

    /// Whether a name is an aggregate function's.
    pub fn is_aggregate(&self, name: &str) -> bool {
        aggregate::aggregate(name).is_some() || self.cx.functions.user_aggregate(name).is_some()
    }

    /// A call of an aggregate function; `grouped` where no group can be empty.
    pub fn aggregate(
        &self,
        name: &str,
        args: AggregateArgs,
        grouped: bool,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let modifiers = Modifiers {
            grouped,
            ..args.modifiers
        };
        aggregate::call(self.cx.exprs, self.cx.functions, name, args.args, modifiers)
            .map_err(|e| BindError::from_call(&e, span))
    }

    /// A call with OVER.
    pub fn window(
        &self,
        name: &str,
        args: AggregateArgs,
        over: &window::Over,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let (exprs, functions) = (self.cx.exprs, self.cx.functions);
        window::call(exprs, functions, name, args.args, over, args.modifiers)
            .map_err(|e| BindError::from_call(&e, span))
    }

    /// An expression that must be a condition.
    pub fn condition(&self, expr: TypedExpr, clause: &str, span: Option<Span>) -> BindResult<Expr> {
        match expr.ty.kind {
            TypeKind::Boolean => Ok(expr.expr),
            TypeKind::Null => Ok(Expr::Literal(ScalarValue::Boolean(None), None)),
            _ => Err(BindError::at(
                span,
                format!(
                    "{clause} clause must be a condition, but is of type {}",
                    expr.ty
                ),
            )),
        }
    }
}

pub(crate) use filbert_functions::literal::symbol;

/// Refuses to sort by values that have no order.
pub(crate) fn check_orderable(ty: &LogicalType, span: Option<Span>) -> BindResult<()> {
    if ty.kind.is_orderable() {
        return Ok(());
    }
    Err(BindError::at(
        span,
        format!(
            "Type({ty}) is not an orderable data type, it is not supported as a ORDER_BY/GROUP_BY/JOIN_EQUAL field."
        ),
    ))
}

impl Binder<'_> {
    /// Refuses to tell rows apart by values that have no order where the plan may sort them for it: in batch.
    pub(crate) fn check_groupable(&self, ty: &LogicalType, span: Option<Span>) -> BindResult<()> {
        if self.cx.exprs.batch {
            check_orderable(ty, span)
        } else {
            Ok(())
        }
    }
}

/// A column of a query has a type.
pub(crate) fn refuse_untyped_null(value: &TypedExpr, span: Option<Span>) -> BindResult<()> {
    let bare = crate::expr::is_null(&value.ty) && value.literal().is_some();
    if bare || filbert_functions::cast::holds_untyped_null(&value.ty.kind) {
        return Err(BindError::at(span, "Illegal use of 'NULL'")
            .with_hint("Give it a type: CAST(NULL AS INT)."));
    }
    Ok(())
}
