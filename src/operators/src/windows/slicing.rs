//! What overlapping windows have in common.

use filbert_graph::spec::WindowSpec;

use super::start_of;

/// How windows are made of slices: pieces of time that overlapping windows have in common. All in local milliseconds;
/// a slice is named by its end.
#[derive(Debug, Clone, Copy)]
pub enum Slicing {
    /// A window is one slice.
    Whole,
    Hop {
        size: i64,
        slide: i64,
        offset: i64,
        slice: i64,
    },
    Cumulate {
        size: i64,
        step: i64,
        offset: i64,
    },
}

impl Slicing {
    pub fn of(spec: &WindowSpec) -> Slicing {
        match *spec {
            WindowSpec::Hop {
                size_ms,
                slide_ms,
                offset_ms,
            } => Slicing::Hop {
                size: size_ms,
                slide: slide_ms,
                offset: offset_ms,
                slice: greatest_common_divisor(size_ms, slide_ms),
            },
            WindowSpec::Cumulate {
                size_ms,
                step_ms,
                offset_ms,
            } => Slicing::Cumulate {
                size: size_ms,
                step: step_ms,
                offset: offset_ms,
            },
            WindowSpec::Tumble { .. } | WindowSpec::Session { .. } | WindowSpec::Months { .. } => {
                Slicing::Whole
            }
        }
    }

    /// The slice of a time; of windows that are slices the time is the window's end already.
    #[inline]
    pub fn slice_of(self, time: i64) -> i64 {
        match self {
            Slicing::Whole => time,
            Slicing::Hop { offset, slice, .. } => start_of(time, offset, slice) + slice,
            Slicing::Cumulate { step, offset, .. } => start_of(time, offset, step) + step,
        }
    }

    /// The ends of the first and last window that hold the slice; none where windows leave it out.
    pub fn windows_of(self, slice_end: i64) -> Option<(i64, i64)> {
        match self {
            Slicing::Whole => Some((slice_end, slice_end)),
            Slicing::Hop {
                size,
                slide,
                offset,
                slice,
            } => {
                let aligned = offset + size;
                let first = slice_end + (aligned - slice_end).rem_euclid(slide);
                let latest = slice_end - slice + size;
                let last = latest - (latest - aligned).rem_euclid(slide);
                (first <= last).then_some((first, last))
            }
            Slicing::Cumulate { size, step, offset } => {
                let start = start_of(slice_end - step, offset, size);
                Some((slice_end, start + size))
            }
        }
    }

    /// The end of the first window at or behind `window_end`, one of the windows' ends, that lies behind `after`.
    pub fn window_after(self, window_end: i64, after: i64) -> i64 {
        let step = match self {
            Slicing::Whole => return window_end,
            Slicing::Hop { slide, .. } => slide,
            Slicing::Cumulate { step, .. } => step,
        };
        if after < window_end {
            return window_end;
        }
        window_end + ((after - window_end) / step + 1) * step
    }

    /// The start of the window with this end.
    pub fn start_of_window(self, window_end: i64) -> i64 {
        match self {
            Slicing::Whole => window_end - 1,
            Slicing::Hop { size, .. } => window_end - size,
            Slicing::Cumulate { size, step, offset } => start_of(window_end - step, offset, size),
        }
    }
}

fn greatest_common_divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_where_windows_begin_and_end() {
        let hop = Slicing::of(&WindowSpec::Hop {
            size_ms: 10,
            slide_ms: 4,
            offset_ms: 1,
        });
        // Windows end at 11, 15, 19, ..; slices are of 2.
        assert_eq!(hop.slice_of(5), 7);
        assert_eq!(hop.windows_of(7), Some((7, 15)));
        assert_eq!(hop.window_after(7, 7), 11);
        let gaps = Slicing::of(&WindowSpec::Hop {
            size_ms: 2,
            slide_ms: 6,
            offset_ms: 0,
        });
        assert_eq!(gaps.windows_of(gaps.slice_of(1)), Some((2, 2)));
        assert_eq!(gaps.windows_of(gaps.slice_of(3)), None);
        let cumulate = Slicing::of(&WindowSpec::Cumulate {
            size_ms: 15,
            step_ms: 5,
            offset_ms: 0,
        });
        assert_eq!(cumulate.windows_of(cumulate.slice_of(7)), Some((10, 15)));
        assert_eq!(cumulate.start_of_window(15), 0);
    }
}
