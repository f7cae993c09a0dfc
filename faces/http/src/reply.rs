//! An answer on its way out: status, headers, and a body that is whole or comes piece by piece.

use crate::limits::TOLD_AT_ONCE_MAX;
use crate::refused::{self, Refused};
use hyper::body::{Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use mickai_store::Appended;
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// JSON.
pub const JSON: &str = "application/json";
/// Server-sent events.
pub const EVENTS: &str = "text/event-stream";
/// One JSON value a line.
pub const LINES: &str = "application/x-ndjson";
/// The header with the index of the record before the act.
pub const INTENT: &str = "mickai-intent";
/// The header with its D.
pub const INTENT_DIGEST: &str = "mickai-intent-digest";

/// An answer.
pub struct Reply {
    status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What follows.
    pub body: Body,
}

/// What follows the headers.
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// Pieces as they come.
    Pieces(Box<dyn Pieces>),
}

/// Gives pieces of a body until there are no more. Dropped before that when the client went away.
pub trait Pieces: Send {
    /// The next one.
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>>;

    /// Was what it gave last the end of an answer that did not break off?
    fn is_whole(&self) -> bool {
        false
    }
}

impl Reply {
    /// JSON with a status.
    pub fn json(status: u16, value: &Value) -> Self {
        Self::whole(status, JSON, value.to_string().into())
    }

    /// JSON that tells of so many tokens: of many, as an answer with probabilities may, it is made where that holds up no connection.
    ///
    /// # Errors
    /// A program that failed.
    pub async fn telling(token_count: usize, make: impl FnOnce() -> Value + Send + 'static) -> refused::Result<Self> {
        if token_count <= TOLD_AT_ONCE_MAX {
            return Ok(Self::json(200, &make()));
        }
        tokio::task::spawn_blocking(move || Self::json(200, &make())).await.map_err(|_| Refused::internal())
    }

    /// Bytes of a type.
    pub fn whole(status: u16, content_type: &'static str, bytes: Bytes) -> Self {
        Self { status, headers: vec![(CONTENT_TYPE, HeaderValue::from_static(content_type))], body: Body::Whole(bytes) }
    }

    /// Bytes that were an answer before; of a type that no header can hold none is told.
    pub fn again(content_type: &str, bytes: Bytes) -> Self {
        let headers = HeaderValue::from_str(content_type).ok().map(|value| (CONTENT_TYPE, value)).into_iter().collect();
        Self { status: 200, headers, body: Body::Whole(bytes) }
    }

    /// Pieces of a type, as they come.
    pub fn pieces(content_type: &'static str, pieces: Box<dyn Pieces>) -> Self {
        let no_cache = (HeaderName::from_static("cache-control"), HeaderValue::from_static("no-store"));
        Self { status: 200, headers: vec![(CONTENT_TYPE, HeaderValue::from_static(content_type)), no_cache], body: Body::Pieces(pieces) }
    }

    /// A refusal, in OpenAI's envelope or in another's words.
    pub fn refused(refused: &Refused, envelope: &Value) -> Self {
        let reply = Self::json(refused.status, envelope);
        let reply = match &refused.intent {
            Some(intent) => reply.with_intent(**intent),
            None => reply,
        };
        match refused.retry_after_s() {
            Some(seconds) => Self { headers: reply.headers.into_iter().chain([(RETRY_AFTER, HeaderValue::from(seconds))]).collect(), ..reply },
            None => reply,
        }
    }

    /// With one more header; a value that no header can hold is left out.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (HeaderName::from_static(name), value)));
        self
    }

    /// With the record before the act.
    pub fn with_intent(self, intent: Appended) -> Self {
        self.with(INTENT, &intent.index.to_string()).with(INTENT_DIGEST, &intent.digest.to_string())
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// By its parts.
    pub fn of(status: u16, headers: Vec<(HeaderName, HeaderValue)>, body: Body) -> Self {
        Self { status, headers, body }
    }

    /// As hyper sends it.
    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().extend(self.headers);
        response
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Pieces(pieces) => pieces.next(context).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}
