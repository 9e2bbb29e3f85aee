//! The types of the array functions.

use filbert_types::{LogicalType, TypeKind};

use crate::CallError;
use crate::cast::{CastSupport, support};
use crate::definition::Inferred;
use crate::signature::{ANY, BOOLEAN, CallArgs, Family, Param, STRING};

pub(super) const ARRAY: Param = Param::of(Family::Array);

pub(super) fn element_type(
    call: &CallArgs<'_>,
    ty: &LogicalType,
) -> Result<LogicalType, CallError> {
    match &ty.kind {
        TypeKind::Array(element) => Ok((**element).clone()),
        _ => Err(call.refuse()),
    }
}

pub(super) fn infer_same(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ARRAY]])?;
    let ty = types[0].clone();
    Ok(call.returns_type(types, ty))
}

/// An array and a value that becomes one of its elements' type by itself: a text is cut or padded to a CHAR's length.
pub(super) fn needle_types(call: &CallArgs<'_>) -> Result<Vec<LogicalType>, CallError> {
    let mut types = call.matches(&[&[ARRAY, ANY]])?;
    let element = element_type(call, &types[0])?;
    let needle = &types[1];
    let accepted = needle.kind == TypeKind::Null
        || (element.kind.is_character() && needle.kind.is_character())
        || (element.kind.is_binary() && needle.kind.is_binary())
        || matches!(support(needle, &element), CastSupport::Implicit);
    if !accepted {
        return Err(call.refuse());
    }
    types[1] = element.with_nullable(needle.nullable || needle.kind == TypeKind::Null);
    Ok(types)
}

pub(super) fn infer_with_element(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = needle_types(call)?;
    let element = element_type(call, &types[0])?;
    let nullable = element.nullable || types[1].nullable;
    let kind = TypeKind::Array(Box::new(element.with_nullable(nullable)));
    Ok(call.returns(types, kind))
}

/// Whether an array's elements can be ordered.
pub(super) fn check_order(call: &CallArgs<'_>, ty: &LogicalType) -> Result<LogicalType, CallError> {
    let element = element_type(call, ty)?;
    match element.kind {
        TypeKind::Boolean
        | TypeKind::Array(_)
        | TypeKind::Map(..)
        | TypeKind::Multiset(_)
        | TypeKind::Row(_)
        | TypeKind::Structured { .. }
        | TypeKind::Variant
        | TypeKind::Bitmap
        | TypeKind::Raw { .. } => Err(call.refuse()),
        _ => Ok(element),
    }
}

pub(super) fn infer_sort(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ARRAY], &[ARRAY, BOOLEAN], &[ARRAY, BOOLEAN, BOOLEAN]])?;
    check_order(call, &types[0])?;
    let kind = types[0].kind.clone();
    Ok(call.returns(types, kind))
}

pub(super) fn infer_extreme(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ARRAY]])?;
    let element = check_order(call, &types[0])?;
    Ok(call.returns_nullable(types, element.kind))
}

pub(super) fn infer_join(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ARRAY, STRING], &[ARRAY, STRING, STRING]])?;
    if !element_type(call, &types[0])?.kind.is_character() {
        return Err(call.refuse());
    }
    Ok(call.returns(types, TypeKind::STRING))
}
