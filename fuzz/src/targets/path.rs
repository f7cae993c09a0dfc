//! Audit paths and ranges: they lead to the root exactly when they are those of the plain definition of the tree.

use super::harness::{Held, Target, ensure};
use mickai_proof::digest::TreeHash;
use mickai_proof::merkle::{Frontier, leaf, node, root_from_path, root_of};
use std::path::Path;

/// The target. Its input is the tree's size, a leaf, the leaf that is claimed, and changes to the path, three bytes each.
pub const TARGET: Target = Target { name: "path", holds: |data| holds(data, root_from_path), canary: |data| holds(data, canary), seeds, case_count: 60_000 };

type FromPath = fn(u64, u64, TreeHash, &[TreeHash]) -> Option<TreeHash>;

fn holds(data: &[u8], from_path: FromPath) -> Held {
    let [size, index, claimed, changes @ ..] = data else { return Ok(()) };
    let size = 1 + u64::from(*size) % 96;
    let (index, claimed) = (u64::from(*index) % size, u64::from(*claimed) % (size + 2));
    let leaves: Vec<_> = (0..size).map(|at| leaf(&at.to_be_bytes())).collect();
    let root = root_of(&leaves);
    let place = index as usize;
    let path = path_of(&leaves, place);
    let given = changed(&path, changes);
    let is_true = given == path && claimed == index;
    ensure((from_path(claimed, size, leaves[place], &given) == root) == is_true, "a path leads to the root that is none, or one does not that is")?;
    let mut covered = Frontier::default();
    leaves[..=place].iter().for_each(|leaf| covered.push(*leaf));
    ensure(covered.root() == root_of(&leaves[..=place]), "the frontier has another root")?;
    let right = right_of(&leaves, place + 1);
    let given = changed(&right, changes);
    ensure((covered.root_with(size, &given) == root) == (given == right), "nodes beside a range give the root that are others, or do not that are")
}

/// RFC 9162 §2.1.3.1.
fn path_of(leaves: &[TreeHash], index: usize) -> Vec<TreeHash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, sibling) = if index < left.len() { (path_of(left, index), root_of(right)) } else { (path_of(right, index - left.len()), root_of(left)) };
    path.extend(sibling);
    path
}

/// spec/bundle.md: the largest subtrees right of the first `end` leaves, from left to right.
fn right_of(leaves: &[TreeHash], end: usize) -> Vec<TreeHash> {
    if end >= leaves.len() {
        return Vec::new();
    }
    if end == 0 {
        return root_of(leaves).into_iter().collect();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let mut nodes = right_of(left, end);
    nodes.extend(right_of(right, end.saturating_sub(left.len())));
    nodes
}

fn changed(path: &[TreeHash], changes: &[u8]) -> Vec<TreeHash> {
    let mut path = path.to_vec();
    for change in changes.chunks_exact(3) {
        let place = usize::from(change[1]) % path.len().max(1);
        match (change[0] % 5, path.get_mut(place)) {
            (0, Some(node)) => node.0[usize::from(change[2]) % 32] ^= 1,
            (1, Some(_)) => drop(path.remove(place)),
            (2, _) => path.insert(place, leaf(&[change[2]])),
            (3, Some(_)) => path.reverse(),
            _ => {}
        }
    }
    path
}

/// Forgets that a last node without a sibling moves up.
fn canary(index: u64, size: u64, leaf: TreeHash, path: &[TreeHash]) -> Option<TreeHash> {
    let climb = |(place, root): (u64, TreeHash), sibling: &TreeHash| (place >> 1, if place & 1 == 1 { node(sibling, &root) } else { node(&root, sibling) });
    (index < size).then(|| path.iter().fold((index, leaf), climb).1)
}

fn seeds(_: &Path) -> Vec<Vec<u8>> {
    (0..96).flat_map(|size| [vec![size, size, size], vec![size, 0, 0], vec![size, size / 2, size / 2, 0, 0, 0]]).collect()
}
