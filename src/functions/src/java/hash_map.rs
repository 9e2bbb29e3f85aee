/// `String.hashCode`: over UTF-16 units.
pub fn string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

/// Entries with text keys in the order in which a `HashMap` made for `expected` of them gives them out. The last of
/// equal keys wins, at the place of the first.
pub fn hash_map_order<'k, V>(
    expected: usize,
    entries: impl Iterator<Item = (&'k str, V)>,
) -> Vec<(&'k str, V)> {
    let mut unique: Vec<(u32, &'k str, V)> = Vec::with_capacity(expected);
    for (key, value) in entries {
        match unique.iter_mut().find(|(_, k, _)| *k == key) {
            Some(entry) => entry.2 = value,
            None => {
                let hash = string_hash(key) as u32;
                unique.push((hash ^ (hash >> 16), key, value));
            }
        }
    }
    let wanted = match expected {
        0..=2 => expected + 1,
        n => (n * 4).div_ceil(3),
    };
    let mut capacity = wanted.next_power_of_two();
    while unique.len() * 4 > capacity * 3 {
        capacity *= 2;
    }
    let mask = capacity as u32 - 1;
    unique.sort_by_key(|(hash, ..)| hash & mask);
    unique.into_iter().map(|(_, k, v)| (k, v)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_follows_the_buckets() {
        let keys = ["b", "a", "c", "z", "y", "m"];
        let order = hash_map_order(6, keys.into_iter().map(|k| (k, ())));
        let order: Vec<&str> = order.into_iter().map(|(k, ())| k).collect();
        assert_eq!(order, ["a", "y", "b", "z", "c", "m"]);
    }

    #[test]
    fn hashes_are_javas() {
        assert_eq!(string_hash("abc"), 96354);
        assert_eq!(string_hash("é"), 233);
        assert_eq!(string_hash("hi"), 3329);
    }
}
