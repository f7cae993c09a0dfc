//! The body of a request: read within limits of size, time and memory, or let pass without being kept.

use crate::limits::{BODIES_BYTES_MAX, BODIES_PER_CALLER_BYTES_MAX, BODY_PATIENCE, PASSING_FAREWELL, PASSING_PATIENCE, PASSING_TIME_MAX, READ_AT_ONCE_BYTES_MAX};
use crate::refused::{Refused, Result};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use mickai_runtime::serve::Caller;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The bytes that longer bodies may hold together: what has come of them, as long as anybody has it.
pub struct Bodies(Arc<Mutex<Sums>>);

/// What is held, and what may be.
struct Sums {
    all: usize,
    /// Of each caller that holds something.
    by_caller: BTreeMap<Caller, usize>,
    all_max: usize,
    per_caller_max: usize,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::new(BODIES_BYTES_MAX, BODIES_PER_CALLER_BYTES_MAX)
    }
}

/// What has come of a body, with its part of the bytes that all may hold.
struct Held {
    bytes: Vec<u8>,
    part: Part,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A part of these bytes, until it is dropped.
struct Part {
    sums: Arc<Mutex<Sums>>,
    caller: Caller,
    byte_count: usize,
}

impl Bodies {
    fn new(all_max: usize, per_caller_max: usize) -> Self {
        Self(Arc::new(Mutex::new(Sums { all: 0, by_caller: BTreeMap::new(), all_max, per_caller_max })))
    }

    /// A caller's body of at most so many bytes. Nothing of one that announces more is waited for.
    ///
    /// # Errors
    /// 413 for a longer one, 429 where the others hold what there is, 408 for one that takes too long, 400 for one that breaks off.
    pub async fn read<B: Body<Data = Bytes> + Unpin>(&self, body: &mut B, byte_count_max: usize, caller: Caller) -> Result<Bytes> {
        if let Some(length) = body.size_hint().exact().filter(|length| *length > byte_count_max as u64) {
            return Err(Refused::too_large("body", length, byte_count_max as u64));
        }
        let too_slow = |_| Refused::new(408, "invalid_request_error", Some("too_slow"), format!("the body took more than {} s", BODY_PATIENCE.as_secs()));
        timeout(BODY_PATIENCE, self.collect(body, byte_count_max, caller)).await.map_err(too_slow)?
    }

    async fn collect<B: Body<Data = Bytes> + Unpin>(&self, body: &mut B, byte_count_max: usize, caller: Caller) -> Result<Bytes> {
        let mut held = Held { bytes: Vec::new(), part: Part { sums: self.0.clone(), caller, byte_count: 0 } };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refused::body("the body ended before its end"))?;
            // What comes behind a body says nothing that is known here.
            let Ok(piece) = frame.into_data() else { continue };
            let byte_count = held.bytes.len() + piece.len();
            if byte_count > byte_count_max {
                return Err(Refused::new(413, "invalid_request_error", Some("too_large"), format!("the body has more than the {byte_count_max} bytes that are taken")));
            }
            held.part.grow(byte_count)?;
            held.bytes.extend_from_slice(&piece);
        }
        Ok(Bytes::from_owner(held))
    }

    /// Bytes that are held.
    #[cfg(test)]
    pub fn byte_count(&self) -> usize {
        locked(&self.0).all
    }
}

impl Part {
    /// Takes what a body of so many bytes needs more. By what has come, because what is only announced holds nothing.
    fn grow(&mut self, byte_count: usize) -> Result<()> {
        let more = byte_count.saturating_sub(READ_AT_ONCE_BYTES_MAX).saturating_sub(self.byte_count);
        if more == 0 {
            return Ok(());
        }
        let mut sums = locked(&self.sums);
        let (all, own) = (sums.all + more, sums.by_caller.get(&self.caller).copied().unwrap_or(0) + more);
        let (whose, max) = match (own > sums.per_caller_max, all > sums.all_max) {
            (true, _) => ("your other requests", sums.per_caller_max),
            (false, true) => ("other requests", sums.all_max),
            (false, false) => {
                sums.all = all;
                sums.by_caller.insert(self.caller, own);
                self.byte_count += more;
                return Ok(());
            }
        };
        let message = format!("the bodies of {whose} hold what they may hold together, {max} bytes: ask again later");
        Err(Refused::new(429, "rate_limit_error", Some("bodies_full"), message))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut sums = locked(&self.sums);
        sums.all -= self.byte_count;
        let left = sums.by_caller.get(&self.caller).map_or(0, |own| own - self.byte_count);
        if left == 0 {
            sums.by_caller.remove(&self.caller);
        } else {
            sums.by_caller.insert(self.caller, left);
        }
    }
}

fn locked(sums: &Mutex<Sums>) -> MutexGuard<'_, Sums> {
    sums.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A body that knows whether anybody has begun to read it.
pub struct Arriving<B> {
    body: B,
    is_begun: bool,
}

impl<B> Arriving<B> {
    /// One that nobody has begun to read.
    pub fn new(body: B) -> Self {
        Self { body, is_begun: false }
    }

    /// Has anybody?
    pub fn is_begun(&self) -> bool {
        self.is_begun
    }
}

impl<B: Body + Unpin> Body for Arriving<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<std::result::Result<Frame<B::Data>, B::Error>>> {
        let arriving = self.get_mut();
        arriving.is_begun = true;
        Pin::new(&mut arriving.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// For how long a body is let pass.
#[derive(Clone, Copy)]
pub struct Patience {
    /// While nothing of it comes.
    pub still: Duration,
    /// In all.
    pub whole: Duration,
    /// From when the server ends.
    pub farewell: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { still: PASSING_PATIENCE, whole: PASSING_TIME_MAX, farewell: PASSING_FAREWELL }
    }
}

/// Reads the rest of a body that was answered before its end, at most so many bytes, and keeps nothing of it. A socket that is closed while bytes wait in it is reset, and the answer is lost with it. One that is
/// too long or too slow for that is left, and its connection ends.
pub async fn let_pass<B: Body<Data = Bytes> + Unpin>(body: B, byte_count_max: u64, patience: Patience, mut ending: watch::Receiver<bool>) {
    let mut passing = pin!(timeout(patience.whole, pass(body, byte_count_max, patience.still)));
    let mut farewell = pin!(async move {
        let _ = ending.wait_for(|is_ending| *is_ending).await;
        sleep(patience.farewell).await;
    });
    poll_fn(|context| {
        let is_over = passing.as_mut().poll(context).is_ready() || farewell.as_mut().poll(context).is_ready();
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn pass<B: Body<Data = Bytes> + Unpin>(mut body: B, byte_count_max: u64, still: Duration) {
    let mut left = byte_count_max;
    while let Ok(Some(Ok(frame))) = timeout(still, body.frame()).await {
        match left.checked_sub(frame.data_ref().map_or(0, |piece| piece.len() as u64)) {
            Some(less) => left = less,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests;
