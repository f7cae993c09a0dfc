//! The chain after its newest block, as its files hold it: the state's entries beside the block's id, which say the ledger again without any block before.
//!
//! ```text
//! offset  bytes            field
//!      0  32               id of the newest block
//!     32  and so on        for each entry, ascending by path: 32 bytes path, u32 length (most significant byte first), the entry
//! ```
//!
//! Whoever changes a byte gains nothing: the file's digest covers it, the block's id is that of the block, and the block names the state's root.

use mickai_ledger::{Ledger, State};
use mickai_proof::digest::{BlockId, ChainId, StatePath};
use mickai_proof::limits::ENTRY_BYTES_MAX;
use mickai_proof::pantheon::{Block, Entry, Genesis, Header, Params, Proposal, Round};
use mickai_store as store;

/// A ledger, with the newest block's header; none before the first.
pub(super) struct After {
    pub ledger: Ledger,
    pub header: Option<Header>,
}

impl After {
    /// As it was written; `None` where it does not hold together.
    pub fn read(found: &store::ChainFiles) -> Option<Self> {
        let genesis = Genesis::parse(&found.genesis).ok()?;
        let Some(block) = &found.block else {
            return found.kept.is_empty().then(|| Ledger::new(&genesis).ok()).flatten().map(|ledger| Self { ledger, header: None });
        };
        let header = Block::parse(block).ok()?.header;
        let (id, mut rest) = found.kept.split_first_chunk()?;
        if header.id() != BlockId(*id) {
            return None;
        }
        let mut entries = Vec::new();
        while !rest.is_empty() {
            let entry;
            (entry, rest) = next(rest)?;
            entries.push(entry);
        }
        let ledger = Ledger::resume(&genesis.head, &header, State::of(&entries)?).ok()?;
        Some(Self { ledger, header: Some(header) })
    }

    /// The id of the chain that the files are of; `None` where genesis is none.
    pub fn chain_of(found: &store::ChainFiles) -> Option<ChainId> {
        Some(Genesis::parse(&found.genesis).ok()?.head.id())
    }
}

/// What is kept with a ledger's newest block.
pub(super) fn kept(ledger: &Ledger) -> Vec<u8> {
    let mut out = ledger.tip().0.to_vec();
    ledger.state().for_each(|path, entry| {
        let bytes = entry.encode();
        out.extend(path.0);
        // An entry has at most 262,144 bytes.
        out.extend((bytes.len() as u32).to_be_bytes());
        out.extend(bytes);
    });
    out
}

fn next(bytes: &[u8]) -> Option<((StatePath, Entry), &[u8])> {
    let (path, rest) = bytes.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok().filter(|length| *length <= ENTRY_BYTES_MAX)?;
    let (entry, rest) = rest.split_at_checked(length)?;
    Some(((StatePath(*path), Entry::parse(entry).ok()?), rest))
}

/// The round in which a block is proposed: with one seat none is ever left, so the view is the block's place in its epoch.
pub(super) fn round(height: mickai_proof::pantheon::Height, params: &Params) -> Round {
    let epoch = height.epoch(params.epoch_blocks);
    Round { epoch, view: height.0.saturating_sub(epoch.saturating_mul(params.epoch_blocks)) }
}

/// What the seat votes for: a block in its round, after the one before it in the epoch.
pub(super) fn proposal(header: &Header) -> Proposal {
    let round = Round { epoch: header.epoch, view: header.view };
    Proposal { round, parent: header.view.saturating_sub(1), block: header.id() }
}
