//! The keys of Flink 2.3 that have no effect here, by area.

mod cluster;
mod jobs;
mod table;

/// Each sorted.
const AREAS: [&[&str]; 3] = [cluster::KEYS, jobs::KEYS, table::KEYS];

/// Whether Flink has an option of this key that has no effect here.
pub fn is_known(key: &str) -> bool {
    AREAS.iter().any(|keys| keys.binary_search(&key).is_ok())
}

/// All of them, area by area.
pub fn keys() -> impl Iterator<Item = &'static str> {
    AREAS.into_iter().flatten().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_area_is_sorted() {
        assert!(AREAS.iter().all(|keys| keys.is_sorted()));
    }
}
