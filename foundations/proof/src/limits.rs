//! The largest of everything that a verifier accepts, refused at the door (spec: record.md "Limits", bundle.md, checkpoint.md, keys.md, verdict.md, pantheon.md).

/// Bytes of one record.
pub const RECORD_BYTES_MAX: usize = 61_440;
/// Nesting of a record; its own map counts as 1.
pub const DEPTH_MAX: usize = 8;
/// Entries of facts, commitments and extensions.
pub const MAP_ENTRIES_MAX: usize = 64;
/// Causes of one record.
pub const CAUSES_MAX: usize = 64;
/// Critical extensions of one record.
pub const CRITICAL_MAX: usize = 16;
/// Bytes of an action name or a label.
pub const LABEL_BYTES_MAX: usize = 64;
/// Intents without an outcome at one time.
pub const OPEN_INTENTS_MAX: usize = 65_536;
/// Open intents that a report lists by index.
pub const OPEN_INTENTS_LISTED_MAX: usize = 16;
/// Records of one chunk of a bundle.
pub const CHUNK_RECORDS: u64 = 1_024;
/// Bytes of the signatures beside one record, before they are looked at.
pub const SIGNATURE_FIELD_BYTES_MAX: usize = 8_192;
/// Bytes of an opened value.
pub const VALUE_BYTES_MAX: usize = 1_048_576;
/// Bytes of a checkpoint note.
pub const NOTE_BYTES_MAX: usize = 8_192;
/// Tree nodes left or right of a bundle's range.
pub const PATH_NODES_MAX: usize = 64;
/// Largest index or size: what every language's numbers hold.
pub const INDEX_MAX: u64 = (1 << 53) - 1;
/// Keys that one log may put in force.
pub const KEYS_MAX: usize = 256;
/// Key events of one log.
pub const KEY_EVENTS_MAX: usize = 256;
/// Bytes of a file that is brought as a public key.
pub const BROUGHT_KEY_BYTES_MAX: usize = 65_536;
/// Bytes of a fork proof.
pub const FORK_BYTES_MAX: usize = 32_768;
/// Bytes of a policy file.
pub const POLICY_BYTES_MAX: usize = 1 << 20;
/// Keys, references or statements of one policy.
pub const POLICY_ITEMS_MAX: usize = 16;
/// Settlements that one bundle carries.
pub const SETTLEMENTS_MAX: usize = 4;
/// Bytes of one of them, a light proof.
pub const SETTLEMENT_BYTES_MAX: usize = 16 << 20;
/// Erased fields that a report lists.
pub const ERASED_LISTED_MAX: usize = 16;
/// Bytes of one transaction.
pub const TRANSACTION_BYTES_MAX: usize = 49_152;
/// Checkpoints that one transaction attests.
pub const ATTESTATIONS_MAX: usize = 8;
/// Bytes of a name on a chain.
pub const NAME_BYTES_MAX: usize = 32;
/// Bytes of one block, its transactions included.
pub const BLOCK_BYTES_MAX: usize = 8 << 20;
/// Transactions of one block.
pub const BLOCK_TRANSACTIONS_MAX: usize = 16_384;
/// Validators of one set. The main network has 21 at most; more is for simulations.
pub const SEATS_MAX: usize = 64;
/// Bytes of a genesis file.
pub const GENESIS_BYTES_MAX: usize = 16 << 20;
/// Accounts that a genesis file gives something to.
pub const ALLOCATIONS_MAX: usize = 262_144;
/// Key events of one log that a chain follows, genesis counted.
pub const LOG_EVENTS_MAX: usize = 16;
/// Withdrawals of one validator that wait at one time.
pub const UNBONDING_MAX: usize = 8;
/// Bytes of one entry of a chain's state: a log with all its keys is the largest.
pub const ENTRY_BYTES_MAX: usize = 262_144;
/// Steps of a state proof.
pub const STATE_PROOF_NODES_MAX: usize = 256;
/// Bytes of a light proof.
pub const LIGHT_BYTES_MAX: usize = 64 << 20;
/// Changes of the validator set that a light proof passes through.
pub const LIGHT_CHANGES_MAX: usize = 1_024;
/// Entries that one light proof shows.
pub const LIGHT_ENTRIES_MAX: usize = 64;
