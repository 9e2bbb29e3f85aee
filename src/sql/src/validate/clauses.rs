//! The clauses of a query: those of other SQLs, and what Flink's take.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, LimitClause, Query, Select, SelectItem, SetExpr, SetOperator,
    SetQuantifier, Spanned, Value,
};

use super::{Checker, Flow, refuse, refuse_with};
use crate::source::span;

impl Checker {
    /// Clauses of other SQLs.
    pub(super) fn clauses(&self, select: &Select) -> Flow {
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

    /// Without FROM there is nothing to filter, group or sort out.
    pub(super) fn needs_from(&self, select: &Select) -> Flow {
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

    /// Set operations of other SQLs.
    pub(super) fn set_operations(&self, mut body: &SetExpr) -> Flow {
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

    /// LIMIT, OFFSET and FETCH take numbers.
    pub(super) fn limits(&self, query: &Query) -> Flow {
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
}
