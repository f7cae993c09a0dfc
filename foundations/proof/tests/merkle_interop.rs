//! Our tree against `ct-merkle`, a Certificate Transparency library: roots, inclusion proofs and consistency proofs agree for every pair of sizes.
#![allow(clippy::unwrap_used, reason = "a test")]

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use mickai_proof::digest::TreeHash;
use mickai_proof::merkle::{Frontier, Gather, leaf, node, path_ranges, right_ranges, root_from_path};
use sha2::Sha256;

const SIZE_MAX: u64 = 70;

fn record(index: u64) -> Vec<u8> {
    format!("record {index}").into_bytes()
}

fn theirs(size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    (0..size).for_each(|index| tree.push(record(index)));
    tree
}

fn frontier(size: u64) -> Frontier {
    let mut tree = Frontier::default();
    (0..size).for_each(|index| tree.push(leaf(&record(index))));
    tree
}

/// Our root as theirs, so that their verifier judges our bytes.
fn head(size: u64) -> RootHash<Sha256> {
    RootHash::new(frontier(size).root().unwrap().0.into(), size)
}

fn bytes(nodes: &[TreeHash]) -> Vec<u8> {
    nodes.iter().flat_map(|node| node.0).collect()
}

fn nodes(bytes: &[u8]) -> Vec<TreeHash> {
    bytes.chunks_exact(32).map(|node| TreeHash::from_slice(node).unwrap()).collect()
}

#[test]
fn inclusion_proofs_are_the_same_bytes_and_each_accepts_the_others() {
    let mut count = 0;
    for size in 1..=SIZE_MAX {
        let tree = theirs(size);
        assert_eq!(tree.root().as_bytes().as_slice(), frontier(size).root().unwrap().0);
        for index in 0..size {
            let mut gather = Gather::new(size);
            (0..index).for_each(|at| gather.push(leaf(&record(at))));
            gather.want_path_of_next();
            (index..size).for_each(|at| gather.push(leaf(&record(at))));
            let ours = gather.path(index).unwrap();
            let other = tree.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(bytes(&ours), other.as_bytes(), "{index} of {size}");
            assert_eq!(root_from_path(index, size, leaf(&record(index)), &nodes(other.as_bytes())), frontier(size).root());
            head(size).verify_inclusion(&record(index), index, &InclusionProof::from_bytes(bytes(&ours))).unwrap();
            count += 1;
        }
    }
    assert_eq!(count, SIZE_MAX * (SIZE_MAX + 1) / 2);
}

/// A fork proof and a bundle say that one tree begins with another by its left and right nodes. Where these hold, so does the proof of RFC 6962 §2.1.2; where a leaf was exchanged, neither does.
#[test]
fn consistency_is_judged_alike() {
    for size in 2..=SIZE_MAX {
        let tree = theirs(size);
        for old in 1..size {
            let proof: ConsistencyProof<Sha256> = tree.prove_consistency(usize::try_from(size - old).unwrap());
            head(size).verify_consistency(&head(old), &proof).unwrap();
            let mut gather = Gather::new(size);
            gather.want_around(&(old..old));
            (0..size).for_each(|at| gather.push(leaf(&record(at))));
            let (left, right) = (gather.left(old).unwrap(), gather.right(old).unwrap());
            assert_eq!(right.len(), right_ranges(old, size).len());
            let prefix = Frontier::from_nodes(old, left).unwrap();
            assert_eq!((prefix.root(), prefix.root_with(size, &right)), (frontier(old).root(), frontier(size).root()));
            // The proof that RFC 6962 sends follows from our nodes alone, byte for byte.
            let ours = Converted { old, size, left: prefix.nodes(), right: &right }.subproof(0, size, true);
            assert_eq!(bytes(&ours), proof.as_bytes(), "{old} to {size}");
            let mut other = Frontier::default();
            (0..old).for_each(|at| other.push(leaf(&record(at + 1))));
            let forged = RootHash::<Sha256>::new(other.root().unwrap().0.into(), old);
            assert!(head(size).verify_consistency(&forged, &proof).is_err());
            assert_ne!(other.root_with(size, &right), frontier(size).root());
        }
    }
}

/// PROOF(m, D[n]) of RFC 6962 §2.1.2, from the subtrees left and right of the first m leaves.
struct Converted<'a> {
    old: u64,
    size: u64,
    left: &'a [TreeHash],
    right: &'a [TreeHash],
}

impl Converted<'_> {
    fn subproof(&self, lo: u64, hi: u64, is_known: bool) -> Vec<TreeHash> {
        if hi == self.old {
            return if is_known { Vec::new() } else { vec![self.left_root(lo, hi)] };
        }
        let split = lo + (1 << (hi - lo - 1).ilog2());
        if self.old <= split {
            let place = right_ranges(self.old, self.size).iter().position(|range| *range == (split..hi)).unwrap();
            [self.subproof(lo, split, is_known), vec![self.right[place]]].concat()
        } else {
            [self.subproof(split, hi, false), vec![self.left_root(lo, split)]].concat()
        }
    }

    /// Of a run of leaves that ends at a node's end: the nodes in it, folded.
    fn left_root(&self, lo: u64, hi: u64) -> TreeHash {
        let mut start = 0;
        let widths = (0..64).rev().map(|bit| 1u64 << bit).filter(|width| self.old & width != 0);
        let inside = widths.zip(self.left).filter(|(width, _)| {
            start += width;
            (lo..hi).contains(&(start - width))
        });
        inside.map(|(_, hash)| *hash).collect::<Vec<_>>().into_iter().rev().reduce(|right, left| node(&left, &right)).unwrap()
    }
}

#[test]
fn there_are_no_more_siblings_than_levels() {
    for size in [1u64, 2, 3, 1_000_000, (1 << 53) - 1] {
        for index in [0, size / 3, size / 2, size - 1] {
            assert!(path_ranges(index, size).len() <= size.next_power_of_two().ilog2() as usize);
        }
    }
}
