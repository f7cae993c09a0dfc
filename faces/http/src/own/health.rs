//! `/health`: the process answers. `/ready`: the log can be written, so acts can begin. `/metrics`: what was done.

use crate::call::Call;
use crate::limits::READY_LIFE;
use crate::refused::{Refused, Result};
use crate::reply::Reply;
use crate::shape::{Shape, must};
use serde_json::json;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Prometheus' text format.
pub const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The answer of both.
pub const STATUS: Shape = Shape::Fields(&[must("status", Shape::Word(&["ok"]), "")]);

/// What the last look found that was taken at the log, and when. A look may read all of the log while every act waits, and nobody needs a key to ask for one.
#[derive(Default)]
pub struct Looked(Mutex<Option<(Instant, Result<()>)>>);

impl Looked {
    /// What it found, as long as that is told again.
    fn found(&self, now: Instant) -> Option<Result<()>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(at, _)| now.saturating_duration_since(*at) < READY_LIFE).map(|(_, found)| found.clone())
    }

    fn keep(&self, at: Instant, found: Result<()>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, found));
    }
}

/// The process answers.
pub fn health() -> Reply {
    Reply::json(200, &json!({ "status": "ok" }))
}

/// Acts can begin.
///
/// # Errors
/// Why they cannot.
pub async fn ready(call: &Call) -> Result<Reply> {
    let found = match call.app.looked.found(Instant::now()) {
        Some(found) => found,
        None => {
            let app = call.app.clone();
            let look = call.in_turn(&call.app.places.writing, move |desk| {
                // Whoever waited while another looked is told what that one found.
                let found = app.looked.found(Instant::now()).unwrap_or_else(|| {
                    let found = desk.check().map_err(Refused::from);
                    app.looked.keep(Instant::now(), found.clone());
                    found
                });
                Ok(found)
            });
            look.await?
        }
    };
    found.map(|()| health())
}

/// What was done.
///
/// # Errors
/// None of its own.
pub async fn metrics(call: &Call) -> Result<Reply> {
    let counts = call.in_turn(&call.app.places.naming, |desk| Ok(desk.counts())).await?;
    Ok(Reply::whole(200, PROMETHEUS, call.app.metrics.text(&counts).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::App;
    use std::future::poll_fn;
    use std::task::Poll;

    fn unavailable() -> Refused {
        Refused::new(503, "server_error", Some("log_unavailable"), "it cannot be written")
    }

    #[test]
    fn what_was_found_is_told_again_for_a_while() {
        let (looked, now) = (Looked::default(), Instant::now());
        assert_eq!(looked.found(now), None);
        for found in [Ok(()), Err(unavailable())] {
            looked.keep(now, found.clone());
            assert_eq!(looked.found(now + READY_LIFE / 2), Some(found));
            assert_eq!(looked.found(now + READY_LIFE), None);
        }
    }

    /// The log could be written all the time: what is told is what was remembered.
    #[test]
    fn one_look_is_for_all_who_wait() {
        let folder = tempfile::tempdir().unwrap();
        let app = App::of_test(&folder.path().join("home"));
        let call = Call::of_test(&app, b"");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let status = |reply: Result<Reply>| reply.map_or_else(|refused| refused.status, |reply| reply.status());
            let looking = app.places.writing.clone().acquire_owned().await.unwrap();
            let mut waits = std::pin::pin!(ready(&call));
            assert!(poll_fn(|context| Poll::Ready(waits.as_mut().poll(context).is_pending())).await);
            app.looked.keep(Instant::now(), Err(unavailable()));
            drop(looking);
            assert_eq!(status(waits.await), 503);
            {
                // Nobody waits for a place to be told what is known.
                let _looking = app.places.writing.acquire().await.unwrap();
                let mut asks = std::pin::pin!(ready(&call));
                assert!(poll_fn(|context| Poll::Ready(asks.as_mut().poll(context).is_ready())).await);
            }
            // Too long ago: it is looked again, and what is found is remembered.
            *app.looked.0.lock().unwrap() = None;
            assert_eq!(status(ready(&call).await), 200);
            assert_eq!(app.looked.found(Instant::now()), Some(Ok(())));
        });
    }
}
