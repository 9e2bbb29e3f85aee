//! What sqlparser's grammar takes and Flink's doesn't: reserved words as names, clauses of other SQLs, hints at places
//! where none belongs.
//!
//! - `clauses`: a query's clauses. `names`: names.

mod clauses;
mod names;

use std::ops::ControlFlow;

use filbert_types::{Location, Span};
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Join,
    JoinConstraint, JoinOperator, OrderByKind, Query, Select, SelectItem, Spanned, TableFactor,
    TableVersion, Visit, Visitor, WildcardAdditionalOptions, WindowType,
};

use crate::error::{ParseError, Result};
use crate::hints::{Hints, misplaced_hint, table_name_end};
use crate::source::{location, span};

use names::{alias, name, table_name};

/// Checks a query and the places of its hints.
pub(crate) fn query(query: &Query, hints: &Hints, place: Span) -> Result<()> {
    let mut checker = Checker {
        place,
        hint_places: Vec::new(),
    };
    finish(query.visit(&mut checker))?;
    for entry in &hints.entries {
        if !checker.hint_places.contains(&entry.after) {
            return Err(misplaced_hint(entry.span));
        }
    }
    Ok(())
}

/// Checks an expression outside a query.
pub(crate) fn expr(expr: &Expr, place: Span) -> Result<()> {
    finish(expr.visit(&mut Checker {
        place,
        hint_places: Vec::new(),
    }))
}

fn finish(flow: ControlFlow<Box<ParseError>>) -> Result<()> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

type Flow = ControlFlow<Box<ParseError>>;

struct Checker {
    /// Of the whole, for errors at nodes that don't know their own.
    place: Span,
    hint_places: Vec<Location>,
}

fn refuse(message: impl Into<String>, place: Span) -> Flow {
    ControlFlow::Break(Box::new(ParseError::new(message, place)))
}

fn refuse_with(message: impl Into<String>, place: Span, hint: &str) -> Flow {
    ControlFlow::Break(Box::new(ParseError::new(message, place).with_hint(hint)))
}

impl Checker {
    fn wildcard(&self, options: &WildcardAdditionalOptions) -> Flow {
        let place = span(options.wildcard_token.0.span);
        if options.opt_except.is_some() || options.opt_exclude.is_some() {
            return refuse_with(
                "SELECT * EXCEPT is not part of Flink SQL.",
                place,
                "List the columns.",
            );
        }
        if options.opt_ilike.is_some()
            || options.opt_replace.is_some()
            || options.opt_rename.is_some()
            || options.opt_alias.is_some()
        {
            return refuse_with(
                "'*' takes no options in Flink SQL.",
                place,
                "List the columns.",
            );
        }
        Flow::Continue(())
    }

    fn join(&self, join: &Join) -> Flow {
        let what = match &join.join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint) => return self.join_condition(join, constraint),
            JoinOperator::CrossJoin(_) => return Flow::Continue(()),
            JoinOperator::CrossApply | JoinOperator::OuterApply => "APPLY",
            JoinOperator::AsOf { .. } => "ASOF JOIN",
            _ => "This kind of join",
        };
        refuse_with(
            format!("{what} is not part of Flink SQL."),
            self.place,
            "Use CROSS JOIN LATERAL, or IN and EXISTS for semi joins.",
        )
    }

    fn join_condition(&self, join: &Join, constraint: &JoinConstraint) -> Flow {
        if *constraint != JoinConstraint::None {
            return Flow::Continue(());
        }
        let place = match join.relation.span() {
            place if place == sqlparser::tokenizer::Span::empty() => self.place,
            place => span(place),
        };
        refuse_with(
            "INNER, LEFT, RIGHT or FULL join requires a condition (NATURAL keyword or ON or USING clause).",
            place,
            "For all pairs write CROSS JOIN.",
        )
    }

    /// A table by its name, or a call of a table function.
    fn table(&self, table: &TableFactor) -> Flow {
        let TableFactor::Table {
            name,
            alias: given,
            args,
            with_hints,
            version,
            sample,
            ..
        } = table
        else {
            return Flow::Continue(());
        };
        table_name(name, args.is_some())?;
        alias(given.as_ref())?;
        if !with_hints.is_empty() {
            return refuse_with(
                "A table's options are given by a hint.",
                self.place,
                "Write /*+ OPTIONS('key' = 'value') */ behind its name.",
            );
        }
        if sample.is_some() {
            return refuse("TABLESAMPLE is not supported.", self.place);
        }
        match version {
            None | Some(TableVersion::ForSystemTimeAsOf(_)) => Flow::Continue(()),
            Some(_) => refuse_with(
                "This time travel is not part of Flink SQL.",
                self.place,
                "Use FOR SYSTEM_TIME AS OF.",
            ),
        }
    }

    fn call(&self, function: &Function) -> Flow {
        if let Some(WindowType::NamedWindow(window)) = &function.over {
            name(window)?;
        }
        let FunctionArguments::List(list) = &function.args else {
            return Flow::Continue(());
        };
        let place = function
            .name
            .0
            .first()
            .and_then(|p| p.as_ident())
            .map_or(self.place, |i| span(i.span));
        let stars = list
            .args
            .iter()
            .any(|a| matches!(a, FunctionArg::Unnamed(FunctionArgExpr::Wildcard)));
        if stars
            && (list.args.len() > 1
                || list.duplicate_treatment == Some(DuplicateTreatment::Distinct))
        {
            return refuse(format!("'*' stands alone in {}(*).", function.name), place);
        }
        if list.args.is_empty() && function.name.to_string().eq_ignore_ascii_case("ROW") {
            return refuse("ROW() needs at least one field.", place);
        }
        Flow::Continue(())
    }
}

