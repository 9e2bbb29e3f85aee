//! Functions of character strings.
//!
//! - [`case`]: UPPER, LOWER, INITCAP, lengths, code points, REVERSE, REPEAT.
//! - [`slice`]: SUBSTRING, LEFT, RIGHT, OVERLAY, ELT.
//! - [`trim`]: TRIM and its relatives.
//! - [`pad`]: LPAD, RPAD.
//! - [`search`]: POSITION, LOCATE, INSTR, STARTSWITH, REPLACE, TRANSLATE.
//! - [`concat`]: CONCAT, CONCAT_WS.
//! - [`like`]: LIKE and SIMILAR TO.
//! - [`regexp`]: the REGEXP family.
//! - [`split`]: SPLIT, SPLIT_INDEX, STR_TO_MAP.
//! - `printf`: PRINTF.

pub(crate) mod case;
pub(crate) mod concat;
pub(crate) mod like;
pub(crate) mod pad;
pub(crate) mod printf;
pub(crate) mod regexp;
pub(crate) mod search;
pub(crate) mod slice;
pub(crate) mod split;
pub(crate) mod trim;

use filbert_types::TypeKind;

use crate::CallError;
use crate::definition::Inferred;
use crate::signature::{CallArgs, STRING};

/// One string in, a string of the same type out.
fn same_string(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING]])?;
    let kind = types[0].kind.clone();
    Ok(call.returns(types, kind))
}

/// CHAR and VARCHAR to VARCHAR of the same length.
fn varying(kind: &TypeKind) -> TypeKind {
    match kind {
        TypeKind::Char(n) => TypeKind::VarChar(*n),
        kind => kind.clone(),
    }
}

/// The byte offset of a code point, or the text's end.
fn char_offset(text: &str, chars: usize) -> usize {
    if text.is_ascii() {
        return chars.min(text.len());
    }
    text.char_indices()
        .nth(chars)
        .map_or(text.len(), |(offset, _)| offset)
}

fn char_count(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}
