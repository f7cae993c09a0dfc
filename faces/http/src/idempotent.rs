//! `Idempotency-Key`: who asks again with the same key within a day gets the same answer, and nothing runs twice. What was answered is on record; this process remembers only what it is answering.

use crate::app::{App, sha256};
use crate::call::Call;
use crate::limits::{CONNECTIONS_MAX, IDEMPOTENCY_KEY_MAX};
use crate::refused::{Refused, Result};
use crate::reply::{Body, INTENT, Pieces, Reply};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName};
use mickai_runtime::Key;
use mickai_runtime::acts::now_ms;
use mickai_runtime::serve::limits::{ANSWER_BYTES_MAX, ANSWER_LIFE};
use mickai_runtime::serve::{Caller, Kept, NoAnswer};
use mickai_store::Appended;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

/// The header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// In the answer to who asked again.
const REPLAYED: &str = "idempotent-replayed";
/// The domain of keys on record.
const DOMAIN: &[u8] = b"mickai-idempotency-v1\0";

/// Keys whose requests are being answered; clones are the same.
#[derive(Clone, Default)]
pub struct Idempotent(Arc<Mutex<BTreeSet<Key>>>);

/// The right to answer a key; the key is free again when it is dropped.
pub struct Turn {
    answering: Idempotent,
    key: Key,
}

/// A key as records have it: one caller's, for one route.
///
/// # Errors
/// 400 for what is no key.
pub fn id(key: &str, caller: Caller, route: &str) -> Result<Key> {
    if !(1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refused::body(format!("an Idempotency-Key has 1 to {IDEMPOTENCY_KEY_MAX} printable ASCII characters and no spaces")));
    }
    Ok(Key(sha256(&[DOMAIN, &caller.0.to_be_bytes(), route.as_bytes(), b"\0", key.as_bytes()].concat())))
}

impl Idempotent {
    /// The right to answer a request with this key.
    ///
    /// # Errors
    /// 409 while another one has it, 429 while as many keys are being answered as there may be connections: a request with a key may outlive its own.
    pub fn take(&self, key: Key) -> Result<Turn> {
        let mut answering = self.lock();
        if answering.contains(&key) {
            return Err(no_answer(None, NoAnswer::Running));
        }
        let count = answering.len();
        if count >= CONNECTIONS_MAX {
            let message = format!("{count} requests with an Idempotency-Key are being answered, of at most {CONNECTIONS_MAX}: ask again later");
            return Err(Refused::new(429, "rate_limit_error", Some("queue_full"), message));
        }
        answering.insert(key);
        Ok(Turn { answering: self.clone(), key })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.answering.lock().remove(&self.key);
    }
}

/// The answer that is on record; `None` where there is nothing against asking.
///
/// # Errors
/// 422 for another request with that key, 409 where there is no answer to give and nothing is run again.
pub async fn replayed(call: &Call, key: Key) -> Result<Option<Reply>> {
    let request = call.bytes();
    let since_ms = now_ms().saturating_sub(ANSWER_LIFE.as_millis() as u64);
    match call.in_turn(&call.app.places.looking, move |desk| desk.system().kept(key, &request, since_ms)).await? {
        Kept::Nothing => Ok(None),
        Kept::Answer { intent, content_type, bytes } => Ok(Some(Reply::again(&content_type, bytes.into()).with_intent(intent).with(REPLAYED, "true"))),
        Kept::OtherRequest => Err(Refused::new(422, "invalid_request_error", Some("idempotency_key_reused"), "this Idempotency-Key came with another body before: use a new one")),
        Kept::None { intent, because } => Err(no_answer(Some(intent), because)),
    }
}

fn no_answer(intent: Option<u64>, because: NoAnswer) -> Refused {
    let (code, what) = match because {
        NoAnswer::Running => ("idempotency_key_in_use", "the first request with this Idempotency-Key is still being answered"),
        NoAnswer::Unknown => ("outcome_unknown", "the server ended while it answered this Idempotency-Key, and nobody knows how far that went: use a new key to ask again"),
        NoAnswer::Failed => ("outcome_failed", "the act that this Idempotency-Key asked for failed: use a new key to ask again"),
        NoAnswer::Erased => ("answer_erased", "the answer to this Idempotency-Key was erased: use a new key to ask again"),
        NoAnswer::Lost => ("answer_not_kept", "this Idempotency-Key was answered and the answer was not kept: use a new key to ask again"),
    };
    let place = intent.map(|intent| format!(" (record {intent})")).unwrap_or_default();
    Refused::new(409, "invalid_request_error", Some(code), format!("{what}{place}"))
}

