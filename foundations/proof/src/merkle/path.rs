//! The audit path of one leaf: which subtrees it names, and the root that it gives (RFC 9162 §2.1.3).

use super::{node, split_point};
use crate::digest::TreeHash;
use alloc::vec::Vec;
use core::ops::Range;

/// The subtrees beside the way from leaf `index` to the root of a tree of `size` leaves, as leaf ranges, from the leaf's sibling up. None where there is no such leaf.
pub fn siblings(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    if index >= size {
        return ranges;
    }
    let (mut lo, mut hi) = (0, size);
    while hi - lo > 1 {
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

/// The root of the tree of `size` leaves in which `leaf` stands at `index` beside the subtrees of `path`. `None` where the path has not exactly the nodes that such a tree has.
pub fn root_by_path(leaf: TreeHash, index: u64, size: u64, path: &[TreeHash]) -> Option<TreeHash> {
    let beside = siblings(index, size);
    if index >= size || beside.len() != path.len() {
        return None;
    }
    let step = |below, (range, hash): (&Range<u64>, &TreeHash)| if range.start > index { node(&below, hash) } else { node(hash, &below) };
    Some(beside.iter().zip(path).fold(leaf, step))
}

#[cfg(test)]
mod tests {
    use super::super::{leaf, root_of};
    use super::*;

    #[test]
    fn every_path_of_every_small_tree_leads_to_the_root_and_no_other_does() {
        for size in 1..40u64 {
            let leaves: Vec<_> = (0..size).map(|i| leaf(&i.to_be_bytes())).collect();
            let root = root_of(&leaves);
            for index in 0..size {
                let path: Vec<_> = siblings(index, size).into_iter().map(|r| root_of(&leaves[r.start as usize..r.end as usize]).unwrap()).collect();
                let own = leaves[index as usize];
                assert_eq!(root_by_path(own, index, size, &path), root, "{index} of {size}");
                assert_eq!(root_by_path(own, index, size, &[&path[..], &[own]].concat()), None);
                assert_eq!(root_by_path(own, size, size, &path), None);
                if index + 1 < size {
                    assert_ne!(root_by_path(own, index + 1, size, &path), root);
                }
            }
        }
        assert!(siblings(0, 0).is_empty() && siblings(3, 3).is_empty());
    }
}
