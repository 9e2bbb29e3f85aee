use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use filbert_connector_api::ConnectorError;
use filbert_connector_api::format::Decoder;
use filbert_types::schema::arrow_schema;
use filbert_types::{ChangeBatch, Field, RowKind};

use super::Reading;
use super::envelope::{Envelope, Op, Shape};
use super::metadata::Metadata;
use crate::column::ColumnBuilder;
use crate::json::JsonOptions;
use crate::json::cursor::{Cursor, unescape};
use crate::json::decode::{Reader, explain, find_fields, shorten};

/// Where a value stands in the message.
type Span = (usize, usize);

/// What stands first among the fields that are looked for in a message.
const FIRST: usize = 0;
const SECOND: usize = 1;
const OP: usize = 2;
const DATABASE: usize = 3;
const TABLE: usize = 4;
const EXTRA: usize = 5;

/// Reads messages into rows with their kinds.
pub struct ChangeDecoder {
    envelope: &'static Envelope,
    reading: Reading,
    ignore_errors: bool,
    /// The fields of a message: its rows, its kind, database and table, then what metadata is read from.
    keys: Vec<String>,
    names: Vec<String>,
    columns: Vec<ColumnBuilder>,
    /// The metadata that follow the columns of rows, with the place in `keys` of the field that each is read from.
    metadata: Vec<(&'static Metadata, usize)>,
    metadata_columns: Vec<ColumnBuilder>,
    /// Where each output column stands: among those of rows, or behind them among those of metadata.
    order: Vec<usize>,
    schema: SchemaRef,
    reader: Reader,
    kinds: Vec<RowKind>,
    skipped: u64,
    /// Kept from message to message.
    spans: Vec<Option<Span>>,
    row_spans: Vec<Option<Span>>,
    old_spans: Vec<Option<Span>>,
}

impl ChangeDecoder {
    /// # Errors
    /// When a metadata column is declared with another type than it has.
    pub fn new(
        envelope: &'static Envelope,
        options: Arc<JsonOptions>,
        reading: Reading,
        fields: &[Field],
        metadata: &[Field],
        projection: &[usize],
    ) -> Result<ChangeDecoder, ConnectorError> {
        let mut keys: Vec<String> = envelope.rows.iter().map(|r| (*r).to_owned()).collect();
        keys.extend([envelope.op, "database", "table"].map(str::to_owned));
        let all: Vec<&Field> = fields.iter().chain(metadata).collect();
        let is_row = |i: &usize| *i < fields.len();
        let rows: Vec<usize> = projection.iter().copied().filter(is_row).collect();
        let mut wanted_metadata = Vec::new();
        let mut metadata_columns = Vec::new();
        let mut order = Vec::with_capacity(projection.len());
        let mut seen = 0;
        for index in projection {
            if is_row(index) {
                order.push(seen);
                seen += 1;
                continue;
            }
            let field = all[*index];
            let known = find_metadata(envelope, field)?;
            let key = place(&mut keys, known.field);
            order.push(rows.len() + wanted_metadata.len());
            wanted_metadata.push((known, key));
            metadata_columns.push(ColumnBuilder::new(&field.ty));
        }
        Ok(ChangeDecoder {
            envelope,
            reading,
            ignore_errors: options.ignore_parse_errors,
            keys,
            names: rows.iter().map(|i| fields[*i].name.clone()).collect(),
            columns: rows
                .iter()
                .map(|i| ColumnBuilder::new(&fields[*i].ty))
                .collect(),
            metadata: wanted_metadata,
            metadata_columns,
            order,
            schema: arrow_schema(projection.iter().map(|i| all[*i])),
            reader: Reader::new(options),
            kinds: Vec::new(),
            skipped: 0,
            spans: Vec::new(),
            row_spans: Vec::new(),
            old_spans: Vec::new(),
        })
    }

