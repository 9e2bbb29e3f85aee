//! The `csv` format, as Flink's on Jackson: no header, columns by position.
//!
//! - [`decode`]: records to columns.
//! - [`encode`]: rows to lines.

use std::sync::Arc;

use filbert_connector_api::format::{Decoder, DecodingFormat, Encoder, EncodingFormat, Framing};
use filbert_connector_api::{ChangelogMode, ConnectorError, FactoryContext, FormatFactory};
use filbert_types::config::ConfigType;
use filbert_types::{ConfigOption, Field, LogicalType, TypeKind};

pub mod decode;
pub mod encode;
#[cfg(test)]
mod tests;

const FIELD_DELIMITER: ConfigOption = ConfigOption::new(
    "field-delimiter",
    ConfigType::String,
    "The character between fields.",
)
.default(",");
const DISABLE_QUOTE: ConfigOption = ConfigOption::new(
    "disable-quote-character",
    ConfigType::Boolean,
    "No character quotes: fields are taken and written as they are.",
)
.default("false");
const QUOTE: ConfigOption = ConfigOption::new(
    "quote-character",
    ConfigType::String,
    "The character around fields that hold delimiters or line breaks.",
)
.default("\"");
const ALLOW_COMMENTS: ConfigOption = ConfigOption::new(
    "allow-comments",
    ConfigType::Boolean,
    "Lines that begin with '#' are skipped.",
)
.default("false");
const IGNORE_PARSE_ERRORS: ConfigOption = ConfigOption::new(
    "ignore-parse-errors",
    ConfigType::Boolean,
    "Malformed records are skipped and malformed fields are NULL, both counted, instead of an error.",
)
.default("false");
const ARRAY_DELIMITER: ConfigOption = ConfigOption::new(
    "array-element-delimiter",
    ConfigType::String,
    "The text between the elements of an ARRAY or the fields of a ROW.",
)
.default(";");
const ESCAPE: ConfigOption = ConfigOption::new(
    "escape-character",
    ConfigType::String,
    "The character that takes the next one's meaning away; by default none.",
);
const NULL_LITERAL: ConfigOption = ConfigOption::new(
    "null-literal",
    ConfigType::String,
    "Text that stands for NULL; by default NULL is written as the empty field.",
);
const SCIENTIFIC: ConfigOption = ConfigOption::new(
    "write-bigdecimal-in-scientific-notation",
    ConfigType::Boolean,
    "Decimals are written as 1E+5 rather than 100000.",
)
.default("true");
const TRIM_SPACES: ConfigOption = ConfigOption::new(
    "trim-spaces",
    ConfigType::Boolean,
    "Blanks around unquoted fields are left out.",
)
.default("false");
const IGNORE_TRAILING: ConfigOption = ConfigOption::new(
    "ignore-trailing-unmappable",
    ConfigType::Boolean,
    "Fields beyond the table's columns are left out.",
)
.default("false");
const ALLOW_TRAILING_COMMA: ConfigOption = ConfigOption::new(
    "allow-trailing-comma",
    ConfigType::Boolean,
    "A delimiter after the last field is no further field.",
)
.default("true");
const FAIL_ON_MISSING: ConfigOption = ConfigOption::new(
    "fail-on-missing-columns",
    ConfigType::Boolean,
    "A record with too few fields is malformed, even with ignore-parse-errors.",
)
.default("false");
const EMPTY_AS_NULL: ConfigOption = ConfigOption::new(
    "empty-string-as-null",
    ConfigType::Boolean,
    "Empty fields are NULL.",
)
.default("false");

/// The format's options, resolved.
#[derive(Debug, Clone)]
pub struct CsvOptions {
    pub delimiter: u8,
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    pub allow_comments: bool,
    pub ignore_parse_errors: bool,
    pub array_delimiter: String,
    pub null_literal: Option<String>,
    pub scientific: bool,
    pub trim_spaces: bool,
    pub ignore_trailing: bool,
    pub allow_trailing_comma: bool,
    pub fail_on_missing: bool,
    pub empty_as_null: bool,
}

/// Makes the format.
#[derive(Debug, Default, Clone, Copy)]
pub struct CsvFormatFactory;

