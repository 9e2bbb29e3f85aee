//! A pattern as a program: what takes a row, and where it branches, the preferred way first.

use filbert_graph::spec::RowPattern;

use crate::error::{OperatorError, Result};

/// The most instructions of a program.
const SIZE_MAX: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Instruction {
    /// Takes a row into a variable.
    Take {
        variable: usize,
        /// Inside of `{- -}`: the row is not shown.
        excluded: bool,
        next: usize,
    },
    /// Goes all of these ways, preferring the first.
    Split(Vec<usize>),
    /// An iteration that may take no rows begins.
    Enter(usize),
    /// It ends: where it has taken no row, not this way.
    Leave(usize),
    Match,
}

#[derive(Debug, Clone)]
pub(super) struct Program {
    pub instructions: Vec<Instruction>,
    pub start: usize,
}

impl Program {
    /// # Errors
    /// When the pattern is too large.
    pub fn new(pattern: &RowPattern) -> Result<Program> {
        let mut program = Program {
            instructions: vec![Instruction::Match],
            start: 0,
        };
        program.start = program.compile(pattern, 0, false)?;
        Ok(program)
    }

    fn push(&mut self, instruction: Instruction) -> Result<usize> {
        if self.instructions.len() >= SIZE_MAX {
            return Err(OperatorError::user(
                "The pattern of MATCH_RECOGNIZE is too large: its quantifiers ask for too many rows.",
            ));
        }
        self.instructions.push(instruction);
        Ok(self.instructions.len() - 1)
    }

    /// What matches `pattern` and goes on at `next`; gives where it begins.
    fn compile(&mut self, pattern: &RowPattern, next: usize, excluded: bool) -> Result<usize> {
        match pattern {
            RowPattern::Variable(variable) => self.push(Instruction::Take {
                variable: *variable,
                excluded,
                next,
            }),
            RowPattern::Concat(parts) => {
                let mut next = next;
                for part in parts.iter().rev() {
                    next = self.compile(part, next, excluded)?;
                }
                Ok(next)
            }
            RowPattern::Alternation(branches) => {
                let mut ways = Vec::with_capacity(branches.len());
                for branch in branches {
                    ways.push(self.compile(branch, next, excluded)?);
                }
                self.push(Instruction::Split(ways))
            }
            RowPattern::Exclude(inner) => self.compile(inner, next, true),
            RowPattern::Repeat {
                pattern,
                min,
                max,
                reluctant,
            } => {
                let mut next = match max {
                    None => self.endless(pattern, next, *reluctant, excluded)?,
                    Some(max) => {
                        let mut inner = next;
                        for _ in *min..*max {
                            let body = self.iteration(pattern, inner, excluded)?;
                            inner = self.split(body, next, *reluctant)?;
                        }
                        inner
                    }
                };
                for _ in 0..*min {
                    next = self.compile(pattern, next, excluded)?;
                }
                Ok(next)
            }
        }
    }

    /// `pattern*`
    fn endless(
        &mut self,
        pattern: &RowPattern,
        next: usize,
        reluctant: bool,
        excluded: bool,
    ) -> Result<usize> {
        let again = self.push(Instruction::Split(Vec::new()))?;
        let body = self.iteration(pattern, again, excluded)?;
        self.instructions[again] = Instruction::Split(ways(body, next, reluctant));
        Ok(again)
    }

    /// One iteration beyond the least number: it takes at least one row.
    fn iteration(&mut self, pattern: &RowPattern, next: usize, excluded: bool) -> Result<usize> {
        if !may_be_empty(pattern) {
            return self.compile(pattern, next, excluded);
        }
        let enter = self.push(Instruction::Enter(0))?;
        let leave = self.push(Instruction::Leave(next))?;
        let body = self.compile(pattern, leave, excluded)?;
        self.instructions[enter] = Instruction::Enter(body);
        Ok(enter)
    }

    fn split(&mut self, body: usize, next: usize, reluctant: bool) -> Result<usize> {
        self.push(Instruction::Split(ways(body, next, reluctant)))
    }
}

fn ways(body: usize, next: usize, reluctant: bool) -> Vec<usize> {
    if reluctant {
        vec![next, body]
    } else {
        vec![body, next]
    }
}

fn may_be_empty(pattern: &RowPattern) -> bool {
    match pattern {
        RowPattern::Variable(_) => false,
        RowPattern::Concat(parts) => parts.iter().all(may_be_empty),
        RowPattern::Alternation(branches) => branches.iter().any(may_be_empty),
        RowPattern::Exclude(inner) => may_be_empty(inner),
        RowPattern::Repeat { pattern, min, .. } => *min == 0 || may_be_empty(pattern),
    }
}
