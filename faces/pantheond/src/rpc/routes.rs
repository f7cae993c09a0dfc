//! Every path that is answered: the one table that requests are routed by and `/openapi.json` is made of.

use super::limits::{HISTORY_MAX, PAGE_MAX};
use super::reply::{EVENTS, JSON, PROMETHEUS};
use super::shape::{Shape, TEXT};
use super::shapes;

/// What a path does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Status,
    Supply,
    Params,
    Genesis,
    Validators,
    Account,
    History,
    Log,
    Name,
    Block,
    Transaction,
    Submit,
    Light,
    Events,
    Health,
    Ready,
    Metrics,
    OpenApi,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// GET or POST.
    pub method: &'static str,
    /// The path; `{name}` stands for one segment.
    pub path: &'static str,
    /// What it does.
    pub endpoint: Endpoint,
    /// In one sentence.
    pub says: &'static str,
    /// The form of what stands in the path.
    pub parameter: Option<Shape>,
    /// The body's form, where there is one.
    pub request: Option<&'static Shape>,
    /// The answer's form, and its type.
    pub answer: (&'static Shape, &'static str),
    /// The query asks for a part of a list, of so many at most.
    pub page_max: Option<u64>,
}

const fn get(path: &'static str, endpoint: Endpoint, says: &'static str, answer: &'static Shape) -> Route {
    Route { method: "GET", path, endpoint, says, parameter: None, request: None, answer: (answer, JSON), page_max: None }
}

const fn of(route: Route, parameter: Shape) -> Route {
    Route { parameter: Some(parameter), ..route }
}

const fn post(path: &'static str, endpoint: Endpoint, says: &'static str, request: &'static Shape, answer: &'static Shape) -> Route {
    Route { method: "POST", request: Some(request), ..get(path, endpoint, says, answer) }
}

const fn paged(route: Route, most: u64) -> Route {
    Route { page_max: Some(most), ..route }
}

const DOCUMENT: Shape = Shape::Object;
const PLAIN: Shape = TEXT;

/// The table.
pub const ROUTES: &[Route] = &[
    get("/v1/status", Endpoint::Status, "how the node stands", &shapes::STATUS),
    get("/v1/supply", Endpoint::Supply, "where all PAN are, counted entry by entry", &shapes::SUPPLY),
    get("/v1/params", Endpoint::Params, "the rules of the chain", &shapes::PARAMS),
    get("/v1/genesis", Endpoint::Genesis, "the head of genesis, whose digest is the chain's id", &shapes::GENESIS),
    get("/v1/validators", Endpoint::Validators, "who votes, and who put up a bond", &shapes::VALIDATORS),
    of(get("/v1/accounts/{address}", Endpoint::Account, "an account", &shapes::ACCOUNT), shapes::ADDRESS),
    paged(of(get("/v1/accounts/{address}/transactions", Endpoint::History, "final transactions of an account, newest first", &shapes::HISTORY), shapes::ADDRESS), HISTORY_MAX),
    of(get("/v1/logs/{log}", Endpoint::Log, "an operator's log: its keys and its newest settled checkpoint", &shapes::LOG), shapes::ID),
    of(get("/v1/names/{name}", Endpoint::Name, "what a name is bound to", &shapes::NAME), shapes::NAME_TEXT),
    paged(of(get("/v1/blocks/{block}", Endpoint::Block, "a final block by height, by id, or `newest`", &shapes::BLOCK), shapes::BLOCK_TEXT), PAGE_MAX),
    of(get("/v1/transactions/{transaction}", Endpoint::Transaction, "a final transaction", &shapes::TRANSACTION), shapes::ID),
    post("/v1/transactions", Endpoint::Submit, "take a signed transaction and pass it on", &shapes::SUBMIT, &shapes::SUBMITTED),
    post("/v1/light", Endpoint::Light, "a proof of what the newest final block's state holds, for those who know the chain's id alone", &shapes::LIGHT, &shapes::LIGHT_PROOF),
    Route { answer: (&shapes::HEADER, EVENTS), ..get("/v1/events", Endpoint::Events, "each block as it becomes final; Last-Event-ID goes on after that height", &shapes::HEADER) },
    get("/health", Endpoint::Health, "the process answers", &shapes::HEALTH),
    get("/ready", Endpoint::Ready, "a block is final, so the node follows its chain", &shapes::HEALTH),
    Route { answer: (&PLAIN, PROMETHEUS), ..get("/metrics", Endpoint::Metrics, "counts for Prometheus", &PLAIN) },
    get("/openapi.json", Endpoint::OpenApi, "this document", &DOCUMENT),
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
fn decoded(segment: &str) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_the_table_says() {
        let cases = [
            ("GET", "/v1/status", Some((Endpoint::Status, ""))),
            ("GET", "/v1/blocks/newest", Some((Endpoint::Block, "newest"))),
            ("GET", "/v1/names/a%2Db", Some((Endpoint::Name, "a-b"))),
            ("GET", "/v1/accounts/x/transactions", Some((Endpoint::History, "x"))),
            ("POST", "/v1/transactions", Some((Endpoint::Submit, ""))),
            ("GET", "/v1/blocks/", None),
            ("GET", "/v1/blocks/%ff", None),
            ("GET", "/v1/blocks/%4", None),
            ("GET", "/v1", None),
            ("POST", "/v1/transactions/", None),
        ];
        for (method, path, expected) in cases {
            let found = match find(method, path) {
                Found::Route(route, parameter) => Some((route.endpoint, parameter)),
                _ => None,
            };
            assert_eq!(found, expected.map(|(endpoint, parameter)| (endpoint, parameter.to_owned())), "{method} {path}");
        }
        assert!(matches!(find("PUT", "/v1/transactions"), Found::Methods(methods) if methods == ["POST"]));
    }
}
