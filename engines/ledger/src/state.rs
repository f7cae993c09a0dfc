//! The state after a block: entries by their keys, under one root.

use crate::trie::{Tree, Walk};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use mickai_proof::digest::{StateHash, StatePath};
use mickai_proof::pantheon::{Account, Address, Entry, LogEntry, Name, Seat, StateKey, StateProof, Totals, Validator, value_hash};

/// A state. Copies share everything.
#[derive(Clone, Default)]
pub struct State {
    tree: Tree,
}

impl State {
    /// The root that a header commits to.
    pub fn root(&self) -> StateHash {
        self.tree.root()
    }

    /// What lies under a key.
    pub fn get(&self, key: &StateKey) -> Option<&Entry> {
        self.tree.get(&key.path())
    }

    /// Shows what lies under a key, or that nothing does, to one who knows the root.
    pub fn prove(&self, key: StateKey) -> StateProof {
        let path = key.path();
        let Walk { end, siblings } = self.tree.walk(&path);
        match end {
            Some((found, entry)) if *found == path => StateProof::present(key, entry.encode(), siblings),
            other => StateProof::absent(key, other.map(|(path, entry)| (*path, value_hash(&entry.encode()))), siblings),
        }
    }

    /// Where all PAN are, counted entry by entry: what [`StateKey::Totals`] must say. It reads everything.
    pub fn audit(&self) -> Option<Totals> {
        let mut totals = Some(Totals::default());
        self.tree.for_each(&mut |_, entry| totals = totals.and_then(|totals| counted(totals, entry)));
        totals
    }

    /// Every entry with its path, in the order of the map.
    pub fn for_each(&self, mut visit: impl FnMut(&StatePath, &Entry)) {
        self.tree.for_each(&mut visit);
    }

    /// Those of [`State::for_each`] whose paths begin with this byte: a 256th part of a large state.
    pub fn for_each_in(&self, first_byte: u8, mut visit: impl FnMut(&StatePath, &Entry)) {
        let mut filtered = |path: &StatePath, entry: &Entry| {
            if path.0.first() == Some(&first_byte) {
                visit(path, entry);
            }
        };
        self.tree.under(first_byte).for_each(&mut filtered);
    }

    /// The state of these entries; `None` unless they ascend by path, none twice. Whether they are anybody's state is what the root says: of a stranger's [`RootStream`](crate::RootStream) tells it before a tree is made.
    pub fn of(entries: &[(StatePath, Entry)]) -> Option<Self> {
        entries.is_sorted_by(|(before, _), (after, _)| before < after).then(|| Self { tree: Tree::default().with(entries) })
    }

    /// The state in which these entries are as given.
    pub(crate) fn with(&self, changes: &BTreeMap<StateKey, Entry>) -> Self {
        let mut items: Vec<_> = changes.iter().map(|(key, entry)| (key.path(), entry.clone())).collect();
        items.sort_by_key(|(path, _)| *path);
        Self { tree: self.tree.with(&items) }
    }

    /// An account.
    pub fn account(&self, address: Address) -> Option<&Account> {
        if let Some(Entry::Account(account)) = self.get(&StateKey::Account(address)) { Some(account) } else { None }
    }

    /// A log.
    pub fn log(&self, log: mickai_proof::digest::LogId) -> Option<&LogEntry> {
        if let Some(Entry::Log(entry)) = self.get(&StateKey::Log(log)) { Some(entry) } else { None }
    }

    /// An account's bond.
    pub fn validator(&self, account: Address) -> Option<&Validator> {
        if let Some(Entry::Validator(validator)) = self.get(&StateKey::Validator(account)) { Some(validator) } else { None }
    }

    /// A name.
    pub fn name(&self, name: &str) -> Option<&Name> {
        if let Some(Entry::Name(entry)) = self.get(&StateKey::Name(name.into())) { Some(entry) } else { None }
    }

    /// Where all PAN are.
    pub fn totals(&self) -> Totals {
        if let Some(Entry::Totals(totals)) = self.get(&StateKey::Totals) { *totals } else { Totals::default() }
    }

    /// Who votes on the next block.
    pub fn seats(&self) -> &[Seat] {
        if let Some(Entry::Seats(seats)) = self.get(&StateKey::Seats) { seats } else { &[] }
    }
}

/// The totals with what one entry holds.
fn counted(mut totals: Totals, entry: &Entry) -> Option<Totals> {
    match entry {
        Entry::Account(account) => totals.balances = totals.balances.checked_add(account.balance)?,
        Entry::Validator(validator) => {
            totals.bonds = totals.bonds.checked_add(validator.bond)?;
            for part in &validator.unbonding {
                totals.unbonding = totals.unbonding.checked_add(part.amount)?;
            }
        }
        Entry::Totals(stated) => totals.treasury = totals.treasury.checked_add(stated.treasury)?,
        Entry::Log(_) | Entry::Voter(_) | Entry::Name(_) | Entry::Roster(_) | Entry::Seats(_) => (),
    }
    Some(totals)
}
