//! Java's notions that Flink's functions are made of: regular expressions, date patterns, format strings, random
//! numbers, charsets, URLs, hash codes.

pub(crate) mod cache;
pub(crate) mod charset;
pub(crate) mod date_pattern;
pub(crate) mod date_time_formatter;
pub(crate) mod formatter;
pub(crate) mod hash_map;
pub(crate) mod number;
pub(crate) mod random;
pub(crate) mod regex;
mod regex_translate;
pub(crate) mod simple_date_format;
pub(crate) mod sql_date;
pub(crate) mod url;
pub(crate) mod zone;
