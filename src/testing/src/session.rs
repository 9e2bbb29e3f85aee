use std::time::{Duration, Instant};

use filbert_table::{
    EnvironmentSettings, ErrorKind, Fetched, ResultKind, ResultSource, Row, TableEnvironment,
    TableError, TableResult,
};
use filbert_types::{Configuration, Field, options};

/// Makes the environments that files run in, with the connectors that the caller wants.
pub type NewEnvironment =
    dyn Fn(EnvironmentSettings) -> Result<TableEnvironment, TableError> + Send + Sync;

/// How long a job may take to end at the end of its file.
const CLOSING: Duration = Duration::from_secs(5);

/// What every file starts with.
const DEFAULTS: &[(&str, &str)] = &[
    (options::PARALLELISM.key, "1"),
    (options::DML_SYNC.key, "true"),
    (options::LOCAL_TIME_ZONE.key, "UTC"),
    (options::RESULT_MODE.key, "changelog"),
];

/// What a statement gave: lines as a file has them, and the letters of their types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub lines: Vec<String>,
    pub types: String,
}

/// A file's session. SETs in front of the first other statement decide how it starts, and alone they can decide its
/// runtime mode.
pub struct Session<'a> {
    new: &'a NewEnvironment,
    configuration: Configuration,
    environment: Option<TableEnvironment>,
    tmp: String,
    timeout: Duration,
}

impl<'a> Session<'a> {
    /// `tmp` is what `${TMP}` stands for.
    pub fn new(new: &'a NewEnvironment, tmp: &str, timeout: Duration) -> Session<'a> {
        let defaults = DEFAULTS.iter();
        Session {
            new,
            configuration: defaults
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            environment: None,
            tmp: tmp.to_owned(),
            timeout,
        }
    }

    /// Runs a statement to its end.
    ///
    /// # Errors
    /// When it fails, or takes longer than the timeout.
    pub fn run(&mut self, sql: &str) -> Result<Answer, TableError> {
        let sql = sql.replace("${TMP}", &self.tmp);
        let sql = sql.trim_end().trim_end_matches(';');
        if let Some((key, value)) = parse_set(sql) {
            self.set(&key, value);
            return Ok(Answer::default());
        }
        let deadline = Instant::now() + self.timeout;
        let environment = self.environment()?;
        let result = environment.submit(&filbert_table::single(sql)?)?;
        self.answer(result, deadline)
    }

    /// Ends the jobs that still run: what they write must not come after the file's folder is gone.
    pub fn close(self) {
        let Some(environment) = self.environment else {
            return;
        };
        for job in environment.jobs() {
            if let Some(job) = environment
                .job(&job.job_id)
                .filter(|j| !j.status().is_terminal())
            {
                job.cancel();
                let _ = job.wait_timeout(CLOSING);
            }
        }
    }

    fn set(&mut self, key: &str, value: String) {
        self.configuration.set(key, value.clone());
        if let Some(environment) = &self.environment
            && key != options::RUNTIME_MODE.key
        {
            environment.set(key, value);
        }
    }

    fn environment(&mut self) -> Result<TableEnvironment, TableError> {
        if let Some(environment) = &self.environment {
            return Ok(environment.clone());
        }
        let settings = EnvironmentSettings::default().with_configuration(&self.configuration);
        let made = (self.new)(settings)?;
        self.environment = Some(made.clone());
        Ok(made)
    }

    fn answer(&self, mut result: TableResult, deadline: Instant) -> Result<Answer, TableError> {
        match result.source() {
            ResultSource::Insert => {
                self.wait(&mut result, deadline)?;
                return Ok(Answer::default());
            }
            ResultSource::Statement if result.kind() == ResultKind::Success => {
                return Ok(Answer::default());
            }
            ResultSource::Statement | ResultSource::Query => {}
        }
        let rows = self.rows(&mut result, deadline)?;
        let mut types: String = result.fields().iter().map(letter).collect();
        let materialize = self.table_mode();
        let lines = if !result.is_changelog() {
            rows.into_iter().map(|row| line(None, &row)).collect()
        } else if materialize {
            final_rows(rows)?
        } else {
            types.insert(0, 'T');
            rows.iter()
                .map(|row| line(Some(row.kind.short()), row))
                .collect()
        };
        Ok(Answer { lines, types })
    }

    fn table_mode(&self) -> bool {
        let mode = self
            .environment
            .as_ref()
            .map(TableEnvironment::configuration);
        mode.as_ref()
            .and_then(|c| c.raw(options::RESULT_MODE.key))
            .is_some_and(|mode| mode.eq_ignore_ascii_case("table"))
    }

    fn rows(&self, result: &mut TableResult, deadline: Instant) -> Result<Vec<Row>, TableError> {
        let mut rows = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match result.next_batch_timeout(left)? {
                Fetched::Batch(batch) => rows.extend(result.rows(&batch)?),
                Fetched::End => return Ok(rows),
                Fetched::TimedOut => {}
            }
            if Instant::now() >= deadline {
                result.cancel();
                return Err(self.timed_out());
            }
        }
    }

