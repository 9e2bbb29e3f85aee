//! REGEXP, REGEXP_EXTRACT, REGEXP_EXTRACT_ALL, REGEXP_REPLACE, REGEXP_COUNT, REGEXP_INSTR, REGEXP_SUBSTR.
//!
//! Patterns are Java's; one that doesn't compile gives FALSE or NULL, as in Flink.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, StringViewBuilder};
use arrow::datatypes::Int32Type;
use datafusion::common::Result;
use filbert_types::{LogicalType, TypeKind};

use super::char_count;
use crate::definition::Function;
use crate::java::cache::Cached;
use crate::java::regex::{GroupFinder, JavaRegex};
use crate::kernel::Call;
use crate::signature::{BIGINT, INT, STRING};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "REGEXP",
        &["REGEXP(<CHARACTER>, <CHARACTER>)"],
        "Whether the regular expression occurs in the text.",
        |call| Ok(call.returns(call.matches(&[&[STRING, STRING]])?, TypeKind::Boolean)),
        regexp,
    ),
    Function::kernel(
        "REGEXP_EXTRACT",
        &[
            "REGEXP_EXTRACT(<CHARACTER>, <CHARACTER>)",
            "REGEXP_EXTRACT(<CHARACTER>, <CHARACTER>, <INTEGER>)",
        ],
        "What a group of the regular expression (the whole, by default) matched first.",
        |call| {
            let types = call.matches(&[&[STRING, STRING], &[STRING, STRING, INT]])?;
            Ok(call.returns_nullable(types, TypeKind::STRING))
        },
        extract,
    ),
    Function::kernel(
        "REGEXP_EXTRACT_ALL",
        &[
            "REGEXP_EXTRACT_ALL(str <CHARACTER_STRING>, regex <CHARACTER_STRING>)",
            "REGEXP_EXTRACT_ALL(str <CHARACTER_STRING>, regex <CHARACTER_STRING>, extractIndex <INTEGER_NUMERIC>)",
        ],
        "What a group of the regular expression (the first, by default) matched, all the times.",
        |call| {
            let types = call.matches(&[&[STRING, STRING], &[STRING, STRING, BIGINT]])?;
            let array = TypeKind::Array(Box::new(LogicalType::string()));
            Ok(call.returns_nullable(types, array))
        },
        extract_all,
    ),
    Function::kernel(
        "REGEXP_REPLACE",
        &["REGEXP_REPLACE(<CHARACTER>, <CHARACTER>, <CHARACTER>)"],
        "The text with every match of the regular expression replaced by another text, taken literally.",
        |call| {
            Ok(call.returns(
                call.matches(&[&[STRING, STRING, STRING]])?,
                TypeKind::STRING,
            ))
        },
        replace,
    ),
    Function::kernel(
        "REGEXP_COUNT",
        &["REGEXP_COUNT(str <CHARACTER_STRING>, regex <CHARACTER_STRING>)"],
        "How often the regular expression matches.",
        |call| Ok(call.returns_nullable(call.matches(&[&[STRING, STRING]])?, TypeKind::Int)),
        count,
    ),
    Function::kernel(
        "REGEXP_INSTR",
        &["REGEXP_INSTR(str <CHARACTER_STRING>, regex <CHARACTER_STRING>)"],
        "Where the regular expression first matches, counted from 1; 0 where it doesn't.",
        |call| Ok(call.returns_nullable(call.matches(&[&[STRING, STRING]])?, TypeKind::Int)),
        instr,
    ),
    Function::kernel(
        "REGEXP_SUBSTR",
        &["REGEXP_SUBSTR(str <CHARACTER_STRING>, regex <CHARACTER_STRING>)"],
        "The first match of the regular expression.",
        |call| Ok(call.returns_nullable(call.matches(&[&[STRING, STRING]])?, TypeKind::STRING)),
        substr,
    ),
];

type Patterns<'k> = Cached<'k, Arc<JavaRegex>>;

