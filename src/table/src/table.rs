use filbert_binder::BoundQuery;
use filbert_sql::Query;
use filbert_types::Field;

use crate::binding;
use crate::environment::TableEnvironment;
use crate::error::Result;
use crate::execute;
use crate::result::TableResult;

/// A query that was checked but not run.
///
/// ```no_run
/// # fn main() -> Result<(), filbert_table::TableError> {
/// # use filbert_table::{EnvironmentSettings, TableEnvironment};
/// # let env = TableEnvironment::create(EnvironmentSettings::batch())?;
/// let table = env.sql_query("SELECT name, COUNT(*) AS n FROM visits GROUP BY name")?;
/// println!("{:?}", table.fields());
/// for row in table.execute()?.collect_text()? {
///     println!("{row}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Table {
    env: TableEnvironment,
    query: Query,
    fields: Vec<Field>,
}

impl Table {
    pub(crate) fn new(env: &TableEnvironment, text: &str) -> Result<Table> {
        let query = filbert_sql::parse_query(text)?;
        let bound = binding::query(env, &query)?;
        Ok(Table {
            env: env.clone(),
            query,
            fields: fields_of(&bound),
        })
    }

    /// The columns.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Runs the query.
    ///
    /// # Errors
    /// When the query can't be planned or started.
    pub fn execute(&self) -> Result<TableResult> {
        execute::run_query(&self.env, &self.query)
    }
}

/// The columns that a bound query gives.
pub(crate) fn fields_of(bound: &BoundQuery) -> Vec<Field> {
    bound
        .output
        .iter()
        .map(|column| Field::new(&column.name, column.ty.clone()))
        .collect()
}
