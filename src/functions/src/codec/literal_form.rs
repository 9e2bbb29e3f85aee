use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, new_empty_array, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, FieldRef, IntervalDayTime, IntervalMonthDayNano, IntervalUnit};
use datafusion::common::{Result, ScalarValue, plan_err};
use serde_json::{Value, json};

use super::form::LiteralForm;

pub(super) fn type_text(ty: &DataType) -> String {
    ty.to_string()
}

pub(super) fn type_of_text(text: &str) -> Result<DataType> {
    match DataType::from_str(text) {
        Ok(ty) => Ok(ty),
        Err(e) => plan_err!("'{text}' is no type: {e}"),
    }
}

pub(super) fn write(value: &ScalarValue) -> Result<LiteralForm> {
    Ok(LiteralForm {
        ty: type_text(&value.data_type()),
        value: json_of(value)?,
    })
}

pub(super) fn read(form: &LiteralForm) -> Result<ScalarValue> {
    value_of(&type_of_text(&form.ty)?, &form.value)
}

fn json_of(value: &ScalarValue) -> Result<Value> {
    use ScalarValue as S;
    if value.is_null() {
        return Ok(Value::Null);
    }
    Ok(match value {
        S::Boolean(Some(v)) => json!(v),
        S::Int8(Some(v)) => json!(v),
        S::Int16(Some(v)) => json!(v),
        S::Int32(Some(v)) | S::Date32(Some(v)) | S::Time32Millisecond(Some(v)) => json!(v),
        S::Int64(Some(v))
        | S::Time64Microsecond(Some(v))
        | S::Time64Nanosecond(Some(v))
        | S::TimestampSecond(Some(v), _)
        | S::TimestampMillisecond(Some(v), _)
        | S::TimestampMicrosecond(Some(v), _)
        | S::TimestampNanosecond(Some(v), _)
        | S::DurationMillisecond(Some(v))
        | S::DurationMicrosecond(Some(v)) => json!(v),
        S::UInt8(Some(v)) => json!(v),
        S::UInt16(Some(v)) => json!(v),
        S::UInt32(Some(v)) => json!(v),
        S::UInt64(Some(v)) => json!(v),
        // Rust prints the shortest text that reads back as the same number.
        S::Float32(Some(v)) => json!(format!("{v:?}")),
        S::Float64(Some(v)) => json!(format!("{v:?}")),
        S::Utf8(Some(v)) | S::LargeUtf8(Some(v)) | S::Utf8View(Some(v)) => json!(v),
        S::Binary(Some(v)) | S::LargeBinary(Some(v)) | S::BinaryView(Some(v)) => json!(hex(v)),
        S::Decimal128(Some(v), ..) => json!(v.to_string()),
        S::IntervalYearMonth(Some(v)) => json!(v),
        S::IntervalDayTime(Some(v)) => json!([v.days, v.milliseconds]),
        S::IntervalMonthDayNano(Some(v)) => json!([v.months, v.days, v.nanoseconds]),
        S::List(list) => elements(&list.value(0))?,
        S::Map(map) => elements(&(Arc::new(map.value(0)) as ArrayRef))?,
        S::Struct(row) => {
            let columns = row.columns().iter();
            let values = columns.map(|c| json_of(&ScalarValue::try_from_array(c, 0)?));
            Value::Array(values.collect::<Result<_>>()?)
        }
        other => return plan_err!("A literal of type {} can't be written", other.data_type()),
    })
}

fn elements(array: &ArrayRef) -> Result<Value> {
    let values = (0..array.len()).map(|i| json_of(&ScalarValue::try_from_array(array, i)?));
    Ok(Value::Array(values.collect::<Result<_>>()?))
}

