//! SPLIT, SPLIT_INDEX, STR_TO_MAP.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, StringViewBuilder};
use datafusion::common::Result;
use filbert_types::{LogicalType, TypeKind};

use crate::CallError;
use crate::builtins::collection::map::MapWriter;
use crate::definition::{Function, Inferred};
use crate::java::cache::Cached;
use crate::java::hash_map::hash_map_order;
use crate::java::regex::JavaRegex;
use crate::kernel::{Call, fail};
use crate::signature::{CallArgs, INT, STRING};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "SPLIT",
        &["SPLIT(<CHARACTER_STRING>, <CHARACTER_STRING>)"],
        "The parts of the text between the delimiters; its characters where the delimiter is empty.",
        |call| {
            let types = call.matches(&[&[STRING, STRING]])?;
            Ok(call.returns(types, TypeKind::Array(Box::new(LogicalType::string()))))
        },
        split,
    ),
    Function::kernel(
        "SPLIT_INDEX",
        &[
            "SPLIT_INDEX(<CHARACTER>, <CHARACTER>, <INTEGER>)",
            "SPLIT_INDEX(<CHARACTER>, <INTEGER>, <INTEGER>)",
        ],
        "The part of the text with this number, counted from 0, between delimiters (given as text or as a character's code).",
        |call| {
            let types = call.matches(&[&[STRING, STRING, INT], &[STRING, INT, INT]])?;
            Ok(call.returns_nullable(types, TypeKind::STRING))
        },
        split_index,
    ),
    Function::kernel(
        "STR_TO_MAP",
        &[
            "STR_TO_MAP(<CHARACTER>)",
            "STR_TO_MAP(<CHARACTER>, <CHARACTER>, <CHARACTER>)",
        ],
        "A map of the text's pairs: ',' and '=' part them, or the given regular expressions.",
        infer_str_to_map,
        str_to_map,
    )
    .fallible(),
];

fn infer_str_to_map(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING], &[STRING, STRING, STRING]])?;
    let map = TypeKind::Map(
        Box::new(LogicalType::string()),
        Box::new(LogicalType::string()),
    );
    Ok(call.returns_nullable(types, map))
}

fn split(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, delimiter) = (call.strings(0)?, call.strings(1)?);
    let nulls = call.strict_nulls();
    let mut builder = ListBuilder::new(StringViewBuilder::new());
    for row in 0..call.rows {
        if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
            builder.append_null();
            continue;
        }
        let (text, delimiter) = (text.value(row), delimiter.value(row));
        if text.is_empty() {
            // The empty text has no parts at all.
        } else if delimiter.is_empty() {
            let mut buffer = [0; 4];
            for c in text.chars() {
                if c > '\u{ffff}' {
                    // Java cuts it into two halves, neither of which is a character.
                    builder.values().append_value("?");
                    builder.values().append_value("?");
                } else {
                    builder.values().append_value(c.encode_utf8(&mut buffer));
                }
            }
        } else {
            text.split(delimiter)
                .for_each(|part| builder.values().append_value(part));
        }
        builder.append(true);
    }
    Ok(Arc::new(builder.finish()))
}

fn split_index(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, index) = (call.strings(0)?, call.ints(2)?);
    if call.arg_types[1].kind.is_character() {
        let delimiter = call.strings(1)?;
        return call.strict_parts(&text, |row, text| {
            part(text, delimiter.value(row), index.value(row))
        });
    }
    let code = call.ints(1)?;
    call.strict_parts(&text, |row, text| {
        let code = code.value(row);
        if !(1..=255).contains(&code) {
            return None;
        }
        let mut buffer = [0; 4];
        let delimiter = char::from(code as u8).encode_utf8(&mut buffer);
        part(text, delimiter, index.value(row))
    })
}

/// Where the part begins and ends.
fn part(text: &str, delimiter: &str, index: i32) -> Option<(usize, usize)> {
    let index = usize::try_from(index).ok()?;
    if text.is_empty() {
        return None;
    }
    match delimiter.as_bytes() {
        [] => (index == 0).then_some((0, text.len())),
        [byte] => between(
            Occurrences::of(*byte, text.as_bytes()),
            (text.len(), 1),
            index,
        ),
        long => between(
            text.match_indices(delimiter).map(|(at, _)| at),
            (text.len(), long.len()),
            index,
        ),
    }
}

