//! The most of everything that callers may ask for or wait for; what is over is refused with both numbers.

use std::time::Duration;

/// Orders that wait for one model.
pub const WAITING_COUNT_MAX: usize = 256;
/// Orders of one caller that wait for one model.
pub const WAITING_PER_CALLER_MAX: usize = 64;
/// Bytes of all prompts that wait for one model.
pub const WAITING_BYTES_MAX: usize = 256 << 20;
/// Models that are open at a time; one that nobody waits for is closed for another.
pub const MODELS_OPEN_MAX: usize = 4;
/// Bytes of keys and values that one generation may need.
pub const CONTEXT_BYTES_MAX: u64 = 16 << 30;
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
