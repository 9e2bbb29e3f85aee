//! A plan as a file: what COMPILE PLAN writes and EXECUTE PLAN runs. It holds the stream graph, before chaining and
//! parallelism, so that the session that runs it decides on both.

use std::collections::BTreeMap;

use filbert_graph::{JobType, StreamGraph};
use serde::{Deserialize, Serialize};

use crate::error::PlanError;
use crate::planner::Planned;

/// The parallelism of a node that gets what the session has when the plan runs.
const OF_THE_SESSION: usize = 0;
/// While a plan is made this stands for it: greater than any parallelism, so that no edge is taken for a forward one
/// that need not be.
pub(crate) const UNDECIDED: usize = usize::MAX;

/// A streaming job before it is chained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompiledPlan {
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
            filbert_version: env!("CARGO_PKG_VERSION").to_owned(),
            sinks,
            graph,
        }
    }

    /// # Errors
    /// When the plan can't be written, which is a bug.
    pub fn to_json(&self) -> Result<String, PlanError> {
        serde_json::to_string_pretty(self).map_err(|error| PlanError::Internal(error.to_string()))
    }

    /// # Errors
    /// When the text is no plan, or one of another version.
    pub fn from_json(text: &str) -> Result<CompiledPlan, PlanError> {
        let refused = |error: serde_json::Error| {
            PlanError::Refused(format!("The text is no compiled plan: {error}."))
        };
        let json: serde_json::Value = serde_json::from_str(text).map_err(refused)?;
        let ours = env!("CARGO_PKG_VERSION");
        match json.get("filbertVersion").and_then(|v| v.as_str()) {
            Some(theirs) if theirs != ours => Err(PlanError::Refused(format!(
                "The plan was compiled by version {theirs}, this is {ours}. Compile it again."
            ))),
            _ => serde_json::from_value(json).map_err(refused),
        }
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
            logical: String::new(),
            optimized: String::new(),
            execution: String::new(),
            bounded: false,
        }
    }
}
