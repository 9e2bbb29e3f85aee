//! DATE_FORMAT, FROM_UNIXTIME, UNIX_TIMESTAMP, CONVERT_TZ.

use arrow::array::ArrayRef;
use arrow::datatypes::Int64Type;
use datafusion::common::Result;
use filbert_types::{LogicalType, TypeKind};

use super::{Timestamps, zone_of};
use crate::CallError;
use crate::definition::{Determinism, Function, Inferred};
use crate::java::cache::Cached;
use crate::java::date_time_formatter::{DateTime, DateTimeFormatter};
use crate::java::simple_date_format::SimpleDateFormat;
use crate::java::sql_date::DAY_MS;
use crate::java::zone::{Zone, time_zone};
use crate::kernel::{Call, fail};
use crate::signature::{BIGINT, CallArgs, Family, Param, STRING};

/// What is read and written where no pattern is given.
pub(super) const DEFAULT_PATTERN: &str = "yyyy-MM-dd HH:mm:ss";

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "DATE_FORMAT",
        &[
            "DATE_FORMAT(<TIMESTAMP>, <CHARACTER>)",
            "DATE_FORMAT(<CHARACTER>, <CHARACTER>)",
        ],
        "The timestamp, or a text of the form yyyy-MM-dd HH:mm:ss, written in another format.",
        infer_date_format,
        date_format,
    )
    .fallible(),
    Function::kernel(
        "FROM_UNIXTIME",
        &[
            "FROM_UNIXTIME(<INTEGER>)",
            "FROM_UNIXTIME(<INTEGER>, <CHARACTER>)",
        ],
        "The moment so many seconds after the epoch, written in the session's time zone.",
        |call| {
            let types = call.matches(&[&[BIGINT], &[BIGINT, STRING]])?;
            Ok(call.returns_nullable(types, TypeKind::STRING))
        },
        from_unixtime,
    )
    .fallible(),
    Function::kernel(
        "UNIX_TIMESTAMP",
        &[
            "UNIX_TIMESTAMP()",
            "UNIX_TIMESTAMP(<CHARACTER>)",
            "UNIX_TIMESTAMP(<CHARACTER>, <CHARACTER>)",
        ],
        "The seconds since the epoch: now, or at a time written in the session's time zone.",
        infer_unix_timestamp,
        unix_timestamp,
    )
    .determinism(Determinism::PerQuery)
    .fallible(),
    Function::kernel(
        "CONVERT_TZ",
        &["CONVERT_TZ(<CHARACTER>, <CHARACTER>, <CHARACTER>)"],
        "A time of the form yyyy-MM-dd HH:mm:ss, taken from one time zone to another.",
        |call| {
            let types = call.matches(&[&[STRING, STRING, STRING]])?;
            Ok(call.returns_nullable(types, TypeKind::STRING))
        },
        convert_tz,
    ),
];

fn infer_date_format(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let timestamp = Param::of(Family::AnyTimestamp);
    let types = call.matches(&[&[timestamp, STRING], &[STRING, STRING]])?;
    Ok(call.returns_nullable(types, TypeKind::STRING))
}

fn infer_unix_timestamp(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[], &[STRING], &[STRING, STRING]])?;
    let nullable = types.iter().any(|t| t.nullable);
    Ok(call.returns_type(types, LogicalType::new(TypeKind::BigInt, nullable)))
}

