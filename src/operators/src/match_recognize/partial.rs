//! What is known of the rows of a partial match: a block of words that holds, for each set of variables that is asked
//! for, how many rows it has, its first and its last ones, and the running aggregates.
//!
//! A row that is taken makes a new block from the one before, so that branches share nothing but what they have in
//! common, and whatever a condition asks is found at once however long the match is. Only where every row is needed
//! at the end (aggregates that don't run, ALL ROWS PER MATCH) do blocks also hold on to the ones before.

use filbert_graph::spec::MatchColumn;
use filbert_state::ValueTable;

use super::aggregate::RowsAggregate;
use super::rows::{NULL_ROW, Rows};
use super::running::{Running, RunningAggregate};

/// Beside a taken row's variable: the row is not shown.
const EXCLUDED: u32 = 1 << 31;

/// A row of a match.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub row: u32,
    pub variable: u32,
    /// The block that taking it made.
    pub block: u32,
    pub excluded: bool,
}

/// No rows yet.
pub(super) const EMPTY: u32 = u32::MAX;

/// The rows of some variables, as far as they are remembered.
#[derive(Debug, Clone)]
struct RowSet {
    variables: Vec<usize>,
    /// By variable.
    member: Vec<bool>,
    /// Where its words begin: the count, the first rows, the last rows.
    at: usize,
    firsts: usize,
    lasts: usize,
}

/// A place in the match: so many rows from the first or the last of a set.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowRef {
    set: usize,
    first: bool,
    offset: usize,
}

#[derive(Debug, Default)]
pub(super) struct Layout {
    variables: usize,
    sets: Vec<RowSet>,
    words: usize,
}

impl Layout {
    pub fn new(variables: usize) -> Layout {
        Layout {
            variables,
            ..Layout::default()
        }
    }

    /// The place of the set of these variables.
    pub fn set_of(&self, variables: &[usize]) -> Option<usize> {
        self.sets.iter().position(|s| s.variables == variables)
    }

    /// Asks for a row.
    pub fn row(&mut self, variables: &[usize], first: bool, offset: u32) -> RowRef {
        let set = self.set_of(variables).unwrap_or_else(|| {
            self.sets.push(RowSet {
                variables: variables.to_vec(),
                member: (0..self.variables)
                    .map(|v| variables.contains(&v))
                    .collect(),
                at: 0,
                firsts: 0,
                lasts: 0,
            });
            self.sets.len() - 1
        });
        let offset = offset as usize;
        let rows = &mut self.sets[set];
        if first {
            rows.firsts = rows.firsts.max(offset + 1);
        } else {
            rows.lasts = rows.lasts.max(offset + 1);
        }
        self.place();
        RowRef { set, first, offset }
    }

    /// The row that a column asks for.
    pub fn column(&mut self, column: &MatchColumn) -> Option<RowRef> {
        match column {
            MatchColumn::Row {
                variables,
                first,
                offset,
                ..
            } => Some(self.row(variables, *first, *offset)),
            _ => None,
        }
    }

    fn place(&mut self) {
        let mut at = 0;
        for set in &mut self.sets {
            set.at = at;
            at += 1 + set.firsts + set.lasts;
        }
        self.words = at;
    }

    fn all_rows(&self) -> impl Iterator<Item = usize> {
        self.sets
            .iter()
            .flat_map(|s| s.at + 1..s.at + 1 + s.firsts + s.lasts)
    }
}

/// The blocks of all partial matches.
pub(super) struct Partials {
    layout: Layout,
    words: ValueTable<u32>,
    /// All aggregates, those that run too.
    aggregates: Vec<RowsAggregate>,
    running: Vec<RunningAggregate>,
    values: ValueTable<Running>,
    refs: ValueTable<u32>,
    free: Vec<u32>,
    /// With `keeps_rows`, by block: the one before, the row and its variable.
    keeps_rows: bool,
    before: ValueTable<u32>,
    taken: ValueTable<(u32, u32)>,
}

impl Partials {
    pub fn new(
        layout: Layout,
        aggregates: Vec<RowsAggregate>,
        running: Vec<RunningAggregate>,
        keeps_rows: bool,
    ) -> Partials {
        Partials {
            aggregates,
            layout,
            words: ValueTable::default(),
            running,
            values: ValueTable::default(),
            refs: ValueTable::default(),
            free: Vec::new(),
            keeps_rows,
            before: ValueTable::default(),
            taken: ValueTable::default(),
        }
    }

    /// The block after a row was taken into a variable.
    pub fn take(
        &mut self,
        rows: &mut Rows,
        block: u32,
        variable: usize,
        row: u32,
        excluded: bool,
    ) -> u32 {
        let made = self.allocate();
        let width = self.layout.words;
        let to = made as usize * width;
        let words = self.words.values_mut();
        if block == EMPTY {
            for set in &self.layout.sets {
                let words = &mut words[to + set.at..];
                words[0] = 0;
                words[1..1 + set.firsts + set.lasts].fill(NULL_ROW);
            }
        } else {
            let from = block as usize * width;
            words.copy_within(from..from + width, to);
        }
        let words = &mut words[to..to + width];
        for set in self.layout.sets.iter().filter(|s| s.member[variable]) {
            let words = &mut words[set.at..];
            let count = words[0] as usize;
            words[0] += 1;
            if count < set.firsts {
                words[1 + count] = row;
            }
            if set.lasts > 0 {
                let lasts = &mut words[1 + set.firsts..1 + set.firsts + set.lasts];
                lasts.copy_within(0..set.lasts - 1, 1);
                lasts[0] = row;
            }
        }
        for at in self.layout.all_rows() {
            rows.hold(words[at]);
        }
        self.run(rows, block, made, variable, row);
        if self.keeps_rows {
            if block != EMPTY {
                self.hold(block);
            }
            rows.hold(row);
            self.before.set(made, block);
            let mark = if excluded { EXCLUDED } else { 0 };
            self.taken.set(made, (row, variable as u32 | mark));
        }
        made
    }

