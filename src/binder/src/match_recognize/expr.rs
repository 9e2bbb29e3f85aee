//! Names and calls inside DEFINE and MEASURES: what they read of the match becomes columns of the match's expressions.

use datafusion::logical_expr::Expr;
use filbert_functions::TypedExpr;
use filbert_types::{LogicalType, Span, TimeKind, TypeKind};
use sqlparser::ast::{Function, Ident};

use super::navigation::{CURRENT, Navigation};
use super::scope::{PatternScope, RowScope};
use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult, available};
use crate::expr::call::{call_parts, plain_arg};
use crate::expr::{ExprCx, parts_of};
use crate::relational::PatternColumn;

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
    pub(super) fn reference(
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
            running: scope.is_running(),
            text,
        };
        self.match_column(column, value.ty, scope)
    }

    pub(super) fn match_column(
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
                let outer = scope.set_running(upper == "RUNNING");
                let bound = self.in_pattern(scope, |b| b.expr(ast, cx));
                scope.set_running(outer);
                bound?
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
            "CLASSIFIER" | "MATCH_NUMBER" if scope.row.is_some() => {
                return Err(BindError::unsupported(
                    span,
                    format!("{upper}() inside of a navigation or an aggregate"),
                ));
            }
            "CLASSIFIER" | "MATCH_NUMBER" if scope.defining.is_some() => {
                let defined = scope.defined_name().unwrap_or_default();
                let hint = format!("Here the row is mapped to '{defined}'.");
                let message = format!("{upper}() stands in MEASURES only");
                return Err(BindError::at(span, message).with_hint(hint));
            }
            "CLASSIFIER" => {
                let ty = LogicalType::new(TypeKind::STRING, true);
                let running = scope.is_running();
                self.match_column(PatternColumn::Classifier { running }, ty, scope)
            }
            "MATCH_NUMBER" => {
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
    pub(super) fn over_rows<T>(
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
}
