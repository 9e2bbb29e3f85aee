//! Each row once for every element of its lists: UNNEST.
//!
//! - State: none.
//! - Changelog: takes and emits any; the rows that one row gives are of its kind and follow each other.
//! - Several lists go side by side, NULL where one is shorter. A row whose lists are NULL or empty gives no row, or, when
//!   it is the outer side of a join, one with NULLs. Watermarks pass; a mark moves to the place that corresponds.
//! - With a condition only elements that meet it count; a row none of whose elements does gives one with NULLs.
//! - A table function's call gives its rows as such a list. It is evaluated for as many rows at a time as their lists
//!   together make about one batch of output.
//! - Cost: one gather a column; a batch goes out in pieces that hold what the output has room for, also amid a list.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::take;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::physical_expr::PhysicalExpr;
use filbert_graph::spec::UnnestSpec;
use filbert_types::{ChangeBatch, WatermarkMark};

use crate::columns::record_batch;
use crate::context::ExpressionFactory;
use crate::error::{OperatorError, Result};
use crate::marks::{filter_batch, push_mark};
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct UnnestOperator {
    spec: UnnestSpec,
    output: SchemaRef,
    /// A table function's call, and the input's columns followed by the list that it gives.
    call: Option<(Arc<dyn PhysicalExpr>, SchemaRef)>,
    condition: Option<Arc<dyn PhysicalExpr>>,
    /// A batch for some of whose rows the call is still to be evaluated.
    calls: Option<(ChangeBatch, usize)>,
    /// For how many rows the call is evaluated at a time.
    calls_at_once: usize,
    rest: Option<Rest>,
}

/// A batch of which some rows have gone out.
struct Rest {
    batch: ChangeBatch,
    row: usize,
    /// Elements of the row that have gone out.
    element: usize,
    /// An element of the row has met the condition.
    met: bool,
    marks_done: usize,
}

/// A piece of the output: for each row the input's row and its element; no element for NULLs.
#[derive(Default, Clone)]
struct Picks {
    rows: Vec<u32>,
    elements: Vec<Option<u32>>,
    marks: Vec<WatermarkMark>,
}

const CALLS_FIRST: usize = 64;
const CALLS_MOST: usize = 8192;

