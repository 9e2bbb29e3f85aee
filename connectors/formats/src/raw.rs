//! The `raw` format: a record is the one column's bytes.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use filbert_connector_api::format::{Decoder, DecodingFormat, Encoder, EncodingFormat, Framing};
use filbert_connector_api::{ChangelogMode, ConnectorError, FactoryContext, FormatFactory};
use filbert_types::config::ConfigType;
use filbert_types::schema::arrow_schema;
use filbert_types::{ChangeBatch, ConfigOption, Field, TypeKind};

use crate::column::{ColumnBuilder, Values};
use crate::encode;

const CHARSET: ConfigOption = ConfigOption::new(
    "charset",
    ConfigType::Enum(&["UTF-8", "ISO-8859-1", "US-ASCII"]),
    "How text is encoded.",
)
.default("UTF-8");
const ENDIANNESS: ConfigOption = ConfigOption::new(
    "endianness",
    ConfigType::Enum(&["big-endian", "little-endian"]),
    "The order of a number's bytes.",
)
.default("big-endian");

/// Makes the format.
#[derive(Debug, Default, Clone, Copy)]
pub struct RawFormatFactory;

impl FormatFactory for RawFormatFactory {
    fn identifier(&self) -> &'static str {
        "raw"
    }

    fn doc(&self) -> &'static str {
        "Records as they are, in one column: text, bytes, or a number's bytes."
    }

    fn options(&self) -> &'static [ConfigOption] {
        const OPTIONS: &[ConfigOption] = &[CHARSET, ENDIANNESS];
        OPTIONS
    }

    fn decoding(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn DecodingFormat>, ConnectorError>> {
        Some(RawFormat::new(ctx).map(|format| Arc::new(format) as _))
    }

    fn encoding(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn EncodingFormat>, ConnectorError>> {
        Some(RawFormat::new(ctx).map(|format| Arc::new(format) as _))
    }
}

#[derive(Debug, Clone, Copy)]
struct RawFormat {
    latin: bool,
    ascii: bool,
    little: bool,
    /// Bytes of a value; none for text and bytes.
    width: Option<usize>,
}

impl RawFormat {
    fn new(ctx: &FactoryContext<'_>) -> Result<RawFormat, ConnectorError> {
        let partitioned = |name: &String| ctx.table.partition_keys.contains(name);
        let mut fields = ctx.physical_fields();
        fields.retain(|f| !partitioned(&f.name));
        let [field] = fields.as_slice() else {
            let listed: Vec<String> = fields
                .iter()
                .map(|f| format!("`{}` {}", f.name, f.ty))
                .collect();
            return Err(ConnectorError::user(format!(
                "The 'raw' format only supports single physical column. However the defined schema \
                 contains multiple physical columns: [{}]",
                listed.join(", ")
            )));
        };
        let charset = ctx.options.get(&CHARSET).unwrap_or("UTF-8").trim();
        let order = ctx.options.get(&ENDIANNESS).unwrap_or("big-endian").trim();
        Ok(RawFormat {
            latin: charset.eq_ignore_ascii_case("ISO-8859-1"),
            ascii: charset.eq_ignore_ascii_case("US-ASCII"),
            little: order.eq_ignore_ascii_case("little-endian"),
            width: width(field)?,
        })
    }

    fn one<'a>(&self, fields: &'a [Field]) -> Result<&'a Field, ConnectorError> {
        match fields {
            [field] => Ok(field),
            _ => Err(ConnectorError::engine(
                "the raw format was given several columns",
            )),
        }
    }
}

fn width(field: &Field) -> Result<Option<usize>, ConnectorError> {
    Ok(match field.ty.kind {
        TypeKind::Char(_) | TypeKind::VarChar(_) | TypeKind::Binary(_) | TypeKind::VarBinary(_) => {
            None
        }
        TypeKind::Boolean | TypeKind::TinyInt => Some(1),
        TypeKind::SmallInt => Some(2),
        TypeKind::Int | TypeKind::Float => Some(4),
        TypeKind::BigInt | TypeKind::Double => Some(8),
        _ => {
            return Err(ConnectorError::user(format!(
                "The 'raw' format doesn't supports '{}' as column type.",
                field.ty
            )));
        }
    })
}

