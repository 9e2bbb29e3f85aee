//! PARSE_JSON, TRY_PARSE_JSON. Access by key and index is ITEM's.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use filbert_types::TypeKind;

use crate::definition::Function;
use crate::json::value::Json;
use crate::kernel::{Call, fail};
use crate::signature::{BOOLEAN, STRING};
use crate::variant::from_json;

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "PARSE_JSON",
        &[
            "PARSE_JSON(<CHARACTER_STRING>)",
            "PARSE_JSON(<CHARACTER_STRING>, <BOOLEAN>)",
        ],
        "The VARIANT that a JSON text means; whether a key may be there twice (the last wins) is the second argument.",
        |call| {
            let types = call.matches(&[&[STRING], &[STRING, BOOLEAN]])?;
            Ok(call.returns(types, TypeKind::Variant))
        },
        |call| parse(call, false),
    )
    .fallible(),
    Function::kernel(
        "TRY_PARSE_JSON",
        &[
            "TRY_PARSE_JSON(<CHARACTER_STRING>)",
            "TRY_PARSE_JSON(<CHARACTER_STRING>, <BOOLEAN>)",
        ],
        "As PARSE_JSON, but NULL where the text isn't JSON.",
        |call| {
            let types = call.matches(&[&[STRING], &[STRING, BOOLEAN]])?;
            Ok(call.returns_nullable(types, TypeKind::Variant))
        },
        |call| parse(call, true),
    ),
];

fn parse(call: &Call<'_>, lenient: bool) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    let duplicates = match call.args.len() {
        2 => Some(call.booleans(1)?),
        _ => None,
    };
    call.strict_bytes(|row, out| {
        let allowed = duplicates.as_ref().is_some_and(|d| d.value(row));
        let parsed = if allowed {
            Json::parse(text.value(row))
        } else {
            Json::parse_unique(text.value(row))
        };
        match parsed {
            Ok(json) => {
                out.extend(from_json(json).text().into_bytes());
                Ok(true)
            }
            Err(_) if lenient => Ok(false),
            Err(e) => Err(fail(format!("Failed to parse json string: {e}"))),
        }
    })
}
