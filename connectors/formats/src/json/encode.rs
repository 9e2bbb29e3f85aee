use std::sync::Arc;

use filbert_connector_api::ConnectorError;
use filbert_connector_api::format::Encoder;
use filbert_types::{ChangeBatch, Field, LogicalType, TypeKind};

use super::cursor::escape;
use super::{JsonOptions, NullKey};
use crate::encode::{BoundColumn, DecimalNotation, Values, bind_batch};

/// Writes rows as objects, one a line.
pub struct JsonEncoder {
    options: Arc<JsonOptions>,
    fields: Vec<Field>,
    names: Vec<Names>,
    text: String,
}

/// The names of a ROW's fields as they are written, and of the rows inside.
pub(crate) struct Names {
    key: Vec<u8>,
    inner: Vec<Names>,
}

impl Names {
    pub(crate) fn of(name: &str, ty: &LogicalType) -> Names {
        let mut key = Vec::new();
        escape(name, &mut key);
        key.push(b':');
        Names {
            key,
            inner: Names::inside(ty),
        }
    }

    /// One for each field of a ROW; for a collection one for what it holds.
    fn inside(ty: &LogicalType) -> Vec<Names> {
        match &ty.kind {
            TypeKind::Row(fields) => fields.iter().map(|f| Names::of(&f.name, &f.ty)).collect(),
            TypeKind::Array(element) => vec![Names::of("", element)],
            TypeKind::Map(_, value) => vec![Names::of("", value)],
            TypeKind::Multiset(_) => vec![Names::of("", &TypeKind::Int.into())],
            _ => Vec::new(),
        }
    }
}

impl JsonEncoder {
    pub fn new(options: Arc<JsonOptions>, fields: &[Field]) -> JsonEncoder {
        JsonEncoder {
            options,
            fields: fields.to_vec(),
            names: fields.iter().map(|f| Names::of(&f.name, &f.ty)).collect(),
            text: String::new(),
        }
    }
}

/// Writes values to the end of a text.
pub(crate) struct Writer<'a> {
    pub options: &'a JsonOptions,
    pub text: &'a mut String,
    pub out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    pub(crate) fn object<'a>(
        &mut self,
        columns: impl Iterator<Item = &'a BoundColumn<'a>>,
        names: &[Names],
        row: usize,
    ) -> Result<(), ConnectorError> {
        self.out.push(b'{');
        let mut separator = false;
        for (column, name) in columns.zip(names) {
            if self.options.ignore_nulls && column.is_null(row) {
                continue;
            }
            if std::mem::replace(&mut separator, true) {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&name.key);
            self.value(column, &name.inner, row)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn value(
        &mut self,
        column: &BoundColumn<'_>,
        names: &[Names],
        row: usize,
    ) -> Result<(), ConnectorError> {
        if column.is_null(row) {
            self.out.extend_from_slice(b"null");
            return Ok(());
        }
        let inner = names.first().map_or(&[][..], |n| &n.inner);
        match &column.values {
            Values::List(offsets, items) => {
                self.out.push(b'[');
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                for (i, item) in range.enumerate() {
                    if i > 0 {
                        self.out.push(b',');
                    }
                    self.value(items, inner, item)?;
                }
                self.out.push(b']');
            }
            Values::Map(offsets, pair) => {
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                self.map(&pair.0, &pair.1, inner, range)?;
            }
            Values::Row(columns) => self.object(columns.iter(), names, row)?,
            _ => self.scalar(column, row),
        }
        Ok(())
    }

    fn map(
        &mut self,
        keys: &BoundColumn<'_>,
        values: &BoundColumn<'_>,
        names: &[Names],
        range: std::ops::Range<usize>,
    ) -> Result<(), ConnectorError> {
        self.out.push(b'{');
        let mut separator = false;
        for i in range {
            if keys.is_null(i) {
                match &self.options.null_key {
                    NullKey::Drop => continue,
                    NullKey::Literal(literal) => {
                        self.text.clear();
                        self.text.push_str(literal);
                    }
                    NullKey::Fail => {
                        return Err(ConnectorError::user(
                            "JSON format doesn't support to serialize map data with null keys. \
                             You can drop null key entries or encode null in literals by specifying \
                             map-null-key.mode option.",
                        ));
                    }
                }
            } else {
                keys.scalar(i, ' ', DecimalNotation::Scientific, self.text);
            }
            if std::mem::replace(&mut separator, true) {
                self.out.push(b',');
            }
            escape(self.text, self.out);
            self.out.push(b':');
            self.value(values, names, i)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn scalar(&mut self, column: &BoundColumn<'_>, row: usize) {
        let separator = if self.options.iso_timestamps {
            'T'
        } else {
            ' '
        };
        let decimals = if self.options.plain_decimals {
            DecimalNotation::Plain
        } else {
            DecimalNotation::Scientific
        };
        column.scalar(row, separator, decimals, self.text);
        let finite = match &column.values {
            Values::Float(v) => v[row].is_finite(),
            Values::Double(v) => v[row].is_finite(),
            _ => true,
        };
        if column.is_bare() && finite || matches!(column.values, Values::Json(_)) {
            self.out.extend_from_slice(self.text.as_bytes());
        } else {
            escape(self.text, self.out);
        }
    }
}

impl Encoder for JsonEncoder {
    fn encode(&mut self, batch: &ChangeBatch, out: &mut Vec<u8>) -> Result<(), ConnectorError> {
        let columns = bind_batch(&self.fields, &batch.rows)?;
        let mut writer = Writer {
            options: &self.options,
            text: &mut self.text,
            out,
        };
        for row in 0..batch.num_rows() {
            writer.object(columns.iter(), &self.names, row)?;
            writer.out.push(b'\n');
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), ConnectorError> {
        Ok(())
    }
}
