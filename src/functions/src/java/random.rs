/// `java.util.Random`: the sequence that a seed gives is part of its contract.
#[derive(Debug, Clone)]
pub struct JavaRandom {
    seed: u64,
}

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const MASK: u64 = (1 << 48) - 1;

impl JavaRandom {
    pub fn new(seed: i64) -> JavaRandom {
        JavaRandom {
            seed: (seed as u64 ^ MULTIPLIER) & MASK,
        }
    }

    fn next(&mut self, bits: u32) -> i32 {
        self.seed = self.seed.wrapping_mul(MULTIPLIER).wrapping_add(0xB) & MASK;
        (self.seed >> (48 - bits)) as i32
    }

    /// From 0 on, below 1.
    pub fn next_double(&mut self) -> f64 {
        let high = (self.next(26) as i64) << 27;
        (high + i64::from(self.next(27))) as f64 / (1_i64 << 53) as f64
    }

    /// From 0 on, below a bound, which must be positive.
    pub fn next_int(&mut self, bound: i32) -> i32 {
        if bound & -bound == bound {
            return ((i64::from(bound) * i64::from(self.next(31))) >> 31) as i32;
        }
        loop {
            let bits = self.next(31);
            let value = bits % bound;
            if bits.wrapping_sub(value).wrapping_add(bound - 1) >= 0 {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Flink's RAND(1), RAND_INTEGER(1, 10) and RAND_INTEGER(5, 1000000) answered for three rows.
    #[test]
    fn sequences_are_javas() {
        let mut random = JavaRandom::new(1);
        assert_eq!(random.next_double(), 0.7308781907032909);
        assert_eq!(random.next_double(), 0.41008081149220166);
        let mut random = JavaRandom::new(1);
        assert_eq!([5, 8, 7].map(|_| random.next_int(10)), [5, 8, 7]);
        let mut random = JavaRandom::new(5);
        let ints = [0; 3].map(|_| random.next_int(1_000_000));
        assert_eq!(ints, [779_487, 250_092, 533_474]);
    }
}
