//! How bound functions are written, as JSON beside their names, and looked up again.

use std::sync::Arc;

use datafusion::common::{Result, internal_err, plan_err};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use filbert_types::LogicalType;
use serde::{Deserialize, Serialize};

use super::FunctionCodec;
use crate::aggregate::BoundAggregate;
use crate::definition::{FunctionRef, Inferred};
use crate::multiset::{MULTISET_ELEMENTS, MultisetElements};
use crate::registry::FunctionRegistry;
use crate::udf::{BoundFunction, Session};
use crate::window::BoundWindow;

impl FunctionCodec {
    pub(super) fn decode_udf(&self, name: &str, buf: &[u8]) -> Result<Arc<ScalarUDF>> {
        if buf.is_empty() {
            return datafusion_function(name);
        }
        let form: CallForm = from_json(name, buf)?;
        let function = match form.table {
            true => self.registry.table(name).cloned().map(FunctionRef::Table),
            false => self.registry.scalar(name),
        };
        let Some(function) = function else {
            return plan_err!(
                "The function {name} is not registered in this process{}",
                self.registry.hint(name)
            );
        };
        let mut bound =
            BoundFunction::new(function, form.arg_types, form.return_type, form.session)
                .with_context(self.registry.context());
        if let Some(clock) = &self.clock {
            bound = bound.with_clock(clock);
        }
        Ok(Arc::new(ScalarUDF::new_from_impl(bound)))
    }
}

/// What a function was bound to, which is JSON already.
pub(super) fn bound_json(bytes: &[u8]) -> Result<serde_json::Value> {
    match serde_json::from_slice(bytes) {
        Ok(json) => Ok(json),
        Err(e) => internal_err!("A bound function is no JSON: {e}"),
    }
}

pub(super) fn bound_bytes(json: &serde_json::Value) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    to_json(json, &mut bytes)?;
    Ok(bytes)
}

/// How a bound call is written.
#[derive(Serialize, Deserialize)]
struct CallForm {
    arg_types: Vec<LogicalType>,
    return_type: LogicalType,
    session: Session,
    /// A table function's call; a scalar function may have its name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    table: bool,
}

fn from_json<'a, T: Deserialize<'a>>(name: &str, buf: &'a [u8]) -> Result<T> {
    match serde_json::from_slice(buf) {
        Ok(form) => Ok(form),
        Err(e) => plan_err!("The stored call of {name} can't be read: {e}"),
    }
}

fn to_json(form: &impl Serialize, buf: &mut Vec<u8>) -> Result<()> {
    match serde_json::to_writer(buf, form) {
        Ok(()) => Ok(()),
        Err(e) => internal_err!("A call can't be written: {e}"),
    }
}

pub(super) fn encode_udf(node: &ScalarUDF, buf: &mut Vec<u8>) -> Result<()> {
    let Some(bound) = node.inner().downcast_ref::<BoundFunction>() else {
        return Ok(());
    };
    let form = CallForm {
        arg_types: bound.arg_types.clone(),
        return_type: bound.return_type.clone(),
        session: bound.session.clone(),
        table: matches!(bound.function, FunctionRef::Table(_)),
    };
    to_json(&form, buf)
}

/// How a bound aggregate or window function is written.
#[derive(Serialize, Deserialize)]
struct AggregateForm {
    arg_types: Vec<LogicalType>,
    return_type: LogicalType,
}

pub(super) fn encode_udaf(node: &AggregateUDF, buf: &mut Vec<u8>) -> Result<()> {
    let Some(bound) = node.inner().downcast_ref::<BoundAggregate>() else {
        return Ok(());
    };
    let form = AggregateForm {
        arg_types: bound.arg_types.clone(),
        return_type: bound.return_type.clone(),
    };
    to_json(&form, buf)
}

pub(super) fn decode_udaf(
    registry: &FunctionRegistry,
    name: &str,
    buf: &[u8],
) -> Result<Arc<AggregateUDF>> {
    if buf.is_empty() {
        return datafusion_aggregate(name);
    }
    let form: AggregateForm = from_json(name, buf)?;
    if let Some(user) = registry.user_aggregate(name) {
        let (arg_types, return_type) = (form.arg_types, form.return_type);
        let types = Inferred {
            arg_types,
            return_type,
        };
        let bound = BoundAggregate::user(user, types);
        return Ok(Arc::new(AggregateUDF::new_from_impl(bound)));
    }
    match BoundAggregate::by_name(name, form.arg_types, form.return_type) {
        Some(bound) => Ok(Arc::new(AggregateUDF::new_from_impl(bound))),
        None => plan_err!("There is no aggregate function {name}"),
    }
}

pub(super) fn encode_udwf(node: &WindowUDF, buf: &mut Vec<u8>) -> Result<()> {
    let Some(bound) = node.inner().downcast_ref::<BoundWindow>() else {
        return Ok(());
    };
    let form = AggregateForm {
        arg_types: bound.arg_types.clone(),
        return_type: bound.return_type.clone(),
    };
    to_json(&form, buf)
}

pub(super) fn decode_udwf(name: &str, buf: &[u8]) -> Result<Arc<WindowUDF>> {
    if buf.is_empty() {
        return datafusion_window(name);
    }
    let form: AggregateForm = from_json(name, buf)?;
    match BoundWindow::by_name(name, form.arg_types, form.return_type) {
        Some(bound) => Ok(Arc::new(WindowUDF::new_from_impl(bound))),
        None => plan_err!("There is no window function {name}"),
    }
}

/// One of DataFusion's own, which its optimizer may have put in, or one of plans alone.
fn datafusion_function(name: &str) -> Result<Arc<ScalarUDF>> {
    if name == MULTISET_ELEMENTS {
        return Ok(Arc::new(ScalarUDF::new_from_impl(
            MultisetElements::default(),
        )));
    }
    let mut all = datafusion::functions::all_default_functions();
    all.extend(datafusion::functions_nested::all_default_nested_functions());
    called(name, "scalar", all, |f| (f.name(), f.aliases()))
}

fn datafusion_aggregate(name: &str) -> Result<Arc<AggregateUDF>> {
    let all = datafusion::functions_aggregate::all_default_aggregate_functions();
    called(name, "aggregate", all, |f| (f.name(), f.aliases()))
}

fn datafusion_window(name: &str) -> Result<Arc<WindowUDF>> {
    let all = datafusion::functions_window::all_default_window_functions();
    called(name, "window", all, |f| (f.name(), f.aliases()))
}

/// The function of this name or alias.
fn called<F>(
    name: &str,
    kind: &str,
    all: Vec<Arc<F>>,
    names: fn(&F) -> (&str, &[String]),
) -> Result<Arc<F>> {
    let found = all.into_iter().find(|function| {
        let (own, aliases) = names(function);
        own == name || aliases.iter().any(|alias| alias == name)
    });
    match found {
        Some(function) => Ok(function),
        None => plan_err!("There is no {kind} function {name}"),
    }
}
