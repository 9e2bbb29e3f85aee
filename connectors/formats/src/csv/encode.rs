use std::sync::Arc;

use filbert_connector_api::ConnectorError;
use filbert_connector_api::format::Encoder;
use filbert_types::{ChangeBatch, Field};

use super::CsvOptions;
use crate::encode::{BoundColumn, DecimalNotation, Values, bind_batch};

/// Text longer than this is quoted without a look at it, as Jackson does.
const QUOTE_CHECK_MAX: usize = 24;

/// Writes rows as lines.
pub struct CsvEncoder {
    options: Arc<CsvOptions>,
    fields: Vec<Field>,
    /// Jackson's least character that never needs quotes.
    min_safe: u8,
    decimals: DecimalNotation,
    text: String,
    nested: String,
}

impl CsvEncoder {
    pub fn new(options: Arc<CsvOptions>, fields: &[Field]) -> CsvEncoder {
        let quote = options.quote.unwrap_or(0);
        CsvEncoder {
            min_safe: options.delimiter.max(quote).max(b'\r') + 1,
            decimals: if options.scientific {
                DecimalNotation::Scientific
            } else {
                DecimalNotation::Plain
            },
            options,
            fields: fields.to_vec(),
            text: String::new(),
            nested: String::new(),
        }
    }

    fn write_value(&mut self, column: &BoundColumn<'_>, row: usize, out: &mut Vec<u8>) {
        if column.is_null(row) {
            out.extend_from_slice(self.null().as_bytes());
            return;
        }
        match &column.values {
            Values::List(offsets, items) => {
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                self.write_nested(range.map(|i| (items.as_ref(), i)));
            }
            Values::Row(columns) => self.write_nested(columns.iter().map(|c| (c, row))),
            _ => column.scalar(row, ' ', self.decimals, &mut self.text),
        }
        if column.is_bare() {
            out.extend_from_slice(self.text.as_bytes());
        } else {
            self.write_text(out);
        }
    }

    fn null(&self) -> &str {
        self.options.null_literal.as_deref().unwrap_or("")
    }

    /// Puts the parts into `text`, apart by the array delimiter.
    fn write_nested<'a>(&mut self, parts: impl Iterator<Item = (&'a BoundColumn<'a>, usize)>) {
        let mut joined = std::mem::take(&mut self.nested);
        joined.clear();
        for (i, (column, row)) in parts.enumerate() {
            if i > 0 {
                joined.push_str(&self.options.array_delimiter);
            }
            if column.is_null(row) {
                joined.push_str(self.null());
            } else {
                column.scalar(row, ' ', self.decimals, &mut self.text);
                joined.push_str(&self.text);
            }
        }
        std::mem::swap(&mut self.text, &mut joined);
        self.nested = joined;
    }

    fn write_text(&self, out: &mut Vec<u8>) {
        let bytes = self.text.as_bytes();
        let Some(quote) = self.options.quote.filter(|_| self.needs_quotes()) else {
            return self.write_escaped(bytes, None, out);
        };
        out.push(quote);
        self.write_escaped(bytes, Some(quote), out);
        out.push(quote);
    }

    fn needs_quotes(&self) -> bool {
        let escape = self.options.escape.unwrap_or(b'\\');
        let bytes = self.text.as_bytes();
        // Jackson counts UTF-16 units.
        bytes.len() > QUOTE_CHECK_MAX
            && (bytes.is_ascii() || self.text.encode_utf16().count() > QUOTE_CHECK_MAX)
            || bytes.iter().any(|b| *b < self.min_safe || *b == escape)
    }

    /// Doubles quotes, and puts the escape character, where there is one, before itself.
    fn write_escaped(&self, bytes: &[u8], quote: Option<u8>, out: &mut Vec<u8>) {
        let escape = self.options.escape;
        if !bytes
            .iter()
            .any(|b| Some(*b) == quote || Some(*b) == escape)
        {
            out.extend_from_slice(bytes);
            return;
        }
        for byte in bytes {
            if Some(*byte) == quote {
                out.push(*byte);
            } else if let Some(escape) = escape.filter(|e| e == byte) {
                out.push(escape);
            }
            out.push(*byte);
        }
    }
}

impl Encoder for CsvEncoder {
    fn encode(&mut self, batch: &ChangeBatch, out: &mut Vec<u8>) -> Result<(), ConnectorError> {
        let fields = std::mem::take(&mut self.fields);
        let columns = bind_batch(&fields, &batch.rows);
        self.fields = fields;
        let columns = columns?;
        for row in 0..batch.num_rows() {
            for (i, column) in columns.iter().enumerate() {
                if i > 0 {
                    out.push(self.options.delimiter);
                }
                self.write_value(column, row, out);
            }
            out.push(b'\n');
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), ConnectorError> {
        Ok(())
    }
}
