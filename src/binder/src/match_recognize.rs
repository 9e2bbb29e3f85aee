//! MATCH_RECOGNIZE: its clauses over one relation. Expressions are bound by [`expr`], the pattern by [`pattern`].

mod expr;
mod pattern;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::Expr;
use filbert_sql::{AfterMatch as AfterMatchAst, MatchRecognize, RowsPerMatch};
use filbert_types::{LogicalType, TimeKind, TypeKind};
use sqlparser::ast::{Expr as Ast, OrderByExpr, TableFactor};

use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::from::{From, aliased};
use crate::relational::{AfterMatch, MatchOrder, Relational, RelationalNode, RowMatch};
use crate::scope::{Relation, Scope, ScopeColumn, ScopeRelation};
use crate::table::extension;
use crate::unnest::empty_scope;

pub(crate) use expr::PatternScope;

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
        let bound = pattern::bind(&clauses.pattern, clauses.span)?;
        let partition_by = clauses
            .partition_by
            .iter()
            .map(|p| plain_column(p, &relation).cloned())
            .collect::<BindResult<Vec<_>>>()?;
        let order_by = self.match_order(&clauses.order_by, &relation, clauses)?;
        let after = after_match(&clauses.after_match, &bound.variables)?;
        let within_ms = self.within(clauses)?;
        let mut scope = PatternScope::new(&bound, clauses, alias, relation.columns.clone())?;
        let mut define = vec![None; bound.variables.len()];
        for definition in &clauses.define {
            let variable = bound
                .variables
                .iter()
                .position(|v| *v == definition.variable.value);
            let condition = self.definition(definition, variable, &mut scope)?;
            if let Some(variable) = variable {
                define[variable] = Some(condition);
            }
        }
        let mut measures: Vec<(ScopeColumn, Expr)> = Vec::new();
        for measure in &clauses.measures {
            let name = &measure.name.value;
            if measures.iter().any(|(column, _)| column.name == *name) {
                return Err(BindError::at(
                    Some(measure.name.span),
                    format!("Columns ambiguously defined: {{{name}}}"),
                ));
            }
            let typed = self.measure(&measure.expr, &mut scope)?;
            let column = ScopeColumn {
                name: name.clone(),
                column: self.new_column(name, &typed.ty),
                ty: typed.ty,
            };
            measures.push((column, typed.expr));
        }
        if measures.is_empty() {
            return Err(
                BindError::at(Some(clauses.span), "Columns ambiguously defined: {}")
                    .with_hint("Name what a match gives: MEASURES a.x AS x."),
            );
        }
        let all_rows = clauses.rows_per_match == RowsPerMatch::All;
        let (partition_columns, measured) = (partition_by, measures);
        let matching = RowMatch {
            partition_by: partition_columns.iter().map(|c| c.column.clone()).collect(),
            order_by,
            standard: bound.standard,
            variables: bound.variables,
            pattern: bound.pattern,
            pattern_text: bound.text,
            within_ms,
            after,
            all_rows,
            cells: scope.cells,
            columns: scope.references,
            aggregates: scope.aggregates,
            define,
            measures: measured
                .iter()
                .map(|(c, e)| (c.column.clone(), e.clone()))
                .collect(),
        };
        let measured = measured.into_iter().map(|(column, _)| column).collect();
        self.match_node(matching, relation, partition_columns, measured)
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
        if matching.all_rows {
            let order = matching.order_by.iter();
            let order: Vec<ScopeColumn> = order
                .filter_map(|o| input.columns.iter().find(|c| c.column == o.column))
                .cloned()
                .collect();
            for column in order.into_iter().chain(input.columns.iter().cloned()) {
                if columns.iter().all(|c| c.column != column.column) {
                    columns.push(column);
                }
            }
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
        let fields = columns
            .iter()
            .map(|c| {
                let field = c.ty.arrow_field(&c.column.name);
                (c.column.relation.clone(), Arc::new(field))
            })
            .collect();
        let node = RelationalNode {
            relational: Relational::Match(Box::new(matching)),
            inputs: vec![input.plan],
            schema: Arc::new(DFSchema::new_with_metadata(fields, HashMap::new())?),
        };
        Ok(Relation {
            plan: extension(node),
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
        let columns = Rc::new(Scope::of(ScopeRelation {
            alias: None,
            path: None,
            columns: scope.columns.clone(),
        }));
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

fn after_match(after: &AfterMatchAst, variables: &[String]) -> BindResult<AfterMatch> {
    Ok(match after {
        AfterMatchAst::PastLastRow => AfterMatch::PastLastRow,
        AfterMatchAst::ToNextRow => AfterMatch::ToNextRow,
        AfterMatchAst::ToFirst(ident) => AfterMatch::ToFirst(pattern::variable(variables, ident)?),
        AfterMatchAst::ToLast(ident) => AfterMatch::ToLast(pattern::variable(variables, ident)?),
    })
}
