//! ARRAY_CONCAT, ARRAY_UNION, ARRAY_EXCEPT, ARRAY_INTERSECT.

use std::sync::Arc;

use ahash::HashSet;
use arrow::array::{ArrayRef, ListArray};
use datafusion::common::Result;
use filbert_types::LogicalType;

use super::elements::{Gather, Keys, range};
use super::map::no_common_type;
use crate::CallError;
use crate::common_type::new_style_common_type;
use crate::definition::{Function, Inferred};
use crate::kernel::{Arg, Call};
use crate::signature::{CallArgs, Family, Param};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "ARRAY_CONCAT",
        &["ARRAY_CONCAT(<COMMON>, <COMMON>...)"],
        "The elements of all arrays, one array after another.",
        infer_concat,
        concat,
    ),
    Function::kernel(
        "ARRAY_UNION",
        &["ARRAY_UNION(<COMMON>, <COMMON>)"],
        "The distinct elements of two arrays.",
        infer_two,
        |call| combine(call, Operation::Union),
    ),
    Function::kernel(
        "ARRAY_EXCEPT",
        &["ARRAY_EXCEPT(<COMMON>, <COMMON>)"],
        "The distinct elements of the first array that the second lacks.",
        infer_two,
        |call| combine(call, Operation::Except),
    ),
    Function::kernel(
        "ARRAY_INTERSECT",
        &["ARRAY_INTERSECT(<COMMON>, <COMMON>)"],
        "The distinct elements that both arrays have.",
        infer_two,
        |call| combine(call, Operation::Intersect),
    ),
];

const ARRAY: Param = Param::of(Family::Array);

fn to_common(call: &CallArgs<'_>, types: Vec<LogicalType>) -> Result<Inferred, CallError> {
    let common = new_style_common_type(&types).ok_or_else(|| no_common_type(&types))?;
    let args = types
        .iter()
        .map(|t| common.with_nullable(t.nullable))
        .collect();
    Ok(call.returns(args, common.kind))
}

fn infer_concat(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    to_common(call, call.matches_variadic(&[ARRAY], &ARRAY)?)
}

fn infer_two(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    to_common(call, call.matches(&[&[ARRAY, ARRAY]])?)
}

fn values(lists: &Arg<ListArray>) -> ArrayRef {
    Arc::clone(lists.array().values())
}

fn concat(call: &Call<'_>) -> Result<ArrayRef> {
    let lists: Vec<Arg<ListArray>> = (0..call.args.len())
        .map(|i| call.lists(i))
        .collect::<Result<_>>()?;
    let mut gather = Gather::new(lists.iter().map(values).collect(), call.rows);
    for row in 0..call.rows {
        if lists.iter().any(|l| l.is_null(row)) {
            gather.append_null();
            continue;
        }
        for (source, list) in lists.iter().enumerate() {
            gather.extend(source, range(list, row).unwrap_or_default());
        }
        gather.append();
    }
    gather.finish(call.return_type)
}

#[derive(Clone, Copy)]
enum Operation {
    Union,
    Except,
    Intersect,
}

fn combine(call: &Call<'_>, operation: Operation) -> Result<ArrayRef> {
    let (left, right) = (call.lists(0)?, call.lists(1)?);
    let sources = vec![values(&left), values(&right)];
    let keys = Keys::of(&sources)?;
    let mut gather = Gather::new(sources, call.rows);
    let mut seen: HashSet<&[u8]> = HashSet::default();
    let mut others: HashSet<&[u8]> = HashSet::default();
    for row in 0..call.rows {
        let (Some(l), Some(r)) = (range(&left, row), range(&right, row)) else {
            gather.append_null();
            continue;
        };
        seen.clear();
        others.clear();
        if !matches!(operation, Operation::Union) {
            others.extend(r.clone().filter_map(|i| keys.bytes(1, i)));
        }
        for i in l {
            // NaN equals nothing: it is always new, and never in the other array.
            let key = keys.bytes(0, i);
            let wanted = match operation {
                Operation::Union => true,
                Operation::Except => key.is_none_or(|k| !others.contains(k)),
                Operation::Intersect => key.is_some_and(|k| others.contains(k)),
            };
            if wanted && key.is_none_or(|k| seen.insert(k)) {
                gather.push(0, i);
            }
        }
        if matches!(operation, Operation::Union) {
            for i in r {
                if keys.bytes(1, i).is_none_or(|k| seen.insert(k)) {
                    gather.push(1, i);
                }
            }
        }
        gather.append();
    }
    gather.finish(call.return_type)
}
