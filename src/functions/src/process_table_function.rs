//! Process table functions that an embedding program registers: table in, table out, with state and timers of their own.
//!
//! The function declares its arguments and its state; the engine keys the state by PARTITION BY, keeps it in the state
//! layer, and hands it out through a [`ProcessContext`].

use std::fmt;

use filbert_types::{Field, LogicalType, RowKind};

use crate::definition::FunctionContext;
use crate::value::Value;

/// What a table argument is, and what is asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TableTraits {
    /// SET_SEMANTIC_TABLE: rows of one key are seen together, and have state. Else ROW_SEMANTIC_TABLE: each row by itself.
    pub set_semantics: bool,
    /// OPTIONAL_PARTITION_BY: without PARTITION BY all rows are of one key.
    pub optional_partition_by: bool,
    /// PASS_COLUMNS_THROUGH: the row's columns stand before the function's, not the key's alone.
    pub pass_columns_through: bool,
    /// SUPPORT_UPDATES: takes +I, -U, +U and -D.
    pub support_updates: bool,
    /// REQUIRE_UPDATE_BEFORE: wants -U before each +U.
    pub require_update_before: bool,
    /// REQUIRE_FULL_DELETE: wants whole rows in -D.
    pub require_full_delete: bool,
    /// REQUIRE_ON_TIME: must be called with `on_time`.
    pub require_on_time: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ArgumentKind {
    /// A constant of this type.
    Scalar(LogicalType),
    Table(TableTraits),
}

/// An argument of a process table function.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessArgument {
    pub name: String,
    pub kind: ArgumentKind,
    /// A call may leave it out: a scalar is NULL then.
    pub optional: bool,
}

impl ProcessArgument {
    fn table(name: &str, set_semantics: bool) -> ProcessArgument {
        ProcessArgument {
            name: name.to_owned(),
            kind: ArgumentKind::Table(TableTraits {
                set_semantics,
                optional_partition_by: false,
                pass_columns_through: false,
                support_updates: false,
                require_update_before: false,
                require_full_delete: false,
                require_on_time: false,
            }),
            optional: false,
        }
    }

    /// A table of which the function sees each row by itself.
    pub fn row_table(name: &str) -> ProcessArgument {
        ProcessArgument::table(name, false)
    }

    /// A table of which the function sees the rows of a key together.
    pub fn set_table(name: &str) -> ProcessArgument {
        ProcessArgument::table(name, true)
    }

    /// A constant.
    pub fn scalar(name: &str, ty: LogicalType) -> ProcessArgument {
        ProcessArgument {
            name: name.to_owned(),
            kind: ArgumentKind::Scalar(ty),
            optional: false,
        }
    }

    #[must_use]
    pub fn optional(mut self) -> ProcessArgument {
        self.optional = true;
        self
    }

    /// Sets traits of a table argument.
    #[must_use]
    pub fn with(mut self, set: impl FnOnce(&mut TableTraits)) -> ProcessArgument {
        if let ArgumentKind::Table(traits) = &mut self.kind {
            set(traits);
        }
        self
    }
}

/// State that a function keeps for each key.
#[derive(Debug, Clone, PartialEq)]
pub struct StateDeclaration {
    pub name: String,
    pub kind: StateKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum StateKind {
    Value(LogicalType),
    List(LogicalType),
    Map(LogicalType, LogicalType),
}

impl StateDeclaration {
    pub fn value(name: &str, ty: LogicalType) -> StateDeclaration {
        StateDeclaration {
            name: name.to_owned(),
            kind: StateKind::Value(ty),
        }
    }

    pub fn list(name: &str, element: LogicalType) -> StateDeclaration {
        StateDeclaration {
            name: name.to_owned(),
            kind: StateKind::List(element),
        }
    }

    pub fn map(name: &str, key: LogicalType, value: LogicalType) -> StateDeclaration {
        StateDeclaration {
            name: name.to_owned(),
            kind: StateKind::Map(key, value),
        }
    }
}

/// Which changes a function sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ProcessChangelog {
    /// +I.
    #[default]
    Inserts,
    /// +I, -U, +U and -D.
    Retract,
    /// +I, +U and -D; the key of PARTITION BY tells what a row replaces.
    Upsert,
}

/// A call as type inference sees it.
pub struct ProcessCall<'a> {
    /// By argument: a table's columns; none for scalars and for tables that were left out.
    pub tables: &'a [Option<Vec<Field>>],
    /// By argument: a scalar's value; NULL for tables.
    pub scalars: &'a [Value],
    /// The call names a time column.
    pub has_on_time: bool,
}

/// A row of one of the tables.
#[derive(Debug)]
pub struct InputRow<'a> {
    /// The number of the argument whose row it is.
    pub argument: usize,
    pub kind: RowKind,
    pub values: &'a [Value],
}

