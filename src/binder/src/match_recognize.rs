//! MATCH_RECOGNIZE: its clauses over one relation. The pattern is bound by [`pattern`]; names and calls of expressions by
//! [`expr`], in a [`scope`], with [`navigation`] over rows and [`aggregate`]s.

mod aggregate;
mod expr;
mod navigation;
mod pattern;
mod scope;

use std::rc::Rc;

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::Expr;
use filbert_sql::{AfterMatch as AfterMatchAst, EmptyMatches, MatchRecognize, RowsPerMatch};
use filbert_types::{LogicalType, TimeKind, TypeKind};
use sqlparser::ast::{Expr as Ast, OrderByExpr, TableFactor};

use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::from::{From, aliased};
use crate::match_recognize::pattern::BoundPattern;
use crate::plan::schema_of;
use crate::relational::{AfterMatch, MatchOrder, MatchRows, Relational, RelationalNode, RowMatch};
use crate::scope::{Relation, Scope, ScopeColumn};
use crate::unnest::empty_scope;

pub(crate) use scope::PatternScope;

impl Binder<'_> {
    /// `t MATCH_RECOGNIZE ( .. ) AS m`
    pub fn match_recognize(&mut self, factor: &TableFactor) -> BindResult<From> {
        let TableFactor::MatchRecognize { table, alias, .. } = factor else {
            return Err(BindError::new("no MATCH_RECOGNIZE"));
        };
        let clauses = filbert_sql::match_recognize_of(&self.matches, factor).cloned();
        let Some(clauses) = clauses else {
            return Err(BindError::new("a MATCH_RECOGNIZE without its clauses"));
        };
        let input = self.match_input(table)?;
        let relation = self.row_match(&clauses, input)?;
        aliased(relation, alias.as_ref())
    }

    fn match_input(&mut self, table: &TableFactor) -> BindResult<MatchInput> {
        let from = self.factor(table)?;
        let mut relations = from.scope.relations;
        if relations.len() != 1 {
            return Err(BindError::unsupported(
                span_of(table),
                "MATCH_RECOGNIZE over a join without SELECT around it",
            ));
        }
        let relation = relations.remove(0);
        Ok(MatchInput {
            alias: relation.alias,
            relation: Relation {
                plan: from.plan,
                columns: relation.columns,
            },
        })
    }

    fn row_match(&mut self, clauses: &MatchRecognize, input: MatchInput) -> BindResult<Relation> {
        let MatchInput { alias, relation } = input;
        let bound = pattern::bind(
            &clauses.pattern,
            clauses.rows_per_match,
            clauses.pattern_span,
        )?;
        let partition_by = clauses
            .partition_by
            .iter()
            .map(|p| plain_column(p, &relation).cloned())
            .collect::<BindResult<Vec<_>>>()?;
        let order_by = self.match_order(&clauses.order_by, &relation, clauses)?;
        let after = after_match(&clauses.after_match, &bound)?;
        let within_ms = self.within(clauses)?;
        let mut scope = PatternScope::new(&bound, clauses, alias, relation.columns.clone())?;
        let define = self.definitions(clauses, &bound.variables, &mut scope)?;
        let measures = self.measures(clauses, &mut scope)?;
        let standard = bound.standard || scope.physical;
        if standard && (clauses.anchored_start || clauses.anchored_end) {
            return Err(BindError::unsupported(
                Some(clauses.pattern_span),
                "'^' or '$' in a pattern that is more than Flink takes",
            )
            .with_hint(
                "Leave it out: in other patterns it is read and means nothing, as in Flink.",
            ));
        }
        let rows = match clauses.rows_per_match {
            RowsPerMatch::One => MatchRows::One,
            RowsPerMatch::All(empty) => MatchRows::All {
                shown: shown(&relation, &partition_by, &order_by),
                empty: empty != EmptyMatches::Omit,
                unmatched: empty == EmptyMatches::WithUnmatched,
            },
        };
        let matching = RowMatch {
            partition_by: partition_by.iter().map(|c| c.column.clone()).collect(),
            order_by,
            standard,
            variables: bound.variables,
            pattern: bound.pattern,
            pattern_text: bound.text,
            within_ms,
            after,
            rows,
            cells: scope.cells,
            columns: scope.references,
            aggregates: scope.aggregates,
            define,
            measures: measures
                .iter()
                .map(|(c, e)| (c.column.clone(), e.clone()))
                .collect(),
        };
        let measures = measures.into_iter().map(|(column, _)| column).collect();
        self.match_node(matching, relation, partition_by, measures)
    }

    /// The condition of each variable of the pattern, where it has one.
    fn definitions(
        &mut self,
        clauses: &MatchRecognize,
        variables: &[String],
        scope: &mut PatternScope,
    ) -> BindResult<Vec<Option<Expr>>> {
        let mut define = vec![None; variables.len()];
        for definition in &clauses.define {
            let name = &definition.variable.value;
            let variable = variables.iter().position(|v| v == name);
            let condition = self.definition(definition, variable, scope)?;
            if let Some(variable) = variable {
                define[variable] = Some(condition);
            }
        }
        Ok(define)
    }

    fn measures(
        &mut self,
        clauses: &MatchRecognize,
        scope: &mut PatternScope,
    ) -> BindResult<Vec<(ScopeColumn, Expr)>> {
        let mut measures: Vec<(ScopeColumn, Expr)> = Vec::new();
        for measure in &clauses.measures {
            let name = &measure.name.value;
            if measures.iter().any(|(column, _)| column.name == *name) {
                return Err(BindError::at(
                    Some(measure.name.span),
                    format!("Columns ambiguously defined: {{{name}}}"),
                ));
            }
            let mut typed = self.measure(&measure.expr, scope)?;
            if clauses.rows_per_match != RowsPerMatch::One {
                // A variable may have no row yet.
                typed.ty = typed.ty.with_nullable(true);
            }
            let column = ScopeColumn {
                name: name.clone(),
                column: self.new_column(name, &typed.ty),
                ty: typed.ty,
            };
            measures.push((column, typed.expr));
        }
        if measures.is_empty() && clauses.rows_per_match == RowsPerMatch::One {
            return Err(
                BindError::at(Some(clauses.span), "Columns ambiguously defined: {}")
                    .with_hint("Name what a match gives: MEASURES a.x AS x."),
            );
        }
        Ok(measures)
    }

    /// The columns: those of PARTITION BY, with ALL ROWS PER MATCH also the other ones, and the measures.
    fn match_node(
        &mut self,
        matching: RowMatch,
        input: Relation,
        partition_by: Vec<ScopeColumn>,
        measures: Vec<ScopeColumn>,
    ) -> BindResult<Relation> {
        let mut columns = partition_by;
        if let MatchRows::All { shown, .. } = &matching.rows {
            let of = |c: &Column| input.columns.iter().find(|i| i.column == *c).cloned();
            columns.extend(shown.iter().filter_map(of));
        }
        for measure in measures {
            if columns.iter().any(|c| c.name == measure.name) {
                return Err(BindError::new(format!(
                    "Columns ambiguously defined: {{{}}}",
                    measure.name
                )));
            }
            columns.push(measure);
        }
        let node = RelationalNode {
            relational: Relational::Match(Box::new(matching)),
            inputs: vec![input.plan],
            schema: schema_of(&columns)?,
        };
        Ok(Relation {
            plan: node.into_plan(),
            columns,
        })
    }

    /// ORDER BY: in streaming mode by a time attribute first, rising.
    fn match_order(
        &mut self,
        items: &[OrderByExpr],
        input: &Relation,
        clauses: &MatchRecognize,
    ) -> BindResult<Vec<MatchOrder>> {
        let streaming = !self.cx.exprs.batch;
        let mut order = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let column = plain_column(&item.expr, input)?;
            let ascending = item.options.asc.unwrap_or(true);
            if place == 0 && streaming {
                if column.ty.kind.time_kind() == TimeKind::Regular {
                    return Err(BindError::at(
                        span_of(&item.expr),
                        "You must specify either rowtime or proctime for order by as the first one.",
                    ));
                }
                if !ascending {
                    return Err(BindError::at(
                        span_of(&item.expr),
                        "Primary sort order of a streaming table must be ascending on time.",
                    ));
                }
            }
            order.push(MatchOrder {
                column: column.column.clone(),
                ascending,
                // NULL is the least value, as everywhere in Flink.
                nulls_first: item.options.nulls_first.unwrap_or(ascending),
            });
        }
        if order.is_empty() {
            return Err(BindError::at(
                Some(clauses.span),
                if streaming {
                    "You must specify either rowtime or proctime for order by."
                } else {
                    "You must specify non-empty order by."
                },
            ));
        }
        Ok(order)
    }

    fn within(&mut self, clauses: &MatchRecognize) -> BindResult<Option<i64>> {
        let Some(ast) = &clauses.within else {
            return Ok(None);
        };
        let scope = empty_scope();
        let mut cx = ExprCx::plain(&scope, "WITHIN");
        let bound = self.expr(ast, &mut cx)?;
        match bound.literal() {
            Some(ScalarValue::DurationMillisecond(Some(ms))) if *ms < 0 => Err(BindError::at(
                span_of(ast),
                format!("Interval must be non-negative '{ast}'"),
            )),
            // No time at all is no constraint, as in Flink.
            Some(ScalarValue::DurationMillisecond(Some(ms))) => Ok(Some(*ms).filter(|ms| *ms > 0)),
            _ => Err(BindError::at(
                span_of(ast),
                "Only constant intervals with millisecond resolution are supported as time constraints of patterns.",
            )),
        }
    }

    fn definition(
        &mut self,
        definition: &filbert_sql::Definition,
        variable: Option<usize>,
        scope: &mut PatternScope,
    ) -> BindResult<Expr> {
        let name = &definition.variable;
        if !scope.define(&name.value, variable) {
            return Err(BindError::at(
                Some(name.span),
                format!("Pattern variable '{}' has already been defined", name.value),
            ));
        }
        let condition = self.pattern_expr(&definition.condition, "DEFINE", scope)?;
        self.condition(condition, "DEFINE", span_of(&definition.condition))
    }

    fn measure(
        &mut self,
        ast: &Ast,
        scope: &mut PatternScope,
    ) -> BindResult<filbert_functions::TypedExpr> {
        scope.measure();
        let typed = self.pattern_expr(ast, "MEASURES", scope)?;
        if typed.ty.kind == TypeKind::Null {
            return Err(BindError::at(span_of(ast), "A measure of NULL has no type"));
        }
        Ok(typed)
    }

    fn pattern_expr(
        &mut self,
        ast: &Ast,
        clause: &'static str,
        scope: &mut PatternScope,
    ) -> BindResult<filbert_functions::TypedExpr> {
        let columns = Rc::new(Scope::of_columns(scope.columns.clone()));
        let outer = self.pattern.replace(std::mem::take(scope));
        let mut cx = ExprCx::plain(&columns, clause);
        let bound = self.expr(ast, &mut cx);
        *scope = std::mem::replace(&mut self.pattern, outer).unwrap_or_default();
        bound
    }

    /// A new column of the match's expressions.
    pub(crate) fn pattern_column(&mut self, ty: &LogicalType) -> Column {
        self.new_column("$match", ty)
    }
}

