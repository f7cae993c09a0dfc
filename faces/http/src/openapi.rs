//! `/openapi.json` (OpenAPI 3.1), made of the routes and their shapes.

use crate::call::RECORDS;
use crate::idempotent::IDEMPOTENCY_KEY;
use crate::limits::IDEMPOTENCY_KEY_MAX;
use crate::reply::{EVENTS, INTENT, INTENT_DIGEST, JSON};
use crate::routes::{Endpoint, ROUTES, Route};
use crate::shape::{Shape, TEXT, may, must};
use serde_json::{Map, Value, json};

const FAILED: &str = "the records of an act that failed";

/// OpenAI's error envelope.
const ERROR: Shape = Shape::Ref(
    "Error",
    &Shape::Fields(&[must(
        "error",
        Shape::Fields(&[
            must("message", TEXT, "what to do about it"),
            must("type", TEXT, ""),
            may("param", TEXT, "the field at fault"),
            may("code", TEXT, ""),
            may("mickai", RECORDS, FAILED),
        ]),
        "",
    )]),
);

/// Ollama's.
const OLLAMA_ERROR: Shape = Shape::Ref("OllamaError", &Shape::Fields(&[must("error", TEXT, "what to do about it"), may("mickai", RECORDS, FAILED)]));

/// The document.
pub fn document() -> Value {
    let mut named = Map::new();
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut named);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation;
    }
    RECORDS.schema(&mut named);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Mickai",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Models that run on this machine, and a signed record of everything they do. Every answer of a model names the records that tell of it. A field that is not known here is named in `mickai.warnings`; with the header `mickai-strict: true` it is an error.",
        },
        "paths": paths,
        "components": {
            "schemas": named,
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "description": "needed where the server was started with keys" } },
        },
    })
}

fn operation(route: &Route, named: &mut Map<String, Value>) -> Value {
    let mut operation = json!({ "operationId": name(route), "summary": route.says, "responses": responses(route, named) });
    let mut parameters = Vec::new();
    if let Some(name) = route.path.split('/').find_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')) {
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } }));
    }
    if route.endpoint == Endpoint::ResponseItems {
        parameters.push(json!({ "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": 100 } }));
        parameters.push(json!({ "name": "order", "in": "query", "schema": { "type": "string", "enum": ["asc", "desc"] } }));
        parameters.push(json!({ "name": "after", "in": "query", "schema": { "type": "string" } }));
    }
    if route.is_keyed {
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_MAX, "pattern": "^[!-~]+$" });
        parameters.push(
            json!({ "name": IDEMPOTENCY_KEY.as_str(), "in": "header", "schema": schema, "description": "the same key within a day gets the same answer, and nothing runs twice" }),
        );
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(request) = route.request {
        operation["requestBody"] = json!({ "required": true, "content": { JSON: { "schema": request.schema(named) } } });
    }
    if !route.is_open {
        operation["security"] = json!([{}, { "key": [] }]);
    }
    operation
}

/// `chat_completions_post` for a path and its method.
fn name(route: &Route) -> String {
    let words: Vec<&str> = route.path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty()).collect();
    format!("{}_{}", words.join("_"), route.method.to_lowercase())
}

fn responses(route: &Route, named: &mut Map<String, Value>) -> Value {
    let (answer, content_type) = route.answer;
    let mut good = json!({ "description": route.says, "content": { content_type: { "schema": answer.schema(named) } } });
    if let Some(pieces) = route.pieces {
        // Of events each is held against it, of lines none.
        let event = json!({ "type": "object", "properties": { "event": { "type": "string" }, "data": { "type": "string" } }, "required": ["data"] });
        good["content"][pieces] = json!({ "schema": if pieces == EVENTS { event } else { json!({}) } });
    }
    if route.is_act {
        let header = |says: &str| json!({ "description": says, "schema": { "type": "string" } });
        good["headers"] = json!({ INTENT: header("index of the record before the act"), INTENT_DIGEST: header("its D, in hex") });
    }
    if route.endpoint == Endpoint::Respond {
        let link = |endpoint| json!({ "operationId": ROUTES.iter().find(|route| route.endpoint == endpoint).map(name), "parameters": { "response": "$response.body#/id" } });
        good["links"] = json!({ "get": link(Endpoint::Response), "items": link(Endpoint::ResponseItems), "delete": link(Endpoint::ResponseDelete) });
    }
    let mut responses = Map::new();
    responses.insert("200".to_owned(), good);
    let error = if route.is_ollama { OLLAMA_ERROR } else { ERROR }.schema(named);
    for (status, says) in refusals(route) {
        responses.insert(status.to_owned(), json!({ "description": says, "content": { JSON: { "schema": error } } }));
    }
    responses.into()
}

/// Whatever else a route may answer.
fn refusals(route: &Route) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![("400", "the request is not what it must be"), ("403", "a Host or Origin that is not this server's, or what policy refuses")];
    if !route.is_open {
        all.push(("401", "a key is needed"));
    }
    if route.request.is_some() || route.path.contains('{') {
        all.push(("404", "no such thing"));
    }
    if route.request.is_some() {
        all.extend([
            ("408", "the body took too long"),
            ("413", "too large, with both numbers"),
            ("415", "the body is not application/json"),
            ("429", "too much waits, with both numbers"),
        ]);
    }
    if route.is_keyed {
        all.extend([
            ("409", "this Idempotency-Key is still being answered, or was and there is no answer to give again; the code says which"),
            ("422", "this Idempotency-Key came with another body"),
        ]);
    }
    if route.endpoint != Endpoint::Health {
        all.extend([("500", "the program failed"), ("503", "the log cannot be written, so nothing is done")]);
    }
    all
}
