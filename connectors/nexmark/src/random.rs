const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// 64 random bits for an event; `salt` tells its fields apart. The n-th output of SplitMix64, which needs no state.
#[inline]
pub fn bits(salt: u64, event: u64) -> u64 {
    let mut z = event
        .wrapping_mul(GOLDEN)
        .wrapping_add(salt.wrapping_mul(0xD6E8_FEB8_6659_FD93));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number below `bound`, from random bits.
#[inline]
pub fn below(bits: u64, bound: u64) -> u64 {
    ((u128::from(bits) * u128::from(bound)) >> 64) as u64
}

/// Steps of the table of prices.
const PRICE_STEPS: usize = 4096;

/// Prices as the benchmark draws them: `round(10 ^ (6 * u) * 100)` for `u` of `[0, 1)`, read from a table with the
/// values between its steps on a line.
pub struct Prices {
    steps: Vec<f64>,
}

impl Prices {
    pub fn new() -> Prices {
        let step = |i| 10f64.powf(6.0 * i as f64 / PRICE_STEPS as f64) * 100.0;
        Prices {
            steps: (0..=PRICE_STEPS).map(step).collect(),
        }
    }

    #[inline]
    pub fn price(&self, bits: u64) -> i64 {
        let step = (bits >> 52) as usize;
        let part = ((bits >> 20) & 0xFFFF_FFFF) as f64 / 4_294_967_296.0;
        let (low, high) = (self.steps[step], self.steps[step + 1]);
        // Rounded; `round` calls a function where the processor is any x86-64.
        (low + (high - low) * part + 0.5) as i64
    }
}

/// Writes random letters over `out`.
#[inline]
pub fn letters(salt: u64, event: u64, out: &mut [u8]) {
    let mut state = bits(salt, event);
    for chunk in out.chunks_mut(8) {
        let random = state.to_le_bytes();
        for (letter, byte) in chunk.iter_mut().zip(random) {
            *letter = b'a' + ((u16::from(byte) * 26) >> 8) as u8;
        }
        state = state
            .wrapping_add(GOLDEN)
            .wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state ^= state >> 32;
    }
}

/// A name of 3 up to `length_max` - 1 letters, in which every thirteenth letter or so is `blank`; blanks at the ends
/// are left away, as the benchmark does.
pub fn name(salt: u64, event: u64, length_max: usize, blank: u8, out: &mut Vec<u8>) {
    let length = 3 + below(bits(salt, event), length_max as u64 - 3) as usize;
    let start = out.len();
    out.resize(start + length, 0);
    letters(salt ^ 0x5851, event, &mut out[start..]);
    for (i, chunk) in (0u64..).zip(out[start..].chunks_mut(8)) {
        let random = bits(salt ^ 0x2D4C, event.wrapping_mul(131).wrapping_add(i));
        for (letter, byte) in chunk.iter_mut().zip(random.to_le_bytes()) {
            if byte < u8::MAX / 13 {
                *letter = blank;
            }
        }
    }
    if blank == b' ' {
        while out.len() > start && out[out.len() - 1] == b' ' {
            out.pop();
        }
        let leading = out[start..].iter().take_while(|b| **b == b' ').count();
        out.drain(start..start + leading);
    }
}

/// How long `extra` is so that a row of `current` bytes has `average` bytes on average: from the first number up to
/// below the second.
#[inline]
pub fn extra_lengths(current: usize, average: usize) -> (usize, usize) {
    let room = average.saturating_sub(current);
    let delta = (room as f64 * 0.2).round() as usize;
    (room - delta, (room + delta).max(room - delta + 1))
}