    fn wait(&self, result: &mut TableResult, deadline: Instant) -> Result<(), TableError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if result.wait_timeout(left)? {
            return Ok(());
        }
        result.cancel();
        Err(self.timed_out())
    }

    fn timed_out(&self) -> TableError {
        TableError::new(
            ErrorKind::Cancelled,
            format!("It did not end within {} s.", self.timeout.as_secs_f32()),
        )
    }
}

/// `SET 'key' = 'value'`, which is applied here because it may come before there is an environment.
fn parse_set(sql: &str) -> Option<(String, String)> {
    let rest = sql.trim_start();
    let rest = rest
        .get(..3)
        .filter(|word| word.eq_ignore_ascii_case("SET"))
        .and(rest.get(3..))?;
    let (key, rest) = literal(rest)?;
    let (value, rest) = literal(rest.trim_start().strip_prefix('=')?)?;
    rest.trim().is_empty().then_some((key, value))
}

/// A text literal at the start, and what follows it.
fn literal(text: &str) -> Option<(String, &str)> {
    let rest = text.trim_start().strip_prefix('\'')?;
    let mut value = String::new();
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '\'' {
            value.push(c);
        } else if chars.next_if(|(_, next)| *next == '\'').is_some() {
            value.push('\'');
        } else {
            return Some((value, &rest[at + 1..]));
        }
    }
    None
}

/// The rows that a changelog leaves, in the order in which they came.
fn final_rows(rows: Vec<Row>) -> Result<Vec<String>, TableError> {
    let mut left: Vec<String> = Vec::new();
    for row in rows {
        let text = line(None, &row);
        if row.kind.is_accumulate() {
            left.push(text);
        } else if let Some(at) = left.iter().position(|l| *l == text) {
            left.remove(at);
        } else {
            let message = format!("The changelog deletes a row that was never inserted: {row}.");
            return Err(TableError::new(ErrorKind::Execution, message));
        }
    }
    Ok(left)
}

fn line(kind: Option<&str>, row: &Row) -> String {
    let cells = row.cells.iter().map(|cell| match cell.as_deref() {
        None => "NULL".to_owned(),
        Some("") => "(empty)".to_owned(),
        Some(text) => text.replace('\n', "\\n"),
    });
    let cells: Vec<String> = kind.map(str::to_owned).into_iter().chain(cells).collect();
    cells.join("\t")
}

/// The letter of a column's type: whole numbers I, other numbers R, everything else T.
fn letter(field: &Field) -> char {
    let kind = &field.ty.kind;
    if kind.is_integer() {
        'I'
    } else if kind.is_numeric() {
        'R'
    } else {
        'T'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_set_with_quotes() {
        let set = |sql: &str| parse_set(sql);
        assert_eq!(
            set("SET 'a.b' = 'it''s'"),
            Some(("a.b".into(), "it's".into()))
        );
        assert_eq!(set(" set 'a'='b' "), Some(("a".into(), "b".into())));
        assert_eq!(set("SET"), None);
        assert_eq!(set("SET 'a' = 'b' x"), None);
        assert_eq!(set("SELECT 1"), None);
    }

    #[test]
    fn a_changelog_replays_to_its_final_rows() {
        use filbert_types::RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
        let row = |kind, text: &str| Row {
            kind,
            cells: vec![Some(text.to_owned())],
        };
        let rows = vec![
            row(Insert, "a"),
            row(Insert, "b"),
            row(UpdateBefore, "a"),
            row(UpdateAfter, "c"),
            row(Insert, "d"),
            row(Delete, "d"),
        ];
        assert_eq!(final_rows(rows).unwrap(), ["b", "c"]);
        assert!(final_rows(vec![row(Delete, "x")]).is_err());
    }
}
