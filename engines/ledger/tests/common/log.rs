//! An operator's log as far as a chain sees it: genesis, key events, checkpoints.

use super::Signer;
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{Id, KeyId, LogId, RecordDigest, TreeHash};
use mickai_proof::history::{Committed, KeyEvent, Revocation, Succession, rotation_message};
use mickai_proof::pantheon::{Action, Attestation};
use mickai_proof::record::{ActorClass, Kind, Mode, Record, encode};
use mickai_proof::signature::to_be_signed;
use std::borrow::Cow;

/// Keys by their seeds: in force, next, recovery.
pub struct OperatorLog {
    pub id: LogId,
    pub key: u8,
    pub next: u8,
    pub recovery: u8,
    pub genesis: Vec<u8>,
}

impl OperatorLog {
    pub fn new(key: u8, next: u8, recovery: u8) -> Self {
        let event = KeyEvent::Genesis(succession(key, next, recovery));
        let genesis = record(LogId::GENESIS, 0, Kind::Genesis, "genesis", &event, Signer::new(key).key.id());
        Self { id: LogId::of_genesis(&genesis), key, next, recovery, genesis }
    }

    fn signed(&self, record: &[u8], signer: u8) -> Box<[u8; 3309]> {
        let signer = Signer::new(signer);
        Box::new(signer.sign(&to_be_signed(signer.key.id(), self.id, RecordDigest::of(record))))
    }

    pub fn register(&self) -> Action {
        Action::RegisterLog { record: self.genesis.clone(), signature: self.signed(&self.genesis, self.key) }
    }

    /// A rotation to the key of seed `to`, whatever was committed.
    pub fn rotate(&self, index: u64, to: u8, next: u8) -> Action {
        let to_succession = succession(to, next, self.recovery);
        let proof = Box::new(Signer::new(to).sign(&rotation_message(self.id, index, PREV, &to_succession)));
        let record = record(self.id, index, Kind::Rotate, "key.rotate", &KeyEvent::Rotate { to: to_succession, proof }, Signer::new(self.key).key.id());
        Action::RotateLog { log: self.id, signature: self.signed(&record, self.key), record }
    }

    /// The key in force is revoked by the key of seed `by`, which follows it.
    pub fn revoke(&self, index: u64, by: u8) -> Action {
        let revocation = Revocation { revoked: Signer::new(self.key).key.id(), effective: index, since_ms: None };
        let event = KeyEvent::Revoke { revocation, to: Some(succession(by, 98, 99)) };
        let record = record(self.id, index, Kind::Revoke, "key.revoke", &event, Signer::new(by).key.id());
        Action::RevokeLog { log: self.id, signature: self.signed(&record, by), record }
    }

    pub fn attestation(&self, size: u64, root: u8, by: u8) -> Attestation {
        let checkpoint = Checkpoint { log: self.id, size, root: TreeHash([root; 32]) };
        Attestation { checkpoint, signature: Box::new(Signer::new(by).sign(checkpoint.text().as_bytes())) }
    }

    pub fn attest(&self, size: u64, root: u8) -> Action {
        Action::Attest(vec![self.attestation(size, root, self.key)])
    }
}

const PREV: RecordDigest = RecordDigest([5; 64]);

fn succession(key: u8, next: u8, recovery: u8) -> Succession {
    Succession { key: Signer::new(key).key, committed: Committed { next: Signer::new(next).key.id(), recovery: Signer::new(recovery).key.id() } }
}

fn record(log_id: LogId, index: u64, kind: Kind, action: &'static str, event: &KeyEvent, key_id: KeyId) -> Vec<u8> {
    encode(&Record {
        log_id,
        index,
        prev: (index > 0).then_some(PREV),
        wall_ms: 1_795_420_800_000,
        boot_id: Id([7; 32]),
        monotonic_ns: 1,
        kind,
        actor: (ActorClass::Operator, Id(key_id.0)),
        authority: (Id([9; 32]), 1),
        action: Cow::Borrowed(action),
        causes: Vec::new(),
        facts: event.to_facts(),
        commitments: Vec::new(),
        closes: None,
        mode: Mode::Each,
        key_id,
        critical: Vec::new(),
        extensions: Vec::new(),
    })
}
