use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use filbert_connector_api::ConnectorError;
use filbert_connector_api::format::Decoder;
use filbert_types::print::number::{strip_trailing_zeros, write_big_decimal};
use filbert_types::schema::arrow_schema;
use filbert_types::{ChangeBatch, Field};

use super::JsonOptions;
use super::cursor::{Cursor, Malformed, escape, unescape};
use crate::column::{ColumnBuilder, MapBuilder, Values};
use crate::scalar::{Dialect, NotA, append_text};

/// Reads records into columns: a first pass over the record finds the text of each wanted field, a second appends them,
/// column by column.
pub struct JsonDecoder {
    names: Arc<[String]>,
    columns: Vec<ColumnBuilder>,
    schema: SchemaRef,
    /// The text of each wanted field, as offsets into the record; kept from record to record.
    spans: Vec<Option<(usize, usize)>>,
    reader: Reader,
    rows: usize,
    skipped: u64,
}

/// What reading a value needs.
pub(crate) struct Reader {
    options: Arc<JsonOptions>,
    dialect: Dialect,
    /// Kept for its capacity.
    pub(crate) text: String,
}

impl JsonDecoder {
    pub fn new(options: Arc<JsonOptions>, fields: &[Field], projection: &[usize]) -> JsonDecoder {
        let wanted = || projection.iter().map(|i| &fields[*i]);
        JsonDecoder {
            names: wanted().map(|f| f.name.clone()).collect(),
            columns: wanted().map(|f| ColumnBuilder::new(&f.ty)).collect(),
            schema: arrow_schema(wanted()),
            spans: Vec::new(),
            reader: Reader::new(options),
            rows: 0,
            skipped: 0,
        }
    }

    fn record(&mut self, record: &[u8]) -> Result<(), String> {
        simdutf8::basic::from_utf8(record).map_err(|_| "the record is not UTF-8".to_owned())?;
        let mut cursor = Cursor::new(record);
        match cursor.peek() {
            // A blank line is no record.
            None => Ok(()),
            Some(b'{') => self.row(&mut cursor),
            Some(b'[') => {
                // Checked whole before rows are appended.
                let mut whole = cursor;
                whole.value().map_err(|e| explain(record, e))?;
                cursor.at += 1;
                let mut first = true;
                while cursor
                    .next_element(&mut first)
                    .map_err(|e| explain(record, e))?
                {
                    if cursor.peek() != Some(b'{') {
                        return Err("an element of the outer array is no object".to_owned());
                    }
                    self.row(&mut cursor)?;
                }
                Ok(())
            }
            Some(_) => {
                cursor.value().map_err(|e| explain(record, e))?;
                Err("expected a JSON object".to_owned())
            }
        }
    }

