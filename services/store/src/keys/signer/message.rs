//! What application and signer say to each other: one request, one reply, each a length and a deterministic CBOR array.
//!
//! The request for record 7 of a log, 106 bytes:
//!
//! ```text
//! offset  bytes             field
//!      0  00 68             length of what follows, big-endian: 104
//!      2  85                array of 5
//!      3  01                version
//!      4  01                1: a record
//!      5  58 20 …           log id (32)
//!     39  07                index
//!     40  58 40 …           D (64)
//!    106
//! ```
//!
//! Whoever changes a request on its way gets a signature that its reader refuses; nobody can, because the socket is the kernel's.

use crate::limits;
use mickai_proof::cbor::{CborError, Major, Reader, write_bytes, write_head, write_text};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{KeyId, LogId, RecordDigest, TreeHash};
use mickai_proof::history::{Committed, Revocation, Statement, Succession, rotation_message};
use mickai_proof::key::PublicKey;
use mickai_proof::limits::INDEX_MAX;
use mickai_proof::receipt;
use mickai_proof::signature::{SIGNATURE_LEN, to_be_signed};
use std::fmt;
use std::io::{self, Read, Write};

const VERSION: u64 = 1;
const REASON_BYTES_MAX: usize = 200;

/// What a signer is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Which key it holds.
    Key,
    /// A record's signature.
    Record {
        /// Of which log.
        log: LogId,
        /// The record's index.
        index: u64,
        /// Its D.
        record: RecordDigest,
    },
    /// A checkpoint's signature.
    Checkpoint(Checkpoint),
    /// The signature of receipts under this tree head (spec/exports.md "Receipt").
    Receipt(Checkpoint),
    /// The new key's consent to a rotation; the signer holds the new key.
    Rotation {
        /// Of which log.
        log: LogId,
        /// Index of the rotation's record.
        index: u64,
        /// D of the record before it.
        prev: RecordDigest,
        /// What is committed with it: the key that comes after this one, and the recovery key.
        committed: Committed,
    },
    /// A revocation statement of another key.
    Statement {
        /// Of which log.
        log: LogId,
        /// What it says.
        revocation: Revocation,
    },
}

/// What a signer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Its key.
    Key(PublicKey),
    /// The signature.
    Signature(Box<[u8; SIGNATURE_LEN]>),
    /// No.
    Refused(Refusal),
}

/// Why a signer did not sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request is not in the form.
    Malformed,
    /// The record lies before a checkpoint that was signed.
    Settled {
        /// Records that the checkpoint covers.
        size: u64,
    },
    /// The checkpoint contradicts one that was signed, or lies before it.
    Fork {
        /// Records that the signed one covers.
        size: u64,
    },
    /// It cannot remember what it would sign.
    Memory(String),
    /// Its cryptographic library failed.
    Failed,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// [`CborError`] for anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, CborError> {
        let mut reader = Reader::new(bytes);
        let (count, verb) = begin(&mut reader)?;
        let request = match (verb, count) {
            (0, 2) => Self::Key,
            (1, 5) => Self::Record { log: LogId(reader.fixed()?), index: index(&mut reader)?, record: RecordDigest(reader.fixed()?) },
            (2, 5) => Self::Checkpoint(Checkpoint { log: LogId(reader.fixed()?), size: size(&mut reader)?, root: TreeHash(reader.fixed()?) }),
            (5, 5) => Self::Receipt(Checkpoint { log: LogId(reader.fixed()?), size: size(&mut reader)?, root: TreeHash(reader.fixed()?) }),
            (3, 7) => Self::Rotation {
                log: LogId(reader.fixed()?),
                index: size(&mut reader)?,
                prev: RecordDigest(reader.fixed()?),
                committed: Committed { next: KeyId(reader.fixed()?), recovery: KeyId(reader.fixed()?) },
            },
            (4, 6) => Self::Statement {
                log: LogId(reader.fixed()?),
                revocation: Revocation { revoked: KeyId(reader.fixed()?), effective: index(&mut reader)?, since_ms: since(&mut reader)? },
            },
            _ => return Err(CborError::NotCanonical),
        };
        end(&reader, request)
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Key => start(2, 0),
            Self::Record { log, index, record } => {
                let mut out = start(5, 1);
                write_bytes(&mut out, &log.0);
                write_head(&mut out, Major::Uint, *index);
                write_bytes(&mut out, &record.0);
                out
            }
            Self::Checkpoint(Checkpoint { log, size, root }) | Self::Receipt(Checkpoint { log, size, root }) => {
                let mut out = start(5, if matches!(self, Self::Receipt(_)) { 5 } else { 2 });
                write_bytes(&mut out, &log.0);
                write_head(&mut out, Major::Uint, *size);
                write_bytes(&mut out, &root.0);
                out
            }
            Self::Statement { log, revocation: Revocation { revoked, effective, since_ms } } => {
                let mut out = start(6, 4);
                write_bytes(&mut out, &log.0);
                write_bytes(&mut out, &revoked.0);
                write_head(&mut out, Major::Uint, *effective);
                write_head(&mut out, Major::Array, u64::from(since_ms.is_some()));
                since_ms.iter().for_each(|since| write_head(&mut out, Major::Uint, *since));
                out
            }
            Self::Rotation { log, index, prev, committed } => {
                let mut out = start(7, 3);
                write_bytes(&mut out, &log.0);
                write_head(&mut out, Major::Uint, *index);
                [&prev.0[..], &committed.next.0, &committed.recovery.0].into_iter().for_each(|bytes| write_bytes(&mut out, bytes));
                out
            }
        }
    }

    /// What `key` signs for it; empty for [`Request::Key`], which nothing is signed for. No message of one kind is one of another: the first bytes differ (spec/keys.md, spec/exports.md "Domains").
    pub fn message(&self, key: &PublicKey) -> Vec<u8> {
        match self {
            Self::Key => Vec::new(),
            Self::Record { log, record, .. } => to_be_signed(key.id(), *log, *record),
            Self::Checkpoint(checkpoint) => checkpoint.text().into_bytes(),
            Self::Receipt(checkpoint) => receipt::to_be_signed(key.id(), checkpoint),
            Self::Rotation { log, index, prev, committed } => rotation_message(*log, *index, *prev, &Succession { key: key.clone(), committed: *committed }),
            Self::Statement { log, revocation } => Statement::message(*log, revocation),
        }
    }
}

