//! An answer on its way out: status, headers, and a body that is whole or comes event by event.

use super::events::Events;
use super::refused::Refused;
use hyper::body::{Bytes, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// JSON.
pub const JSON: &str = "application/json";
/// Server-sent events.
pub const EVENTS: &str = "text/event-stream";
/// Prometheus' text format.
pub const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// An answer.
pub struct Reply {
    status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
}

/// What follows the headers.
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// Events as they come.
    Events(Box<Events>),
}

impl Reply {
    /// JSON with a status.
    pub fn json(status: u16, value: &Value) -> Self {
        Self::whole(status, JSON, value.to_string().into())
    }

    /// Bytes of a type.
    pub fn whole(status: u16, content_type: &'static str, bytes: Bytes) -> Self {
        Self { status, headers: vec![(CONTENT_TYPE, HeaderValue::from_static(content_type))], body: Body::Whole(bytes) }
    }

    /// Events as they come.
    pub fn events(events: Events) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(EVENTS)), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        Self { status: 200, headers, body: Body::Events(Box::new(events)) }
    }

    /// A refusal.
    pub fn refused(refused: &Refused) -> Self {
        let mut reply = Self::json(refused.status, &refused.envelope());
        reply.headers.extend(refused.retry_after_s().map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
        reply
    }

    /// With one more header; a value that no header can hold is left out.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (HeaderName::from_static(name), value)));
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// As hyper sends it.
    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
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
            Self::Events(events) => events.poll_next(context).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
