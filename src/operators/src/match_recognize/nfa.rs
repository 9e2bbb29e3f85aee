//! A pattern as Flink's CEP library compiles it: states that take a row into a variable or proceed without one. Greed is
//! a condition: what stands behind a greedy variable takes a row only where that variable would not.

use filbert_graph::spec::RowPattern;

use crate::error::{OperatorError, Result};

/// The final state.
pub(super) const FINAL: usize = 0;

#[derive(Debug, Clone)]
pub(super) struct Nfa {
    pub states: Vec<State>,
    pub start: usize,
}

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// The variable into which the state takes rows.
    pub variable: usize,
    pub transitions: Vec<Transition>,
}

#[derive(Debug, Clone)]
pub(super) struct Transition {
    /// Takes the row; else the target looks at it too.
    pub take: bool,
    pub target: usize,
    /// The row must meet the condition of this variable, and of none of `not`.
    pub meets: Option<usize>,
    pub not: Vec<usize>,
}

/// A variable with its quantifier.
#[derive(Debug, Clone, Copy)]
struct Part {
    variable: usize,
    min: u32,
    max: Option<u32>,
    greedy: bool,
}

impl Nfa {
    /// # Errors
    /// When the pattern is more than variables in a row: a bug, others are matched otherwise.
    pub fn new(pattern: &RowPattern) -> Result<Nfa> {
        let parts = match pattern {
            RowPattern::Concat(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let parts = parts.iter().map(part).collect::<Option<Vec<Part>>>();
        let parts = parts.ok_or_else(|| {
            OperatorError::engine("A pattern of groups in an automaton of variables.")
        })?;
        let mut nfa = Nfa {
            states: vec![State::default()],
            start: FINAL,
        };
        for part in parts.into_iter().rev() {
            nfa.start = nfa.add(part, nfa.start);
        }
        Ok(nfa)
    }

    /// Adds the states of a part in front of `sink`; gives the first.
    fn add(&mut self, part: Part, sink: usize) -> usize {
        let optional = part.min == 0;
        match part.max {
            None => {
                let looping = self.state(part.variable);
                self.proceed(looping, sink);
                if part.greedy {
                    self.yield_to(sink, part.variable);
                }
                self.take(looping, looping);
                self.times(part.variable, part.min.max(1), looping, sink, optional)
            }
            Some(max) => {
                let from = part.min.max(1);
                if part.greedy && from != max {
                    self.yield_to(sink, part.variable);
                }
                let mut last = sink;
                for _ in from..max {
                    last = self.singleton(part.variable, last, Some(sink));
                }
                self.times(part.variable, from, last, sink, optional)
            }
        }
    }

    /// States that take `times` rows on the way to `sink`; if optional, the first may proceed to `over`.
    fn times(
        &mut self,
        variable: usize,
        times: u32,
        sink: usize,
        over: usize,
        optional: bool,
    ) -> usize {
        let mut last = sink;
        for _ in 1..times {
            last = self.singleton(variable, last, None);
        }
        self.singleton(variable, last, optional.then_some(over))
    }

    fn singleton(&mut self, variable: usize, sink: usize, proceed: Option<usize>) -> usize {
        let state = self.state(variable);
        self.take(state, sink);
        if let Some(target) = proceed {
            self.proceed(state, target);
        }
        state
    }

    fn state(&mut self, variable: usize) -> usize {
        self.states.push(State {
            variable,
            transitions: Vec::new(),
        });
        self.states.len() - 1
    }

    fn take(&mut self, state: usize, target: usize) {
        let meets = Some(self.states[state].variable);
        self.states[state].transitions.push(Transition {
            take: true,
            target,
            meets,
            not: Vec::new(),
        });
    }

    fn proceed(&mut self, state: usize, target: usize) {
        self.states[state].transitions.push(Transition {
            take: false,
            target,
            meets: None,
            not: Vec::new(),
        });
    }

    /// The state goes nowhere with a row that the greedy variable before it would take.
    fn yield_to(&mut self, state: usize, greedy: usize) {
        for transition in &mut self.states[state].transitions {
            transition.not.push(greedy);
        }
    }
}

fn part(pattern: &RowPattern) -> Option<Part> {
    match pattern {
        RowPattern::Variable(variable) => Some(Part {
            variable: *variable,
            min: 1,
            max: Some(1),
            greedy: false,
        }),
        RowPattern::Repeat {
            pattern,
            min,
            max,
            reluctant,
        } => match **pattern {
            RowPattern::Variable(variable) => Some(Part {
                variable,
                min: *min,
                max: *max,
                // `?` and `{n}` are never greedy in Flink.
                greedy: !reluctant && *max != Some(*min) && !(*min == 0 && *max == Some(1)),
            }),
            _ => None,
        },
        _ => None,
    }
}
