//! One row, shown to the partial matches of a search.

use hashbrown::{HashMap, HashSet};

use super::program::Instruction;
use super::{Standard, Tables};
use crate::error::{OperatorError, Result};
use crate::match_recognize::automaton::Computation;
use crate::match_recognize::condition::Candidate;
use crate::match_recognize::partial::{EMPTY, Taken};

/// The most partial matches of one search.
const THREADS_MAX: usize = 1 << 18;

/// The outermost iteration that was entered without a row since: none of those inside of it can be left.
pub(super) type Entered = Option<usize>;

/// What one step needs, kept for the next one.
#[derive(Default)]
pub(super) struct Scratch {
    pub threads: Vec<Computation>,
    pub next: Vec<Computation>,
    /// Instructions to go to, and whether without a row since an iteration was entered.
    pub stack: Vec<(usize, Entered)>,
    /// By instruction: in which closure it was seen last, outside of iterations that this has entered.
    pub visited: Vec<u64>,
    pub closure: u64,
    /// What a closure has seen inside of iterations that it has entered.
    pub visited_inside: HashSet<(usize, usize)>,
    /// By instruction: in which step a partial match came there, where conditions read no other rows.
    pub reached: Vec<u64>,
    pub step: u64,
    pub places: HashMap<(u32, u64), u32>,
    /// What conditions gave for the block at hand, by variable.
    pub known: Vec<Option<bool>>,
    /// What was made of the block at hand: variable, excluded, block.
    pub made: Vec<(usize, bool, u32)>,
    pub rows: Vec<Taken>,
}

impl Scratch {
    /// False when the closure was here before, in the same iteration.
    fn visit(&mut self, at: usize, entered: Entered) -> bool {
        match entered {
            Some(enter) => self.visited_inside.insert((at, enter)),
            None => std::mem::replace(&mut self.visited[at], self.closure) != self.closure,
        }
    }
}

impl Standard {
    /// Shows a row to all partial matches; gives the best match that ends with it, if one does.
    pub(super) fn step(
        &mut self,
        row: u32,
        time: i64,
        tables: &mut Tables<'_>,
    ) -> Result<Option<u32>> {
        self.new_step();
        let threads = std::mem::take(&mut self.scratch.threads);
        self.scratch.next.clear();
        let mut best = None;
        let mut of = None;
        for thread in &threads {
            if best.is_some() {
                tables.partials.release(tables.rows, thread.block);
                continue;
            }
            if of != Some(thread.block) {
                self.forget_made(tables);
                self.scratch.known.fill(None);
                of = Some(thread.block);
            }
            best = self.take(*thread, row, time, tables)?;
            tables.partials.release(tables.rows, thread.block);
        }
        self.forget_made(tables);
        self.scratch.threads = threads;
        std::mem::swap(&mut self.scratch.threads, &mut self.scratch.next);
        if self.scratch.threads.len() > THREADS_MAX {
            return Err(OperatorError::user(format!(
                "A row of MATCH_RECOGNIZE has more than {THREADS_MAX} partial matches. Let conditions decide earlier \
                 which variable takes a row, or bound the pattern by WITHIN."
            )));
        }
        Ok(best)
    }

    pub(super) fn new_step(&mut self) {
        self.scratch.step += 1;
        self.scratch.places.clear();
    }

    /// A partial match takes the row if it may; gives the whole match that this makes.
    fn take(
        &mut self,
        thread: Computation,
        row: u32,
        time: i64,
        tables: &mut Tables<'_>,
    ) -> Result<Option<u32>> {
        let Instruction::Take {
            variable,
            excluded,
            next,
        } = self.program.instructions[thread.state as usize]
        else {
            return Err(OperatorError::engine(
                "A partial match waits where nothing is taken.",
            ));
        };
        let holds = match self.scratch.known[variable] {
            Some(known) => known,
            None => self.conditions[variable].holds(Candidate {
                rows: tables.rows,
                partials: tables.partials,
                order: Some(&self.rows),
                block: thread.block,
                variable,
                row,
                time,
            })?,
        };
        self.scratch.known[variable] = Some(holds);
        if !holds {
            return Ok(None);
        }
        let mut made = self.scratch.made.iter();
        let known = made.find(|(v, e, _)| *v == variable && *e == excluded);
        let block = match known.map(|(.., block)| *block) {
            Some(block) => block,
            None => {
                let partials = &mut *tables.partials;
                let block = partials.take(tables.rows, thread.block, variable, row, excluded);
                self.scratch.made.push((variable, excluded, block));
                block
            }
        };
        let matched = self.close(next, block, tables)?;
        if matched {
            tables.partials.hold(block);
        }
        Ok(matched.then_some(block))
    }

    /// Blocks that no partial match came to hold go.
    fn forget_made(&mut self, tables: &mut Tables<'_>) {
        for (.., block) in self.scratch.made.drain(..) {
            tables.partials.release(tables.rows, block);
        }
    }

    /// Adds the partial matches to which one with this block leads without a row, in the order of preference, up to where
    /// the pattern is matched; true when it is.
    pub(super) fn close(
        &mut self,
        from: usize,
        block: u32,
        tables: &mut Tables<'_>,
    ) -> Result<bool> {
        self.scratch.closure += 1;
        self.scratch.visited_inside.clear();
        self.scratch.stack.clear();
        self.scratch.stack.push((from, None));
        while let Some((at, entered)) = self.scratch.stack.pop() {
            if !self.scratch.visit(at, entered) {
                continue;
            }
            let stack = &mut self.scratch.stack;
            match &self.program.instructions[at] {
                Instruction::Take { .. } => self.arrive(at as u32, block, tables),
                Instruction::Split(ways) => {
                    stack.extend(ways.iter().rev().map(|way| (*way, entered)));
                }
                Instruction::Enter(body) => stack.push((*body, entered.or(Some(at)))),
                // Else an empty iteration.
                Instruction::Leave(next) if entered.is_none() => stack.push((*next, None)),
                Instruction::Leave(_) => {}
                Instruction::Match => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Adds a partial match, if there is no preferred one with the same future.
    fn arrive(&mut self, state: u32, block: u32, tables: &mut Tables<'_>) {
        let scratch = &mut self.scratch;
        if self.history.is_empty() {
            let reached = &mut scratch.reached[state as usize];
            if *reached == scratch.step {
                return;
            }
            *reached = scratch.step;
        } else {
            let hash = tables.partials.history_hash(block, &self.history);
            let place = scratch.next.len() as u32;
            let known = scratch.places.entry((state, hash)).or_insert(place);
            if *known != place {
                let other = scratch.next[*known as usize].block;
                if tables.partials.same_history(block, other, &self.history) {
                    return;
                }
            }
        }
        if block != EMPTY {
            tables.partials.hold(block);
        }
        scratch.next.push(Computation {
            state,
            block,
            ..Computation::default()
        });
    }
}