fn value_of(ty: &DataType, value: &Value) -> Result<ScalarValue> {
    use ScalarValue as S;
    if value.is_null() {
        return ScalarValue::try_from(ty);
    }
    let wrong = || plan_err!("{value} is no literal of type {ty}");
    let found = match ty {
        DataType::Boolean => value.as_bool().map(|v| S::Boolean(Some(v))),
        DataType::Float32 => parsed(value).map(|v| S::Float32(Some(v))),
        DataType::Float64 => parsed(value).map(|v| S::Float64(Some(v))),
        DataType::Decimal128(p, s) => parsed(value).map(|v| S::Decimal128(Some(v), *p, *s)),
        DataType::Utf8 => text(value).map(|v| S::Utf8(Some(v))),
        DataType::LargeUtf8 => text(value).map(|v| S::LargeUtf8(Some(v))),
        DataType::Utf8View => text(value).map(|v| S::Utf8View(Some(v))),
        DataType::Binary => bytes(value).map(|v| S::Binary(Some(v))),
        DataType::LargeBinary => bytes(value).map(|v| S::LargeBinary(Some(v))),
        DataType::BinaryView => bytes(value).map(|v| S::BinaryView(Some(v))),
        DataType::UInt64 => value.as_u64().map(|v| S::UInt64(Some(v))),
        DataType::Interval(unit) => interval(*unit, value),
        DataType::List(field) => {
            let Some(values) = value.as_array() else {
                return wrong();
            };
            let items = array_of(field, values)?;
            let offsets = OffsetBuffer::from_lengths([values.len()]);
            let list = ListArray::try_new(Arc::clone(field), offsets, items, None)?;
            Some(S::List(Arc::new(list)))
        }
        DataType::Map(field, sorted) => {
            let Some(values) = value.as_array() else {
                return wrong();
            };
            let entries = array_of(field, values)?;
            let offsets = OffsetBuffer::from_lengths([values.len()]);
            let entries = entries.as_struct().clone();
            let map = MapArray::try_new(Arc::clone(field), offsets, entries, None, *sorted)?;
            Some(S::Map(Arc::new(map)))
        }
        DataType::Struct(fields) => match value.as_array() {
            Some(values) if values.len() == fields.len() => {
                let columns = fields.iter().zip(values);
                let columns = columns.map(|(f, v)| array_of(f, std::slice::from_ref(v)));
                let columns = columns.collect::<Result<_>>()?;
                let row = StructArray::try_new_with_length(fields.clone(), columns, None, 1)?;
                Some(S::Struct(Arc::new(row)))
            }
            _ => None,
        },
        DataType::Time32(_) => small(value).and_then(|v| S::Int32(Some(v)).cast_to(ty).ok()),
        // Whole numbers, and the times that are carried by one.
        _ => value
            .as_i64()
            .and_then(|v| S::Int64(Some(v)).cast_to(ty).ok()),
    };
    match found {
        Some(found) => Ok(found),
        None => wrong(),
    }
}

fn small(value: &Value) -> Option<i32> {
    i32::try_from(value.as_i64()?).ok()
}

fn interval(unit: IntervalUnit, value: &Value) -> Option<ScalarValue> {
    let int = |number: i64| i32::try_from(number).ok();
    match (unit, parts(value).as_deref()) {
        (IntervalUnit::DayTime, Some([days, ms])) => {
            let interval = IntervalDayTime::new(int(*days)?, int(*ms)?);
            Some(ScalarValue::IntervalDayTime(Some(interval)))
        }
        (IntervalUnit::MonthDayNano, Some([months, days, nanos])) => {
            let interval = IntervalMonthDayNano::new(int(*months)?, int(*days)?, *nanos);
            Some(ScalarValue::IntervalMonthDayNano(Some(interval)))
        }
        (IntervalUnit::YearMonth, _) => Some(ScalarValue::IntervalYearMonth(Some(small(value)?))),
        _ => None,
    }
}

