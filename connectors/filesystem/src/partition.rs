//! `k=v` folders: names to values and back.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Int32Type};
use filbert_connector_api::ConnectorError;
use filbert_types::{LogicalType, TypeKind};

/// Characters that Flink writes as `%XX` in a folder's name.
fn is_special(c: char) -> bool {
    matches!(
        c,
        '\u{1}'
            ..='\u{1F}'
                | '\u{7F}'
                | '"'
                | '#'
                | '%'
                | '\''
                | '*'
                | '/'
                | ':'
                | '='
                | '?'
                | '\\'
                | '{'
                | '}'
                | '['
                | ']'
                | '^'
    )
}

/// Appends a key or value as a folder's name has it.
pub fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        if is_special(c) {
            out.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
}

/// The text that [`escape`] wrote.
pub fn unescape(name: &str) -> String {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) if *first == b'%' => {
                out.push(byte);
                rest = &tail[2..];
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The values of the partition keys in a file's folders; none when the file does not lie in such folders.
pub fn parse_folders<'a>(
    keys: &[String],
    mut folders: impl Iterator<Item = &'a str>,
    default_name: &str,
) -> Option<Vec<Option<String>>> {
    let value = |key: &String| {
        let (name, value) = folders.next()?.split_once('=')?;
        if unescape(name) != *key {
            return None;
        }
        let value = unescape(value);
        Some((value != default_name).then_some(value))
    };
    keys.iter().map(value).collect()
}

/// A partition value as a column of one row.
///
/// # Errors
/// When the folder's name is no value of the column's type.
pub fn typed(key: &str, ty: &LogicalType, value: Option<&str>) -> Result<ArrayRef, ConnectorError> {
    let Some(text) = value else {
        return Ok(new_null_array(&ty.arrow(), 1));
    };
    let wrong = |reason: String| {
        ConnectorError::user(format!(
            "partition '{key}={text}' does not hold a value of type {ty}{reason}"
        ))
    };
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let words: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let cast = |to: &DataType| {
        cast_with_options(&words, to, &options).map_err(|e| wrong(format!(": {e}")))
    };
    let days = (ty.kind == TypeKind::Date).then(|| text.parse::<i32>().ok());
    match days.flatten() {
        // Flink itself names the folder of a DATE by its day since the epoch.
        Some(_) => {
            let days = cast(&DataType::Int32)?;
            let days = days.as_primitive::<Int32Type>();
            Ok(Arc::new(
                days.reinterpret_cast::<arrow::datatypes::Date32Type>(),
            ))
        }
        None => {
            let array = cast(&ty.arrow())?;
            if array.is_null(0) {
                return Err(wrong(String::new()));
            }
            Ok(array)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_flink_escapes_them() {
        let mut out = String::new();
        escape("A%B\"C'D*E?F\\G[H]I{J}K^L~M#N=O:P/Q", &mut out);
        let flink = "A%25B%22C%27D%2AE%3FF%5CG%5BH%5DI%7BJ%7DK%5EL~M%23N%3DO%3AP%2FQ";
        assert_eq!(out, flink);
        assert_eq!(unescape(flink), "A%B\"C'D*E?F\\G[H]I{J}K^L~M#N=O:P/Q");
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(unescape("é%zz"), "é%zz");
    }

    #[test]
    fn folders_give_values_in_the_order_of_the_keys() {
        let keys = ["dt".to_owned(), "c".to_owned()];
        let parse = |path: &'static str| parse_folders(&keys, path.split('/'), "__none__");
        assert_eq!(
            parse("dt=2024/c=__none__/x"),
            Some(vec![Some("2024".to_owned()), None])
        );
        assert_eq!(parse("c=1/dt=2"), None);
        assert_eq!(parse("dt=1"), None);
    }

    #[test]
    fn values_are_typed_or_refused() {
        let date = LogicalType::from(TypeKind::Date);
        let iso = typed("d", &date, Some("2024-05-01")).unwrap();
        let flink = typed("d", &date, Some("19844")).unwrap();
        assert_eq!(&iso, &flink);
        let int = LogicalType::from(TypeKind::Int);
        let error = typed("n", &int, Some("x")).err().unwrap();
        assert!(
            error.message.contains("partition 'n=x'"),
            "{}",
            error.message
        );
        assert!(typed("n", &int, None).unwrap().is_null(0));
    }
}
