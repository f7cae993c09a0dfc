//! The most of everything that a connection may ask of this face; what waits and runs is limited by `mickai_runtime::serve::limits`.

use std::time::Duration;

/// The port on which Mickai listens unless told otherwise: M-I-C-K on a telephone.
pub const PORT: u16 = 6425;
/// Connections at a time; more wait to be accepted. Also requests with a key at a time, which may outlive theirs; more are refused.
pub const CONNECTIONS_MAX: usize = 1_024;
/// Connections at a time where the process may open few files.
pub const CONNECTIONS_MIN: usize = 16;
/// Open files that no connection takes: the log, the models and all else that is opened while they are answered.
pub const FILES_RESERVED: usize = 256;
/// Tokens of an answer that is written where it is sent; a longer one would hold up the other connections.
pub const TOLD_AT_ONCE_MAX: usize = 2_048;
/// Requests that look into the log at a time, for an answer that is kept or a response that is stored; more wait.
pub const LOOKING_MAX: usize = 4;
/// Requests for tokens or their text at a time; more wait.
pub const TOKENIZING_MAX: usize = 4;
/// Fields and the like that are not known and are named in one answer; of more, how many.
pub const WARNINGS_MAX: usize = 64;
/// Bytes of a body that is read as JSON where connections are served; a longer one would hold them up.
pub const READ_AT_ONCE_BYTES_MAX: usize = 64 << 10;
/// Longer bodies that are read at a time; more wait. Until it is taken apart, what comes of one may have eighty times its bytes.
pub const READING_MAX: usize = 2;
/// Answers that are kept for their keys at a time; more wait.
pub const KEEPING_MAX: usize = 4;
/// Threads for what is short and has no place: writing a long answer as JSON.
pub const THREADS_WITHOUT_PLACE: usize = 2;
/// Bytes of a request's body; of one that is to be an act, `mickai_runtime::serve::limits::REQUEST_BYTES_MAX`.
pub const BODY_BYTES_MAX: usize = 8 << 20;
/// Bytes that have come of bodies and are held together, of each what it has beyond [`READ_AT_ONCE_BYTES_MAX`]; more are refused. The memory for them grows ahead of them, by as much again at most.
pub const BODIES_BYTES_MAX: usize = 256 << 20;
/// Of these, those of one caller: some are always left for others.
pub const BODIES_PER_CALLER_BYTES_MAX: usize = BODIES_BYTES_MAX / 4;
/// Bytes of a body that are read and not kept when it was answered before its end.
pub const PASSING_BYTES_MAX: u64 = 64 << 20;
/// The same where nobody knows whose it is: enough for whoever sends a little more than is taken.
pub const PASSING_UNKNOWN_BYTES_MAX: u64 = BODY_BYTES_MAX as u64 + (1 << 20);
/// How long nothing of it may come.
pub const PASSING_PATIENCE: Duration = Duration::from_secs(10);
/// How long that may take in all.
pub const PASSING_TIME_MAX: Duration = Duration::from_secs(60);
/// The same from when the server is told to end. Much less than [`FAREWELL`], which is for answers.
pub const PASSING_FAREWELL: Duration = Duration::from_secs(1);
/// Bytes of a request's line and headers together.
pub const HEAD_BYTES_MAX: usize = 64 << 10;
/// How long a client may take for them, and how long an idle connection is kept.
pub const HEAD_PATIENCE: Duration = Duration::from_secs(60);
/// How long a client may take for a body.
pub const BODY_PATIENCE: Duration = Duration::from_secs(60);
/// How long a handshake may take.
pub const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a write to a client may make no progress: one that does not read has gone away.
pub const WRITE_PATIENCE: Duration = Duration::from_secs(60);
/// After how long without a word from a client the system asks whether its machine is still there.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// How often it asks then.
pub const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
/// How many questions without an answer mean that it is not.
pub const KEEPALIVE_COUNT: u32 = 3;
/// How often it is looked whether a client has gone away, where bytes that it sent wait to be read.
pub const END_LOOKED_FOR_EVERY: Duration = Duration::from_millis(50);
/// For how long it is told again whether the log can be written.
pub const READY_LIFE: Duration = Duration::from_secs(10);
/// How long what runs may go on when the server is told to end.
pub const FAREWELL: Duration = Duration::from_secs(10);
/// Answers to one request (`n`).
pub const CHOICES_MAX: i64 = 8;
/// Prompts of one completion request.
pub const PROMPTS_MAX: usize = 16;
/// Inputs of one request for embeddings.
pub const INPUTS_MAX: usize = 2_048;
/// Tools of one request.
pub const TOOLS_MAX: usize = 128;
/// Characters of a tool's name.
pub const TOOL_NAME_MAX: usize = 64;
/// Characters of a text that ends an answer.
pub const STOP_TEXT_MAX: usize = 256;
/// Characters of an idempotency key.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;
/// Seconds after which who was refused may ask again.
pub const RETRY_AFTER_S: u32 = 1;
/// Bytes of a file with keys, a certificate or a private key.
pub const SECRET_FILE_BYTES_MAX: u64 = 1 << 20;
/// Characters of an API key, at least.
pub const API_KEY_MIN: usize = 20;
