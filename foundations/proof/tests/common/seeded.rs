//! The seeded cases of spec/seeded.md, drawn and encoded.

use mickai_proof::bundle::{EventProof, Header, Writer};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::commitment::{Opening, commit};
use mickai_proof::digest::{Commitment, Id, KeyId, LogId, RecordDigest, Salt, TreeHash};
use mickai_proof::fork;
use mickai_proof::history::{Committed, Revocation, Statement, Succession, rotation_message};
use mickai_proof::key::{PUBLIC_KEY_LEN, PublicKey};
use mickai_proof::record::{ActorClass, Fact, Kind, Mode, OutcomeCode, Record, decode, encode};
use mickai_proof::signature::{SIGNATURE_LEN, to_be_signed, to_cose};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The draws of one case.
pub struct Stream {
    start: Vec<u8>,
    block: u32,
    pool: Vec<u8>,
}

impl Stream {
    pub fn new(encoding: &str, number: u32) -> Self {
        Self { start: [b"oar-seeded-v1\0", encoding.as_bytes(), b"\0", &number.to_be_bytes()].concat(), block: 0, pool: Vec::new() }
    }

    pub fn bytes(&mut self, count: u64) -> Vec<u8> {
        let count = count as usize;
        while self.pool.len() < count {
            self.pool.extend(Sha256::digest([&self.start[..], &self.block.to_be_bytes()].concat()));
            self.block += 1;
        }
        self.pool.drain(..count).collect()
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        self.bytes(N as u64).try_into().unwrap()
    }

    pub fn below(&mut self, most: u32) -> u32 {
        u32::from_be_bytes(self.array()) % most
    }

    pub fn some(&mut self, most: u32) -> Vec<u8> {
        let count = self.below(most);
        self.bytes(count.into())
    }

    pub fn uint(&mut self) -> u64 {
        let width = 1 << self.below(4);
        self.bytes(width).iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    pub fn size(&mut self) -> u64 {
        self.uint() % ((1 << 53) - 1) + 1
    }

    pub fn label(&mut self) -> String {
        let count = self.below(64) + 1;
        (0..count).map(|_| char::from(b'a' + self.below(26) as u8)).collect()
    }

    fn map<T>(&mut self, most: u32, mut value: impl FnMut(&mut Self) -> T) -> Vec<(Cow<'static, str>, T)> {
        let count = self.below(most);
        let mut entries = BTreeMap::new();
        for _ in 0..count {
            let label = self.label();
            let value = value(self);
            entries.insert((label.len(), label), value);
        }
        entries.into_iter().map(|((_, label), value)| (Cow::Owned(label), value)).collect()
    }

    fn hashes(&mut self, count: u32) -> Vec<TreeHash> {
        (0..count).map(|_| TreeHash(self.array())).collect()
    }

    fn some_hashes(&mut self, most: u32) -> Vec<TreeHash> {
        let count = self.below(most);
        self.hashes(count)
    }

    pub fn key(&mut self) -> PublicKey {
        PublicKey::from_raw(self.array::<PUBLIC_KEY_LEN>())
    }

    pub fn signature(&mut self) -> [u8; SIGNATURE_LEN] {
        self.array()
    }

    fn ascii(&mut self) -> String {
        self.some(200).into_iter().map(|byte| char::from(byte % 128)).collect()
    }

    fn fact(&mut self) -> Fact<'static> {
        match self.below(4) {
            0 => Fact::Uint(self.uint()),
            1 => Fact::Bytes(Cow::Owned(self.some(40))),
            2 => Fact::Text(Cow::Owned(self.label())),
            _ => {
                let count = self.below(4);
                Fact::List((0..count).map(|_| if self.below(2) == 0 { Fact::Uint(self.uint()) } else { Fact::Text(Cow::Owned(self.label())) }).collect())
            }
        }
    }
}

fn record(draw: &mut Stream) -> Vec<u8> {
    const KINDS: [u64; 11] = [0, 1, 2, 3, 5, 6, 7, 12, 13, 15, 17];
    let log_id = LogId(draw.array());
    let index = draw.size() - 1;
    let prev = (index > 0).then(|| RecordDigest(draw.array()));
    let wall_ms = draw.uint();
    let (boot_id, monotonic_ns) = (Id(draw.array()), draw.uint());
    let kind = Kind::from_code(KINDS[draw.below(11) as usize]).unwrap();
    let actor = (ActorClass::from_code(draw.below(5).into()).unwrap(), Id(draw.array()));
    let authority = (Id(draw.array()), draw.uint());
    let action = draw.label();
    let count = if index >= 8 { u64::from(draw.below(4)) } else { 0 };
    let causes = (0..count).map(|number| (index - count + number, RecordDigest(draw.array()))).collect();
    let facts = draw.map(5, Stream::fact);
    let commitments = draw.map(4, |draw| Commitment(draw.array()));
    let closes = (kind == Kind::Outcome).then(|| (RecordDigest(draw.array()), OutcomeCode::from_code(draw.below(5).into()).unwrap()));
    let mode = if matches!(kind, Kind::Heartbeat | Kind::Detail) && draw.below(2) == 1 { Mode::Sealed } else { Mode::Each };
    let key_id = KeyId(draw.array());
    let extensions = draw.map(3, |draw| {
        let mut value = Vec::new();
        mickai_proof::cbor::write_head(&mut value, mickai_proof::cbor::Major::Uint, draw.uint());
        Cow::Owned(value)
    });
    let action = Cow::Owned(action);
    let record = Record {
        log_id,
        index,
        prev,
        wall_ms,
        boot_id,
        monotonic_ns,
        kind,
        actor,
        authority,
        action,
        causes,
        facts,
        commitments,
        closes,
        mode,
        key_id,
        critical: Vec::new(),
        extensions,
    };
    let bytes = encode(&record);
    assert_eq!(decode(&bytes).as_ref(), Ok(&record));
    bytes
}

