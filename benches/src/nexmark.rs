use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use filbert_functions::definition::{Inferred, ScalarFunction};
use filbert_types::{LogicalType, TypeKind};

/// `count_char(s, c)`: how often a character occurs; q14's function, which Flink's suite registers from Java.
#[derive(Debug)]
pub struct CountChar;

impl ScalarFunction for CountChar {
    fn name(&self) -> &str {
        "count_char"
    }

    fn signatures(&self) -> Vec<String> {
        vec!["count_char(<STRING>, <STRING>)".to_owned()]
    }

    fn infer(&self, args: &[LogicalType]) -> Option<Inferred> {
        (args.len() == 2).then(|| Inferred {
            arg_types: vec![LogicalType::string(), LogicalType::string()],
            return_type: TypeKind::BigInt.into(),
        })
    }

    fn eval(&self, args: &[ArrayRef], _rows: usize) -> std::result::Result<ArrayRef, String> {
        let (texts, chars) = (args[0].as_string_view(), args[1].as_string_view());
        let counts = texts.iter().zip(chars).map(|pair| match pair {
            (Some(text), Some(c)) => {
                let byte = c.as_bytes().first()?;
                Some(text.as_bytes().iter().filter(|b| *b == byte).count() as i64)
            }
            _ => None,
        });
        Ok(Arc::new(counts.collect::<Int64Array>()))
    }
}
