//! Names and calls inside DEFINE and MEASURES: what they read of the match becomes columns of the match's expressions.

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::Expr;
use filbert_functions::TypedExpr;
use filbert_sql::MatchRecognize;
use filbert_types::{LogicalType, Span, TimeKind, TypeKind};
use sqlparser::ast::{Expr as Ast, Function, FunctionArg, FunctionArgExpr, Ident};

use super::pattern::BoundPattern;
use crate::aggregate::AggregateArgs;
use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult, available};
use crate::expr::call::{call_parts, plain_arg};
use crate::expr::{ExprCx, parts_of};
use crate::relational::{MatchAggregate, PatternColumn};
use crate::scope::ScopeColumn;

/// What names mean in DEFINE and MEASURES, and what was read so far.
#[derive(Default)]
pub(crate) struct PatternScope {
    pub(super) columns: Vec<ScopeColumn>,
    alias: Option<String>,
    /// The pattern's variables.
    variables: Vec<String>,
    /// Names that may stand before a column; those that are not the pattern's never have a row.
    known: Vec<String>,
    subsets: Vec<(String, Vec<usize>)>,
    standard: bool,
    /// Set in DEFINE: the variable that is being defined, none for one that the pattern lacks.
    defining: Option<Option<usize>>,
    defined: Vec<String>,
    /// Set inside of a navigation's or an aggregate's arguments.
    row: Option<RowScope>,
    pub(super) cells: Vec<Expr>,
    pub(super) references: Vec<(Column, PatternColumn)>,
    types: Vec<LogicalType>,
    pub(super) aggregates: Vec<MatchAggregate>,
}

/// The arguments of one call are about rows of one variable.
#[derive(Default)]
struct RowScope {
    qualifier: Option<String>,
    /// All columns so far are without a variable.
    any: bool,
    mixed: bool,
}

/// Which row a navigation leads to.
#[derive(Clone, Copy)]
struct Navigation {
    first: bool,
    offset: u32,
    physical: i64,
}

const CURRENT: Navigation = Navigation {
    first: false,
    offset: 0,
    physical: 0,
};

impl PatternScope {
    pub(super) fn new(
        pattern: &BoundPattern,
        clauses: &MatchRecognize,
        alias: Option<String>,
        columns: Vec<ScopeColumn>,
    ) -> BindResult<PatternScope> {
        let mut subsets: Vec<(String, Vec<usize>)> = Vec::new();
        for subset in &clauses.subsets {
            let members = subset
                .variables
                .iter()
                .map(|v| super::pattern::variable(&pattern.variables, v))
                .collect::<BindResult<_>>()?;
            if pattern.variables.contains(&subset.name.value)
                || subsets.iter().any(|(name, _)| *name == subset.name.value)
            {
                return Err(BindError::at(
                    Some(subset.name.span),
                    format!(
                        "Pattern variable '{}' has already been defined",
                        subset.name.value
                    ),
                ));
            }
            subsets.push((subset.name.value.clone(), members));
        }
        let defined = clauses.define.iter().map(|d| d.variable.value.clone());
        Ok(PatternScope {
            columns,
            alias,
            known: pattern.variables.iter().cloned().chain(defined).collect(),
            variables: pattern.variables.clone(),
            subsets,
            standard: pattern.standard,
            ..PatternScope::default()
        })
    }

    /// Begins a variable's definition; false when it has one.
    pub(super) fn define(&mut self, name: &str, variable: Option<usize>) -> bool {
        self.defining = Some(variable);
        if self.defined.iter().any(|d| d == name) {
            return false;
        }
        self.defined.push(name.to_string());
        true
    }

    pub(super) fn measure(&mut self) {
        self.defining = None;
    }

