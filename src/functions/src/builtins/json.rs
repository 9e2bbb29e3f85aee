//! JSON functions.
//!
//! - [`query`]: IS JSON, JSON_EXISTS, JSON_VALUE, JSON_QUERY.
//! - [`build`]: JSON_OBJECT, JSON_ARRAY, JSON, JSON_STRING, JSON_QUOTE, JSON_UNQUOTE.
//!
//! Clauses arrive as arguments, keywords as literals of type SYMBOL, a type as a NULL of it:
//! - `IS JSON(text, VALUE | OBJECT | ARRAY | SCALAR)`
//! - `JSON_EXISTS(text, path, on error)`
//! - `JSON_VALUE(text, path, returning, on empty, default, on error, default)`
//! - `JSON_QUERY(text, path, returning, wrapper, on empty, on error)`, the wrapper WITHOUT, CONDITIONAL or UNCONDITIONAL
//! - `JSON_OBJECT(on null, key, value, ..)` and `JSON_ARRAY(on null, value, ..)`, on null being NULL or ABSENT

pub(crate) mod build;
pub(crate) use build::is_raw;
pub(crate) mod query;
