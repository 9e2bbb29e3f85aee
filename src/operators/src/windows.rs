//! Windows: which ones an instant lies in, and when each ends.
//!
//! Windows are cut in local time: over TIMESTAMP_LTZ an instant is first turned into the session zone's local time, and
//! a window's end is turned back to know when the watermark has passed it, as Flink's `TimeWindowUtil` does.

mod months;
mod slicing;

use chrono::{DateTime, LocalResult, TimeZone as _};
use filbert_graph::spec::WindowSpec;
use filbert_types::TimeZone;

use crate::error::{OperatorError, Result};

use months::Months;
pub use slicing::Slicing;

/// A window by its bounds, in milliseconds of local time; the end is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    pub start_ms: i64,
    pub end_ms: i64,
}

/// Assigns instants to windows.
#[derive(Debug, Clone)]
pub struct WindowAssigner {
    shape: Shape,
    zone: Option<TimeZone>,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Tumble {
        size: i64,
        offset: i64,
    },
    Hop {
        size: i64,
        slide: i64,
        offset: i64,
    },
    Cumulate {
        size: i64,
        step: i64,
        offset: i64,
    },
    Months(Months),
    /// The window that a row makes before it is joined with others.
    Session {
        gap: i64,
    },
}

impl WindowAssigner {
    /// # Errors
    /// When the window's parameters make no windows, or the zone isn't known.
    pub fn new(spec: &WindowSpec, time_zone: Option<&str>) -> Result<WindowAssigner> {
        let zone = time_zone
            .map(|name| {
                name.parse::<TimeZone>()
                    .map_err(|_| OperatorError::user(format!("Unknown time zone '{name}'.")))
            })
            .transpose()?
            .filter(|zone| *zone != TimeZone::UTC);
        Ok(WindowAssigner {
            shape: Shape::new(spec)?,
            zone,
        })
    }

    /// Knows of windows only when they end.
    ///
    /// # Errors
    /// When the zone isn't known.
    pub fn ends(time_zone: Option<&str>) -> Result<WindowAssigner> {
        let any = WindowSpec::Tumble {
            size_ms: 1,
            offset_ms: 0,
        };
        WindowAssigner::new(&any, time_zone)
    }

    /// Calls `each` with every window that the instant lies in, in Flink's order: overlapping windows latest first,
    /// cumulating ones shortest first.
    #[inline]
    pub fn windows_of(&self, instant_ms: i64, mut each: impl FnMut(Window)) {
        let time = self.to_local(instant_ms);
        match self.shape {
            Shape::Tumble { size, offset } => {
                let start_ms = start_of(time, offset, size);
                each(Window {
                    start_ms,
                    end_ms: start_ms + size,
                });
            }
            Shape::Hop {
                size,
                slide,
                offset,
            } => {
                let last = start_of(time, offset, slide);
                let count = (size - (time - last) + slide - 1) / slide;
                for back in 0..count {
                    let start_ms = last - back * slide;
                    each(Window {
                        start_ms,
                        end_ms: start_ms + size,
                    });
                }
            }
            Shape::Cumulate { size, step, offset } => {
                let start_ms = start_of(time, offset, size);
                let first = start_of(time, offset, step) + step;
                for end_ms in (first..=start_ms + size).step_by(step as usize) {
                    each(Window { start_ms, end_ms });
                }
            }
            Shape::Months(months) => months.windows_of(time, each),
            Shape::Session { gap } => each(Window {
                start_ms: time,
                end_ms: time + gap,
            }),
        }
    }

    /// The window with this end.
    pub fn window_ending(&self, end_ms: i64) -> Window {
        let start_ms = match self.shape {
            Shape::Tumble { size, .. } | Shape::Hop { size, .. } => end_ms - size,
            Shape::Months(months) => months.start_of_window(end_ms),
            Shape::Session { gap } => end_ms - gap,
            Shape::Cumulate { size, offset, .. } => start_of(end_ms - 1, offset, size),
        };
        Window { start_ms, end_ms }
    }

    /// The watermark at which the window with this end has all its rows.
    #[inline]
    pub fn fires_at(&self, end_ms: i64) -> i64 {
        match self.zone {
            None => end_ms - 1,
            Some(zone) => to_epoch_for_timer(end_ms - 1, zone),
        }
    }

    /// The instant that the window with this end gives its rows as `window_time`.
    pub fn window_time(&self, end_ms: i64) -> i64 {
        match self.zone {
            None => end_ms - 1,
            Some(zone) => to_epoch(end_ms - 1, zone),
        }
    }

    /// An instant as local time.
    #[inline]
    pub fn to_local(&self, instant_ms: i64) -> i64 {
        let Some(zone) = self.zone else {
            return instant_ms;
        };
        instant_ms + i64::from(zone.offset_at_utc(instant_ms.div_euclid(1000))) * 1000
    }
}

