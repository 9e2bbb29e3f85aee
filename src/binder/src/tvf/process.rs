//! Process table functions that the embedding program registered:
//! `f(input => TABLE t PARTITION BY k, arg => 1, on_time => DESCRIPTOR(ts), uid => 'x')`.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr;
use filbert_functions::parameters::{Argument, arrange};
use filbert_functions::process_table_function::{ArgumentKind, TableTraits, signature};
use filbert_functions::{Parameter, ProcessArgument, ProcessCall, ProcessTableFunction, Value};
use filbert_sql::{TableArgument, TableFunction};
use filbert_types::{Field, LogicalType, Span, TypeKind};
use sqlparser::ast::{
    Expr as Ast, FunctionArg, FunctionArgExpr, FunctionArguments, Value as AstValue, ValueWithSpan,
};

use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::from::{From, aliased};
use crate::names::uniquify;
use crate::relational::{ProcessTable, ProcessTableCall, Relational, RelationalNode};
use crate::scope::{Relation, ScopeColumn};
use crate::table::{as_rowtime, extension};
use crate::tvf::arguments::partition_column;
use crate::tvf::table_function::named_arg;
use crate::unnest::empty_scope;

/// A call while it is bound.
struct Call<'a> {
    function: &'a Arc<dyn ProcessTableFunction>,
    arguments: Vec<ProcessArgument>,
    /// By argument, then `on_time` and `uid`.
    asts: Vec<Option<&'a Ast>>,
    span: Option<Span>,
}

/// A table argument, bound.
struct BoundTable {
    relation: Relation,
    table: ProcessTable,
}

/// What the tables of a call give to its result.
struct Carried {
    /// Keys, or all columns where they pass through.
    fields: Vec<(String, LogicalType)>,
    /// The columns of each argument that is a table.
    seen: Vec<Option<Vec<Field>>>,
    /// The type of the time by `on_time`.
    time: Option<LogicalType>,
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
            time = Some(as_rowtime(&columns[at].ty));
        }
    }
    Carried { fields, seen, time }
}

impl Call<'_> {
    fn refuse(&self, message: impl std::fmt::Display) -> BindError {
        let signature = signature(self.function.as_ref());
        BindError::at(
            self.span,
            format!("{message}\nSupported form(s): {signature}"),
        )
    }

    fn on_time(&self) -> Option<&Ast> {
        self.asts.get(self.arguments.len()).copied().flatten()
    }

    fn uid(&self) -> Option<&Ast> {
        self.asts.get(self.arguments.len() + 1).copied().flatten()
    }
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
        let call_of = arranged(call, function, span)?;
        let tables = self.process_tables(&call_of)?;
        let (scalars, values) = self.process_scalars(&call_of)?;
        let relation = self.process_relation(&call_of, tables, scalars, &values)?;
        aliased(relation, call.alias)
    }

    fn process_tables(&mut self, call: &Call<'_>) -> BindResult<Vec<BoundTable>> {
        let mut tables = Vec::new();
        for (number, argument) in call.arguments.iter().enumerate() {
            let ArgumentKind::Table(traits) = argument.kind else {
                continue;
            };
            let Some(ast) = call.asts[number] else {
                continue;
            };
            let Some(table) = filbert_sql::table_argument(ast) else {
                return Err(BindError::at(
                    span_of(ast).or(call.span),
                    format!(
                        "Invalid argument value. Argument '{}' expects a table to be passed.",
                        argument.name
                    ),
                ));
            };
            tables.push(self.process_table(call, number, traits, &table)?);
        }
        if call.on_time().is_some() && tables.iter().all(|t| t.table.on_time.is_none()) {
            return Err(call.refuse("The `on_time` argument names no column of a table argument."));
        }
        check_keys(&tables, call.span)?;
        Ok(tables)
    }

    fn process_table(
        &mut self,
        call: &Call<'_>,
        number: usize,
        traits: TableTraits,
        table: &TableArgument<'_>,
    ) -> BindResult<BoundTable> {
        let name = call.arguments[number].name.as_str();
        let function = call.function.name();
        if let Some(first) = table.partition_by.first()
            && !traits.set_semantics
        {
            return Err(BindError::at(
                span_of(first).or(call.span),
                format!(
                    "Only tables with set semantics may be partitioned. Invalid PARTITION BY clause in the {number}-th operand of table function '{function}'"
                ),
            ));
        }
        if let Some(first) = table.order_by.first() {
            return Err(BindError::unsupported(
                span_of(&first.expr).or(call.span),
                format!("ORDER BY in a table argument of {function}"),
            ));
        }
        if traits.set_semantics && table.partition_by.is_empty() && !traits.optional_partition_by {
            return Err(call.refuse(format!(
                "Table argument '{name}' requires a PARTITION BY clause for parallel processing."
            )));
        }
        let relation = self.argument_rows(table)?;
        let mut partition_by = Vec::with_capacity(table.partition_by.len());
        for key in table.partition_by {
            let column = partition_column(key, &relation).map_err(|e| {
                let names = relation.columns.iter().map(|c| c.name.as_str());
                let names: Vec<&str> = names.collect();
                let message = format!(
                    "Invalid column '{key}' for PARTITION BY clause. Available columns are: [{}]",
                    names.join(", ")
                );
                BindError::at(e.span, message)
            })?;
            let place = relation.columns.iter().position(|c| c.column == column);
            partition_by.push(place.unwrap_or_default());
        }
        let on_time = match call.on_time() {
            Some(ast) => time_column(ast, &relation, name, call.span)?,
            None => None,
        };
        if traits.require_on_time && on_time.is_none() {
            return Err(call.refuse(format!(
                "Table argument '{name}' requires a time attribute. Please provide one using the implicit `on_time` argument. For example: myFunction(..., on_time => DESCRIPTOR(`my_timestamp`))"
            )));
        }
        Ok(BoundTable {
            table: ProcessTable {
                argument: number,
                traits,
                columns: relation.columns.iter().map(|c| c.column.clone()).collect(),
                partition_by,
                on_time,
            },
            relation,
        })
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
        let schema = columns
            .iter()
            .map(|c| (None, Arc::new(c.ty.arrow_field(&c.column.name))))
            .collect();
        let schema = DFSchema::new_with_metadata(schema, Default::default())?;
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
        let plan = extension(RelationalNode {
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
            schema: Arc::new(schema),
        });
        Ok(Relation { plan, columns })
    }
}

