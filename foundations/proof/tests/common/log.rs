//! Logs as a writer makes them, with keys from fixed seeds and signatures without randomness, so that every run gives the same bytes.

use super::parts::{Chunk, Parts};
use libcrux_ml_dsa::ml_dsa_65::{MLDSA65SigningKey, generate_key_pair, sign};
use mickai_proof::bundle::{EventProof, Header};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::commitment::{Opening, commit};
use mickai_proof::digest::{Commitment, Id, KeyId, LogId, RecordDigest, Salt, TreeHash};
use mickai_proof::history::{Committed, KeyEvent, Revocation, Statement, Succession, rotation_message};
use mickai_proof::key::PublicKey;
use mickai_proof::merkle;
use mickai_proof::record::{ActorClass, Fact, Kind, Mode, OutcomeCode, Record, encode};
use mickai_proof::signature::{SIGNATURE_LEN, to_be_signed, to_cose};
use sha2::{Digest, Sha256};
use sha3::Sha3_512;
use std::borrow::Cow;
use std::ops::Range;

/// A key pair from a seed of one repeated byte.
#[derive(Clone)]
pub struct Signer {
    pub key: PublicKey,
    pub seed: u8,
    secret: MLDSA65SigningKey,
}

impl Signer {
    pub fn from_seed(seed: u8) -> Self {
        let pair = generate_key_pair([seed; 32]);
        Self { key: PublicKey::from_raw(*pair.verification_key.as_ref()), seed, secret: pair.signing_key }
    }

    pub fn id(&self) -> KeyId {
        self.key.id()
    }

    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        *sign(&self.secret, message, b"", [0; 32]).unwrap().as_ref()
    }

    /// The COSE_Sign1 beside a record of `log`.
    pub fn sign_record(&self, log: LogId, record: &[u8]) -> Vec<u8> {
        to_cose(self.id(), &self.sign(&to_be_signed(self.id(), log, RecordDigest::of(record))))
    }

    /// A revocation that travels without the log.
    pub fn state(&self, log: LogId, revocation: &Revocation) -> Vec<u8> {
        Statement::encode(log, revocation, &self.key, &self.sign(&Statement::message(log, revocation)))
    }

    pub fn sign_checkpoint(&self, checkpoint: &Checkpoint) -> String {
        checkpoint.to_note(&self.key, &self.sign(checkpoint.text().as_bytes()))
    }
}

/// A log in memory.
#[derive(Clone)]
pub struct Log {
    /// The key in force.
    pub signer: Signer,
    /// The keys in the order in which they came into force, each with the index of the record that says so.
    pub reigns: Vec<(usize, Signer)>,
    /// The key events after genesis.
    pub events: Vec<usize>,
    /// What is committed for recovery.
    pub recovery: KeyId,
    pub id: LogId,
    pub records: Vec<Vec<u8>>,
    pub signatures: Vec<Vec<u8>>,
    pub openings: Vec<Opening>,
    pub sealed_until: usize,
}

impl Log {
    /// A log of its genesis alone.
    pub fn new(signer: &Signer) -> Self {
        Self::with_genesis(signer, |_| ())
    }

