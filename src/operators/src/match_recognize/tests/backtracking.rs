//! The naive matcher for patterns beyond Flink's: it tries all ways, the preferred first.

use filbert_graph::spec::{AfterMatch, MatchRows, RowPattern};

/// The condition of a variable.
#[derive(Debug, Clone, Copy)]
pub enum Test {
    Any,
    Below(i64),
    /// Not less than the last row of a variable before this one.
    NotLessThan(usize),
    /// The values of the variable's rows so far add up to less.
    SumBelow(i64),
    MoreThanPrev,
    LessThanNext(i64),
}

/// Rows of one key.
pub struct Backtracking<'a> {
    pub pattern: &'a RowPattern,
    pub tests: &'a [Test],
    pub values: &'a [i64],
    pub times: &'a [i64],
    pub within: Option<i64>,
}

/// Variable, row, excluded.
pub type Taken = Vec<(usize, usize, bool)>;
type Then<'t> = &'t mut dyn FnMut(&mut Taken, usize) -> bool;

impl Backtracking<'_> {
    fn holds(&self, variable: usize, taken: &Taken, row: usize) -> bool {
        let value = self.values[row];
        match self.tests[variable] {
            Test::Any => true,
            Test::Below(limit) => value < limit,
            // The row itself is the last one.
            Test::NotLessThan(of) if of == variable => true,
            Test::NotLessThan(of) => {
                let last = taken.iter().rev().find(|(v, ..)| *v == of);
                last.is_some_and(|(_, row, _)| value >= self.values[*row])
            }
            Test::SumBelow(limit) => {
                let own = taken.iter().filter(|(v, ..)| *v == variable);
                value + own.map(|(_, row, _)| self.values[*row]).sum::<i64>() < limit
            }
            Test::MoreThanPrev => row > 0 && value > self.values[row - 1],
            Test::LessThanNext(offset) => {
                let next = self.values.get(row + offset as usize);
                next.is_some_and(|next| value < *next)
            }
        }
    }

    /// Tries the ways to match a pattern from a row on; `then` says whether what follows can be matched too.
    fn go(
        &self,
        pattern: &RowPattern,
        excluded: bool,
        taken: &mut Taken,
        row: usize,
        then: Then<'_>,
    ) -> bool {
        match pattern {
            RowPattern::Variable(variable) => {
                let start = taken.first().map_or(row, |first| first.1);
                let in_time = |within| self.times[row] - self.times[start] < within;
                if row >= self.values.len()
                    || !self.within.is_none_or(in_time)
                    || !self.holds(*variable, taken, row)
                {
                    return false;
                }
                taken.push((*variable, row, excluded));
                if then(taken, row + 1) {
                    return true;
                }
                taken.pop();
                false
            }
            RowPattern::Concat(parts) => self.all(parts, excluded, taken, row, then),
            RowPattern::Alternation(branches) => branches
                .iter()
                .any(|branch| self.go(branch, excluded, taken, row, then)),
            RowPattern::Exclude(inner) => self.go(inner, true, taken, row, then),
            RowPattern::Repeat { .. } => self.repeat(pattern, excluded, 0, taken, row, then),
        }
    }

    fn all(
        &self,
        parts: &[RowPattern],
        excluded: bool,
        taken: &mut Taken,
        row: usize,
        then: Then<'_>,
    ) -> bool {
        let Some((first, rest)) = parts.split_first() else {
            return then(taken, row);
        };
        let mut next = |taken: &mut Taken, row| self.all(rest, excluded, taken, row, then);
        self.go(first, excluded, taken, row, &mut next)
    }

    fn repeat(
        &self,
        pattern: &RowPattern,
        excluded: bool,
        count: u32,
        taken: &mut Taken,
        row: usize,
        then: Then<'_>,
    ) -> bool {
        let RowPattern::Repeat {
            pattern: inner,
            min,
            max,
            reluctant,
        } = pattern
        else {
            return false;
        };
        let enough = count >= *min;
        if enough && *reluctant && then(taken, row) {
            return true;
        }
        if max.is_none_or(|max| count < max) {
            let mut next = |taken: &mut Taken, at| {
                // An iteration that isn't needed takes a row.
                (at > row || !enough) && self.repeat(pattern, excluded, count + 1, taken, at, then)
            };
            if self.go(inner, excluded, taken, row, &mut next) {
                return true;
            }
        }
        enough && !*reluctant && then(taken, row)
    }

    fn preferred(&self, start: usize) -> Option<Taken> {
        let mut found = None;
        let mut end = |taken: &mut Taken, _| {
            found = Some(taken.clone());
            true
        };
        self.go(self.pattern, false, &mut Vec::new(), start, &mut end);
        found
    }

    /// Per search: the row at which it began and what it found; none where a match can't be skipped as asked.
    fn searches(&self, after: AfterMatch) -> Option<Vec<(usize, Option<Taken>)>> {
        let mut searches = Vec::new();
        let mut start = 0;
        while start < self.values.len() {
            let found = self.preferred(start);
            let next = match found.as_ref().filter(|taken| !taken.is_empty()) {
                None => start + 1,
                Some(taken) => {
                    let of = |v: usize| taken.iter().filter(move |t| t.0 == v).map(|t| t.1);
                    match after {
                        AfterMatch::PastLastRow => taken[taken.len() - 1].1 + 1,
                        AfterMatch::ToNextRow => start + 1,
                        AfterMatch::ToFirst(v) => of(v).next().filter(|row| *row != start)?,
                        AfterMatch::ToLast(v) => of(v).next_back().filter(|row| *row != start)?,
                    }
                }
            };
            searches.push((start, found));
            start = next;
        }
        Some(searches)
    }
}