impl Reply {
    /// Reads a reply.
    ///
    /// # Errors
    /// [`CborError`] for anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, CborError> {
        let mut reader = Reader::new(bytes);
        let (count, verb) = begin(&mut reader)?;
        let reply = match (verb, count) {
            (0, 3) => Self::Key(PublicKey::from_spki(reader.bytes()?).map_err(|_| CborError::NotCanonical)?),
            (1, 3) => Self::Signature(Box::new(reader.fixed()?)),
            (2, 2) => Self::Refused(Refusal::Malformed),
            (3, 3) => Self::Refused(Refusal::Settled { size: size(&mut reader)? }),
            (4, 3) => Self::Refused(Refusal::Fork { size: size(&mut reader)? }),
            (5, 3) => Self::Refused(Refusal::Memory(reader.text_within(REASON_BYTES_MAX)?.to_owned())),
            (6, 2) => Self::Refused(Refusal::Failed),
            _ => return Err(CborError::NotCanonical),
        };
        end(&reader, reply)
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let with = |verb, write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = start(3, verb);
            write(&mut out);
            out
        };
        match self {
            Self::Key(key) => with(0, &|out| write_bytes(out, &key.to_spki())),
            Self::Signature(signature) => with(1, &|out| write_bytes(out, &signature[..])),
            Self::Refused(Refusal::Malformed) => start(2, 2),
            Self::Refused(Refusal::Settled { size }) => with(3, &|out| write_head(out, Major::Uint, *size)),
            Self::Refused(Refusal::Fork { size }) => with(4, &|out| write_head(out, Major::Uint, *size)),
            Self::Refused(Refusal::Memory(reason)) => with(5, &|out| write_text(out, short(reason))),
            Self::Refused(Refusal::Failed) => start(2, 6),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the request is not in its form; use the same version for both"),
            Self::Settled { size } => write!(
                f,
                "it has signed a checkpoint of {size} records, and signs none of those a second time: this log was rolled back or is another copy; restore its newest copy"
            ),
            Self::Fork { size } => {
                write!(
                    f,
                    "it has signed a checkpoint of {size} records, which this one contradicts or falls behind: this log was rolled back or is another copy; restore its newest copy"
                )
            }
            Self::Memory(reason) => write!(f, "it cannot remember what it would sign: {reason}; set that right where it runs"),
            Self::Failed => f.write_str("its cryptographic library failed; start it again"),
        }
    }
}

/// Reads one message of at most [`limits::SIGNER_MESSAGE_BYTES_MAX`] bytes; `None` when the other side has ended between two.
pub(crate) fn receive(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let (mut high, mut low) = ([0], [0]);
    loop {
        match stream.read(&mut high) {
            Ok(0) => return Ok(None),
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    stream.read_exact(&mut low)?;
    let len = usize::from(u16::from_be_bytes([high[0], low[0]]));
    if len > limits::SIGNER_MESSAGE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is too long"));
    }
    let mut message = vec![0; len];
    stream.read_exact(&mut message)?;
    Ok(Some(message))
}

/// Writes one message.
pub(crate) fn send(stream: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let len = u16::try_from(message.len()).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the message is too long"))?;
    stream.write_all(&[&len.to_be_bytes()[..], message].concat())
}

fn start(count: u64, verb: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write_head(&mut out, Major::Array, count);
    write_head(&mut out, Major::Uint, VERSION);
    write_head(&mut out, Major::Uint, verb);
    out
}

fn begin(reader: &mut Reader<'_>) -> Result<(u64, u64), CborError> {
    let count = reader.array()?;
    if reader.uint()? != VERSION {
        return Err(CborError::NotCanonical);
    }
    Ok((count, reader.uint()?))
}

fn end<T>(reader: &Reader<'_>, read: T) -> Result<T, CborError> {
    if reader.is_done() { Ok(read) } else { Err(CborError::NotCanonical) }
}

fn index(reader: &mut Reader<'_>) -> Result<u64, CborError> {
    reader.uint().and_then(|index| if index <= INDEX_MAX { Ok(index) } else { Err(CborError::NotCanonical) })
}

fn size(reader: &mut Reader<'_>) -> Result<u64, CborError> {
    index(reader).and_then(|size| if size > 0 { Ok(size) } else { Err(CborError::NotCanonical) })
}

fn since(reader: &mut Reader<'_>) -> Result<Option<u64>, CborError> {
    match reader.array()? {
        0 => Ok(None),
        1 => reader.uint().map(Some),
        _ => Err(CborError::NotCanonical),
    }
}

/// The beginning of a text that fits.
fn short(text: &str) -> &str {
    let end = (0..=REASON_BYTES_MAX.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    end.and_then(|end| text.get(..end)).filter(|text| !text.is_empty()).unwrap_or("?")
}
