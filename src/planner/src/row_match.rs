//! MATCH_RECOGNIZE on its way to the operator, for streaming and batch alike: columns by position, and what depends on
//! one row alone taken out of the conditions, so that it is computed for whole batches of rows.

mod lift;

use datafusion::logical_expr::Expr;
use filbert_binder::ColumnTypes;
use filbert_binder::relational::{self as bound, PatternColumn, RowMatch};
use filbert_graph::spec::{
    AfterMatch, MatchAggregateSpec, MatchColumn, MatchExprSpec, MatchRows, MatchSpec, MatchTime,
    RowPattern,
};
use filbert_types::{Field, LogicalType, TypeKind};

use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::{ExprCompiler, is_deterministic, position, render};

/// A MATCH_RECOGNIZE over columns by position.
#[derive(Debug, Clone)]
pub(crate) struct RowMatcher {
    matching: Box<RowMatch>,
    /// The columns of conditions and measures, with their types; the place is that in `matching.columns`.
    columns: Vec<PlanColumn>,
    measure_names: Vec<String>,
    pub partition_by: Vec<usize>,
    /// Columns, `ascending`, `nulls first`.
    pub order_by: Vec<(usize, bool, bool)>,
    rows: MatchRows,
}

impl RowMatcher {
    /// # Errors
    /// When the input lacks a column: a bug.
    pub fn new(
        matching: &RowMatch,
        types: &ColumnTypes,
        input: &[PlanColumn],
    ) -> Result<RowMatcher, PlanError> {
        let place = |column: &datafusion::common::Column| {
            position(input, column).ok_or_else(|| {
                PlanError::Internal(format!("no column {column} under MATCH_RECOGNIZE"))
            })
        };
        let columns = matching.columns.iter().map(|(column, means)| {
            let ty = types.get(column).cloned();
            let ty = ty.unwrap_or_else(|| LogicalType::from(TypeKind::Null));
            let mut column = PlanColumn::new(column.clone(), ty);
            column.name = match means {
                PatternColumn::Row { text, .. } => text.clone(),
                PatternColumn::Aggregate { place, .. } => matching.aggregates[*place].text.clone(),
                PatternColumn::Rowtime => "MATCH_ROWTIME()".to_owned(),
                PatternColumn::Classifier { .. } => "CLASSIFIER()".to_owned(),
                PatternColumn::MatchNumber => "MATCH_NUMBER()".to_owned(),
            };
            column
        });
        let partition_by: Vec<usize> = matching
            .partition_by
            .iter()
            .map(place)
            .collect::<Result<_, _>>()?;
        let order_by = matching.order_by.iter();
        let rows = match &matching.rows {
            bound::MatchRows::One => MatchRows::One,
            bound::MatchRows::All {
                shown,
                empty,
                unmatched,
            } => MatchRows::All {
                columns: shown.iter().map(place).collect::<Result<_, _>>()?,
                empty: *empty,
                unmatched: *unmatched,
            },
        };
        Ok(RowMatcher {
            columns: columns.collect(),
            measure_names: matching
                .measures
                .iter()
                .map(|(column, _)| crate::columns::shown_name(&column.name).to_owned())
                .collect(),
            order_by: order_by
                .map(|o| Ok((place(&o.column)?, o.ascending, o.nulls_first)))
                .collect::<Result<_, PlanError>>()?,
            rows,
            partition_by,
            matching: Box::new(matching.clone()),
        })
    }

    pub fn is_deterministic(&self) -> bool {
        let matching = &self.matching;
        let define = matching.define.iter().flatten();
        let measures = matching.measures.iter().map(|(_, e)| e);
        let mut all = define.chain(measures).chain(&matching.cells);
        all.all(is_deterministic)
    }

    /// What the operator must do over rows of `input`.
    ///
    /// # Errors
    /// When an expression can't be compiled.
    pub fn spec(
        &self,
        input: &[PlanColumn],
        time: MatchTime,
        exprs: &ExprCompiler,
    ) -> Result<MatchSpec, PlanError> {
        let matching = &self.matching;
        let mut cells = matching.cells.clone();
        let mut conditions = Vec::new();
        for condition in &matching.define {
            conditions.push(match condition {
                None => None,
                Some(expr) => {
                    let (expr, columns) = lift::lift(
                        expr,
                        &self.columns,
                        &matching.columns,
                        &mut cells,
                        input,
                        exprs,
                    )?;
                    Some(self.compile(&expr, &columns, exprs)?)
                }
            });
        }
        let plain: Vec<(PlanColumn, PatternColumn)> = self
            .columns
            .iter()
            .cloned()
            .zip(matching.columns.iter().map(|(_, c)| c.clone()))
            .collect();
        let measures = matching
            .measures
            .iter()
            .map(|(_, expr)| self.compile(expr, &plain, exprs))
            .collect::<Result<_, _>>()?;
        let cells = cells
            .iter()
            .map(|cell| exprs.compile(cell, input, exprs.type_of(cell, input)?))
            .collect::<Result<_, PlanError>>()?;
        // What orders the rows that are sorted already needn't be known of them.
        let skip = match time {
            MatchTime::Sorted(_) => self.order_by.len(),
            MatchTime::Event(_) | MatchTime::Processing => 1,
        };
        Ok(MatchSpec {
            partition_by: self.partition_by.clone(),
            time,
            order_by: self.order_by.iter().skip(skip).copied().collect(),
            variables: matching.variables.clone(),
            pattern: pattern(&matching.pattern),
            standard: matching.standard,
            within_ms: matching.within_ms,
            after: after(matching.after.clone()),
            rows: self.rows.clone(),
            cells,
            aggregates: matching.aggregates.iter().map(aggregate).collect(),
            conditions,
            measures,
        })
    }

