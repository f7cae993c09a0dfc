//! The RFC 6962 tree over record bytes: a frontier that grows leaf by leaf, and roots rebuilt around a range (spec/checkpoint.md "Tree", spec/bundle.md "Format").

use crate::digest::{TreeHash, sha256};
use alloc::vec::Vec;

mod gather;

pub use gather::Gather;

/// SHA-256(0x00 ‖ record bytes).
pub fn leaf(record: &[u8]) -> TreeHash {
    TreeHash(sha256(&[&[0], record]))
}

/// SHA-256(0x01 ‖ left ‖ right).
pub fn node(left: &TreeHash, right: &TreeHash) -> TreeHash {
    TreeHash(sha256(&[&[1], &left.0, &right.0]))
}

/// The roots of the perfect subtrees that cover the first `size` leaves, largest first: one for each one-bit of `size`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    nodes: Vec<TreeHash>,
}

impl Frontier {
    /// From the nodes that cover the first `size` leaves; `None` if their number is not that of the one-bits of `size`.
    pub fn from_nodes(size: u64, nodes: Vec<TreeHash>) -> Option<Self> {
        (nodes.len() == size.count_ones() as usize).then_some(Self { size, nodes })
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The nodes, largest subtree first.
    pub fn nodes(&self) -> &[TreeHash] {
        &self.nodes
    }

    /// Adds the next leaf.
    pub fn push(&mut self, leaf: TreeHash) {
        let mut top = leaf;
        // Each trailing one-bit of the old size is a perfect subtree that the new leaf completes.
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.nodes.pop() else { break };
            top = node(&left, &top);
        }
        self.nodes.push(top);
        self.size += 1;
    }

    /// The root of the leaves so far; `None` of an empty tree.
    pub fn root(&self) -> Option<TreeHash> {
        self.nodes.iter().rev().copied().reduce(|right, left| node(&left, &right))
    }

    /// The root of a tree of `size` leaves that begins with these and ends with the subtrees of `right`, from left to right.
    /// `None` unless `right` holds exactly the nodes needed.
    pub fn root_with(&self, size: u64, right: &[TreeHash]) -> Option<TreeHash> {
        if size == 0 || size < self.size {
            return None;
        }
        let mut rebuild = Rebuild { covered: self.size, known: self.nodes.iter(), right: right.iter() };
        let root = rebuild.root(0, size)?;
        // As many nodes are known as the recursion asks for.
        rebuild.right.next().is_none().then_some(root)
    }
}

/// The recursion of spec/bundle.md: `root(lo, hi)` from known subtrees on the left and given ones on the right. At most 64 levels deep.
struct Rebuild<'a> {
    covered: u64,
    known: core::slice::Iter<'a, TreeHash>,
    right: core::slice::Iter<'a, TreeHash>,
}

impl Rebuild<'_> {
    fn root(&mut self, lo: u64, hi: u64) -> Option<TreeHash> {
        if lo >= self.covered {
            return self.right.next().copied();
        }
        if hi <= self.covered && (hi - lo).is_power_of_two() {
            return self.known.next().copied();
        }
        let split = lo + split_point(hi - lo);
        let left = self.root(lo, split)?;
        let right = self.root(split, hi)?;
        Some(node(&left, &right))
    }
}

