//! The most of everything that callers may ask for or wait for; what is over is refused with both numbers.

use mickai_proof::limits::VALUE_BYTES_MAX;
use std::time::Duration;

/// Bytes of a request that an act is to keep on record: as many as a value has.
pub const REQUEST_BYTES_MAX: usize = VALUE_BYTES_MAX;
/// Orders that wait for one model.
pub const WAITING_COUNT_MAX: usize = 256;
/// Orders of one caller that wait for one model.
pub const WAITING_PER_CALLER_MAX: usize = 64;
/// Bytes of all prompts that wait for one model.
pub const WAITING_BYTES_MAX: usize = 256 << 20;
/// Models that are open at a time; one that nobody waits for is closed for another.
pub const MODELS_OPEN_MAX: usize = 4;
/// Adapters that are kept open for who asks next.
pub const ADAPTERS_OPEN_MAX: usize = 32;
/// Bytes of keys and values that one model may keep at most, unless the operator says otherwise.
pub const CACHE_BYTES_MAX: u64 = 4 << 30;
/// Bytes of memory of a machine that does not say how many it has.
pub const MACHINE_BYTES: u64 = 8 << 30;
/// Generations that run on one model at a time; the others wait their turn.
pub const BATCH_COUNT_MAX: usize = 32;
/// Of these, generations of one caller: some places are always left for others.
pub const BATCH_PER_CALLER_MAX: usize = 24;
/// Tokens of prompts that one step reads while answers are being given: what an answer waits for longest between two tokens.
pub const READ_BESIDE_TOKENS: usize = 64;
/// Tokens of prompts that one step reads while no answer is being given.
pub const READ_ALONE_TOKENS: usize = 256;
/// Rows of one step that are for tokens which may follow, beside those that are due: more would cost the others time.
pub const DECODED_ROWS: usize = 16;
/// Tokens that two prompts begin with from which on one waits for the other to read them.
pub const BESIDE_TOKENS_MIN: usize = 16;
/// Threads that make records durable; so many acts share an fsync.
pub const RECORDING_THREADS: usize = 16;
/// Texts that may end one answer.
pub const STOP_TEXTS_MAX: usize = 16;
/// Alternatives that are told of for each token.
pub const LIKELY_COUNT_MAX: usize = 20;
/// Requests for embeddings that wait, the one that runs included.
pub const EMBEDDING_COUNT_MAX: u64 = 64;
/// Bytes of an answer that is kept for its key.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;
/// How long an answer is kept for its key.
pub const ANSWER_LIFE: Duration = Duration::from_secs(24 * 3_600);
/// How long after the last act the log is given back, so that other commands can write to it.
pub const REST_AFTER: Duration = Duration::from_millis(500);
/// How long a settlement that is under way may hold up the end.
pub const SETTLE_FAREWELL: Duration = Duration::from_secs(5);
/// How long nothing is settled after what could not be.
pub const SETTLE_PAUSE: Duration = Duration::from_secs(60);
/// Levels of a JSON schema, those that its references lead to counted in.
pub const SCHEMA_DEPTH_MAX: usize = 512;
/// Properties of one object of a JSON schema, and names that it requires.
pub const SCHEMA_NAMES_MAX: usize = 4_096;
/// Parts of all JSON schemas of a request, each as often as it is looked at.
pub const SCHEMA_STEPS_MAX: u64 = 50_000;
/// Copies of parts that joining them takes, for all JSON schemas of a request.
pub const SCHEMA_COPIES_MAX: u64 = 200_000;
