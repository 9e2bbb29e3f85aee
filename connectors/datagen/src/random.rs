//! Numbers from row numbers: the n-th output of SplitMix64, which needs no state.

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// 64 random bits for a row; `salt` tells columns apart.
#[inline]
pub fn bits(salt: u64, row: u64) -> u64 {
    let mut z = row.wrapping_mul(GOLDEN).wrapping_add(salt);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A salt of its own for the n-th part of something salted.
pub fn salt(parent: u64, part: u64) -> u64 {
    bits(parent ^ 0x5851_F42D_4C95_7F2D, part + 1)
}

/// A number below `bound`, from random bits.
#[inline]
pub fn below(bits: u64, bound: u64) -> u64 {
    ((u128::from(bits) * u128::from(bound)) >> 64) as u64
}

/// A number of `[0, 1)`.
#[inline]
pub fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// A number of `[low, high]`.
#[inline]
pub fn between(bits: u64, low: i64, high: i64) -> i64 {
    let span = (high as u64).wrapping_sub(low as u64);
    let offset = match span.checked_add(1) {
        Some(count) => below(bits, count),
        None => bits,
    };
    low.wrapping_add_unsigned(offset)
}