    /// Reads the object at the cursor as a row. Nothing is appended when it is malformed.
    fn row(&mut self, cursor: &mut Cursor<'_>) -> Result<(), String> {
        let bytes = cursor.bytes;
        find_fields(cursor, &self.names, &mut self.spans, &mut self.reader.text)
            .map_err(|e| explain(bytes, e))?;
        let mut damaged = false;
        for (i, column) in self.columns.iter_mut().enumerate() {
            let Some((start, end)) = self.spans[i] else {
                if self.reader.options.fail_on_missing {
                    return Err(format!(
                        "Could not find field with name '{}'.",
                        self.names[i]
                    ));
                }
                column.append_null();
                continue;
            };
            let value = &bytes[start..end];
            if self.reader.append(column, value, &mut damaged).is_err() {
                if !self.reader.options.ignore_parse_errors {
                    return Err(format!(
                        "Fail to deserialize at field: {}. {} is not a value of type {}.",
                        self.names[i],
                        shorten(value),
                        column.ty
                    ));
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

pub(crate) fn shorten(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into_owned(),
    }
}

pub(crate) fn explain(record: &[u8], error: Malformed) -> String {
    match record.get(error.at..).filter(|rest| !rest.is_empty()) {
        Some(rest) => {
            let word = rest
                .iter()
                .position(|b| !b.is_ascii_alphanumeric())
                .unwrap_or(rest.len())
                .clamp(1, 40);
            let found = String::from_utf8_lossy(&rest[..word]);
            let column = error.at + 1;
            format!(
                "Unrecognized token '{found}' at column {column}: was expecting {}",
                error.expected
            )
        }
        None => format!("Unexpected end of input: was expecting {}", error.expected),
    }
}

/// Finds the values of the named fields in the object at the cursor; of equal names the last counts.
pub(crate) fn find_fields(
    cursor: &mut Cursor<'_>,
    names: &[String],
    spans: &mut Vec<Option<(usize, usize)>>,
    text: &mut String,
) -> Result<(), Malformed> {
    spans.clear();
    spans.resize(names.len(), None);
    cursor.at += 1;
    let mut first = true;
    // Records tend to have their fields in one order: look first where the last field would be followed.
    let mut guess = 0;
    while let Some(key) = cursor.next_key(&mut first)? {
        let start = cursor.at;
        cursor.value()?;
        let key = if key.contains(&b'\\') {
            text.clear();
            unescape(key, text);
            text.as_bytes()
        } else {
            key
        };
        let is = |i: usize| names.get(i).is_some_and(|name| name.as_bytes() == key);
        let index = if is(guess) {
            Some(guess)
        } else {
            (0..names.len()).find(|i| is(*i))
        };
        if let Some(index) = index {
            spans[index] = Some((start, cursor.at));
            guess = index + 1;
        }
    }
    Ok(())
}

impl Reader {
    pub(crate) fn new(options: Arc<JsonOptions>) -> Reader {
        Reader {
            dialect: if options.iso_timestamps {
                Dialect::JsonIso
            } else {
                Dialect::JsonSql
            },
            options,
            text: String::new(),
        }
    }

    /// Appends a well-formed value. On an error nothing has been appended, or the job ends.
    pub(crate) fn append(
        &mut self,
        column: &mut ColumnBuilder,
        value: &[u8],
        damaged: &mut bool,
    ) -> Result<(), NotA> {
        let kind = value.first().copied().unwrap_or(b'n');
        if kind == b'n' {
            column.append_null();
            return Ok(());
        }
        match &mut column.values {
            Values::List(list) if kind == b'[' => {
                let mut cursor = Cursor::new(&value[1..]);
                let mut first = true;
                while cursor.next_element(&mut first).map_err(|_| NotA)? {
                    let item = cursor.value().map_err(|_| NotA)?;
                    self.append_part(&mut list.element, item, damaged)?;
                }
                list.close(true);
                Ok(())
            }
            Values::Map(map) if kind == b'{' => self.append_map(map, value, damaged),
            Values::Row(row) if kind == b'{' => {
                let mut spans = Vec::new();
                let mut cursor = Cursor::new(value);
                let names = Arc::clone(&row.names);
                find_fields(&mut cursor, &names, &mut spans, &mut self.text).map_err(|_| NotA)?;
                for (child, span) in row.children.iter_mut().zip(spans) {
                    match span {
                        Some((start, end)) => {
                            self.append_part(child, &value[start..end], damaged)?;
                        }
                        None if self.options.fail_on_missing => return Err(NotA),
                        None => child.append_null(),
                    }
                }
                row.close(false);
                Ok(())
            }
            Values::List(_) | Values::Map(_) | Values::Row(_) => Err(NotA),
            _ => self.append_scalar(column, value, kind),
        }
    }

    fn append_part(
        &mut self,
        part: &mut ColumnBuilder,
        value: &[u8],
        damaged: &mut bool,
    ) -> Result<(), NotA> {
        let appended = self.append(part, value, damaged);
        if appended.is_err() && self.options.ignore_parse_errors {
            *damaged = true;
            part.append_null();
            return Ok(());
        }
        appended
    }

    fn append_map(
        &mut self,
        map: &mut MapBuilder,
        value: &[u8],
        damaged: &mut bool,
    ) -> Result<(), NotA> {
        let mut cursor = Cursor::new(&value[1..]);
        let mut first = true;
        let mut entries: Vec<(String, &[u8])> = Vec::new();
        let mut index: HashMap<String, usize> = HashMap::new();
        while let Some(key) = cursor.next_key(&mut first).map_err(|_| NotA)? {
            let item = cursor.value().map_err(|_| NotA)?;
            let mut name = String::with_capacity(key.len());
            unescape(key, &mut name);
            match index.get(&name) {
                Some(i) => entries[*i].1 = item,
                None => {
                    index.insert(name.clone(), entries.len());
                    entries.push((name, item));
                }
            }
        }
        for (key, item) in entries {
            append_text(&mut map.keys, &key, self.dialect)?;
            self.append_part(&mut map.entries, item, damaged)?;
        }
        map.close(true);
        Ok(())
    }

    fn append_scalar(
        &mut self,
        column: &mut ColumnBuilder,
        value: &[u8],
        kind: u8,
    ) -> Result<(), NotA> {
        match kind {
            b'"' => {
                let raw = value.get(1..value.len() - 1).ok_or(NotA)?;
                if !raw.contains(&b'\\') {
                    let text = std::str::from_utf8(raw).map_err(|_| NotA)?;
                    return append_text(column, text, self.dialect);
                }
                self.text.clear();
                unescape(raw, &mut self.text);
                append_text(column, &self.text, self.dialect)
            }
            b'{' | b'[' => {
                let Values::Text(builder) = &mut column.values else {
                    return Err(NotA);
                };
                let mut compacted = Vec::with_capacity(value.len());
                compact(&mut Cursor::new(value), &mut compacted).map_err(|_| NotA)?;
                builder.append_value(String::from_utf8_lossy(&compacted));
                Ok(())
            }
            _ => self.append_bare(column, value, kind),
        }
    }

    /// Numbers, `true` and `false`.
    fn append_bare(
        &mut self,
        column: &mut ColumnBuilder,
        value: &[u8],
        kind: u8,
    ) -> Result<(), NotA> {
        let text = std::str::from_utf8(value).map_err(|_| NotA)?;
        let number = !matches!(kind, b't' | b'f');
        let whole = !value.iter().any(|b| matches!(b, b'.' | b'e' | b'E'));
        match &column.values {
            Values::Text(_) | Values::Boolean(_) => append_text(column, text, self.dialect),
            _ if !number => Err(NotA),
            Values::TinyInt(_)
            | Values::SmallInt(_)
            | Values::Int(_)
            | Values::BigInt(_)
            | Values::Months(_)
            | Values::Millis(_)
                if !whole =>
            {
                // Jackson cuts the fraction off.
                let cut: f64 = text.parse().map_err(|_| NotA)?;
                if !(-9.3e18..9.3e18).contains(&cut) {
                    return Err(NotA);
                }
                append_text(column, &(cut as i64).to_string(), self.dialect)
            }
            Values::Bytes(_) | Values::Date(_) | Values::Time(..) | Values::Timestamp(_) => {
                Err(NotA)
            }
            _ => append_text(column, text, self.dialect),
        }
    }
}

/// Writes a value as Jackson writes its tree: no blanks, numbers without trailing zeros.
fn compact(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    match cursor.peek() {
        Some(b'{') => {
            cursor.at += 1;
            out.push(b'{');
            let mut first = true;
            let mut separator = false;
            while let Some(key) = cursor.next_key(&mut first)? {
                if std::mem::replace(&mut separator, true) {
                    out.push(b',');
                }
                let mut name = String::new();
                unescape(key, &mut name);
                escape(&name, out);
                out.push(b':');
                compact(cursor, out)?;
            }
            out.push(b'}');
        }
        Some(b'[') => {
            cursor.at += 1;
            out.push(b'[');
            let mut first = true;
            let mut separator = false;
            while cursor.next_element(&mut first)? {
                if std::mem::replace(&mut separator, true) {
                    out.push(b',');
                }
                compact(cursor, out)?;
            }
            out.push(b']');
        }
        Some(b'"') => {
            let mut text = String::new();
            unescape(cursor.string()?, &mut text);
            escape(&text, out);
        }
        _ => {
            let value = cursor.value()?;
            match normal_number(value) {
                Some(text) => out.extend_from_slice(text.as_bytes()),
                None => out.extend_from_slice(value),
            }
        }
    }
    Ok(())
}

/// A number with a fraction or an exponent, as Java's `BigDecimal` without trailing zeros.
fn normal_number(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    if !value.first()?.is_ascii_digit() && value.first() != Some(&b'-') {
        return None;
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None if text.contains('.') => (text, 0),
        None => return None,
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let unscaled: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    let (unscaled, scale) = strip_trailing_zeros(unscaled, scale);
    let mut out = String::new();
    write_big_decimal(unscaled, scale, &mut out);
    Some(out)
}

impl Decoder for JsonDecoder {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn decode(&mut self, record: &[u8]) -> Result<(), ConnectorError> {
        match self.record(record) {
            Ok(()) => Ok(()),
            Err(_) if self.reader.options.ignore_parse_errors => {
                self.skipped += 1;
                Ok(())
            }
            Err(reason) => Err(ConnectorError::user(format!(
                "Failed to deserialize JSON: {reason}"
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
        let columns = self.columns.iter_mut().map(ColumnBuilder::finish);
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let rows = std::mem::take(&mut self.rows);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema(), columns, &options)?;
        Ok(ChangeBatch::insert(batch))
    }
}