impl Shape {
    fn new(spec: &WindowSpec) -> Result<Shape> {
        let shape = match *spec {
            WindowSpec::Tumble { size_ms, offset_ms } => Shape::Tumble {
                size: size_ms,
                offset: offset_ms,
            },
            WindowSpec::Hop {
                size_ms,
                slide_ms,
                offset_ms,
            } => Shape::Hop {
                size: size_ms,
                slide: slide_ms,
                offset: offset_ms,
            },
            WindowSpec::Cumulate {
                size_ms,
                step_ms,
                offset_ms,
            } => Shape::Cumulate {
                size: size_ms,
                step: step_ms,
                offset: offset_ms,
            },
            WindowSpec::Months {
                shape,
                size,
                step,
                offset_ms,
            } => Shape::Months(Months {
                shape,
                size,
                step,
                offset_ms,
            }),
            WindowSpec::Session { gap_ms, .. } => Shape::Session { gap: gap_ms },
        };
        let (size, part) = match shape {
            Shape::Tumble { size, .. } => (size, size),
            Shape::Hop { size, slide, .. } => (size, slide),
            Shape::Cumulate { size, step, .. } => (size, step),
            Shape::Months(months) => (months.size, months.step),
            Shape::Session { gap } => (gap, gap),
        };
        if size <= 0 || part <= 0 {
            return Err(OperatorError::user(format!(
                "A window's size must be positive, but got size {size}ms and step {part}ms."
            )));
        }
        Ok(shape)
    }
}

/// The start of the window of this size that the time lies in.
#[inline]
const fn start_of(time: i64, offset: i64, size: i64) -> i64 {
    time - (time - offset).rem_euclid(size)
}

/// Local time to the instant: of two the earlier, in a gap as far behind its end as the time is behind its beginning
/// (Java's `LocalDateTime.atZone`).
fn to_epoch(local_ms: i64, zone: TimeZone) -> i64 {
    local_ms - i64::from(zone.offset_at_local(local_ms.div_euclid(1000))) * 1000
}

/// As `to_epoch`, but of two instants the later, and in a gap its end: a window must not fire before all its rows came.
fn to_epoch_for_timer(local_ms: i64, zone: TimeZone) -> i64 {
    const HOUR_MS: i64 = 3_600_000;
    let TimeZone::Region(region) = zone else {
        return to_epoch(local_ms, zone);
    };
    let Some(local) = DateTime::from_timestamp_millis(local_ms).map(|t| t.naive_utc()) else {
        return local_ms;
    };
    match region.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(_, instant) => {
            instant.timestamp_millis()
        }
        LocalResult::None => {
            let instant = to_epoch(local_ms, zone);
            instant - instant.rem_euclid(HOUR_MS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(spec: &WindowSpec, zone: Option<&str>, at: i64) -> Vec<(i64, i64)> {
        let mut found = Vec::new();
        WindowAssigner::new(spec, zone)
            .unwrap()
            .windows_of(at, |w| found.push((w.start_ms, w.end_ms)));
        found
    }

    #[test]
    fn windows_hold_the_instants_between_their_bounds() {
        let tumble = WindowSpec::Tumble {
            size_ms: 10,
            offset_ms: 3,
        };
        assert_eq!(windows(&tumble, None, 12), [(3, 13)]);
        assert_eq!(windows(&tumble, None, -1), [(-7, 3)]);
        let hop = WindowSpec::Hop {
            size_ms: 15,
            slide_ms: 5,
            offset_ms: 0,
        };
        assert_eq!(windows(&hop, None, 12), [(10, 25), (5, 20), (0, 15)]);
        let gaps = WindowSpec::Hop {
            size_ms: 2,
            slide_ms: 5,
            offset_ms: 0,
        };
        assert_eq!(windows(&gaps, None, 1), [(0, 2)]);
        assert_eq!(windows(&gaps, None, 3), []);
        let cumulate = WindowSpec::Cumulate {
            size_ms: 15,
            step_ms: 5,
            offset_ms: 0,
        };
        assert_eq!(windows(&cumulate, None, 7), [(0, 10), (0, 15)]);
    }

    /// Los Angeles leaves daylight time on 2021-11-07: 01:30 comes twice.
    #[test]
    fn windows_of_an_hour_that_comes_twice_fire_after_the_second() {
        let hour = WindowSpec::Tumble {
            size_ms: 3_600_000,
            offset_ms: 0,
        };
        let assigner = WindowAssigner::new(&hour, Some("America/Los_Angeles")).unwrap();
        let mut found = Vec::new();
        // 2021-11-07T08:30:00Z and one hour later are both 01:30 there.
        for at in [1_636_273_800_000, 1_636_277_400_000] {
            assigner.windows_of(at, |w| found.push(w));
        }
        assert_eq!(found[0], found[1]);
        assert_eq!(assigner.fires_at(found[0].end_ms), 1_636_279_199_999);
        assert_eq!(assigner.window_time(found[0].end_ms), 1_636_275_599_999);
    }
}
