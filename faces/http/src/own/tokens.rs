//! `/tokenize` and `/detokenize`.

use crate::call::{Call, RECORDS};
use crate::going::records;
use crate::refused::{Refused, Result};
use crate::reply::Reply;
use crate::shape::{COUNT, SOME_TEXT, Shape, TEXT, TOKEN, must};
use mickai_model::tokens::Token;
use serde_json::json;

const TOKENS: Shape = Shape::List { of: &TOKEN, min: 0, max: usize::MAX };

/// The request of `/tokenize`.
pub const TOKENIZE: Shape = Shape::Fields(&[must("model", SOME_TEXT, ""), must("content", TEXT, "text; what looks like a control token in it is text too")]);
/// Its answer.
pub const TOKENIZED: Shape = Shape::Fields(&[must("tokens", TOKENS, ""), must("count", COUNT, ""), must("mickai", RECORDS, "")]);
/// The request of `/detokenize`.
pub const DETOKENIZE: Shape = Shape::Fields(&[must("model", SOME_TEXT, ""), must("tokens", TOKENS, "")]);
/// Its answer.
pub const DETOKENIZED: Shape = Shape::Fields(&[must("content", TEXT, "control tokens show nothing"), must("mickai", RECORDS, "")]);

/// Text to tokens.
///
/// # Errors
/// Another shape, no such model, too much text.
pub async fn tokenize(call: &Call) -> Result<Reply> {
    let body = call.body(&TOKENIZE)?;
    let model = call.model(&body.value).await?;
    let content = body.value["content"].as_str().unwrap_or_default().to_owned();
    let told = call.app.in_turn(&call.app.tokenizing, move |_| {
        let tokens: Vec<u32> = model.file.tokenizer.encode_text(&content)?.into_iter().map(|token| token.0).collect();
        Ok(Reply::json(200, &json!({ "count": tokens.len(), "tokens": tokens, "mickai": records(&[], &body.warnings) })))
    });
    told.await
}

/// Tokens to text.
///
/// # Errors
/// Another shape, no such model, a token that it does not have.
pub async fn detokenize(call: &Call) -> Result<Reply> {
    let body = call.body(&DETOKENIZE)?;
    let model = call.model(&body.value).await?;
    let tokens: Vec<Token> = body.value["tokens"].as_array().into_iter().flatten().filter_map(|token| Some(Token(u32::try_from(crate::shape::whole(token)?).ok()?))).collect();
    let rows = model.file.tokenizer.vocabulary().entries.len();
    if let Some((at, token)) = tokens.iter().enumerate().find(|(_, token)| token.index() >= rows) {
        return Err(Refused::invalid(format!("tokens[{at}]"), format!("the model has the tokens 0 to {}, not {}", rows.saturating_sub(1), token.0)));
    }
    let told = call.app.in_turn(&call.app.tokenizing, move |_| {
        let content = model.file.tokenizer.decode(&tokens)?;
        Ok(Reply::json(200, &json!({ "content": content, "mickai": records(&[], &body.warnings) })))
    });
    told.await
}
