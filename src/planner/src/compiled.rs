//! A plan as a file: what COMPILE PLAN writes and EXECUTE PLAN runs. It holds the stream graph, before chaining and
//! parallelism, so that the session that runs it decides on both. Expressions stand in it as JSON of our own instead of
//! their bytes, so that a later version reads them.

use std::collections::BTreeMap;

use filbert_functions::codec::FunctionCodec;
use filbert_graph::{JobType, StreamGraph};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::PlanError;
use crate::planner::{PlanTexts, Planned};

/// The parallelism of a node that gets what the session has when the plan runs.
const OF_THE_SESSION: usize = 0;
/// While a plan is made this stands for it: greater than any parallelism, so that no edge is taken for a forward one
/// that need not be.
pub(crate) const UNDECIDED: usize = usize::MAX;

/// The form of the files that this version writes and reads.
const PLAN_VERSION: u32 = 1;

/// The list of expressions that are logical ones.
const LOGICAL: &str = "filters";

/// A streaming job before it is chained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompiledPlan {
    /// The form of the file; a version that can't read an older form says so.
    plan_version: u32,
    /// The version that wrote the plan.
    pub filbert_version: String,
    /// The tables that it fills.
    pub sinks: Vec<String>,
    graph: StreamGraph,
}

impl CompiledPlan {
    pub(crate) fn new(mut graph: StreamGraph, sinks: Vec<String>) -> CompiledPlan {
        for node in &mut graph.nodes {
            if node.parallelism == UNDECIDED {
                node.parallelism = OF_THE_SESSION;
            }
        }
        CompiledPlan {
            plan_version: PLAN_VERSION,
            filbert_version: env!("CARGO_PKG_VERSION").to_owned(),
            sinks,
            graph,
        }
    }

    /// # Errors
    /// When the plan can't be written, which is a bug.
    pub fn to_json(&self) -> Result<String, PlanError> {
        let internal = |error: serde_json::Error| PlanError::Internal(error.to_string());
        let mut json = serde_json::to_value(self).map_err(internal)?;
        each_expression(&mut json, "", &mut bytes_to_json)?;
        serde_json::to_string_pretty(&json).map_err(internal)
    }

    /// # Errors
    /// When the text is no plan, or one of another version.
    pub fn from_json(text: &str) -> Result<CompiledPlan, PlanError> {
        let refused = |error: serde_json::Error| {
            PlanError::Refused(format!("The text is no compiled plan: {error}."))
        };
        let mut json: Value = serde_json::from_str(text).map_err(refused)?;
        let form = json.get("planVersion").and_then(Value::as_u64);
        if form != Some(u64::from(PLAN_VERSION)) {
            let theirs = form.map_or_else(|| "of no version".to_owned(), |v| format!("{v}"));
            return Err(PlanError::Refused(format!(
                "The plan has the form {theirs}, and this version reads form {PLAN_VERSION}. Compile it again."
            )));
        }
        each_expression(&mut json, "", &mut json_to_bytes)?;
        serde_json::from_value(json).map_err(refused)
    }

    /// The job at this parallelism.
    pub fn planned(mut self, parallelism: usize) -> Planned {
        for node in &mut self.graph.nodes {
            if node.parallelism == OF_THE_SESSION {
                node.parallelism = parallelism;
            }
        }
        Planned {
            graph: self.graph,
            job_type: JobType::Streaming,
            artifacts: BTreeMap::new(),
            texts: PlanTexts::default(),
            bounded: false,
        }
    }
}

/// Calls `change` with each expression, an object of bytes or JSON with its text and type, and with the name of the field
/// that it stands in.
fn each_expression(
    json: &mut Value,
    field: &str,
    change: &mut impl FnMut(&mut Map<String, Value>, &str) -> Result<(), PlanError>,
) -> Result<(), PlanError> {
    match json {
        Value::Array(items) => {
            let mut items = items.iter_mut();
            items.try_for_each(|item| each_expression(item, field, change))
        }
        Value::Object(object) => {
            let is_expression = object.len() == 3
                && object.contains_key("text")
                && object.contains_key("ty")
                && (object.contains_key("bytes") || object.contains_key("expr"));
            if is_expression {
                return change(object, field);
            }
            let mut entries = object.iter_mut();
            entries.try_for_each(|(name, value)| each_expression(value, name, change))
        }
        _ => Ok(()),
    }
}

fn bytes_to_json(object: &mut Map<String, Value>, field: &str) -> Result<(), PlanError> {
    let bytes = object.remove("bytes").unwrap_or_default();
    let bytes: Vec<u8> =
        serde_json::from_value(bytes).map_err(|e| PlanError::Internal(e.to_string()))?;
    let json = match field {
        LOGICAL => FunctionCodec::logical_to_json(&bytes),
        _ => FunctionCodec::physical_to_json(&bytes),
    };
    let json = json.map_err(|error| {
        let text = object.get("text").and_then(Value::as_str);
        let text = text.unwrap_or_default();
        PlanError::Refused(format!("'{text}' can't be compiled into a plan: {error}."))
    })?;
    object.insert("expr".to_owned(), json);
    Ok(())
}

fn json_to_bytes(object: &mut Map<String, Value>, field: &str) -> Result<(), PlanError> {
    let Some(json) = object.remove("expr") else {
        return Err(PlanError::Refused(
            "The text is no compiled plan: an expression is missing.".to_owned(),
        ));
    };
    let bytes = match field {
        LOGICAL => FunctionCodec::logical_from_json(json),
        _ => FunctionCodec::physical_from_json(json),
    };
    let bytes =
        bytes.map_err(|e| PlanError::Refused(format!("The text is no compiled plan: {e}.")))?;
    object.insert("bytes".to_owned(), bytes.into());
    Ok(())
}
