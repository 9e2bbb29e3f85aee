use std::ops::Range;

use filbert_graph::Partitioner;

/// The consumers that producer `producer` sends to. Forward and rescale join neighbours (Flink's POINTWISE), all other
/// partitioners join everyone with everyone.
pub(crate) fn consumers_of(
    partitioner: &Partitioner,
    producer: usize,
    producers: usize,
    consumers: usize,
) -> Vec<usize> {
    match partitioner {
        Partitioner::Forward | Partitioner::Rescale => (0..consumers)
            .filter(|c| pointwise_producers(*c, producers, consumers).contains(&producer))
            .collect(),
        _ => (0..consumers).collect(),
    }
}

/// The producers that a consumer reads, when neighbours are joined (Flink's `VertexInputInfoComputationUtils`).
fn pointwise_producers(consumer: usize, producers: usize, consumers: usize) -> Range<usize> {
    if consumers >= producers {
        // The consumers of a producer lie together, the first getting the surplus.
        let producer = (0..producers)
            .find(|p| {
                let start = (p * consumers).div_ceil(producers);
                let end = ((p + 1) * consumers).div_ceil(producers);
                (start..end).contains(&consumer)
            })
            .unwrap_or(0);
        return producer..producer + 1;
    }
    consumer * producers / consumers..(consumer + 1) * producers / consumers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_joined_so_that_everyone_is() {
        for (producers, consumers) in [(1, 1), (2, 4), (4, 2), (3, 7), (7, 3), (5, 1), (1, 5)] {
            let mut read = vec![0; producers];
            let mut fed = vec![0; consumers];
            for (producer, reads) in read.iter_mut().enumerate() {
                for c in consumers_of(&Partitioner::Rescale, producer, producers, consumers) {
                    *reads += 1;
                    fed[c] += 1;
                }
            }
            assert!(
                read.iter().chain(&fed).all(|n| *n > 0),
                "{producers} to {consumers}"
            );
            let links: usize = read.iter().sum();
            assert_eq!(links, producers.max(consumers));
        }
    }
}
