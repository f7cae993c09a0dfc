//! `Idempotency-Key`: who asks again with the same key within a day gets the same answer, and nothing runs twice. Answers are kept by this process alone.

use crate::app::sha256;
use crate::limits::{IDEMPOTENCY_BYTES_MAX, IDEMPOTENCY_COUNT_MAX, IDEMPOTENCY_KEY_MAX, IDEMPOTENCY_LIFE};
use crate::refused::{Refused, Result};
use crate::reply::{Body, Pieces, Reply};
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use mickai_runtime::serve::Caller;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

/// The header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// In the answer to who asked again.
const REPLAYED: &str = "idempotent-replayed";

/// Answers that are kept; clones are the same.
#[derive(Clone, Default)]
pub struct Idempotent(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    entries: BTreeMap<[u8; 32], Entry>,
    byte_count: usize,
}

struct Entry {
    /// SHA-256 of the body.
    request: [u8; 32],
    since: Instant,
    /// `None` while it runs.
    answer: Option<Answer>,
}

struct Answer {
    headers: Vec<(HeaderName, HeaderValue)>,
    bytes: Bytes,
}

/// The right to answer a key for the first time; dropped without an answer, the key is free again.
pub struct Turn {
    kept: Idempotent,
    key: Option<[u8; 32]>,
}

impl Idempotent {
    /// The kept answer, or the right to make it.
    ///
    /// # Errors
    /// 400 for a key that is none, 409 while the first answer is being made, 422 for another body, 429 when no more are kept.
    pub fn take(&self, key: &str, caller: Caller, route: &str, body: &[u8]) -> Result<std::result::Result<Turn, Reply>> {
        if !(1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refused::body(format!("an Idempotency-Key has 1 to {IDEMPOTENCY_KEY_MAX} printable ASCII characters and no spaces")));
        }
        let key = sha256(&[&caller.0.to_be_bytes(), route.as_bytes(), b"\0", key.as_bytes()].concat());
        let request = sha256(body);
        let mut kept = self.lock();
        kept.forget();
        let conflict = |status, code, message| Err(Refused::new(status, "invalid_request_error", Some(code), message));
        match kept.entries.get(&key) {
            Some(entry) if entry.request != request => conflict(422, "idempotency_key_reused", "this Idempotency-Key came with another body before: use a new one".to_owned()),
            Some(Entry { answer: None, .. }) => conflict(409, "idempotency_key_in_use", "the first request with this Idempotency-Key is still being answered".to_owned()),
            Some(Entry { answer: Some(Answer { headers, bytes }), .. }) => Ok(Err(Reply::of(200, headers.clone(), Body::Whole(bytes.clone())).with(REPLAYED, "true"))),
            None if kept.entries.len() >= IDEMPOTENCY_COUNT_MAX || kept.byte_count >= IDEMPOTENCY_BYTES_MAX => Err(Refused::new(
                429,
                "rate_limit_error",
                Some("idempotency_keys_full"),
                format!(
                    "{} answers with {} bytes are kept, of at most {IDEMPOTENCY_COUNT_MAX} and {IDEMPOTENCY_BYTES_MAX}: ask without a key",
                    kept.entries.len(),
                    kept.byte_count
                ),
            )),
            None => {
                kept.entries.insert(key, Entry { request, since: Instant::now(), answer: None });
                Ok(Ok(Turn { kept: self.clone(), key: Some(key) }))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget(&mut self) {
        self.entries.retain(|_, entry| entry.since.elapsed() < IDEMPOTENCY_LIFE);
        self.byte_count = self.entries.values().filter_map(|entry| entry.answer.as_ref()).map(|answer| answer.bytes.len()).sum();
    }
}

impl Turn {
    /// Keeps an answer when it is whole: at once, or as its pieces go out. A refusal is not kept, because nothing was done.
    pub fn keep(mut self, reply: Reply) -> Reply {
        if reply.status() != 200 {
            return reply;
        }
        let headers = reply.headers().to_vec();
        match reply.body {
            Body::Whole(bytes) => {
                self.finish(headers.clone(), bytes.clone());
                Reply::of(200, headers, Body::Whole(bytes))
            }
            Body::Pieces(pieces) => {
                let noted = Noted { pieces, turn: self, headers: headers.clone(), bytes: Vec::new() };
                Reply::of(200, headers, Body::Pieces(Box::new(noted)))
            }
        }
    }

    fn finish(&mut self, headers: Vec<(HeaderName, HeaderValue)>, bytes: Bytes) {
        let mut kept = self.kept.lock();
        if let Some(entry) = self.key.take().and_then(|key| kept.entries.get_mut(&key)) {
            entry.answer = Some(Answer { headers, bytes });
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.kept.lock().entries.remove(&key);
        }
    }
}

/// Pieces that are noted as they go out.
struct Noted {
    pieces: Box<dyn Pieces>,
    turn: Turn,
    headers: Vec<(HeaderName, HeaderValue)>,
    bytes: Vec<u8>,
}

impl Pieces for Noted {
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let piece = std::task::ready!(self.pieces.next(context));
        match &piece {
            Some(piece) => self.bytes.extend_from_slice(piece),
            None => self.turn.finish(std::mem::take(&mut self.headers), std::mem::take(&mut self.bytes).into()),
        }
        Poll::Ready(piece)
    }
}
