use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::{Column, DFSchema};
use filbert_binder::{ColumnTypes, uniquify};
use filbert_types::logical_type::IntervalFields;
use filbert_types::{Field, LogicalType, TypeKind};

use crate::error::PlanError;

/// A column between operators: by which name expressions find it, the name that is shown, its type, and the window
/// bound that it holds where it is one.
#[derive(Debug, Clone)]
pub(crate) struct PlanColumn {
    pub column: Column,
    pub name: String,
    pub ty: LogicalType,
    pub window: Option<WindowBound>,
}

/// What a window TVF's column holds, and of which node of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WindowBound {
    pub which: filbert_graph::spec::WindowColumn,
    pub window: usize,
}

impl PlanColumn {
    pub fn new(column: Column, ty: LogicalType) -> PlanColumn {
        PlanColumn {
            name: shown_name(&column.name).to_owned(),
            column,
            ty,
            window: None,
        }
    }

    pub fn field(&self) -> Field {
        Field::new(&self.name, self.ty.clone())
    }
}

/// Tells columns of one name apart as Flink does: the second `k` is shown as `k0`.
pub(crate) fn tell_apart(columns: &mut [PlanColumn]) {
    let names = uniquify(columns.iter().map(|column| column.name.as_str()));
    for (column, name) in columns.iter_mut().zip(names) {
        column.name = name;
    }
}

/// The user's part of an internal name: `n` of `n#3`.
pub(crate) fn shown_name(internal: &str) -> &str {
    match internal.rsplit_once('#') {
        Some((name, number))
            if !name.is_empty()
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            name
        }
        _ => internal,
    }
}

/// The row type that expressions over these columns are compiled against.
pub(crate) fn df_schema(columns: &[PlanColumn]) -> Result<DFSchema, PlanError> {
    let fields = columns
        .iter()
        .map(|c| {
            let field = c.ty.arrow_field(&c.column.name);
            (c.column.relation.clone(), Arc::new(field))
        })
        .collect();
    Ok(DFSchema::new_with_metadata(fields, HashMap::new())?)
}

/// The type that the binder gave a column; a column that a rule made is typed by what carries it.
pub(crate) fn column_type(types: &ColumnTypes, column: &Column, arrow: &DataType) -> LogicalType {
    match types.get(column) {
        Some(ty) if ty.arrow() == *arrow => ty.clone(),
        _ => LogicalType::from(kind_of(arrow)),
    }
}

/// The name of the SQL type that is carried by an Arrow type.
pub(crate) fn shown_type(arrow: &DataType) -> LogicalType {
    LogicalType::from(kind_of(arrow))
}

fn kind_of(arrow: &DataType) -> TypeKind {
    match arrow {
        DataType::Null => TypeKind::Null,
        DataType::Boolean => TypeKind::Boolean,
        DataType::Int8 | DataType::UInt8 => TypeKind::TinyInt,
        DataType::Int16 | DataType::UInt16 => TypeKind::SmallInt,
        DataType::Int32 | DataType::UInt32 => TypeKind::Int,
        DataType::Int64 | DataType::UInt64 => TypeKind::BigInt,
        DataType::Float16 | DataType::Float32 => TypeKind::Float,
        DataType::Float64 => TypeKind::Double,
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => TypeKind::decimal(*p, u8::try_from(*s).unwrap_or(0)),
        DataType::Date32 | DataType::Date64 => TypeKind::Date,
        DataType::Time32(_) | DataType::Time64(_) => TypeKind::Time(3),
        DataType::Timestamp(unit, zone) => {
            let precision = precision_of(*unit);
            if zone.is_some() {
                TypeKind::timestamp_ltz(precision)
            } else {
                TypeKind::timestamp(precision)
            }
        }
        DataType::Duration(_) | DataType::Interval(IntervalUnit::DayTime) => {
            TypeKind::IntervalDayTime(IntervalFields::DayToSecond {
                precision: 2,
                fraction: 3,
            })
        }
        DataType::Interval(_) => TypeKind::IntervalYearMonth(IntervalFields::Month),
        DataType::List(f) | DataType::LargeList(f) | DataType::ListView(f) => {
            TypeKind::Array(Box::new(kind_of(f.data_type()).into()))
        }
        DataType::Struct(fields) => TypeKind::Row(
            fields
                .iter()
                .map(|f| Field::new(f.name(), kind_of(f.data_type()).into()))
                .collect(),
        ),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(kv) if kv.len() == 2 => TypeKind::Map(
                Box::new(LogicalType::not_null(kind_of(kv[0].data_type()))),
                Box::new(kind_of(kv[1].data_type()).into()),
            ),
            _ => TypeKind::BYTES,
        },
        DataType::Binary
        | DataType::BinaryView
        | DataType::LargeBinary
        | DataType::FixedSizeBinary(_) => TypeKind::BYTES,
        _ => TypeKind::STRING,
    }
}

const fn precision_of(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_names_show_the_users_part() {
        assert_eq!(shown_name("EXPR$0#12"), "EXPR$0");
        assert_eq!(shown_name("a#b"), "a#b");
        assert_eq!(shown_name("#1"), "#1");
        assert_eq!(shown_name("k"), "k");
    }
}
