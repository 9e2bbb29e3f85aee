//! TO_CHANGELOG and FROM_CHANGELOG: rows' kinds as a column of codes, and the other way round.
//!
//! - State: none.
//! - Changelog: TO_CHANGELOG takes any and emits +I with the code of the row's kind; rows of kinds without a code are
//!   dropped. FROM_CHANGELOG takes +I and emits what the codes say; a code that isn't known fails the job.
//! - Watermarks pass; a mark moves to the place that corresponds.
//! - Cost: a code is looked up among a handful a row; columns are handed on as they are.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringViewBuilder};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::ChangelogFunctionSpec;
use filbert_types::{ChangeBatch, RowKind};

use crate::error::{OperatorError, Result};
use crate::marks::filter_marks;
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct ChangelogFunctionOperator {
    spec: ChangelogFunctionSpec,
    output: SchemaRef,
}

impl ChangelogFunctionOperator {
    pub fn new(spec: ChangelogFunctionSpec, output: SchemaRef) -> ChangelogFunctionOperator {
        ChangelogFunctionOperator { spec, output }
    }

    /// Adds the codes of the rows' kinds behind their columns.
    fn add_codes(&self, batch: &ChangeBatch, codes: &[(RowKind, String)]) -> Result<ChangeBatch> {
        let code = |row: usize| {
            let kind = batch.kind(row);
            codes.iter().find(|(k, _)| *k == kind).map(|(_, c)| c)
        };
        let rows = batch.num_rows();
        let mut column = StringViewBuilder::with_capacity(rows);
        let mut coded = Vec::with_capacity(rows);
        for row in 0..rows {
            column.append_option(code(row));
            coded.push(code(row).is_some());
        }
        let mut columns = batch.rows.columns().to_vec();
        columns.push(Arc::new(column.finish()));
        let all = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        let mask = BooleanArray::from(coded);
        let mut out = ChangeBatch::insert(filter_record_batch(&all, &mask)?);
        out.marks = filter_marks(&batch.marks, mask.values());
        Ok(out)
    }

    fn take_kinds(
        &self,
        batch: &ChangeBatch,
        op: usize,
        codes: &[(String, RowKind)],
    ) -> Result<ChangeBatch> {
        let column = batch.rows.column(op).as_string_view_opt();
        let column = column.ok_or_else(|| OperatorError::engine("Operation codes are no text."))?;
        let kinds = column
            .iter()
            .map(|code| kind_of(code, codes))
            .collect::<Result<Vec<RowKind>>>()?;
        let columns: Vec<ArrayRef> = batch.rows.columns().to_vec();
        let rows = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        let mut out = ChangeBatch::with_kinds(rows, kinds);
        out.marks.clone_from(&batch.marks);
        Ok(out)
    }
}

fn kind_of(code: Option<&str>, codes: &[(String, RowKind)]) -> Result<RowKind> {
    let Some(code) = code else {
        return Err(OperatorError::user(
            "Received NULL op code. Every changelog row must carry an operation code.",
        ));
    };
    let known = codes.iter().find(|(c, _)| c == code);
    known.map(|(_, kind)| *kind).ok_or_else(|| {
        let defined: Vec<&str> = codes.iter().map(|(c, _)| c.as_str()).collect();
        OperatorError::user(format!(
            "Received invalid op code '{code}'. Defined op codes are: [{}].",
            defined.join(", ")
        ))
    })
}

impl Operator for ChangelogFunctionOperator {
    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        out.emit(match &self.spec {
            ChangelogFunctionSpec::To { codes, .. } => self.add_codes(&batch, codes)?,
            ChangelogFunctionSpec::From { op, codes, .. } => self.take_kinds(&batch, *op, codes)?,
        });
        Ok(Step::Done)
    }
}
