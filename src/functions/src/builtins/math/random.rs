//! RAND, RAND_INTEGER, UUID: another value for each row. With a seed, a call's sequence goes on from batch to batch.

use std::sync::PoisonError;

use arrow::array::{ArrayRef, Int32Array};
use arrow::datatypes::{Float64Type, Int32Type};
use datafusion::common::Result;
use filbert_types::{LogicalType, TypeKind};
use rand::Rng;

use crate::CallError;
use crate::definition::{Determinism, Function, Inferred};
use crate::java::random::JavaRandom;
use crate::kernel::{Arg, Call, fail};
use crate::signature::{CallArgs, INT};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "RAND",
        &["RAND()", "RAND(<INTEGER>)"],
        "A random number from 0 on, below 1; with a seed the sequence of Java's Random.",
        |call| {
            let types = call.matches(&[&[], &[INT]])?;
            Ok(call.returns(types, TypeKind::Double))
        },
        rand,
    )
    .determinism(Determinism::Never),
    Function::kernel(
        "RAND_INTEGER",
        &["RAND_INTEGER(<INTEGER>)", "RAND_INTEGER(<INTEGER>, <INTEGER>)"],
        "A random integer from 0 on, below a bound; with a seed before it the sequence of Java's Random.",
        |call| {
            let types = call.matches(&[&[INT], &[INT, INT]])?;
            Ok(call.returns(types, TypeKind::Int))
        },
        rand_integer,
    )
    .determinism(Determinism::Never)
    .fallible(),
    Function::kernel(
        "UUID",
        &["UUID()"],
        "A random UUID.",
        uuid_type,
        |call| {
            use std::fmt::Write;
            call.build_strings(|_, out| {
                // Writing to a String cannot fail.
                let _ = write!(out, "{}", uuid::Uuid::new_v4());
                Ok(true)
            })
        },
    )
    .determinism(Determinism::Never),
];

fn uuid_type(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[]])?;
    Ok(call.returns_type(types, LogicalType::not_null(TypeKind::Char(36))))
}

/// Runs with the generator of a constant seed, which all rows of all batches share; without one, or with another seed
/// for each row, with none.
fn with_shared<T>(
    call: &Call<'_>,
    seed: Option<&Arg<Int32Array>>,
    run: impl FnOnce(Option<&mut JavaRandom>) -> T,
) -> T {
    let Some(seed) = seed.and_then(Arg::constant) else {
        return run(None);
    };
    let mut random = call.random.lock().unwrap_or_else(PoisonError::into_inner);
    run(Some(
        random.get_or_insert_with(|| JavaRandom::new(i64::from(seed))),
    ))
}

fn rand(call: &Call<'_>) -> Result<ArrayRef> {
    let seed = match call.args.len() {
        1 => Some(call.ints(0)?),
        _ => None,
    };
    let mut fresh = rand::rng();
    with_shared(call, seed.as_ref(), |mut random| {
        call.strict::<Float64Type>(|row| {
            Ok(Some(match (&mut random, &seed) {
                (Some(random), _) => random.next_double(),
                (None, Some(seed)) => JavaRandom::new(i64::from(seed.value(row))).next_double(),
                (None, None) => fresh.random::<f64>(),
            }))
        })
    })
}

fn rand_integer(call: &Call<'_>) -> Result<ArrayRef> {
    let (seed, bound) = match call.args.len() {
        2 => (Some(call.ints(0)?), call.ints(1)?),
        _ => (None, call.ints(0)?),
    };
    let mut fresh = rand::rng();
    with_shared(call, seed.as_ref(), |mut random| {
        call.strict::<Int32Type>(|row| {
            let bound = bound.value(row);
            if bound <= 0 {
                return Err(fail(format!(
                    "RAND_INTEGER: bound must be positive, not {bound}"
                )));
            }
            Ok(Some(match (&mut random, &seed) {
                (Some(random), _) => random.next_int(bound),
                (None, Some(seed)) => JavaRandom::new(i64::from(seed.value(row))).next_int(bound),
                (None, None) => fresh.random_range(0..bound),
            }))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::AsArray;

    use super::*;
    use crate::testing::{context, evaluate};

    /// Flink's RAND(1) over three rows, however they come in batches.
    #[test]
    fn a_seeded_sequence_goes_on_from_batch_to_batch() {
        let seed = crate::literal::number("1").unwrap();
        let rand = crate::call::built_in(&context(), "RAND", vec![seed]).unwrap();
        let mut values = Vec::new();
        for rows in [1, 2] {
            let column: ArrayRef = Arc::new(Int32Array::from(vec![0; rows]));
            let batch = evaluate(&rand, vec![column]).unwrap();
            values.extend_from_slice(batch.as_primitive::<Float64Type>().values());
        }
        assert_eq!(
            values,
            [0.7308781907032909, 0.41008081149220166, 0.20771484130971707]
        );
    }
}
