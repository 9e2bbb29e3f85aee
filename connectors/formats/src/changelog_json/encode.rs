use std::sync::Arc;

use filbert_connector_api::ConnectorError;
use filbert_connector_api::format::Encoder;
use filbert_types::{ChangeBatch, Field, RowKind};

use super::envelope::{Envelope, Shape};
use crate::encode::bind_batch;
use crate::json::JsonOptions;
use crate::json::encode::{Names, Writer};

/// Writes rows as messages, one a line.
pub struct ChangeEncoder {
    options: Arc<JsonOptions>,
    fields: Vec<Field>,
    names: Vec<Names>,
    /// What stands before and after the row of an insert.
    insert: (String, String),
    delete: (String, String),
    text: String,
}

impl ChangeEncoder {
    pub fn new(
        envelope: &'static Envelope,
        options: Arc<JsonOptions>,
        fields: &[Field],
    ) -> ChangeEncoder {
        let [first, second] = envelope.rows;
        let end = |op: &str| format!(",\"{}\":\"{op}\"}}\n", envelope.op);
        let (insert_op, delete_op) = (envelope.insert[0], envelope.delete);
        let open = |name: &str| format!("{{\"{name}\":");
        let (insert, delete) = match envelope.shape {
            Shape::BeforeAfter if options.ignore_nulls => (
                (open(second), end(insert_op)),
                (open(first), end(delete_op)),
            ),
            Shape::BeforeAfter => (
                (format!("{{\"{first}\":null,\"{second}\":"), end(insert_op)),
                (open(first), format!(",\"{second}\":null{}", end(delete_op))),
            ),
            Shape::DataOld => ((open(first), end(insert_op)), (open(first), end(delete_op))),
            Shape::Arrays => (
                (format!("{}[", open(first)), format!("]{}", end(insert_op))),
                (format!("{}[", open(first)), format!("]{}", end(delete_op))),
            ),
        };
        ChangeEncoder {
            options,
            fields: fields.to_vec(),
            names: fields.iter().map(|f| Names::of(&f.name, &f.ty)).collect(),
            insert,
            delete,
            text: String::new(),
        }
    }
}

impl Encoder for ChangeEncoder {
    fn encode(&mut self, batch: &ChangeBatch, out: &mut Vec<u8>) -> Result<(), ConnectorError> {
        let columns = bind_batch(&self.fields, &batch.rows)?;
        let mut writer = Writer {
            options: &self.options,
            text: &mut self.text,
            out,
        };
        for row in 0..batch.num_rows() {
            let (before, after) = match batch.kind(row) {
                RowKind::Insert | RowKind::UpdateAfter => &self.insert,
                RowKind::UpdateBefore | RowKind::Delete => &self.delete,
            };
            writer.out.extend_from_slice(before.as_bytes());
            writer.object(columns.iter(), &self.names, row)?;
            writer.out.extend_from_slice(after.as_bytes());
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), ConnectorError> {
        Ok(())
    }
}
