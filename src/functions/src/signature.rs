use filbert_types::{LogicalType, TypeKind};

use crate::definition::{FunctionRef, Inferred};
use crate::typed::{ExprContext, TypedExpr};
use crate::{CallError, type_name};

/// A set of types that a parameter accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Any,
    Boolean,
    Character,
    Binary,
    /// TINYINT to BIGINT.
    Integer,
    ExactNumeric,
    Numeric,
    Date,
    Time,
    Timestamp,
    TimestampLtz,
    /// TIMESTAMP and TIMESTAMP_LTZ.
    AnyTimestamp,
    /// DATE, TIME and the timestamps.
    Datetime,
    IntervalYearMonth,
    IntervalDayTime,
    Interval,
    Array,
    Map,
    Multiset,
    Row,
    Variant,
    Bitmap,
    /// A keyword: its literal has type SYMBOL.
    Symbol,
}

impl Family {
    pub fn contains(self, kind: &TypeKind) -> bool {
        match self {
            Family::Any => true,
            Family::Boolean => matches!(kind, TypeKind::Boolean),
            Family::Character => kind.is_character(),
            Family::Binary => kind.is_binary(),
            Family::Integer => kind.is_integer(),
            Family::ExactNumeric => kind.is_exact_numeric(),
            Family::Numeric => kind.is_numeric(),
            Family::Date => matches!(kind, TypeKind::Date),
            Family::Time => matches!(kind, TypeKind::Time(_)),
            Family::Timestamp => matches!(kind, TypeKind::Timestamp { .. }),
            Family::TimestampLtz => matches!(kind, TypeKind::TimestampLtz { .. }),
            Family::AnyTimestamp => kind.is_timestamp(),
            Family::Datetime => {
                kind.is_timestamp() || matches!(kind, TypeKind::Date | TypeKind::Time(_))
            }
            Family::IntervalYearMonth => matches!(kind, TypeKind::IntervalYearMonth(_)),
            Family::IntervalDayTime => matches!(kind, TypeKind::IntervalDayTime(_)),
            Family::Interval => kind.is_interval(),
            Family::Array => matches!(kind, TypeKind::Array(_)),
            Family::Map => matches!(kind, TypeKind::Map(..)),
            Family::Multiset => matches!(kind, TypeKind::Multiset(_)),
            Family::Row => matches!(kind, TypeKind::Row(_)),
            Family::Variant => matches!(kind, TypeKind::Variant),
            Family::Bitmap => matches!(kind, TypeKind::Bitmap),
            Family::Symbol => matches!(kind, TypeKind::Symbol),
        }
    }

    /// The type that a bare NULL takes in this place.
    fn null_type(self) -> Option<TypeKind> {
        Some(match self {
            Family::Boolean => TypeKind::Boolean,
            Family::Character => TypeKind::STRING,
            Family::Binary => TypeKind::BYTES,
            Family::Integer | Family::ExactNumeric | Family::Numeric => TypeKind::Int,
            Family::Date | Family::Datetime => TypeKind::Date,
            Family::Time => TypeKind::Time(0),
            Family::Timestamp | Family::AnyTimestamp => TypeKind::timestamp(3),
            Family::TimestampLtz => TypeKind::timestamp_ltz(3),
            Family::Variant => TypeKind::Variant,
            Family::Bitmap => TypeKind::Bitmap,
            _ => return None,
        })
    }
}

/// A parameter: the types it accepts and, where the kernel wants one type only, the type that arguments are cast to.
#[derive(Debug, Clone)]
pub struct Param {
    pub family: Family,
    pub cast: Option<TypeKind>,
    /// Must be a literal.
    pub literal: bool,
}

impl Param {
    /// Accepts a family; the kernel sees the argument's own type.
    pub const fn of(family: Family) -> Param {
        Param {
            family,
            cast: None,
            literal: false,
        }
    }

    /// Accepts a family; the kernel sees `kind`.
    pub const fn cast(family: Family, kind: TypeKind) -> Param {
        Param {
            family,
            cast: Some(kind),
            literal: false,
        }
    }

