//! What a bundle of a part of a log takes from the rest of it: tree nodes, keys and key events, from one pass over all records (spec/bundle.md "Format").

use super::header::EventProof;
use crate::digest::TreeHash;
use crate::history::KeyEvent;
use crate::key::PublicKey;
use crate::limits;
use crate::merkle::{self, Gather};
use crate::record::{Kind, decode, kind_of};
use alloc::vec::Vec;
use core::ops::Range;

/// Takes all records of a log in order and keeps what a bundle of `range` needs of them.
pub struct Cut {
    range: Range<u64>,
    gather: Gather,
    history: KeyHistory,
    /// Genesis, rotate and revoke records outside of the range, whose paths are wanted.
    outside: Vec<(u64, Vec<u8>, Vec<u8>)>,
}

/// What was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// Tree nodes left of the range.
    pub left: Vec<TreeHash>,
    /// Tree nodes right of it.
    pub right: Vec<TreeHash>,
    /// All keys that were in force, in order.
    pub keys: Vec<PublicKey>,
    /// Key events outside of the range, ascending; none where the log has no rotate and no revoke.
    pub events: Vec<EventProof>,
}

impl Cut {
    /// For the records `range` of a log of `size` records.
    pub fn new(range: Range<u64>, size: u64) -> Self {
        let mut gather = Gather::new(size);
        gather.want_around(&range);
        Self { range, gather, history: KeyHistory::default(), outside: Vec::new() }
    }

    /// Takes the next record and what lies beside it.
    pub fn push(&mut self, record: &[u8], signature: &[u8]) {
        let index = self.gather.next_index();
        if self.history.push(record) && !self.has_too_many_events() && !self.range.contains(&index) {
            self.gather.want_path_of_next();
            self.outside.push((index, record.to_vec(), signature.to_vec()));
        }
        self.gather.push(merkle::leaf(record));
    }

    /// Has the log more key events than a bundle may list? Nothing that a verifier takes can be cut out of it, and no more of it is kept.
    pub fn has_too_many_events(&self) -> bool {
        self.history.event_count > limits::KEY_EVENTS_MAX
    }

    /// What was kept, and the root of the whole tree; `None` where the number of records was not the size, or that of key events is too large.
    pub fn finish(self) -> Option<(Around, TreeHash)> {
        if self.has_too_many_events() {
            return None;
        }
        let gather = &self.gather;
        let outside = if self.history.has_changes { self.outside } else { Vec::new() };
        let events = outside.into_iter().map(|(index, record, signature)| Some(EventProof { index, record, signature, path: gather.path(index)? }));
        let root = gather.root()?;
        let around = Around { left: gather.left(self.range.start)?, right: gather.right(self.range.end)?, events: events.collect::<Option<_>>()?, keys: self.history.keys };
        Some((around, root))
    }
}

// Each event puts one key in force at most: who bounds the events has bounded the keys.
const _: () = assert!(limits::KEY_EVENTS_MAX <= limits::KEYS_MAX);

/// Which keys were in force, from the records that say so.
#[derive(Default)]
struct KeyHistory {
    /// Key events so far, genesis counted.
    event_count: usize,
    /// In the order of their coming into force.
    keys: Vec<PublicKey>,
    /// Was there a rotate or a revoke?
    has_changes: bool,
}

impl KeyHistory {
    /// Takes the next record; is it a key event?
    fn push(&mut self, record: &[u8]) -> bool {
        let Some(kind) = kind_of(record).filter(|kind| KeyEvent::is_told_by(*kind)) else { return false };
        self.event_count = self.event_count.saturating_add(1);
        if self.event_count > limits::KEY_EVENTS_MAX {
            return true;
        }
        self.has_changes |= kind != Kind::Genesis;
        // A revoke of an older key names no successor.
        let succession = match decode(record).ok().and_then(|record| KeyEvent::of(&record)) {
            Some(KeyEvent::Genesis(to) | KeyEvent::Rotate { to, .. }) => Some(to),
            Some(KeyEvent::Revoke { to, .. }) => to,
            None => None,
        };
        self.keys.extend(succession.map(|to| to.key));
        true
    }
}
