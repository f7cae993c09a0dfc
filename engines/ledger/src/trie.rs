//! The sparse Merkle map in memory: a tree that is never changed, only followed by another that shares its unchanged parts (spec/pantheon.md "State commitment").

use alloc::sync::Arc;
use alloc::vec::Vec;
use mickai_proof::digest::{StateHash, StatePath};
use mickai_proof::pantheon::{EMPTY, Entry, leaf_hash, node_hash, value_hash};

/// One subtree.
#[derive(Clone, Default)]
pub(crate) enum Tree {
    /// Of no entry.
    #[default]
    Empty,
    /// Of one.
    Leaf(Arc<Leaf>),
    /// Of two or more.
    Branch(Arc<Branch>),
}

pub(crate) struct Leaf {
    path: StatePath,
    hash: StateHash,
    entry: Entry,
}

pub(crate) struct Branch {
    hash: StateHash,
    left: Tree,
    right: Tree,
}

/// Where a path ends, and the other children on the way, the root's first.
pub(crate) struct Walk<'a> {
    pub(crate) end: Option<(&'a StatePath, &'a Entry)>,
    pub(crate) siblings: Vec<StateHash>,
}

impl Tree {
    pub(crate) fn root(&self) -> StateHash {
        match self {
            Self::Empty => EMPTY,
            Self::Leaf(leaf) => leaf.hash,
            Self::Branch(branch) => branch.hash,
        }
    }

    pub(crate) fn get(&self, path: &StatePath) -> Option<&Entry> {
        let (mut tree, mut depth) = (self, 0);
        loop {
            match tree {
                Self::Empty => return None,
                Self::Leaf(leaf) => return (leaf.path == *path).then_some(&leaf.entry),
                Self::Branch(branch) => tree = branch.child(path.bit(depth)),
            }
            depth += 1;
        }
    }

    pub(crate) fn walk(&self, path: &StatePath) -> Walk<'_> {
        let (mut tree, mut siblings) = (self, Vec::new());
        loop {
            match tree {
                Self::Empty => return Walk { end: None, siblings },
                Self::Leaf(leaf) => return Walk { end: Some((&leaf.path, &leaf.entry)), siblings },
                Self::Branch(branch) => {
                    let bit = path.bit(siblings.len());
                    siblings.push(branch.child(!bit).root());
                    tree = branch.child(bit);
                }
            }
        }
    }

    /// The tree in which each of `items` is what its path leads to. Items ascend by path, none twice.
    pub(crate) fn with(&self, items: &[(StatePath, Entry)]) -> Self {
        self.with_at(0, items)
    }

    fn with_at(&self, depth: usize, items: &[(StatePath, Entry)]) -> Self {
        match (self, items) {
            (_, []) => return self.clone(),
            (Self::Empty, [(path, entry)]) => return Self::leaf(*path, entry.clone()),
            (Self::Leaf(leaf), [(path, entry)]) if leaf.path == *path => return Self::leaf(*path, entry.clone()),
            _ => (),
        }
        let (left_items, right_items) = items.split_at(items.partition_point(|(path, _)| !path.bit(depth)));
        let (left, right) = match self {
            Self::Empty => (&Self::Empty, &Self::Empty),
            Self::Leaf(leaf) if leaf.path.bit(depth) => (&Self::Empty, self),
            Self::Leaf(_) => (self, &Self::Empty),
            Self::Branch(branch) => (&branch.left, &branch.right),
        };
        let (left, right) = (left.with_at(depth + 1, left_items), right.with_at(depth + 1, right_items));
        Self::Branch(Arc::new(Branch { hash: node_hash(&left.root(), &right.root()), left, right }))
    }

    fn leaf(path: StatePath, entry: Entry) -> Self {
        let hash = leaf_hash(&path, &value_hash(&entry.encode()));
        Self::Leaf(Arc::new(Leaf { path, hash, entry }))
    }

    /// Every entry with its path, ascending. At most 256 deep.
    pub(crate) fn for_each(&self, visit: &mut dyn FnMut(&StatePath, &Entry)) {
        match self {
            Self::Empty => (),
            Self::Leaf(leaf) => visit(&leaf.path, &leaf.entry),
            Self::Branch(branch) => {
                branch.left.for_each(visit);
                branch.right.for_each(visit);
            }
        }
    }
}

impl Tree {
    /// The subtree of the paths that begin with this byte; of a single one it may hold one that begins with another.
    pub(crate) fn under(&self, first_byte: u8) -> &Self {
        let mut tree = self;
        for bit in (0..8).rev() {
            let Self::Branch(branch) = tree else { return tree };
            tree = branch.child(first_byte >> bit & 1 == 1);
        }
        tree
    }
}

impl Branch {
    fn child(&self, right: bool) -> &Tree {
        if right { &self.right } else { &self.left }
    }
}

/// The root of entries that come one by one, ascending by path: the one that their tree would have, from 256 hashes at most.
///
/// Two entries whose paths part late stand under up to 255 branches with nothing beside them. A tree of entries that a stranger chose can so take hundreds of times their bytes; whoever takes a state from one asks for this root first.
#[derive(Default)]
pub struct RootStream {
    /// Of each branch above the last entry that has an entry on its left: the branch's depth, and the hash of that side. Depths ascend, so that there are no more than a path has bits.
    lefts: Vec<(usize, StateHash)>,
    /// The last entry's path and leaf.
    last: Option<(StatePath, StateHash)>,
}

impl RootStream {
    /// Takes the next entry by its encoding; false, and it is not taken, unless its path is above the one before.
    pub fn take(&mut self, path: StatePath, value: &[u8]) -> bool {
        if let Some((before, leaf)) = self.last {
            if before >= path {
                return false;
            }
            let depth = before.common_bits(&path);
            let left = self.fold(depth + 1, &before, leaf);
            self.lefts.push((depth, left));
        }
        self.last = Some((path, leaf_hash(&path, &value_hash(value))));
        true
    }

    /// The root of those that were taken.
    pub fn root(mut self) -> StateHash {
        self.last.map_or(EMPTY, |(path, leaf)| self.fold(0, &path, leaf))
    }

    /// The subtree at `depth` in which this entry is the last: what is kept of the others goes into it.
    fn fold(&mut self, depth: usize, path: &StatePath, leaf: StateHash) -> StateHash {
        // A leaf's hash is the same at every depth: from 0 nothing is lifted.
        let (mut hash, mut at) = (leaf, 0);
        while let Some((branch, left)) = self.lefts.pop_if(|(branch, _)| *branch >= depth) {
            hash = node_hash(&left, &lifted(hash, path, at, branch + 1));
            at = branch;
        }
        lifted(hash, path, at, depth)
    }
}

/// A branch at depth `from`, as the subtree at depth `to` above it: on the way nothing is beside it.
fn lifted(hash: StateHash, path: &StatePath, from: usize, to: usize) -> StateHash {
    (to..from).rev().fold(hash, |hash, depth| if path.bit(depth) { node_hash(&EMPTY, &hash) } else { node_hash(&hash, &EMPTY) })
}
