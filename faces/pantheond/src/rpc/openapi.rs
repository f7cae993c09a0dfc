//! `/openapi.json` (OpenAPI 3.1), made of the routes and their shapes; `docs/pantheon-openapi.json` is a copy.

use super::limits::FROM_MAX;
use super::reply::{EVENTS, JSON};
use super::routes::{Endpoint, ROUTES, Route};
use super::shape::{Shape, TEXT, must};
use serde_json::{Map, Value, json};

const ERROR: Shape = Shape::Ref(
    "Error",
    &Shape::Fields(&[must(
        "error",
        Shape::Fields(&[
            must("code", TEXT, "a stable word; of transactions those of spec/pantheon.md"),
            must("message", TEXT, "what to do about it"),
            must("values", Shape::Object, "the values that offend"),
        ]),
        "",
    )]),
);

/// The document.
pub fn document() -> Value {
    let mut named = Map::new();
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut named);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Pantheon",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A node of a Pantheon chain. Amounts are whole obols, as text. Ids are hex in lower case. What is said is so after the newest final block; who trusts no node asks /v1/light and checks the proof.",
        },
        "paths": paths,
        "components": { "schemas": named },
    })
}

fn operation(route: &Route, named: &mut Map<String, Value>) -> Value {
    let mut operation = json!({ "operationId": name(route), "summary": route.says, "responses": responses(route, named) });
    let mut parameters = Vec::new();
    let inside = route.path.split('/').find_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    if let Some((name, shape)) = inside.zip(route.parameter) {
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": shape.schema(named) }));
    }
    if let Some(most) = route.page_max {
        parameters.push(json!({ "name": "from", "in": "query", "schema": { "type": "integer", "minimum": 0, "maximum": FROM_MAX } }));
        parameters.push(json!({ "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": most } }));
    }
    if route.endpoint == Endpoint::Events {
        let says = "the height of the last block that was seen; without it the first event is the next block";
        parameters.push(json!({ "name": "Last-Event-ID", "in": "header", "schema": { "type": "integer", "minimum": 0, "maximum": u32::MAX }, "description": says }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(request) = route.request {
        operation["requestBody"] = json!({ "required": true, "content": { JSON: { "schema": request.schema(named) } } });
    }
    operation
}

/// `v1_blocks_block_get` for a path and its method.
fn name(route: &Route) -> String {
    let words: Vec<&str> = route.path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty()).collect();
    format!("{}_{}", words.join("_"), route.method.to_lowercase())
}

fn responses(route: &Route, named: &mut Map<String, Value>) -> Value {
    let (answer, content_type) = route.answer;
    let schema = answer.schema(named);
    // Of events each is held against it.
    let event = json!({ "type": "object", "properties": { "id": { "type": "string" }, "event": { "type": "string" }, "data": { "type": "string", "contentMediaType": JSON, "contentSchema": schema } }, "required": ["data"] });
    let good = json!({ "description": route.says, "content": { content_type: { "schema": if content_type == EVENTS { event } else { schema } } } });
    let mut responses = Map::new();
    responses.insert("200".to_owned(), good);
    let error = ERROR.schema(named);
    for (status, says) in refusals(route) {
        responses.insert(status.to_owned(), json!({ "description": says, "content": { JSON: { "schema": error } } }));
    }
    responses.into()
}

/// Whatever else a route may answer.
fn refusals(route: &Route) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![("400", "the request is not what it must be"), ("403", "a Host or Origin that is not this server's"), ("429", "too much at a time; Retry-After says when")];
    if route.parameter.is_some() || route.endpoint == Endpoint::Light {
        all.push(("404", "no such thing, or it is not kept here"));
    }
    if route.request.is_some() {
        all.extend([("408", "the body took too long"), ("413", "too large, with both numbers"), ("415", "the body is not application/json")]);
    }
    match route.endpoint {
        Endpoint::Submit => {
            all.extend([("409", "the transaction, or another of its number, waits here already"), ("422", "no block could hold the transaction: the code says why")])
        }
        Endpoint::Light => all.push(("422", "the proof would be larger than light clients take")),
        Endpoint::Ready => all.push(("503", "no block is final yet")),
        _ => {}
    }
    all
}

#[cfg(test)]
mod tests {
    /// `pantheon reference openapi > docs/pantheon-openapi.json` writes it anew.
    #[test]
    fn the_committed_document_is_the_one_that_is_served() {
        let committed = include_str!("../../../../docs/pantheon-openapi.json");
        let made = format!("{:#}\n", super::document());
        assert!(made == committed, "docs/pantheon-openapi.json is not what the routes say: run `cargo run --bin pantheon -- reference openapi > docs/pantheon-openapi.json`");
    }
}
