//! `/tokenize` and `/detokenize`.

use crate::call::{Call, RECORDS, taken_text};
use crate::going::records;
use crate::limits::BODY_BYTES_MAX;
use crate::refused::{Refused, Result};
use crate::reply::Reply;
use crate::shape::{COUNT, SOME_TEXT, Shape, TEXT, TOKEN, must, whole};
use mickai_model::tokens::{Token, Tokenizer};
use mickai_runtime::Error;
use serde_json::{Value, json};

const TOKENS: Shape = Shape::List { of: &TOKEN, min: 0, max: usize::MAX };

/// The request of `/tokenize`.
pub const TOKENIZE: Shape = Shape::Fields(&[must("model", SOME_TEXT, ""), must("content", TEXT, "text; what looks like a control token in it is text too")]);
/// Its answer.
pub const TOKENIZED: Shape = Shape::Fields(&[must("tokens", TOKENS, ""), must("count", COUNT, ""), must("mickai", RECORDS, "")]);
/// The request of `/detokenize`.
pub const DETOKENIZE: Shape = Shape::Fields(&[must("model", SOME_TEXT, ""), must("tokens", TOKENS, "no more than the model's context holds")]);
/// Its answer.
pub const DETOKENIZED: Shape = Shape::Fields(&[must("content", TEXT, "control tokens show nothing"), must("mickai", RECORDS, "")]);

/// Text to tokens.
///
/// # Errors
/// Another shape, no such model, too much text.
pub async fn tokenize(call: &Call) -> Result<Reply> {
    let ((wanted, content), warnings) = call.taken_apart(&TOKENIZE, |body| (taken_text(body, "model"), taken_text(body, "content"))).await?;
    let model = call.model_called(wanted).await?;
    let told = call.in_turn(&call.app.places.tokenizing, move |_| {
        let tokens: Vec<u32> = model.file.tokenizer.encode_text(&content)?.into_iter().map(|token| token.0).collect();
        Ok(Reply::json(200, &json!({ "count": tokens.len(), "tokens": tokens, "mickai": records(&[], &warnings) })))
    });
    told.await
}

/// Tokens to text.
///
/// # Errors
/// Another shape, no such model, more tokens or text than are taken and given, a token that the model does not have.
pub async fn detokenize(call: &Call) -> Result<Reply> {
    let ((wanted, tokens), warnings) = call.taken_apart(&DETOKENIZE, |body| (taken_text(body, "model"), tokens_of(&body["tokens"]))).await?;
    let model = call.model_called(wanted).await?;
    let (asked, max) = (tokens.len(), model.file.config.context_tokens_max);
    if asked > max {
        return Err(Refused::from(Error::TooMuch { what: "tokens", asked: asked as u64, max: max as u64 }));
    }
    let told = call.in_turn(&call.app.places.tokenizing, move |_| {
        // What is given could be given to /tokenize again.
        let content = text_of(&model.file.tokenizer, &tokens, BODY_BYTES_MAX);
        Ok(content.map(|content| Reply::json(200, &json!({ "content": content, "mickai": records(&[], &warnings) }))))
    });
    told.await?
}

fn tokens_of(list: &Value) -> Vec<Token> {
    list.as_array().into_iter().flatten().filter_map(|token| Some(Token(u32::try_from(whole(token)?).ok()?))).collect()
}

/// The text of tokens. Each may show thousands of bytes: of what would be too long nothing more is made.
fn text_of(tokenizer: &Tokenizer, tokens: &[Token], bytes_max: usize) -> Result<String> {
    let rows = tokenizer.vocabulary().entries.len();
    if let Some((at, token)) = tokens.iter().enumerate().find(|(_, token)| token.index() >= rows) {
        return Err(Refused::invalid(format!("tokens[{at}]"), format!("the model has the tokens 0 to {}, not {}", rows.saturating_sub(1), token.0)));
    }
    let text = tokenizer.decode_within(tokens, bytes_max).map_err(Error::from)?;
    text.ok_or_else(|| Refused::new(413, "invalid_request_error", Some("too_large"), format!("the text has more than the {bytes_max} bytes that are given: ask for fewer tokens")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mickai_model::file::open_gguf;
    use mickai_runtime::EMBEDDED;
    use std::sync::Arc;

    #[test]
    fn a_text_that_is_too_long_and_a_token_that_is_none_are_refused() {
        let tokenizer = open_gguf(Arc::new(EMBEDDED)).unwrap().tokenizer;
        let tokens = tokenizer.encode_text("what models").unwrap();
        assert_eq!(text_of(&tokenizer, &tokens, 11).unwrap(), "what models");
        let refused = text_of(&tokenizer, &tokens, 10).unwrap_err();
        assert_eq!((refused.status, refused.code), (413, Some("too_large")));
        assert!(refused.message.contains("10 bytes"), "{}", refused.message);
        let refused = text_of(&tokenizer, &[tokens[0], Token(u32::MAX)], 11).unwrap_err();
        assert_eq!((refused.status, refused.param.as_deref()), (400, Some("tokens[1]")));
    }
}