fn date_format(call: &Call<'_>) -> Result<ArrayRef> {
    let kind = &call.arg_types[0].kind;
    if kind.is_character() {
        return format_text(call);
    }
    let source = Timestamps::of(call, 0)?;
    let pattern = call.strings(1)?;
    let zone = zone_of(call, kind);
    let mut formatters = Cached::default();
    // Times in a row are often the same: they need not be written anew.
    let mut last: Option<((i64, i64), &str, String)> = None;
    call.strict_strings(|row, out| {
        let Some((ms, ns)) = source.get(row) else {
            return Ok(false);
        };
        let pattern = pattern.value(row);
        if let Some((time, of, text)) = &last
            && *time == (ms, ns)
            && std::ptr::eq(*of, pattern)
        {
            out.push_str(text);
            return Ok(true);
        }
        let formatter = formatters
            .get(pattern, "", DateTimeFormatter::new)
            .as_ref()
            .map_err(|e| fail(format!("DATE_FORMAT: {e}")))?;
        let offset = i64::from(zone.offset_at(ms.div_euclid(1000)));
        let local = ms + offset * 1000;
        let of_day = local.rem_euclid(DAY_MS);
        let value = DateTime {
            days: local.div_euclid(DAY_MS),
            second_of_day: of_day / 1000,
            nano: of_day % 1000 * 1_000_000 + ns,
        };
        formatter
            .format(value, out)
            .map_err(|e| fail(format!("DATE_FORMAT: {e}")))?;
        match &mut last {
            Some((time, of, text)) => {
                (*time, *of) = ((ms, ns), pattern);
                text.clone_from(out);
            }
            None => last = Some(((ms, ns), pattern, out.clone())),
        }
        Ok(true)
    })
}

fn simple<'c, 'k>(
    formats: &'c mut Cached<'k, SimpleDateFormat>,
    pattern: &'k str,
    name: &str,
) -> Result<&'c SimpleDateFormat> {
    formats
        .get(pattern, "", SimpleDateFormat::new)
        .as_ref()
        .map_err(|e| fail(format!("{name}: {e}")))
}

/// From and to texts, in the same zone, so that it doesn't matter which.
fn format_text(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, pattern) = (call.strings(0)?, call.strings(1)?);
    let zone = Zone::from(call.session.time_zone);
    let reader = SimpleDateFormat::new(DEFAULT_PATTERN).map_err(fail)?;
    let mut formats = Cached::default();
    call.strict_strings(|row, out| {
        let Some(ms) = reader.parse(text.value(row), zone) else {
            return Ok(false);
        };
        simple(&mut formats, pattern.value(row), call.name)?.format(ms, zone, out);
        Ok(true)
    })
}

fn from_unixtime(call: &Call<'_>) -> Result<ArrayRef> {
    let seconds = call.bigints(0)?;
    let pattern = match call.args.len() {
        2 => Some(call.strings(1)?),
        _ => None,
    };
    let zone = Zone::from(call.session.time_zone);
    let mut formats = Cached::default();
    call.strict_strings(|row, out| {
        let pattern = pattern.as_ref().map_or(DEFAULT_PATTERN, |p| p.value(row));
        let ms = seconds.value(row).wrapping_mul(1000);
        simple(&mut formats, pattern, call.name)?.format(ms, zone, out);
        Ok(true)
    })
}

fn unix_timestamp(call: &Call<'_>) -> Result<ArrayRef> {
    if call.args.is_empty() {
        let now = super::current::now_us(call).div_euclid(1_000_000);
        return call.build::<Int64Type>(|_| Ok(Some(now)));
    }
    let text = call.strings(0)?;
    let pattern = match call.args.len() {
        2 => Some(call.strings(1)?),
        _ => None,
    };
    let zone = Zone::from(call.session.time_zone);
    let mut formats = Cached::default();
    call.strict::<Int64Type>(|row| {
        let pattern = pattern.as_ref().map_or(DEFAULT_PATTERN, |p| p.value(row));
        let format = simple(&mut formats, pattern, call.name)?;
        let parsed = format.parse(text.value(row), zone);
        Ok(Some(parsed.map_or(i64::MIN, |ms| ms / 1000)))
    })
}

fn zone_named<'k>(zones: &mut Cached<'k, Zone>, name: &'k str) -> Zone {
    match zones.get(name, "", |id| Ok(time_zone(id))) {
        Ok(zone) => *zone,
        Err(_) => crate::java::zone::UTC,
    }
}

fn convert_tz(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, from, to) = (call.strings(0)?, call.strings(1)?, call.strings(2)?);
    let format = SimpleDateFormat::new(DEFAULT_PATTERN).map_err(fail)?;
    let mut zones = Cached::default();
    call.strict_strings(|row, out| {
        let Some(ms) = format.parse(text.value(row), zone_named(&mut zones, from.value(row)))
        else {
            return Ok(false);
        };
        format.format(ms, zone_named(&mut zones, to.value(row)), out);
        Ok(true)
    })
}