    pub const fn literal(mut self) -> Param {
        self.literal = true;
        self
    }

    /// The type that the kernel sees for an argument of this type, or none where it isn't accepted.
    fn accept(&self, arg: &TypedExpr) -> Option<LogicalType> {
        let ty = &arg.ty;
        if self.literal && arg.literal().is_none() {
            return None;
        }
        if ty.kind == TypeKind::Null {
            let kind = self.cast.clone().or_else(|| self.family.null_type());
            return Some(LogicalType::from(kind.unwrap_or(TypeKind::Null)));
        }
        if !self.family.contains(&ty.kind) {
            return None;
        }
        Some(match &self.cast {
            Some(kind) => LogicalType::new(kind.clone(), ty.nullable),
            None => ty.clone(),
        })
    }
}

/// The parameters that most functions have.
pub const STRING: Param = Param::of(Family::Character);
pub const BYTES: Param = Param::of(Family::Binary);
pub const BOOLEAN: Param = Param::of(Family::Boolean);
pub const INT: Param = Param::cast(Family::Integer, TypeKind::Int);
pub const BIGINT: Param = Param::cast(Family::Integer, TypeKind::BigInt);
pub const DOUBLE: Param = Param::cast(Family::Numeric, TypeKind::Double);
pub const NUMERIC: Param = Param::of(Family::Numeric);
pub const ANY: Param = Param::of(Family::Any);

/// A call as type inference sees it.
pub struct CallArgs<'a> {
    pub ctx: &'a ExprContext,
    pub function: &'a FunctionRef,
    /// The function's name or alias as the query has it.
    pub written: &'a str,
    pub args: &'a [TypedExpr],
}

impl CallArgs<'_> {
    pub fn len(&self) -> usize {
        self.args.len()
    }

    pub fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    pub fn ty(&self, index: usize) -> &LogicalType {
        &self.args[index].ty
    }

    pub fn kind(&self, index: usize) -> &TypeKind {
        &self.args[index].ty.kind
    }

    /// The arguments' own types: no cast.
    pub fn types(&self) -> Vec<LogicalType> {
        self.args.iter().map(|a| a.ty.clone()).collect()
    }

    /// True where any argument can be NULL, as most results are then.
    pub fn any_nullable(&self) -> bool {
        self.args.iter().any(|a| a.ty.nullable)
    }

    /// The arguments' types after casts, by the first form (all its parameters) that accepts them.
    pub fn matches(&self, forms: &[&[Param]]) -> Result<Vec<LogicalType>, CallError> {
        for form in forms.iter().filter(|f| f.len() == self.args.len()) {
            let types: Option<Vec<LogicalType>> = form
                .iter()
                .zip(self.args)
                .map(|(p, a)| p.accept(a))
                .collect();
            if let Some(types) = types {
                return Ok(types);
            }
        }
        if forms.iter().any(|f| f.len() == self.args.len()) {
            return Err(self.refuse());
        }
        let mut counts: Vec<usize> = forms.iter().map(|f| f.len()).collect();
        counts.sort_unstable();
        counts.dedup();
        Err(self.wrong_count(&counts))
    }

    /// As [`matches`](Self::matches), for parameters that are followed by any number of `rest` (none included).
    pub fn matches_variadic(
        &self,
        first: &[Param],
        rest: &Param,
    ) -> Result<Vec<LogicalType>, CallError> {
        if self.args.len() < first.len() {
            return Err(self.unknown());
        }
        let params = first.iter().chain(std::iter::repeat(rest));
        let types: Option<Vec<LogicalType>> =
            params.zip(self.args).map(|(p, a)| p.accept(a)).collect();
        types.ok_or_else(|| self.refuse())
    }

    /// The result: NULL where an argument is.
    pub fn returns(&self, arg_types: Vec<LogicalType>, kind: TypeKind) -> Inferred {
        let nullable = arg_types.iter().any(|t| t.nullable);
        self.returns_type(arg_types, LogicalType::new(kind, nullable))
    }

    /// The result can be NULL whatever the arguments are.
    pub fn returns_nullable(&self, arg_types: Vec<LogicalType>, kind: TypeKind) -> Inferred {
        self.returns_type(arg_types, LogicalType::new(kind, true))
    }

    pub fn returns_type(&self, arg_types: Vec<LogicalType>, return_type: LogicalType) -> Inferred {
        Inferred {
            arg_types,
            return_type,
        }
    }

    /// The literal text of an argument, where it is one.
    pub fn literal_str(&self, index: usize) -> Option<&str> {
        self.args.get(index)?.literal()?.try_as_str()?
    }

    /// "Cannot apply .. to arguments of type ..".
    pub fn refuse(&self) -> CallError {
        let name = self.name();
        CallError::NoSignature {
            got: call_text(&name, self.args),
            signatures: self.signatures(),
            name,
        }
    }

    /// "Invalid number of arguments to function ..".
    pub fn wrong_count(&self, expected: &[usize]) -> CallError {
        let expected: Vec<String> = expected.iter().map(|n| n.to_string()).collect();
        CallError::Invalid(format!(
            "Invalid number of arguments to function '{}'. Was expecting {} arguments, but got {}.\nSupported form(s): {}",
            self.name(),
            expected.join(" or "),
            self.args.len(),
            self.signatures().join("\n")
        ))
    }

    pub(crate) fn unknown(&self) -> CallError {
        CallError::Invalid(format!(
            "No match found for function signature {}.\nSupported form(s): {}",
            call_text(&self.name(), self.args),
            self.signatures().join("\n")
        ))
    }

    /// The name that errors call the function by: the one that the query has.
    fn name(&self) -> String {
        match self.function {
            FunctionRef::BuiltIn(_) => self.written.to_uppercase(),
            _ => self.function.name().to_owned(),
        }
    }

    fn signatures(&self) -> Vec<String> {
        signatures_under(&self.name(), self.function)
    }
}

