//! The state after an epoch's last block, in one file that proves itself: what a node starts from again, and what one that comes late takes from its peers.
//!
//! *Trust.* A snapshot begins with a light proof from genesis to the header of its block; its entries lead to that header's state root. Whoever changes a byte gains that the file is thrown away. What no file can show is
//! that its block is a recent one: a peer who lies can only offer an older state of the same chain, from which the node fetches the rest.
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
//! The first 32 bytes are written last, after the others were synced: a file without them is one whose writing was cut off, and is thrown away.

mod file;
pub(crate) use file::{Snapshot, open_newest};

mod keeper;
pub(crate) use keeper::{Keeper, Shelf};

mod exchange;
pub(crate) use exchange::{fetch, serve};

const MAGIC: &[u8; 16] = b"pan-snapshot-v1\0";
const HEAD_BYTES: u64 = 32;
/// Bytes that are read, written or sent at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Bytes of the largest message about snapshots: a piece, behind what it is and where it stands.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1 + 8 + 8 + CHUNK_BYTES;