    /// An expression over those of the columns that it reads.
    fn compile(
        &self,
        expr: &Expr,
        columns: &[(PlanColumn, PatternColumn)],
        exprs: &ExprCompiler,
    ) -> Result<MatchExprSpec, PlanError> {
        let all: Vec<PlanColumn> = columns.iter().map(|(c, _)| c.clone()).collect();
        let read = crate::exprs::columns_read(expr, &all);
        let used: Vec<PlanColumn> = read.iter().map(|i| all[*i].clone()).collect();
        let ty = exprs.type_of(expr, &used)?;
        Ok(MatchExprSpec {
            columns: read
                .iter()
                .map(|i| (match_column(&columns[*i].1), columns[*i].0.ty.clone()))
                .collect(),
            expr: exprs.compile(expr, &used, ty)?,
        })
    }

    /// `partitionBy=[k], orderBy=[rt ASC], measures=[..], ..`
    pub fn details(&self, input: &[PlanColumn]) -> String {
        let matching = &self.matching;
        let mut parts = Vec::new();
        if !self.partition_by.is_empty() {
            let keys = self.partition_by.iter().map(|k| input[*k].name.as_str());
            parts.push(format!(
                "partitionBy=[{}]",
                keys.collect::<Vec<_>>().join(", ")
            ));
        }
        let order = self.order_by.iter().map(|(column, ascending, _)| {
            let direction = if *ascending { "ASC" } else { "DESC" };
            format!("{} {direction}", input[*column].name)
        });
        parts.push(format!(
            "orderBy=[{}]",
            order.collect::<Vec<_>>().join(", ")
        ));
        let measures = matching.measures.iter().zip(&self.measure_names);
        let measures: Vec<String> = measures
            .map(|((_, expr), name)| format!("FINAL({}) AS {name}", render(expr, &self.columns)))
            .collect();
        parts.push(format!("measures=[{}]", measures.join(", ")));
        let rows = match &self.rows {
            MatchRows::One => "ONE ROW PER MATCH",
            MatchRows::All {
                unmatched: true, ..
            } => "ALL ROWS PER MATCH WITH UNMATCHED ROWS",
            MatchRows::All { empty: false, .. } => "ALL ROWS PER MATCH OMIT EMPTY MATCHES",
            MatchRows::All { .. } => "ALL ROWS PER MATCH",
        };
        parts.push(format!("rowsPerMatch=[{rows}]"));
        let variable = |v: &usize| format!("_UTF-16LE'{}'", matching.variables[*v]);
        let after = match &matching.after {
            bound::AfterMatch::PastLastRow => "SKIP PAST LAST ROW".to_owned(),
            bound::AfterMatch::ToNextRow => "SKIP TO NEXT ROW".to_owned(),
            bound::AfterMatch::ToFirst(v) => format!("SKIP TO FIRST {}", variable(v)),
            bound::AfterMatch::ToLast(v) => format!("SKIP TO LAST {}", variable(v)),
        };
        parts.push(format!("after=[{after}]"));
        parts.push(format!("pattern=[{}]", matching.pattern_text));
        let define = matching.define.iter().zip(&matching.variables);
        let define: Vec<String> = define
            .filter_map(|(expr, name)| {
                let expr = expr.as_ref()?;
                Some(format!("{name}={}", render(expr, &self.columns)))
            })
            .collect();
        parts.push(format!("define=[{{{}}}]", define.join(", ")));
        parts.join(", ")
    }
}

fn match_column(column: &PatternColumn) -> MatchColumn {
    match column {
        PatternColumn::Row {
            variables,
            first,
            offset,
            physical,
            cell,
            running,
            ..
        } => MatchColumn::Row {
            variables: variables.clone(),
            first: *first,
            offset: *offset,
            physical: *physical,
            cell: *cell,
            running: *running,
        },
        PatternColumn::Aggregate { place, running } => MatchColumn::Aggregate {
            place: *place,
            running: *running,
        },
        PatternColumn::Rowtime => MatchColumn::Rowtime,
        PatternColumn::Classifier { running } => MatchColumn::Classifier { running: *running },
        PatternColumn::MatchNumber => MatchColumn::MatchNumber,
    }
}

fn aggregate(bound: &bound::MatchAggregate) -> MatchAggregateSpec {
    MatchAggregateSpec {
        function: bound.function.clone(),
        variables: bound.variables.clone(),
        args: bound.args.clone(),
        arg_types: bound.arg_types.clone(),
        output: Field::new(&bound.text, bound.ty.clone()),
    }
}

fn after(bound: bound::AfterMatch) -> AfterMatch {
    match bound {
        bound::AfterMatch::PastLastRow => AfterMatch::PastLastRow,
        bound::AfterMatch::ToNextRow => AfterMatch::ToNextRow,
        bound::AfterMatch::ToFirst(v) => AfterMatch::ToFirst(v),
        bound::AfterMatch::ToLast(v) => AfterMatch::ToLast(v),
    }
}

fn pattern(bound: &bound::RowPattern) -> RowPattern {
    let all = |parts: &[bound::RowPattern]| parts.iter().map(pattern).collect();
    match bound {
        bound::RowPattern::Variable(v) => RowPattern::Variable(*v),
        bound::RowPattern::Concat(parts) => RowPattern::Concat(all(parts)),
        bound::RowPattern::Alternation(parts) => RowPattern::Alternation(all(parts)),
        bound::RowPattern::Exclude(inner) => RowPattern::Exclude(Box::new(pattern(inner))),
        bound::RowPattern::Repeat {
            pattern: inner,
            min,
            max,
            reluctant,
        } => RowPattern::Repeat {
            pattern: Box::new(pattern(inner)),
            min: *min,
            max: *max,
            reluctant: *reluctant,
        },
    }
}
