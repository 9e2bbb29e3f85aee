//! The formats of change data capture tools: `debezium-json`, `canal-json`, `maxwell-json` and `ogg-json`. Each message
//! is a JSON object that says what happened to which rows; an update carries the row before and after it. Written, an
//! update is a delete and an insert, as these tools have no message for half an update.
//!
//! - [`envelope`]: how each tool writes a change, as data.
//! - [`metadata`]: what a message says beside its rows.
//! - [`decode`]: messages to rows with their kinds.
//! - [`encode`]: rows with their kinds to messages.

use std::sync::Arc;

use filbert_connector_api::format::{Decoder, DecodingFormat, Encoder, EncodingFormat, Framing};
use filbert_connector_api::{ChangelogMode, ConnectorError, FactoryContext, FormatFactory};
use filbert_types::{ConfigOption, Field};
use regex::Regex;

use crate::json::{JsonOptions, check_types};

pub mod decode;
pub mod encode;
pub mod envelope;
pub mod metadata;
#[cfg(test)]
mod tests;

use envelope::{DATABASE_INCLUDE, Envelope, SCHEMA_INCLUDE, TABLE_INCLUDE};

/// Makes one of the formats.
#[derive(Debug, Clone, Copy)]
pub struct ChangelogJsonFactory(pub &'static Envelope);

impl FormatFactory for ChangelogJsonFactory {
    fn identifier(&self) -> &'static str {
        self.0.identifier
    }

    fn doc(&self) -> &'static str {
        self.0.doc
    }

    fn options(&self) -> &'static [ConfigOption] {
        self.0.options
    }

    fn decoding(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn DecodingFormat>, ConnectorError>> {
        Some(ChangelogJson::new(self.0, ctx).map(|format| Arc::new(format) as _))
    }

    fn encoding(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn EncodingFormat>, ConnectorError>> {
        let format = ChangelogJson::new(self.0, ctx).and_then(|format| {
            if format.reading.schema_include {
                return Err(ConnectorError::user(format!(
                    "{} JSON serialization doesn't support '{}.{}' option been set to true.",
                    self.0.tool, self.0.identifier, SCHEMA_INCLUDE.key
                )));
            }
            Ok(format)
        });
        Some(format.map(|format| Arc::new(format) as _))
    }
}

/// What reading needs beside the options that all JSON has.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The message stands in `payload`, beside its `schema`.
    pub schema_include: bool,
    /// Only messages of these databases and tables count.
    pub database: Option<Regex>,
    pub table: Option<Regex>,
}

/// A format with its options.
#[derive(Debug, Clone)]
pub struct ChangelogJson {
    envelope: &'static Envelope,
    json: Arc<JsonOptions>,
    reading: Reading,
}

impl ChangelogJson {
    fn new(
        envelope: &'static Envelope,
        ctx: &FactoryContext<'_>,
    ) -> Result<ChangelogJson, ConnectorError> {
        let pattern = |option| pattern(ctx, envelope, option);
        Ok(ChangelogJson {
            envelope,
            json: Arc::new(JsonOptions::of(ctx.options)?),
            reading: Reading {
                schema_include: ctx.options.get_bool(&SCHEMA_INCLUDE)?,
                database: pattern(&DATABASE_INCLUDE)?,
                table: pattern(&TABLE_INCLUDE)?,
            },
        })
    }
}

/// Java's `matches` wants the whole text.
fn pattern(
    ctx: &FactoryContext<'_>,
    envelope: &Envelope,
    option: &ConfigOption,
) -> Result<Option<Regex>, ConnectorError> {
    let Some(pattern) = ctx.options.get(option) else {
        return Ok(None);
    };
    let matched = Regex::new(pattern).and_then(|_| Regex::new(&format!("^(?:{pattern})$")));
    matched.map(Some).map_err(|e| {
        let reason = e.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim();
        ConnectorError::user(format!(
            "Option '{}.{}' is '{pattern}', which is not a regular expression: {}.",
            envelope.identifier,
            option.key,
            reason.trim_start_matches("error: ")
        ))
    })
}

impl DecodingFormat for ChangelogJson {
    fn changelog_mode(&self) -> ChangelogMode {
        ChangelogMode::ALL
    }

    fn metadata(&self) -> Vec<Field> {
        let offered = self.envelope.metadata.iter();
        offered.map(|m| Field::new(m.key, m.ty())).collect()
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn decoder(
        &self,
        fields: &[Field],
        metadata: &[Field],
        projection: &[usize],
    ) -> Result<Box<dyn Decoder>, ConnectorError> {
        check_types(fields)?;
        Ok(Box::new(decode::ChangeDecoder::new(
            self.envelope,
            Arc::clone(&self.json),
            self.reading.clone(),
            fields,
            metadata,
            projection,
        )?))
    }
}

impl EncodingFormat for ChangelogJson {
    fn changelog_mode(&self) -> ChangelogMode {
        ChangelogMode::ALL
    }

    fn encoder(&self, fields: &[Field]) -> Result<Box<dyn Encoder>, ConnectorError> {
        check_types(fields)?;
        let json = Arc::clone(&self.json);
        Ok(Box::new(encode::ChangeEncoder::new(
            self.envelope,
            json,
            fields,
        )))
    }
}
