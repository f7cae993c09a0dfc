//! A transaction: who does what, for which fee and until when, with the signature that says so (spec/pantheon.md "Transactions").

use super::action::Action;
use super::address::Address;
use super::amount::Amount;
use super::error::{PantheonError, Part};
use super::form::{BAD, address, amount, array, bare, key, signature, within, write_amount, write_array, write_key, write_uint};
use super::header::Height;
use crate::cbor::{CborError, Reader, write_bytes};
use crate::digest::{ChainId, TransactionId, TreeHash, sha256};
use crate::key::PublicKey;
use crate::limits;
use crate::merkle;
use crate::signature::SIGNATURE_LEN;
use alloc::boxed::Box;
use alloc::vec::Vec;

const DOMAIN: &[u8] = b"pan-tx-v1\0";
const WITNESS_DOMAIN: &[u8] = b"pan-witness-v1\0";
const VERSION: u64 = 1;

/// What is signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// The chain on which it is meant, and no other.
    pub chain: ChainId,
    /// Whose account pays and acts.
    pub sender: Address,
    /// How many transactions that account made before.
    pub nonce: u64,
    /// What it pays for this one.
    pub fee: Amount,
    /// The last block that may hold it.
    pub expires: Height,
    /// What it does.
    pub action: Action,
}

/// A body with its signature, in its one encoding.
#[derive(Clone, PartialEq, Eq)]
pub struct Transaction {
    body: Body,
    body_bytes: Vec<u8>,
    key: Option<PublicKey>,
    signature: Box<[u8; SIGNATURE_LEN]>,
}

impl Body {
    /// The encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_array(&mut out, 7);
        write_uint(&mut out, VERSION);
        write_bytes(&mut out, &self.chain.0);
        write_bytes(&mut out, &self.sender.0);
        write_uint(&mut out, self.nonce);
        write_amount(&mut out, self.fee);
        write_uint(&mut out, self.expires.0);
        self.action.write(&mut out);
        out
    }

    /// What the sender's key signs: "pan-tx-v1" ‖ 0x00 ‖ body.
    pub fn message(&self) -> Vec<u8> {
        [DOMAIN, &self.encode()].concat()
    }

    /// The transaction, given the signature over [`Body::message`], and the key where the chain has not seen it.
    pub fn sign_with(self, key: Option<PublicKey>, signature: &[u8; SIGNATURE_LEN]) -> Transaction {
        let body_bytes = self.encode();
        Transaction { body: self, body_bytes, key, signature: Box::new(*signature) }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        array(reader, 7)?;
        if reader.uint()? != VERSION {
            return Err(BAD);
        }
        Ok(Self {
            chain: ChainId(reader.fixed()?),
            sender: address(reader)?,
            nonce: reader.uint()?,
            fee: amount(reader)?,
            expires: Height(reader.uint()?),
            action: Action::read(reader)?,
        })
    }
}

impl Transaction {
    /// Reads the form; the signature is not verified.
    ///
    /// # Errors
    /// [`PantheonError::Oversized`], [`PantheonError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PantheonError> {
        within(Part::Transaction, bytes, limits::TRANSACTION_BYTES_MAX)?;
        let (body_bytes, key, signature) = bare(Part::Transaction, bytes, |reader| {
            array(reader, 3)?;
            let body = reader.bytes()?.to_vec();
            let key = match reader.array()? {
                0 => None,
                1 => Some(key(reader)?),
                _ => return Err(BAD),
            };
            Ok((body, key, signature(reader)?))
        })?;
        let body = bare(Part::Transaction, &body_bytes, Body::read)?;
        Ok(Self { body, body_bytes, key, signature })
    }

    /// The encoding: `[body, [? key], signature]`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.byte_count());
        write_array(&mut out, 3);
        write_bytes(&mut out, &self.body_bytes);
        self.write_witness(&mut out);
        out
    }

    /// What is signed.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The key that it reveals.
    pub fn key(&self) -> Option<&PublicKey> {
        self.key.as_ref()
    }

    /// The signature.
    pub fn signature(&self) -> &[u8; SIGNATURE_LEN] {
        &self.signature
    }

    /// What the signature is over.
    pub fn message(&self) -> Vec<u8> {
        [DOMAIN, &self.body_bytes].concat()
    }

    /// SHA-256 of [`Transaction::message`]: one name, whichever of its signatures a transaction carries.
    pub fn id(&self) -> TransactionId {
        TransactionId(sha256(&[DOMAIN, &self.body_bytes]))
    }

    /// The leaf under a header's transactions root. Key and signature stand in it by their digest, so that they can be pruned and the root stays.
    pub fn leaf(&self) -> TreeHash {
        let mut witness = Vec::with_capacity(SIGNATURE_LEN + 8);
        self.write_witness(&mut witness);
        merkle::leaf(&[self.id().0, sha256(&[WITNESS_DOMAIN, &witness])].concat())
    }

    /// How many bytes the encoding has; the fee is by them.
    pub fn byte_count(&self) -> usize {
        let head = |len: usize| {
            if len < 24 {
                1
            } else if len < 0x100 {
                2
            } else if len < 0x1_0000 {
                3
            } else {
                5
            }
        };
        let key = self.key.as_ref().map_or(0, |key| head(key.raw().len()) + key.raw().len());
        1 + head(self.body_bytes.len()) + self.body_bytes.len() + 1 + key + head(SIGNATURE_LEN) + SIGNATURE_LEN
    }

    fn write_witness(&self, out: &mut Vec<u8>) {
        write_array(out, usize::from(self.key.is_some()));
        self.key.iter().for_each(|key| write_key(out, key));
        write_bytes(out, &self.signature[..]);
    }
}
