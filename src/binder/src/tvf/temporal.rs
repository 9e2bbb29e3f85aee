//! Temporal table functions: `LATERAL TABLE(rates(o.ts))` is the history that the function was made of, as it was at the
//! time of the row on its left. It becomes the same node as `FOR SYSTEM_TIME AS OF`.

use std::sync::Arc;

use datafusion::logical_expr::Expr;
use filbert_functions::TypedExpr;
use filbert_functions::temporal_table_function::TemporalTableFunction;
use filbert_sql::TableFunction;
use filbert_types::TimeKind;

use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult, available};
use crate::expr::call::plain_arg;
use crate::from::{From, aliased};
use crate::relational::{History, Relational, RelationalNode};
use crate::scope::{Relation, ScopeColumn};

impl Binder<'_> {
    /// The temporal table function that a call in FROM names.
    pub fn temporal_function(
        &self,
        call: &TableFunction<'_>,
    ) -> Option<Arc<TemporalTableFunction>> {
        let name = self.registered_name(call).ok()?;
        self.cx.functions.temporal(&name).cloned()
    }

    /// The history as of the row on its left: the right side of a join.
    pub fn history(
        &mut self,
        left: &From,
        call: &TableFunction<'_>,
        function: &TemporalTableFunction,
    ) -> BindResult<From> {
        let span = span_of(call.name);
        let name = call.name.to_string();
        let [arg] = call.args else {
            return Err(BindError::at(
                span,
                format!("TemporalTableFunction call [{name}] must have exactly one argument"),
            ));
        };
        if !call.lateral {
            return Err(BindError::at(
                span,
                format!(
                    "The temporal table function '{name}' is called with LATERAL: LATERAL TABLE({name}(time))."
                ),
            ));
        }
        let ast = plain_arg(arg, &name)?;
        let period = self.expr_of_left(left, ast, "a table function")?;
        if !matches!(period.expr, Expr::OuterReferenceColumn(..)) {
            return Err(BindError::at(
                span_of(ast),
                format!(
                    "Unsupported argument [{ast}] in TemporalTableFunction call of [{name}]: it takes a time attribute of the row on its left."
                ),
            ));
        }
        let relation = self.kept_query(&function.query).map_err(|e| {
            BindError::at(span, format!("The history of {name} can't be read: {e}"))
        })?;
        let relation = self.as_of(relation, period, function, span_of(ast).or(span))?;
        aliased(relation, call.alias)
    }

    fn as_of(
        &self,
        history: Relation,
        period: TypedExpr,
        function: &TemporalTableFunction,
        span: Option<filbert_types::Span>,
    ) -> BindResult<Relation> {
        let time = column_of(&history, &function.time_attribute, span)?;
        let key = column_of(&history, &function.primary_key, span)?;
        let (given, kept) = (period.ty.kind.time_kind(), time.ty.kind.time_kind());
        if !time.ty.kind.is_timestamp() || kept == TimeKind::Regular && !self.cx.exprs.batch {
            return Err(BindError::at(
                span,
                format!(
                    "Non rowtime timeAttribute [{}] used to create TemporalTableFunction",
                    time.ty
                ),
            ));
        }
        if given != kept {
            let wanted = match kept {
                TimeKind::Proctime => "processing",
                _ => "rowtime",
            };
            return Err(BindError::at(
                span,
                format!(
                    "Non {wanted} timeAttribute [{}] passed as the argument to TemporalTableFunction",
                    period.ty
                ),
            ));
        }
        let node = RelationalNode {
            schema: Arc::clone(history.plan.schema()),
            relational: Relational::Snapshot {
                period: period.expr,
                history: Some(History {
                    time: time.column.clone(),
                    key: key.column.clone(),
                }),
            },
            inputs: vec![history.plan],
        };
        Ok(Relation {
            plan: node.into_plan(),
            columns: history.columns,
        })
    }
}

fn column_of<'a>(
    history: &'a Relation,
    name: &str,
    span: Option<filbert_types::Span>,
) -> BindResult<&'a ScopeColumn> {
    history
        .columns
        .iter()
        .find(|c| c.name == name)
        .ok_or_else(|| {
            let names = || history.columns.iter().map(|c| c.name.as_str());
            let hint = filbert_types::suggest::nearest(name, names()).map_or_else(
                || available("columns", names()),
                |near| format!("Did you mean '{near}'?"),
            );
            BindError::at(
                span,
                format!("Cannot resolve field [{name}] of the history."),
            )
            .with_hint(hint)
        })
}
