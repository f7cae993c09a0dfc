//! The largest of everything that a node takes from peers and users, refused at the door.

/// Bytes of all transactions that wait.
pub const MEMPOOL_BYTES_MAX: usize = 64 << 20;
/// Bytes of one sender's.
pub const SENDER_BYTES_MAX: usize = 1 << 20;
/// How far above its account's next number a transaction may lie.
pub const NONCE_WINDOW: u64 = 1_024;
/// How many blocks a transaction waits for, whatever it says itself.
pub const WAIT_BLOCKS_MAX: u64 = 1_000;
/// Bytes of refused transactions after which a proposer looks for no more: as many as a block has, so that looking is at most as much work again.
pub const REFUSED_BYTES_MAX: usize = mickai_proof::limits::BLOCK_BYTES_MAX;
/// How many of those that wait are tried after each final block: they fit into one, whatever their size.
pub const TRIED_COUNT: usize = 64;
/// For how many blocks a sender of whom the ledger refused one comes after everybody else.
pub const SET_BACK_BLOCKS: u64 = 64;
/// Bytes of the transactions in one message between peers.
pub const GOSSIP_BYTES_MAX: usize = 1 << 20;
/// Messages of one peer in a second, on one channel.
pub const MESSAGES_PER_SECOND: u32 = 4_096;
/// Messages with transactions of one peer in a second.
pub const GOSSIP_PER_SECOND: u32 = 256;
/// Peers that one node knows, itself included.
pub const PEERS_MAX: usize = 256;
/// Final ledgers of which a node can show entries: the newest with a certificate is among them.
pub const FINAL_LEDGERS_KEPT: usize = 64;
/// Evidence against validators that a node keeps for whoever submits it.
pub const EVIDENCE_MAX: usize = 256;
/// How far a block's time may lie before its voter's clock, ms (spec/pantheon.md "Header and block").
pub const AHEAD_MS_MAX: u64 = 1_000;
/// Work that waits for the consensus engine's actors.
pub const MAILBOX_MAX: usize = 1_024;
