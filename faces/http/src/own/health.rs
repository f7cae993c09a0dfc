//! `/health`: the process answers. `/ready`: the log can be written, so acts can begin. `/metrics`: what was done.

use crate::call::Call;
use crate::refused::Result;
use crate::reply::Reply;
use crate::shape::{Shape, must};
use serde_json::json;

/// Prometheus' text format.
pub const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The answer of both.
pub const STATUS: Shape = Shape::Fields(&[must("status", Shape::Word(&["ok"]), "")]);

/// The process answers.
pub fn health() -> Reply {
    Reply::json(200, &json!({ "status": "ok" }))
}

/// Acts can begin.
///
/// # Errors
/// Why they cannot.
pub async fn ready(call: &Call) -> Result<Reply> {
    call.app.on_desk(|desk| desk.check()).await?;
    Ok(health())
}

/// What was done.
///
/// # Errors
/// None of its own.
pub async fn metrics(call: &Call) -> Result<Reply> {
    let counts = call.app.on_desk(|desk| Ok(desk.counts())).await?;
    Ok(Reply::whole(200, PROMETHEUS, call.app.metrics.text(&counts).into()))
}
