//! Table functions in FROM: the window functions TUMBLE, HOP, CUMULATE and SESSION.

use std::sync::Arc;

use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::Expr;
use filbert_sql::{TableArgument, TableArgumentSource, TableFunction};
use filbert_types::{LogicalType, Span, TimeKind, TypeKind};
use sqlparser::ast::{
    Expr as Ast, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, TableFactor,
};

use crate::binder::{Binder, NamedExpr, ident_span, name_parts, span_of};
use crate::error::{BindError, BindResult, available};
use crate::expr::ExprCx;
use crate::from::{From, aliased};
use crate::relational::{Relational, RelationalNode, Window};
use crate::scope::{Relation, ScopeColumn};
use crate::table::{as_time_attribute, extension};
use crate::unnest::empty_scope;

/// A window function's parameters; the last may be left out where `optional` says so.
struct Signature {
    name: &'static str,
    parameters: &'static [&'static str],
    required: usize,
}

const SIGNATURES: &[Signature] = &[
    Signature {
        name: "TUMBLE",
        parameters: &["DATA", "TIMECOL", "SIZE", "OFFSET"],
        required: 3,
    },
    Signature {
        name: "HOP",
        parameters: &["DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"],
        required: 4,
    },
    Signature {
        name: "CUMULATE",
        parameters: &["DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"],
        required: 4,
    },
    Signature {
        name: "SESSION",
        parameters: &["DATA", "TIMECOL", "GAP"],
        required: 3,
    },
];

