//! Items found by a hash of their keys, in two flat arrays, and no slower for keys that somebody chose: where many of them meet, the way to one is a binary search.

use std::cmp::Ordering;

/// Any odd number without a pattern; another one gives other buckets, and the same answers.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Items in buckets, sorted within each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Buckets<T> {
    /// Where each bucket begins, and behind them where the last one ends.
    starts: Box<[u32]>,
    items: Box<[T]>,
    shift: u32,
}

impl<T: Copy> Buckets<T> {
    /// Puts items into their buckets. There are fewer than 2³² of them; `order` sorts those of one bucket, in an order that [`Buckets::last`] can search.
    pub fn new(items: &[T], hash: impl Fn(&T) -> u64, order: impl Fn(&T, &T) -> Ordering) -> Self {
        let bits = items.len().next_power_of_two().trailing_zeros().max(1);
        let shift = u64::BITS - bits;
        let mut starts = vec![0u32; (1 << bits) + 1];
        let bucket = |item: &T| (hash(item) >> shift) as usize;
        for item in items {
            starts[bucket(item) + 1] += 1;
        }
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let mut sorted = items.to_vec();
        let mut next = starts.clone();
        for item in items {
            let place = &mut next[bucket(item)];
            sorted[*place as usize] = *item;
            *place += 1;
        }
        for ends in starts.windows(2).filter(|ends| ends[1] - ends[0] > 1) {
            sorted[ends[0] as usize..ends[1] as usize].sort_unstable_by(&order);
        }
        Self { starts: starts.into(), items: sorted.into(), shift }
    }

    /// The last item, of those in the bucket of `hash`, that `is_behind` does not say to be behind what is looked for.
    pub fn last(&self, hash: u64, is_behind: impl Fn(&T) -> bool) -> Option<&T> {
        let bucket = (hash >> self.shift) as usize;
        let items = self.items.get(*self.starts.get(bucket)? as usize..*self.starts.get(bucket + 1)? as usize)?;
        items.get(..items.partition_point(|item| !is_behind(item)))?.last()
    }

    /// Neighbours within one bucket or across two.
    pub fn neighbours(&self) -> impl Iterator<Item = (&T, &T)> {
        self.items.iter().zip(self.items.iter().skip(1))
    }
}

/// Of a number.
pub(super) fn hash_of(key: u64) -> u64 {
    let mixed = (key ^ key >> 32).wrapping_mul(MIX);
    (mixed ^ mixed >> 29).wrapping_mul(MIX)
}

/// Of bytes.
pub(super) fn hash_of_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let words = words.iter().chain(std::iter::once(&last));
    words.fold(bytes.len() as u64, |hash, word| hash_of(hash ^ u64::from_le_bytes(*word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A good hash and one that puts everything into one bucket: every item is found, and nothing else.
    #[test]
    fn what_was_put_in_is_found() {
        for count in [0u64, 1, 2, 3, 1_000, 4_097] {
            let items: Vec<u64> = (0..count).map(|n| n * 7).collect();
            for hash in [hash_of, |_| u64::MAX] {
                let buckets = Buckets::new(&items, |item| hash(*item), Ord::cmp);
                let find = |key: u64| buckets.last(hash(key), |item| *item > key).copied().filter(|item| *item == key);
                assert!((0..count * 7 + 9).all(|key| find(key).is_some() == items.contains(&key)), "{count}");
                assert_eq!(buckets.neighbours().count() as u64, count.saturating_sub(1));
            }
        }
    }

    #[test]
    fn every_byte_and_the_length_reach_the_hash() {
        let texts: [&[u8]; 9] = [b"", b"\0", b"\0\0", b"a", b"b", b"12345678", b"12345678\0", b"123456789", b"923456789"];
        let hashes: std::collections::BTreeSet<u64> = texts.iter().map(|text| hash_of_bytes(text)).collect();
        assert_eq!(hashes.len(), texts.len());
    }
}
