use filbert_types::{Field, LogicalType, TypeKind};

/// Whether Flink converts one type to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CastSupport {
    /// By itself, in INSERT and in arguments, as well as by CAST.
    Implicit,
    /// By CAST alone.
    Explicit,
    Refused,
    /// Refused with words of its own.
    RefusedBecause(&'static str),
}

impl CastSupport {
    pub fn is_possible(self) -> bool {
        matches!(self, CastSupport::Implicit | CastSupport::Explicit)
    }
}

const TIMESTAMP_TO_NUMERIC: &str = "The cast from TIMESTAMP type to NUMERIC type is not allowed. It's recommended to use UNIX_TIMESTAMP(CAST(timestamp_col AS STRING)) instead.";
const NUMERIC_TO_TIMESTAMP: &str = "The cast from NUMERIC type to TIMESTAMP type is not allowed. It's recommended to use TO_TIMESTAMP(FROM_UNIXTIME(numeric_col)) instead, note the numeric is in seconds.";
const LTZ_TO_NUMERIC: &str = "The cast from TIMESTAMP_LTZ type to NUMERIC type is not allowed. It's recommended to use UNIX_TIMESTAMP(CAST(timestamp_ltz_col AS STRING)) instead.";
const NUMERIC_TO_LTZ: &str = "The cast from NUMERIC type to TIMESTAMP_LTZ type is not allowed. It's recommended to use TO_TIMESTAMP_LTZ(numeric_col, precision) instead.";

/// Flink's cast matrix.
pub fn support(from: &LogicalType, to: &LogicalType) -> CastSupport {
    use CastSupport::{Explicit, Implicit, Refused, RefusedBecause};
    use TypeKind::*;
    let (f, t) = (&from.kind, &to.kind);
    if f == t || matches!(f, Null) {
        return Implicit;
    }
    match (f, t) {
        (_, Null | Symbol | Descriptor) => Refused,
        (Char(_) | VarChar(_), VarChar(_)) | (Char(_), Char(_)) => Implicit,
        (VarChar(_), Char(_)) => Explicit,
        (Char(_) | VarChar(_), Array(_) | Map(..) | Multiset(_) | Row(_) | Structured { .. }) => {
            Refused
        }
        (Char(_) | VarChar(_), Variant | Bitmap | Raw { .. }) => Refused,
        (Char(_) | VarChar(_), IntervalYearMonth(_) | IntervalDayTime(_)) => {
            RefusedBecause("Unsupported cast from a character string to an interval.")
        }
        (Char(_) | VarChar(_), _) => Explicit,
        (Variant, Char(_) | VarChar(_)) => Refused,
        (Raw { .. }, VarBinary(_)) => Explicit,
        (_, Char(_) | VarChar(_)) => Explicit,
        (Bitmap, VarBinary(_)) => Explicit,
        (Binary(_) | VarBinary(_), VarBinary(_)) | (Binary(_), Binary(_)) => Implicit,
        (VarBinary(_), Binary(_)) => Explicit,
        (Boolean, t) if t.is_numeric() => Explicit,
        (f, Boolean) if f.is_numeric() => Explicit,
        (f, t) if f.is_numeric() && t.is_numeric() => numeric(f, t),
        (f, Timestamp { .. }) if f.is_numeric() => RefusedBecause(NUMERIC_TO_TIMESTAMP),
        (f, TimestampLtz { .. }) if f.is_numeric() => RefusedBecause(NUMERIC_TO_LTZ),
        (Timestamp { .. }, t) if t.is_numeric() => RefusedBecause(TIMESTAMP_TO_NUMERIC),
        (TimestampLtz { .. }, t) if t.is_numeric() => RefusedBecause(LTZ_TO_NUMERIC),
        (f, IntervalYearMonth(_) | IntervalDayTime(_)) if f.is_integer() => Implicit,
        (Decimal { .. }, IntervalYearMonth(_) | IntervalDayTime(_)) => Explicit,
        (IntervalYearMonth(_), IntervalYearMonth(_)) => Implicit,
        (IntervalDayTime(_), IntervalDayTime(_)) => Implicit,
        (Time(_), Time(_)) => Implicit,
        (Date | Time(_), Timestamp { .. } | TimestampLtz { .. }) => Explicit,
        (Timestamp { .. }, Date | Time(_)) => Implicit,
        (TimestampLtz { .. }, Date | Time(_)) => Explicit,
        (Timestamp { .. } | TimestampLtz { .. }, Timestamp { .. } | TimestampLtz { .. }) => {
            Implicit
        }
        (Array(f), Array(t)) | (Multiset(f), Multiset(t)) => support(f, t),
        (Map(fk, fv), Map(tk, tv)) => weaker(support(fk, tk), support(fv, tv)),
        (Row(f), Row(t)) => fields(f, t),
        (
            Structured { class, fields: f },
            Structured {
                class: of,
                fields: t,
            },
        ) if class == of => fields(f, t),
        (Row(f) | Structured { fields: f, .. }, Row(t) | Structured { fields: t, .. }) => {
            weaker(Explicit, fields(f, t))
        }
        _ => Refused,
    }
}

