//! The `json` format: an object a record, columns by name.
//!
//! - [`cursor`]: steps over JSON text without building anything.
//! - [`decode`]: records to columns.
//! - [`encode`]: rows to objects.

use std::sync::Arc;

use filbert_connector_api::format::{Decoder, DecodingFormat, Encoder, EncodingFormat, Framing};
use filbert_connector_api::options::TableOptions;
use filbert_connector_api::{ChangelogMode, ConnectorError, FactoryContext, FormatFactory};
use filbert_types::config::ConfigType;
use filbert_types::{ConfigOption, Field, LogicalType, TypeKind};

pub mod cursor;
pub mod decode;
pub mod encode;
#[cfg(test)]
mod tests;

const FAIL_ON_MISSING: ConfigOption = ConfigOption::new(
    "fail-on-missing-field",
    ConfigType::Boolean,
    "A field that is not in the record is an error instead of NULL.",
)
.default("false");
pub(crate) const IGNORE_PARSE_ERRORS: ConfigOption = ConfigOption::new(
    "ignore-parse-errors",
    ConfigType::Boolean,
    "Malformed records are skipped and malformed fields are NULL, both counted, instead of an error.",
)
.default("false");
pub(crate) const TIMESTAMP_FORMAT: ConfigOption = ConfigOption::new(
    "timestamp-format.standard",
    ConfigType::Enum(&["SQL", "ISO-8601"]),
    "How timestamps are written: '2020-01-02 03:04:05.1' or '2020-01-02T03:04:05.1'.",
)
.default("SQL");
pub(crate) const NULL_KEY_MODE: ConfigOption = ConfigOption::new(
    "map-null-key.mode",
    ConfigType::Enum(&["FAIL", "DROP", "LITERAL"]),
    "What to do when a map with a NULL key is written.",
)
.default("FAIL");
pub(crate) const NULL_KEY_LITERAL: ConfigOption = ConfigOption::new(
    "map-null-key.literal",
    ConfigType::String,
    "What a NULL key is written as, in mode LITERAL.",
)
.default("null");
pub(crate) const PLAIN_DECIMALS: ConfigOption = ConfigOption::new(
    "encode.decimal-as-plain-number",
    ConfigType::Boolean,
    "Decimals are written as 100000 rather than 1E+5.",
)
.default("false");
pub(crate) const IGNORE_NULLS: ConfigOption = ConfigOption::new(
    "encode.ignore-null-fields",
    ConfigType::Boolean,
    "Fields that are NULL are not written.",
)
.default("false");
const JSON_PARSER: ConfigOption = ConfigOption::new(
    "decode.json-parser.enabled",
    ConfigType::Boolean,
    "Accepted for compatibility: records are always read without building a tree.",
)
.default("true");

/// What becomes of a map's NULL key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NullKey {
    Fail,
    Drop,
    Literal(String),
}

/// The format's options, resolved.
#[derive(Debug, Clone)]
pub struct JsonOptions {
    pub fail_on_missing: bool,
    pub ignore_parse_errors: bool,
    pub iso_timestamps: bool,
    pub null_key: NullKey,
    pub plain_decimals: bool,
    pub ignore_nulls: bool,
}

/// Makes the format.
#[derive(Debug, Default, Clone, Copy)]
pub struct JsonFormatFactory;

