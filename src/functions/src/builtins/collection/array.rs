//! ARRAY_* functions of one array, CARDINALITY and ELEMENT.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use ahash::HashSet;
use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::{self, SortOptions};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type};
use datafusion::common::{Result, internal_err};
use filbert_types::{LogicalType, TypeKind};

mod types;

use types::{
    ARRAY, element_type, infer_extreme, infer_join, infer_same, infer_sort, infer_with_element,
    needle_types,
};

use super::elements::{Gather, Keys, range};
use crate::definition::Function;
use crate::kernel::{Call, fail};
use crate::signature::{Family, INT, Param};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "CARDINALITY",
        &[
            "CARDINALITY(<MULTISET>)",
            "CARDINALITY(<ARRAY>)",
            "CARDINALITY(<MAP>)",
        ],
        "The number of elements of an array, or of entries of a map.",
        |call| {
            let types = call.matches(&[&[ARRAY], &[Param::of(Family::Map)]])?;
            Ok(call.returns(types, TypeKind::Int))
        },
        cardinality,
    ),
    Function::kernel(
        "ELEMENT",
        &["ELEMENT(<ARRAY>)"],
        "The only element of an array; NULL where it is empty, an error where it has more.",
        |call| {
            let types = call.matches(&[&[ARRAY]])?;
            let element = element_type(call, &types[0])?;
            let nullable = types[0].nullable || element.nullable;
            Ok(call.returns_type(types, element.with_nullable(nullable)))
        },
        element,
    )
    .fallible(),
    Function::kernel(
        "ARRAY_APPEND",
        &["ARRAY_APPEND(array <ARRAY>, element <ARRAY ELEMENT>)"],
        "The array with an element more at its end.",
        infer_with_element,
        |call| add(call, false),
    ),
    Function::kernel(
        "ARRAY_PREPEND",
        &["ARRAY_PREPEND(array <ARRAY>, element <ARRAY ELEMENT>)"],
        "The array with an element more at its beginning.",
        infer_with_element,
        |call| add(call, true),
    ),
    Function::kernel(
        "ARRAY_CONTAINS",
        &["ARRAY_CONTAINS(haystack <ARRAY>, needle <ARRAY ELEMENT>)"],
        "Whether an element, which may be NULL, is in the array.",
        |call| {
            let types = needle_types(call)?;
            let ty = LogicalType::new(TypeKind::Boolean, types[0].nullable);
            Ok(call.returns_type(types, ty))
        },
        contains,
    ),
    Function::kernel(
        "ARRAY_POSITION",
        &["ARRAY_POSITION(haystack <ARRAY>, needle <ARRAY ELEMENT>)"],
        "Where an element first is in the array, counted from 1; 0 where it isn't.",
        |call| Ok(call.returns(needle_types(call)?, TypeKind::Int)),
        position,
    ),
    Function::kernel(
        "ARRAY_REMOVE",
        &["ARRAY_REMOVE(haystack <ARRAY>, needle <ARRAY ELEMENT>)"],
        "The array without the elements equal to a value, which may be NULL.",
        |call| {
            let types = needle_types(call)?;
            let ty = types[0].clone();
            Ok(call.returns_type(types, ty))
        },
        remove,
    ),
    Function::kernel(
        "ARRAY_DISTINCT",
        &["ARRAY_DISTINCT(haystack <ARRAY>)"],
        "The array's elements, each once.",
        infer_same,
        distinct,
    ),
    Function::kernel(
        "ARRAY_REVERSE",
        &["ARRAY_REVERSE(haystack <ARRAY>)"],
        "The array backwards.",
        infer_same,
        |call| rearrange(call, |range, out| out.extend(range.rev())),
    ),
    Function::kernel(
        "ARRAY_SLICE",
        &[
            "ARRAY_SLICE(<ARRAY>, <INTEGER>)",
            "ARRAY_SLICE(<ARRAY>, <INTEGER>, <INTEGER>)",
        ],
        "The elements from one position to another, both included and counted from 1, or from the end where negative.",
        |call| {
            let types = call.matches(&[&[ARRAY, INT], &[ARRAY, INT, INT]])?;
            let kind = types[0].kind.clone();
            Ok(call.returns(types, kind))
        },
        slice,
    ),
    Function::kernel(
        "ARRAY_SORT",
        &[
            "ARRAY_SORT(<ARRAY<COMPARABLE>>)",
            "ARRAY_SORT(<ARRAY<COMPARABLE>>, <BOOLEAN>)",
            "ARRAY_SORT(<ARRAY<COMPARABLE>>, <BOOLEAN>, <BOOLEAN>)",
        ],
        "The array sorted: ascending unless said otherwise, NULLs first when ascending.",
        infer_sort,
        sort,
    ),
    Function::kernel(
        "ARRAY_MAX",
        &["ARRAY_MAX(<ARRAY<COMPARABLE>>)"],
        "The greatest element that is not NULL.",
        infer_extreme,
        |call| extreme(call, Ordering::Greater),
    ),
    Function::kernel(
        "ARRAY_MIN",
        &["ARRAY_MIN(<ARRAY<COMPARABLE>>)"],
        "The least element that is not NULL.",
        infer_extreme,
        |call| extreme(call, Ordering::Less),
    ),
    Function::kernel(
        "ARRAY_JOIN",
        &[
            "ARRAY_JOIN(ARRAY<STRING>, <CHARACTER_STRING>)",
            "ARRAY_JOIN(ARRAY<STRING>, <CHARACTER_STRING>, <CHARACTER_STRING>)",
        ],
        "The texts of the array with a delimiter between them; NULLs are left out or replaced.",
        infer_join,
        join,
    ),
];

