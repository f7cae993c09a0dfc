//! Every path that is answered: the one table that requests are routed by and `/openapi.json` is made of.

use crate::call::Call;
use crate::ollama;
use crate::openai::{chat, completions, embeddings, models, responses};
use crate::openapi;
use crate::own::{health, tokens};
use crate::refused::Result;
use crate::reply::{JSON, Reply};
use crate::shape::{OBJECT, Shape};

/// What a path does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Chat,
    Completions,
    Embeddings,
    Respond,
    Response,
    ResponseDelete,
    ResponseItems,
    OllamaChat,
    OllamaGenerate,
    OllamaEmbed,
    OllamaEmbedOne,
    OllamaTags,
    OllamaShow,
    OllamaPs,
    OllamaVersion,
    Models,
    Model,
    Tokenize,
    Detokenize,
    Health,
    Ready,
    Metrics,
    OpenApi,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// GET, POST or DELETE.
    pub method: &'static str,
    /// The path; `{name}` stands for one segment.
    pub path: &'static str,
    /// What it does.
    pub endpoint: Endpoint,
    /// In one sentence.
    pub says: &'static str,
    /// The body's form, where there is one.
    pub request: Option<&'static Shape>,
    /// The answer's form, and its type.
    pub answer: (&'static Shape, &'static str),
    /// It also answers in pieces of this type.
    pub pieces: Option<&'static str>,
    /// It makes records, and tells of the first in headers.
    pub is_act: bool,
    /// It takes an Idempotency-Key.
    pub is_keyed: bool,
    /// It needs no key.
    pub is_open: bool,
    /// Refusals are told in Ollama's words, as are all under its path.
    pub is_ollama: bool,
}

const TEXT: Shape = crate::shape::TEXT;

const fn get(path: &'static str, endpoint: Endpoint, says: &'static str, answer: &'static Shape) -> Route {
    Route { method: "GET", path, endpoint, says, request: None, answer: (answer, JSON), pieces: None, is_act: false, is_keyed: false, is_open: false, is_ollama: false }
}

const fn post(path: &'static str, endpoint: Endpoint, says: &'static str, request: &'static Shape, answer: &'static Shape) -> Route {
    Route { method: "POST", path, endpoint, says, request: Some(request), answer: (answer, JSON), pieces: None, is_act: false, is_keyed: false, is_open: false, is_ollama: false }
}

const fn act(route: Route, pieces: &'static str) -> Route {
    Route { pieces: Some(pieces), ..whole(route) }
}

const fn whole(route: Route) -> Route {
    Route { is_act: true, is_keyed: true, ..route }
}

const fn open(route: Route) -> Route {
    Route { is_open: true, ..route }
}

const fn ollama(route: Route) -> Route {
    Route { is_ollama: true, ..route }
}

/// The table.
pub const ROUTES: &[Route] = &[
    act(post("/v1/chat/completions", Endpoint::Chat, "answer a conversation", &chat::REQUEST, &chat::ANSWER), crate::reply::EVENTS),
    act(post("/v1/completions", Endpoint::Completions, "go on with a text", &completions::REQUEST, &completions::ANSWER), crate::reply::EVENTS),
    whole(post("/v1/embeddings", Endpoint::Embeddings, "make vectors of texts", &embeddings::REQUEST, &embeddings::ANSWER)),
    act(post("/v1/responses", Endpoint::Respond, "answer, so that the answer can be asked for again", &responses::REQUEST, &responses::ANSWER), crate::reply::EVENTS),
    get("/v1/responses/{response}", Endpoint::Response, "an answer again, from its record", &responses::ANSWER),
    Route { method: "DELETE", is_act: true, ..get("/v1/responses/{response}", Endpoint::ResponseDelete, "erase what an answer's records keep", &responses::DELETED) },
    get("/v1/responses/{response}/input_items", Endpoint::ResponseItems, "what it was given; the query takes limit, order and after", &responses::ITEMS),
    ollama(act(post("/api/chat", Endpoint::OllamaChat, "answer a conversation", &ollama::chat::REQUEST, &ollama::chat::ANSWER), crate::reply::LINES)),
    ollama(act(post("/api/generate", Endpoint::OllamaGenerate, "answer a prompt", &ollama::generate::REQUEST, &ollama::generate::ANSWER), crate::reply::LINES)),
    ollama(whole(post("/api/embed", Endpoint::OllamaEmbed, "make vectors of texts", &ollama::embed::REQUEST, &ollama::embed::ANSWER))),
    ollama(whole(post("/api/embeddings", Endpoint::OllamaEmbedOne, "make a vector of a text", &ollama::embed::OLD_REQUEST, &ollama::embed::OLD_ANSWER))),
    ollama(get("/api/tags", Endpoint::OllamaTags, "the models of this machine", &ollama::models::MODELS)),
    ollama(post("/api/show", Endpoint::OllamaShow, "what a model is", &ollama::models::SHOW, &ollama::models::SHOWN)),
    ollama(get("/api/ps", Endpoint::OllamaPs, "models that are open", &ollama::models::MODELS)),
    ollama(get("/api/version", Endpoint::OllamaVersion, "this program's version", &ollama::models::VERSION)),
    get("/v1/models", Endpoint::Models, "the models of this machine", &models::MODELS),
    get("/v1/models/{model}", Endpoint::Model, "one of them", &models::MODEL),
    post("/tokenize", Endpoint::Tokenize, "text to tokens", &tokens::TOKENIZE, &tokens::TOKENIZED),
    post("/detokenize", Endpoint::Detokenize, "tokens to text", &tokens::DETOKENIZE, &tokens::DETOKENIZED),
    open(get("/health", Endpoint::Health, "the process answers", &health::STATUS)),
    open(get("/ready", Endpoint::Ready, "acts can begin", &health::STATUS)),
    Route { answer: (&TEXT, health::PROMETHEUS), ..get("/metrics", Endpoint::Metrics, "counts for Prometheus", &TEXT) },
    get("/openapi.json", Endpoint::OpenApi, "this document", &OBJECT),
];

