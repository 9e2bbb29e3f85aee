//! Windows of whole months.

use filbert_graph::spec::MonthWindow;

use super::Window;

const DAY_MS: i64 = 86_400_000;

/// Windows of whole months by the calendar, moved by an offset. Months are numbered from January 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Months {
    pub shape: MonthWindow,
    pub size: i64,
    /// HOP's slide or CUMULATE's step.
    pub step: i64,
    pub offset_ms: i64,
}

impl Months {
    pub fn windows_of(&self, time_ms: i64, mut each: impl FnMut(Window)) {
        let month = month_of(time_ms - self.offset_ms);
        match self.shape {
            MonthWindow::Tumble => {
                let start = floor(month, self.size);
                each(self.window(start, start + self.size));
            }
            MonthWindow::Hop => {
                let last = floor(month, self.step);
                let count = (self.size - (month - last) + self.step - 1) / self.step;
                for back in 0..count {
                    let start = last - back * self.step;
                    each(self.window(start, start + self.size));
                }
            }
            MonthWindow::Cumulate => {
                let start = floor(month, self.size);
                let mut end = floor(month, self.step) + self.step;
                while end <= start + self.size {
                    each(self.window(start, end));
                    end += self.step;
                }
            }
        }
    }

    /// The start of the window with this end.
    pub fn start_of_window(&self, end_ms: i64) -> i64 {
        let end = month_of(end_ms - self.offset_ms);
        let start = match self.shape {
            MonthWindow::Tumble | MonthWindow::Hop => end - self.size,
            MonthWindow::Cumulate => floor(end - 1, self.size),
        };
        start_of_month(start) + self.offset_ms
    }

    fn window(&self, start: i64, end: i64) -> Window {
        Window {
            start_ms: start_of_month(start) + self.offset_ms,
            end_ms: start_of_month(end) + self.offset_ms,
        }
    }
}

const fn floor(value: i64, by: i64) -> i64 {
    value - value.rem_euclid(by)
}

/// The month that a time lies in. Years are counted from March, so that the leap day is a year's last, and in eras of
/// 400 of them, which are of equal length.
const fn month_of(time_ms: i64) -> i64 {
    let days = time_ms.div_euclid(DAY_MS) + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    (year + era * 400) * 12 + month + 2 - 1970 * 12
}

/// Its first instant.
const fn start_of_month(month: i64) -> i64 {
    let from_march = month + 1970 * 12 - 2;
    let (years, month) = (from_march.div_euclid(12), from_march.rem_euclid(12));
    let (era, year) = (years.div_euclid(400), years.rem_euclid(400));
    let day = year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5;
    (era * 146_097 + day - 719_468) * DAY_MS
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Datelike, NaiveDate};
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> i64 {
        let date: NaiveDate = text.parse().unwrap();
        date.and_time(Default::default())
            .and_utc()
            .timestamp_millis()
    }

    fn windows(months: Months, at: &str) -> Vec<String> {
        let mut found = Vec::new();
        let day = |ms| DateTime::from_timestamp_millis(ms).unwrap().date_naive();
        months.windows_of(date(at), |w| {
            assert_eq!(months.start_of_window(w.end_ms), w.start_ms);
            found.push(format!("{} {}", day(w.start_ms), day(w.end_ms)));
        });
        found
    }

    #[test]
    fn windows_follow_the_calendar() {
        let months = |shape, size, step| Months {
            shape,
            size,
            step,
            offset_ms: 0,
        };
        let quarter = months(MonthWindow::Tumble, 3, 3);
        assert_eq!(windows(quarter, "2024-02-29"), ["2024-01-01 2024-04-01"]);
        assert_eq!(windows(quarter, "1969-12-31"), ["1969-10-01 1970-01-01"]);
        let hop = months(MonthWindow::Hop, 3, 1);
        assert_eq!(
            windows(hop, "2024-02-29"),
            [
                "2024-02-01 2024-05-01",
                "2024-01-01 2024-04-01",
                "2023-12-01 2024-03-01"
            ]
        );
        let cumulate = months(MonthWindow::Cumulate, 12, 6);
        assert_eq!(
            windows(cumulate, "2024-02-29"),
            ["2024-01-01 2024-07-01", "2024-01-01 2025-01-01"]
        );
        let fiscal = Months {
            offset_ms: 14 * DAY_MS,
            ..quarter
        };
        assert_eq!(windows(fiscal, "2024-01-14"), ["2023-10-15 2024-01-15"]);
    }

    proptest! {
        #[test]
        fn months_are_those_of_the_calendar(time_ms in -62_000_000_000_000i64..200_000_000_000_000) {
            let date = DateTime::from_timestamp_millis(time_ms).unwrap();
            let month = month_of(time_ms);
            prop_assert_eq!(month.div_euclid(12) + 1970, i64::from(date.year()));
            prop_assert_eq!(month.rem_euclid(12), i64::from(date.month0()));
            prop_assert!(start_of_month(month) <= time_ms && time_ms < start_of_month(month + 1));
        }
    }
}
