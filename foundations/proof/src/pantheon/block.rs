//! A block: a header and the transactions that it commits to (spec/pantheon.md "Block").

use super::error::{PantheonError, Part};
use super::form::{array, bare, list, within, write_array};
use super::header::Header;
use super::transaction::Transaction;
use crate::cbor::write_bytes;
use crate::digest::{TreeHash, sha256};
use crate::limits;
use crate::merkle::Frontier;
use alloc::vec::Vec;

/// The RFC 6962 root over the leaves of these transactions; of none, SHA-256 of nothing.
pub fn transactions_root(transactions: &[Transaction]) -> TreeHash {
    let mut tree = Frontier::default();
    transactions.iter().for_each(|transaction| tree.push(transaction.leaf()));
    tree.root().unwrap_or_else(|| TreeHash(sha256(&[])))
}

/// A header with its transactions, in their order.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// What is voted on.
    pub header: Header,
    /// What it commits to.
    pub transactions: Vec<Transaction>,
}

impl Block {
    /// The encoding: `[header, [* transaction]]`, each a byte string.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_array(&mut out, 2);
        write_bytes(&mut out, &self.header.encode());
        write_array(&mut out, self.transactions.len());
        self.transactions.iter().for_each(|transaction| write_bytes(&mut out, &transaction.encode()));
        out
    }

    /// Reads the form, and that header and transactions belong together.
    ///
    /// # Errors
    /// [`PantheonError::Oversized`], or [`PantheonError::Malformed`] by the part that is not of its form.
    pub fn parse(bytes: &[u8]) -> Result<Self, PantheonError> {
        within(Part::Block, bytes, limits::BLOCK_BYTES_MAX)?;
        let (header, transactions) = bare(Part::Block, bytes, |reader| {
            array(reader, 2)?;
            let header = reader.bytes()?;
            Ok((header, list(reader, 0, limits::BLOCK_TRANSACTIONS_MAX, |reader| reader.bytes())?))
        })?;
        let header = Header::parse(header)?;
        let transactions: Vec<_> = transactions.into_iter().map(Transaction::parse).collect::<Result<_, _>>()?;
        let block = Self { header, transactions };
        block.holds_together().then_some(block).ok_or(PantheonError::Malformed(Part::Block))
    }

    /// Are these the transactions that the header commits to?
    pub fn holds_together(&self) -> bool {
        self.header.transaction_count == self.transactions.len() as u64 && self.header.transactions == transactions_root(&self.transactions)
    }
}
