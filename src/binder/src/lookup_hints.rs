//! `LOOKUP('table' = 'd', ..)`: how a lookup join asks a table of its query block.

use std::rc::Rc;

use filbert_sql::{Hint, HintArgs};
use filbert_types::Span;
use filbert_types::config::parse_duration;
use filbert_types::suggest::did_you_mean;
use sqlparser::ast::Select;

use crate::binder::Binder;
use crate::error::{BindError, BindResult};
use crate::scope::Scope;

/// What a LOOKUP hint asks for; nothing where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LookupHint {
    /// Prefer a table's asynchronous way, or its synchronous one.
    pub asynchronous: Option<bool>,
    /// `ORDERED` or `ALLOW_UNORDERED`.
    pub output_mode: Option<String>,
    pub capacity: Option<usize>,
    pub timeout_ms: Option<u64>,
    pub retry: Option<LookupRetry>,
    /// Rows go to the subtasks by their lookup keys.
    pub shuffle: bool,
}

/// Keys without rows are looked up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupRetry {
    pub delay_ms: u64,
    pub attempts_max: u32,
}

const OPTIONS: &[&str] = &[
    "table",
    "async",
    "output-mode",
    "capacity",
    "timeout",
    "retry-predicate",
    "retry-strategy",
    "fixed-delay",
    "max-attempts",
    "shuffle",
];

const LOOKUP_MISS: &str = "lookup_miss";

/// The options of a hint, read one by one.
struct Options<'a> {
    hint: &'a Hint,
    values: Vec<(&'a str, &'a str, Span)>,
}

impl<'a> Options<'a> {
    fn of(hint: &'a Hint) -> BindResult<Options<'a>> {
        let HintArgs::Options(entries) = &hint.args else {
            return Err(BindError::at(
                Some(hint.name.span),
                "Invalid list options in LOOKUP hint, only support key-value options.",
            ));
        };
        let values = entries
            .iter()
            .map(|e| (e.key.value.as_str(), e.value.value.as_str(), e.value.span));
        let options = Options {
            hint,
            values: values.collect(),
        };
        if options.text("table").is_none() {
            return Err(options.invalid("LOOKUP hint: incomplete required option(s): table"));
        }
        for entry in entries {
            let key = entry.key.value.as_str();
            if !OPTIONS.contains(&key) {
                let like = did_you_mean(key, OPTIONS.iter().copied());
                return Err(BindError::at(
                    Some(entry.key.span),
                    format!("Invalid LOOKUP hint option: there is no option '{key}'.{like}"),
                ));
            }
        }
        Ok(options)
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        let found = self.values.iter().find(|(k, ..)| *k == key);
        found.map(|(_, value, _)| value.trim())
    }

    fn span(&self, key: &str) -> Span {
        let found = self.values.iter().find(|(k, ..)| *k == key);
        found.map_or(self.hint.name.span, |(.., span)| *span)
    }

    fn invalid(&self, what: &str) -> BindError {
        BindError::at(Some(self.hint.name.span), format!("Invalid {what}"))
    }

    fn read<T>(
        &self,
        key: &str,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> BindResult<Option<T>> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        parse(text).map(Some).ok_or_else(|| {
            BindError::at(
                Some(self.span(key)),
                format!(
                    "Invalid LOOKUP hint options: Could not parse value '{text}' for key '{key}': it must be {what}"
                ),
            )
        })
    }

    fn positive(&self, key: &str) -> BindResult<Option<u32>> {
        let value = self.read(key, "a whole number", |text| text.parse::<i64>().ok())?;
        value
            .map(|value| {
                u32::try_from(value).ok().filter(|v| *v > 0).ok_or_else(|| {
                    BindError::at(
                        Some(self.span(key)),
                        format!("Invalid LOOKUP hint option: {key} value should be positive integer but was {value}"),
                    )
                })
            })
            .transpose()
    }

    fn millis(&self, key: &str) -> BindResult<Option<u64>> {
        let duration = self.read(key, "a duration such as '10 s'", parse_duration)?;
        Ok(duration.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
    }

    fn boolean(&self, key: &str) -> BindResult<Option<bool>> {
        self.read(key, "true or false", |text| {
            text.to_ascii_lowercase().parse::<bool>().ok()
        })
    }

    fn retry(&self) -> BindResult<Option<LookupRetry>> {
        let strategy = self.read("retry-strategy", "fixed_delay", |text| {
            let known = text.eq_ignore_ascii_case("fixed_delay");
            known.then_some(())
        })?;
        let delay_ms = self.millis("fixed-delay")?;
        let attempts = self.read("max-attempts", "a whole number", |t| t.parse::<i64>().ok())?;
        let given = [
            self.text("retry-predicate").is_some(),
            strategy.is_some(),
            delay_ms.is_some(),
            attempts.is_some(),
        ];
        if given == [false; 4] {
            return Ok(None);
        }
        let (Some(predicate), Some(delay_ms), true) =
            (self.text("retry-predicate"), delay_ms, given == [true; 4])
        else {
            return Err(self.invalid("LOOKUP hint: retry options can be both null or all not null"));
        };
        if !predicate.eq_ignore_ascii_case(LOOKUP_MISS) {
            return Err(BindError::at(
                Some(self.span("retry-predicate")),
                format!(
                    "Invalid LOOKUP hint option: unsupported retry-predicate '{predicate}', only '{LOOKUP_MISS}' is supported currently"
                ),
            ));
        }
        let attempts_max = self.positive("max-attempts")?.unwrap_or(1);
        Ok(Some(LookupRetry {
            delay_ms,
            attempts_max,
        }))
    }
}

fn parsed(hint: &Hint) -> BindResult<LookupHint> {
    let options = Options::of(hint)?;
    let output_mode = options.read("output-mode", "ORDERED or ALLOW_UNORDERED", |text| {
        let upper = text.to_ascii_uppercase().replace('-', "_");
        ["ORDERED", "ALLOW_UNORDERED"]
            .contains(&upper.as_str())
            .then_some(upper)
    })?;
    Ok(LookupHint {
        asynchronous: options.boolean("async")?,
        output_mode,
        capacity: options.positive("capacity")?.map(|c| c as usize),
        timeout_ms: options.millis("timeout")?,
        retry: options.retry()?,
        shuffle: options.boolean("shuffle")?.unwrap_or(false),
    })
}

impl Binder<'_> {
    /// Notes how the lookup joins of a block ask the tables that LOOKUP hints name.
    pub fn lookup_hints(&mut self, select: &Select, scope: &Scope) -> BindResult<()> {
        let hints = Rc::clone(&self.hints);
        for hint in hints.of_select(select).iter().filter(|h| h.is("LOOKUP")) {
            let lookup = parsed(hint)?;
            let options = Options::of(hint)?;
            let wanted = options.text("table").unwrap_or_default();
            let wanted = wanted.rsplit('.').next().unwrap_or(wanted);
            let named = scope.relations.iter().filter(|relation| {
                let table = relation.path.as_ref().map(|path| path.object.as_str());
                relation.alias.as_deref() == Some(wanted) || table == Some(wanted)
            });
            for column in named.flat_map(|relation| &relation.columns) {
                // Of several hints for one table the first counts.
                if self.types.lookup_hint(&[&column.column]).is_none() {
                    self.types.set_lookup_hint(&column.column, lookup.clone());
                }
            }
        }
        Ok(())
    }
}