    /// The same, with a genesis that `edit` has changed before it is signed.
    pub fn with_genesis(signer: &Signer, edit: impl FnOnce(&mut Record<'static>)) -> Self {
        let mut log = Self {
            signer: signer.clone(),
            reigns: vec![(0, signer.clone())],
            events: Vec::new(),
            recovery: recovery().id(),
            id: LogId::GENESIS,
            records: Vec::new(),
            signatures: Vec::new(),
            openings: Vec::new(),
            sealed_until: 0,
        };
        let mut genesis = log.draft(Kind::Genesis, "genesis");
        genesis.facts = facts(vec![("key", bytes(&signer.key.to_spki())), ("next", bytes(&next().id().0)), ("recovery", bytes(&recovery().id().0))]);
        edit(&mut genesis);
        let record = encode(&genesis);
        log.id = LogId::of_genesis(&record);
        log.push_bytes(record, true);
        log
    }

    /// The next record, right in everything that follows from the log.
    pub fn draft(&self, kind: Kind, action: &'static str) -> Record<'static> {
        let index = self.records.len() as u64;
        Record {
            log_id: self.id,
            index,
            prev: self.records.last().map(|record| RecordDigest::of(record)),
            wall_ms: 1_795_420_800_000 + 1_000 * index,
            boot_id: Id::of_boot("3f1c2f6e-8c0c-4b52-9d0e-0a4d5f1b7c11"),
            monotonic_ns: 8_213_004_512 + 1_000_000_000 * index,
            kind,
            actor: (ActorClass::Operator, Id(self.signer.id().0)),
            authority: (Id::of_policy(b"allow everything, record everything"), 1),
            action: Cow::Borrowed(action),
            causes: Vec::new(),
            facts: Vec::new(),
            commitments: Vec::new(),
            closes: None,
            mode: Mode::Each,
            key_id: self.signer.id(),
            critical: Vec::new(),
            extensions: Vec::new(),
        }
    }

    /// Encodes and signs a record, whatever it says; gives its index.
    pub fn push(&mut self, record: &Record<'_>) -> usize {
        self.push_bytes(encode(record), record.mode == Mode::Each)
    }

    pub fn push_bytes(&mut self, record: Vec<u8>, is_signed: bool) -> usize {
        self.signatures.push(if is_signed { self.signer.sign_record(self.id, &record) } else { Vec::new() });
        self.records.push(record);
        self.records.len() - 1
    }

    pub fn digest(&self, index: usize) -> RecordDigest {
        RecordDigest::of(&self.records[index])
    }

    /// An intent to generate, with everything that spec/record.md asks of one.
    pub fn intent(&mut self) -> usize {
        let mut record = self.draft(Kind::Intent, "generate");
        record.actor = (ActorClass::Brain, Id([0x77; 32]));
        record.facts = facts(vec![
            ("model", bytes(&[0x77; 32])),
            ("model_name", text("llama-64")),
            ("template", bytes(&[0x78; 32])),
            ("tokenizer", bytes(&[0x79; 32])),
            ("arithmetic", text("lanes-16-v1")),
            ("sampler", text("greedy-v1")),
            ("seed", bytes(&42u64.to_be_bytes())),
            ("temperature", Fact::real(0.7)),
            ("top_p", Fact::real(1.0)),
            ("min_p", Fact::real(0.0)),
            ("repetition", Fact::real(1.0)),
            ("top_k", Fact::Uint(40)),
            ("token_count_max", Fact::Uint(256)),
            ("prompt_token_count", Fact::Uint(3)),
        ]);
        // The messages [["user", "ping"]] in deterministic CBOR, and three token ids.
        self.commit(&mut record, &[("prompt", b"\x81\x82\x64user\x64ping"), ("prompt_tokens", &[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0])]);
        self.push(&record)
    }

    /// What became of the intent at `intent`.
    pub fn outcome(&mut self, intent: usize) -> usize {
        let mut record = self.draft(Kind::Outcome, "generate");
        record.closes = Some((self.digest(intent), OutcomeCode::Executed));
        record.facts = facts(vec![("output_token_count", Fact::Uint(2)), ("stop", text("end"))]);
        self.commit(&mut record, &[("output", "pong \u{2713}".as_bytes()), ("output_tokens", &[9, 0, 0, 0, 8, 0, 0, 0])]);
        self.push(&record)
    }

    /// Adds commitments to a draft, with salts that follow from index and label, and keeps their openings.
    pub fn commit(&mut self, record: &mut Record<'static>, values: &[(&'static str, &[u8])]) {
        for (label, value) in values {
            let salt = Salt(Sha256::digest(format!("salt of {label} in record {}", record.index)).into());
            record.commitments.push((Cow::Borrowed(*label), commit(&salt, label, value)));
            self.openings.push(Opening { index: record.index, label: (*label).to_owned(), salt, value: value.to_vec() });
        }
        record.commitments.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
        self.openings.sort_by(|a, b| (a.index, a.label.len(), &a.label).cmp(&(b.index, b.label.len(), &b.label)));
    }

