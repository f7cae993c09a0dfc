//! Vectors of both shapes: what is asked for, the wait for them, and the client that goes away meanwhile.

use crate::call::{Call, Waits};
use crate::limits::INPUTS_MAX;
use crate::refused::{Refused, Result};
use crate::reply::Reply;
use crate::shape::{SOME_TEXT, Shape, TOKEN, whole};
use mickai_model::tokens::Token;
use mickai_runtime::{Embedded, Input, Loaded, ToEmbed};
use serde_json::Value;
use std::sync::Arc;

const TOKENS: Shape = Shape::List { of: &TOKEN, min: 1, max: usize::MAX };

/// Text, tokens, or several of either.
pub const INPUT: Shape = Shape::Either(&[SOME_TEXT, Shape::List { of: &SOME_TEXT, min: 1, max: INPUTS_MAX }, TOKENS, Shape::List { of: &TOKENS, min: 1, max: INPUTS_MAX }]);

/// The inputs of a value of that form.
pub fn inputs(value: &Value) -> Vec<Input> {
    let tokens = |value: &Value| value.as_array().into_iter().flatten().filter_map(|token| u32::try_from(whole(token)?).ok().map(Token)).collect();
    let one = |value: &Value| match value {
        Value::String(text) => Input::Text(text.clone()),
        tokens_of_one => Input::Tokens(tokens(tokens_of_one)),
    };
    match value {
        Value::Array(items) if items.first().is_some_and(|first| !first.is_number()) => items.iter().map(one).collect(),
        single => vec![one(single)],
    }
}

/// Has vectors made, waits for them, and tells of them where so many numbers hold up no connection.
///
/// # Errors
/// What stands against it.
pub async fn vectors(call: &Call, model: Arc<Loaded>, asked: ToEmbed, tell: impl FnOnce(&Embedded) -> Value + Send + 'static) -> Result<Reply> {
    let _waits = Waits::new(call.gone.clone());
    let (gone, mut notes) = (call.gone.clone(), call.notes());
    let entry = call.app.desk().enter_embedding(model)?;
    let entry = call.in_turn(&call.app.places.preparing, move |_| entry.prepared(&asked)).await?;
    call.let_go();
    let made = call.in_turn(&call.app.places.embedding, move |desk| desk.embed(entry, &gone, &mut notes)).await?;
    // The next one's vectors are made meanwhile. It is told for who is gone too: the acts are over, and a key may ask for their answer.
    call.app.in_turn(&call.app.places.preparing, move |_| Ok(reply(&tell(&made), &made))).await
}

/// The values of a vector: each f32 is told exactly.
pub fn values(vector: &[f32]) -> Value {
    vector.iter().copied().map(f64::from).collect()
}

/// An answer with the record before the first of its acts.
fn reply(told: &Value, made: &Embedded) -> Reply {
    let reply = Reply::json(200, told);
    match made.records.first() {
        Some((intent, _)) => reply.with_intent(*intent),
        None => reply,
    }
}

/// Only dimensions that a model has.
///
/// # Errors
/// More dimensions than it has.
pub fn check_dimensions(model: &Loaded, dimension_count: Option<usize>) -> Result<()> {
    let width = model.file.config.width;
    match dimension_count.filter(|count| *count > width) {
        Some(count) => Err(Refused::invalid("dimensions", format!("{} gives vectors of {width} dimensions, {count} are asked for", model.name))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::App;
    use mickai_runtime::EMBEDDED_NAME;

    #[test]
    fn nothing_is_made_ready_for_who_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let app = App::of_test(&folder.path().join("home"));
        let (stays, leaves) = (Call::of_test(&app, b""), Call::of_test(&app, b""));
        leaves.gone.set();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let model = app.on_desk(|desk| desk.model(EMBEDDED_NAME)).await.unwrap();
            for (call, status) in [(stays, 400), (leaves, 503)] {
                // Refused as soon as anybody looks at it.
                let asked = ToEmbed { inputs: vec![Input::Tokens(Vec::new())], dimension_count: None, shortens: false, request: None };
                let refused = vectors(&call, model.clone(), asked, |_| Value::Null).await.err();
                assert_eq!(refused.map(|refused| refused.status), Some(status));
            }
        });
    }
}
