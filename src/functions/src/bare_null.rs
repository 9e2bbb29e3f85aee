//! Where a NULL without a type may stand as an argument.
//!
//! Flink has functions of two kinds. Those of the older kind, which Calcite types, refuse it; those of the newer give it
//! their parameter's type. CAST(NULL AS ..) is good for both.

use filbert_types::TypeKind;

use crate::CallError;
use crate::typed::TypedExpr;

/// The functions and operators that take it.
const TAKE: &[&str] = &[
    "<",
    "<=",
    "<>",
    "=",
    ">",
    ">=",
    "ARRAY",
    "ARRAY_APPEND",
    "ARRAY_CONTAINS",
    "ARRAY_JOIN",
    "ARRAY_POSITION",
    "ARRAY_PREPEND",
    "ARRAY_REMOVE",
    "ARRAY_SLICE",
    "ARRAY_SORT",
    "BETWEEN",
    "BETWEEN SYMMETRIC",
    "BITMAP_BUILD",
    "BTRIM",
    "COALESCE",
    "ELT",
    "ENDSWITH",
    "GREATEST",
    "IFNULL",
    "IN",
    "INET_ATON",
    "INET_NTOA",
    "IS DISTINCT FROM",
    "IS NOT DISTINCT FROM",
    "IS NOT NULL",
    "IS NULL",
    "JSON_ARRAY",
    "JSON_OBJECT",
    "JSON_QUERY",
    "JSON_QUOTE",
    "JSON_STRING",
    "JSON_UNQUOTE",
    "JSON_VALUE",
    "LEAST",
    "MAP",
    "NOT BETWEEN",
    "NOT BETWEEN SYMMETRIC",
    "NOT IN",
    "NULLIF",
    "OBJECT_OF",
    "OBJECT_UPDATE",
    "PARSE_JSON",
    "PRINTF",
    "REGEXP_COUNT",
    "REGEXP_EXTRACT_ALL",
    "REGEXP_INSTR",
    "REGEXP_SUBSTR",
    "ROW",
    "SPLIT",
    "STARTSWITH",
    "TO_TIMESTAMP_LTZ",
    "TYPEOF",
    "UNHEX",
    "URL_DECODE",
    "URL_ENCODE",
];

pub(crate) fn check(name: &str, args: &[TypedExpr]) -> Result<(), CallError> {
    let is_null = |arg: &TypedExpr| arg.ty.kind == TypeKind::Null;
    if !args.iter().any(is_null) || TAKE.binary_search(&name).is_ok() {
        return Ok(());
    }
    Err(illegal(name))
}

/// Flink's words for it.
pub(crate) fn illegal(name: &str) -> CallError {
    CallError::Invalid(format!(
        "Illegal use of 'NULL' in {name}: it needs a type, as in CAST(NULL AS STRING)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_known() {
        assert!(TAKE.is_sorted());
        for name in TAKE {
            assert!(crate::registry::built_in(name).is_some(), "{name}");
        }
    }
}
