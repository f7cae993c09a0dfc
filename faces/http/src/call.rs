//! One request on its way in: who calls, what came, and what the shapes make of it.

use crate::app::App;
use crate::limits::{READ_AT_ONCE_BYTES_MAX, WARNINGS_MAX};
use crate::openai::chat::refuse_for_embedded;
use crate::refused::{Refused, Result};
use crate::sampling;
use crate::shape::{NUMBER, Shape, TEXT, must};
use crate::talk::Turn;
use hyper::body::Bytes;
use mickai_runtime::acts::now_ms;
use mickai_runtime::serve::{Caller, Desk, Full, Gone};
use mickai_runtime::{Bound, Error, Key, Loaded, Taken};
use mickai_store::Appended;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// A request.
pub struct Call {
    /// What all share.
    pub app: Arc<App>,
    /// Who calls.
    pub caller: Caller,
    /// The body, until it is let go.
    pub bytes: Mutex<Bytes>,
    /// What stood in the path where the route has a parameter.
    pub parameter: String,
    /// The query, as it came.
    pub query: String,
    /// What is not known is an error.
    pub is_strict: bool,
    /// The key under which it gets one answer.
    pub key: Option<Key>,
    /// Records before the acts that have begun for it.
    pub begun: Arc<Mutex<Vec<Appended>>>,
    /// Set when nobody waits for the answer any more.
    pub gone: Gone,
    /// What came of the body when it was read, until it is asked for.
    pub checked: Mutex<Option<Checked>>,
}

/// Whoever waits for an answer: dropped before it is there, it says that nobody does any more.
pub struct Waits {
    gone: Gone,
    is_answered: bool,
}

impl Waits {
    /// Waits, until it is dropped or answered.
    pub fn new(gone: Gone) -> Self {
        Self { gone, is_answered: false }
    }

    /// The answer is there; of one that comes in pieces, the first of it.
    pub fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        if !self.is_answered {
            self.gone.set();
        }
    }
}

/// A body that has its shape.
pub struct Checked {
    /// It.
    pub value: Value,
    /// Paths of what was not known in it.
    pub warnings: Vec<String>,
}

const PLACE: Shape = Shape::Fields(&[must("index", NUMBER, "its place in the log"), must("digest", TEXT, "its D, in hex")]);

/// The member `mickai` of answers.
pub const RECORDS: Shape = Shape::Ref(
    "Records",
    &Shape::Fields(&[
        must(
            "records",
            Shape::List { of: &Shape::Fields(&[must("intent", PLACE, "the record before it"), must("outcome", PLACE, "the record after it")]), min: 0, max: usize::MAX },
            "the records that tell of each answer",
        ),
        must("warnings", Shape::List { of: &TEXT, min: 0, max: usize::MAX }, "what of the request was not known and had no effect"),
    ]),
);

impl Call {
    /// Reads the body, so that [`Call::body`] has it: a long one where that holds up no connection.
    ///
    /// # Errors
    /// As of [`Call::body`].
    pub async fn read(&self, shape: &'static Shape) -> Result<()> {
        let is_strict = self.is_strict;
        let read = self.reading(move |bytes| checked(bytes, shape, is_strict)).await?;
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
        Ok(())
    }

    /// The body, held against its shape.
    ///
    /// # Errors
    /// What is no JSON, has another shape, or, where that is an error, holds what is not known.
    pub fn body(&self, shape: &Shape) -> Result<Checked> {
        let read = self.checked.lock().unwrap_or_else(PoisonError::into_inner).take();
        match read {
            Some(read) => Ok(read),
            None => checked(&self.bytes(), shape, self.is_strict),
        }
    }

