//! The root of entries that come one by one is the one of their tree, whatever their paths have in common.
#![allow(clippy::unwrap_used, reason = "tests")]

use mickai_ledger::{RootStream, State};
use mickai_proof::digest::{StateHash, StatePath};
use mickai_proof::pantheon::{Account, Address, Amount, EMPTY, Entry};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// `None` where one was not taken.
fn streamed(entries: &[(StatePath, Entry)]) -> Option<StateHash> {
    let mut stream = RootStream::default();
    entries.iter().all(|(path, entry)| stream.take(*path, &entry.encode())).then(|| stream.root())
}

fn check(paths: impl IntoIterator<Item = [u8; 32]>) {
    // Ascending, none twice, each with an entry of its own.
    let entry = |number: u64| match number % 2 {
        0 => Entry::Account(Account { nonce: number, balance: Amount::from_obols(number), key: None }),
        _ => Entry::Voter(Address([number as u8; 32])),
    };
    let entries: BTreeMap<_, _> = paths.into_iter().zip(0..).map(|(path, number)| (StatePath(path), entry(number))).collect();
    let entries: Vec<_> = entries.into_iter().collect();
    assert_eq!(streamed(&entries), Some(State::of(&entries).unwrap().root()), "{entries:?}");
}

/// A path of zeros with a one at each of these bits.
fn path(ones: &[usize]) -> [u8; 32] {
    let mut path = [0; 32];
    ones.iter().for_each(|bit| path[bit / 8] |= 128_u8 >> (bit % 8));
    path
}

#[test]
fn the_edges() {
    assert_eq!(streamed(&[]), Some(EMPTY));
    check([]);
    for ones in [&[][..], &[0], &[255], &[0, 255]] {
        check([path(ones)]);
    }
    // Two that part at the first bit, at the last, and between.
    for bit in [0, 1, 7, 8, 128, 254, 255] {
        check([path(&[]), path(&[bit])]);
        check([[0xff; 32], path(&(0..bit).collect::<Vec<_>>())]);
    }
    // As deep as it goes: at each bit another one parts, to the right or to the left of those that go on.
    check((0..256).map(|bit| path(&[bit])).chain([path(&[])]));
    check((0..=256).map(|bit| path(&(0..bit).collect::<Vec<_>>())));
    // Pairs that part at the last bit.
    check((0..64).flat_map(|first| [path(&[first]), path(&[first, 255])]));
}

#[test]
fn only_what_ascends_is_taken() {
    let entry = Entry::Voter(Address([7; 32]));
    let of = |paths: &[[u8; 32]]| paths.iter().map(|path| (StatePath(*path), entry.clone())).collect::<Vec<_>>();
    let (low, high) = (path(&[255]), path(&[254]));
    for wrong in [of(&[low, low]), of(&[high, low])] {
        assert!(streamed(&wrong).is_none() && State::of(&wrong).is_none());
    }
    // What was not taken is not in the root.
    let mut stream = RootStream::default();
    let taken = [low, low, high, low].map(|path| stream.take(StatePath(path), &entry.encode()));
    assert_eq!((taken, Some(stream.root())), ([true, false, true, false], streamed(&of(&[low, high]))));
}

proptest! {
    /// Each path shares so many bits with the one before it.
    #[test]
    fn any_set_has_one_root(drawn in prop::collection::vec((any::<[u8; 32]>(), prop_oneof![Just(0_usize), 0..256_usize, 240..256_usize]), 0..40)) {
        let mut before = [0; 32];
        check(drawn.into_iter().map(|(mut path, shared)| {
            for bit in 0..shared {
                let mask = 128_u8 >> (bit % 8);
                path[bit / 8] = (path[bit / 8] & !mask) | (before[bit / 8] & mask);
            }
            before = path;
            path
        }));
    }
}
