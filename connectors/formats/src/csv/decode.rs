use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use filbert_connector_api::ConnectorError;
use filbert_connector_api::format::Decoder;
use filbert_types::schema::arrow_schema;
use filbert_types::{ChangeBatch, Field};

use super::CsvOptions;
use crate::column::{ColumnBuilder, Values};
use crate::scalar::{Dialect, NotA, append_text};

/// Reads records into columns.
pub struct CsvDecoder {
    options: Arc<CsvOptions>,
    fields: Vec<Field>,
    /// The wanted columns and which field each is.
    columns: Vec<(usize, ColumnBuilder)>,
    schema: SchemaRef,
    splitter: Splitter,
    rows: usize,
    skipped: u64,
}

impl CsvDecoder {
    pub fn new(options: Arc<CsvOptions>, fields: &[Field], projection: &[usize]) -> CsvDecoder {
        let column = |i: &usize| (*i, ColumnBuilder::new(&fields[*i].ty));
        CsvDecoder {
            schema: arrow_schema(projection.iter().map(|i| &fields[*i])),
            columns: projection.iter().map(column).collect(),
            fields: fields.to_vec(),
            options,
            splitter: Splitter::default(),
            rows: 0,
            skipped: 0,
        }
    }

    /// Splits the record and settles how many fields it has.
    fn split(&mut self, record: &[u8]) -> Result<(), String> {
        simdutf8::basic::from_utf8(record).map_err(|_| "the record is not UTF-8".to_owned())?;
        self.splitter.split(record, &self.options)?;
        let (found, expected) = (self.splitter.spans.len(), self.fields.len());
        if found > expected {
            let trailing = found == expected + 1
                && self.options.allow_trailing_comma
                && self.splitter.spans[expected].is_empty();
            if !trailing && !self.options.ignore_trailing {
                return Err(format!(
                    "Too many entries: expected at most {expected}, but the record has {found}"
                ));
            }
            self.splitter.spans.truncate(expected);
        } else if found < expected && self.options.fail_on_missing {
            return Err(format!(
                "Not enough column values: expected {expected}, found {found}"
            ));
        } else if found < expected && !self.options.ignore_parse_errors {
            return Err(format!(
                "Row length mismatch. {expected} fields expected but was {found}."
            ));
        }
        Ok(())
    }

    fn append(&mut self, record: &[u8]) -> Result<(), ConnectorError> {
        let mut damaged = false;
        for (field, column) in &mut self.columns {
            let Some(text) = self.splitter.get(*field, record) else {
                column.append_null();
                continue;
            };
            if append_field(column, text, &self.options).is_err() {
                if !self.options.ignore_parse_errors {
                    let field = &self.fields[*field];
                    return Err(ConnectorError::user(format!(
                        "Fail to deserialize at field: {}. For input string: \"{text}\", which is not a value of type {}.",
                        field.name, field.ty
                    )));
                }
                damaged = true;
                column.append_null();
            }
        }
        self.rows += 1;
        self.skipped += u64::from(damaged);
        Ok(())
    }
}

impl Decoder for CsvDecoder {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn decode(&mut self, record: &[u8]) -> Result<(), ConnectorError> {
        // Blanks at the start of a line do not hide a comment from Jackson, nor a quote (see `next_field`).
        if self.options.allow_comments && record.trim_ascii_start().first() == Some(&b'#') {
            return Ok(());
        }
        match self.split(record) {
            Ok(()) => self.append(record),
            Err(_) if self.options.ignore_parse_errors => {
                self.skipped += 1;
                Ok(())
            }
            Err(reason) => Err(ConnectorError::user(format!(
                "Failed to deserialize CSV row: {reason}"
            ))),
        }
    }

    fn len(&self) -> usize {
        self.rows
    }

    fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }

    fn flush(&mut self) -> Result<ChangeBatch, ConnectorError> {
        let columns = self.columns.iter_mut().map(|(_, column)| column.finish());
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let rows = std::mem::take(&mut self.rows);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema(), columns, &options)?;
        Ok(ChangeBatch::insert(batch))
    }
}

fn append_field(column: &mut ColumnBuilder, text: &str, options: &CsvOptions) -> Result<(), NotA> {
    let null =
        options.null_literal.as_deref() == Some(text) || (options.empty_as_null && text.is_empty());
    if null {
        column.append_null();
        return Ok(());
    }
    match &mut column.values {
        Values::List(list) => {
            if !text.is_empty() {
                for part in text.split(options.array_delimiter.as_str()) {
                    append_part(&mut list.element, part, options)?;
                }
            }
            list.close(true);
            Ok(())
        }
        Values::Row(row) => {
            let parts = text.split(options.array_delimiter.as_str()).count();
            let fits = parts == row.children.len() && !text.is_empty();
            if !(fits || options.ignore_parse_errors && parts < row.children.len())
                || text.is_empty()
            {
                return Err(NotA);
            }
            let mut parts = text.split(options.array_delimiter.as_str());
            for child in &mut row.children {
                match parts.next() {
                    Some(part) => append_part(child, part, options)?,
                    None => child.append_null(),
                }
            }
            row.close(false);
            Ok(())
        }
        _ => append_text(column, text, Dialect::Csv),
    }
}

