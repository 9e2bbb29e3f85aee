//! How the shell shows results.

use crate::config::ConfigOption;
use crate::config::ConfigType::{Boolean, Enum, Integer};

pub const RESULT_MODE: ConfigOption = ConfigOption::new(
    "sql-client.execution.result-mode",
    Enum(&["TABLE", "CHANGELOG", "TABLEAU"]),
    "How a query's rows are shown.",
)
.default("TABLEAU");
pub const MAX_TABLE_RESULT_ROWS: ConfigOption = ConfigOption::new(
    "sql-client.execution.max-table-result.rows",
    Integer,
    "Rows that the live view of a result keeps.",
)
.default("1000000");
pub const PRINT_TIME_COST: ConfigOption = ConfigOption::new(
    "sql-client.display.print-time-cost",
    Boolean,
    "Print how long a query took.",
)
.default("true");
pub const MAX_COLUMN_WIDTH: ConfigOption = ConfigOption::new(
    "table.display.max-column-width",
    Integer,
    "Cells of text longer than this are cut when printed.",
)
.default("30");
pub const CLIENT_MAX_COLUMN_WIDTH: ConfigOption = ConfigOption::new(
    "sql-client.display.max-column-width",
    Integer,
    "The old name of table.display.max-column-width.",
);