impl Binder<'_> {
    /// A table function that is no UNNEST.
    pub fn table_function_factor(&mut self, factor: &TableFactor) -> BindResult<From> {
        let Some(call) = filbert_sql::table_function(factor) else {
            return Err(BindError::unsupported(
                span_of(factor),
                format!("The relation '{factor}'"),
            ));
        };
        let parts = name_parts(call.name)?;
        let span = span_of(call.name);
        let signature = match parts.as_slice() {
            [name] => SIGNATURES
                .iter()
                .find(|s| s.name.eq_ignore_ascii_case(name)),
            _ => None,
        };
        let Some(signature) = signature else {
            let names = SIGNATURES.iter().map(|s| s.name).chain(["UNNEST"]);
            return Err(BindError::at(
                span,
                format!("No match found for table function '{}'.", parts.join(".")),
            )
            .with_hint(available("table functions", names)));
        };
        if call.with_ordinality {
            return Err(BindError::unsupported(
                span,
                format!("WITH ORDINALITY on {}", signature.name),
            ));
        }
        let args = positional(&call, signature, span)?;
        let relation = self.window_function(signature.name, &args, span)?;
        aliased(relation, call.alias)
    }

    fn window_function(
        &mut self,
        name: &'static str,
        args: &[Option<&Ast>],
        span: Option<Span>,
    ) -> BindResult<Relation> {
        let required = |index: usize| {
            args.get(index)
                .copied()
                .flatten()
                .ok_or_else(|| BindError::at(span, format!("{name} misses one of its arguments")))
        };
        let data = required(0)?;
        let table = filbert_sql::table_argument(data).ok_or_else(|| {
            BindError::at(
                span_of(data).or(span),
                format!("The first argument of {name} must be a table: TABLE name"),
            )
        })?;
        let input = self.table_argument(name, &table, span)?;
        let time = self.descriptor(name, required(1)?, &input)?;
        let partition_by = table
            .partition_by
            .iter()
            .map(|p| partition_column(p, &input))
            .collect::<BindResult<Vec<_>>>()?;
        let interval = |index: usize, what: &str, binder: &mut Self| {
            required(index).and_then(|ast| binder.interval_ms(name, what, ast))
        };
        let offset = |index: usize, binder: &mut Self| match args.get(index).copied().flatten() {
            Some(ast) => binder.interval_ms(name, "offset", ast),
            None => Ok(0),
        };
        let window = match name {
            "TUMBLE" => Window::Tumble {
                size_ms: positive(name, "size", interval(2, "size", self)?, span)?,
                offset_ms: offset(3, self)?,
            },
            "HOP" => Window::Hop {
                slide_ms: positive(name, "slide", interval(2, "slide", self)?, span)?,
                size_ms: positive(name, "size", interval(3, "size", self)?, span)?,
                offset_ms: offset(4, self)?,
            },
            "CUMULATE" => Window::Cumulate {
                step_ms: positive(name, "step", interval(2, "step", self)?, span)?,
                size_ms: positive(name, "maxSize", interval(3, "size", self)?, span)?,
                offset_ms: offset(4, self)?,
            },
            _ => Window::Session {
                gap_ms: positive(name, "gap", interval(2, "gap", self)?, span)?,
                partition_by,
            },
        };
        check_multiple(&window, span)?;
        self.window_node(input, window, time)
    }

    fn table_argument(
        &mut self,
        name: &str,
        table: &TableArgument<'_>,
        span: Option<Span>,
    ) -> BindResult<Relation> {
        if name != "SESSION"
            && let Some(first) = table.partition_by.first()
        {
            return Err(BindError::at(
                span_of(first).or(span),
                format!(
                    "Only tables with set semantics may be partitioned. Invalid PARTITION BY clause in the 0-th operand of table function '{name}'"
                ),
            ));
        }
        if let Some(first) = table.order_by.first() {
            return Err(BindError::at(
                span_of(&first.expr).or(span),
                format!(
                    "Only tables with set semantics may be ordered. Invalid ORDER BY clause in the 0-th operand of table function '{name}'"
                ),
            ));
        }
        match table.source {
            TableArgumentSource::Query(query) => self.query(query),
            TableArgumentSource::Name(idents) => {
                let hints = self.hints_after(idents)?;
                let object = ObjectName::from(idents.to_vec());
                let from = self.argument_relation(&object, hints)?;
                Ok(Relation {
                    plan: from.plan,
                    columns: from
                        .scope
                        .relations
                        .into_iter()
                        .flat_map(|r| r.columns)
                        .collect(),
                })
            }
        }
    }

    fn hints_after(
        &self,
        idents: &[Ident],
    ) -> BindResult<std::collections::BTreeMap<String, String>> {
        let Some(end) = idents.last().and_then(ident_span).map(|s| s.end) else {
            return Ok(Default::default());
        };
        let entries: Vec<filbert_sql::OptionEntry> = self
            .hints
            .after(end)
            .iter()
            .filter(|h| h.is("OPTIONS"))
            .filter_map(|h| match &h.args {
                filbert_sql::HintArgs::Options(options) => Some(options.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        self.dynamic_options(&entries)
    }

    /// The time column that a DESCRIPTOR names.
    fn descriptor(&self, name: &str, ast: &Ast, input: &Relation) -> BindResult<ScopeColumn> {
        let span = span_of(ast);
        let ident = match ast {
            Ast::Function(call) if call.name.to_string().eq_ignore_ascii_case("DESCRIPTOR") => {
                match &call.args {
                    FunctionArguments::List(list) => match list.args.as_slice() {
                        [FunctionArg::Unnamed(FunctionArgExpr::Expr(Ast::Identifier(ident)))] => {
                            Some(ident)
                        }
                        _ => None,
                    },
                    _ => None,
                }
            }
            _ => None,
        };
        let Some(ident) = ident else {
            return Err(BindError::at(
                span,
                format!("The second argument of {name} must be DESCRIPTOR(column)"),
            ));
        };
        let mut matching = input.columns.iter().filter(|c| c.name == ident.value);
        let Some(column) = matching.next() else {
            let names = || input.columns.iter().map(|c| c.name.as_str());
            let hint = filbert_types::suggest::nearest(&ident.value, names()).map_or_else(
                || available("columns", names()),
                |near| format!("Did you mean '{near}'?"),
            );
            return Err(BindError::at(
                ident_span(ident),
                format!("Unknown identifier '{}'", ident.value),
            )
            .with_hint(hint));
        };
        self.check_time_column(name, column, span)?;
        Ok(column.clone())
    }

    fn check_time_column(
        &self,
        name: &str,
        column: &ScopeColumn,
        span: Option<Span>,
    ) -> BindResult<()> {
        if !column.ty.kind.is_timestamp() {
            return Err(BindError::at(
                span,
                format!(
                    "The window function {name} requires the timecol to be TIMESTAMP or TIMESTAMP_LTZ, but is {}.",
                    column.ty
                ),
            ));
        }
        if !self.cx.exprs.batch && column.ty.kind.time_kind() == TimeKind::Regular {
            return Err(BindError::at(
                span,
                format!(
                    "The window function requires the timecol is a time attribute type, but is {}.",
                    column.ty
                ),
            )
            .with_hint(format!(
                "Declare a watermark on it: WATERMARK FOR {0} AS {0} - INTERVAL '5' SECOND.",
                column.name
            )));
        }
        Ok(())
    }

    fn interval_ms(&mut self, name: &str, what: &str, ast: &Ast) -> BindResult<i64> {
        let span = span_of(ast);
        let scope = empty_scope();
        let mut cx = ExprCx::plain(&scope, "a window function");
        let bound = self.expr(ast, &mut cx)?;
        match bound.literal() {
            Some(ScalarValue::DurationMillisecond(Some(ms))) => Ok(*ms),
            _ => Err(BindError::at(
                span,
                format!(
                    "The {what} of {name} must be an interval of days or shorter units, such as INTERVAL '10' MINUTES, but is of type {}",
                    bound.ty
                ),
            )),
        }
    }

    /// Adds window_start, window_end and window_time; the time column is an ordinary one behind it.
    fn window_node(
        &mut self,
        input: Relation,
        window: Window,
        time: ScopeColumn,
    ) -> BindResult<Relation> {
        let bound_type = LogicalType::not_null(TypeKind::timestamp(3));
        let attribute = time.ty.kind.time_kind();
        let time_type = match &time.ty.kind {
            TypeKind::TimestampLtz { .. } => LogicalType::not_null(TypeKind::timestamp_ltz(3)),
            _ => bound_type.clone(),
        };
        let time_type = as_time_attribute(&time_type, attribute);
        let added: Vec<ScopeColumn> = [
            ("window_start", &bound_type),
            ("window_end", &bound_type),
            ("window_time", &time_type),
        ]
        .into_iter()
        .map(|(name, ty)| ScopeColumn {
            name: name.to_string(),
            column: self.new_column(name, ty),
            ty: ty.clone(),
        })
        .collect();
        let schema = input.plan.schema();
        let mut fields: Vec<_> = schema
            .iter()
            .map(|(q, f)| (q.cloned(), Arc::clone(f)))
            .collect();
        fields.extend(
            added
                .iter()
                .map(|c| (None, Arc::new(c.ty.arrow_field(&c.column.name)))),
        );
        let schema = DFSchema::new_with_metadata(fields, schema.metadata().clone())?;
        let node = RelationalNode {
            relational: Relational::WindowTableFunction {
                window,
                time: time.column.clone(),
            },
            inputs: vec![input.plan],
            schema: Arc::new(schema),
        };
        let mut columns = input.columns;
        columns.extend(added);
        let relation = Relation {
            plan: extension(node),
            columns,
        };
        if attribute == TimeKind::Regular {
            return Ok(relation);
        }
        self.without_attribute(relation, &time.column)
    }

    /// Renames a time attribute to an ordinary column.
    fn without_attribute(&mut self, relation: Relation, time: &Column) -> BindResult<Relation> {
        let items = relation
            .columns
            .into_iter()
            .map(|c| {
                let mut expr = c.expr();
                if c.column == *time {
                    expr.ty = expr.ty.without_time_attribute();
                    let column = self.new_column(&c.name, &expr.ty);
                    expr.expr = expr.expr.alias(column.name);
                }
                NamedExpr { name: c.name, expr }
            })
            .collect();
        self.project_aliased(relation.plan, items)
    }

    /// As `project`, for items some of which have their internal name already.
    fn project_aliased(
        &mut self,
        plan: datafusion::logical_expr::LogicalPlan,
        items: Vec<NamedExpr>,
    ) -> BindResult<Relation> {
        let columns = items
            .iter()
            .map(|item| ScopeColumn {
                name: item.name.clone(),
                column: match &item.expr.expr {
                    Expr::Column(column) => column.clone(),
                    other => Column::new_unqualified(other.schema_name().to_string()),
                },
                ty: item.expr.ty.clone(),
            })
            .collect();
        let exprs = items.into_iter().map(|i| i.expr.expr).collect();
        Ok(Relation {
            plan: crate::plan::project_exprs(plan, exprs)?,
            columns,
        })
    }
}

/// The arguments in the order of the parameters.
fn positional<'a>(
    call: &TableFunction<'a>,
    signature: &Signature,
    span: Option<Span>,
) -> BindResult<Vec<Option<&'a Ast>>> {
    let mut found: Vec<Option<&Ast>> = vec![None; signature.parameters.len()];
    for (i, arg) in call.args.iter().enumerate() {
        let (place, value) = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(ast)) => (Some(i), ast),
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(ast),
                ..
            } => {
                let place = signature
                    .parameters
                    .iter()
                    .position(|p| p.eq_ignore_ascii_case(&name.value));
                if place.is_none() {
                    return Err(BindError::at(
                        ident_span(name),
                        format!("{} has no parameter '{}'", signature.name, name.value),
                    )
                    .with_hint(available(
                        "parameters",
                        signature.parameters.iter().copied(),
                    )));
                }
                (place, ast)
            }
            other => {
                return Err(BindError::unsupported(
                    span_of(other),
                    format!("The argument '{other}'"),
                ));
            }
        };
        match place.and_then(|p| found.get_mut(p)) {
            Some(slot) => *slot = Some(value),
            None => return Err(wrong_count(signature, span)),
        }
    }
    if found[..signature.required].iter().any(Option::is_none) {
        return Err(wrong_count(signature, span));
    }
    Ok(found)
}

