use filbert_types::logical_type::IntervalFields;
use filbert_types::{LogicalType, TypeKind};

/// The type as Flink's validator names it in errors: `INTEGER`, `CHAR(3)`, `INTEGER ARRAY`.
pub fn validator_name(ty: &LogicalType) -> String {
    match &ty.kind {
        TypeKind::Int => "INTEGER".to_string(),
        TypeKind::VarChar(n) => format!("VARCHAR({n})"),
        TypeKind::VarBinary(n) => format!("VARBINARY({n})"),
        TypeKind::TimestampLtz { precision, .. } => {
            format!("TIMESTAMP_WITH_LOCAL_TIME_ZONE({precision})")
        }
        TypeKind::Timestamp { precision, .. } => format!("TIMESTAMP({precision})"),
        TypeKind::IntervalYearMonth(fields) | TypeKind::IntervalDayTime(fields) => {
            format!("INTERVAL {}", interval_name(fields))
        }
        TypeKind::Array(element) => format!("{} ARRAY", validator_name(element)),
        TypeKind::Multiset(element) => format!("{} MULTISET", validator_name(element)),
        TypeKind::Map(key, value) => {
            format!("({}, {}) MAP", validator_name(key), validator_name(value))
        }
        TypeKind::Row(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|f| format!("{} {}", validator_name(&f.ty), f.name))
                .collect();
            format!("RecordType({})", fields.join(", "))
        }
        kind => LogicalType::from(kind.clone()).to_string(),
    }
}

fn interval_name(fields: &IntervalFields) -> String {
    let text = fields.to_string();
    let mut name = String::new();
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            c if depth == 0 => name.push(c),
            _ => {}
        }
    }
    name
}
