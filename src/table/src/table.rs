use filbert_binder::BoundQuery;
use filbert_functions::temporal_table_function::TemporalTableFunction;
use filbert_sql::Query;
use filbert_types::{Field, TimeKind};

use crate::binding;
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
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

    /// The table as a history: of each key, a row is valid from its time on, until the next row of that key. `time_attribute`
    /// is a column with a watermark, or one of PROCTIME(). Registered
    /// ([`TableEnvironment::register_temporal_table_function`]), it is joined by `LATERAL TABLE(name(o.ts))`.
    ///
    /// # Errors
    /// When there are no such columns, or the one isn't a time attribute.
    pub fn create_temporal_table_function(
        &self,
        time_attribute: &str,
        primary_key: &str,
    ) -> Result<TemporalTableFunction> {
        let column = |name: &str| {
            let found = self.fields.iter().find(|field| field.name == name);
            found.ok_or_else(|| {
                let names = self.fields.iter().map(|field| field.name.as_str());
                let hint = filbert_types::suggest::did_you_mean(name, names);
                TableError::validation(format!("Cannot resolve field [{name}].{hint}"))
            })
        };
        let time = column(time_attribute)?;
        column(primary_key)?;
        let session = self.env.session().read();
        if !time.ty.kind.is_timestamp()
            || time.ty.kind.time_kind() == TimeKind::Regular && !session.batch()?
        {
            return Err(TableError::validation(format!(
                "Invalid timeAttribute [{time_attribute}] in TemporalTableFunction: it is of type {}.",
                time.ty
            )));
        }
        let query = binding::bind(&self.env, &session, |cx| {
            filbert_binder::ddl::resolve_view(cx, &self.query, &[], None)
        })?;
        Ok(TemporalTableFunction {
            query: query.expanded_query,
            time_attribute: time_attribute.to_owned(),
            primary_key: primary_key.to_owned(),
        })
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