/// The arguments of a call in the order of the function's, then `on_time` and `uid`.
fn arranged<'a>(
    call: &TableFunction<'a>,
    function: &'a Arc<dyn ProcessTableFunction>,
    span: Option<Span>,
) -> BindResult<Call<'a>> {
    let name = function.name();
    let arguments = function.arguments();
    let mut parameters: Vec<Parameter> = arguments
        .iter()
        .map(|argument| Parameter {
            name: argument.name.clone(),
            optional: argument.optional,
        })
        .collect();
    parameters.extend(["on_time", "uid"].map(Parameter::optional));
    let mut asts = Vec::with_capacity(call.args.len());
    let mut given = Vec::with_capacity(call.args.len());
    for (place, arg) in call.args.iter().enumerate() {
        let (arg_name, ast) = named_arg(arg, name)?;
        asts.push(ast);
        given.push(Argument {
            name: arg_name.map(|n| n.value.as_str()),
            place,
        });
    }
    let bound = |asts| Call {
        function,
        arguments: arguments.clone(),
        asts,
        span,
    };
    let places = arrange(name, &parameters, &given);
    let places = places.map_err(|e| bound(Vec::new()).refuse(e))?;
    if places.len() > parameters.len() {
        return Err(bound(Vec::new()).refuse(format!(
            "The function {name} takes {} arguments at most, but got {}.",
            parameters.len(),
            places.len()
        )));
    }
    let mut ordered: Vec<Option<&Ast>> = places
        .into_iter()
        .map(|place| place.map(|at| asts[at]).filter(|ast| !is_default(ast)))
        .collect();
    ordered.resize(parameters.len(), None);
    for (argument, ast) in arguments.iter().zip(&ordered) {
        if ast.is_none() && !argument.optional {
            return Err(bound(Vec::new()).refuse(format!(
                "A call of {name} misses its argument '{}'.",
                argument.name
            )));
        }
    }
    Ok(bound(ordered))
}

/// `DEFAULT` as an argument: it is left out.
pub(super) fn is_default(ast: &Ast) -> bool {
    matches!(ast, Ast::Function(f)
        if matches!(f.args, FunctionArguments::None) && f.name.to_string().eq_ignore_ascii_case("DEFAULT"))
}

/// The operator's name that a call gives.
pub(super) fn uid_of(ast: Option<&Ast>, span: Option<Span>) -> BindResult<Option<String>> {
    let Some(ast) = ast.filter(|ast| !is_default(ast)) else {
        return Ok(None);
    };
    let text = match ast {
        Ast::Value(ValueWithSpan {
            value: AstValue::SingleQuotedString(text),
            ..
        }) => text.as_str(),
        _ => "",
    };
    let mut letters = text.chars();
    let fits = letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if fits {
        return Ok(Some(text.to_owned()));
    }
    Err(BindError::at(
        span_of(ast).or(span),
        format!(
            "Invalid unique identifier for process table function. The `uid` argument must be a string literal that follows the pattern [a-zA-Z_][a-zA-Z-_0-9]*. But found: {}",
            if text.is_empty() {
                ast.to_string()
            } else {
                text.to_owned()
            }
        ),
    ))
}

