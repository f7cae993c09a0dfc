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