/// A process table function that an embedding program registers:
/// `FROM f(input => TABLE t PARTITION BY k, arg => 1, on_time => DESCRIPTOR(ts), uid => 'x')`.
pub trait ProcessTableFunction: fmt::Debug + Send + Sync {
    /// The name by which it is registered, and found again when a job starts.
    fn name(&self) -> &str;
    /// The arguments in order; `on_time` and `uid` stand behind them by themselves.
    fn arguments(&self) -> Vec<ProcessArgument>;
    /// What is kept for each key; the context knows each by its number here. Only for functions of set semantics.
    fn state(&self) -> Vec<StateDeclaration> {
        Vec::new()
    }
    /// The function's own columns.
    ///
    /// # Errors
    /// In words for the user, when the call can't be.
    fn infer(&self, call: &ProcessCall<'_>) -> Result<Vec<Field>, String>;
    /// The changes that it sends.
    fn changelog(&self) -> ProcessChangelog {
        ProcessChangelog::Inserts
    }
    /// Called once in each task before anything else.
    ///
    /// # Errors
    /// When the function can't start.
    fn open(&self, _context: &FunctionContext) -> Result<(), String> {
        Ok(())
    }
    /// Takes a row.
    ///
    /// # Errors
    /// When the row is refused; the job fails with it.
    fn process(&self, row: &InputRow<'_>, context: &mut dyn ProcessContext) -> Result<(), String>;
    /// A timer that was set for the key has come; its name, where it has one. [`ProcessContext::time`] says its time.
    ///
    /// # Errors
    /// As [`ProcessTableFunction::process`].
    fn on_timer(
        &self,
        _name: Option<&str>,
        _context: &mut dyn ProcessContext,
    ) -> Result<(), String> {
        Ok(())
    }
    fn is_deterministic(&self) -> bool {
        true
    }
    /// One line of help.
    fn doc(&self) -> &str {
        ""
    }
}

/// What a process table function sees of the world while it works on one key. States go by their number in
/// [`ProcessTableFunction::state`], arguments by theirs in [`ProcessTableFunction::arguments`].
pub trait ProcessContext {
    /// Sends a row: +I with the values of the function's columns. The key, or the columns passed through, and the row's
    /// time are put around it.
    ///
    /// # Errors
    /// When the row has not as many values as the function has columns.
    fn collect(&mut self, values: Vec<Value>) -> Result<(), String> {
        self.collect_as(RowKind::Insert, values)
    }
    /// As [`ProcessContext::collect`], of any kind that the function says it sends.
    ///
    /// # Errors
    /// Also when the kind is another.
    fn collect_as(&mut self, kind: RowKind, values: Vec<Value>) -> Result<(), String>;
    /// A scalar argument.
    fn scalar(&self, argument: usize) -> &Value;

    /// A value state; NULL where none was set.
    fn value(&self, state: usize) -> &Value;
    fn set_value(&mut self, state: usize, value: Value);

    /// A list state's elements.
    ///
    /// # Errors
    /// When it can't be read.
    fn list(&mut self, state: usize) -> Result<&[Value], String>;
    fn push(&mut self, state: usize, element: Value);

    /// A map state's value.
    ///
    /// # Errors
    /// When it can't be read.
    fn get(&mut self, state: usize, key: &Value) -> Result<Option<Value>, String>;
    fn put(&mut self, state: usize, key: Value, value: Value);
    fn remove(&mut self, state: usize, key: &Value);
    /// A map state's pairs, in the order in which their keys were first put.
    ///
    /// # Errors
    /// When it can't be read.
    fn entries(&mut self, state: usize) -> Result<Vec<(Value, Value)>, String>;

    /// Empties a state of the key.
    fn clear_state(&mut self, state: usize);
    /// Empties all states of the key, and takes back its timers.
    fn clear_all(&mut self);

    /// The time of the row, by `on_time`, or of the timer: milliseconds since 1970.
    fn time(&self) -> Option<i64>;
    /// The watermark; none before the first.
    fn watermark(&self) -> Option<i64>;
    /// Sets a timer of the key. One with a name takes the place of the one of that name; without a name there is one for
    /// each time. One for a time that the watermark has passed goes off when the watermark next rises.
    fn register_timer(&mut self, name: Option<&str>, time: i64);
    /// Takes the timer of a name back.
    fn clear_timer(&mut self, name: &str);
    /// Takes the timer without a name back that was set for a time.
    fn clear_timer_at(&mut self, time: i64);
    fn clear_all_timers(&mut self);
}

/// `f(input => {TABLE, SET SEMANTIC TABLE}, label => STRING)`, for errors and DESCRIBE FUNCTION.
pub fn signature(function: &dyn ProcessTableFunction) -> String {
    let arguments = function.arguments();
    let arguments: Vec<String> = arguments.iter().map(argument_text).collect();
    format!("{}({})", function.name(), arguments.join(", "))
}

fn argument_text(argument: &ProcessArgument) -> String {
    let what = match &argument.kind {
        ArgumentKind::Scalar(ty) => ty.to_string(),
        ArgumentKind::Table(traits) => {
            let semantics = match traits.set_semantics {
                true => "SET SEMANTIC TABLE",
                false => "ROW SEMANTIC TABLE",
            };
            let words = [
                (true, "TABLE"),
                (true, semantics),
                (traits.optional_partition_by, "OPTIONAL PARTITION BY"),
                (traits.pass_columns_through, "PASS COLUMNS THROUGH"),
                (traits.support_updates, "SUPPORT UPDATES"),
                (traits.require_update_before, "REQUIRE UPDATE BEFORE"),
                (traits.require_full_delete, "REQUIRE FULL DELETE"),
                (traits.require_on_time, "REQUIRE ON TIME"),
            ];
            let words = words.iter().filter(|(has, _)| *has).map(|(_, word)| *word);
            format!("{{{}}}", words.collect::<Vec<_>>().join(", "))
        }
    };
    format!("{} => {what}", argument.name)
}