/// Where a byte occurs, looked for in eight bytes at a time: delimiters stand close to each other, so that a search begun
/// anew behind each costs more than the search itself.
struct Occurrences<'a> {
    words: std::slice::Chunks<'a, u8>,
    /// Eight times the byte.
    pattern: u64,
    /// Where the word at hand begins.
    base: usize,
    /// The high bit of each byte of the word that is one and was not given yet.
    found: u64,
}

const WORD: usize = 8;
const LOW_BITS: u64 = u64::from_le_bytes([0x7f; WORD]);

impl<'a> Occurrences<'a> {
    fn of(byte: u8, text: &'a [u8]) -> Occurrences<'a> {
        Occurrences {
            words: text.chunks(WORD),
            pattern: u64::from_le_bytes([byte; WORD]),
            base: 0usize.wrapping_sub(WORD),
            found: 0,
        }
    }

    /// Goes to the next word; false at the end.
    #[inline]
    fn advance(&mut self) -> bool {
        let Some(bytes) = self.words.next() else {
            return false;
        };
        let word = <[u8; WORD]>::try_from(bytes).unwrap_or_else(|_| {
            // A short word is filled up with bytes that differ.
            let mut word = (!self.pattern).to_le_bytes();
            word[..bytes.len()].copy_from_slice(bytes);
            word
        });
        let different = u64::from_le_bytes(word) ^ self.pattern;
        self.found = !(((different & LOW_BITS) + LOW_BITS) | different | LOW_BITS);
        self.base = self.base.wrapping_add(WORD);
        true
    }
}

impl Iterator for Occurrences<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        self.nth(0)
    }

    #[inline]
    fn nth(&mut self, mut before: usize) -> Option<usize> {
        loop {
            let here = self.found.count_ones() as usize;
            if before < here {
                break;
            }
            before -= here;
            if !self.advance() {
                self.found = 0;
                return None;
            }
        }
        for _ in 0..before {
            self.found &= self.found - 1;
        }
        let at = self.base + self.found.trailing_zeros() as usize / 8;
        self.found &= self.found - 1;
        Some(at)
    }
}

/// Where the part with this number stands, in a text of a length, between delimiters of a length.
fn between(
    mut delimiters: impl Iterator<Item = usize>,
    (text_length, length): (usize, usize),
    index: usize,
) -> Option<(usize, usize)> {
    let start = match index.checked_sub(1) {
        None => 0,
        Some(before) => delimiters.nth(before)? + length,
    };
    Some((start, delimiters.next().unwrap_or(text_length)))
}

fn str_to_map(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    let delimiters = match call.args.len() {
        3 => Some((call.strings(1)?, call.strings(2)?)),
        _ => None,
    };
    let nulls = call.strict_nulls();
    let mut patterns = Cached::default();
    let mut map = MapWriter::new(StringViewBuilder::new(), StringViewBuilder::new());
    for row in 0..call.rows {
        if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
            map.append_null();
            continue;
        }
        let (between, within) = match &delimiters {
            Some((between, within)) => (between.value(row), within.value(row)),
            None => (",", "="),
        };
        let pairs = pairs_of(text.value(row), between, within, &mut patterns).map_err(fail)?;
        for (key, value) in pairs {
            map.keys.append_value(key);
            map.values.append_option(value);
        }
        map.append();
    }
    map.finish(call.return_type)
}

type Pair<'t> = (&'t str, Option<&'t str>);

/// The pairs in the order in which Java's `HashMap` has them; the last of equal keys wins.
fn pairs_of<'t, 'k>(
    text: &'t str,
    between: &'k str,
    within: &'k str,
    patterns: &mut Cached<'k, JavaRegex>,
) -> Result<Vec<Pair<'t>>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let parts = match patterns.get(between, "", JavaRegex::new) {
        Ok(regex) => regex.split(text, 0),
        Err(e) => return Err(e.clone()),
    };
    let regex = match patterns.get(within, "", JavaRegex::new) {
        Ok(regex) => regex,
        Err(e) => return Err(e.clone()),
    };
    let pairs = parts.iter().map(|pair| match regex.split(pair, 2)[..] {
        [key, value] => (key, Some(value)),
        _ => (*pair, None),
    });
    Ok(hash_map_order(parts.len(), pairs))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_are_those_that_splitting_gives(text in "[a/é]{0,40}", index in 0i32..12) {
            let part = part(&text, "/", index).map(|(start, end)| &text[start..end]);
            let expected = text.split('/').nth(index as usize).filter(|_| !text.is_empty());
            prop_assert_eq!(part, expected);
        }
    }
}
