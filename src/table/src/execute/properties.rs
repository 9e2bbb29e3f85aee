//! SET and RESET.

use filbert_sql::{OptionEntry, Text};
use filbert_types::options::{self, KeyStatus};

use crate::environment::TableEnvironment;
use crate::error::Result;
use crate::result::TableResult;
use crate::result::text_table::TextTable;

/// `SET` lists what is set; `SET 'key' = 'value'` takes any key, as Flink does, and says when it has no effect.
pub(super) fn set(env: &TableEnvironment, entry: Option<&OptionEntry>) -> Result<TableResult> {
    let Some(entry) = entry else {
        return list(env);
    };
    let (key, value) = (&entry.key.value, &entry.value.value);
    env.set(key, value);
    let result = TableResult::ok()?;
    Ok(match setting_notice(key, value) {
        Some(notice) => result.with_notice(notice),
        None => result,
    })
}

/// What a user should hear who sets this: that the key isn't known, the value isn't one of its values, or nothing comes
/// of it. None where all is well.
pub fn setting_notice(key: &str, value: &str) -> Option<String> {
    match options::status(key) {
        KeyStatus::Honoured(option) => option.check(value).err().map(|error| error.to_string()),
        KeyStatus::WithoutEffect => Some(format!("'{key}' has no effect in this engine.")),
        KeyStatus::Unknown(nearest) => {
            let hint = nearest.map_or_else(String::new, |n| format!(" Did you mean '{n}'?"));
            Some(format!("'{key}' is no known option.{hint}"))
        }
    }
}

fn list(env: &TableEnvironment) -> Result<TableResult> {
    let session = env.session().read();
    let entries: Vec<(String, String)> = session
        .configuration
        .iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let table = TextTable::new()
        .text("key", entries.iter().map(|(key, _)| Some(key.clone())))
        .text(
            "value",
            entries.iter().map(|(_, value)| Some(value.clone())),
        );
    TableResult::of(table)
}

/// Back to what the session started with.
pub(super) fn reset(env: &TableEnvironment, key: Option<&Text>) -> Result<TableResult> {
    env.reset(key.map(|key| key.value.as_str()));
    TableResult::ok()
}
