use std::time::Duration;

use filbert_connector_api::ConnectorError;
use filbert_connector_api::options::{SCAN_PARALLELISM, TableOptions};
use filbert_types::config::{ConfigType, parse_duration};
use filbert_types::suggest::did_you_mean;
use filbert_types::{ConfigOption, Configuration, Field, LogicalType, TimeZone, TypeKind};

use crate::generator::{Generator, Kind, Number};
use crate::random;

const ROWS_PER_SECOND: ConfigOption = ConfigOption::new(
    "rows-per-second",
    ConfigType::Long,
    "Rows a second of the whole source.",
)
.default("10000");
const NUMBER_OF_ROWS: ConfigOption = ConfigOption::new(
    "number-of-rows",
    ConfigType::Long,
    "Rows in all; without it the source never ends, unless a sequence does.",
);

pub const OPTIONS: &[ConfigOption] = &[
    ROWS_PER_SECOND,
    NUMBER_OF_ROWS,
    SCAN_PARALLELISM,
    ConfigOption::new(
        "fields.#.kind",
        ConfigType::Enum(&["random", "sequence"]),
        "How the field's values come about.",
    )
    .default("random"),
    ConfigOption::new("fields.#.min", ConfigType::String, "Least random number."),
    ConfigOption::new(
        "fields.#.max",
        ConfigType::String,
        "Greatest random number.",
    ),
    ConfigOption::new(
        "fields.#.max-past",
        ConfigType::Duration,
        "How far a timestamp may lie before now.",
    )
    .default("0 s"),
    ConfigOption::new(
        "fields.#.length",
        ConfigType::Integer,
        "Length of random text and bytes, number of elements of a collection.",
    ),
    ConfigOption::new(
        "fields.#.var-len",
        ConfigType::Boolean,
        "Random lengths up to 'length', for types of variable length.",
    )
    .default("false"),
    ConfigOption::new(
        "fields.#.null-rate",
        ConfigType::Double,
        "The share of NULLs.",
    )
    .default("0.0"),
    ConfigOption::new(
        "fields.#.start",
        ConfigType::Long,
        "A sequence's first number.",
    ),
    ConfigOption::new(
        "fields.#.end",
        ConfigType::Long,
        "A sequence's last number.",
    ),
];

/// Months and milliseconds in ten thousand years: the greatest intervals by default.
const TEN_THOUSAND_YEARS_MONTHS: i64 = 120_000;
const TEN_THOUSAND_YEARS_MS: i64 = 315_569_520_000_000;

/// What the options say.
pub struct Parsed {
    pub rows_per_second: u64,
    /// The least of `number-of-rows` and of every sequence's length.
    pub rows: Option<u64>,
    pub generators: Vec<Generator>,
    pub zone: TimeZone,
}

/// Reads the options for these fields.
///
/// # Errors
/// When an option does not fit the type of its field, or belongs to no field.
pub fn parse(
    fields: &[Field],
    options: &TableOptions,
    session: &Configuration,
) -> Result<Parsed, ConnectorError> {
    let mut reader = Reader {
        options,
        asked: Vec::new(),
        sequence_rows: None,
    };
    let generators = fields
        .iter()
        .enumerate()
        .map(|(i, f)| reader.generator(&format!("fields.{}", f.name), &f.ty, i as u64))
        .collect::<Result<Vec<_>, _>>()?;
    reader.check_all_used()?;
    let rows = match options.get_i64(&NUMBER_OF_ROWS)? {
        Some(rows) => Some(u64::try_from(rows).map_err(|_| {
            ConnectorError::user(format!("'number-of-rows' must not be negative: {rows}"))
        })?),
        None => None,
    };
    let rate = options.get_i64(&ROWS_PER_SECOND)?.unwrap_or(10_000);
    let rows_per_second = u64::try_from(rate).ok().filter(|r| *r > 0).ok_or_else(|| {
        ConnectorError::user(format!("'rows-per-second' must be above zero: {rate}"))
    })?;
    let zone = session.raw("table.local-time-zone").unwrap_or("UTC");
    Ok(Parsed {
        rows_per_second,
        rows: rows.into_iter().chain(reader.sequence_rows).min(),
        generators,
        zone: zone.parse().unwrap_or(TimeZone::UTC),
    })
}

struct Reader<'a> {
    options: &'a TableOptions,
    /// Keys that mean something for this table's fields.
    asked: Vec<String>,
    sequence_rows: Option<u64>,
}

