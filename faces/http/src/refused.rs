//! Why a request was not answered: a status, and the words of OpenAI's error envelope.

use crate::going::records;
use crate::limits::RETRY_AFTER_S;
use crate::shape::Misshapen;
use mickai_model::error::{Error as ModelError, Misbehaved};
use mickai_runtime::Error;
use mickai_runtime::serve::Full;
use mickai_store::{Appended, Damage, Error as StoreError};
use serde_json::{Value, json};

/// A refusal as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The envelope's `type`: who is at fault.
    pub kind: &'static str,
    /// The envelope's `code`: what a program may look for.
    pub code: Option<&'static str>,
    /// The field at fault.
    pub param: Option<String>,
    /// What to do about it, in words.
    pub message: String,
    /// The record before the act, where one had begun.
    pub intent: Option<Box<Appended>>,
    /// The records of the act that failed, where one did.
    pub records: Vec<(Appended, Appended)>,
}

/// The caller's fault.
const INVALID: &str = "invalid_request_error";
/// This side's.
const SERVER: &str = "server_error";

/// The result of answering.
pub type Result<T> = std::result::Result<T, Refused>;

impl Refused {
    /// The caller's fault.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(400, INVALID, None, message) }
    }

    /// A body that is not what it must be.
    pub fn body(message: impl Into<String>) -> Self {
        Self::new(400, INVALID, None, message)
    }

    /// Nothing there.
    pub fn missing(what: &str) -> Self {
        Self::new(404, INVALID, Some("not_found"), format!("there is no {what} here"))
    }

    /// Too large, with both numbers.
    pub fn too_large(what: &str, have: u64, max: u64) -> Self {
        Self::new(413, INVALID, Some("too_large"), format!("the {what} has {have} bytes, at most {max} are taken"))
    }

    /// This side's fault.
    pub fn internal() -> Self {
        Self::new(500, SERVER, None, "the program failed; the record of the act is open and will say outcome_unknown")
    }

    /// By its parts.
    pub fn new(status: u16, kind: &'static str, code: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { status, kind, code, param: None, message: message.into(), intent: None, records: Vec::new() }
    }

    /// Seconds after which to ask again.
    pub fn retry_after_s(&self) -> Option<u32> {
        matches!(self.status, 429 | 503).then_some(RETRY_AFTER_S)
    }

    /// OpenAI's envelope.
    pub fn envelope(&self) -> Value {
        let mut envelope = json!({ "error": { "message": self.message, "type": self.kind, "param": self.param, "code": self.code } });
        if !self.records.is_empty() {
            envelope["error"]["mickai"] = records(&self.records, &[]);
        }
        envelope
    }

    /// Ollama's, whose `error` is text.
    pub fn ollama(&self) -> Value {
        let mut envelope = json!({ "error": self.message });
        if !self.records.is_empty() {
            envelope["mickai"] = records(&self.records, &[]);
        }
        envelope
    }
}

impl From<Misshapen> for Refused {
    fn from(Misshapen { path, wanted }: Misshapen) -> Self {
        let name = if path.is_empty() { "the body" } else { path.as_str() };
        let message = format!("{name} must be {wanted}");
        Self { param: (!path.is_empty()).then_some(path), ..Self::body(message) }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let error = match error {
            Error::Failed { because, records } => return Self { records: vec![*records], ..Self::from(*because) },
            error => error,
        };
        let message = error.to_string();
        let (status, kind, code) = match &error {
            Error::NoModel { .. } | Error::NoAdapter { .. } | Error::EmbeddedAdapter => (404, INVALID, Some("model_not_found")),
            Error::Store(StoreError::AmbiguousModel(_) | StoreError::AmbiguousAdapter(_)) => (400, INVALID, Some("model_ambiguous")),
            Error::PromptTooLong { .. } => (400, INVALID, Some("context_length_exceeded")),
            Error::Grammar(_) => (400, INVALID, Some("invalid_json_schema")),
            Error::Full(Full::Closed) => (503, SERVER, Some("ending")),
            Error::Full(_) | Error::ModelsBusy { .. } => (429, "rate_limit_error", Some("queue_full")),
            Error::TooMuch { .. } => (413, INVALID, Some("too_large")),
            Error::Short(short) if short.is_final() => (413, INVALID, Some("too_large")),
            Error::Short(_) => (429, "rate_limit_error", Some("memory_full")),
            Error::Model(
                ModelError::Misuse(_)
                | ModelError::Misbehaved(Misbehaved::TemplateRefused(_) | Misbehaved::TemplateTooLong { .. } | Misbehaved::TemplateSteps { .. } | Misbehaved::TemplateLooks),
            ) => (400, INVALID, None),
            Error::Store(StoreError::Damaged { what: Damage::Manifest, .. }) => (503, SERVER, Some("model_damaged")),
            // Where nothing can be recorded, nothing is done.
            Error::Store(_) => (503, SERVER, Some("log_unavailable")),
            Error::Pins(_) => (403, "permission_error", Some("model_not_pinned")),
            Error::Denied { .. } => (403, "permission_error", Some("denied")),
            _ => (500, SERVER, None),
        };
        Self::new(status, kind, code, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What several models or adapters are called is for the caller to make clear; a log that cannot be written is not.
    #[test]
    fn a_name_that_fits_several_is_the_callers_fault() {
        let cases = [
            (StoreError::AmbiguousModel(Vec::new()), 400, Some("model_ambiguous")),
            (StoreError::AmbiguousAdapter(Vec::new()), 400, Some("model_ambiguous")),
            (StoreError::Poisoned, 503, Some("log_unavailable")),
        ];
        for (error, status, code) in cases {
            let refused = Refused::from(Error::Store(error));
            assert_eq!((refused.status, refused.code, refused.retry_after_s().is_some()), (status, code, status == 503));
        }
    }
}
