use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A statement that we answer in another way than Flink.
pub struct KnownDifference {
    file: String,
    sql: String,
    /// The answer isn't settled by SQL, and differs from run to run: passing is fine too.
    pub unsettled: bool,
}

impl KnownDifference {
    pub fn is(&self, sql: &str) -> bool {
        self.sql == squeezed(sql)
    }
}

/// The two lists.
pub struct Lists {
    known: Vec<KnownDifference>,
    /// What each file waits for.
    waiting: BTreeMap<String, String>,
}

impl Lists {
    /// Reads both lists, or tells which line is wrong.
    pub fn read(root: &Path) -> Result<Lists, String> {
        let read = |name: &str| {
            std::fs::read_to_string(root.join(name)).map_err(|e| format!("{name}: {e}"))
        };
        Ok(Lists {
            known: known(&read("known-differences.txt")?)?,
            waiting: waiting(&read("waiting.txt")?)?,
        })
    }

    pub fn known_in(&self, file: &str) -> Vec<&KnownDifference> {
        self.known.iter().filter(|k| k.file == file).collect()
    }

    pub fn waits_for(&self, file: &str) -> Option<&str> {
        self.waiting.get(file).map(String::as_str)
    }

    /// Entries that name no file.
    pub fn without_file(&self, root: &Path, files: &[PathBuf]) -> Vec<String> {
        let names: Vec<String> = files.iter().map(|f| name_of(root, f)).collect();
        let listed = self
            .known
            .iter()
            .map(|k| &k.file)
            .chain(self.waiting.keys());
        listed
            .filter(|file| !names.contains(file))
            .map(|file| format!("A list names {file}, which isn't there."))
            .collect()
    }
}

/// A file's path from the root, with slashes.
pub fn name_of(root: &Path, file: &Path) -> String {
    let relative = file.strip_prefix(root).unwrap_or(file);
    relative.to_string_lossy().replace('\\', "/")
}

fn known(text: &str) -> Result<Vec<KnownDifference>, String> {
    let lines: Vec<&str> = text.lines().filter(|l| !l.starts_with('#')).collect();
    lines
        .split(|line| line.trim().is_empty())
        .filter(|block| !block.is_empty())
        .map(|block| match block {
            [file, reason, sql @ ..]
                if file.starts_with("file: ") && is_reason(reason) && !sql.is_empty() =>
            {
                Ok(KnownDifference {
                    file: file["file: ".len()..].trim().to_owned(),
                    sql: squeezed(&sql.join("\n")),
                    unsettled: reason.starts_with(UNSETTLED),
                })
            }
            _ => Err(format!(
                "known-differences.txt: a block is 'file: ..', 'reason: ..' and the statement, not:\n{}",
                block.join("\n")
            )),
        })
        .collect()
}

const UNSETTLED: &str = "unsettled: ";

fn is_reason(line: &str) -> bool {
    ["reason: ", UNSETTLED]
        .iter()
        .any(|key| line.len() > key.len() && line.starts_with(key))
}

fn waiting(text: &str) -> Result<BTreeMap<String, String>, String> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| match line.split_once(' ') {
            Some((file, reason)) if !reason.trim().is_empty() => {
                Ok((file.to_owned(), reason.trim().to_owned()))
            }
            _ => Err(format!(
                "waiting.txt: a line is a file and what it waits for, not: {line}"
            )),
        })
        .collect()
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