/// A function's signatures as it is known by this name: those of the alias where it has some of its own.
pub fn signatures_under(name: &str, function: &FunctionRef) -> Vec<String> {
    let all = function.signatures();
    let called = |s: &String, name: &str| {
        let rest = s.get(name.len()..).filter(|rest| rest.starts_with('('))?;
        s.get(..name.len())?
            .eq_ignore_ascii_case(name)
            .then(|| rest.to_owned())
    };
    let own: Vec<String> = all.iter().filter_map(|s| called(s, name)).collect();
    if !own.is_empty() {
        return own
            .into_iter()
            .map(|rest| format!("{name}{rest}"))
            .collect();
    }
    all.into_iter()
        .map(|s| match called(&s, function.name()) {
            Some(rest) => format!("{name}{rest}"),
            None => s,
        })
        .collect()
}

/// Operators that are words and stand between their operands.
const INFIX: &[&str] = &[
    "AND",
    "OR",
    "LIKE",
    "SIMILAR TO",
    "IS DISTINCT FROM",
    "IS NOT DISTINCT FROM",
];

/// `UPPER(<BOOLEAN>)`, `<DATE> + <DATE>`.
pub fn call_text(name: &str, args: &[TypedExpr]) -> String {
    let types: Vec<String> = args
        .iter()
        .map(|a| format!("<{}>", type_name::validator_name(&a.ty)))
        .collect();
    let is_symbol = !name.is_empty() && !name.chars().any(|c| c.is_alphanumeric());
    match (&types[..], is_symbol) {
        ([left, right], _) if is_symbol || INFIX.contains(&name) => {
            format!("{left} {name} {right}")
        }
        ([operand], _) if name == "NOT" => format!("NOT {operand}"),
        ([operand], _) if name.starts_with("IS ") => format!("{operand} {name}"),
        ([operand], true) => format!("{name}{operand}"),
        _ => format!("{name}({})", types.join(", ")),
    }
}