/// Rows are converted field by field.
fn fields(from: &[Field], to: &[Field]) -> CastSupport {
    if from.len() != to.len() {
        return CastSupport::Refused;
    }
    from.iter()
        .zip(to)
        .map(|(from, to)| support(&from.ty, &to.ty))
        .fold(CastSupport::Implicit, weaker)
}

fn weaker(a: CastSupport, b: CastSupport) -> CastSupport {
    match (a, b) {
        (CastSupport::Implicit, b) => b,
        (a, CastSupport::Implicit) => a,
        (CastSupport::Explicit, b) => b,
        (a, _) => a,
    }
}

fn numeric(from: &TypeKind, to: &TypeKind) -> CastSupport {
    let implicit = match (from, to) {
        (_, TypeKind::Decimal { .. }) => true,
        (TypeKind::Decimal { .. }, to) => to.is_approximate_numeric(),
        (from, to) => rank(from) <= rank(to),
    };
    if implicit {
        CastSupport::Implicit
    } else {
        CastSupport::Explicit
    }
}

fn rank(kind: &TypeKind) -> u8 {
    match kind {
        TypeKind::TinyInt => 1,
        TypeKind::SmallInt => 2,
        TypeKind::Int => 3,
        TypeKind::BigInt => 4,
        TypeKind::Float => 5,
        _ => 6,
    }
}

/// Every value of `from` is the same value of `to`, in the same Arrow form: only the type's name changes.
pub(super) fn same_values(from: &TypeKind, to: &TypeKind) -> bool {
    use TypeKind::*;
    match (from, to) {
        (Char(a) | VarChar(a), VarChar(b)) | (Binary(a) | VarBinary(a), VarBinary(b)) => a <= b,
        (Char(a), Char(b)) | (Binary(a), Binary(b)) => a == b,
        (Time(a), Time(b)) => a <= b,
        (Timestamp { precision: a, .. }, Timestamp { precision: b, .. })
        | (TimestampLtz { precision: a, .. }, TimestampLtz { precision: b, .. }) => a <= b,
        (IntervalYearMonth(_), IntervalYearMonth(_)) => true,
        (IntervalDayTime(_), IntervalDayTime(_)) => true,
        (Array(a), Array(b)) | (Multiset(a), Multiset(b)) => inside(a, b),
        (Map(ak, av), Map(bk, bv)) => inside(ak, bk) && inside(av, bv),
        (Row(a) | Structured { fields: a, .. }, Row(b) | Structured { fields: b, .. }) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| inside(&a.ty, &b.ty))
        }
        (a, b) => a == b,
    }
}

fn inside(a: &LogicalType, b: &LogicalType) -> bool {
    same_values(&a.kind, &b.kind)
}

/// DataFusion's CAST gives the same value, always: its optimizer may look through it.
pub(super) fn is_widening(from: &TypeKind, to: &TypeKind) -> bool {
    use TypeKind::*;
    match (from, to) {
        (f, t) if f.is_integer() && t.is_integer() => rank(f) <= rank(t),
        (TinyInt | SmallInt, Float) | (TinyInt | SmallInt | Int, Double) => true,
        (Float, Double) => true,
        (f, Decimal { precision, scale }) if f.is_integer() => {
            precision.saturating_sub(*scale) >= integer_digits(f)
        }
        (
            Decimal {
                precision: p1,
                scale: s1,
            },
            Decimal {
                precision: p2,
                scale: s2,
            },
        ) => s2 >= s1 && p2.saturating_sub(*s2) >= p1.saturating_sub(*s1),
        _ => false,
    }
}

/// The decimal digits that a type of integers counts as.
pub(crate) fn integer_digits(kind: &TypeKind) -> u8 {
    match kind {
        TypeKind::TinyInt => 3,
        TypeKind::SmallInt => 5,
        TypeKind::Int => 10,
        _ => 19,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supports(from: TypeKind, to: TypeKind) -> CastSupport {
        support(&from.into(), &to.into())
    }

    #[test]
    fn numbers_become_wider_ones_by_themselves() {
        use CastSupport::*;
        assert_eq!(supports(TypeKind::Int, TypeKind::BigInt), Implicit);
        assert_eq!(supports(TypeKind::BigInt, TypeKind::Int), Explicit);
        assert_eq!(
            supports(TypeKind::Double, TypeKind::decimal(5, 2)),
            Implicit
        );
        assert_eq!(supports(TypeKind::decimal(5, 2), TypeKind::Int), Explicit);
    }

    #[test]
    fn rows_convert_field_by_field() {
        use filbert_types::Field;
        let row = |kinds: &[TypeKind]| {
            TypeKind::Row(
                kinds
                    .iter()
                    .map(|k| Field::new("f", k.clone().into()))
                    .collect(),
            )
        };
        let one = row(&[TypeKind::Int]);
        let two = row(&[TypeKind::Int, TypeKind::STRING]);
        let other = row(&[TypeKind::BigInt, TypeKind::Date]);
        assert_eq!(supports(one, two.clone()), CastSupport::Refused);
        assert_eq!(supports(two, other), CastSupport::Explicit);
    }
}