impl<'a> Reader<'a> {
    fn raw(&mut self, path: &str, key: &str) -> Option<&'a str> {
        let key = format!("{path}.{key}");
        let value = self.options.raw(&key);
        self.asked.push(key);
        value
    }

    fn number<T: std::str::FromStr>(
        &mut self,
        path: &str,
        key: &str,
        ty: &LogicalType,
    ) -> Result<Option<T>, ConnectorError> {
        let Some(text) = self.raw(path, key) else {
            return Ok(None);
        };
        text.trim().parse().map(Some).map_err(|_| {
            ConnectorError::user(format!(
                "Invalid value for option '{path}.{key}'. '{text}' is not a value of type {ty}."
            ))
        })
    }

    fn generator(
        &mut self,
        path: &str,
        ty: &LogicalType,
        part: u64,
    ) -> Result<Generator, ConnectorError> {
        let sequence = self
            .raw(path, "kind")
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("sequence"));
        let kind = if sequence {
            self.sequence(path, ty)?
        } else {
            self.random(path, ty)?
        };
        let null_rate: f64 = if sequence {
            0.0
        } else {
            self.number(path, "null-rate", &TypeKind::Double.into())?
                .unwrap_or(0.0)
        };
        if !(0.0..=1.0).contains(&null_rate) {
            return Err(ConnectorError::user(format!(
                "Option '{path}.null-rate' must lie between 0 and 1: {null_rate}"
            )));
        }
        Ok(Generator {
            ty: ty.clone(),
            kind,
            null_rate,
            salt: random::salt(0, part),
        })
    }

    fn sequence(&mut self, path: &str, ty: &LogicalType) -> Result<Kind, ConnectorError> {
        if !(ty.kind.is_numeric() || ty.kind.is_character()) {
            return Err(ConnectorError::user(format!(
                "Option '{path}.kind': a sequence cannot be of type {ty}, only a number or text."
            )));
        }
        let long = LogicalType::from(TypeKind::BigInt);
        let mut bound = |key: &str| {
            self.number::<i64>(path, key, &long)?.ok_or_else(|| {
                ConnectorError::user(format!(
                    "Could not find required property '{path}.{key}' for sequence generator."
                ))
            })
        };
        let (start, end) = (bound("start")?, bound("end")?);
        if start > end {
            return Err(ConnectorError::user(format!(
                "A sequence must not start after its end: '{path}.start' is {start}, '{path}.end' is {end}."
            )));
        }
        let rows = end.abs_diff(start).saturating_add(1);
        self.sequence_rows = Some(self.sequence_rows.map_or(rows, |r| r.min(rows)));
        Ok(Kind::Sequence { start })
    }

    fn random(&mut self, path: &str, ty: &LogicalType) -> Result<Kind, ConnectorError> {
        Ok(match &ty.kind {
            TypeKind::Boolean => Kind::Boolean,
            TypeKind::TinyInt => self.whole(path, ty, i8::MIN.into(), i8::MAX.into())?,
            TypeKind::SmallInt => self.whole(path, ty, i16::MIN.into(), i16::MAX.into())?,
            TypeKind::Int => self.whole(path, ty, i32::MIN.into(), i32::MAX.into())?,
            TypeKind::BigInt => self.whole(path, ty, i64::MIN, i64::MAX)?,
            TypeKind::IntervalYearMonth(_) => self.whole(path, ty, 0, TEN_THOUSAND_YEARS_MONTHS)?,
            TypeKind::IntervalDayTime(_) => self.whole(path, ty, 0, TEN_THOUSAND_YEARS_MS)?,
            TypeKind::Float => {
                let max = f64::from(f32::MAX);
                self.real(path, ty, -max, max)?
            }
            TypeKind::Double => self.real(path, ty, -f64::MAX, f64::MAX)?,
            TypeKind::Decimal { precision, scale } => {
                let limit = 10_f64.powi(i32::from(*precision) - i32::from(*scale));
                self.real(path, ty, 0.0, limit)?
            }
            TypeKind::Char(_)
            | TypeKind::VarChar(_)
            | TypeKind::Binary(_)
            | TypeKind::VarBinary(_) => self.text(path, ty)?,
            TypeKind::Date | TypeKind::Time(_) => Kind::Now {
                max_past: Duration::ZERO,
            },
            TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. } => self.now(path)?,
            TypeKind::Array(element) => {
                let length = self.length(path, 3)?;
                let element = self.generator(&format!("{path}.element"), element, 0)?;
                Kind::Array(length, Box::new(element))
            }
            TypeKind::Multiset(element) => {
                let length = self.length(path, 3)?;
                let element = self.generator(&format!("{path}.element"), element, 0)?;
                let count = Generator::count(random::salt(0, 1));
                Kind::Map(length, Box::new(element), Box::new(count))
            }
            TypeKind::Map(key, value) => {
                let length = self.length(path, 3)?;
                let key = self.generator(&format!("{path}.key"), key, 0)?;
                let value = self.generator(&format!("{path}.value"), value, 1)?;
                Kind::Map(length, Box::new(key), Box::new(value))
            }
            TypeKind::Row(fields) => {
                let parts = fields.iter().enumerate();
                let children = parts
                    .map(|(i, f)| self.generator(&format!("{path}.{}", f.name), &f.ty, i as u64));
                Kind::Row(children.collect::<Result<_, _>>()?)
            }
            _ => {
                return Err(ConnectorError::user(format!(
                    "Unsupported type {ty} for random generator of '{path}'."
                )));
            }
        })
    }

    fn whole(
        &mut self,
        path: &str,
        ty: &LogicalType,
        least: i64,
        greatest: i64,
    ) -> Result<Kind, ConnectorError> {
        let mut bound = |key: &str| -> Result<Option<i64>, ConnectorError> {
            let Some(value) = self.number::<i64>(path, key, ty)? else {
                return Ok(None);
            };
            if ty.kind.is_integer() && !(least..=greatest).contains(&value) {
                return Err(ConnectorError::user(format!(
                    "Invalid value for option '{path}.{key}'. {value} is not a value of type {ty}."
                )));
            }
            Ok(Some(value))
        };
        let min = bound("min")?.unwrap_or(least);
        let max = bound("max")?.unwrap_or(greatest);
        check_order(path, min <= max, &min, &max)?;
        Ok(Kind::Number(Number::Whole { min, max }))
    }

    fn real(
        &mut self,
        path: &str,
        ty: &LogicalType,
        least: f64,
        greatest: f64,
    ) -> Result<Kind, ConnectorError> {
        let min = self.number(path, "min", ty)?.unwrap_or(least);
        let max = self.number(path, "max", ty)?.unwrap_or(greatest);
        check_order(path, min <= max, &min, &max)?;
        Ok(Kind::Number(Number::Real { min, max }))
    }

    fn length(&mut self, path: &str, default: u32) -> Result<u32, ConnectorError> {
        let int = LogicalType::from(TypeKind::Int);
        let length: u32 = self.number(path, "length", &int)?.unwrap_or(default);
        // A row must fit into memory many times over.
        if length > 1 << 26 {
            return Err(ConnectorError::user(format!(
                "Option '{path}.length' is too large: {length}"
            )));
        }
        Ok(length)
    }

    fn text(&mut self, path: &str, ty: &LogicalType) -> Result<Kind, ConnectorError> {
        let (declared, fixed) = match ty.kind {
            TypeKind::Char(n) | TypeKind::Binary(n) => (n, true),
            TypeKind::VarChar(n) | TypeKind::VarBinary(n) => (n, false),
            _ => (0, true),
        };
        let unlimited = declared == filbert_types::logical_type::MAX_LENGTH;
        let default = if unlimited { 100 } else { declared };
        let given = self.raw(path, "length").is_some();
        if given && fixed {
            return Err(ConnectorError::user(format!(
                "Custom length for fixed-length type (CHAR/BINARY) field '{path}' is not supported."
            )));
        }
        let length = self.length(path, default)?;
        if length > declared {
            return Err(ConnectorError::user(format!(
                "Custom length '{length}' for variable-length type {ty} field '{path}' should be \
                 shorter than '{declared}' defined in the schema."
            )));
        }
        let var_len = self
            .raw(path, "var-len")
            .is_some_and(|v| v.trim().eq_ignore_ascii_case("true"));
        if var_len && fixed {
            return Err(ConnectorError::user(format!(
                "Option '{path}.var-len' needs a type of variable length, not {ty}."
            )));
        }
        Ok(Kind::Text { length, var_len })
    }

    fn now(&mut self, path: &str) -> Result<Kind, ConnectorError> {
        let max_past = match self.raw(path, "max-past") {
            None => Duration::ZERO,
            Some(text) => parse_duration(text).ok_or_else(|| {
                ConnectorError::user(format!("Option '{path}.max-past' is no duration: {text}"))
            })?,
        };
        Ok(Kind::Now { max_past })
    }

    /// Every option that begins with `fields.` must have meant something.
    fn check_all_used(&self) -> Result<(), ConnectorError> {
        let unused: Vec<&str> = self
            .options
            .iter()
            .map(|(key, _)| key)
            .filter(|key| key.starts_with("fields.") && !self.asked.iter().any(|a| a == key))
            .collect();
        let Some(first) = unused.first() else {
            return Ok(());
        };
        let hint = did_you_mean(first, self.asked.iter().map(String::as_str));
        Err(ConnectorError::user(format!(
            "Unsupported options found for 'datagen'.{hint}\n\nUnsupported options:\n\n{}\n\n\
             Supported options of the table's fields:\n\n{}",
            unused.join("\n"),
            self.asked.join("\n")
        )))
    }
}

fn check_order(
    path: &str,
    ordered: bool,
    min: &impl std::fmt::Display,
    max: &impl std::fmt::Display,
) -> Result<(), ConnectorError> {
    if ordered {
        return Ok(());
    }
    Err(ConnectorError::user(format!(
        "Lower bound '{path}.min' ({min}) must not be above the upper bound '{path}.max' ({max})."
    )))
}
