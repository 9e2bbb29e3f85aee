//! CURRENT_TIMESTAMP and its relatives: one instant for a whole query in batch mode, each batch's own in streaming.

use arrow::array::ArrayRef;
use arrow::datatypes::{Date32Type, Time32MillisecondType};
use datafusion::common::Result;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use filbert_types::logical_type::TimeKind;
use filbert_types::{LogicalType, TypeKind};

use super::build_timestamps;
use crate::CallError;
use crate::definition::{Determinism, Function, Inferred};
use crate::java::sql_date::DAY_MS;
use crate::java::zone::Zone;
use crate::kernel::Call;
use crate::signature::CallArgs;

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "CURRENT_TIMESTAMP",
        &["CURRENT_TIMESTAMP", "NOW()"],
        "Now, as TIMESTAMP_LTZ(3).",
        |call| nullary(call, TypeKind::timestamp_ltz(3)),
        current_timestamp,
    )
    .aliases(&["NOW"])
    .determinism(Determinism::PerQuery),
    Function::kernel(
        "CURRENT_ROW_TIMESTAMP",
        &["CURRENT_ROW_TIMESTAMP()"],
        "Now, as TIMESTAMP_LTZ(3), evaluated for each record.",
        |call| nullary(call, TypeKind::timestamp_ltz(3)),
        row_timestamp,
    )
    .determinism(Determinism::Never),
    Function::kernel(
        "PROCTIME",
        &["PROCTIME()"],
        "The processing time attribute.",
        |call| {
            nullary(
                call,
                TypeKind::TimestampLtz {
                    precision: 3,
                    kind: TimeKind::Proctime,
                },
            )
        },
        row_timestamp,
    )
    .determinism(Determinism::Never),
    Function::kernel(
        "CURRENT_WATERMARK",
        &["CURRENT_WATERMARK(<ROWTIME>)"],
        "The watermark before the row, of precision 3; NULL where none has come.",
        current_watermark_type,
        no_watermark,
    )
    .determinism(Determinism::Never),
    Function::kernel(
        "LOCALTIMESTAMP",
        &["LOCALTIMESTAMP"],
        "Now in the session's time zone, as TIMESTAMP(3).",
        |call| nullary(call, TypeKind::timestamp(3)),
        |call| {
            let local = local_ms(call);
            build_timestamps(call, |_| Ok(Some((local, 0))))
        },
    )
    .determinism(Determinism::PerQuery),
    Function::kernel(
        "CURRENT_DATE",
        &["CURRENT_DATE"],
        "Today in the session's time zone.",
        |call| nullary(call, TypeKind::Date),
        |call| {
            let day = local_ms(call).div_euclid(DAY_MS) as i32;
            call.build::<Date32Type>(|_| Ok(Some(day)))
        },
    )
    .determinism(Determinism::PerQuery),
    Function::kernel(
        "CURRENT_TIME",
        &["CURRENT_TIME", "LOCALTIME"],
        "The time of the day in the session's time zone, as TIME(0).",
        |call| nullary(call, TypeKind::Time(0)),
        |call| {
            let ms = local_ms(call).rem_euclid(DAY_MS);
            let second = (ms - ms % 1000) as i32;
            call.build::<Time32MillisecondType>(|_| Ok(Some(second)))
        },
    )
    .aliases(&["LOCALTIME"])
    .determinism(Determinism::PerQuery),
    Function::expand(
        "CURRENT_DATABASE",
        &["CURRENT_DATABASE()"],
        "The name of the current database.",
        |call| nullary(call, TypeKind::STRING),
        |ctx, _, _| {
            let name = ScalarValue::Utf8View(Some(ctx.current_database.clone()));
            Ok(Expr::Literal(name, None))
        },
    ),
];

fn nullary(call: &CallArgs<'_>, kind: TypeKind) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[]])?;
    Ok(call.returns_type(types, LogicalType::not_null(kind)))
}

/// Microseconds since the epoch: of the query's beginning in batch mode, of this evaluation in streaming.
pub(super) fn now_us(call: &Call<'_>) -> i64 {
    if call.session.batch && call.session.query_start_us != 0 {
        call.session.query_start_us
    } else {
        call.clock.now_ms().saturating_mul(1000)
    }
}

fn local_ms(call: &Call<'_>) -> i64 {
    let ms = now_us(call).div_euclid(1000);
    let zone = Zone::from(call.session.time_zone);
    ms + 1000 * i64::from(zone.offset_at(ms.div_euclid(1000)))
}

fn current_watermark_type(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let [rowtime] = call.args else {
        return Err(call.unknown());
    };
    let ty = &rowtime.ty;
    let is_rowtime = ty.kind.time_kind() == TimeKind::Rowtime;
    if !ty.kind.is_timestamp() || !is_rowtime && !call.ctx.batch {
        return Err(CallError::Invalid(format!(
            "The argument of CURRENT_WATERMARK() must be a rowtime attribute, but was '{ty}'."
        )));
    }
    let result = match ty.kind {
        TypeKind::TimestampLtz { .. } => TypeKind::timestamp_ltz(3),
        _ => TypeKind::timestamp(3),
    };
    Ok(call.returns_type(vec![ty.clone()], result.into()))
}

/// In streaming mode Calc puts the watermark in the call's place; batch mode has none.
fn no_watermark(call: &Call<'_>) -> Result<ArrayRef> {
    if call.session.batch {
        return build_timestamps(call, |_| Ok(None));
    }
    datafusion::common::exec_err!(
        "CURRENT_WATERMARK can only be used in a select list and in WHERE"
    )
}

fn current_timestamp(call: &Call<'_>) -> Result<ArrayRef> {
    let ms = now_us(call).div_euclid(1000);
    build_timestamps(call, |_| Ok(Some((ms, 0))))
}

fn row_timestamp(call: &Call<'_>) -> Result<ArrayRef> {
    let ms = call.clock.now_ms();
    build_timestamps(call, |_| Ok(Some((ms, 0))))
}
