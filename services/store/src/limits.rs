//! The largest and the longest of everything that this crate writes, reads or waits for.

use std::time::Duration;

/// Bytes after which a new segment begins; one batch may go over it.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;
/// Records that one fsync may make durable together.
pub const BATCH_RECORDS_MAX: usize = 1_024;
/// How long a record may wait for others to share its fsync.
pub const GROUP_WAIT: Duration = Duration::from_millis(2);
/// Records that may have their place and not yet be durable, before whoever appends has to wait; one batch may go over it.
pub const IN_FLIGHT_RECORDS_MAX: usize = 4_096;
/// Bytes of those records.
pub const IN_FLIGHT_BYTES_MAX: usize = 32 << 20;
/// Records that a signer takes at a time.
pub const PART_RECORDS: usize = 8;
/// Sealed records after which a seal is due.
pub const SEAL_EVERY: u64 = 4_096;
/// How long a sealed record may wait for its seal.
pub const SEAL_AFTER: Duration = Duration::from_secs(1);
/// Bytes of a segment file that a reader agrees to load: a full segment and one largest batch.
pub const SEGMENT_READ_BYTES_MAX: u64 = 192 << 20;
/// Bytes of a COSE_Sign1 in a frame.
pub const SIGNATURE_BYTES_MAX: usize = mickai_proof::limits::SIGNATURE_FIELD_BYTES_MAX;
/// How long a second writer waits for the first.
pub const LOCK_WAIT: Duration = Duration::from_secs(30);
/// How often it looks again.
pub const LOCK_POLL: Duration = Duration::from_millis(20);
/// Bytes of the file that names the newest block of the home's own chain, with the state after it.
pub const OWN_CHAIN_TIP_BYTES_MAX: u64 = 16 << 20;
/// Bytes of the lock file that are read to name its holder.
pub const LOCK_BYTES_MAX: u64 = 4_096;
/// How long a permit is good for.
pub const PERMIT_LIFE: Duration = Duration::from_secs(3_600);
/// Records after which the writer signs a checkpoint of its own accord.
pub const CHECKPOINT_EVERY: u64 = 1_024;
/// And the time that then has to be between two of them.
pub const CHECKPOINT_PERIOD_MIN: Duration = Duration::from_secs(1);
/// Values that one record may keep in the vault.
pub const VAULT_FIELDS_MAX: usize = mickai_proof::limits::MAP_ENTRIES_MAX;
/// Bytes of one vault value: what a bundle can open.
pub const VAULT_VALUE_BYTES_MAX: usize = mickai_proof::limits::VALUE_BYTES_MAX;
/// Bytes of a vault file that a reader agrees to load.
pub const VAULT_FILE_BYTES_MAX: u64 = 80 << 20;
/// Bytes of a key file.
pub const KEY_FILE_BYTES_MAX: u64 = 4_096;
/// Bytes of the retention policy.
pub const RETENTION_FILE_BYTES_MAX: u64 = 32 << 10;
/// Bytes of a model's manifest.
pub const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// Files of one model.
pub const MODEL_FILES_MAX: usize = 4_096;
/// Models that one store lists.
pub const MODELS_MAX: usize = 65_536;
/// Bytes copied between two reports of progress.
pub const COPY_CHUNK_BYTES: u64 = 64 << 20;
/// Hex digits that a digest prefix needs at least.
pub const DIGEST_PREFIX_MIN: usize = 4;
/// Findings that a check of the log lists.
pub const FINDINGS_MAX: usize = 64;
/// Bytes of a new passphrase, at least.
pub const PASSPHRASE_BYTES_MIN: usize = 8;
/// Bytes of a passphrase, at most.
pub const PASSPHRASE_BYTES_MAX: usize = 1_024;
/// KiB of memory that a protected file may ask for.
pub const DERIVATION_MEMORY_KIB_MAX: u32 = 1 << 20;
/// KiB of memory times passes that a protected file may ask for.
pub const DERIVATION_WORK_KIB_MAX: u64 = 8 << 20;
/// Bytes of a request to the signer, and of its answer.
pub const SIGNER_MESSAGE_BYTES_MAX: usize = 4_096;
/// Connections that a signer serves at a time.
pub const SIGNER_CONNECTIONS_MAX: usize = 32;
/// Connections that one application has to a signer at a time: others find a place beside it.
pub const SIGNER_CLIENT_CONNECTIONS_MAX: usize = SIGNER_CONNECTIONS_MAX / 2;
/// Logs that one signer remembers.
pub const SIGNER_LOGS_MAX: usize = 256;
/// Indexes of one log that a signer remembers beyond its last checkpoint.
pub const SIGNER_TAIL_MAX: usize = 8_192;
/// How long the application waits for one signature of a signer.
pub const SIGNER_PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of the file in which a signer remembers.
pub const SIGNER_MEMORY_BYTES_MAX: u64 = 65_536;
/// Bytes of a well-known document.
pub const WELL_KNOWN_BYTES_MAX: u64 = 2 << 20;
/// Records that the index takes in with one transaction.
pub const INDEX_ROWS_AT_ONCE: u64 = 8_192;
