//! RAND, RAND_INTEGER, UUID: another value for each row. With a seed, each evaluated column begins its sequence anew.

use arrow::array::ArrayRef;
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

/// The generator of a constant seed, shared by all rows; without one, or with another seed for each row, none.
fn shared(seed: Option<&Arg<arrow::array::Int32Array>>) -> Option<JavaRandom> {
    let seed = seed?.constant()?;
    Some(JavaRandom::new(i64::from(seed)))
}

fn rand(call: &Call<'_>) -> Result<ArrayRef> {
    let seed = match call.args.len() {
        1 => Some(call.ints(0)?),
        _ => None,
    };
    let mut random = shared(seed.as_ref());
    let mut fresh = rand::rng();
    call.strict::<Float64Type>(|row| {
        Ok(Some(match (&mut random, &seed) {
            (Some(random), _) => random.next_double(),
            (None, Some(seed)) => JavaRandom::new(i64::from(seed.value(row))).next_double(),
            (None, None) => fresh.random::<f64>(),
        }))
    })
}

fn rand_integer(call: &Call<'_>) -> Result<ArrayRef> {
    let (seed, bound) = match call.args.len() {
        2 => (Some(call.ints(0)?), call.ints(1)?),
        _ => (None, call.ints(0)?),
    };
    let mut random = shared(seed.as_ref());
    let mut fresh = rand::rng();
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
}
