//! A block's header: what a certificate is about, and what everything else about the block hangs from (spec/pantheon.md "Header").

use super::address::Address;
use super::error::{PantheonError, Part};
use super::form::{address, begin, whole, write_uint};
use crate::cbor::write_bytes;
use crate::digest::{BlockId, ChainId, SetDigest, StateHash, TreeHash, sha256};
use alloc::vec::Vec;
use core::fmt;

const MAGIC: &str = "pan-header";
const ELEMENTS: u64 = 14;
const DOMAIN: &[u8] = b"pan-header-v1\0";

/// A block's place in its chain; genesis is 0, the first block 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Height(pub u64);

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Height {
    /// The epoch of a block at this height: epoch e holds the heights from e·`epoch_blocks` + 1 on. Genesis is of epoch 0.
    pub fn epoch(self, epoch_blocks: u64) -> u64 {
        self.0.saturating_sub(1).checked_div(epoch_blocks).unwrap_or(0)
    }

    /// Is it the last block of its epoch?
    pub fn ends_epoch(self, epoch_blocks: u64) -> bool {
        self.0 > 0 && self.0.checked_rem(epoch_blocks) == Some(0)
    }
}

/// What a block says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Of which chain.
    pub chain: ChainId,
    /// Its place.
    pub height: Height,
    /// The block before; the chain id, read as a block id, at height 1.
    pub parent: BlockId,
    /// The epoch of its height.
    pub epoch: u64,
    /// The view in which it was first proposed.
    pub view: u64,
    /// When it was proposed, ms since 1970, by the proposer's clock; above its parent's.
    pub time_ms: u64,
    /// How many transactions it holds.
    pub transaction_count: u64,
    /// RFC 6962 root over them.
    pub transactions: TreeHash,
    /// The state after it.
    pub state: StateHash,
    /// Who votes on it.
    pub validators: SetDigest,
    /// Who votes on the block after it; another set only at an epoch's end.
    pub next: SetDigest,
    /// The account that earns its fees.
    pub proposer: Address,
}

impl Header {
    /// The encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = begin(MAGIC, ELEMENTS);
        write_bytes(&mut out, &self.chain.0);
        write_uint(&mut out, self.height.0);
        write_bytes(&mut out, &self.parent.0);
        [self.epoch, self.view, self.time_ms, self.transaction_count].iter().for_each(|number| write_uint(&mut out, *number));
        [&self.transactions.0, &self.state.0, &self.validators.0, &self.next.0, &self.proposer.0].iter().for_each(|id| write_bytes(&mut out, &id[..]));
        out
    }

    /// Reads the form.
    ///
    /// # Errors
    /// [`PantheonError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PantheonError> {
        whole(Part::Header, bytes, MAGIC, ELEMENTS, |reader| {
            Ok(Self {
                chain: ChainId(reader.fixed()?),
                height: Height(reader.uint()?),
                parent: BlockId(reader.fixed()?),
                epoch: reader.uint()?,
                view: reader.uint()?,
                time_ms: reader.uint()?,
                transaction_count: reader.uint()?,
                transactions: TreeHash(reader.fixed()?),
                state: StateHash(reader.fixed()?),
                validators: SetDigest(reader.fixed()?),
                next: SetDigest(reader.fixed()?),
                proposer: address(reader)?,
            })
        })
    }

    /// SHA-256("pan-header-v1" ‖ 0x00 ‖ header).
    pub fn id(&self) -> BlockId {
        BlockId(sha256(&[DOMAIN, &self.encode()]))
    }
}
