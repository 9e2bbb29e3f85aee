use std::collections::VecDeque;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ConnectorError;
use crate::source::{Assignment, Split, SplitEnumerator};

/// A split that is nothing but a place in what the source makes, which its state holds as JSON.
pub trait Position: Serialize + DeserializeOwned + Send {
    /// The split's name within its source.
    fn id(&self) -> String;

    /// Whether this reader may take it; any, by default.
    fn is_for(&self, subtask: usize) -> bool {
        let _ = subtask;
        true
    }

    /// # Errors
    /// When the position can't be written as JSON: a bug.
    fn to_split(&self) -> Result<Split, ConnectorError> {
        Ok(Split {
            id: self.id(),
            state: serde_json::to_value(self).map_err(damaged)?,
        })
    }

    /// # Errors
    /// When the split's state is no such position.
    fn of_split(split: &Split) -> Result<Self, ConnectorError> {
        Self::deserialize(&split.state).map_err(damaged)
    }
}

fn damaged(error: serde_json::Error) -> ConnectorError {
    ConnectorError::engine(format!("a split's position is damaged: {error}"))
}

/// Hands positions out, one to each reader that asks.
pub struct PositionEnumerator<P> {
    pending: VecDeque<P>,
    /// Splits that came back and can't be read: told to the reader that asks next.
    damaged: Option<ConnectorError>,
}

impl<P: Position> PositionEnumerator<P> {
    pub fn new(positions: impl IntoIterator<Item = P>) -> PositionEnumerator<P> {
        PositionEnumerator {
            pending: positions.into_iter().collect(),
            damaged: None,
        }
    }
}

impl<P: Position> SplitEnumerator for PositionEnumerator<P> {
    fn next_splits(&mut self, subtask: usize) -> Result<Assignment, ConnectorError> {
        if let Some(error) = self.damaged.take() {
            return Err(error);
        }
        let at = self.pending.iter().position(|p| p.is_for(subtask));
        match at.and_then(|at| self.pending.remove(at)) {
            Some(position) => Ok(Assignment::Splits(vec![position.to_split()?])),
            None => Ok(Assignment::Finished),
        }
    }

    fn add_splits_back(&mut self, splits: Vec<Split>) {
        for split in &splits {
            match P::of_split(split) {
                Ok(position) => self.pending.push_back(position),
                Err(error) => self.damaged = Some(error),
            }
        }
    }

    fn snapshot(&self) -> Result<serde_json::Value, ConnectorError> {
        serde_json::to_value(&self.pending).map_err(damaged)
    }

    fn restore(&mut self, state: serde_json::Value) -> Result<(), ConnectorError> {
        self.pending = serde_json::from_value(state).map_err(damaged)?;
        Ok(())
    }
}
