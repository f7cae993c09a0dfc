//! A target, and the seeded campaign of mutated vectors that the workspace's tests run.

use std::path::Path;

/// Nothing, or what did not hold.
pub type Held = Result<(), String>;

/// One parser with what must hold of it whatever the bytes are.
pub struct Target {
    /// Its name, also that of the fuzzer's entry.
    pub name: &'static str,
    /// The property.
    pub holds: fn(&[u8]) -> Held,
    /// The same property of a parser with a mistake in it: a harness that finds nothing here would find nothing at all.
    pub canary: fn(&[u8]) -> Held,
    /// What to begin from, out of the folder of vectors.
    pub seeds: fn(&Path) -> Vec<Vec<u8>>,
    /// Mutated cases that a test runs.
    pub case_count: usize,
}

/// Bytes that break the property, and how.
pub struct Finding {
    /// How many cases held before.
    pub case: usize,
    /// The bytes.
    pub data: Vec<u8>,
    /// What did not hold.
    pub what: String,
}

impl Target {
    /// Every vector as it is, then `case_count` mutations of them; the first that does not pass `check`. The same cases in every run.
    pub fn campaign(&self, check: fn(&[u8]) -> Held, vectors: &Path) -> Option<Finding> {
        let seeds = (self.seeds)(vectors);
        assert!(!seeds.is_empty(), "{} has no vectors to begin from", self.name);
        let mut random = Random(0x6f61_7266_757a_7a31);
        let mutated = (0..self.case_count).map(|_| random.mutated(&seeds));
        let cases: &mut dyn Iterator<Item = Vec<u8>> = &mut seeds.iter().cloned().chain(mutated);
        cases.enumerate().find_map(|(case, data)| check(&data).err().map(|what| Finding { case, data, what }))
    }
}

/// How a target cuts its input into pieces: it follows from the bytes, so that a finding is a file and nothing else.
pub fn piece_len(data: &[u8]) -> usize {
    let hash = data.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    1 + (hash >> 32) as usize % 97
}

/// An error unless it holds.
pub fn ensure(holds: bool, what: &str) -> Held {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// A short range within `len`.
    fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.below(len);
        start..(start + 1 + self.below(40)).min(len)
    }

    /// One of the seeds with one to three changes.
    fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut data = seeds[self.below(seeds.len())].clone();
        for _ in 0..1 + self.below(3) {
            self.mutate(&mut data, seeds);
        }
        data
    }

    fn mutate(&mut self, data: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        const BYTES: [u8; 16] = [0, 1, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1f, 0x38, 0x5f, 0x7f, 0x80, 0x9f, 0xbf, 0xf6, 0xff];
        let len = data.len();
        if len == 0 {
            return data.push(self.next() as u8);
        }
        let at = self.below(len);
        match self.below(12) {
            0 | 1 => data[at] ^= 1 << self.below(8),
            2 => data[at] = BYTES[self.below(BYTES.len())],
            3 => data.truncate(at),
            4 => data.push(self.next() as u8),
            5 => drop(data.drain(self.range(len))),
            6 => {
                let copy = data[self.range(len)].to_vec();
                drop(data.splice(at..at, copy));
            }
            7 => {
                let other = &seeds[self.below(seeds.len())];
                let piece = other[self.range(other.len())].to_vec();
                let end = (at + piece.len()).min(len);
                drop(data.splice(at..end, piece));
            }
            8 => data.insert(at, self.next() as u8),
            9 | 10 => self.change_head(data, at),
            _ => self.change_letter(data, at),
        }
    }

    /// Takes the byte for a CBOR head and writes the same argument longer, or one more or less.
    fn change_head(&mut self, data: &mut Vec<u8>, at: usize) {
        let head = data[at];
        match head & 31 {
            small @ 0..24 if self.below(2) == 0 => drop(data.splice(at..=at, [head & 0xe0 | 24, small])),
            24 if at + 1 < data.len() && self.below(2) == 0 => drop(data.splice(at..=at, [head + 1, 0])),
            0..24 => data[at] = if self.below(2) == 0 { head.wrapping_add(1) } else { head.wrapping_sub(1) },
            width @ 24..28 => {
                let last = at + (1 << (width - 24));
                if let Some(byte) = data.get_mut(last) {
                    *byte = if self.below(2) == 0 { byte.wrapping_add(1) } else { byte.wrapping_sub(1) };
                }
            }
            _ => data[at] = head & 0xe0 | self.below(32) as u8,
        }
    }

    /// Another digit, letter or sign where the next letter of a text stands.
    fn change_letter(&mut self, data: &mut Vec<u8>, at: usize) {
        const LETTERS: &[u8] = b"0123456789abcdefABCDEFxyz+/=-_ \n\r\":,.[]{}";
        let place = data[at..].iter().position(u8::is_ascii_alphanumeric).map_or(at, |offset| at + offset);
        let letter = LETTERS[self.below(LETTERS.len())];
        if self.below(3) == 0 { data.insert(place, letter) } else { data[place] = letter }
    }
}