    fn run(&mut self, rows: &Rows, block: u32, made: u32, variable: usize, row: u32) {
        let count = self.running.len();
        let values = self.values.values_mut();
        for (i, aggregate) in self.running.iter().enumerate() {
            let before = match block {
                EMPTY => Running::default(),
                block => values[block as usize * count + i],
            };
            values[made as usize * count + i] = aggregate.after(before, rows, variable, row);
        }
    }

    fn allocate(&mut self) -> u32 {
        let block = self.free.pop().unwrap_or_else(|| {
            let blocks = self.refs.values().len();
            self.refs.reserve_slots(blocks + 1);
            self.words.reserve_slots((blocks + 1) * self.layout.words);
            self.values.reserve_slots((blocks + 1) * self.running.len());
            if self.keeps_rows {
                self.before.reserve_slots(blocks + 1);
                self.taken.reserve_slots(blocks + 1);
            }
            blocks as u32
        });
        self.refs.set(block, 1);
        block
    }

    pub fn hold(&mut self, block: u32) {
        self.refs.values_mut()[block as usize] += 1;
    }

    /// The block is not needed any more; its rows go where nobody else needs them.
    pub fn release(&mut self, rows: &mut Rows, block: u32) {
        let mut next = block;
        while next != EMPTY {
            let block = next;
            next = EMPTY;
            let refs = &mut self.refs.values_mut()[block as usize];
            *refs -= 1;
            if *refs > 0 {
                return;
            }
            let from = block as usize * self.layout.words;
            for at in self.layout.all_rows() {
                rows.release(self.words.get((from + at) as u32));
            }
            if self.keeps_rows {
                rows.release(self.taken.get(block).0);
                next = self.before.get(block);
            }
            self.free.push(block);
        }
    }

    /// A row of the match; the row of NULLs when there is none.
    #[inline]
    pub fn row(&self, block: u32, wanted: RowRef) -> u32 {
        if block == EMPTY {
            return NULL_ROW;
        }
        let set = &self.layout.sets[wanted.set];
        let from = block as usize * self.layout.words + set.at + 1;
        let at = if wanted.first { 0 } else { set.firsts };
        self.words.values()[from + at + wanted.offset]
    }

    /// As `row`, once `current` is also taken into `variable`.
    #[inline]
    pub fn row_with(&self, block: u32, wanted: RowRef, variable: usize, current: u32) -> u32 {
        let set = &self.layout.sets[wanted.set];
        if !set.member[variable] {
            return self.row(block, wanted);
        }
        if wanted.first {
            let count = match block {
                EMPTY => 0,
                block => self.words.values()[block as usize * self.layout.words + set.at] as usize,
            };
            return match wanted.offset.cmp(&count) {
                std::cmp::Ordering::Less => self.row(block, wanted),
                std::cmp::Ordering::Equal => current,
                std::cmp::Ordering::Greater => NULL_ROW,
            };
        }
        match wanted.offset {
            0 => current,
            offset => self.row(
                block,
                RowRef {
                    offset: offset - 1,
                    ..wanted
                },
            ),
        }
    }

    /// A running aggregate.
    pub fn value(&self, block: u32, aggregate: usize) -> Running {
        match block {
            EMPTY => Running::default(),
            block => self.values.values()[block as usize * self.running.len() + aggregate],
        }
    }

    /// As `value`, once `current` is also taken into `variable`.
    pub fn value_with(
        &self,
        rows: &Rows,
        block: u32,
        aggregate: usize,
        variable: usize,
        current: u32,
    ) -> Running {
        let before = self.value(block, aggregate);
        self.running[aggregate].after(before, rows, variable, current)
    }

    pub fn aggregates(&self) -> &[RowsAggregate] {
        &self.aggregates
    }

    pub fn running(&self) -> &[RunningAggregate] {
        &self.running
    }

    /// The rows of a match, the first row first.
    pub fn rows_of(&self, block: u32, found: &mut Vec<Taken>) {
        let start = found.len();
        let mut at = block;
        while at != EMPTY {
            let (row, variable) = self.taken.get(at);
            found.push(Taken {
                row,
                variable: variable & !EXCLUDED,
                block: at,
                excluded: variable & EXCLUDED != 0,
            });
            at = self.before.get(at);
        }
        found[start..].reverse();
    }

    /// The variable of a match's last row.
    pub fn last_variable(&self, block: u32) -> Option<u32> {
        (block != EMPTY).then(|| self.taken.get(block).1 & !EXCLUDED)
    }

    /// How many rows a match has of the set of a row that was asked for.
    pub fn count(&self, block: u32, of: RowRef) -> usize {
        match block {
            EMPTY => 0,
            block => self.set_words(block, of.set).0 as usize,
        }
    }

    /// Of a set: how many rows it has, its first ones and its last ones.
    pub fn set_words(&self, block: u32, set: usize) -> (u32, &[u32], &[u32]) {
        let set = &self.layout.sets[set];
        let from = block as usize * self.layout.words + set.at;
        let words = &self.words.values()[from..from + 1 + set.firsts + set.lasts];
        let (firsts, lasts) = words[1..].split_at(set.firsts);
        (words[0], firsts, lasts)
    }

    pub fn memory_bytes(&self) -> usize {
        self.words.memory_bytes()
            + self.values.memory_bytes()
            + self.refs.memory_bytes()
            + self.before.memory_bytes()
            + self.taken.memory_bytes()
            + self.free.capacity() * 4
    }
}
