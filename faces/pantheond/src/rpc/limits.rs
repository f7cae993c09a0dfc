//! The most of everything that a stranger may ask of the RPC.

use std::time::Duration;

/// The port of the RPC unless told otherwise: P-A-N-T on a telephone.
pub const RPC_PORT: u16 = 7268;
/// The port of peers: the one before.
pub const P2P_PORT: u16 = 7267;
/// Connections at a time; more wait to be accepted.
pub const CONNECTIONS_MAX: usize = 512;
/// Connections at a time from one address; of IPv6, here and below, from one /64.
pub const CONNECTIONS_OF_ONE_MAX: usize = 256;
/// Streams of events at a time.
pub const SUBSCRIPTIONS_MAX: usize = 64;
/// Streams of events at a time to one address.
pub const SUBSCRIPTIONS_OF_ONE_MAX: usize = 16;
/// Bytes of a request's body: a transaction in hex, and its frame.
pub const BODY_BYTES_MAX: usize = 2 * mickai_proof::limits::TRANSACTION_BYTES_MAX + 4_096;
/// Bytes of a request's line and headers together.
pub const HEAD_BYTES_MAX: usize = 16 << 10;
/// How long a client may take for them, and how long an idle connection is kept.
pub const HEAD_PATIENCE: Duration = Duration::from_secs(60);
/// How long a client may take for a body.
pub const BODY_PATIENCE: Duration = Duration::from_secs(20);
/// How long a write to a client may make no progress: one that does not read has gone away.
pub const WRITE_PATIENCE: Duration = Duration::from_secs(60);
/// How long what runs may go on when the server is told to end.
pub const FAREWELL: Duration = Duration::from_secs(3);
/// Keys of one request for a light proof.
pub const LIGHT_KEYS_MAX: usize = mickai_proof::limits::LIGHT_ENTRIES_MAX;
/// Light proofs that are made at a time; who asks for more waits. One may have 64 MiB, and is held several times over while it becomes text.
pub const LIGHT_AT_ONCE: usize = 2;
/// MiB of their texts that are being sent at a time; who asks for more is refused. One may have 86, and is held until its last byte is read, or none was for as long as a write may make no progress.
pub const LIGHT_SENDING_MIB: usize = 512;
/// Transactions of a block in one answer.
pub const PAGE_MAX: u64 = 1_000;
/// Transactions of an account's history in one answer: each may stand in a block of its own, which is read whole.
pub const HISTORY_MAX: u64 = 100;
/// The last place of a list that a part may begin at.
pub const FROM_MAX: u64 = u32::MAX as u64;
/// So many where a request does not say.
pub const PAGE: u64 = 100;
/// Bonds that are listed beside the seats.
pub const BONDS_MAX: usize = 1_000;
/// Addresses whose rate is remembered; beyond it those forgotten are the ones that have a whole burst again.
pub const CALLERS_MAX: usize = 4_096;
/// Requests a second from one address.
pub const REQUESTS_PER_S: u32 = 200;
/// Requests at once from one address.
pub const BURST: u32 = 400;
/// Seconds after which who was refused may ask again.
pub const RETRY_AFTER_S: u32 = 1;
