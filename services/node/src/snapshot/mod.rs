//! The state after an epoch's last block, in one file that proves itself: what a node starts from again, and what one that comes late takes from its peers.
//!
//! *Trust.* A snapshot begins with a light proof from genesis to the header of its block; its entries lead to that header's state root. Whoever changes a byte of a peer's gains that the file is thrown away, of one on the disk that the
//! node does not start, and says so. What no file can show is that its block is a recent one: a peer who lies can only offer an older state of the same chain, from which the node fetches the rest.
//!
//! Of a peer's there are limits to everything; a node's own has none, because nothing else in its folder leads to where it was. One that has grown beyond what peers take is kept and not shown, and no block is pruned for it.
//!
//! Layout, numbers with the most significant byte first:
//!
//! ```text
//! offset  bytes            field
//!      0  70 61 6e 2d …    "pan-snapshot-v1" and a zero byte
//!     16  u64              length of the whole file
//!     24  u64              n, length of the light proof
//!     32  n bytes          light proof (spec/pantheon.md), without entries
//!   32+n  and so on        for each entry, ascending by path: 32 bytes path, u32 length, the entry
//! ```
//!
//! The first 32 bytes are written last, after the others were synced. What a start may find:
//!
//! ```text
//! no file                                  the node never came so far, or was made before it could
//! a file whose first 32 bytes are zeros,   its writing was cut off: it is removed, and the one before is the newest
//!   or break off into zeros
//! several files                            the newest; those before it may still be shown
//! files of something fetched               the fetching was cut off: removed, whatever is in them
//! a file that is not good                  the node does not start, and removes nothing: an accident, another chain's genesis, or somebody's hand
//! ```
//!
//! What is fetched goes into a partition of its own, is checked there, and only then written anew among the node's own. Before anything is made of its entries their root is computed, with one of them in memory at a time: only those of
//! the block itself become a state. Where a snapshot cannot be written to its end, what there is of it is removed at once.

mod file;
pub(crate) use file::{Snapshot, clear, open_newest};

mod keeper;
pub(crate) use keeper::{Keeper, Newest, Shelf};

mod exchange;
pub(crate) use exchange::{fetch, incoming, serve};

const MAGIC: &[u8; 16] = b"pan-snapshot-v1\0";
const HEAD_BYTES: u64 = 32;
/// Bytes of the largest message about snapshots: a piece, behind what it is and where it stands.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1 + 8 + 8 + crate::limits::SNAPSHOT_CHUNK_BYTES;

#[cfg(test)]
mod tests;