fn compiled<'c, 'k>(patterns: &'c mut Patterns<'k>, pattern: &'k str) -> Option<&'c JavaRegex> {
    let regex = patterns.get(pattern, "", JavaRegex::shared).as_ref();
    regex.ok().map(Arc::as_ref)
}

fn regexp(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, pattern) = (call.strings(0)?, call.strings(1)?);
    let mut patterns = Patterns::default();
    call.strict_booleans(|row| {
        let (text, pattern) = (text.value(row), pattern.value(row));
        // Flink answers FALSE for an empty pattern without looking.
        if pattern.is_empty() {
            return Ok(Some(false));
        }
        Ok(Some(
            compiled(&mut patterns, pattern).is_some_and(|r| r.is_match(text)),
        ))
    })
}

fn extract(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, pattern) = (call.strings(0)?, call.strings(1)?);
    let group = match call.args.len() {
        3 => Some(call.ints(2)?),
        _ => None,
    };
    let mut patterns = Cached::<GroupFinder>::default();
    call.strict_parts(&text, |row, text| {
        let group = group.as_ref().map_or(0, |g| g.value(row));
        let finder = patterns.get(pattern.value(row), "", GroupFinder::new);
        let finder = finder.as_ref().ok()?;
        finder.find(text, usize::try_from(group).ok()?)
    })
}

fn extract_all(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, pattern) = (call.strings(0)?, call.strings(1)?);
    let group = match call.args.len() {
        3 => Some(call.bigints(2)?),
        _ => None,
    };
    let nulls = call.strict_nulls();
    let mut patterns = Patterns::default();
    let mut builder = ListBuilder::new(StringViewBuilder::new());
    for row in 0..call.rows {
        if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
            builder.append_null();
            continue;
        }
        let text = text.value(row);
        let group = group.as_ref().map_or(1, |g| g.value(row));
        let regex = compiled(&mut patterns, pattern.value(row))
            .filter(|r| group >= 0 && group <= r.group_count() as i64);
        let Some(regex) = regex else {
            builder.append_null();
            continue;
        };
        if group == 0 {
            regex.for_each_match(text, |s, e| builder.values().append_value(&text[s..e]));
        } else {
            regex.for_each_captures(text, |groups| {
                let found = groups[group as usize].map(|(s, e)| &text[s..e]);
                builder.values().append_option(found);
            });
        }
        builder.append(true);
    }
    Ok(Arc::new(builder.finish()))
}

fn replace(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, pattern, new) = (call.strings(0)?, call.strings(1)?, call.strings(2)?);
    let mut patterns = Patterns::default();
    call.strict_strings(|row, out| {
        let Some(regex) = compiled(&mut patterns, pattern.value(row)) else {
            return Ok(false);
        };
        regex.replace_all_literal(text.value(row), new.value(row), out);
        Ok(true)
    })
}

fn count(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, pattern) = (call.strings(0)?, call.strings(1)?);
    let mut patterns = Patterns::default();
    call.strict::<Int32Type>(|row| {
        Ok(compiled(&mut patterns, pattern.value(row)).map(|r| {
            let mut count = 0;
            r.for_each_match(text.value(row), |_, _| count += 1);
            count
        }))
    })
}

fn instr(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, pattern) = (call.strings(0)?, call.strings(1)?);
    let mut patterns = Patterns::default();
    call.strict::<Int32Type>(|row| {
        let text = text.value(row);
        Ok(compiled(&mut patterns, pattern.value(row)).map(|r| {
            r.find(text)
                .map_or(0, |(start, _)| char_count(&text[..start]) as i32 + 1)
        }))
    })
}

fn substr(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, pattern) = (call.strings(0)?, call.strings(1)?);
    let mut patterns = Patterns::default();
    call.strict_parts(&text, |row, text| {
        compiled(&mut patterns, pattern.value(row))?.find(text)
    })
}