/// The column of a table that a DESCRIPTOR names for `on_time`; it may name columns of other tables too.
fn time_column(
    ast: &Ast,
    relation: &Relation,
    argument: &str,
    span: Option<Span>,
) -> BindResult<Option<usize>> {
    let span = span_of(ast).or(span);
    let names: Option<Vec<&str>> = match ast {
        Ast::Function(call) if call.name.to_string().eq_ignore_ascii_case("DESCRIPTOR") => {
            match &call.args {
                FunctionArguments::List(list) => list
                    .args
                    .iter()
                    .map(|arg| match arg {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(Ast::Identifier(ident))) => {
                            Some(ident.value.as_str())
                        }
                        _ => None,
                    })
                    .collect(),
                _ => None,
            }
        }
        _ => None,
    };
    let Some(names) = names else {
        return Err(BindError::at(
            span,
            "The argument 'on_time' must be DESCRIPTOR(column)",
        ));
    };
    let named = |c: &ScopeColumn| names.contains(&c.name.as_str());
    let Some(place) = relation.columns.iter().position(named) else {
        return Ok(None);
    };
    let ty = &relation.columns[place].ty;
    let fits = match ty.kind {
        TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. } => {
            precision <= 3
        }
        _ => false,
    };
    if fits {
        return Ok(Some(place));
    }
    Err(BindError::at(
        span,
        format!(
            "Unsupported data type for time attribute. The `on_time` argument must reference a TIMESTAMP or TIMESTAMP_LTZ column (up to precision 3). However, column '{}' in table argument '{argument}' has data type '{ty}'.",
            relation.columns[place].name
        ),
    ))
}

/// Tables that are seen together must be partitioned alike.
fn check_keys(tables: &[BoundTable], span: Option<Span>) -> BindResult<()> {
    let key = |bound: &BoundTable| -> Vec<LogicalType> {
        let columns = bound.table.partition_by.iter();
        columns
            .map(|at| bound.relation.columns[*at].ty.clone())
            .collect()
    };
    let keys: Vec<Vec<LogicalType>> = tables
        .iter()
        .filter(|t| t.table.traits.set_semantics)
        .map(key)
        .collect();
    let alike = |a: &[LogicalType], b: &[LogicalType]| {
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|(a, b)| a.kind.arrow() == b.kind.arrow())
    };
    if keys.windows(2).all(|pair| alike(&pair[0], &pair[1])) {
        return Ok(());
    }
    let sets: Vec<String> = keys
        .iter()
        .map(|key| {
            let types: Vec<String> = key.iter().map(ToString::to_string).collect();
            format!("[{}]", types.join(", "))
        })
        .collect();
    Err(BindError::at(
        span,
        format!(
            "Invalid PARTITION BY columns. The number of columns and their data types must match across all involved table arguments. Given partition key sets: {}",
            sets.join(", ")
        ),
    ))
}

/// The call as plans show it.
fn invocation(call: &Call<'_>, tables: &[BoundTable]) -> String {
    let mut shown: Vec<String> = Vec::new();
    for (number, argument) in call.arguments.iter().enumerate() {
        let table = tables.iter().position(|t| t.table.argument == number);
        shown.push(match (&argument.kind, table) {
            (ArgumentKind::Table(_), Some(at)) => {
                let key = tables[at].table.partition_by.iter();
                let key: Vec<String> = key.map(|k| format!("${k}")).collect();
                match key.is_empty() {
                    true => format!("TABLE(#{at})"),
                    false => format!("TABLE(#{at}) PARTITION BY({})", key.join(", ")),
                }
            }
            _ => call.asts[number].map_or_else(|| "DEFAULT()".to_owned(), ToString::to_string),
        });
    }
    for implicit in [call.on_time(), call.uid()] {
        shown.push(implicit.map_or_else(|| "DEFAULT()".to_owned(), ToString::to_string));
    }
    format!("{}({})", call.function.name(), shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_a_name() {
        let uid = |text: &str| {
            let parsed = filbert_sql::parse_expr(text).unwrap();
            uid_of(Some(&parsed.ast), None)
        };
        assert_eq!(uid("'my-uid_1'").unwrap().as_deref(), Some("my-uid_1"));
        assert!(uid("'bad uid!'").unwrap_err().message.ends_with("bad uid!"));
        assert!(uid("1").is_err());
    }
}