/// Where a path leads.
pub enum Found {
    /// To a route, with what stood in the place of its parameter.
    Route(&'static Route, String),
    /// Nowhere by this method, but by these.
    Methods(Vec<&'static str>),
    /// Nowhere.
    Nothing,
}

/// Finds the route of a request.
pub fn find(method: &str, path: &str) -> Found {
    let mut methods = Vec::new();
    for route in ROUTES {
        if let Some(parameter) = fits(route.path, path) {
            if route.method == method {
                return Found::Route(route, parameter);
            }
            methods.push(route.method);
        }
    }
    if methods.is_empty() { Found::Nothing } else { Found::Methods(methods) }
}

/// What stands in the place of the parameter, empty without one; `None` if the path is another.
fn fits(pattern: &str, path: &str) -> Option<String> {
    let (mut patterns, mut segments) = (pattern.split('/'), path.split('/'));
    let mut parameter = String::new();
    loop {
        match (patterns.next(), segments.next()) {
            (None, None) => return Some(parameter),
            (Some(pattern), Some(segment)) if pattern.starts_with('{') && !segment.is_empty() => parameter = decoded(segment)?,
            (Some(pattern), Some(segment)) if pattern == segment => {}
            _ => return None,
        }
    }
}

/// Percent-decoding (RFC 3986 §2.1); `None` for what does not decode to text.
pub fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// Answers by a route.
///
/// # Errors
/// Whatever keeps it from answering.
pub async fn answer(endpoint: Endpoint, call: &Call) -> Result<Reply> {
    match endpoint {
        Endpoint::Chat => chat::answer(call).await,
        Endpoint::Completions => completions::answer(call).await,
        Endpoint::Embeddings => embeddings::answer(call).await,
        Endpoint::Respond => responses::answer(call).await,
        Endpoint::Response => responses::get(call).await,
        Endpoint::ResponseDelete => responses::delete(call).await,
        Endpoint::ResponseItems => responses::input_items(call).await,
        Endpoint::OllamaChat => ollama::chat::answer(call).await,
        Endpoint::OllamaGenerate => ollama::generate::answer(call).await,
        Endpoint::OllamaEmbed => ollama::embed::answer(call).await,
        Endpoint::OllamaEmbedOne => ollama::embed::answer_old(call).await,
        Endpoint::OllamaTags => ollama::models::tags(call).await,
        Endpoint::OllamaShow => ollama::models::show(call).await,
        Endpoint::OllamaPs => ollama::models::ps(call).await,
        Endpoint::OllamaVersion => Ok(ollama::models::version()),
        Endpoint::Models => models::list(call).await,
        Endpoint::Model => models::one(call).await,
        Endpoint::Tokenize => tokens::tokenize(call).await,
        Endpoint::Detokenize => tokens::detokenize(call).await,
        Endpoint::Health => Ok(health::health()),
        Endpoint::Ready => health::ready(call).await,
        Endpoint::Metrics => health::metrics(call).await,
        Endpoint::OpenApi => Ok(Reply::json(200, &openapi::document())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_the_table_says() {
        let cases = [
            ("GET", "/v1/models", Some((Endpoint::Models, ""))),
            ("GET", "/v1/models/a", Some((Endpoint::Model, "a"))),
            ("GET", "/v1/models/a%2Fb%20c", Some((Endpoint::Model, "a/b c"))),
            ("GET", "/v1/models/", None),
            ("GET", "/v1/models/a/b", None),
            ("GET", "/v1/models/%ff", None),
            ("GET", "/v1/models/%4", None),
            ("GET", "/v1", None),
            ("POST", "/v1/chat/completions", Some((Endpoint::Chat, ""))),
            ("POST", "/v1/chat/completions/", None),
        ];
        for (method, path, expected) in cases {
            let found = match find(method, path) {
                Found::Route(route, parameter) => Some((route.endpoint, parameter)),
                _ => None,
            };
            assert_eq!(found, expected.map(|(endpoint, parameter)| (endpoint, parameter.to_owned())), "{method} {path}");
        }
        assert!(matches!(find("PUT", "/v1/models"), Found::Methods(methods) if methods == ["GET"]));
    }

    /// Refusals are worded by the path, also where it leads nowhere.
    #[test]
    fn ollamas_are_the_paths_under_api() {
        for route in ROUTES {
            assert_eq!(route.is_ollama, route.path.starts_with("/api/"), "{}", route.path);
        }
    }
}