impl Visitor for Checker {
    type Break = Box<ParseError>;

    fn pre_visit_query(&mut self, query: &Query) -> Flow {
        if let Some(with) = &query.with {
            for cte in &with.cte_tables {
                alias(Some(&cte.alias))?;
            }
        }
        if let Some(order_by) = &query.order_by
            && matches!(order_by.kind, OrderByKind::All(_))
        {
            return refuse("ORDER BY ALL is not part of Flink SQL.", self.place);
        }
        self.limits(query)?;
        if !query.locks.is_empty() || query.for_clause.is_some() {
            return refuse(
                "A query can't end with a FOR clause in Flink SQL.",
                self.place,
            );
        }
        self.set_operations(&query.body)
    }

    fn pre_visit_select(&mut self, select: &Select) -> Flow {
        self.hint_places
            .push(location(select.select_token.0.span.end));
        self.clauses(select)?;
        for item in &select.projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => name(alias)?,
                SelectItem::ExprWithAliases { aliases, .. } => {
                    for alias in aliases {
                        refuse("An item of SELECT takes one alias.", span(alias.span))?;
                    }
                }
                SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
                    self.wildcard(options)?;
                }
                SelectItem::UnnamedExpr(_) => {}
            }
        }
        for from in &select.from {
            for join in &from.joins {
                self.join(join)?;
            }
        }
        for window in &select.named_window {
            name(&window.0)?;
        }
        self.needs_from(select)
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> Flow {
        if let Some(end) = table_name_end(table) {
            self.hint_places.push(end);
        }
        match table {
            TableFactor::Table { .. } => self.table(table),
            TableFactor::Derived {
                alias: given,
                sample,
                ..
            } => {
                if sample.is_some() {
                    return refuse("TABLESAMPLE is not supported.", self.place);
                }
                alias(given.as_ref())
            }
            TableFactor::TableFunction { expr, .. } if !matches!(expr, Expr::Function(_)) => {
                refuse_with(
                    "TABLE(..) takes a call of a table function.",
                    self.place,
                    "A table is named without it.",
                )
            }
            TableFactor::NestedJoin {
                alias: Some(given), ..
            } => refuse(
                "A join in parentheses takes no alias in Flink SQL.",
                span(given.name.span),
            ),
            TableFactor::Function {
                alias: given, name, ..
            } => {
                table_name(name, true)?;
                alias(given.as_ref())
            }
            TableFactor::TableFunction { alias: given, expr } => {
                if let Expr::Function(function) = expr {
                    table_name(&function.name, true)?;
                }
                alias(given.as_ref())
            }
            TableFactor::NestedJoin { alias: given, .. }
            | TableFactor::MatchRecognize { alias: given, .. } => alias(given.as_ref()),
            TableFactor::Pivot { .. } => refuse("PIVOT is not supported.", self.place),
            TableFactor::Unpivot { .. } => refuse("UNPIVOT is not supported.", self.place),
            _ => refuse("This kind of table is not part of Flink SQL.", self.place),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Flow {
        match expr {
            Expr::Identifier(ident) => name(ident),
            Expr::CompoundIdentifier(parts) => parts.iter().try_for_each(name),
            Expr::Function(function) => self.call(function),
            Expr::Wildcard(token) => refuse("'*' is no expression.", span(token.0.span)),
            Expr::QualifiedWildcard(_, token) => {
                refuse("'*' is no expression.", span(token.0.span))
            }
            Expr::AtTimeZone { .. } => refuse_with(
                "AT TIME ZONE is not part of Flink SQL.",
                self.place,
                "Use CONVERT_TZ, or a TIMESTAMP_LTZ, which is shown in the session's time zone.",
            ),
            Expr::Convert { .. } => refuse_with(
                "CONVERT is not supported.",
                self.place,
                "Use CAST(x AS type).",
            ),
            Expr::Collate { .. } => refuse("COLLATE is not supported.", self.place),
            Expr::InUnnest { .. } => refuse("IN UNNEST is not part of Flink SQL.", self.place),
            _ => Flow::Continue(()),
        }
    }
}
