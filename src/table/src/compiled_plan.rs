use std::path::Path;

use filbert_planner::CompiledPlan as Plan;

use crate::environment::{TableEnvironment, single};
use crate::error::{ErrorKind, Result, TableError};
use crate::execute;
use crate::result::TableResult;
use filbert_types::options::FORCE_RECOMPILE;

/// The plan of INSERTs, which can be kept as a file and run by another process.
///
/// ```no_run
/// # fn main() -> Result<(), filbert_table::TableError> {
/// # use filbert_table::{EnvironmentSettings, TableEnvironment};
/// # let env = TableEnvironment::create(EnvironmentSettings::streaming())?;
/// env.compile_plan_sql("INSERT INTO large SELECT * FROM orders WHERE price > 100")?
///     .write_to_file("large.json")?;
///
/// let other = TableEnvironment::create(EnvironmentSettings::streaming())?;
/// other.load_plan("large.json")?.execute()?.wait()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CompiledPlan {
    env: TableEnvironment,
    plan: Plan,
}

impl CompiledPlan {
    pub(crate) fn new(env: &TableEnvironment, plan: Plan) -> CompiledPlan {
        CompiledPlan {
            env: env.clone(),
            plan,
        }
    }

    /// Reads a plan's file.
    pub(crate) fn read(env: &TableEnvironment, path: &str) -> Result<CompiledPlan> {
        let text = std::fs::read_to_string(local_path(path)?).map_err(|error| {
            TableError::validation(format!("Cannot read the plan '{path}': {error}."))
        })?;
        Ok(CompiledPlan::new(env, Plan::from_json(&text)?))
    }

    /// The plan as its file has it.
    ///
    /// # Errors
    /// When the plan can't be written, which is a bug.
    pub fn as_json(&self) -> Result<String> {
        Ok(self.plan.to_json()?)
    }

    /// Writes the plan to a file; over one that is there only with `table.plan.force-recompile`.
    ///
    /// # Errors
    /// When there is a file, or it can't be written.
    pub fn write_to_file(&self, path: &str) -> Result<()> {
        let local = Path::new(local_path(path)?);
        if local.exists() && !self.env.configuration().get_bool(&FORCE_RECOMPILE)? {
            return Err(TableError::validation(format!(
                "Cannot overwrite the plan file '{path}'. Either manually remove the file or, if you're debugging your \
                 job, set the option '{}' to true.",
                FORCE_RECOMPILE.key
            )));
        }
        let folder = local.parent().map_or(Ok(()), std::fs::create_dir_all);
        folder
            .and_then(|()| std::fs::write(local, self.as_json().unwrap_or_default()))
            .map_err(|error| {
                let message = format!("Cannot write the plan '{path}': {error}.");
                TableError::new(ErrorKind::Execution, message)
            })
    }

    /// Starts the job, with the parallelism and the other options of the environment.
    ///
    /// # Errors
    /// When the job can't start.
    pub fn execute(&self) -> Result<TableResult> {
        let result = self.submit()?;
        if result.is_sync() {
            result.wait()?;
        }
        Ok(result)
    }

    pub(crate) fn submit(&self) -> Result<TableResult> {
        execute::run_plan(&self.env, self.plan.clone())
    }
}

impl TableEnvironment {
    /// The plan of an INSERT or a statement set, not run.
    ///
    /// # Errors
    /// When the statement can't be planned, or the mode is batch.
    pub fn compile_plan_sql(&self, text: &str) -> Result<CompiledPlan> {
        let plan = execute::compile_plan(self, &single(text)?.statement)?;
        Ok(CompiledPlan::new(self, plan))
    }

    /// A plan that [`CompiledPlan::write_to_file`] or COMPILE PLAN wrote.
    ///
    /// # Errors
    /// When the file is no plan of this version.
    pub fn load_plan(&self, path: &str) -> Result<CompiledPlan> {
        CompiledPlan::read(self, path)
    }
}

/// The path of a plan, which may be a `file:` URI.
pub(crate) fn local_path(path: &str) -> Result<&str> {
    let local = path
        .strip_prefix("file://")
        .or_else(|| path.strip_prefix("file:"));
    match local {
        Some(local) => Ok(local),
        None if path.contains("://") => Err(TableError::unsupported(format!(
            "A plan at '{path}', which is no local file,"
        ))),
        None => Ok(path),
    }
}