/// Keeps an answer before the last of it leaves. A refusal and an answer that broke off are not kept: whoever was refused may ask again.
pub async fn keep(call: &Call, turn: Turn, reply: Reply) -> Result<Reply> {
    if reply.status() != 200 {
        return Ok(reply);
    }
    let headers = reply.headers().to_vec();
    let header = |wanted: &HeaderName| headers.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.to_str().ok());
    // What has no intent was no act, such as the opening of a model: it may be asked for again.
    let Some(told) = header(&HeaderName::from_static(INTENT)).and_then(|index| index.parse().ok()) else { return Ok(reply) };
    let content_type = header(&CONTENT_TYPE).unwrap_or_default().to_owned();
    let keeping = Keeping { app: call.app.clone(), begun: call.begun.clone(), told, content_type, turn };
    let body = match reply.body {
        Body::Whole(bytes) => {
            // The answer is there either way; whether the log can be written is what the next act finds out.
            let _ = keeping.begin(&Handle::current(), bytes.clone()).await;
            Body::Whole(bytes)
        }
        Body::Pieces(pieces) => Body::Pieces(Box::new(Noted { pieces, keeping: Some(keeping), bytes: Some(Vec::new()), last: None })),
    };
    Ok(Reply::of(200, headers, body))
}

/// What it takes to keep an answer.
struct Keeping {
    app: Arc<App>,
    begun: Arc<Mutex<Vec<Appended>>>,
    told: u64,
    content_type: String,
    /// Nobody else may answer the key before the answer is kept.
    turn: Turn,
}

impl Keeping {
    /// Keeps these bytes in their turn. Where there is a place they have a thread at once, which a server that ends waits for.
    fn begin(self, runtime: &Handle, bytes: impl AsRef<[u8]> + Send + 'static) -> JoinHandle<()> {
        let places = self.app.places.keeping.clone();
        let keep = move |place: OwnedSemaphorePermit| {
            self.keep(bytes.as_ref());
            drop(place);
        };
        match places.clone().try_acquire_owned() {
            Ok(place) => runtime.spawn_blocking(move || keep(place)),
            Err(_) => runtime.spawn(async move {
                if let Ok(place) = places.acquire_owned().await {
                    let _ = tokio::task::spawn_blocking(move || keep(place)).await;
                }
            }),
        }
    }

    fn keep(self, bytes: &[u8]) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner).clone();
        begun.sort_by_key(|intent| intent.index);
        let _ = self.app.desk().keep_answer(&begun, self.told, &self.content_type, bytes);
        drop(self.turn);
    }
}

/// Pieces that are noted as they go out; the last one waits until all of them are kept.
struct Noted {
    pieces: Box<dyn Pieces>,
    /// Taken when the answer is whole.
    keeping: Option<Keeping>,
    /// What went out; `None` once it is longer than what can be kept.
    bytes: Option<Vec<u8>>,
    last: Option<(Bytes, JoinHandle<()>)>,
}

impl Noted {
    /// Notes a piece, and begins to keep all of them if it is the last.
    fn note(&mut self, piece: &Bytes) -> Option<JoinHandle<()>> {
        match &mut self.bytes {
            Some(bytes) if bytes.len().saturating_add(piece.len()) <= ANSWER_BYTES_MAX => bytes.extend_from_slice(piece),
            too_long => *too_long = None,
        }
        let runtime = Handle::try_current().ok()?;
        let keeping = self.keeping.take_if(|_| self.pieces.is_whole())?;
        // Of what is too long nothing is kept.
        let bytes = self.bytes.take()?;
        Some(keeping.begin(&runtime, bytes))
    }
}

impl Pieces for Noted {
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.last.is_none() {
            let piece = std::task::ready!(self.pieces.next(context));
            match piece.as_ref().and_then(|piece| Some((piece.clone(), self.note(piece)?))) {
                None => return Poll::Ready(piece),
                last => self.last = last,
            }
        }
        if let Some((_, kept)) = &mut self.last {
            let _ = std::task::ready!(Pin::new(kept).poll(context));
        }
        Poll::Ready(self.last.take().map(|(piece, _)| piece))
    }
}

impl Drop for Noted {
    /// A client that goes away when everything had come out is answered when it asks again.
    fn drop(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        while self.keeping.is_some() {
            match self.pieces.next(&mut context) {
                Poll::Ready(Some(piece)) => drop(self.note(&piece)),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
    }
}

#[cfg(test)]
mod tests;
