/// `LATERAL TABLE(f(o.ts))`: a history of rows that is joined, for each row on its left, as it was at that row's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemporalTableFunction {
    /// The query that gives the history.
    pub query: String,
    /// The column that says since when a row of the history is valid: a time attribute.
    pub time_attribute: String,
    /// The column that tells what a row of the history is a version of.
    pub primary_key: String,
}
