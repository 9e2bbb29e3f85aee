//! PATTERN: its variables by number, and what of it Flink's automaton does not take.

use filbert_sql::{EmptyMatches, Ident, Pattern, Quantifier, RowsPerMatch};
use filbert_types::Span;

use crate::error::{BindError, BindResult};
use crate::relational::RowPattern;

/// A pattern, bound.
pub(super) struct BoundPattern {
    pub pattern: RowPattern,
    pub variables: Vec<String>,
    /// As Flink's plans print it.
    pub text: String,
    /// More than a sequence of variables with quantifiers in which Flink's notion of greed is defined.
    pub standard: bool,
}

/// PERMUTE of more parts has more alternatives than anybody means.
const PERMUTE_MAX: usize = 6;

/// The most rows that a quantifier may ask for: each is a state of the automaton.
const REPEAT_MAX: u32 = 10_000;

/// The most variables of a pattern whose quantifiers are written out.
const SIZE_MAX: u64 = 20_000;

/// `rows`: what a match gives.
pub(super) fn bind(pattern: &Pattern, rows: RowsPerMatch, span: Span) -> BindResult<BoundPattern> {
    let mut binder = PatternBinder {
        variables: Vec::new(),
        standard: false,
    };
    let bound = binder.pattern(pattern)?;
    let empty = min_rows(&bound) == 0;
    if empty && rows == RowsPerMatch::One {
        return Err(BindError::at(
            Some(span),
            "Patterns that can produce empty matches are not supported. There must be at least one non-optional state.",
        )
        .with_hint("With ALL ROWS PER MATCH a match without rows has a meaning."));
    }
    if size(&bound) > SIZE_MAX {
        return Err(BindError::at(
            Some(span),
            format!(
                "The pattern asks for more than {SIZE_MAX} variables once its quantifiers are written out"
            ),
        ));
    }
    let unmatched = rows == RowsPerMatch::All(EmptyMatches::WithUnmatched);
    if unmatched && has_exclusion(&bound) {
        return Err(BindError::at(
            Some(span),
            "ALL ROWS PER MATCH WITH UNMATCHED ROWS can't be combined with an exclusion '{- -}'",
        ));
    }
    let standard = binder.standard || empty || unmatched || !is_sequence(&bound);
    Ok(BoundPattern {
        text: text(pattern),
        variables: binder.variables,
        pattern: bound,
        standard,
    })
}

struct PatternBinder {
    variables: Vec<String>,
    /// A variable stands at two places, or a quantifier has no lower bound.
    standard: bool,
}

impl PatternBinder {
    fn pattern(&mut self, pattern: &Pattern) -> BindResult<RowPattern> {
        Ok(match pattern {
            Pattern::Variable(ident) => RowPattern::Variable(self.variable(ident)),
            Pattern::Concat(parts) => {
                let mut flat = Vec::new();
                for part in parts {
                    match self.pattern(part)? {
                        RowPattern::Concat(inner) => flat.extend(inner),
                        other => flat.push(other),
                    }
                }
                RowPattern::Concat(flat)
            }
            Pattern::Group(inner) => self.pattern(inner)?,
            Pattern::Alternation(branches) => RowPattern::Alternation(self.patterns(branches)?),
            Pattern::Exclude(inner) => RowPattern::Exclude(Box::new(self.pattern(inner)?)),
            Pattern::Permute(parts) => {
                if parts.len() > PERMUTE_MAX {
                    return Err(BindError::new(format!(
                        "PERMUTE of more than {PERMUTE_MAX} patterns is not supported."
                    )));
                }
                let parts = self.patterns(parts)?;
                RowPattern::Alternation(permutations(&parts))
            }
            Pattern::Repeat {
                pattern,
                quantifier,
                span,
            } => {
                let inner = self.pattern(pattern)?;
                let min = check(quantifier, *span)?;
                self.standard |= quantifier.min.is_none();
                RowPattern::Repeat {
                    pattern: Box::new(inner),
                    min,
                    max: quantifier.max,
                    reluctant: quantifier.reluctant,
                }
            }
        })
    }

    fn patterns(&mut self, patterns: &[Pattern]) -> BindResult<Vec<RowPattern>> {
        patterns.iter().map(|p| self.pattern(p)).collect()
    }

    fn variable(&mut self, ident: &Ident) -> usize {
        if let Some(known) = self.variables.iter().position(|v| *v == ident.value) {
            self.standard = true;
            return known;
        }
        self.variables.push(ident.value.clone());
        self.variables.len() - 1
    }
}

/// Flink's conditions on a quantifier, in its words; the least number of repetitions.
fn check(quantifier: &Quantifier, span: Span) -> BindResult<u32> {
    // Flink takes no `{,n}`; standard SQL's begins at 0.
    let min = quantifier.min.unwrap_or(0);
    let from = min.max(1);
    if quantifier.max.is_some_and(|max| max < from) {
        return Err(BindError::at(
            Some(span),
            format!("The to should be a number greater than or equal to from: {from}."),
        ));
    }
    if from.max(quantifier.max.unwrap_or(0)) > REPEAT_MAX {
        return Err(BindError::at(
            Some(span),
            format!("A quantifier above {REPEAT_MAX} is not supported."),
        ));
    }
    Ok(min)
}