impl UnnestOperator {
    /// # Errors
    /// When the call or the condition can't be read.
    pub fn new(
        spec: &UnnestSpec,
        input: &SchemaRef,
        output: SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<UnnestOperator> {
        let call = spec.call.as_ref().map(|call| {
            let call = expressions.physical(call, input)?;
            let mut fields: Vec<_> = input.fields().iter().cloned().collect();
            fields.push(Arc::new(Field::new("rows", call.data_type(input)?, true)));
            Ok::<_, OperatorError>((call, Arc::new(Schema::new(fields))))
        });
        let condition = spec.condition.as_ref();
        let condition = condition.map(|c| expressions.physical(c, &output));
        Ok(UnnestOperator {
            condition: condition.transpose()?,
            spec: spec.clone(),
            output,
            call: call.transpose()?,
            calls: None,
            calls_at_once: CALLS_FIRST,
            rest: None,
        })
    }

    /// Evaluates the call for the next rows of its batch.
    fn next_calls(&mut self, rows_max: usize) -> Result<Option<Rest>> {
        let (Some((call, schema)), Some((batch, done))) = (&self.call, self.calls.take()) else {
            return Ok(None);
        };
        if done == batch.num_rows() {
            return Ok(None);
        }
        let count = self.calls_at_once.min(batch.num_rows() - done);
        let mut piece = batch.slice(done, count);
        let lists = call.evaluate(&piece.rows)?.into_array(count)?;
        let elements = lists.as_list_opt::<i32>().map_or(0, |l| l.values().len());
        if elements > rows_max {
            self.calls_at_once = (count / 2).max(1);
        } else if elements < rows_max / 4 && count == self.calls_at_once {
            self.calls_at_once = (count * 2).min(CALLS_MOST);
        }
        let mut columns = piece.rows.columns().to_vec();
        columns.push(lists);
        piece.rows = record_batch(schema, columns, count)?;
        self.calls = Some((batch, done + count));
        Ok(Some(Rest::of(piece)))
    }

    /// Goes on until the output is full or nothing is left.
    fn run(&mut self, rest: Option<Rest>, out: &mut Output) -> Result<Step> {
        let mut next = rest;
        loop {
            let Some(rest) = next.take() else {
                match self.next_calls(out.batch_rows())? {
                    Some(rest) => next = Some(rest),
                    None => return Ok(Step::Done),
                }
                continue;
            };
            if self.emit_piece(rest, out)? == Step::More {
                return Ok(Step::More);
            }
            if out.is_full() && self.calls.is_some() {
                return Ok(Step::More);
            }
        }
    }

    fn lists(&self, batch: &ChangeBatch) -> Result<Vec<ListArray>> {
        let list = |column: &usize| {
            let array = batch.rows.column(*column);
            array.as_list_opt::<i32>().cloned().ok_or_else(|| {
                OperatorError::engine(format!("UNNEST of a column of {}", array.data_type()))
            })
        };
        self.spec.lists.iter().map(list).collect()
    }

    fn emit_piece(&mut self, mut rest: Rest, out: &mut Output) -> Result<Step> {
        let lists = self.lists(&rest.batch)?;
        let picks = self.pick(&mut rest, &lists, out.batch_rows());
        if picks.rows.is_empty() {
            picks.marks.iter().for_each(|m| out.watermark(m.watermark));
        } else {
            let filtered = self.condition.as_ref().map(|_| picks.clone());
            let mut piece = self.gather(&rest.batch, &lists, picks)?;
            if let Some(picks) = filtered {
                piece = self.keep_matches(piece, &picks, &mut rest)?;
            }
            match piece.num_rows() {
                0 => piece.marks.iter().for_each(|m| out.watermark(m.watermark)),
                _ => out.emit(piece),
            }
        }
        if rest.row == rest.batch.num_rows() {
            return Ok(Step::Done);
        }
        self.rest = Some(rest);
        Ok(Step::More)
    }

    fn pick(&self, rest: &mut Rest, lists: &[ListArray], rows_max: usize) -> Picks {
        let mut picks = Picks::default();
        while rest.row < rest.batch.num_rows() && picks.rows.len() < rows_max {
            pass_marks(rest, &mut picks);
            let length = lists.iter().map(|list| length(list, rest.row)).max();
            let length = length.unwrap_or(0);
            let end = length.min(rest.element + rows_max - picks.rows.len());
            for element in rest.element..end {
                picks.rows.push(rest.row as u32);
                picks.elements.push(Some(element as u32));
            }
            rest.element = end;
            // With a condition it shows later whether the row has a match.
            if end == length && self.spec.outer && (length == 0 || self.condition.is_some()) {
                picks.rows.push(rest.row as u32);
                picks.elements.push(None);
            }
            if end == length {
                rest.row += 1;
                rest.element = 0;
            }
        }
        if rest.row == rest.batch.num_rows() {
            pass_marks(rest, &mut picks);
        }
        picks
    }

    /// The elements that meet the condition, and the rows with NULLs of which none does.
    fn keep_matches(
        &self,
        piece: ChangeBatch,
        picks: &Picks,
        rest: &mut Rest,
    ) -> Result<ChangeBatch> {
        let Some(condition) = &self.condition else {
            return Ok(piece);
        };
        let matches = condition.evaluate(&piece.rows)?;
        let matches = matches.into_array(piece.num_rows())?;
        let Some(matches) = matches.as_boolean_opt() else {
            return Err(OperatorError::engine("A join's condition is not BOOLEAN."));
        };
        let mut keep = Vec::with_capacity(piece.num_rows());
        for (i, element) in picks.elements.iter().enumerate() {
            keep.push(match element {
                Some(_) => {
                    let is_met = matches.is_valid(i) && matches.value(i);
                    rest.met |= is_met;
                    is_met
                }
                None => !std::mem::take(&mut rest.met),
            });
        }
        filter_batch(&piece, &BooleanBuffer::from(keep))
    }

    fn gather(
        &self,
        batch: &ChangeBatch,
        lists: &[ListArray],
        picks: Picks,
    ) -> Result<ChangeBatch> {
        let rows = UInt32Array::from(picks.rows);
        let columns = batch.rows.columns().iter().enumerate();
        let columns = columns.map(|(at, column)| {
            let list = self.spec.lists.iter().position(|l| *l == at);
            Ok(match list {
                None => take(column, &rows, None)?,
                Some(list) => elements(&lists[list], &rows, &picks.elements)?,
            })
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let kinds = batch.kinds.as_ref();
        let kinds = kinds.map(|kinds| rows.values().iter().map(|r| kinds[*r as usize]).collect());
        Ok(ChangeBatch {
            rows: record_batch(&self.output, columns, rows.len())?,
            kinds,
            marks: picks.marks,
        })
    }
}

impl Rest {
    fn of(batch: ChangeBatch) -> Rest {
        Rest {
            batch,
            row: 0,
            element: 0,
            met: false,
            marks_done: 0,
        }
    }
}

/// Passes the marks before the rest's row on.
fn pass_marks(rest: &mut Rest, picks: &mut Picks) {
    while let Some(mark) = rest.batch.marks.get(rest.marks_done) {
        if mark.offset > rest.row {
            return;
        }
        push_mark(&mut picks.marks, picks.rows.len(), mark.watermark);
        rest.marks_done += 1;
    }
}

fn length(list: &ListArray, row: usize) -> usize {
    if list.is_null(row) {
        0
    } else {
        list.value_length(row) as usize
    }
}

/// The elements of a list column; NULL where the list has none there.
fn elements(list: &ListArray, rows: &UInt32Array, elements: &[Option<u32>]) -> Result<ArrayRef> {
    let picks = rows.values().iter().zip(elements).map(|(row, element)| {
        let row = *row as usize;
        let element = element.filter(|e| (*e as usize) < length(list, row))?;
        Some(list.value_offsets()[row] as u32 + element)
    });
    let picks: UInt32Array = picks.collect();
    Ok(take(list.values(), &picks, None)?)
}

impl Operator for UnnestOperator {
    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        if self.call.is_none() {
            return self.run(Some(Rest::of(batch)), out);
        }
        // A slice has the marks behind its rows.
        let first = batch.marks.iter().take_while(|mark| mark.offset == 0);
        first.for_each(|mark| out.watermark(mark.watermark));
        self.calls = Some((batch, 0));
        self.run(None, out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        let rest = self.rest.take();
        self.run(rest, out)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Int32Type, Schema};
    use datafusion::common::ScalarValue;
    use datafusion::logical_expr::Operator as Comparison;
    use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
    use filbert_types::{RowKind, Watermark};

    use super::*;
    use crate::output::Emitted;
    use crate::testing::{schema, text};

    /// `above`: only elements above this count.
    fn run(outer: bool, rows_max: usize, above: Option<i32>) -> Vec<String> {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
            Some(vec![Some(5), Some(2), Some(6)]),
        ]);
        let rows = RecordBatch::try_new(
            Arc::new(Schema::new(vec![
                Field::new("k", DataType::Int64, true),
                Field::new("l", lists.data_type().clone(), true),
            ])),
            vec![
                Arc::new(Int64Array::from(vec![7, 8, 9, 10])),
                Arc::new(lists),
            ],
        )
        .unwrap();
        let mut batch = ChangeBatch::with_kinds(rows, vec![RowKind::Delete; 4]);
        push_mark(&mut batch.marks, 2, Watermark(3));
        let output = schema(&[DataType::Int64, DataType::Int32]);
        let spec = UnnestSpec {
            lists: vec![1],
            outer,
            call: None,
            condition: None,
        };
        let expressions = crate::CodecExpressions::new(Default::default());
        let mut operator =
            UnnestOperator::new(&spec, &batch.schema(), output, &expressions).unwrap();
        operator.condition = above.map(|above| {
            let element = Arc::new(Column::new("l", 1));
            let bound = Arc::new(Literal::new(ScalarValue::Int32(Some(above))));
            Arc::new(BinaryExpr::new(element, Comparison::Gt, bound)) as _
        });
        let mut out = Output::new(rows_max);
        let mut lines = Vec::new();
        let mut step = operator.process(0, batch, &mut out).unwrap();
        loop {
            while let Some(emitted) = out.take() {
                match emitted {
                    Emitted::Batch(b) => {
                        assert!(b.num_rows() <= rows_max);
                        lines.extend(text(&b).unwrap().lines().map(str::to_owned));
                    }
                    Emitted::Watermark(w) => lines.push(format!("@ {w}")),
                    other => panic!("{other:?}"),
                }
            }
            if step == Step::Done {
                return lines;
            }
            step = operator.resume(&mut out).unwrap();
        }
    }

    #[test]
    fn elements_become_rows_however_they_are_cut() {
        for rows_max in [1, 2, 100] {
            let of_ten = ["-D 10 5", "-D 10 2", "-D 10 6"];
            let inner = ["-D 7 1", "-D 7 -", "@ 3"];
            assert_eq!(run(false, rows_max, None), [&inner[..], &of_ten].concat());
            let outer = ["-D 7 1", "-D 7 -", "-D 8 -", "@ 3", "-D 9 -"];
            assert_eq!(run(true, rows_max, None), [&outer[..], &of_ten].concat());
        }
    }

    #[test]
    fn a_row_without_a_match_comes_once_however_it_is_cut() {
        for rows_max in [1, 2, 3, 100] {
            let none = ["-D 7 -", "-D 8 -", "@ 3", "-D 9 -"];
            let some = [&none[..], &["-D 10 5", "-D 10 6"]].concat();
            assert_eq!(run(true, rows_max, Some(4)), some);
            let last = [&none[..], &["-D 10 6"]].concat();
            assert_eq!(run(true, rows_max, Some(5)), last);
            let all_none = [&none[..], &["-D 10 -"]].concat();
            assert_eq!(run(true, rows_max, Some(9)), all_none);
        }
    }
}