/// The largest power of two below `size`, for `size` > 1.
fn split_point(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// The subtrees to the right of the first `end` leaves in a tree of `size` leaves, from left to right, as leaf ranges `lo..hi`; none where `end` is 0 or not below `size`. What an
/// exporter hashes for a bundle's `right`.
pub fn right_ranges(end: u64, size: u64) -> Vec<core::ops::Range<u64>> {
    let mut ranges = Vec::new();
    let (mut lo, mut hi) = (0, size);
    // The path from the root to the last covered leaf; what hangs to its right is collected from the largest down.
    while lo < end && end < hi {
        let split = lo + split_point(hi - lo);
        if end <= split {
            ranges.push(split..hi);
            hi = split;
        } else {
            lo = split;
        }
    }
    ranges.reverse();
    ranges
}

/// The root that a leaf's audit path leads to in a tree of `size` leaves (RFC 9162 §2.1.3.2); `None` unless the path is of the length that its place asks for.
pub fn root_from_path(index: u64, size: u64, leaf: TreeHash, path: &[TreeHash]) -> Option<TreeHash> {
    if index >= size {
        return None;
    }
    let (mut place, mut last, mut root) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            root = node(sibling, &root);
            // A last node without a right sibling moves up unchanged, to where it is one of two: its place is not 0, so that there is such a level.
            while place & 1 == 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            root = node(&root, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

/// The subtrees of a leaf's audit path in a tree of `size` leaves, from the leaf's sibling up, as leaf ranges (RFC 9162 §2.1.3.1); none for a leaf that the tree does not have. What
/// an exporter hashes for a key event's path.
pub fn path_ranges(index: u64, size: u64) -> Vec<core::ops::Range<u64>> {
    let mut ranges = Vec::new();
    let (mut lo, mut hi) = (0, size);
    while index < hi && hi - lo > 1 {
        let split = lo + split_point(hi - lo);
        if index < split {
            ranges.push(split..hi);
            hi = split;
        } else {
            ranges.push(lo..split);
            lo = split;
        }
    }
    ranges.reverse();
    ranges
}

/// The root of a whole list of leaves, by the definition of RFC 6962 §2.1: slow and plain, for subtrees that an exporter needs.
pub fn root_of(leaves: &[TreeHash]) -> Option<TreeHash> {
    match leaves {
        [] => None,
        [leaf] => Some(*leaf),
        _ => {
            let (left, right) = leaves.split_at_checked(usize::try_from(split_point(leaves.len() as u64)).ok()?)?;
            Some(node(&root_of(left)?, &root_of(right)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u64) -> Vec<TreeHash> {
        (0..count).map(|i| leaf(&i.to_be_bytes())).collect()
    }

    fn frontier(leaves: &[TreeHash]) -> Frontier {
        let mut frontier = Frontier::default();
        leaves.iter().for_each(|leaf| frontier.push(*leaf));
        frontier
    }

    /// The roots that RFC 6962's own test tree has (certificate-transparency's `merkle_tree_test`, the eight-leaf example).
    #[test]
    fn the_published_example_tree_has_its_roots() {
        let inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let leaves: Vec<_> = inputs.iter().map(|input| leaf(&crate::testing::hex(input))).collect();
        for (size, root) in [
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
            (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(frontier(&leaves[..size]).root(), TreeHash::from_hex(root), "{size} leaves");
        }
    }

    #[test]
    fn what_is_no_tree_has_neither_root_nor_ranges() {
        let leaves = leaves(3);
        for (size, count) in [(0, 1), (1, 0), (1, 2), (2, 2), (3, 1), (3, 3)] {
            assert_eq!(Frontier::from_nodes(size, leaves[..count].to_vec()), None, "{count} nodes for {size}");
        }
        assert_eq!((Frontier::default().root_with(0, &[]), Frontier::default().root_with(0, &leaves[..1])), (None, None));
        for size in 0..9 {
            assert!(right_ranges(0, size).is_empty() && right_ranges(size, size).is_empty() && right_ranges(size + 1, size).is_empty(), "right of nothing, or of all, of {size}");
            assert!(path_ranges(size, size).is_empty() && path_ranges(size + 1, size).is_empty(), "a leaf beyond {size}");
        }
    }

    #[test]
    fn frontier_and_definition_agree() {
        for size in 1..130 {
            let leaves = leaves(size);
            assert_eq!(frontier(&leaves).root(), root_of(&leaves), "{size} leaves");
        }
    }

    #[test]
    fn every_audit_path_of_every_small_tree_leads_to_the_root_and_no_other_does() {
        for size in 1..40u64 {
            let leaves = leaves(size);
            let root = root_of(&leaves);
            for index in 0..size {
                let path: Vec<_> = path_ranges(index, size).into_iter().map(|r| root_of(&leaves[r.start as usize..r.end as usize]).unwrap()).collect();
                let leaf = leaves[index as usize];
                assert_eq!(root_from_path(index, size, leaf, &path), root, "{index} of {size}");
                assert_eq!(root_from_path(index, size, leaf, &[&path[..], &[leaf]].concat()), None);
                assert_eq!(root_from_path(size, size, leaf, &path), None);
                if let Some((_, fewer)) = path.split_last() {
                    assert_eq!(root_from_path(index, size, leaf, fewer), None);
                }
            }
        }
    }

    #[test]
    fn every_range_of_every_small_tree_gives_the_root_and_nothing_else_does() {
        for size in 1..40 {
            let leaves = leaves(size);
            let root = root_of(&leaves);
            for end in 1..=size {
                let covered = frontier(&leaves[..end as usize]);
                let right: Vec<_> = right_ranges(end, size).into_iter().map(|r| root_of(&leaves[r.start as usize..r.end as usize]).unwrap()).collect();
                assert_eq!(covered.root_with(size, &right), root, "{end} of {size}");
                assert_eq!(covered.root_with(size, &[&right[..], &[leaves[0]]].concat()), None);
                if let Some((_, fewer)) = right.split_last() {
                    assert_eq!(covered.root_with(size, fewer), None);
                }
            }
        }
    }
}
