//! The statements, as plain data. Queries and expressions inside are sqlparser's trees.

use std::fmt;

use filbert_types::Span;

mod object;
mod query;
mod show;
mod table;

pub use object::*;
pub use query::*;
pub use show::*;
pub use table::*;

/// A name as written, without its backticks. Names are case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ident {
    pub value: String,
    pub span: Span,
}

/// A name of up to three parts: `catalog.database.object`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName {
    /// At least one.
    pub parts: Vec<Ident>,
    pub span: Span,
}

impl fmt::Display for ObjectName {
    /// The parts, joined by dots, without quoting.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.parts.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            f.write_str(&part.value)?;
        }
        Ok(())
    }
}

/// A string literal's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub value: String,
    pub span: Span,
}

/// `'key' = 'value'`, of WITH, SET and OPTIONS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionEntry {
    pub key: Text,
    pub value: Text,
}

/// One of Flink's statements.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    Query(Box<Query>),
    Insert(Box<Insert>),
    /// `EXECUTE STATEMENT SET BEGIN ..; END`: one job.
    StatementSet(Vec<Insert>),
    /// `BEGIN STATEMENT SET`: the INSERTs up to END are one job.
    BeginStatementSet,
    EndStatementSet,
    Explain(Explain),
    CompilePlan(CompilePlan),
    /// `EXECUTE PLAN 'path'`.
    ExecutePlan(Text),

    CreateTable(Box<CreateTable>),
    AlterTable(AlterTable),
    DropTable(DropObject),
    CreateView(Box<CreateView>),
    AlterView(AlterView),
    DropView(DropObject),
    CreateCatalog(CreateCatalog),
    AlterCatalog(AlterCatalog),
    DropCatalog(DropObject),
    UseCatalog(Ident),
    CreateDatabase(CreateDatabase),
    AlterDatabase(AlterDatabase),
    DropDatabase(DropDatabase),
    UseDatabase(ObjectName),
    CreateFunction(CreateFunction),
    AlterFunction(AlterFunction),
    DropFunction(DropFunction),
    CreateModel(Box<CreateModel>),
    AlterModel(AlterModel),
    DropModel(DropObject),
    LoadModule(LoadModule),
    UnloadModule(Ident),
    UseModules(Vec<Ident>),

    Show(Show),
    Describe(Describe),
    /// `SET`, which lists, or `SET 'key' = 'value'`.
    Set(Option<OptionEntry>),
    /// `RESET`, of everything, or `RESET 'key'`.
    Reset(Option<Text>),
    StopJob(StopJob),

    /// A statement of Flink's that is understood as such and can't run here.
    Unsupported(Unsupported),
}

/// A statement that Flink has and this engine hasn't.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// Its leading keywords, e.g. `ADD JAR`.
    pub name: String,
    /// The place of these keywords.
    pub span: Span,
}

/// `EXPLAIN [details] statement`.
#[derive(Debug, Clone, PartialEq)]
pub struct Explain {
    pub details: Vec<ExplainDetail>,
    pub statement: Box<Statement>,
    /// The text of the statement explained.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplainDetail {
    EstimatedCost,
    ChangelogMode,
    JsonExecutionPlan,
    PlanAdvice,
}

/// `COMPILE [AND EXECUTE] PLAN 'path' [IF NOT EXISTS] FOR insert`.
#[derive(Debug, Clone, PartialEq)]
pub struct CompilePlan {
    pub path: Text,
    pub if_not_exists: bool,
    pub execute: bool,
    /// One, or those of a statement set.
    pub inserts: Vec<Insert>,
}

/// `STOP JOB 'id' [WITH SAVEPOINT] [WITH DRAIN]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopJob {
    pub id: Text,
    pub savepoint: bool,
    pub drain: bool,
}
