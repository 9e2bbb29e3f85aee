/// What was compiled from texts that are mostly the same from row to row.
#[derive(Debug)]
pub struct Cached<'k, P> {
    entries: Vec<Entry<P>>,
    /// The text asked for last, and its entry: a constant stands at one place for all rows.
    last: Option<(&'k str, usize)>,
}

#[derive(Debug)]
struct Entry<P> {
    key: String,
    variant: String,
    value: Result<P, String>,
}

/// Beyond this many patterns in one column, all are forgotten.
const ENTRIES_MAX: usize = 64;

impl<P> Default for Cached<'_, P> {
    fn default() -> Self {
        Cached {
            entries: Vec::new(),
            last: None,
        }
    }
}

impl<'k, P> Cached<'k, P> {
    /// What `compile` makes of `key`; `variant` is whatever else it depends on.
    pub fn get(
        &mut self,
        key: &'k str,
        variant: &str,
        compile: impl FnOnce(&str) -> Result<P, String>,
    ) -> &Result<P, String> {
        if let Some((last, at)) = self.last
            && std::ptr::eq(last, key)
            && self.entries[at].variant == variant
        {
            return &self.entries[at].value;
        }
        let is_it = |e: &Entry<P>| e.key == key && e.variant == variant;
        let at = match self.entries.iter().position(is_it) {
            Some(at) => at,
            None => {
                if self.entries.len() >= ENTRIES_MAX {
                    self.entries.clear();
                }
                self.entries.push(Entry {
                    key: key.to_string(),
                    variant: variant.to_string(),
                    value: compile(key),
                });
                self.entries.len() - 1
            }
        };
        self.last = Some((key, at));
        &self.entries[at].value
    }
}