    fn record(&mut self, record: &[u8]) -> Result<(), String> {
        std::str::from_utf8(record).map_err(|_| "It is not UTF-8.".to_owned())?;
        let mut cursor = Cursor::new(record);
        match cursor.peek() {
            // An empty message is a tombstone.
            None => Ok(()),
            Some(b'[') => elements(record, (cursor.at, record.len()))?
                .into_iter()
                .try_for_each(|span| self.message(record, span)),
            Some(_) => {
                let start = cursor.at;
                cursor.value().map_err(|e| explain(record, e))?;
                self.message(record, (start, cursor.at))
            }
        }
    }

    fn message(&mut self, bytes: &[u8], mut span: Span) -> Result<(), String> {
        let mut schema = None;
        if self.reading.schema_include {
            let names = ["payload".to_owned(), "schema".to_owned()];
            let mut found = Vec::new();
            self.find(bytes, span, &names, &mut found)?;
            span = found[0].ok_or("It has no \"payload\".")?;
            schema = Some(found[1]);
        }
        let keys = std::mem::take(&mut self.keys);
        let mut spans = std::mem::take(&mut self.spans);
        let found = self.find(bytes, span, &keys, &mut spans);
        if let Some(schema) = schema
            && let Some(place) = keys.iter().skip(EXTRA).position(|k| k == "schema")
        {
            spans[EXTRA + place] = schema;
        }
        let done = found.and_then(|()| self.change(bytes, &spans));
        self.keys = keys;
        self.spans = spans;
        done
    }

    fn find(
        &mut self,
        bytes: &[u8],
        span: Span,
        names: &[String],
        spans: &mut Vec<Option<Span>>,
    ) -> Result<(), String> {
        if bytes.get(span.0) != Some(&b'{') {
            let found = shorten(&bytes[span.0..span.1]);
            return Err(format!("Expected a JSON object instead of {found}."));
        }
        let mut cursor = Cursor { bytes, at: span.0 };
        find_fields(&mut cursor, names, spans, &mut self.reader.text).map_err(|e| explain(bytes, e))
    }

    /// The text of a value, without quotes; none where there is no value or NULL.
    fn text(&mut self, bytes: &[u8], span: Option<Span>) -> Option<String> {
        let value = &bytes[span?.0..span?.1];
        match value.first() {
            Some(b'n') => None,
            Some(b'"') => {
                let mut text = String::new();
                unescape(value.get(1..value.len() - 1)?, &mut text);
                Some(text)
            }
            _ => Some(String::from_utf8_lossy(value).into_owned()),
        }
    }

    /// True when the message is of a database and a table that count.
    fn is_included(&mut self, bytes: &[u8], spans: &[Option<Span>]) -> bool {
        let filters = [
            (self.reading.database.clone(), DATABASE),
            (self.reading.table.clone(), TABLE),
        ];
        filters.into_iter().all(|(pattern, key)| {
            pattern.is_none_or(|pattern| {
                let name = self.text(bytes, spans[key]);
                name.is_some_and(|name| pattern.is_match(&name))
            })
        })
    }

    fn change(&mut self, bytes: &[u8], spans: &[Option<Span>]) -> Result<(), String> {
        let envelope = self.envelope;
        if !self.is_included(bytes, spans) {
            return Ok(());
        }
        let op = self
            .text(bytes, spans[OP])
            .ok_or_else(|| format!("It has no \"{}\".", envelope.op))?;
        if envelope.ignored.contains(&op.as_str()) {
            return Ok(());
        }
        let op = envelope.op(&op).ok_or_else(|| {
            let field = envelope.op;
            format!("Unknown \"{field}\" value \"{op}\".")
        })?;
        let (first, second) = (spans[FIRST], spans[SECOND]);
        match envelope.shape {
            Shape::BeforeAfter => {
                let (before, after) = (object(bytes, first), object(bytes, second));
                self.before_after(bytes, op, before, after, spans)
            }
            Shape::DataOld => self.data_old(bytes, op, first, second, spans),
            Shape::Arrays => {
                let none = || format!("It has no array \"{}\".", envelope.rows[0]);
                let data = elements(bytes, first.ok_or_else(none)?).map_err(|_| none())?;
                let old = match (op, second) {
                    (Op::Update, Some(old)) => elements(bytes, old).unwrap_or_default(),
                    _ => Vec::new(),
                };
                data.into_iter().enumerate().try_for_each(|(i, row)| {
                    self.data_old(bytes, op, Some(row), old.get(i).copied(), spans)
                })
            }
        }
    }