impl DecodingFormat for RawFormat {
    fn changelog_mode(&self) -> ChangelogMode {
        ChangelogMode::INSERT_ONLY
    }

    fn framing(&self) -> Framing {
        self.width.map_or(Framing::Lines, Framing::Fixed)
    }

    fn decoder(
        &self,
        fields: &[Field],
        _metadata: &[Field],
        projection: &[usize],
    ) -> Result<Box<dyn Decoder>, ConnectorError> {
        let field = self.one(fields)?;
        Ok(Box::new(RawDecoder {
            format: *self,
            schema: arrow_schema(projection.iter().map(|_| field)),
            column: ColumnBuilder::new(&field.ty),
            wanted: projection.len(),
            rows: 0,
        }))
    }
}

struct RawDecoder {
    format: RawFormat,
    schema: SchemaRef,
    column: ColumnBuilder,
    wanted: usize,
    rows: usize,
}

/// The value's bytes, most significant first.
fn fixed<const N: usize>(record: &[u8], little: bool) -> Option<[u8; N]> {
    let mut bytes: [u8; N] = record.try_into().ok()?;
    if little {
        bytes.reverse();
    }
    Some(bytes)
}

impl RawDecoder {
    fn append(&mut self, record: &[u8]) -> Option<()> {
        let little = self.format.little;
        match &mut self.column.values {
            Values::Text(b) if self.format.latin => {
                let text: String = record.iter().map(|byte| char::from(*byte)).collect();
                b.append_value(text);
            }
            Values::Text(b) if self.format.ascii && !record.is_ascii() => {
                let text = record.iter().map(|b| {
                    if b.is_ascii() {
                        char::from(*b)
                    } else {
                        '\u{FFFD}'
                    }
                });
                b.append_value(text.collect::<String>());
            }
            Values::Text(b) => match simdutf8::basic::from_utf8(record) {
                Ok(text) => b.append_value(text),
                Err(_) => b.append_value(String::from_utf8_lossy(record)),
            },
            Values::Bytes(b) => b.append_value(record),
            Values::Boolean(b) => b.append_value(fixed::<1>(record, little)? != [0]),
            Values::TinyInt(b) => b.append_value(i8::from_be_bytes(fixed(record, little)?)),
            Values::SmallInt(b) => b.append_value(i16::from_be_bytes(fixed(record, little)?)),
            Values::Int(b) => b.append_value(i32::from_be_bytes(fixed(record, little)?)),
            Values::BigInt(b) => b.append_value(i64::from_be_bytes(fixed(record, little)?)),
            Values::Float(b) => b.append_value(f32::from_be_bytes(fixed(record, little)?)),
            Values::Double(b) => b.append_value(f64::from_be_bytes(fixed(record, little)?)),
            _ => return None,
        }
        Some(())
    }
}

impl Decoder for RawDecoder {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn decode(&mut self, record: &[u8]) -> Result<(), ConnectorError> {
        self.rows += 1;
        if self.wanted == 0 {
            return Ok(());
        }
        self.append(record).ok_or_else(|| {
            ConnectorError::user(format!(
                "Size of data received for deserializing {} type is {}, not {}.",
                self.column.ty,
                record.len(),
                self.format.width.unwrap_or(0)
            ))
        })
    }

    fn len(&self) -> usize {
        self.rows
    }

    fn take_skipped(&mut self) -> u64 {
        0
    }

    fn flush(&mut self) -> Result<ChangeBatch, ConnectorError> {
        let column = self.column.finish()?;
        let columns = std::iter::repeat_n(column, self.wanted).collect();
        let rows = std::mem::take(&mut self.rows);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema(), columns, &options)?;
        Ok(ChangeBatch::insert(batch))
    }
}