fn array_of(field: &FieldRef, values: &[Value]) -> Result<ArrayRef> {
    let ty = field.data_type();
    if values.is_empty() {
        return Ok(new_empty_array(ty));
    }
    if values.iter().all(Value::is_null) {
        return Ok(new_null_array(ty, values.len()));
    }
    let scalars = values.iter().map(|v| value_of(ty, v));
    ScalarValue::iter_to_array(scalars.collect::<Result<Vec<_>>>()?)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn parsed<T: FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

fn parts(value: &Value) -> Option<Vec<i64>> {
    value.as_array()?.iter().map(Value::as_i64).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    let text = value.as_str()?.as_bytes();
    let pairs = text.chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Field;

    use super::*;

    fn check(value: ScalarValue) {
        let form = write(&value).unwrap();
        let text = serde_json::to_string(&form).unwrap();
        let back = read(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(back.data_type(), value.data_type(), "{text}");
        // NaN is not equal to itself.
        assert_eq!(format!("{back:?}"), format!("{value:?}"), "{text}");
    }

    #[test]
    fn literals_read_back_as_themselves() {
        use ScalarValue as S;
        let utc: Option<Arc<str>> = Some("UTC".into());
        for value in [
            S::Null,
            S::Boolean(Some(true)),
            S::Int8(Some(i8::MIN)),
            S::Int32(None),
            S::Int64(Some(i64::MIN)),
            S::UInt64(Some(u64::MAX)),
            S::Float32(Some(f32::MIN_POSITIVE)),
            S::Float64(Some(0.1 + 0.2)),
            S::Float64(Some(f64::NAN)),
            S::Float64(Some(f64::NEG_INFINITY)),
            S::Float64(Some(-0.0)),
            S::Utf8View(Some("it's \u{1F600}\n".to_owned())),
            S::BinaryView(Some(vec![0, 255, 16])),
            S::Binary(Some(Vec::new())),
            S::Decimal128(Some(i128::MAX), 38, 10),
            S::Decimal128(None, 38, 10),
            S::Date32(Some(-1)),
            S::Time32Millisecond(Some(86_399_999)),
            S::TimestampMillisecond(Some(1), None),
            S::TimestampMicrosecond(Some(-1), utc.clone()),
            S::TimestampNanosecond(Some(i64::MAX), utc),
            S::IntervalYearMonth(Some(-14)),
            S::IntervalDayTime(Some(IntervalDayTime::new(-1, 5))),
            S::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(1, 2, i64::MAX))),
            S::DurationMillisecond(Some(5)),
        ] {
            check(value);
        }
    }

    #[test]
    fn nested_literals_read_back_as_themselves() {
        let item = |nullable| Arc::new(Field::new("item", DataType::Int32, nullable));
        let list = DataType::List(item(true));
        for values in ["[1, null, 3]", "[]", "[null]", "null"] {
            let value = value_of(&list, &serde_json::from_str(values).unwrap()).unwrap();
            check(value);
        }
        let row = DataType::Struct(
            vec![
                Field::new("a", DataType::Utf8View, true),
                Field::new("b", list, true),
            ]
            .into(),
        );
        let value = value_of(&row, &json!(["x", [1, 2]])).unwrap();
        check(value);
        let entries = DataType::Struct(
            vec![
                Field::new("key", DataType::Utf8View, false),
                Field::new("value", DataType::Int64, true),
            ]
            .into(),
        );
        let map = DataType::Map(Arc::new(Field::new("entries", entries, false)), false);
        check(value_of(&map, &json!([["a", 1], ["b", null]])).unwrap());
    }

    #[test]
    fn nonsense_is_refused() {
        let form = |ty: &str, value: Value| LiteralForm {
            ty: ty.to_owned(),
            value,
        };
        assert!(read(&form("Int32", json!("x"))).is_err());
        assert!(read(&form("Int8", json!(1000))).is_err());
        assert!(read(&form("Nonsense", json!(1))).is_err());
        assert!(read(&form("Binary", json!("zz"))).is_err());
    }
}