/// A row of the output: with ALL ROWS the row's number; then the measures.
pub type Line = Vec<Option<i64>>;

/// What a match says as of so many of its rows.
fn measures(
    values: &[i64],
    numbers: &[i64],
    taken: &[(usize, usize, bool)],
    as_of: usize,
    number: i64,
) -> Line {
    let average = |rows: &[(usize, usize, bool)]| {
        let own: Vec<i64> = rows
            .iter()
            .filter(|t| t.0 == 0)
            .map(|t| values[t.1])
            .collect();
        (!own.is_empty()).then(|| own.iter().sum::<i64>() / own.len() as i64)
    };
    let so_far = &taken[..as_of];
    let first = |rows: &[(usize, usize, bool)]| rows.first().map(|t| numbers[t.1]);
    let last = |rows: &[(usize, usize, bool)]| rows.last().map(|t| numbers[t.1]);
    vec![
        Some(number),
        so_far.last().map(|t| t.0 as i64),
        first(so_far),
        last(so_far),
        last(taken),
        Some(so_far.iter().filter(|t| t.0 == 0).count() as i64),
        average(so_far),
        average(taken),
    ]
}

pub fn expected(
    of: &Backtracking<'_>,
    numbers: &[i64],
    rows: &MatchRows,
    after: AfterMatch,
) -> Option<Vec<Line>> {
    let mut lines = Vec::new();
    let mut matched = vec![false; of.values.len()];
    let mut number = 0;
    for (start, found) in of.searches(after)? {
        number += i64::from(found.is_some());
        let (empty, unmatched) = match rows {
            MatchRows::One => (true, false),
            MatchRows::All {
                empty, unmatched, ..
            } => (*empty, *unmatched),
        };
        let say = |taken: &Taken, as_of| measures(of.values, numbers, taken, as_of, number);
        let Some(taken) = found else {
            if unmatched && !matched[start] {
                let mut line = vec![Some(numbers[start])];
                line.resize(9, None);
                lines.push(line);
            }
            continue;
        };
        if *rows == MatchRows::One {
            lines.push(say(&taken, taken.len()));
            continue;
        }
        if taken.is_empty() && empty {
            let mut line = vec![Some(numbers[start])];
            line.extend(say(&taken, 0));
            lines.push(line);
        }
        for (i, (_, row, excluded)) in taken.iter().enumerate() {
            matched[*row] = true;
            if !excluded {
                let mut line = vec![Some(numbers[*row])];
                line.extend(say(&taken, i + 1));
                lines.push(line);
            }
        }
    }
    Some(lines)
}