impl EncodingFormat for RawFormat {
    fn changelog_mode(&self) -> ChangelogMode {
        ChangelogMode::INSERT_ONLY
    }

    fn encoder(&self, fields: &[Field]) -> Result<Box<dyn Encoder>, ConnectorError> {
        Ok(Box::new(RawEncoder {
            format: *self,
            field: self.one(fields)?.clone(),
        }))
    }
}

struct RawEncoder {
    format: RawFormat,
    field: Field,
}

impl RawEncoder {
    fn number<const N: usize>(&self, mut bytes: [u8; N], out: &mut Vec<u8>) {
        if self.format.little {
            bytes.reverse();
        }
        out.extend_from_slice(&bytes);
    }

    fn text(&self, text: &str, out: &mut Vec<u8>) {
        let limit = match (self.format.latin, self.format.ascii) {
            (true, _) => 0x100,
            (_, true) => 0x80,
            _ => return out.extend_from_slice(text.as_bytes()),
        };
        // What the charset lacks is '?', as in Java.
        out.extend(text.chars().map(|c| match u32::from(c) {
            code if code < limit => code as u8,
            _ => b'?',
        }));
    }
}

impl Encoder for RawEncoder {
    fn encode(&mut self, batch: &ChangeBatch, out: &mut Vec<u8>) -> Result<(), ConnectorError> {
        let columns = encode::bind_batch(std::slice::from_ref(&self.field), &batch.rows)?;
        let [column] = columns.as_slice() else {
            return Err(ConnectorError::engine("the raw format writes one column"));
        };
        for row in 0..batch.num_rows() {
            if column.is_null(row) {
                return Err(ConnectorError::user(format!(
                    "The 'raw' format cannot write NULL, as column '{}' holds.",
                    self.field.name
                )));
            }
            match &column.values {
                encode::Values::Text(v) => self.text(v.value(row), out),
                encode::Values::Bytes(v) => out.extend_from_slice(v.value(row)),
                encode::Values::Boolean(v) => out.push(u8::from(v.value(row))),
                encode::Values::TinyInt(v) => self.number(v[row].to_be_bytes(), out),
                encode::Values::SmallInt(v) => self.number(v[row].to_be_bytes(), out),
                encode::Values::Int(v) => self.number(v[row].to_be_bytes(), out),
                encode::Values::BigInt(v) => self.number(v[row].to_be_bytes(), out),
                encode::Values::Float(v) => self.number(v[row].to_be_bytes(), out),
                encode::Values::Double(v) => self.number(v[row].to_be_bytes(), out),
                _ => return Err(ConnectorError::engine("no raw form of this type")),
            }
            out.push(b'\n');
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), ConnectorError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray, Int32Array};
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn numbers_keep_their_bytes_in_either_order() {
        let fields = [Field::new("n", TypeKind::Int.into())];
        for little in [false, true] {
            let format = RawFormat {
                latin: false,
                ascii: false,
                little,
                width: Some(4),
            };
            let values: ArrayRef = Arc::new(Int32Array::from(vec![65, 10, -1]));
            let rows = RecordBatch::try_new(arrow_schema(&fields), vec![values]).unwrap();
            let mut out = Vec::new();
            let mut encoder = format.encoder(&fields).unwrap();
            encoder
                .encode(&ChangeBatch::insert(rows), &mut out)
                .unwrap();
            let first = if little {
                *b"\x41\0\0\0"
            } else {
                *b"\0\0\0\x41"
            };
            assert_eq!(out[..5], [&first[..], b"\n"].concat());
            let mut decoder = format.decoder(&fields, &[], &[0]).unwrap();
            for record in out.chunks(5) {
                decoder.decode(&record[..4]).unwrap();
            }
            let read = decoder.flush().unwrap().rows;
            assert_eq!(
                read.column(0).as_primitive::<Int32Type>().values(),
                &[65, 10, -1]
            );
        }
    }
}
