//! The JSON functions, whose clauses become arguments as `filbert_functions` documents them.

use filbert_functions::TypedExpr;
use filbert_sql::{JsonBehavior, JsonClauses, JsonKind, JsonWrapper};
use filbert_types::{LogicalType, TypeKind};
use sqlparser::ast::Function;

use super::ExprCx;
use crate::binder::Binder;
use crate::error::BindResult;
use crate::typing::symbol;

impl Binder<'_> {
    /// The call, if it is one of a JSON function or an IS JSON.
    pub fn json_call(
        &mut self,
        upper: &str,
        function: &Function,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<Option<TypedExpr>> {
        if let Some(test) = filbert_sql::is_json(function) {
            let kind = match test.kind {
                JsonKind::Value => "VALUE",
                JsonKind::Object => "OBJECT",
                JsonKind::Array => "ARRAY",
                JsonKind::Scalar => "SCALAR",
            };
            let args = vec![self.expr(test.expr, cx)?, symbol(kind)];
            let result = self.scalar("IS JSON", args, None)?;
            return if test.negated {
                self.scalar("NOT", vec![result], None).map(Some)
            } else {
                Ok(Some(result))
            };
        }
        if !matches!(
            upper,
            "JSON_VALUE" | "JSON_QUERY" | "JSON_EXISTS" | "JSON_OBJECT" | "JSON_ARRAY"
        ) {
            return Ok(None);
        }
        let clauses = filbert_sql::json_clauses(function);
        let mut args = filbert_sql::json_arguments(function)
            .into_iter()
            .map(|a| self.call_arg(a, cx))
            .collect::<BindResult<Vec<_>>>()?;
        match upper {
            "JSON_VALUE" => {
                args.push(self.returning(&clauses)?);
                for behavior in [clauses.on_empty, clauses.on_error] {
                    self.behavior(behavior.unwrap_or(JsonBehavior::Null), true, cx, &mut args)?;
                }
            }
            "JSON_QUERY" => {
                args.push(self.returning(&clauses)?);
                args.push(symbol(match clauses.wrapper {
                    None | Some(JsonWrapper::Without) => "WITHOUT",
                    Some(JsonWrapper::Conditional) => "CONDITIONAL",
                    Some(JsonWrapper::Unconditional) => "UNCONDITIONAL",
                }));
                for behavior in [clauses.on_empty, clauses.on_error] {
                    self.behavior(behavior.unwrap_or(JsonBehavior::Null), false, cx, &mut args)?;
                }
            }
            "JSON_EXISTS" => {
                let on_error = clauses.on_error.unwrap_or(JsonBehavior::False);
                self.behavior(on_error, false, cx, &mut args)?;
            }
            _ => {
                let absent = clauses.absent_on_null.unwrap_or(upper == "JSON_ARRAY");
                args.insert(0, symbol(if absent { "ABSENT" } else { "NULL" }));
            }
        }
        self.scalar(upper, args, None).map(Some)
    }

    /// A NULL of the type that RETURNING names.
    fn returning(&self, clauses: &JsonClauses<'_>) -> BindResult<TypedExpr> {
        let ty = clauses
            .returning
            .clone()
            .unwrap_or_else(LogicalType::string);
        self.cast(self.null_literal(), &ty, None)
    }

    /// The keyword of a clause and, where the function can have one, its default.
    fn behavior(
        &mut self,
        behavior: JsonBehavior<'_>,
        with_default: bool,
        cx: &mut ExprCx<'_>,
        args: &mut Vec<TypedExpr>,
    ) -> BindResult<()> {
        let (word, default) = match behavior {
            JsonBehavior::Null => ("NULL", None),
            JsonBehavior::Error => ("ERROR", None),
            JsonBehavior::True => ("TRUE", None),
            JsonBehavior::False => ("FALSE", None),
            JsonBehavior::Unknown => ("UNKNOWN", None),
            JsonBehavior::EmptyArray => ("EMPTY ARRAY", None),
            JsonBehavior::EmptyObject => ("EMPTY OBJECT", None),
            JsonBehavior::Default(value) => ("DEFAULT", Some(value)),
        };
        args.push(symbol(word));
        if with_default {
            args.push(match default {
                Some(value) => self.expr(value, cx)?,
                None => self.null_literal(),
            });
        }
        Ok(())
    }

    fn null_literal(&self) -> TypedExpr {
        TypedExpr::new(
            datafusion::logical_expr::Expr::Literal(datafusion::common::ScalarValue::Null, None),
            LogicalType::from(TypeKind::Null),
        )
    }
}
