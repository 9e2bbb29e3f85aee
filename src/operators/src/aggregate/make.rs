//! From a call to its accumulator.

use arrow::datatypes::DataType;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::AggregateCallSpec;
use filbert_types::TypeKind;

use super::collect::{
    Arguments, ArrayResult, Bag, Collecting, Keep, Lengths, ListAgg, Multiset, One, Results,
    Sequence, SingleValue,
};
use super::json::{JsonArray, JsonObject};
use super::{
    Accumulator, bitmap, count, first_last, min_max, min_max_bytes, percentile, sum, user, variance,
};
use crate::error::{OperatorError, Result};

type Made = Result<Option<Box<dyn Accumulator>>>;

/// The accumulator of a call. `retracts` says that rows may be taken back.
pub(super) fn accumulator(
    spec: &AggregateCallSpec,
    retracts: bool,
    functions: &FunctionRegistry,
) -> Result<Box<dyn Accumulator>> {
    if let Some(function) = functions.user_aggregate(&spec.function) {
        let opened = function.open(&functions.context());
        opened.map_err(|e| OperatorError::user(format!("{}: {e}", function.name())))?;
        return user::accumulator(function, spec, retracts);
    }
    let output = spec.output.ty.kind.arrow();
    let function = spec.function.as_str();
    let arg = spec.arg_types.first().map(|t| &t.kind);
    let made = match (function, arg) {
        ("COUNT", _) => Some(count::accumulator()),
        ("SUM" | "$SUM0" | "SUM0", Some(arg)) => sum::sum(arg, &output, function != "SUM"),
        ("AVG", Some(arg)) => sum::avg(arg, &output),
        ("MIN" | "MAX", Some(arg)) => extreme(arg, &output, function == "MAX", retracts),
        (
            "STDDEV_POP" | "STDDEV_SAMP" | "VAR_POP" | "VAR_SAMP" | "$OVER_STDDEV_POP"
            | "$OVER_STDDEV_SAMP" | "$OVER_VAR_POP" | "$OVER_VAR_SAMP",
            Some(_),
        ) => Some(variance::accumulator(function, &spec.output.ty)),
        ("PERCENTILE", Some(_)) => Some(percentile::accumulator(&output)),
        _ => collecting(spec, &output, retracts)?,
    };
    let made = match made {
        Some(made) => Some(made),
        None => bitmap::accumulator(function)?,
    };
    made.ok_or_else(|| {
        let types: Vec<String> = spec.arg_types.iter().map(ToString::to_string).collect();
        OperatorError::user(format!(
            "The aggregate function {}({}) is not supported in streaming mode.",
            spec.function,
            types.join(", ")
        ))
    })
}

fn extreme(
    arg: &TypeKind,
    output: &DataType,
    max: bool,
    retracts: bool,
) -> Option<Box<dyn Accumulator>> {
    if arg.is_character() || arg.is_binary() {
        Some(min_max_bytes::accumulator(output, max, retracts))
    } else {
        min_max::accumulator(output, max, retracts)
    }
}

/// Functions that keep values.
fn collecting(spec: &AggregateCallSpec, output: &DataType, retracts: bool) -> Made {
    let types: Vec<DataType> = spec.arg_types.iter().map(|t| t.kind.arrow()).collect();
    let output = output.clone();
    match spec.function.as_str() {
        "ARRAY_AGG" => {
            let not_null = spec.ignore_nulls.then_some(0);
            sequence(
                arguments(types, 1, not_null),
                Keep::All,
                retracts,
                ArrayResult { output },
            )
        }
        "LISTAGG" => sequence(arguments(types, 1, Some(0)), Keep::All, retracts, ListAgg),
        "COLLECT" => {
            let arguments = arguments(types, 1, Some(0));
            let bag = Bag::new(arguments.kept.clone())?;
            Ok(Some(Box::new(Collecting::new(
                arguments,
                bag,
                Multiset { output },
            ))))
        }
        "APPROX_COUNT_DISTINCT" => {
            let arguments = arguments(types, 1, Some(0));
            let bag = Bag::new(arguments.kept.clone())?;
            Ok(Some(Box::new(Collecting::new(arguments, bag, Lengths))))
        }
        "FIRST_VALUE" | "LAST_VALUE" => {
            let first = spec.function == "FIRST_VALUE";
            if !retracts && let Some(made) = first_last::accumulator(&output, first) {
                return Ok(Some(made));
            }
            let keep = if first { Keep::First } else { Keep::Last };
            sequence(arguments(types, 1, Some(0)), keep, retracts, One { output })
        }
        "SINGLE_VALUE" => {
            let single = SingleValue { output };
            sequence(arguments(types, 1, None), Keep::All, retracts, single)
        }
        "JSON_ARRAYAGG_NULL_ON_NULL" => {
            sequence(arguments(types, 1, None), Keep::All, retracts, JsonArray)
        }
        "JSON_ARRAYAGG_ABSENT_ON_NULL" => {
            sequence(arguments(types, 1, Some(0)), Keep::All, retracts, JsonArray)
        }
        "JSON_OBJECTAGG_NULL_ON_NULL" => {
            sequence(arguments(types, 2, None), Keep::All, retracts, JsonObject)
        }
        "JSON_OBJECTAGG_ABSENT_ON_NULL" => sequence(
            arguments(types, 2, Some(1)),
            Keep::All,
            retracts,
            JsonObject,
        ),
        _ => Ok(None),
    }
}

/// The first `kept` arguments are kept; one behind them is the same for all rows.
fn arguments(mut types: Vec<DataType>, kept: usize, not_null: Option<usize>) -> Arguments {
    let constant = (types.len() > kept).then(|| types.swap_remove(kept));
    types.truncate(kept);
    Arguments {
        kept: types,
        not_null,
        constant,
    }
}

fn sequence<R: Results + 'static>(
    arguments: Arguments,
    keep: Keep,
    retracts: bool,
    results: R,
) -> Made {
    let store = Sequence::new(arguments.kept.clone(), keep, retracts)?;
    Ok(Some(Box::new(Collecting::new(arguments, store, results))))
}