impl FormatFactory for CsvFormatFactory {
    fn identifier(&self) -> &'static str {
        "csv"
    }

    fn doc(&self) -> &'static str {
        "Lines of fields apart by commas, without a header."
    }

    fn options(&self) -> &'static [ConfigOption] {
        const OPTIONS: &[ConfigOption] = &[
            FIELD_DELIMITER,
            DISABLE_QUOTE,
            QUOTE,
            ALLOW_COMMENTS,
            IGNORE_PARSE_ERRORS,
            ARRAY_DELIMITER,
            ESCAPE,
            NULL_LITERAL,
            SCIENTIFIC,
            TRIM_SPACES,
            IGNORE_TRAILING,
            ALLOW_TRAILING_COMMA,
            FAIL_ON_MISSING,
            EMPTY_AS_NULL,
        ];
        OPTIONS
    }

    fn decoding(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn DecodingFormat>, ConnectorError>> {
        Some(CsvFormat::new(ctx).map(|format| Arc::new(format) as _))
    }

    fn encoding(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn EncodingFormat>, ConnectorError>> {
        Some(CsvFormat::new(ctx).map(|format| Arc::new(format) as _))
    }
}

/// The format with its options.
#[derive(Debug, Clone)]
pub struct CsvFormat {
    options: Arc<CsvOptions>,
}

impl CsvFormat {
    fn new(ctx: &FactoryContext<'_>) -> Result<CsvFormat, ConnectorError> {
        let get = |option| ctx.options.get_bool(option);
        let character = |option: &ConfigOption| one_character(option, ctx.options.get(option));
        let quote_disabled = get(&DISABLE_QUOTE)?;
        if quote_disabled && ctx.options.raw(QUOTE.key).is_some() {
            return Err(ConnectorError::user(
                "Format 'csv' cannot define a quote character and disabled quote character at the same time.",
            ));
        }
        let options = CsvOptions {
            delimiter: character(&FIELD_DELIMITER)?.unwrap_or(b','),
            quote: character(&QUOTE)?.filter(|_| !quote_disabled),
            escape: character(&ESCAPE)?,
            allow_comments: get(&ALLOW_COMMENTS)?,
            ignore_parse_errors: get(&IGNORE_PARSE_ERRORS)?,
            array_delimiter: ctx.options.get(&ARRAY_DELIMITER).unwrap_or(";").to_owned(),
            null_literal: ctx.options.get(&NULL_LITERAL).map(str::to_owned),
            scientific: get(&SCIENTIFIC)?,
            trim_spaces: get(&TRIM_SPACES)?,
            ignore_trailing: get(&IGNORE_TRAILING)?,
            allow_trailing_comma: get(&ALLOW_TRAILING_COMMA)?,
            fail_on_missing: get(&FAIL_ON_MISSING)?,
            empty_as_null: get(&EMPTY_AS_NULL)?,
        };
        Ok(CsvFormat {
            options: Arc::new(options),
        })
    }
}

/// One ASCII character, also written as `\t`, `\n`, `\r`, `\\` or `\u0001`.
fn one_character(option: &ConfigOption, text: Option<&str>) -> Result<Option<u8>, ConnectorError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let code = match text {
        "\\t" => Some(u32::from(b'\t')),
        "\\\\" => Some(u32::from(b'\\')),
        "\\r" => Some(u32::from(b'\r')),
        "\\n" => Some(u32::from(b'\n')),
        _ => match text.strip_prefix("\\u") {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => {
                let mut chars = text.chars();
                chars
                    .next()
                    .filter(|_| chars.next().is_none())
                    .map(u32::from)
            }
        },
    };
    match code.and_then(|c| u8::try_from(c).ok()).filter(u8::is_ascii) {
        Some(byte) => Ok(Some(byte)),
        None => Err(ConnectorError::user(format!(
            "Option 'csv.{}' must be a single ASCII character, but was: {text}",
            option.key
        ))),
    }
}

/// Scalars, arrays and rows of scalars: what a line of text can hold.
fn check_types(fields: &[Field]) -> Result<(), ConnectorError> {
    let scalar = |ty: &LogicalType| {
        !matches!(
            ty.kind,
            TypeKind::Array(_)
                | TypeKind::Map(..)
                | TypeKind::Multiset(_)
                | TypeKind::Row(_)
                | TypeKind::Structured { .. }
                | TypeKind::Variant
                | TypeKind::Bitmap
                | TypeKind::Raw { .. }
        )
    };
    for field in fields {
        let inner: Vec<&LogicalType> = match &field.ty.kind {
            TypeKind::Array(element) => vec![element],
            TypeKind::Row(fields) => fields.iter().map(|f| &f.ty).collect(),
            _ if scalar(&field.ty) => continue,
            _ => {
                return Err(ConnectorError::user(format!(
                    "Unsupported type '{}' for field '{}': the csv format has no such values.",
                    field.ty, field.name
                )));
            }
        };
        if let Some(ty) = inner.iter().find(|ty| !scalar(ty)) {
            return Err(ConnectorError::user(format!(
                "Only simple types are supported in the second level nesting of fields '{}' but was: {ty}",
                field.name
            )));
        }
    }
    Ok(())
}

impl DecodingFormat for CsvFormat {
    fn changelog_mode(&self) -> ChangelogMode {
        ChangelogMode::INSERT_ONLY
    }

    fn framing(&self) -> Framing {
        match self.options.quote {
            None => Framing::Lines,
            Some(quote) => Framing::QuotedLines {
                delimiter: self.options.delimiter,
                quote,
                escape: self.options.escape,
                comments: self.options.allow_comments,
                trim_spaces: self.options.trim_spaces,
            },
        }
    }

    fn decoder(
        &self,
        fields: &[Field],
        _metadata: &[Field],
        projection: &[usize],
    ) -> Result<Box<dyn Decoder>, ConnectorError> {
        check_types(fields)?;
        let options = Arc::clone(&self.options);
        Ok(Box::new(decode::CsvDecoder::new(
            options, fields, projection,
        )))
    }
}

impl EncodingFormat for CsvFormat {
    fn changelog_mode(&self) -> ChangelogMode {
        ChangelogMode::INSERT_ONLY
    }

    fn encoder(&self, fields: &[Field]) -> Result<Box<dyn Encoder>, ConnectorError> {
        check_types(fields)?;
        let options = Arc::clone(&self.options);
        Ok(Box::new(encode::CsvEncoder::new(options, fields)))
    }
}
