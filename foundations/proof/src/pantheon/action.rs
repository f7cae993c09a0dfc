//! What a transaction does, one kind of each (spec/pantheon.md "Actions").

use super::address::Address;
use super::amount::Amount;
use super::form::{BAD, address, array, ascend, key, list, signature, some_amount, write_amount, write_array, write_key, write_uint};
use super::vote::Evidence;
use crate::cbor::{CborError, Reader, write_bytes, write_text};
use crate::checkpoint::Checkpoint;
use crate::digest::{ChainId, Id, KeyId, LogId, TreeHash};
use crate::key::PublicKey;
use crate::limits;
use crate::signature::SIGNATURE_LEN;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

const BOND_DOMAIN: &[u8] = b"pan-bond-v1\0";

/// One checkpoint, as its log's key signed it.
#[derive(Clone, PartialEq, Eq)]
pub struct Attestation {
    /// What is said.
    pub checkpoint: Checkpoint,
    /// The signature of the note (spec/checkpoint.md).
    pub signature: Box<[u8; SIGNATURE_LEN]>,
}

/// The key that a validator will vote with, and its consent.
#[derive(Clone, PartialEq, Eq)]
pub struct BondKey {
    /// The key.
    pub key: PublicKey,
    /// Its signature over [`BondKey::message`].
    pub proof: Box<[u8; SIGNATURE_LEN]>,
}

impl BondKey {
    /// What the key signs: that it votes for this account on this chain.
    pub fn message(chain: ChainId, account: Address) -> Vec<u8> {
        [BOND_DOMAIN, &chain.0, &account.0].concat()
    }
}

/// What a transaction does.
#[derive(Clone, PartialEq, Eq)]
pub enum Action {
    /// Gives away.
    Transfer {
        /// To whom.
        to: Address,
        /// How much, not nothing.
        amount: Amount,
    },
    /// Settles checkpoints, by ascending log.
    Attest(Vec<Attestation>),
    /// Shows that a log is forked, and freezes it.
    Fork(Vec<u8>),
    /// Makes a log known: its genesis record and the signature beside it.
    RegisterLog {
        /// Record 0.
        record: Vec<u8>,
        /// Its ML-DSA-65 signature.
        signature: Box<[u8; SIGNATURE_LEN]>,
    },
    /// Follows a rotation of a log's key.
    RotateLog {
        /// Which log.
        log: LogId,
        /// The record of kind rotate.
        record: Vec<u8>,
        /// Its ML-DSA-65 signature.
        signature: Box<[u8; SIGNATURE_LEN]>,
    },
    /// Follows a revocation of a log's key.
    RevokeLog {
        /// Which log.
        log: LogId,
        /// The record of kind revoke.
        record: Vec<u8>,
        /// Its ML-DSA-65 signature.
        signature: Box<[u8; SIGNATURE_LEN]>,
    },
    /// Puts up a bond for a seat.
    Bond {
        /// How much more, not nothing.
        amount: Amount,
        /// The key, with an account's first bond.
        key: Option<BondKey>,
    },
    /// Takes back of a bond, after a wait.
    Unbond {
        /// How much, not nothing.
        amount: Amount,
    },
    /// Shows that a validator voted twice.
    Evidence(Box<Evidence>),
    /// Binds a name to a key and a mandate.
    Name {
        /// The name: letters a to z, digits, and `-` inside.
        name: String,
        /// The key that acts under it.
        key: KeyId,
        /// Digest of what it may do.
        mandate: Id,
    },
}

