use crate::CallError;
use crate::signature::CallArgs;

/// A unit of time, as SQL names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Millennium,
    Century,
    Decade,
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    Epoch,
    Dow,
    Doy,
    IsoDow,
    IsoYear,
}

const NAMES: &[(&str, Unit)] = &[
    ("MILLENNIUM", Unit::Millennium),
    ("CENTURY", Unit::Century),
    ("DECADE", Unit::Decade),
    ("YEAR", Unit::Year),
    ("QUARTER", Unit::Quarter),
    ("MONTH", Unit::Month),
    ("WEEK", Unit::Week),
    ("DAY", Unit::Day),
    ("HOUR", Unit::Hour),
    ("MINUTE", Unit::Minute),
    ("SECOND", Unit::Second),
    ("MILLISECOND", Unit::Millisecond),
    ("MICROSECOND", Unit::Microsecond),
    ("NANOSECOND", Unit::Nanosecond),
    ("EPOCH", Unit::Epoch),
    ("DOW", Unit::Dow),
    ("DOY", Unit::Doy),
    ("ISODOW", Unit::IsoDow),
    ("ISOYEAR", Unit::IsoYear),
];

impl Unit {
    pub(crate) fn parse(name: &str) -> Option<Unit> {
        let upper = name.to_uppercase();
        let name = upper.strip_prefix("SQL_TSI_").unwrap_or(&upper);
        if name == "FRAC_SECOND" {
            return Some(Unit::Microsecond);
        }
        NAMES.iter().find(|(n, _)| *n == name).map(|(_, u)| *u)
    }

    pub(crate) fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, u)| *u == self)
            .map_or("", |(n, _)| n)
    }

    /// The unit that an argument of a call names.
    pub(crate) fn of(call: &CallArgs<'_>, index: usize) -> Result<Unit, CallError> {
        let name = call.literal_str(index).ok_or_else(|| call.refuse())?;
        Unit::parse(name).ok_or_else(|| {
            let names = NAMES.iter().map(|(n, _)| *n);
            let upper = name.to_uppercase();
            let hint = match filbert_types::suggest::nearest(&upper, names) {
                Some(nearest) => format!(". Did you mean '{nearest}'?"),
                None => String::new(),
            };
            CallError::Invalid(format!("'{name}' is not a valid time frame{hint}"))
        })
    }

    /// Months in the unit; 0 for those of fixed length.
    pub(crate) fn months(self) -> i64 {
        match self {
            Unit::Millennium => 12_000,
            Unit::Century => 1_200,
            Unit::Decade => 120,
            Unit::Year => 12,
            Unit::Quarter => 3,
            Unit::Month => 1,
            _ => 0,
        }
    }

    /// Milliseconds in a unit from WEEK to MILLISECOND.
    pub(crate) fn millis(self) -> Option<i64> {
        Some(match self {
            Unit::Week => 604_800_000,
            Unit::Day => 86_400_000,
            Unit::Hour => 3_600_000,
            Unit::Minute => 60_000,
            Unit::Second => 1_000,
            Unit::Millisecond => 1,
            _ => return None,
        })
    }
}