/// All orders of the parts, the first part's first.
fn permutations(parts: &[RowPattern]) -> Vec<RowPattern> {
    fn extend(parts: &[RowPattern], taken: &mut Vec<usize>, found: &mut Vec<RowPattern>) {
        if taken.len() == parts.len() {
            let order = taken.iter().map(|i| parts[*i].clone()).collect();
            found.push(RowPattern::Concat(order));
            return;
        }
        for part in 0..parts.len() {
            if !taken.contains(&part) {
                taken.push(part);
                extend(parts, taken, found);
                taken.pop();
            }
        }
    }
    let mut found = Vec::new();
    extend(parts, &mut Vec::new(), &mut found);
    found
}

fn min_rows(pattern: &RowPattern) -> u64 {
    match pattern {
        RowPattern::Variable(_) => 1,
        RowPattern::Concat(parts) => parts.iter().map(min_rows).sum(),
        RowPattern::Alternation(branches) => branches.iter().map(min_rows).min().unwrap_or(0),
        RowPattern::Exclude(inner) => min_rows(inner),
        RowPattern::Repeat { pattern, min, .. } => min_rows(pattern) * u64::from(*min),
    }
}

/// Whether the first (or the last) row of a variable is the first row of every match, as far as that is plain to see.
pub(super) fn is_first_row(pattern: &RowPattern, variable: usize, first: bool) -> bool {
    let parts = match pattern {
        RowPattern::Concat(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let Some((begins, rest)) = parts.split_first() else {
        return false;
    };
    let alone = |max: Option<u32>| max == Some(1) && !rest.iter().any(|p| names(p, variable));
    match begins {
        RowPattern::Variable(v) => *v == variable && (first || alone(Some(1))),
        RowPattern::Repeat {
            pattern, min, max, ..
        } => **pattern == RowPattern::Variable(variable) && *min > 0 && (first || alone(*max)),
        _ => false,
    }
}

fn names(pattern: &RowPattern, variable: usize) -> bool {
    match pattern {
        RowPattern::Variable(v) => *v == variable,
        RowPattern::Concat(parts) | RowPattern::Alternation(parts) => {
            parts.iter().any(|p| names(p, variable))
        }
        RowPattern::Exclude(inner) => names(inner, variable),
        RowPattern::Repeat { pattern, .. } => names(pattern, variable),
    }
}

/// How many variables there are once quantifiers are written out.
fn size(pattern: &RowPattern) -> u64 {
    match pattern {
        RowPattern::Variable(_) => 1,
        RowPattern::Concat(parts) | RowPattern::Alternation(parts) => parts
            .iter()
            .fold(0u64, |all, part| all.saturating_add(size(part))),
        RowPattern::Exclude(inner) => size(inner),
        RowPattern::Repeat {
            pattern, min, max, ..
        } => {
            let times = u64::from(max.unwrap_or(min.saturating_add(1)).max(1));
            size(pattern).saturating_mul(times)
        }
    }
}

fn has_exclusion(pattern: &RowPattern) -> bool {
    match pattern {
        RowPattern::Variable(_) => false,
        RowPattern::Concat(parts) | RowPattern::Alternation(parts) => {
            parts.iter().any(has_exclusion)
        }
        RowPattern::Exclude(_) => true,
        RowPattern::Repeat { pattern, .. } => has_exclusion(pattern),
    }
}

/// Whether Flink would take the pattern: variables in a row, no optional one behind a greedy one, no greedy one last.
fn is_sequence(pattern: &RowPattern) -> bool {
    let parts = match pattern {
        RowPattern::Concat(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut greedy_before = false;
    for part in parts {
        match part {
            RowPattern::Variable(_) => greedy_before = false,
            RowPattern::Repeat {
                pattern,
                min,
                max,
                reluctant,
            } if matches!(**pattern, RowPattern::Variable(_)) => {
                let optional = *min == 0 && *max == Some(1);
                if optional && *reluctant {
                    return false;
                }
                // `{0,n}` escapes Flink's check.
                if greedy_before && (optional || (*min == 0 && max.is_none())) {
                    return false;
                }
                greedy_before = !*reluctant && !optional && *max != Some(*min);
            }
            _ => return false,
        }
    }
    !greedy_before
}

/// A pattern as Flink prints it.
fn text(pattern: &Pattern) -> String {
    let list = |parts: &[Pattern]| parts.iter().map(text).collect::<Vec<_>>().join(", ");
    match pattern {
        Pattern::Variable(ident) => format!("_UTF-16LE'{}'", ident.value),
        Pattern::Concat(parts) => parts
            .iter()
            .map(text)
            .reduce(|before, part| format!("({before}, {part})"))
            .unwrap_or_default(),
        Pattern::Alternation(parts) => format!("|({})", list(parts)),
        Pattern::Group(inner) => text(inner),
        Pattern::Permute(parts) => format!("PATTERN_PERMUTE({})", list(parts)),
        Pattern::Exclude(inner) => format!("PATTERN_EXCLUDE({})", text(inner)),
        Pattern::Repeat {
            pattern,
            quantifier,
            ..
        } => {
            let bound = |n: Option<u32>| n.map_or(-1, i64::from);
            format!(
                "PATTERN_QUANTIFIER({}, {}, {}, {})",
                text(pattern),
                bound(quantifier.min),
                bound(quantifier.max),
                quantifier.reluctant
            )
        }
    }
}

/// The number of a variable that a clause names.
pub(super) fn variable(variables: &[String], ident: &Ident) -> BindResult<usize> {
    variables
        .iter()
        .position(|v| *v == ident.value)
        .ok_or_else(|| {
            BindError::at(
                Some(ident.span),
                format!("Unknown pattern '{}'", ident.value),
            )
            .with_hint(crate::error::available(
                "variables",
                variables.iter().map(String::as_str),
            ))
        })
}