/// A part of a list or row. A failure leaves the parent half appended, so with errors ignored the part is NULL; without,
/// the job ends.
fn append_part(part: &mut ColumnBuilder, text: &str, options: &CsvOptions) -> Result<(), NotA> {
    let appended = append_field(part, text, options);
    if appended.is_err() && options.ignore_parse_errors {
        part.append_null();
        return Ok(());
    }
    appended
}

/// Where a field's text stands: in the record, or unescaped in the scratch buffer.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    scratch: bool,
}

impl Span {
    fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// Cuts records into fields; its buffers are kept from record to record.
#[derive(Default)]
struct Splitter {
    spans: Vec<Span>,
    scratch: Vec<u8>,
}

impl Splitter {
    /// The text of a field. Spans begin and end at ASCII characters of a record that is UTF-8.
    fn get<'a>(&'a self, field: usize, record: &'a [u8]) -> Option<&'a str> {
        let span = self.spans.get(field)?;
        let buffer = if span.scratch { &self.scratch } else { record };
        std::str::from_utf8(&buffer[span.start..span.end]).ok()
    }

    fn split(&mut self, record: &[u8], options: &CsvOptions) -> Result<(), String> {
        self.spans.clear();
        self.scratch.clear();
        let special = |byte: u8| Some(byte) == options.quote || Some(byte) == options.escape;
        if !record.iter().any(|b| special(*b)) {
            let mut start = 0;
            for end in memchr::memchr_iter(options.delimiter, record) {
                self.push_plain(record, start, end, options.trim_spaces);
                start = end + 1;
            }
            self.push_plain(record, start, record.len(), options.trim_spaces);
            return Ok(());
        }
        let mut at = 0;
        loop {
            at = self.next_field(record, at, options)?;
            if at > record.len() {
                return Ok(());
            }
        }
    }

    fn push_plain(&mut self, record: &[u8], start: usize, end: usize, trim: bool) {
        let (mut start, mut end) = (start, end);
        if trim {
            while start < end && record[start] == b' ' {
                start += 1;
            }
            while start < end && record[end - 1] == b' ' {
                end -= 1;
            }
        }
        self.spans.push(Span {
            start,
            end,
            scratch: false,
        });
    }

    /// Reads the field at `start`; gives where the next one begins, past the record's end after the last.
    fn next_field(
        &mut self,
        record: &[u8],
        start: usize,
        options: &CsvOptions,
    ) -> Result<usize, String> {
        let mut at = start;
        if options.trim_spaces || start == 0 {
            while record.get(at) == Some(&b' ') {
                at += 1;
            }
        }
        match options.quote {
            Some(quote) if record.get(at) == Some(&quote) => {
                self.quoted(record, at + 1, quote, options)
            }
            _ => Ok(self.unquoted(record, start, options)),
        }
    }

    fn unquoted(&mut self, record: &[u8], start: usize, options: &CsvOptions) -> usize {
        let mut at = start;
        let from = self.scratch.len();
        let mut copied = start;
        while at < record.len() && record[at] != options.delimiter {
            if Some(record[at]) == options.escape && at + 1 < record.len() {
                self.scratch.extend_from_slice(&record[copied..at]);
                self.scratch.push(unescape(record[at + 1]));
                at += 2;
                copied = at;
            } else {
                at += 1;
            }
        }
        if copied == start {
            self.push_plain(record, start, at, options.trim_spaces);
        } else {
            self.scratch.extend_from_slice(&record[copied..at]);
            self.push_scratch(from);
        }
        at + 1
    }

    fn push_scratch(&mut self, start: usize) {
        self.spans.push(Span {
            start,
            end: self.scratch.len(),
            scratch: true,
        });
    }

    fn quoted(
        &mut self,
        record: &[u8],
        start: usize,
        quote: u8,
        options: &CsvOptions,
    ) -> Result<usize, String> {
        let from = self.scratch.len();
        let mut at = start;
        loop {
            match record.get(at) {
                None => return Err("a quoted field is not closed".to_owned()),
                Some(byte) if *byte == quote => {
                    if record.get(at + 1) != Some(&quote) {
                        break;
                    }
                    self.scratch.push(quote);
                    at += 2;
                }
                Some(byte) if Some(*byte) == options.escape && at + 1 < record.len() => {
                    self.scratch.push(unescape(record[at + 1]));
                    at += 2;
                }
                Some(byte) => {
                    self.scratch.push(*byte);
                    at += 1;
                }
            }
        }
        self.push_scratch(from);
        at += 1;
        while matches!(record.get(at), Some(b' ')) {
            at += 1;
        }
        match record.get(at) {
            None => Ok(record.len() + 1),
            Some(byte) if *byte == options.delimiter => Ok(at + 1),
            Some(_) => Err(format!(
                "expected the separator '{}' or the end of the line after a quoted field",
                char::from(options.delimiter)
            )),
        }
    }
}

/// What an escaped character stands for, by Jackson's rules.
fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'0' => 0,
        other => other,
    }
}