    /// What `take` finds in the body, and what was not known in it. The rest is gone before anything is waited for.
    ///
    /// # Errors
    /// As of [`Call::body`].
    pub async fn taken_apart<T: Send + 'static>(&self, shape: &'static Shape, take: fn(&mut Value) -> T) -> Result<(T, Vec<String>)> {
        let is_strict = self.is_strict;
        let parts = self.reading(move |bytes| {
            let Checked { mut value, warnings } = checked(bytes, shape, is_strict)?;
            Ok((take(&mut value), warnings))
        });
        parts.await
    }

    /// Does something with the bytes of the body: of a long one in its turn, and where that holds up no connection.
    async fn reading<T: Send + 'static>(&self, act: impl FnOnce(&[u8]) -> Result<T> + Send + 'static) -> Result<T> {
        let bytes = self.bytes();
        if bytes.len() <= READ_AT_ONCE_BYTES_MAX {
            return act(&bytes);
        }
        self.in_turn(&self.app.places.reading, move |_| Ok(act(&bytes))).await?
    }

    /// As [`App::in_turn`], but nothing is done for who is gone by then: a request with a key still waits when its connection has ended.
    ///
    /// # Errors
    /// What the desk refuses; [`Full::Closed`] for who is gone.
    pub async fn in_turn<T: Send + 'static>(&self, places: &Arc<Semaphore>, act: impl FnOnce(&Desk) -> std::result::Result<T, Error> + Send + 'static) -> Result<T> {
        let gone = self.gone.clone();
        self.app.in_turn(places, move |desk| if gone.is_set() { Err(Error::Full(Full::Closed)) } else { act(desk) }).await
    }

    /// The model that the body names.
    ///
    /// # Errors
    /// None of that name; what keeps it from being opened.
    pub async fn model(&self, body: &Value) -> Result<Arc<Loaded>> {
        self.model_called(body["model"].as_str().unwrap_or_default().to_owned()).await
    }

    /// The model of that name, or beginning of a digest.
    ///
    /// # Errors
    /// As of [`Call::model`].
    pub async fn model_called(&self, wanted: String) -> Result<Arc<Loaded>> {
        let name = wanted.clone();
        let open = self.in_turn(&self.app.places.naming, move |desk| desk.open_model(&name)).await?;
        match open {
            Some(model) => Ok(model),
            None => self.in_turn(&self.app.places.opening, move |desk| desk.model(&wanted)).await,
        }
    }

    /// What decoding is held to: the embedded model to the form of its verbs, and to requests that it was made for.
    ///
    /// # Errors
    /// A request that it was not made for.
    pub fn bound(&self, model: &Loaded, turns: &[Turn], bound: Bound) -> Result<Bound> {
        if !model.is_embedded {
            return Ok(bound);
        }
        refuse_for_embedded(turns, &bound)?;
        Ok(Bound::Verbs)
    }

    /// Most tokens of the answer: the first that is said, or what the server was told, or as many as the model holds.
    pub fn token_count<const N: usize>(&self, said: [&Value; N]) -> usize {
        said.into_iter().find_map(sampling::count).or(self.app.options.token_count).unwrap_or(usize::MAX)
    }

    /// The bytes of the body.
    pub fn bytes(&self) -> Bytes {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets go of them, and with them of their part of what bodies may hold: what was made of them waits where other limits hold.
    pub fn let_go(&self) {
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) = Bytes::new();
    }

    /// It, as records keep it: once for each request, clones share its bytes.
    pub fn taken(&self, is_stored: bool) -> Taken {
        Taken { bytes: Arc::from(&*self.bytes()), is_stored, key: self.key }
    }

    /// Notes the records before the acts that begin for it.
    pub fn notes(&self) -> impl FnMut(Appended) + Send + use<> {
        let begun = self.begun.clone();
        move |intent| begun.lock().unwrap_or_else(PoisonError::into_inner).push(intent)
    }

    /// Seconds since 1970.
    pub fn now_s(&self) -> u64 {
        now_ms() / 1000
    }
}

/// A body, held against its shape.
fn checked(bytes: &[u8], shape: &Shape, is_strict: bool) -> Result<Checked> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| Refused::body(format!("the body is not JSON: {error}")))?;
    let mut unknown = Vec::new();
    shape.check(&value, "", &mut unknown)?;
    Ok(Checked { value, warnings: warned(&unknown, is_strict)? })
}

/// A text of a body, taken out of it; empty where there is none.
pub fn taken_text(body: &mut Value, name: &str) -> String {
    match body[name].take() {
        Value::String(text) => text,
        _ => String::new(),
    }
}

/// What is said of paths that are not known.
///
/// # Errors
/// Where they are an error.
pub fn warned(unknown: &[String], is_strict: bool) -> Result<Vec<String>> {
    match unknown.first() {
        Some(first) if is_strict => Err(Refused::invalid(first.clone(), format!("not known here: {}", named(unknown).join(", ")))),
        _ => Ok(warnings(unknown)),
    }
}

/// The same where they are none.
pub fn warnings(unknown: &[String]) -> Vec<String> {
    named(unknown).into_iter().map(|path| format!("{path} is not known here and had no effect")).collect()
}

/// As many of them as an answer names, and how many more there are.
fn named(unknown: &[String]) -> Vec<String> {
    let more = unknown.len().saturating_sub(WARNINGS_MAX);
    let rest = (more > 0).then(|| format!("and what stands in {more} more places"));
    unknown.iter().take(WARNINGS_MAX).cloned().chain(rest).collect()
}

#[cfg(test)]
impl Call {
    /// Of one caller, with that body.
    pub fn of_test(app: &Arc<App>, bytes: &[u8]) -> Self {
        Self {
            app: app.clone(),
            caller: Caller(1),
            bytes: Mutex::new(Bytes::copy_from_slice(bytes)),
            parameter: String::new(),
            query: String::new(),
            is_strict: false,
            key: None,
            begun: Arc::default(),
            gone: Gone::default(),
            checked: Mutex::default(),
        }
    }
}

#[cfg(test)]
mod tests;
