/// What was compiled from texts that are mostly the same from row to row.
#[derive(Debug)]
pub struct Cached<P> {
    entries: Vec<Entry<P>>,
}

#[derive(Debug)]
struct Entry<P> {
    key: String,
    variant: String,
    value: Result<P, String>,
}

/// Beyond this many patterns in one column, all are forgotten.
const ENTRIES_MAX: usize = 64;

impl<P> Default for Cached<P> {
    fn default() -> Self {
        Cached {
            entries: Vec::new(),
        }
    }
}

impl<P> Cached<P> {
    /// What `compile` makes of `key`; `variant` is whatever else it depends on.
    pub fn get(
        &mut self,
        key: &str,
        variant: &str,
        compile: impl FnOnce(&str) -> Result<P, String>,
    ) -> &Result<P, String> {
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
        &self.entries[at].value
    }
}