    /// Changes the last record and signs it again.
    pub fn edit_last(&mut self, edit: impl FnOnce(&mut Record<'static>)) {
        let bytes = self.records.pop().unwrap();
        self.signatures.pop();
        let decoded = mickai_proof::record::decode(&bytes).unwrap();
        let mut record = self.draft(decoded.kind, "");
        record.action = Cow::Owned(decoded.action.into_owned());
        record.facts = decoded.facts.iter().map(|(label, fact)| (Cow::Owned(label.to_string()), owned(fact))).collect();
        edit(&mut record);
        self.push(&record);
    }

    /// A sealed record.
    pub fn heartbeat(&mut self) -> usize {
        let mut record = self.draft(Kind::Heartbeat, "beat");
        record.actor = (ActorClass::System, Id::ZERO);
        record.mode = Mode::Sealed;
        self.push(&record)
    }

    pub fn heartbeats(&mut self, count: usize) {
        for _ in 0..count {
            self.heartbeat();
        }
    }

    /// The log as it was when it had `count` records.
    pub fn first(&self, count: usize) -> Self {
        let reigns: Vec<_> = self.reigns.iter().filter(|(at, _)| *at < count).cloned().collect();
        let events = self.events.iter().copied().filter(|at| *at < count).collect();
        Self { signer: self.signer_at(count).clone(), reigns, events, records: self.records[..count].to_vec(), signatures: self.signatures[..count].to_vec(), ..self.clone() }
    }

    /// The key in force after the first `size` records.
    pub fn signer_at(&self, size: usize) -> &Signer {
        &self.reigns.iter().rev().find(|(at, _)| *at < size).unwrap().1
    }

    /// A rotation to `to`, as it should be but for what `edit` changes before both keys sign.
    pub fn rotate_with(&mut self, to: &Signer, edit: impl FnOnce(&mut Record<'static>)) -> usize {
        let succession = Succession { key: to.key.clone(), committed: Committed { next: next_after(to).id(), recovery: self.recovery } };
        let mut record = self.draft(Kind::Rotate, "key.rotate");
        let message = rotation_message(self.id, record.index, record.prev.unwrap(), &succession);
        record.facts = KeyEvent::Rotate { to: succession, proof: Box::new(to.sign(&message)) }.to_facts();
        edit(&mut record);
        let index = self.push(&record);
        self.events.push(index);
        self.reigns.push((index, to.clone()));
        self.signer = to.clone();
        index
    }

    pub fn rotate(&mut self, to: &Signer) -> usize {
        self.rotate_with(to, |_| ())
    }

    /// A revocation of a key that is no longer in force.
    pub fn revoke(&mut self, revocation: Revocation) -> usize {
        let mut record = self.draft(Kind::Revoke, "key.revoke");
        record.facts = KeyEvent::Revoke { revocation, to: None }.to_facts();
        let index = self.push(&record);
        self.events.push(index);
        index
    }

    /// A revocation of the key in force, signed by `by`, which succeeds it, but for what `edit` changes.
    pub fn succeed_with(&mut self, by: &Signer, effective: u64, since_ms: Option<u64>, edit: impl FnOnce(&mut Record<'static>)) -> usize {
        let revocation = Revocation { revoked: self.signer.id(), effective, since_ms };
        self.recovery = Signer::from_seed(0x62).id();
        let to = Some(Succession { key: by.key.clone(), committed: Committed { next: next_after(by).id(), recovery: self.recovery } });
        self.signer = by.clone();
        let mut record = self.draft(Kind::Revoke, "key.revoke");
        record.facts = KeyEvent::Revoke { revocation, to }.to_facts();
        edit(&mut record);
        let index = self.push(&record);
        self.events.push(index);
        self.reigns.push((index, by.clone()));
        index
    }

    /// Says that fields of a record are gone.
    pub fn erase(&mut self, of: usize, labels: &[&'static str]) -> usize {
        let mut record = self.draft(Kind::Erase, "erase");
        let labels = labels.iter().map(|label| text(label)).collect();
        record.facts = facts(vec![("record", Fact::Uint(of as u64)), ("record_digest", bytes(&self.digest(of).0)), ("labels", Fact::List(labels))]);
        self.push(&record)
    }

    /// A seal over everything so far, not yet in the log.
    pub fn draft_seal(&self) -> Record<'static> {
        let mut seal = self.draft(Kind::Seal, "seal");
        seal.actor = (ActorClass::System, Id::ZERO);
        let signatures = Sha3_512::digest(self.signatures[self.sealed_until..].concat());
        let size = self.records.len();
        seal.facts = facts(vec![("size", Fact::Uint(size as u64)), ("root", bytes(&self.root(size).0)), ("signatures", bytes(&signatures))]);
        seal
    }

    pub fn seal(&mut self) -> usize {
        let seal = self.draft_seal();
        self.sealed_until = self.records.len();
        self.push(&seal)
    }

    pub fn leaves(&self, range: Range<usize>) -> Vec<TreeHash> {
        self.records[range].iter().map(|record| merkle::leaf(record)).collect()
    }

    /// The root of the first `size` records.
    pub fn root(&self, size: usize) -> TreeHash {
        merkle::root_of(&self.leaves(0..size)).unwrap()
    }

    pub fn checkpoint(&self, size: usize) -> Checkpoint {
        Checkpoint { log: self.id, size: size as u64, root: self.root(size) }
    }

    pub fn note(&self, size: usize) -> String {
        self.signer_at(size).sign_checkpoint(&self.checkpoint(size))
    }

    /// The whole log as a bundle, without openings.
    pub fn whole(&self) -> Parts {
        self.range(0..self.records.len())
    }

    fn events_outside(&self, range: &Range<usize>) -> Vec<EventProof> {
        let size = self.records.len();
        let root_of = |range: Range<u64>| merkle::root_of(&self.leaves(range.start as usize..range.end as usize)).unwrap();
        let event = |at: usize| EventProof {
            index: at as u64,
            record: self.records[at].clone(),
            signature: self.signatures[at].clone(),
            path: merkle::path_ranges(at as u64, size as u64).into_iter().map(root_of).collect(),
        };
        let all = [0].into_iter().chain(self.events.iter().copied()).filter(|at| !range.contains(at));
        if self.events.is_empty() { Vec::new() } else { all.map(event).collect() }
    }

    /// Some records as a bundle whose checkpoint covers the whole log.
    pub fn range(&self, range: Range<usize>) -> Parts {
        let size = self.records.len();
        let mut left = merkle::Frontier::default();
        self.leaves(0..range.start).into_iter().for_each(|leaf| left.push(leaf));
        let root_of = |range: Range<u64>| merkle::root_of(&self.leaves(range.start as usize..range.end as usize)).unwrap();
        let chunk = |start: usize| {
            let end = range.end.min(start + 1_024);
            Chunk { records: self.records[start..end].to_vec(), signatures: self.signatures[start..end].to_vec(), openings: Vec::new() }
        };
        Parts {
            header: Header { log: self.id, first: range.start as u64, count: range.len() as u64 },
            keys: self.reigns.iter().map(|(_, signer)| signer.key.to_spki()).collect(),
            events: self.events_outside(&range),
            settlements: Vec::new(),
            left: left.nodes().to_vec(),
            chunks: range.clone().step_by(1_024).map(chunk).collect(),
            right: merkle::right_ranges(range.end as u64, size as u64).into_iter().map(root_of).collect(),
            note: self.note(size).into_bytes(),
        }
    }
}

/// The key that genesis commits to as the next one.
pub fn next() -> Signer {
    Signer::from_seed(0x41)
}

/// The key that genesis commits to for recovery.
pub fn recovery() -> Signer {
    Signer::from_seed(0x42)
}

/// The key to which a log of these tests commits when `signer` comes into force: its seed is sixteen higher.
pub fn next_after(signer: &Signer) -> Signer {
    Signer::from_seed(signer.seed + 16)
}

/// Facts in the order of map keys.
pub fn facts(mut entries: Vec<(&'static str, Fact<'static>)>) -> Vec<(Cow<'static, str>, Fact<'static>)> {
    entries.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
    entries.into_iter().map(|(label, fact)| (Cow::Borrowed(label), fact)).collect()
}

fn owned(fact: &Fact<'_>) -> Fact<'static> {
    match fact {
        Fact::Uint(value) => Fact::Uint(*value),
        Fact::Bytes(value) => bytes(value),
        Fact::Text(value) => Fact::Text(Cow::Owned(value.to_string())),
        Fact::List(items) => Fact::List(items.iter().map(owned).collect()),
    }
}

pub fn bytes(value: &[u8]) -> Fact<'static> {
    Fact::Bytes(Cow::Owned(value.to_vec()))
}

pub fn text(value: &'static str) -> Fact<'static> {
    Fact::Text(Cow::Borrowed(value))
}

/// Some commitment that nothing opens.
pub fn any_commitment() -> Commitment {
    Commitment([0xc0; 32])
}