    fn before_after(
        &mut self,
        bytes: &[u8],
        op: Op,
        before: Option<Span>,
        after: Option<Span>,
        message: &[Option<Span>],
    ) -> Result<(), String> {
        let tool = self.envelope.tool;
        let no_before = |what: &str| {
            format!(
                "The \"before\" field of {what} message is null, if you are using {tool} Postgres Connector, please check \
                 the Postgres table has been set REPLICA IDENTITY to FULL level."
            )
        };
        let no_after = "The \"after\" field is no object.";
        match op {
            Op::Insert => self.row(
                bytes,
                RowKind::Insert,
                after.ok_or(no_after)?,
                None,
                message,
            ),
            Op::Update => {
                let before = before.ok_or_else(|| no_before("UPDATE"))?;
                let after = after.ok_or(no_after)?;
                self.row(bytes, RowKind::UpdateBefore, before, None, message)?;
                self.row(bytes, RowKind::UpdateAfter, after, None, message)
            }
            Op::Delete => {
                let before = before.ok_or_else(|| no_before("DELETE"))?;
                self.row(bytes, RowKind::Delete, before, None, message)
            }
        }
    }

    /// A row, and what fields of it were before an update.
    fn data_old(
        &mut self,
        bytes: &[u8],
        op: Op,
        row: Option<Span>,
        old: Option<Span>,
        message: &[Option<Span>],
    ) -> Result<(), String> {
        let [data, before] = self.envelope.rows;
        let row = object(bytes, row).ok_or_else(|| format!("A row of \"{data}\" is missing."))?;
        let kind = match op {
            Op::Insert => RowKind::Insert,
            Op::Delete => RowKind::Delete,
            Op::Update => {
                let old = object(bytes, old)
                    .ok_or_else(|| format!("A row of \"{before}\" is missing."))?;
                self.row(bytes, RowKind::UpdateBefore, old, Some(row), message)?;
                RowKind::UpdateAfter
            }
        };
        self.row(bytes, kind, row, None, message)
    }

    /// Appends a row. Fields that are not in its object are those of `rest`, or NULL.
    fn row(
        &mut self,
        bytes: &[u8],
        kind: RowKind,
        row: Span,
        rest: Option<Span>,
        message: &[Option<Span>],
    ) -> Result<(), String> {
        let names = std::mem::take(&mut self.names);
        let mut spans = std::mem::take(&mut self.row_spans);
        let mut rest_spans = std::mem::take(&mut self.old_spans);
        let mut found = self.find(bytes, row, &names, &mut spans);
        if let (Ok(()), Some(rest)) = (&found, rest) {
            found = self.find(bytes, rest, &names, &mut rest_spans);
            for (span, other) in spans.iter_mut().zip(&rest_spans) {
                *span = span.or(*other);
            }
        }
        let appended = found
            .and_then(|()| self.append_fields(bytes, &names, &spans))
            .and_then(|damaged| Ok(damaged | self.append_metadata(bytes, message)?));
        self.names = names;
        self.row_spans = spans;
        self.old_spans = rest_spans;
        self.skipped += u64::from(appended?);
        self.kinds.push(kind);
        Ok(())
    }

    fn append_fields(
        &mut self,
        bytes: &[u8],
        names: &[String],
        spans: &[Option<Span>],
    ) -> Result<bool, String> {
        let mut damaged = false;
        for ((column, span), name) in self.columns.iter_mut().zip(spans).zip(names) {
            let Some((start, end)) = *span else {
                column.append_null();
                continue;
            };
            let value = &bytes[start..end];
            if self.reader.append(column, value, &mut damaged).is_err() {
                if !self.ignore_errors {
                    return Err(bad_field(name, value, &column.ty.to_string()));
                }
                damaged = true;
                column.append_null();
            }
        }
        Ok(damaged)
    }

