//! Table functions in FROM: the window functions TUMBLE, HOP, CUMULATE and SESSION, TO_CHANGELOG and FROM_CHANGELOG, and
//! users' own.
//!
//! - `arguments`: their parameters. `node`: the plan's node, which group windows of old use too.
//! - `table_function`, `process`, `temporal`: those that the embedding program registered.

mod arguments;
mod changelog;
mod node;
mod process;
pub(crate) mod table_function;
mod temporal;

use datafusion::common::ScalarValue;
use filbert_sql::{TableArgument, TableArgumentSource};
use filbert_types::{LogicalType, Span, TimeKind};
use sqlparser::ast::{Expr as Ast, Ident, ObjectName, TableFactor};

use crate::binder::{Binder, ident_span, name_parts, span_of};
use crate::error::{BindError, BindResult, available};
use crate::expr::ExprCx;
use crate::from::{From, aliased};
use crate::relational::{MonthWindow, Window};
use crate::scope::{Relation, ScopeColumn};
use crate::tvf::arguments::{SIGNATURES, check_steps, descriptor, partition_column, positional};
use crate::unnest::empty_scope;

pub(crate) use arguments::positive;

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
            let name = self.registered_name(&call)?;
            return match self.cx.functions.process(&name).cloned() {
                Some(function) => self.process_table_function(&call, &function),
                None => Err(self.no_table_function(&parts.join("."), &name, span)),
            };
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

    fn no_table_function(&self, called: &str, name: &str, span: Option<Span>) -> BindError {
        if self.cx.functions.scalar(name).is_some() || self.is_aggregate(name) {
            return BindError::at(
                span,
                format!("Function '{called}' cannot be used as a table function."),
            );
        }
        let mut names: Vec<String> = SIGNATURES.iter().map(|s| s.name.to_owned()).collect();
        names.push("UNNEST".to_owned());
        names.extend(self.cx.functions.table_names());
        names.extend(self.cx.catalog.user_functions());
        let names = || names.iter().map(String::as_str);
        let hint = filbert_types::suggest::nearest(called, names()).map_or_else(
            || available("table functions", names()),
            |near| format!("Did you mean '{near}'?"),
        );
        let message = format!("No match found for table function '{called}'.");
        BindError::at(span, message).with_hint(hint)
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
        match name {
            "TO_CHANGELOG" => return self.kinds_into_codes(input, args, span),
            "FROM_CHANGELOG" => return self.kinds_out_of_codes(input, args, span),
            _ => {}
        }
        let time = self.descriptor(name, required(1)?, &input)?;
        let partition_by = table
            .partition_by
            .iter()
            .map(|p| partition_column(p, &input))
            .collect::<BindResult<Vec<_>>>()?;
        let offset = |index: usize, binder: &mut Self| match args.get(index).copied().flatten() {
            Some(ast) => binder.interval_ms(name, "offset", ast),
            None => Ok(0),
        };
        let first = required(2)?;
        let window = match name {
            "TUMBLE" => {
                let size = self.window_length(name, "size", first)?;
                window_of(
                    name,
                    [("size", size), ("size", size)],
                    offset(3, self)?,
                    span,
                )?
            }
            "HOP" | "CUMULATE" => {
                let (step_name, size_name) = match name {
                    "HOP" => ("slide", "size"),
                    _ => ("step", "maxSize"),
                };
                let step = self.window_length(name, step_name, first)?;
                let size = self.window_length(name, "size", required(3)?)?;
                let parts = [(size_name, size), (step_name, step)];
                window_of(name, parts, offset(4, self)?, span)?
            }
            _ => Window::Session {
                gap_ms: positive(name, "gap", self.interval_ms(name, "gap", first)?, span)?,
                partition_by,
            },
        };
        check_steps(&window, span)?;
        self.window_relation(input, window, time)
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
        self.argument_rows(table)
    }

    /// The rows of a table argument.
    fn argument_rows(&mut self, table: &TableArgument<'_>) -> BindResult<Relation> {
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
        // Flink looks at the first column alone.
        let ident = descriptor(ast).and_then(|items| items.first().copied().flatten());
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

    pub fn interval_ms(&mut self, name: &str, what: &str, ast: &Ast) -> BindResult<i64> {
        match self.literal_interval(ast)? {
            (Some(Interval::Millis(ms)), _) => Ok(ms),
            (_, ty) => Err(BindError::at(
                span_of(ast),
                format!(
                    "The {what} of {name} must be an interval of days or shorter units, such as INTERVAL '10' MINUTES, but is of type {ty}"
                ),
            )),
        }
    }

    /// The length of a window.
    fn window_length(&mut self, name: &str, what: &str, ast: &Ast) -> BindResult<Interval> {
        match self.literal_interval(ast)? {
            (Some(interval), _) => Ok(interval),
            (None, ty) => Err(BindError::at(
                span_of(ast),
                format!(
                    "The {what} of {name} must be an interval, such as INTERVAL '10' MINUTES or INTERVAL '1' MONTH, but is of type {ty}"
                ),
            )),
        }
    }

    fn literal_interval(&mut self, ast: &Ast) -> BindResult<(Option<Interval>, LogicalType)> {
        let scope = empty_scope();
        let mut cx = ExprCx::plain(&scope, "a window function");
        let bound = self.expr(ast, &mut cx)?;
        let interval = match bound.literal() {
            Some(ScalarValue::DurationMillisecond(Some(ms))) => Some(Interval::Millis(*ms)),
            Some(ScalarValue::IntervalYearMonth(Some(months))) => {
                Some(Interval::Months(i64::from(*months)))
            }
            _ => None,
        };
        Ok((interval, bound.ty))
    }
}

/// An interval that stands in a query.
#[derive(Debug, Clone, Copy)]
enum Interval {
    Millis(i64),
    Months(i64),
}

/// The window of a size and a slide or step.
fn window_of(
    name: &str,
    [(size_name, size), (step_name, step)]: [(&str, Interval); 2],
    offset_ms: i64,
    span: Option<Span>,
) -> BindResult<Window> {
    match (size, step) {
        (Interval::Millis(size), Interval::Millis(step)) => {
            let step_ms = positive(name, step_name, step, span)?;
            let size_ms = positive(name, size_name, size, span)?;
            if name == "TUMBLE" && offset_ms.abs() >= size_ms {
                return Err(BindError::at(
                    span,
                    format!(
                        "TUMBLE table function parameters must satisfy abs(offset) < size, but got size {size_ms} ms and offset {offset_ms} ms."
                    ),
                ));
            }
            Ok(match name {
                "TUMBLE" => Window::Tumble { size_ms, offset_ms },
                "HOP" => Window::Hop {
                    size_ms,
                    slide_ms: step_ms,
                    offset_ms,
                },
                _ => Window::Cumulate {
                    size_ms,
                    step_ms,
                    offset_ms,
                },
            })
        }
        (Interval::Months(size), Interval::Months(step)) if size > 0 && step > 0 => {
            Ok(Window::Months {
                shape: match name {
                    "TUMBLE" => MonthWindow::Tumble,
                    "HOP" => MonthWindow::Hop,
                    _ => MonthWindow::Cumulate,
                },
                size,
                step,
                offset_ms,
            })
        }
        (Interval::Months(_), Interval::Months(_)) => Err(BindError::at(
            span,
            format!("The {size_name} and {step_name} of {name} must be positive."),
        )),
        _ => Err(BindError::at(
            span,
            format!(
                "The {size_name} and {step_name} of {name} must both be intervals of months or years, or both of days and shorter units."
            ),
        )),
    }
}
