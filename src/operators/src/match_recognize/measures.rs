//! The rows that matches give: keys, with ALL ROWS PER MATCH columns of the input, then MEASURES, evaluated over all
//! matches of a batch at once.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringViewArray};
use arrow::compute::nullif;
use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use filbert_graph::spec::{MatchColumn, MatchExprSpec, MatchRows, MatchSpec};

use super::aggregate::{Chains, finals, running, spread};
use super::condition::{RunningPlaces, column_schema};
use super::keys::Keys;
use super::partial::{EMPTY, Layout, Partials, RowRef};
use super::rows::{NULL_ROW, Rows};
use crate::columns::record_batch;
use crate::context::ExpressionFactory;
use crate::error::Result;
use crate::window_table_function::timestamps;

/// What is given out: a match, or a row without one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub key: u32,
    /// The match's last block.
    pub block: u32,
    /// Of what has no rows of its own, the row that stands for it.
    pub row: u32,
    /// When it was found.
    pub time: i64,
    /// The match's number; none for a row without one.
    pub number: Option<u64>,
}

/// A row of the output.
#[derive(Debug, Clone, Copy)]
struct Line {
    found: u32,
    row: u32,
    /// The match as of this row.
    block: u32,
    variable: Option<u32>,
}

/// Rows of the output on their way.
#[derive(Default)]
pub(super) struct Lines {
    pub found: Vec<Found>,
    lines: Vec<Line>,
    /// By [`Aggregated`], its values by line.
    aggregated: Vec<ArrayRef>,
    next: usize,
}

/// Makes rows of matches.
pub(super) struct Measures {
    measures: Vec<Measure>,
    aggregated: Vec<Aggregated>,
    variables: Vec<String>,
    /// Columns of the rows' table that stand behind the keys, with ALL ROWS PER MATCH.
    shown: Option<Vec<usize>>,
    /// The rows of a match.
    all: RowRef,
    output: SchemaRef,
}

struct Measure {
    expr: Arc<dyn PhysicalExpr>,
    columns: Vec<Source>,
    schema: SchemaRef,
}

/// An aggregate that needs the match's rows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Aggregated {
    place: usize,
    running: bool,
}

enum Source {
    Row {
        row: RowRef,
        cell: usize,
        running: bool,
    },
    /// By its place among the running aggregates.
    Running {
        place: usize,
        running: bool,
    },
    /// By its place among those that need the match's rows.
    Aggregated(usize),
    Time,
    Classifier {
        running: bool,
    },
    Number,
}