    fn append_metadata(&mut self, bytes: &[u8], message: &[Option<Span>]) -> Result<bool, String> {
        let mut damaged = false;
        for ((metadata, key), column) in self.metadata.iter().zip(&mut self.metadata_columns) {
            let value = message[*key].map(|(start, end)| &bytes[start..end]);
            if metadata.append(&mut self.reader, column, value).is_err() {
                if !self.ignore_errors {
                    let ty = column.ty.to_string();
                    return Err(bad_field(metadata.key, value.unwrap_or_default(), &ty));
                }
                damaged = true;
                column.append_null();
            }
        }
        Ok(damaged)
    }
}

fn bad_field(name: &str, value: &[u8], ty: &str) -> String {
    let value = shorten(value);
    format!("Fail to deserialize at field: {name}. {value} is not a value of type {ty}.")
}

/// The place of a key among those that are looked for; added when it is not there.
fn place(keys: &mut Vec<String>, key: &str) -> usize {
    if let Some(found) = keys.iter().position(|k| k == key) {
        return found;
    }
    keys.push(key.to_owned());
    keys.len() - 1
}

fn find_metadata(
    envelope: &'static Envelope,
    field: &Field,
) -> Result<&'static Metadata, ConnectorError> {
    let known = envelope.metadata.iter().find(|m| m.key == field.name);
    let known = known.ok_or_else(|| {
        ConnectorError::engine(format!(
            "no metadata '{}' in {}",
            field.name, envelope.identifier
        ))
    })?;
    if known.ty().arrow() != field.ty.arrow() {
        return Err(ConnectorError::user(format!(
            "Metadata '{}' of format '{}' is of type {}, not {}.",
            field.name,
            envelope.identifier,
            known.ty(),
            field.ty
        )));
    }
    Ok(known)
}

/// The span, where it is that of an object.
fn object(bytes: &[u8], span: Option<Span>) -> Option<Span> {
    span.filter(|(start, _)| bytes.get(*start) == Some(&b'{'))
}

/// The spans of an array's elements.
fn elements(bytes: &[u8], span: Span) -> Result<Vec<Span>, String> {
    if bytes.get(span.0) != Some(&b'[') {
        let found = shorten(&bytes[span.0..span.1]);
        return Err(format!("Expected an array instead of {found}."));
    }
    let mut cursor = Cursor {
        bytes,
        at: span.0 + 1,
    };
    let mut first = true;
    let mut spans = Vec::new();
    while cursor
        .next_element(&mut first)
        .map_err(|e| explain(bytes, e))?
    {
        cursor.peek();
        let start = cursor.at;
        cursor.value().map_err(|e| explain(bytes, e))?;
        spans.push((start, cursor.at));
    }
    Ok(spans)
}

impl Decoder for ChangeDecoder {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn decode(&mut self, record: &[u8]) -> Result<(), ConnectorError> {
        match self.record(record) {
            Ok(()) => Ok(()),
            Err(_) if self.ignore_errors => {
                self.skipped += 1;
                Ok(())
            }
            Err(reason) => Err(ConnectorError::user(format!(
                "Corrupt {} JSON message '{}'. {reason}",
                self.envelope.tool,
                shorten(record)
            ))),
        }
    }

    fn len(&self) -> usize {
        self.kinds.len()
    }

    fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }

    fn flush(&mut self) -> Result<ChangeBatch, ConnectorError> {
        let columns = self.columns.iter_mut().chain(&mut self.metadata_columns);
        let columns = columns
            .map(ColumnBuilder::finish)
            .collect::<Result<Vec<_>, _>>()?;
        let columns = self.order.iter().map(|i| Arc::clone(&columns[*i]));
        let kinds = std::mem::take(&mut self.kinds);
        let options = RecordBatchOptions::new().with_row_count(Some(kinds.len()));
        let rows = RecordBatch::try_new_with_options(self.schema(), columns.collect(), &options)?;
        Ok(ChangeBatch::with_kinds(rows, kinds))
    }
}
