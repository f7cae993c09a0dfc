//! Gathers, in one pass over the leaves, the tree nodes that a bundle of a part of a log needs: those beside its range, and the audit paths of the records outside it (spec/bundle.md "Production").

use super::{Frontier, node, path_ranges, right_ranges};
use crate::digest::TreeHash;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

/// Takes the leaves of a tree of known size one after the other and keeps the roots of the subtrees that were asked for, nothing else.
pub struct Gather {
    size: u64,
    grown: Frontier,
    /// By first leaf and number of leaves; perfect subtrees alone, the others are put together from these when they are asked for.
    perfect: BTreeMap<(u64, u64), Option<TreeHash>>,
}

impl Gather {
    /// For a tree of `size` leaves, none of them taken yet.
    pub fn new(size: u64) -> Self {
        Self { size, grown: Frontier::default(), perfect: BTreeMap::new() }
    }

    /// Leaves taken: the index of the next.
    pub fn next_index(&self) -> u64 {
        self.grown.size
    }

    /// Asks for what lies left and right of a range that has not begun.
    pub fn want_around(&mut self, range: &Range<u64>) {
        left_ranges(range.start).chain(right_ranges(range.end, self.size)).for_each(|subtree| self.want(&subtree));
    }

    /// Asks for the audit path of the next leaf.
    pub fn want_path_of_next(&mut self) {
        path_ranges(self.grown.size, self.size).iter().for_each(|subtree| self.want(subtree));
    }

    fn want(&mut self, subtree: &Range<u64>) {
        let count = subtree.end - subtree.start;
        // Of a subtree that is not perfect, which ends where the tree ends, all that is needed stands in the frontier at the end.
        if count.is_power_of_two() {
            let known = self.grown.covered().find(|(range, _)| range == subtree).map(|(_, hash)| hash);
            self.perfect.entry((subtree.start, count)).or_insert(known);
        }
    }

    /// Takes the next leaf; more than the tree has are passed over.
    pub fn push(&mut self, leaf: TreeHash) {
        if self.grown.size >= self.size {
            return;
        }
        let (mut top, mut start, mut count) = (leaf, self.grown.size, 1);
        self.keep(start, count, top);
        for _ in 0..self.grown.size.trailing_ones() {
            let Some(left) = self.grown.nodes.pop() else { break };
            top = node(&left, &top);
            start -= count;
            count *= 2;
            self.keep(start, count, top);
        }
        self.grown.nodes.push(top);
        self.grown.size += 1;
    }

    fn keep(&mut self, start: u64, count: u64, hash: TreeHash) {
        if let Some(kept) = self.perfect.get_mut(&(start, count)) {
            *kept = Some(hash);
        }
    }

    /// The root; `None` before the last leaf.
    pub fn root(&self) -> Option<TreeHash> {
        if self.grown.size == self.size { self.grown.root() } else { None }
    }

    /// The nodes left of a range. `None` for what was not asked for or is not yet known.
    pub fn left(&self, first: u64) -> Option<Vec<TreeHash>> {
        left_ranges(first).map(|subtree| self.subtree(&subtree)).collect()
    }

    /// The nodes right of a range. `None` as above.
    pub fn right(&self, end: u64) -> Option<Vec<TreeHash>> {
        right_ranges(end, self.size).into_iter().map(|subtree| self.subtree(&subtree)).collect()
    }

    /// The audit path of a leaf. `None` as above.
    pub fn path(&self, index: u64) -> Option<Vec<TreeHash>> {
        path_ranges(index, self.size).into_iter().map(|subtree| self.subtree(&subtree)).collect()
    }

    fn subtree(&self, subtree: &Range<u64>) -> Option<TreeHash> {
        let count = subtree.end - subtree.start;
        if count.is_power_of_two() {
            return self.perfect.get(&(subtree.start, count)).copied().flatten();
        }
        let is_whole = self.grown.size == self.size && subtree.end == self.size && self.grown.covered().any(|(range, _)| range.start == subtree.start);
        let nodes = self.grown.covered().filter(|(range, _)| is_whole && range.start >= subtree.start).map(|(_, hash)| hash).collect::<Vec<_>>();
        nodes.into_iter().rev().reduce(|right, left| node(&left, &right))
    }
}

/// The perfect subtrees that cover the first `end` leaves, largest first.
fn left_ranges(end: u64) -> impl Iterator<Item = Range<u64>> {
    let mut lo = 0;
    (0..u64::BITS).rev().map(|bit| 1 << bit).filter(move |width| end & width != 0).map(move |width| {
        lo += width;
        lo - width..lo
    })
}

impl Frontier {
    /// The nodes with the leaves that they cover.
    fn covered(&self) -> impl Iterator<Item = (Range<u64>, TreeHash)> {
        left_ranges(self.size).zip(self.nodes.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{leaf, root_of};
    use super::*;

    /// Every range and every path of every small tree, each from one pass, against the definition.
    #[test]
    fn one_pass_gives_what_the_definition_gives() {
        for size in 1..36u64 {
            let leaves: Vec<_> = (0..size).map(|i| leaf(&i.to_be_bytes())).collect();
            let of = |ranges: Vec<Range<u64>>| ranges.into_iter().map(|r| root_of(&leaves[r.start as usize..r.end as usize]).unwrap()).collect::<Vec<_>>();
            for first in 0..size {
                let end = (first + 1 + (first * 7) % 5).min(size);
                let mut gather = Gather::new(size);
                gather.want_around(&(first..end));
                for (index, leaf) in (0..).zip(&leaves) {
                    assert_eq!(gather.next_index(), index);
                    if index % 3 == 0 {
                        gather.want_path_of_next();
                    }
                    gather.push(*leaf);
                }
                gather.push(leaves[0]);
                assert_eq!(gather.root(), root_of(&leaves));
                assert_eq!(gather.left(first), Some(of(left_ranges(first).collect())), "left of {first} in {size}");
                assert_eq!(gather.right(end), Some(of(right_ranges(end, size))), "right of {end} in {size}");
                for index in (0..size).step_by(3) {
                    assert_eq!(gather.path(index), Some(of(path_ranges(index, size))), "path of {index} in {size}");
                }
            }
        }
    }

    #[test]
    fn what_was_not_asked_for_is_not_there() {
        let mut gather = Gather::new(8);
        gather.want_around(&(2..3));
        (0..7u64).for_each(|i| gather.push(leaf(&i.to_be_bytes())));
        assert_eq!((gather.root(), gather.right(3)), (None, None));
        assert!(gather.left(2).is_some());
        assert_eq!(gather.path(5), None);
    }
}
