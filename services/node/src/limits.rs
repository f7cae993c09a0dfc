//! The largest of everything that a node takes from peers and users, refused at the door.

use commonware_consensus::types::ViewDelta;

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
/// Messages about missing blocks of one peer in a second, its questions and its answers together; an answer beyond that is dropped and asked for again after `Timing::fetch`. A short question has this node read a block of up to 8 MiB.
pub const BACKFILL_PER_SECOND: u32 = 256;
/// The same at once: all that an honest peer asks for at a time, and as many answers of it.
pub const BACKFILL_BURST: u32 = 32;
/// Messages with transactions of one peer in a second.
pub const GOSSIP_PER_SECOND: u32 = 1_024;
/// Messages about snapshots of one peer in a second.
pub const SNAPSHOT_MESSAGES_PER_SECOND: u32 = 256;
/// How long a peer that sent what no honest one sends is shut out, h.
pub const SHUT_OUT_HOURS: u64 = 4;
/// After how long a connection says that it is there, s.
pub const PING_SECONDS: u64 = 50;
/// How long a connection may be silent, or take a message, s.
pub const SILENCE_SECONDS: u64 = 60;
/// How many messages of one peer may come at once on a channel, before its rate holds them back.
pub const BURST: u32 = 16;
/// The same with transactions: a node that is handed many sends them as they come.
pub const GOSSIP_BURST: u32 = 32;
/// The same with blocks, and with pieces of snapshots.
pub const BLOCK_BURST: u32 = 4;
/// How much of one peer's messages may wait on a channel, in the channel's largest messages; what comes on top is dropped.
pub const WAITING_LARGEST_MAX: usize = 4;
/// How many messages to one peer wait to be sent, of those that are urgent and of the others; what a peer does not read is dropped.
pub const OUTGOING_MAX: usize = 64;
/// By how many times more messages than come at once a queue behind a channel holds.
pub const SMALL_MESSAGES: usize = 16;
/// What a waiting message costs beside its bytes, counted with them.
pub const MESSAGE_OVERHEAD_BYTES: usize = 256;
/// Peers that one node knows, itself included.
pub const PEERS_MAX: usize = 256;
/// A handshake's deadline, s, from the connection to its last message.
pub const HANDSHAKE_SECONDS: u32 = 3;
/// Handshakes that one address may begin in a second, and so many at once.
pub const HANDSHAKES_PER_SECOND: u32 = 8;
/// Handshakes of one address that are under way: whoever stalls them all leaves the other addresses theirs.
pub const HANDSHAKES_PER_ADDRESS: u32 = HANDSHAKES_PER_SECOND * (HANDSHAKE_SECONDS + 1);
/// How long connecting to a peer may take, s, the handshake included.
pub const DIAL_SECONDS: u64 = 5;
/// How long a peer is left alone after a connection to it was tried or made, s.
pub const DIAL_AGAIN_SECONDS: u64 = 1;
/// How often a node tries a connection to some peer, ms.
pub const DIAL_EVERY_MS: u64 = 250;
/// Final ledgers of which a node can show entries: the newest with a certificate is among them.
pub const FINAL_LEDGERS_KEPT: usize = 64;
/// Ledgers after blocks that are not final: of more the one goes that nobody needed for longest.
pub const PENDING_LEDGERS_KEPT: usize = 64;
/// Evidence against validators that a node keeps for whoever submits it.
pub const EVIDENCE_MAX: usize = 256;
/// How far a block's time may lie before its voter's clock, ms (spec/pantheon.md "Header and block").
pub const AHEAD_MS_MAX: u64 = 1_000;
/// How far the newest final block's time may lie before this node's clock, ms, for that clock to say whether an epoch began after the node started. A quorum let that block lie a second before theirs.
pub const BEHIND_MS_MAX: u64 = 5_000;
/// Work that waits for the consensus engine's actors.
pub const MAILBOX_MAX: usize = 1_024;
/// Bytes of what says where a key has voted: some hundred for each chain.
pub const MARK_BYTES_MAX: usize = 65_536;
/// Views of an epoch's engine that are kept for peers that are behind.
pub const VIEW_RETENTION: ViewDelta = ViewDelta::new(64);
/// Epochs whose certificates may still come in: what is older is in the archive, checked.
pub const EPOCHS_KEPT: usize = 8;
/// Missing blocks that are asked for at once.
pub const REPAIRS_MAX: usize = 16;
// A node that asks one peer for all of them at once, and answers as many of its questions meanwhile, loses neither.
const _: () = assert!(2 * REPAIRS_MAX <= BACKFILL_BURST as usize);
/// Final blocks on their way to the ledger.
pub const DELIVERIES_MAX: usize = 16;
/// Proposed blocks of one peer that are held before they are final: one, another that its leader may put in its place, and the one before. What is dropped is fetched once a quorum has voted for it.
pub const PROPOSALS_KEPT: usize = 3;
/// Snapshots that are shown to peers, but for those that one of them is in the middle of.
pub const SNAPSHOTS_SHOWN: usize = 2;
/// And of those.
pub const SNAPSHOTS_PINNED: usize = 2;
/// The largest snapshot that is taken from a peer, and shown to one, bytes: once their root is known to be the block's, its entries are held in memory, for a moment twice.
pub const SNAPSHOT_BYTES_MAX: u64 = 2 << 30;
/// Of that, the largest proof that it belongs to the chain. A node's own snapshot has no bound.
pub const SNAPSHOT_PROOF_BYTES_MAX: usize = 512 << 20;
/// Changes of validators that such a proof passes through.
pub const SNAPSHOT_CHANGES_MAX: usize = 65_536;
/// How often a peer is asked that does not answer.
pub const SNAPSHOT_QUESTIONS_MAX: u32 = 5;
/// The least that a peer has to send of a snapshot in a second, bytes; who sends less is left.
pub const SNAPSHOT_BYTES_PER_SECOND_MIN: u64 = 1 << 20;
/// Bytes of a snapshot in one message.
pub const SNAPSHOT_CHUNK_BYTES: usize = 1 << 20;
/// Chunks that are asked for and have not come.
pub const SNAPSHOT_CHUNKS_AHEAD: usize = 3;
// All of them, and a stray answer, are within the sender's share of what waits here.
const _: () = assert!(SNAPSHOT_CHUNKS_AHEAD < WAITING_LARGEST_MAX);
/// Chunks that one peer gets in a second. Who fetches asks for half as many, so that two seconds that do not begin together refuse nothing.
pub const SNAPSHOT_CHUNKS_PER_SECOND: u32 = 64;
