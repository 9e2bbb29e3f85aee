use filbert_sql::{Insert, Statement};

use crate::environment::{TableEnvironment, single};
use crate::error::{Result, TableError};
use crate::execute;
use crate::result::TableResult;

/// INSERTs that run as one job.
///
/// ```no_run
/// # fn main() -> Result<(), filbert_table::TableError> {
/// # use filbert_table::{EnvironmentSettings, TableEnvironment};
/// # let env = TableEnvironment::create(EnvironmentSettings::streaming())?;
/// let mut set = env.create_statement_set();
/// set.add_insert_sql("INSERT INTO large SELECT * FROM orders WHERE price > 100")?;
/// set.add_insert_sql("INSERT INTO small SELECT * FROM orders WHERE price <= 100")?;
/// set.execute()?.wait()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct StatementSet {
    env: TableEnvironment,
    inserts: Vec<Insert>,
}

impl StatementSet {
    pub(crate) fn new(env: &TableEnvironment) -> StatementSet {
        StatementSet {
            env: env.clone(),
            inserts: Vec::new(),
        }
    }

    /// # Errors
    /// When the text is not one INSERT.
    pub fn add_insert_sql(&mut self, text: &str) -> Result<&mut StatementSet> {
        match single(text)?.statement {
            Statement::Insert(insert) => {
                self.inserts.push(*insert);
                Ok(self)
            }
            _ => Err(TableError::validation(
                "Only INSERT statements can be added to a statement set.",
            )),
        }
    }

    /// # Errors
    /// When an INSERT can't be planned.
    pub fn explain(&self) -> Result<String> {
        execute::explain(
            &self.env,
            &Statement::StatementSet(self.inserts.clone()),
            &[],
        )
    }

    /// Runs the INSERTs as one job and empties the set.
    ///
    /// # Errors
    /// When the set is empty, or an INSERT can't be planned.
    pub fn execute(&mut self) -> Result<TableResult> {
        let result = execute::run_inserts(&self.env, &std::mem::take(&mut self.inserts))?;
        if result.is_sync() {
            result.wait()?;
        }
        Ok(result)
    }
}
