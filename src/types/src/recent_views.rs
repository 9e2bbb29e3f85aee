/// What was found lately for strings or bytes, by their views: where values of a batch stand in the same place, as those
/// of a dictionary do, each needs to be looked at once. Views say nothing across batches.
pub struct RecentViews<T> {
    known: Box<[Option<(u128, T)>; PLACES]>,
}

const PLACES: usize = 64;

impl<T: Copy> Default for RecentViews<T> {
    fn default() -> RecentViews<T> {
        RecentViews {
            known: Box::new([None; PLACES]),
        }
    }
}

impl<T: Copy> RecentViews<T> {
    #[inline]
    pub fn get(&self, view: u128) -> Option<T> {
        let known = self.known[place(view)];
        known.filter(|(of, _)| *of == view).map(|(_, found)| found)
    }

    #[inline]
    pub fn put(&mut self, view: u128, found: T) {
        self.known[place(view)] = Some((view, found));
    }

    pub fn clear(&mut self) {
        self.known.fill(None);
    }
}

/// By buffer and offset, or what a short value holds itself.
#[inline]
fn place(view: u128) -> usize {
    let folded = view as u64 ^ (view >> 64) as u64;
    (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_known_until_another_takes_its_place() {
        let mut recent = RecentViews::default();
        for view in 0..10_000u128 {
            assert_eq!(recent.get(view), None);
            recent.put(view, view + 1);
            assert_eq!(recent.get(view), Some(view + 1));
        }
        recent.clear();
        assert!((0..10_000u128).all(|view| recent.get(view).is_none()));
    }
}