impl Action {
    /// The kind's word in the spec.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Transfer { .. } => "transfer",
            Self::Attest(_) => "attest",
            Self::Fork(_) => "fork",
            Self::RegisterLog { .. } => "register_log",
            Self::RotateLog { .. } => "rotate_log",
            Self::RevokeLog { .. } => "revoke_log",
            Self::Bond { .. } => "bond",
            Self::Unbond { .. } => "unbond",
            Self::Evidence(_) => "evidence",
            Self::Name { .. } => "name",
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let begin = |out: &mut Vec<u8>, elements: usize, code: u64| {
            write_array(out, elements);
            write_uint(out, code);
        };
        match self {
            Self::Transfer { to, amount } => {
                begin(out, 3, 0);
                write_bytes(out, &to.0);
                write_amount(out, *amount);
            }
            Self::Attest(attestations) => {
                begin(out, 2, 1);
                write_array(out, attestations.len());
                attestations.iter().for_each(|one| one.write(out));
            }
            Self::Fork(proof) => {
                begin(out, 2, 2);
                write_bytes(out, proof);
            }
            Self::RegisterLog { record, signature } => {
                begin(out, 3, 3);
                write_bytes(out, record);
                write_bytes(out, &signature[..]);
            }
            Self::RotateLog { log, record, signature } | Self::RevokeLog { log, record, signature } => {
                begin(out, 4, if matches!(self, Self::RotateLog { .. }) { 4 } else { 5 });
                write_bytes(out, &log.0);
                write_bytes(out, record);
                write_bytes(out, &signature[..]);
            }
            Self::Bond { amount, key } => {
                begin(out, 3, 6);
                write_amount(out, *amount);
                write_array(out, if key.is_some() { 2 } else { 0 });
                if let Some(BondKey { key, proof }) = key {
                    write_key(out, key);
                    write_bytes(out, &proof[..]);
                }
            }
            Self::Unbond { amount } => {
                begin(out, 2, 7);
                write_amount(out, *amount);
            }
            Self::Evidence(evidence) => {
                begin(out, 4, 8);
                evidence.write(out);
            }
            Self::Name { name, key, mandate } => {
                begin(out, 4, 9);
                write_text(out, name);
                write_bytes(out, &key.0);
                write_bytes(out, &mandate.0);
            }
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let elements = reader.array()?;
        let action = match (reader.uint()?, elements) {
            (0, 3) => Self::Transfer { to: address(reader)?, amount: some_amount(reader)? },
            (1, 2) => Self::Attest(attestations(reader)?),
            (2, 2) => Self::Fork(reader.bytes_within(limits::FORK_BYTES_MAX)?.to_vec()),
            (3, 3) => Self::RegisterLog { record: record(reader)?, signature: signature(reader)? },
            (4, 4) => Self::RotateLog { log: LogId(reader.fixed()?), record: record(reader)?, signature: signature(reader)? },
            (5, 4) => Self::RevokeLog { log: LogId(reader.fixed()?), record: record(reader)?, signature: signature(reader)? },
            (6, 3) => Self::Bond { amount: some_amount(reader)?, key: bond_key(reader)? },
            (7, 2) => Self::Unbond { amount: some_amount(reader)? },
            (8, 4) => Self::Evidence(Box::new(Evidence::read(reader)?)),
            (9, 4) => Self::Name { name: name(reader)?, key: KeyId(reader.fixed()?), mandate: Id(reader.fixed()?) },
            _ => return Err(BAD),
        };
        Ok(action)
    }
}

impl Attestation {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Checkpoint { log, size, root } = self.checkpoint;
        write_array(out, 4);
        write_bytes(out, &log.0);
        write_uint(out, size);
        write_bytes(out, &root.0);
        write_bytes(out, &self.signature[..]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        array(reader, 4)?;
        let checkpoint = Checkpoint { log: LogId(reader.fixed()?), size: size(reader)?, root: TreeHash(reader.fixed()?) };
        Ok(Self { checkpoint, signature: signature(reader)? })
    }
}

/// A checkpoint's size: what its text can say.
pub(super) fn size(reader: &mut Reader<'_>) -> Result<u64, CborError> {
    reader.uint().and_then(|size| if (1..=limits::INDEX_MAX).contains(&size) { Ok(size) } else { Err(BAD) })
}

fn attestations(reader: &mut Reader<'_>) -> Result<Vec<Attestation>, CborError> {
    let all = list(reader, 1, limits::ATTESTATIONS_MAX, Attestation::read)?;
    if ascend(all.iter().map(|one| one.checkpoint.log)) { Ok(all) } else { Err(BAD) }
}

fn record(reader: &mut Reader<'_>) -> Result<Vec<u8>, CborError> {
    reader.bytes_within(limits::RECORD_BYTES_MAX).map(<[u8]>::to_vec)
}

fn bond_key(reader: &mut Reader<'_>) -> Result<Option<BondKey>, CborError> {
    match reader.array()? {
        0 => Ok(None),
        2 => Ok(Some(BondKey { key: key(reader)?, proof: signature(reader)? })),
        _ => Err(BAD),
    }
}

/// 3 to 32 of the letters, without `-` at either end.
pub(super) fn name(reader: &mut Reader<'_>) -> Result<String, CborError> {
    let name = reader.text_within(limits::NAME_BYTES_MAX)?;
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_good = name.len() >= 3 && name.bytes().all(is_letter) && !name.starts_with('-') && !name.ends_with('-');
    if is_good { Ok(String::from(name)) } else { Err(BAD) }
}
