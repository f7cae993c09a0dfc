//! A block as the consensus engine carries it: the bytes that the spec gives it, behind their length, under the id that the spec gives it.

use crate::votes;
use bytes::BufMut;
use commonware_codec::{Buf, EncodeSize, Error, Read, ReadExt, Write};
use commonware_consensus::types::Height as EngineHeight;
use commonware_consensus::{Block as EngineBlock, BoundedBlock, Heightable};
use commonware_cryptography::Digestible;
use commonware_cryptography::sha256::Digest;
use mickai_proof::digest::{BlockId, ChainId};
use mickai_proof::limits::BLOCK_BYTES_MAX;
use mickai_proof::pantheon::{Block, Height};
use std::fmt;
use std::sync::Arc;

const LENGTH_BYTES: usize = 4;
/// What stands before the chain id where a block of no bytes would: genesis, which has no header.
const GENESIS_LENGTH: u32 = 0;

/// A block with its encoding and its id, neither computed twice; or the place before the first one. Copies share everything.
#[derive(Clone)]
pub struct Sealed(Inner);

#[derive(Clone)]
enum Inner {
    Genesis(ChainId),
    Block(Arc<Content>),
}

struct Content {
    block: Block,
    bytes: Vec<u8>,
    id: BlockId,
}

impl Sealed {
    /// What the first block stands on.
    pub fn genesis(chain: ChainId) -> Self {
        Self(Inner::Genesis(chain))
    }

    /// A block of this node's own.
    pub fn new(block: Block) -> Self {
        let (bytes, id) = (block.encode(), block.header.id());
        Self(Inner::Block(Arc::new(Content { block, bytes, id })))
    }

    /// The block; none for genesis.
    pub fn block(&self) -> Option<&Block> {
        if let Inner::Block(content) = &self.0 { Some(&content.block) } else { None }
    }

    /// Its id; for genesis the chain's.
    pub fn id(&self) -> BlockId {
        match &self.0 {
            Inner::Genesis(chain) => BlockId(chain.0),
            Inner::Block(content) => content.id,
        }
    }

    /// Its place.
    pub fn at(&self) -> Height {
        self.block().map_or(Height(0), |block| block.header.height)
    }

    /// How many bytes its encoding has.
    pub fn byte_count(&self) -> usize {
        if let Inner::Block(content) = &self.0 { content.bytes.len() } else { 0 }
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {} {}", self.at(), self.id().short())
    }
}

impl Digestible for Sealed {
    type Digest = Digest;

    fn digest(&self) -> Digest {
        votes::digest(self.id())
    }
}

impl Heightable for Sealed {
    fn height(&self) -> EngineHeight {
        EngineHeight::new(self.at().0)
    }
}

impl EngineBlock for Sealed {
    /// Nothing lies before genesis.
    fn parent(&self) -> Digest {
        self.block().map_or(Digest([0; 32]), |block| votes::digest(block.header.parent))
    }
}

impl Write for Sealed {
    fn write(&self, out: &mut impl BufMut) {
        match &self.0 {
            Inner::Genesis(chain) => {
                out.put_u32(GENESIS_LENGTH);
                out.put_slice(&chain.0);
            }
            Inner::Block(content) => {
                // Within BLOCK_BYTES_MAX: `assemble` leaves room, `parse` refuses more.
                out.put_u32(content.bytes.len() as u32);
                out.put_slice(&content.bytes);
            }
        }
    }
}

impl EncodeSize for Sealed {
    fn encode_size(&self) -> usize {
        LENGTH_BYTES + if let Inner::Block(content) = &self.0 { content.bytes.len() } else { ChainId::LEN }
    }
}

impl Read for Sealed {
    /// The chain's id. Only its own genesis is one: the engine takes two blocks of one digest for the same, and with any other id in its place genesis would have whatever digest its sender likes.
    type Cfg = ChainId;

    fn read_cfg(input: &mut impl Buf, chain: &ChainId) -> Result<Self, Error> {
        let length = u32::read(input)?;
        if length == GENESIS_LENGTH {
            let found = ChainId(<[u8; ChainId::LEN]>::read(input)?);
            return if found == *chain { Ok(Self::genesis(found)) } else { Err(Error::Invalid("block", "genesis of another chain")) };
        }
        let length = length as usize;
        if length > BLOCK_BYTES_MAX {
            return Err(Error::InvalidLength(length));
        }
        if input.remaining() < length {
            return Err(Error::EndOfBuffer);
        }
        let mut bytes = vec![0; length];
        input.copy_to_slice(&mut bytes);
        let block = Block::parse(&bytes).map_err(|_| Error::Invalid("block", "not of the form of spec/pantheon.md"))?;
        let id = block.header.id();
        Ok(Self(Inner::Block(Arc::new(Content { block, bytes, id }))))
    }
}

impl BoundedBlock for Sealed {
    fn max_encode_size(_: &ChainId) -> usize {
        LENGTH_BYTES + BLOCK_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{Marked, genesis, slot};
    use commonware_codec::{Decode, Encode};
    use mickai_ledger::Ledger;

    #[test]
    fn nothing_has_the_digest_of_something_else() {
        let ledger = Ledger::new(&genesis()).unwrap();
        let chain = ledger.chain();
        let block = Sealed::new(ledger.assemble(slot(), [], &Marked).unwrap().block);
        for sealed in [Sealed::genesis(chain), block.clone()] {
            let bytes = sealed.encode();
            let read = Sealed::decode_cfg(bytes.clone(), &chain).unwrap();
            assert_eq!((read.digest(), read.at(), read.encode()), (sealed.digest(), sealed.at(), bytes));
        }
        // Genesis of the chain whose id is the block's: its digest would be the block's, its height 0.
        for other in [block.id().0, [0; 32]] {
            let forged = [&[0_u8; LENGTH_BYTES][..], &other].concat();
            assert!(Sealed::decode_cfg(forged.clone(), &chain).is_err());
            assert_eq!(Sealed::decode_cfg(forged, &ChainId(other)).unwrap().digest(), Digest(other));
        }
    }
}