impl FormatFactory for JsonFormatFactory {
    fn identifier(&self) -> &'static str {
        "json"
    }

    fn doc(&self) -> &'static str {
        "JSON objects, one a line in files."
    }

    fn options(&self) -> &'static [ConfigOption] {
        const OPTIONS: &[ConfigOption] = &[
            FAIL_ON_MISSING,
            IGNORE_PARSE_ERRORS,
            TIMESTAMP_FORMAT,
            NULL_KEY_MODE,
            NULL_KEY_LITERAL,
            PLAIN_DECIMALS,
            IGNORE_NULLS,
            JSON_PARSER,
        ];
        OPTIONS
    }

    fn decoding(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn DecodingFormat>, ConnectorError>> {
        Some(JsonFormat::new(ctx).map(|format| Arc::new(format) as _))
    }

    fn encoding(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn EncodingFormat>, ConnectorError>> {
        Some(JsonFormat::new(ctx).map(|format| Arc::new(format) as _))
    }
}

/// The format with its options.
#[derive(Debug, Clone)]
pub struct JsonFormat {
    options: Arc<JsonOptions>,
}

impl JsonOptions {
    pub(crate) fn of(given: &TableOptions) -> Result<JsonOptions, ConnectorError> {
        let is = |option: &ConfigOption, word: &str| {
            given
                .get(option)
                .is_some_and(|v| v.trim().eq_ignore_ascii_case(word))
        };
        let literal = given.get(&NULL_KEY_LITERAL).unwrap_or("null");
        let options = JsonOptions {
            fail_on_missing: given.get_bool(&FAIL_ON_MISSING)?,
            ignore_parse_errors: given.get_bool(&IGNORE_PARSE_ERRORS)?,
            iso_timestamps: is(&TIMESTAMP_FORMAT, "ISO-8601"),
            null_key: if is(&NULL_KEY_MODE, "LITERAL") {
                NullKey::Literal(literal.to_owned())
            } else if is(&NULL_KEY_MODE, "DROP") {
                NullKey::Drop
            } else {
                NullKey::Fail
            },
            plain_decimals: given.get_bool(&PLAIN_DECIMALS)?,
            ignore_nulls: given.get_bool(&IGNORE_NULLS)?,
        };
        if options.fail_on_missing && options.ignore_parse_errors {
            return Err(ConnectorError::user(
                "fail-on-missing-field and ignore-parse-errors shouldn't both be true.",
            ));
        }
        Ok(options)
    }
}

impl JsonFormat {
    fn new(ctx: &FactoryContext<'_>) -> Result<JsonFormat, ConnectorError> {
        let options = Arc::new(JsonOptions::of(ctx.options)?);
        Ok(JsonFormat { options })
    }
}

fn check_type(name: &str, ty: &LogicalType) -> Result<(), ConnectorError> {
    let key = |key: &LogicalType| {
        if key.kind.is_character() {
            return Ok(());
        }
        Err(ConnectorError::user(format!(
            "JSON format doesn't support non-string as key type of map. The type is: {ty} (field '{name}')"
        )))
    };
    match &ty.kind {
        TypeKind::Array(element) => check_type(name, element),
        TypeKind::Map(k, value) => key(k).and_then(|()| check_type(name, value)),
        TypeKind::Multiset(element) => key(element),
        TypeKind::Row(fields) | TypeKind::Structured { fields, .. } => {
            fields.iter().try_for_each(|f| check_type(&f.name, &f.ty))
        }
        TypeKind::Variant | TypeKind::Bitmap | TypeKind::Raw { .. } => {
            Err(ConnectorError::user(format!(
                "Unsupported type '{ty}' for field '{name}': the json format has no such values."
            )))
        }
        _ => Ok(()),
    }
}

pub(crate) fn check_types(fields: &[Field]) -> Result<(), ConnectorError> {
    fields.iter().try_for_each(|f| check_type(&f.name, &f.ty))
}

impl DecodingFormat for JsonFormat {
    fn changelog_mode(&self) -> ChangelogMode {
        ChangelogMode::INSERT_ONLY
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn decoder(
        &self,
        fields: &[Field],
        _metadata: &[Field],
        projection: &[usize],
    ) -> Result<Box<dyn Decoder>, ConnectorError> {
        check_types(fields)?;
        let options = Arc::clone(&self.options);
        Ok(Box::new(decode::JsonDecoder::new(
            options, fields, projection,
        )))
    }
}

impl EncodingFormat for JsonFormat {
    fn changelog_mode(&self) -> ChangelogMode {
        ChangelogMode::INSERT_ONLY
    }

    fn encoder(&self, fields: &[Field]) -> Result<Box<dyn Encoder>, ConnectorError> {
        check_types(fields)?;
        let options = Arc::clone(&self.options);
        Ok(Box::new(encode::JsonEncoder::new(options, fields)))
    }
}
