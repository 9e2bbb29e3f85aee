//! What sqlparser's grammar takes and Flink's doesn't: reserved words as names, clauses of other SQLs, hints at places
//! where none belongs.

use std::ops::ControlFlow;

use filbert_types::{Location, Span};
use sqlparser::ast::{
    Distinct, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    GroupByExpr, Join, JoinConstraint, JoinOperator, LimitClause, OrderByKind, Query, Select,
    SelectItem, SetExpr, SetOperator, SetQuantifier, Spanned, TableFactor, TableVersion, Value,
    Visit, Visitor, WildcardAdditionalOptions, WindowType,
};

use crate::error::{ParseError, Result};
use crate::hints::{Hints, misplaced_hint, table_name_end};
use crate::source::{location, span};

mod names;

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

    fn clauses(&self, select: &Select) -> Flow {
        let place = span(select.select_token.0.span);
        let foreign = [
            (select.top.is_some(), "TOP"),
            (select.into.is_some(), "SELECT INTO"),
            (!select.lateral_views.is_empty(), "LATERAL VIEW"),
            (select.prewhere.is_some(), "PREWHERE"),
            (!select.cluster_by.is_empty(), "CLUSTER BY"),
            (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
            (!select.sort_by.is_empty(), "SORT BY"),
            (!select.connect_by.is_empty(), "CONNECT BY"),
            (select.exclude.is_some(), "EXCLUDE"),
            (select.value_table_mode.is_some(), "SELECT AS STRUCT"),
            (
                matches!(select.distinct, Some(Distinct::On(_))),
                "DISTINCT ON",
            ),
            (
                matches!(select.group_by, GroupByExpr::All(_)),
                "GROUP BY ALL",
            ),
            (
                matches!(&select.group_by, GroupByExpr::Expressions(_, modifiers) if !modifiers.is_empty()),
                "GROUPING SETS without a comma before it",
            ),
        ];
        for (present, what) in foreign {
            if present {
                return refuse(format!("{what} is not part of Flink SQL."), place);
            }
        }
        Flow::Continue(())
    }

    /// LIMIT, OFFSET and FETCH take numbers.
    fn limits(&self, query: &Query) -> Flow {
        if let Some(fetch) = &query.fetch {
            if fetch.percent || fetch.with_ties {
                return refuse(
                    "FETCH takes neither PERCENT nor WITH TIES in Flink SQL.",
                    self.place,
                );
            }
            let Some(quantity) = &fetch.quantity else {
                return refuse("FETCH needs a number of rows.", self.place);
            };
            self.row_count(quantity, "FETCH")?;
        }
        match &query.limit_clause {
            None => Flow::Continue(()),
            Some(LimitClause::OffsetCommaLimit { .. }) => refuse_with(
                "LIMIT start, count is not part of Flink SQL.",
                self.place,
                "Write LIMIT count OFFSET start.",
            ),
            Some(LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            }) => {
                if !limit_by.is_empty() {
                    return refuse("LIMIT BY is not part of Flink SQL.", self.place);
                }
                if let Some(limit) = limit {
                    self.row_count(limit, "LIMIT")?;
                }
                let Some(offset) = offset else {
                    return Flow::Continue(());
                };
                self.row_count(&offset.value, "OFFSET")?;
                match limit {
                    Some(limit) if offset.value.span().start < limit.span().start => refuse_with(
                        "OFFSET start LIMIT count is not part of Flink SQL.",
                        self.place,
                        "Write LIMIT count OFFSET start.",
                    ),
                    _ => Flow::Continue(()),
                }
            }
        }
    }

    fn row_count(&self, expr: &Expr, clause: &str) -> Flow {
        if let Expr::Value(value) = expr
            && matches!(value.value, Value::Number(..))
        {
            return Flow::Continue(());
        }
        let place = match expr.span() {
            place if place == sqlparser::tokenizer::Span::empty() => self.place,
            place => span(place),
        };
        refuse(
            format!("{clause} takes a number of rows, written as digits."),
            place,
        )
    }

    fn set_operations(&self, mut body: &SetExpr) -> Flow {
        while let SetExpr::SetOperation {
            op,
            set_quantifier,
            left,
            ..
        } = body
        {
            if *op == SetOperator::Minus {
                return refuse_with("MINUS is not part of Flink SQL.", self.place, "Use EXCEPT.");
            }
            if matches!(
                set_quantifier,
                SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName
            ) {
                return refuse("BY NAME is not part of Flink SQL.", self.place);
            }
            body = left;
        }
        if let SetExpr::Table(_) = body {
            return refuse("TABLE takes a table's name here.", self.place);
        }
        Flow::Continue(())
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

    /// Without FROM there is nothing to filter, group or sort out.
    fn needs_from(&self, select: &Select) -> Flow {
        if !select.from.is_empty() {
            return Flow::Continue(());
        }
        let grouped =
            matches!(&select.group_by, GroupByExpr::Expressions(exprs, _) if !exprs.is_empty());
        let clause = if select.selection.is_some() {
            "WHERE"
        } else if grouped {
            "GROUP BY"
        } else if select.having.is_some() {
            "HAVING"
        } else if select.qualify.is_some() {
            "QUALIFY"
        } else if !select.named_window.is_empty() {
            "WINDOW"
        } else {
            for item in &select.projection {
                if let SelectItem::Wildcard(options) = item {
                    return refuse(
                        "SELECT * needs a FROM.",
                        span(options.wildcard_token.0.span),
                    );
                }
            }
            return Flow::Continue(());
        };
        refuse_with(
            format!("{clause} needs a FROM."),
            span(select.select_token.0.span),
            "Flink takes SELECT without FROM only without further clauses.",
        )
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
