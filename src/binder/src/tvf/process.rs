//! Process table functions that the embedding program registered:
//! `f(input => TABLE t PARTITION BY k, arg => 1, on_time => DESCRIPTOR(ts), uid => 'x')`.
//!
//! - `call`: the arguments in the function's order. `tables`: those that are tables.

mod call;
mod tables;

use std::sync::Arc;

use datafusion::logical_expr::Expr;
use filbert_functions::process_table_function::ArgumentKind;
use filbert_functions::{ProcessCall, ProcessTableFunction, Value};
use filbert_sql::TableFunction;
use filbert_types::{Field, LogicalType, TimeKind};

use self::call::{Call, arranged, invocation};
use self::tables::BoundTable;
use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::from::{From, aliased};
use crate::names::uniquify;
use crate::plan::schema_of;
use crate::relational::{ProcessTableCall, Relational, RelationalNode};
use crate::scope::{Relation, ScopeColumn};
use crate::tvf::arguments::uid_of;
use crate::unnest::empty_scope;

/// What the tables of a call give to its result.
struct Carried {
    /// Keys, or all columns where they pass through.
    fields: Vec<(String, LogicalType)>,
    /// The columns of each argument that is a table.
    seen: Vec<Option<Vec<Field>>>,
    /// The type of the time by `on_time`.
    time: Option<LogicalType>,
}

impl Binder<'_> {
    pub(super) fn process_table_function(
        &mut self,
        call: &TableFunction<'_>,
        function: &Arc<dyn ProcessTableFunction>,
    ) -> BindResult<From> {
        let span = span_of(call.name);
        if call.with_ordinality {
            let what = format!("WITH ORDINALITY on {}", function.name());
            return Err(BindError::unsupported(span, what));
        }
        let alias = call.alias;
        let call = arranged(call, function, span)?;
        let tables = self.process_tables(&call)?;
        let (scalars, values) = self.process_scalars(&call)?;
        let relation = self.process_relation(&call, tables, scalars, &values)?;
        aliased(relation, alias)
    }

    /// The scalar arguments as expressions, and their values as far as they are literals.
    fn process_scalars(&mut self, call: &Call<'_>) -> BindResult<(Vec<Option<Expr>>, Vec<Value>)> {
        let mut exprs = vec![None; call.arguments.len()];
        let mut values = vec![Value::Null; call.arguments.len()];
        let scope = empty_scope();
        for (number, argument) in call.arguments.iter().enumerate() {
            let ArgumentKind::Scalar(ty) = &argument.kind else {
                continue;
            };
            let ty = ty.with_nullable(true);
            let bound = match call.asts[number] {
                Some(ast) => {
                    let mut cx = ExprCx::plain(&scope, "a table function");
                    let bound = self.expr(ast, &mut cx)?;
                    let found = bound.ty.clone();
                    let cast = self.implicit_cast(bound, &ty, span_of(ast));
                    cast.map_err(|_| {
                        call.refuse(format!(
                            "Invalid argument type. Argument '{}' of {} is {ty}, but {found} was passed.",
                            argument.name,
                            call.function.name()
                        ))
                        .or_at(span_of(ast))
                    })?
                }
                None => filbert_functions::literal::null_of(&ty),
            };
            if let Some(value) = bound.literal()
                && let Ok(array) = value.to_array()
            {
                values[number] = Value::of(&array, 0).unwrap_or_default();
            }
            exprs[number] = Some(bound.expr);
        }
        Ok((exprs, values))
    }

    /// The node, and its columns: keys or what is passed through, the function's own, and the time.
    fn process_relation(
        &mut self,
        call: &Call<'_>,
        tables: Vec<BoundTable>,
        scalars: Vec<Option<Expr>>,
        values: &[Value],
    ) -> BindResult<Relation> {
        let Carried {
            mut fields,
            seen,
            time,
        } = carried(call, &tables);
        let process_call = ProcessCall {
            tables: &seen,
            scalars: values,
            has_on_time: time.is_some(),
        };
        let own = call.function.infer(&process_call);
        let own = own.map_err(|message| call.refuse(message))?;
        fields.extend(own.into_iter().map(|f| (f.name, f.ty)));
        fields.extend(time.map(|ty| ("rowtime".to_owned(), ty)));
        let names = uniquify(fields.iter().map(|(name, _)| name.as_str()));
        let columns: Vec<ScopeColumn> = names
            .into_iter()
            .zip(&fields)
            .map(|(name, (_, ty))| ScopeColumn {
                column: self.new_column(&name, ty),
                name,
                ty: ty.clone(),
            })
            .collect();
        let schema = schema_of(&columns)?;
        let stateful = tables.iter().any(|t| t.table.traits.set_semantics);
        let uid = match uid_of(call.uid(), call.span)? {
            None if stateful => Some(call.function.name().to_owned()),
            uid => uid,
        };
        let invocation = invocation(call, &tables);
        let (inputs, tables): (Vec<_>, Vec<_>) = tables
            .into_iter()
            .map(|t| (t.relation.plan, t.table))
            .unzip();
        let plan = RelationalNode {
            relational: Relational::ProcessTable(Box::new(ProcessTableCall {
                function: call.function.name().to_owned(),
                uid,
                tables,
                scalars,
                changelog: call.function.changelog(),
                deterministic: call.function.is_deterministic(),
                invocation,
            })),
            inputs,
            schema,
        }
        .into_plan();
        Ok(Relation { plan, columns })
    }
}

fn carried(call: &Call<'_>, tables: &[BoundTable]) -> Carried {
    let mut fields: Vec<(String, LogicalType)> = Vec::new();
    let mut seen: Vec<Option<Vec<Field>>> = vec![None; call.arguments.len()];
    let mut time: Option<LogicalType> = None;
    for bound in tables {
        let columns = &bound.relation.columns;
        let all = columns.iter().map(|c| Field::new(&c.name, c.ty.clone()));
        seen[bound.table.argument] = Some(all.collect());
        let shown: Vec<&ScopeColumn> = match bound.table.traits.pass_columns_through {
            true => columns.iter().collect(),
            false => bound
                .table
                .partition_by
                .iter()
                .map(|at| &columns[*at])
                .collect(),
        };
        fields.extend(
            shown
                .iter()
                .map(|c| (c.name.clone(), c.ty.without_time_attribute())),
        );
        if let Some(at) = bound.table.on_time {
            time = Some(columns[at].ty.with_time_kind(TimeKind::Rowtime));
        }
    }
    Carried { fields, seen, time }
}