impl Measures {
    /// `kept`: the columns of the rows' table that hold the columns that are shown.
    ///
    /// # Errors
    /// When an expression can't be read.
    pub fn new(
        spec: &MatchSpec,
        layout: &mut Layout,
        places: &RunningPlaces,
        shown: Option<Vec<usize>>,
        output: SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<Measures> {
        let all: Vec<usize> = (0..spec.variables.len()).collect();
        let mut made = Measures {
            measures: Vec::new(),
            aggregated: Vec::new(),
            variables: spec.variables.clone(),
            shown,
            all: layout.row(&all, false, 0),
            output,
        };
        for measure in &spec.measures {
            let measure = made.measure(measure, layout, places, expressions)?;
            made.measures.push(measure);
        }
        Ok(made)
    }

    fn measure(
        &mut self,
        spec: &MatchExprSpec,
        layout: &mut Layout,
        places: &RunningPlaces,
        expressions: &dyn ExpressionFactory,
    ) -> Result<Measure> {
        let schema = column_schema(spec);
        let columns = spec.columns.iter().map(|(column, _)| match column {
            MatchColumn::Row {
                variables,
                first,
                offset,
                cell,
                running,
                ..
            } => Source::Row {
                row: layout.row(variables, *first, *offset),
                cell: *cell,
                running: *running,
            },
            MatchColumn::Aggregate { place, running } => {
                let running = *running;
                match places.get(*place).copied().flatten() {
                    Some(place) => Source::Running { place, running },
                    None => {
                        let place = *place;
                        Source::Aggregated(self.aggregated(Aggregated { place, running }))
                    }
                }
            }
            MatchColumn::Rowtime => Source::Time,
            MatchColumn::Classifier { running } => Source::Classifier { running: *running },
            MatchColumn::MatchNumber => Source::Number,
        });
        Ok(Measure {
            columns: columns.collect(),
            expr: expressions.physical(&spec.expr, &schema)?,
            schema,
        })
    }

    fn aggregated(&mut self, wanted: Aggregated) -> usize {
        let known = self.aggregated.iter().position(|a| *a == wanted);
        known.unwrap_or_else(|| {
            self.aggregated.push(wanted);
            self.aggregated.len() - 1
        })
    }

    /// Whether all rows of a match are needed.
    pub fn need_rows(spec: &MatchSpec, places: &RunningPlaces) -> bool {
        let columns = spec.measures.iter().flat_map(|m| &m.columns);
        let mut columns = columns.map(|(column, _)| column);
        spec.rows != MatchRows::One
            || columns.any(|column| match column {
                MatchColumn::Classifier { .. } => true,
                MatchColumn::Aggregate { place, .. } => places[*place].is_none(),
                _ => false,
            })
    }

    /// How many rows are given for what was found.
    pub fn rows_of(&self, found: &Found, partials: &Partials) -> usize {
        match self.shown {
            Some(_) => partials.count(found.block, self.all).max(1),
            None => 1,
        }
    }

    /// The rows of what was found.
    ///
    /// # Errors
    /// When an aggregate fails.
    pub fn lines(&self, found: Vec<Found>, rows: &Rows, partials: &Partials) -> Result<Lines> {
        let mut chains = Chains::default();
        if self.shown.is_some() || !self.aggregated.is_empty() {
            for found in &found {
                chains.add(partials, found.block);
            }
        }
        let mut lines = Vec::with_capacity(found.len());
        // By line, its row's place in the chains.
        let mut places = Vec::new();
        for (number, found) in (0u32..).zip(&found) {
            let whole = Line {
                found: number,
                row: found.row,
                block: found.block,
                variable: None,
            };
            if self.shown.is_none() || found.block == EMPTY {
                lines.push(whole);
                places.push(None);
                continue;
            }
            let range = chains.of(number as usize);
            for (taken, place) in chains.rows[range.clone()].iter().zip(range) {
                if !taken.excluded {
                    lines.push(Line {
                        found: number,
                        row: taken.row,
                        block: taken.block,
                        variable: Some(taken.variable),
                    });
                    places.push(Some(place as u32));
                }
            }
        }
        let mut aggregated = Vec::with_capacity(self.aggregated.len());
        for wanted in &self.aggregated {
            let aggregate = &partials.aggregates()[wanted.place];
            let finals = spread(
                &finals(aggregate, &chains, rows)?,
                lines.iter().map(|l| l.found).collect(),
            )?;
            aggregated.push(if wanted.running && places.iter().any(Option::is_some) {
                let running = running(aggregate, &chains, rows)?;
                let picked = places.iter().zip(0..).map(|(place, line)| match place {
                    Some(place) => (1, *place as usize),
                    None => (0, line),
                });
                let picked: Vec<(usize, usize)> = picked.collect();
                arrow::compute::interleave(&[finals.as_ref(), running.as_ref()], &picked)?
            } else {
                finals
            });
        }
        Ok(Lines {
            found,
            lines,
            aggregated,
            next: 0,
        })
    }

    /// The next rows of the output, at most so many; none when all were given.
    ///
    /// # Errors
    /// When a measure fails.
    pub fn next(
        &self,
        lines: &mut Lines,
        rows_max: usize,
        keys: &Keys,
        rows: &Rows,
        partials: &Partials,
    ) -> Result<Option<RecordBatch>> {
        let range = lines.next..lines.lines.len().min(lines.next + rows_max.max(1));
        if range.is_empty() {
            return Ok(None);
        }
        lines.next = range.end;
        let given = &lines.lines[range.clone()];
        let slots: Vec<u32> = given
            .iter()
            .map(|l| lines.found[l.found as usize].key)
            .collect();
        let mut columns = keys.index.key_columns(&slots)?;
        if let Some(shown) = &self.shown {
            let slots: Vec<u32> = given.iter().map(|l| l.row).collect();
            for column in shown {
                let gathered = rows.table.gather_column(*column, &slots);
                columns.push(gathered?);
            }
        }
        let numbered = |l: &Line| lines.found[l.found as usize].number.is_some();
        let without: Option<BooleanArray> = (!given.iter().all(numbered))
            .then(|| given.iter().map(|l| Some(!numbered(l))).collect());
        for measure in &self.measures {
            let value = self.evaluate(measure, lines, range.clone(), rows, partials)?;
            columns.push(match &without {
                Some(without) => nullif(&value, without)?,
                None => value,
            });
        }
        let batch = record_batch(&self.output, columns, given.len())?;
        Ok(Some(batch))
    }

    fn evaluate(
        &self,
        measure: &Measure,
        lines: &Lines,
        range: Range<usize>,
        rows: &Rows,
        partials: &Partials,
    ) -> Result<ArrayRef> {
        let given = &lines.lines[range.clone()];
        let found = |line: &Line| &lines.found[line.found as usize];
        let block = |line: &Line, running: bool| match running {
            true => line.block,
            false => found(line).block,
        };
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(measure.columns.len());
        for (source, field) in measure.columns.iter().zip(measure.schema.fields()) {
            columns.push(match source {
                Source::Row { row, cell, running } => {
                    let slots = given.iter().map(|l| partials.row(block(l, *running), *row));
                    let slots: Vec<u32> = slots.collect();
                    let gathered = rows.table.gather_column(*cell, &slots);
                    gathered?
                }
                Source::Running { place, running } => {
                    let values = given
                        .iter()
                        .map(|l| partials.value(block(l, *running), *place));
                    let values: Vec<_> = values.collect();
                    partials.running()[*place].column(&values)?
                }
                Source::Aggregated(place) => {
                    lines.aggregated[*place].slice(range.start, range.len())
                }
                Source::Time => {
                    let times = given.iter().map(|l| found(l).time).collect();
                    timestamps(times, field.data_type())?
                }
                Source::Classifier { running } => {
                    let names = given.iter().map(|l| {
                        let of = match l.variable.filter(|_| *running) {
                            Some(variable) => Some(variable),
                            None => partials.last_variable(found(l).block),
                        };
                        of.map(|v| self.variables[v as usize].as_str())
                    });
                    Arc::new(names.collect::<StringViewArray>())
                }
                Source::Number => {
                    let numbers = given.iter().map(|l| found(l).number.map(|n| n as i64));
                    Arc::new(numbers.collect::<Int64Array>())
                }
            });
        }
        let batch = record_batch(&measure.schema, columns, given.len())?;
        Ok(measure.expr.evaluate(&batch)?.into_array(given.len())?)
    }
}

impl Lines {
    /// Whether rows are still to be given.
    pub fn is_left(&self) -> bool {
        self.next < self.lines.len()
    }
}

impl Found {
    /// The row that nothing else holds for this.
    pub fn own_row(&self) -> Option<u32> {
        Some(self.row).filter(|row| *row != NULL_ROW)
    }
}