fn cardinality(call: &Call<'_>) -> Result<ArrayRef> {
    if matches!(call.arg_types[0].kind, TypeKind::Array(_)) {
        let lists = call.lists(0)?;
        return call.build::<Int32Type>(|row| Ok(range(&lists, row).map(|r| r.len() as i32)));
    }
    let maps = call.maps(0)?;
    let offsets = maps.array().value_offsets();
    call.strict::<Int32Type>(|row| {
        let index = maps.index(row);
        Ok(Some(offsets[index + 1] - offsets[index]))
    })
}

fn element(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let mut indices: Vec<Option<u32>> = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let range = range(&lists, row).unwrap_or_default();
        if range.len() > 1 {
            return Err(fail("Array has more than one element."));
        }
        indices.push(range.clone().next().map(|i| i as u32));
    }
    let values = lists.array().values();
    Ok(compute::take(values, &UInt32Array::from(indices), None)?)
}

fn add(call: &Call<'_>, first: bool) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let added = call.array(1)?;
    let mut gather = Gather::new(vec![Arc::clone(lists.array().values()), added], call.rows);
    for row in 0..call.rows {
        let Some(range) = range(&lists, row) else {
            gather.append_null();
            continue;
        };
        if first {
            gather.push(1, row);
        }
        gather.extend(0, range);
        if !first {
            gather.push(1, row);
        }
        gather.append();
    }
    gather.finish(call.return_type)
}

/// The elements of argument 0 and the values of argument 1, to be compared.
fn needle_keys(call: &Call<'_>) -> Result<(Keys, ArrayRef)> {
    let lists = call.lists(0)?;
    let needle = call.array(1)?;
    let keys = Keys::of(&[Arc::clone(lists.array().values()), Arc::clone(&needle)])?;
    Ok((keys, needle))
}

fn contains(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let (keys, _) = needle_keys(call)?;
    call.build_booleans(|row| {
        Ok(range(&lists, row).map(|mut elements| elements.any(|i| keys.equal((0, i), (1, row)))))
    })
}

fn position(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let (keys, needle) = needle_keys(call)?;
    call.build::<Int32Type>(|row| {
        if needle.is_null(row) {
            return Ok(None);
        }
        Ok(range(&lists, row).map(|mut elements| {
            elements
                .position(|i| keys.equal((0, i), (1, row)))
                .map_or(0, |p| p as i32 + 1)
        }))
    })
}

fn remove(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let (keys, _) = needle_keys(call)?;
    let mut gather = Gather::new(vec![Arc::clone(lists.array().values())], call.rows);
    for row in 0..call.rows {
        let Some(elements) = range(&lists, row) else {
            gather.append_null();
            continue;
        };
        for i in elements.filter(|i| !keys.equal((0, *i), (1, row))) {
            gather.push(0, i);
        }
        gather.append();
    }
    gather.finish(call.return_type)
}

/// Arrays of the elements of argument 0 in another order, or of some of them.
fn rearrange(
    call: &Call<'_>,
    mut order: impl FnMut(Range<usize>, &mut Vec<usize>),
) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let nulls = call.strict_nulls();
    let mut gather = Gather::new(vec![Arc::clone(lists.array().values())], call.rows);
    let mut picked = Vec::new();
    for row in 0..call.rows {
        let is_null = nulls.as_ref().is_some_and(|n| n.is_null(row));
        let Some(elements) = range(&lists, row).filter(|_| !is_null) else {
            gather.append_null();
            continue;
        };
        picked.clear();
        order(elements, &mut picked);
        picked.iter().for_each(|i| gather.push(0, *i));
        gather.append();
    }
    gather.finish(call.return_type)
}

fn distinct(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let keys = Keys::of(&[Arc::clone(lists.array().values())])?;
    let mut seen: HashSet<&[u8]> = HashSet::default();
    rearrange(call, |elements, out| {
        seen.clear();
        out.extend(elements.filter(|i| keys.bytes(0, *i).is_none_or(|k| seen.insert(k))));
    })
}