/// A relation under its name.
struct MatchInput {
    alias: Option<String>,
    relation: Relation,
}

/// The columns of the input that ALL ROWS PER MATCH gives behind the keys: those of ORDER BY, then the others.
fn shown(input: &Relation, keys: &[ScopeColumn], order_by: &[MatchOrder]) -> Vec<Column> {
    let ordered = order_by.iter().map(|o| &o.column);
    let mut shown: Vec<Column> = Vec::new();
    for column in ordered.chain(input.columns.iter().map(|c| &c.column)) {
        if !shown.contains(column) && keys.iter().all(|k| k.column != *column) {
            shown.push(column.clone());
        }
    }
    shown
}

fn plain_column<'r>(ast: &Ast, input: &'r Relation) -> BindResult<&'r ScopeColumn> {
    let name = match ast {
        Ast::Identifier(ident) => &ident.value,
        Ast::CompoundIdentifier(idents) if idents.len() == 2 => &idents[1].value,
        _ => {
            return Err(BindError::unsupported(
                span_of(ast),
                format!("The expression '{ast}' in PARTITION BY or ORDER BY of MATCH_RECOGNIZE"),
            ));
        }
    };
    input
        .columns
        .iter()
        .find(|c| c.name == *name)
        .ok_or_else(|| {
            let names = || input.columns.iter().map(|c| c.name.as_str());
            let hint = filbert_types::suggest::nearest(name, names()).map_or_else(
                || crate::error::available("columns", names()),
                |near| format!("Did you mean '{near}'?"),
            );
            BindError::at(
                span_of(ast),
                format!("Column '{name}' not found in any table"),
            )
            .with_hint(hint)
        })
}

fn after_match(after: &AfterMatchAst, bound: &BoundPattern) -> BindResult<AfterMatch> {
    let (ident, first) = match after {
        AfterMatchAst::PastLastRow => return Ok(AfterMatch::PastLastRow),
        AfterMatchAst::ToNextRow => return Ok(AfterMatch::ToNextRow),
        AfterMatchAst::ToFirst(ident) => (ident, true),
        AfterMatchAst::ToLast(ident) => (ident, false),
    };
    let variable = pattern::variable(&bound.variables, ident)?;
    if pattern::is_first_row(&bound.pattern, variable, first) {
        return Err(BindError::at(
            Some(ident.span),
            "Could not skip to first element of a match.",
        )
        .with_hint(format!(
            "Every match begins with this row of '{}': the same one would be found again.",
            ident.value
        )));
    }
    Ok(if first {
        AfterMatch::ToFirst(variable)
    } else {
        AfterMatch::ToLast(variable)
    })
}