fn bundle(draw: &mut Stream) -> Vec<u8> {
    let log = LogId(draw.array());
    let first = u64::from(draw.below(2)) * u64::from(draw.below(1_000_000));
    let count = u64::from(draw.below(4)) + 1;
    let records: Vec<_> = (first..first + count)
        .map(|index| {
            let (record, signature) = (draw.some(200), draw.some(40));
            let openings = draw.map(3, |draw| (Salt(draw.array()), draw.some(60)));
            (record, signature, openings.into_iter().map(|(label, (salt, value))| Opening { index, label: label.into_owned(), salt, value }).collect::<Vec<_>>())
        })
        .collect();
    let key_count = draw.below(3) + 1;
    let keys: Vec<_> = (0..key_count).map(|_| draw.key()).collect();
    let event_count = if key_count > 1 { draw.below(3) } else { 0 };
    let events: Vec<_> = (0..event_count).map(|_| EventProof { index: draw.uint(), record: draw.some(200), signature: draw.some(40), path: draw.some_hashes(4) }).collect();
    let left = draw.hashes(first.count_ones());
    let right = draw.some_hashes(4);
    let note = draw.ascii();
    let mut writer = Writer::new(Header { log, first, count }, &keys, &events, &left);
    records.into_iter().for_each(|(record, signature, openings)| writer.push(record, signature, openings));
    writer.finish(&right, &note)
}

fn statement(draw: &mut Stream) -> Vec<u8> {
    let log = LogId(draw.array());
    let revocation = Revocation { revoked: KeyId(draw.array()), effective: draw.uint(), since_ms: (draw.below(2) == 1).then(|| draw.uint()) };
    let signer = draw.key();
    Statement::encode(log, &revocation, &signer, &draw.signature())
}

fn rotation(draw: &mut Stream) -> Vec<u8> {
    let (log, index, prev) = (LogId(draw.array()), draw.size(), RecordDigest(draw.array()));
    let to = Succession { key: draw.key(), committed: Committed { next: KeyId(draw.array()), recovery: KeyId(draw.array()) } };
    rotation_message(log, index, prev, &to)
}

fn checkpoint(draw: &mut Stream) -> Vec<u8> {
    let checkpoint = Checkpoint { log: LogId(draw.array()), size: draw.size(), root: TreeHash(draw.array()) };
    let key = draw.key();
    checkpoint.to_note(&key, &draw.signature()).into_bytes()
}

fn commitment(draw: &mut Stream) -> Vec<u8> {
    let (salt, label) = (Salt(draw.array()), draw.label());
    commit(&salt, &label, &draw.some(600)).0.to_vec()
}

fn fork_proof(draw: &mut Stream) -> Vec<u8> {
    let (a, b) = (draw.ascii(), draw.ascii());
    let (left, right) = (draw.some_hashes(4), draw.some_hashes(4));
    fork::encode(&a, &b, &left, &right)
}

fn cose(draw: &mut Stream) -> Vec<u8> {
    let key = KeyId(draw.array());
    to_cose(key, &draw.signature())
}

pub fn hash(encoding: &str, count: u32, encode: impl Fn(&mut Stream) -> Vec<u8>) -> (String, String) {
    let mut hash = Sha256::new();
    for number in 0..count {
        let bytes = encode(&mut Stream::new(encoding, number));
        hash.update(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        hash.update(bytes);
    }
    (encoding.to_owned(), super::vector::to_hex(&hash.finalize()))
}

/// The hash of each encoding over its cases.
pub fn hashes() -> BTreeMap<String, String> {
    [
        hash("record", 10_000, record),
        hash("digest", 10_000, |draw| RecordDigest::of(&draw.some(600)).0.to_vec()),
        hash("commitment", 10_000, commitment),
        hash("signed", 10_000, |draw| to_be_signed(KeyId(draw.array()), LogId(draw.array()), RecordDigest(draw.array()))),
        hash("cose", 1_000, cose),
        hash("checkpoint", 1_000, checkpoint),
        hash("rotation", 1_000, rotation),
        hash("statement", 1_000, statement),
        hash("fork", 10_000, fork_proof),
        hash("bundle", 1_000, bundle),
    ]
    .into_iter()
    .collect()
}