fn slice(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let start = call.ints(1)?;
    let end = match call.args.len() {
        3 => Some(call.ints(2)?),
        _ => None,
    };
    let nulls = call.strict_nulls();
    let mut gather = Gather::new(vec![Arc::clone(lists.array().values())], call.rows);
    for row in 0..call.rows {
        let is_null = nulls.as_ref().is_some_and(|n| n.is_null(row));
        let Some(elements) = range(&lists, row).filter(|_| !is_null) else {
            gather.append_null();
            continue;
        };
        let size = elements.len() as i64;
        let end = end.as_ref().map_or(size, |e| i64::from(e.value(row)));
        let (from, to) = slice_bounds(size, i64::from(start.value(row)), end);
        let begin = elements.start;
        gather.extend(0, begin + from..begin + to.max(from));
        gather.append();
    }
    gather.finish(call.return_type)
}

/// The part of an array of that size from `start` to `end`, as offsets from 0, the latter excluded.
fn slice_bounds(size: i64, start: i64, end: i64) -> (usize, usize) {
    if size == 0 {
        return (0, 0);
    }
    let start = if start < 0 { start + size + 1 } else { start }.max(1);
    let end = match if end < 0 { end + size + 1 } else { end } {
        0 => 1,
        end => end.min(size),
    };
    if end < start {
        return (0, 0);
    }
    (start as usize - 1, end as usize)
}

fn sort(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let flag = |index: usize| -> Result<_> {
        Ok(if call.args.len() > index {
            Some(call.booleans(index)?)
        } else {
            None
        })
    };
    let (ascending, nulls_first) = (flag(1)?, flag(2)?);
    let values = lists.array().values();
    let options = SortOptions::default();
    let compare = arrow::array::make_comparator(values, values, options)?;
    let mut row = 0;
    let nulls = call.strict_nulls();
    rearrange(call, |elements, out| {
        // Called for the rows without a NULL argument only.
        while nulls.as_ref().is_some_and(|n| n.is_null(row)) {
            row += 1;
        }
        let ascending = ascending.as_ref().is_none_or(|a| a.value(row));
        let nulls_first = nulls_first.as_ref().map_or(ascending, |n| n.value(row));
        out.extend(elements);
        out.sort_by(|a, b| match (values.is_null(*a), values.is_null(*b)) {
            (true, true) => Ordering::Equal,
            (true, false) if nulls_first => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if nulls_first => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) if ascending => compare(*a, *b),
            (false, false) => compare(*b, *a),
        });
        row += 1;
    })
}

fn extreme(call: &Call<'_>, wanted: Ordering) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let values = lists.array().values();
    let compare = arrow::array::make_comparator(values, values, SortOptions::default())?;
    let is_nan = |i: usize| match values.data_type() {
        DataType::Float32 => values.as_primitive::<Float32Type>().value(i).is_nan(),
        DataType::Float64 => values.as_primitive::<Float64Type>().value(i).is_nan(),
        _ => false,
    };
    let mut indices: Vec<Option<u32>> = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let mut best: Option<usize> = None;
        for i in range(&lists, row).unwrap_or_default() {
            if values.is_null(i) {
                continue;
            }
            // NaN compares with nothing: it stays only where it came first.
            let better = match best {
                None => true,
                Some(best) => !is_nan(i) && !is_nan(best) && compare(i, best) == wanted,
            };
            if better {
                best = Some(i);
            }
        }
        indices.push(best.map(|i| i as u32));
    }
    Ok(compute::take(values, &UInt32Array::from(indices), None)?)
}

fn join(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let delimiter = call.strings(1)?;
    let replacement = match call.args.len() {
        3 => Some(call.strings(2)?),
        _ => None,
    };
    let Some(texts) = lists.array().values().as_string_view_opt() else {
        return internal_err!("ARRAY_JOIN of no texts");
    };
    call.strict_strings(|row, out| {
        let replacement = replacement.as_ref().map(|r| r.value(row));
        let mut first = true;
        for i in range(&lists, row).unwrap_or_default() {
            let text = if texts.is_null(i) {
                match replacement {
                    Some(text) => text,
                    None => continue,
                }
            } else {
                texts.value(i)
            };
            if !first {
                out.push_str(delimiter.value(row));
            }
            out.push_str(text);
            first = false;
        }
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use super::slice_bounds;

    /// What Flink's ARRAY_SLICE answered.
    #[test]
    fn slices_count_from_both_ends() {
        let slice = |start, end| {
            let (from, to) = slice_bounds(3, start, end);
            [1, 2, 3][from..to].to_vec()
        };
        assert_eq!(slice(2, -1), [2, 3]);
        assert_eq!(slice(-5, -2), [1, 2]);
        assert_eq!(slice(0, 3), [1, 2, 3]);
        assert!(slice(5, 3).is_empty());
        assert_eq!(slice(1, 0), [1]);
        assert!(slice(2, 1).is_empty());
        assert!(slice(-10, -5).is_empty());
        assert_eq!(slice(1, -4), [1]);
    }
}