fn wrong_count(signature: &Signature, span: Option<Span>) -> BindError {
    BindError::at(
        span,
        format!(
            "Invalid number of arguments to function '{}'. Was expecting {} arguments",
            signature.name, signature.required
        ),
    )
    .with_hint(available(
        "parameters",
        signature.parameters.iter().copied(),
    ))
}

fn positive(name: &str, what: &str, ms: i64, span: Option<Span>) -> BindResult<i64> {
    if ms > 0 {
        return Ok(ms);
    }
    Err(BindError::at(
        span,
        format!(
            "{name} table function based aggregate requires {what} to be positive, but got {ms} ms."
        ),
    ))
}

fn check_multiple(window: &Window, span: Option<Span>) -> BindResult<()> {
    match window {
        Window::Hop {
            size_ms, slide_ms, ..
        } if size_ms % slide_ms != 0 => Err(BindError::at(
            span,
            format!(
                "HOP table function based aggregate requires size must be an integral multiple of slide, but got size {size_ms} ms and slide {slide_ms} ms."
            ),
        )),
        Window::Cumulate {
            size_ms, step_ms, ..
        } if size_ms % step_ms != 0 => Err(BindError::at(
            span,
            format!(
                "CUMULATE table function based aggregate requires maxSize must be an integral multiple of step, but got maxSize {size_ms} ms and step {step_ms} ms."
            ),
        )),
        _ => Ok(()),
    }
}

fn partition_column(ast: &Ast, input: &Relation) -> BindResult<Column> {
    let name = match ast {
        Ast::Identifier(ident) => ident.value.as_str(),
        _ => {
            return Err(BindError::unsupported(
                span_of(ast),
                "PARTITION BY anything but a column in a window function",
            ));
        }
    };
    input
        .columns
        .iter()
        .find(|c| c.name == name)
        .map(|c| c.column.clone())
        .ok_or_else(|| {
            BindError::at(span_of(ast), format!("Unknown identifier '{name}'")).with_hint(
                available("columns", input.columns.iter().map(|c| c.name.as_str())),
            )
        })
}
