use filbert_types::logical_type::MAX_DECIMAL_PRECISION;
use filbert_types::{Field, LogicalType, TypeKind};

use crate::cast::integer_digits;

/// The least type that holds every value of these types, as CASE, VALUES, UNION and IN choose it; none where Flink
/// refuses to mix them.
pub fn common_type(types: &[LogicalType]) -> Option<LogicalType> {
    fold(types, Rules::Calcite)
}

/// As [`common_type`], as functions of Flink's new kind choose it: COALESCE, those of arrays and maps.
pub(crate) fn new_style_common_type(types: &[LogicalType]) -> Option<LogicalType> {
    fold(types, Rules::Flink)
}

/// Whose rules choose a common type.
#[derive(Clone, Copy, PartialEq)]
enum Rules {
    /// The least restrictive type of the validator.
    Calcite,
    /// `LogicalTypeMerging`: what it knows no rule for becomes the type that all the others are cast to silently.
    Flink,
}

fn fold(types: &[LogicalType], rules: Rules) -> Option<LogicalType> {
    let mut types = types.iter();
    let first = types.next()?.clone();
    types.try_fold(first, |a, b| rules.pair(&a, b))
}

impl Rules {
    fn pair(self, a: &LogicalType, b: &LogicalType) -> Option<LogicalType> {
        let kind = self.pair_kind(&a.kind, &b.kind)?;
        Some(LogicalType::new(kind, a.nullable || b.nullable))
    }

    fn pair_kind(self, a: &TypeKind, b: &TypeKind) -> Option<TypeKind> {
        use TypeKind::*;
        Some(match (a, b) {
            (a, b) if a == b => a.clone(),
            (Null, other) | (other, Null) => other.clone(),
            (Float, Double) if self == Rules::Flink => Double,
            (a, b) if a.is_numeric() && b.is_numeric() => numeric(a, b),
            (Char(a) | VarChar(a), Char(b) | VarChar(b)) => VarChar(*a.max(b)),
            (Binary(a) | VarBinary(a), Binary(b) | VarBinary(b)) => VarBinary(*a.max(b)),
            (Time(a), Time(b)) => Time(*a.max(b)),
            (Timestamp { precision: a, .. }, Timestamp { precision: b, .. }) => {
                TypeKind::timestamp(*a.max(b))
            }
            (TimestampLtz { precision: a, .. }, TimestampLtz { precision: b, .. }) => {
                TypeKind::timestamp_ltz(*a.max(b))
            }
            (Timestamp { precision: a, .. }, TimestampLtz { precision: b, .. })
            | (TimestampLtz { precision: a, .. }, Timestamp { precision: b, .. }) => {
                TypeKind::timestamp(*a.max(b))
            }
            (IntervalYearMonth(a), IntervalYearMonth(_)) => IntervalYearMonth(*a),
            (IntervalDayTime(a), IntervalDayTime(_)) => IntervalDayTime(*a),
            (Array(a), Array(b)) => Array(Box::new(self.pair(a, b)?)),
            (Multiset(a), Multiset(b)) => Multiset(Box::new(self.pair(a, b)?)),
            (Map(ak, av), Map(bk, bv)) => {
                Map(Box::new(self.pair(ak, bk)?), Box::new(self.pair(av, bv)?))
            }
            (Row(a), Row(b)) if a.len() == b.len() => Row(a
                .iter()
                .zip(b)
                .map(|(a, b)| Some(Field::new(&a.name, self.pair(&a.ty, &b.ty)?)))
                .collect::<Option<Vec<Field>>>()?),
            (day @ (Date | Time(_)), Timestamp { .. })
            | (Timestamp { .. }, day @ (Date | Time(_)))
                if self == Rules::Flink =>
            {
                day.clone()
            }
            _ => return None,
        })
    }
}

fn numeric(a: &TypeKind, b: &TypeKind) -> TypeKind {
    use TypeKind::*;
    match (a, b) {
        // Of two approximate types the first wins, as Flink has it.
        (Float, Double) => Float,
        (Double, _) | (_, Double) => Double,
        // An exact number beside FLOAT: DECIMAL gives DOUBLE, integers FLOAT.
        (Float, Decimal { .. }) | (Decimal { .. }, Float) => Double,
        (Float, _) | (_, Float) => Float,
        (Decimal { .. }, _) | (_, Decimal { .. }) => {
            let ((p1, s1), (p2, s2)) = (digits(a), digits(b));
            let scale = s1.max(s2);
            let integer = (p1 - s1).max(p2 - s2);
            let scale = scale.min(MAX_DECIMAL_PRECISION - integer);
            TypeKind::decimal(integer + scale, scale)
        }
        _ => {
            if integer_digits(a) >= integer_digits(b) {
                a.clone()
            } else {
                b.clone()
            }
        }
    }
}

/// The precision and scale that an exact number has as a DECIMAL.
pub(crate) fn digits(kind: &TypeKind) -> (u8, u8) {
    match kind {
        TypeKind::Decimal { precision, scale } => (*precision, *scale),
        kind => (integer_digits(kind), 0),
    }
}