    /// The variables of the rows that a qualifier is about; none when it is unknown.
    fn rows_of(&self, qualifier: &str) -> Option<Vec<usize>> {
        if let Some(variable) = self.variables.iter().position(|v| v == qualifier) {
            return Some(vec![variable]);
        }
        if let Some((_, members)) = self.subsets.iter().find(|(name, _)| name == qualifier)
            && self.defining.is_none()
        {
            // Flink finds no rows for a subset.
            return Some(if self.standard {
                members.clone()
            } else {
                Vec::new()
            });
        }
        let known = self.known.iter().any(|k| k == qualifier);
        (known || self.alias.as_deref() == Some(qualifier)).then(Vec::new)
    }

    fn all(&self) -> Vec<usize> {
        (0..self.variables.len()).collect()
    }

    fn cell(&mut self, expr: Expr) -> usize {
        let known = self.cells.iter().position(|c| *c == expr);
        known.unwrap_or_else(|| {
            self.cells.push(expr);
            self.cells.len() - 1
        })
    }
}

impl Binder<'_> {
    /// A name in DEFINE or MEASURES.
    pub(crate) fn pattern_name(
        &mut self,
        idents: &[Ident],
        scope: &mut PatternScope,
    ) -> BindResult<TypedExpr> {
        let parts = parts_of(idents);
        let span = crate::expr::name_span(idents);
        let qualified = match parts.as_slice() {
            [qualifier, _, ..] => scope.rows_of(qualifier).map(|rows| (*qualifier, rows)),
            _ => None,
        };
        let column_of = |name: &str| scope.columns.iter().find(|c| c.name == name).cloned();
        let (qualifier, rows, column, used) = match qualified {
            Some((qualifier, rows)) => match column_of(parts[1]) {
                Some(column) => (Some(qualifier), rows, column, 2),
                None => {
                    return Err(BindError::at(
                        span,
                        format!("Column '{}' not found in table '{qualifier}'", parts[1]),
                    )
                    .with_hint(available(
                        "columns",
                        scope.columns.iter().map(|c| c.name.as_str()),
                    )));
                }
            },
            None => match column_of(parts[0]) {
                Some(column) => (None, scope.all(), column, 1),
                None => return self.pattern_name_missing(idents, scope, span),
            },
        };
        let base = match &mut scope.row {
            Some(row) => {
                match (&row.qualifier, qualifier) {
                    (Some(before), Some(now)) if before == now => {}
                    (None, Some(now)) if !row.any => row.qualifier = Some(now.to_string()),
                    (None, None) => row.any = true,
                    _ => row.mixed = true,
                }
                column.expr()
            }
            None => {
                let text = match qualifier {
                    Some(qualifier) => format!("{qualifier}.{}", column.name),
                    None => format!("*.{}", column.name),
                };
                self.reference(rows, CURRENT, column.expr(), text, scope)
            }
        };
        self.name_fields(base, &idents[used..], &parts)
    }

    fn pattern_name_missing(
        &mut self,
        idents: &[Ident],
        scope: &PatternScope,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        if let [ident] = idents {
            if let Some(call) = self.niladic(ident) {
                return call;
            }
            return Err(BindError::at(
                span,
                format!("Column '{}' not found in any table", ident.value),
            )
            .with_hint(available(
                "columns",
                scope.columns.iter().map(|c| c.name.as_str()),
            )));
        }
        Err(
            BindError::at(span, format!("Table '{}' not found", idents[0].value)).with_hint(
                available("variables", scope.variables.iter().map(String::as_str)),
            ),
        )
    }

    /// The column of a value of one of the match's rows.
    fn reference(
        &mut self,
        variables: Vec<usize>,
        navigation: Navigation,
        value: TypedExpr,
        text: String,
        scope: &mut PatternScope,
    ) -> TypedExpr {
        let cell = scope.cell(value.expr);
        let column = PatternColumn::Row {
            variables,
            first: navigation.first,
            offset: navigation.offset,
            physical: navigation.physical,
            cell,
            text,
        };
        self.match_column(column, value.ty, scope)
    }

    fn match_column(
        &mut self,
        column: PatternColumn,
        ty: LogicalType,
        scope: &mut PatternScope,
    ) -> TypedExpr {
        if let Some(known) = scope.references.iter().position(|(_, c)| *c == column) {
            let name = scope.references[known].0.clone();
            return TypedExpr::new(Expr::Column(name), scope.types[known].clone());
        }
        let name = self.pattern_column(&ty);
        scope.references.push((name.clone(), column));
        scope.types.push(ty.clone());
        TypedExpr::new(Expr::Column(name), ty)
    }

    /// A call that means something of its own in DEFINE and MEASURES.
    pub(crate) fn pattern_call(
        &mut self,
        upper: &str,
        function: &Function,
        cx: &mut ExprCx<'_>,
        scope: &mut PatternScope,
    ) -> BindResult<Option<TypedExpr>> {
        let span = span_of(&function.name);
        let bound = match upper {
            "FIRST" | "LAST" | "PREV" | "NEXT" => {
                self.navigation(upper, function, cx, scope, span)?
            }
            "FINAL" | "RUNNING" => {
                if scope.defining.is_some() {
                    return Err(BindError::at(
                        span,
                        format!("Cannot use RUNNING/FINAL in DEFINE '{function}'"),
                    ));
                }
                let (args, _) = call_parts(function)?;
                let [arg] = args else {
                    return Err(BindError::at(span, format!("{upper} takes one argument")));
                };
                let ast = plain_arg(arg, upper)?;
                self.in_pattern(scope, |b| b.expr(ast, cx))?
            }
            "MATCH_ROWTIME" => {
                let time = scope.columns.iter().map(|c| &c.ty.kind);
                let mut attributes = time.filter(|k| k.time_kind() == TimeKind::Rowtime);
                let kind = TimeKind::Rowtime;
                let ltz = matches!(attributes.next(), Some(TypeKind::TimestampLtz { .. }));
                let ty = LogicalType::not_null(if ltz {
                    TypeKind::TimestampLtz { precision: 3, kind }
                } else {
                    TypeKind::Timestamp { precision: 3, kind }
                });
                self.match_column(PatternColumn::Rowtime, ty, scope)
            }
            "MATCH_PROCTIME" => self.scalar("PROCTIME", Vec::new(), span)?,
            "CLASSIFIER" => {
                let ty = LogicalType::new(TypeKind::STRING, true);
                self.match_column(PatternColumn::Classifier, ty, scope)
            }
            "MATCH_NUMBER" if scope.defining.is_none() => {
                let ty = LogicalType::not_null(TypeKind::BigInt);
                self.match_column(PatternColumn::MatchNumber, ty, scope)
            }
            _ if self.is_aggregate(upper) => self.match_aggregate(upper, function, cx, scope)?,
            _ => return Ok(None),
        };
        Ok(Some(bound))
    }

    /// Binds with the scope in place again.
    fn in_pattern<T>(
        &mut self,
        scope: &mut PatternScope,
        work: impl FnOnce(&mut Self) -> BindResult<T>,
    ) -> BindResult<T> {
        self.pattern = Some(std::mem::take(scope));
        let bound = work(self);
        *scope = self.pattern.take().unwrap_or_default();
        bound
    }

    /// Binds arguments that are about rows of one variable, as expressions over the input.
    fn over_rows<T>(
        &mut self,
        text: &str,
        span: Option<Span>,
        scope: &mut PatternScope,
        work: impl FnOnce(&mut Self) -> BindResult<T>,
    ) -> BindResult<(T, Option<String>)> {
        scope.row = Some(RowScope::default());
        let bound = self.in_pattern(scope, work);
        let row = scope.row.take().unwrap_or_default();
        let bound = bound?;
        if row.mixed {
            return Err(BindError::at(
                span,
                format!("Multiple pattern variables in '{text}'"),
            ));
        }
        if row.qualifier.is_none() && !row.any {
            return Err(BindError::at(span, format!("Null parameters in '{text}'")));
        }
        Ok((bound, row.qualifier))
    }

    fn navigation(
        &mut self,
        upper: &str,
        function: &Function,
        cx: &mut ExprCx<'_>,
        scope: &mut PatternScope,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let (ast, navigation) = self.navigated(upper, function, scope, span)?;
        if scope.row.is_some() {
            return Err(BindError::unsupported(
                span,
                format!("{upper} inside of a call"),
            ));
        }
        let (value, qualifier) =
            self.over_rows(&function.to_string(), span, scope, |b| b.expr(ast, cx))?;
        let rows = match &qualifier {
            Some(name) => scope.rows_of(name).unwrap_or_default(),
            None => scope.all(),
        };
        let name = if navigation.first { "FIRST" } else { "LAST" };
        let shown = match function_arg_text(ast) {
            Some(text) if qualifier.is_some() => text,
            Some(text) => format!("*.{text}"),
            None => ast.to_string(),
        };
        let text = match navigation.physical {
            0 => format!("{name}({shown}, {})", navigation.offset),
            physical if physical < 0 => format!("PREV({shown}, {})", -physical),
            physical => format!("NEXT({shown}, {physical})"),
        };
        Ok(self.reference(rows, navigation, value, text, scope))
    }

    /// What FIRST, LAST, PREV and NEXT, perhaps inside of each other, lead to.
    fn navigated<'f>(
        &mut self,
        upper: &str,
        function: &'f Function,
        scope: &PatternScope,
        span: Option<Span>,
    ) -> BindResult<(&'f Ast, Navigation)> {
        let physical = matches!(upper, "PREV" | "NEXT");
        if physical && scope.defining.is_none() {
            return Err(BindError::at(
                span,
                format!("Cannot use PREV/NEXT in MEASURE '{function}'"),
            ));
        }
        let (args, _) = call_parts(function)?;
        let (arg, count) = match args {
            [arg] => (arg, u32::from(physical)),
            [arg, count] => (arg, self.offset(upper, count)?),
            _ => {
                return Err(BindError::at(
                    span,
                    format!(
                        "Invalid number of arguments to function '{upper}'. Was expecting 2 arguments"
                    ),
                ));
            }
        };
        let ast = plain_arg(arg, upper)?;
        let inner = match ast {
            Ast::Function(inner) => Some((inner, inner.name.to_string().to_uppercase())),
            _ => None,
        };
        let navigation = Navigation {
            first: upper == "FIRST",
            offset: if physical { 0 } else { count },
            physical: match upper {
                "PREV" => -i64::from(count),
                "NEXT" => i64::from(count),
                _ => 0,
            },
        };
        match inner {
            Some((inner, name)) if physical && matches!(name.as_str(), "FIRST" | "LAST") => {
                let (ast, logical) = self.navigated(&name, inner, scope, span)?;
                let physical = navigation.physical;
                Ok((
                    ast,
                    Navigation {
                        physical,
                        ..logical
                    },
                ))
            }
            Some((_, name)) if matches!(name.as_str(), "FIRST" | "LAST" | "PREV" | "NEXT") => Err(
                BindError::at(span, format!("Cannot nest {name} in {upper} '{function}'")),
            ),
            _ => Ok((ast, navigation)),
        }
    }

    fn offset(&mut self, name: &str, arg: &FunctionArg) -> BindResult<u32> {
        let ast = plain_arg(arg, name)?;
        let scope = crate::unnest::empty_scope();
        let bound = self.expr(ast, &mut ExprCx::plain(&scope, "MATCH_RECOGNIZE"))?;
        match bound.literal() {
            Some(ScalarValue::Int32(Some(n))) if *n >= 0 => Ok(n.unsigned_abs()),
            _ => Err(BindError::at(
                span_of(ast),
                format!("The offset of {name} must be a whole number that is not negative"),
            )),
        }
    }

    fn match_aggregate(
        &mut self,
        upper: &str,
        function: &Function,
        cx: &mut ExprCx<'_>,
        scope: &mut PatternScope,
    ) -> BindResult<TypedExpr> {
        let span = span_of(&function.name);
        if scope.row.is_some() {
            return Err(BindError::at(
                span,
                "Aggregate expressions cannot be nested",
            ));
        }
        let (args, clauses) = call_parts(function)?;
        if clauses.distinct {
            return Err(BindError::at(
                span,
                format!("DISTINCT/ALL not allowed with {function} function"),
            ));
        }
        if function.filter.is_some() || !clauses.order_by.is_empty() {
            return Err(BindError::unsupported(
                span,
                "FILTER or ORDER BY in an aggregate of MATCH_RECOGNIZE",
            ));
        }
        let text = function.to_string();
        let star = matches!(args, [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]);
        let (args, qualifier) = if star && upper == "COUNT" {
            (Vec::new(), None)
        } else {
            let asts = args
                .iter()
                .map(|a| plain_arg(a, upper))
                .collect::<BindResult<Vec<_>>>()?;
            self.over_rows(&text, span, scope, |b| {
                asts.iter()
                    .map(|a| b.expr(a, cx))
                    .collect::<BindResult<Vec<_>>>()
            })?
        };
        let rows = match &qualifier {
            Some(name) => scope.rows_of(name).unwrap_or_default(),
            None => scope.all(),
        };
        if upper != "AVG" {
            return self.aggregate_column(upper, &text, args, rows, span, scope);
        }
        // Flink's validator writes AVG as a quotient.
        let whole = AggregateArgs {
            args: args.clone(),
            ..AggregateArgs::none()
        };
        let ty = self.aggregate("AVG", whole, false, span)?.ty;
        let inner = text.split_once('(').map_or("", |(_, rest)| rest);
        let sum_text = format!("SUM({inner}");
        let count_text = format!("COUNT({inner}");
        let sum =
            self.aggregate_column("SUM", &sum_text, args.clone(), rows.clone(), span, scope)?;
        let count = self.aggregate_column("COUNT", &count_text, args, rows, span, scope)?;
        let quotient = self.scalar("/", vec![sum, count], span)?;
        self.cast(quotient, &ty.with_nullable(true), span)
    }

    fn aggregate_column(
        &mut self,
        name: &str,
        text: &str,
        args: Vec<TypedExpr>,
        variables: Vec<usize>,
        span: Option<Span>,
        scope: &mut PatternScope,
    ) -> BindResult<TypedExpr> {
        let call = self.aggregate(
            name,
            AggregateArgs {
                args,
                ..AggregateArgs::none()
            },
            false,
            span,
        )?;
        let Expr::AggregateFunction(function) = call.expr else {
            return Err(BindError::at(
                span,
                format!("{name} is no aggregate function"),
            ));
        };
        let bound = function
            .func
            .inner()
            .downcast_ref::<filbert_functions::aggregate::BoundAggregate>();
        let arg_types = bound.map(|b| b.arg_types.clone()).unwrap_or_default();
        let args: Vec<usize> = if arg_types.is_empty() {
            Vec::new()
        } else {
            function
                .params
                .args
                .into_iter()
                .map(|a| scope.cell(a))
                .collect()
        };
        let aggregate = MatchAggregate {
            function: name.to_string(),
            variables,
            args,
            arg_types,
            ty: call.ty.clone(),
            text: text.to_string(),
        };
        let known = scope.aggregates.iter().position(|a| *a == aggregate);
        let place = known.unwrap_or_else(|| {
            scope.aggregates.push(aggregate);
            scope.aggregates.len() - 1
        });
        Ok(self.match_column(PatternColumn::Aggregate(place), call.ty, scope))
    }
}

/// The text of a plain name.
fn function_arg_text(ast: &Ast) -> Option<String> {
    match ast {
        Ast::Identifier(ident) => Some(ident.value.clone()),
        Ast::CompoundIdentifier(idents) => Some(parts_of(idents).join(".")),
        _ => None,
    }
}
