//! What the RPC does not let anybody do: be called from elsewhere unasked, ask too often, listen too often, say too much.

use crate::common::{Machine, PATIENCE, Server, Solo};
use mickai_pantheond::rpc::limits::{BODY_BYTES_MAX, SUBSCRIPTIONS_OF_ONE_MAX, WRITE_PATIENCE};
use mickai_pantheond::rpc::{Options, Rate, ServeError, Stop, serve};
use mickai_proof::limits::LIGHT_CHANGES_MAX;
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

#[test]
fn it_stays_on_this_machine_unless_told_otherwise() {
    let mut options = Options { address: (Ipv4Addr::UNSPECIFIED, 0).into(), is_exposed: false, names: Vec::new(), rate: Rate::default(), patience: WRITE_PATIENCE };
    let refused = serve(Solo::new(), &options, &Stop::default(), |_| panic!("it listens"));
    assert!(matches!(refused, Err(ServeError::Exposed(_))) && refused.err().unwrap().to_string().contains("exposed = true"));
    options.is_exposed = true;
    let stop = Stop::default();
    let mut has_listened = false;
    serve(Solo::new(), &options, &stop, |_| {
        has_listened = true;
        stop.stop();
    })
    .unwrap();
    assert!(has_listened);
}

#[test]
fn whoever_asks_too_often_is_told_when_to_come_back() {
    let server = Server::with(Rate { per_s: 0, burst: 3 });
    for _ in 0..3 {
        server.get("/health").is(200);
    }
    let refused = server.get("/v1/status");
    assert_eq!((refused.refusal(), refused.header("retry-after")), ((429, "rate".to_owned()), Some("1")));
}

#[test]
fn pages_from_elsewhere_take_nothing_of_what_this_machine_may_ask() {
    let server = Server::with(Rate { per_s: 0, burst: 3 });
    for _ in 0..5 {
        server.send("GET", "/v1/status", &[("host", "evil.example")], "").is(403);
    }
    for _ in 0..3 {
        server.get("/v1/status").is(200);
    }
    server.get("/v1/status").is(429);
}

#[test]
fn a_path_that_is_none_is_asked_for_from_here_and_as_often_as_any() {
    let server = Server::with(Rate { per_s: 0, burst: 3 });
    for (method, path) in [("GET", "/x"), ("GET", "/v1/blocks/%ff"), ("DELETE", "/v1/status")] {
        assert_eq!(server.send(method, path, &[("host", "evil.example")], "").refusal(), (403, "forbidden-place".to_owned()), "{method} {path}");
    }
    server.get("/x").is(404);
    server.send("DELETE", "/v1/status", &[], "").is(405);
    server.get("/x").is(404);
    for (method, path) in [("GET", "/x"), ("DELETE", "/v1/status"), ("GET", "/health")] {
        assert_eq!(server.send(method, path, &[], "").refusal(), (429, "rate".to_owned()), "{method} {path}");
    }
}

/// What no light client takes is not sent either.
#[test]
fn a_light_proof_has_an_end() {
    let server = Server::start();
    let asked = || server.post("/v1/light", &json!({ "keys": [{ "kind": "totals" }] }));
    server.solo.pretend_changes(LIGHT_CHANGES_MAX);
    asked().is(200);
    server.solo.pretend_changes(LIGHT_CHANGES_MAX + 1);
    let refused = asked();
    assert_eq!(refused.refusal(), (422, "oversized".to_owned()));
    assert_eq!(refused.json()["error"]["values"], json!({ "changes": LIGHT_CHANGES_MAX + 1, "most": LIGHT_CHANGES_MAX }));
    Machine::at(server.address).run(&["light", "export", "-o", "proof", "--totals"]).code(1).says(&["oversized"]);
}

#[test]
fn streams_of_events_are_counted_and_a_place_becomes_free_again() {
    let server = Server::start();
    let listen = || {
        let mut stream = server.begin("GET", "/v1/events", &[], "");
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        (stream, String::from_utf8(head[9..].to_vec()).unwrap())
    };
    let mut open: Vec<(TcpStream, String)> = (0..SUBSCRIPTIONS_OF_ONE_MAX).map(|_| listen()).collect();
    assert!(open.iter().all(|(_, status)| status == "200"));
    assert_eq!(server.get("/v1/events").refusal(), (429, "subscriptions".to_owned()));
    drop(open.pop());
    // The server notices at the next event that nobody listens there.
    let is_free = || {
        server.solo.push(None).unwrap();
        listen().1 == "200"
    };
    while !is_free() {}
}

/// It asks and asks, and neither reads nor leaves.
#[test]
fn who_does_not_read_loses_the_connection() {
    let server = Server::of(Rate { per_s: 1_000_000, burst: 1_000_000 }, Duration::from_millis(1));
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let asks = format!("GET /openapi.json HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).repeat(64);
    let lost = loop {
        if let Err(error) = stream.write_all(asks.as_bytes()) {
            break error.kind();
        }
    };
    assert!(matches!(lost, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{lost}");
    server.get("/health").is(200);
}

#[test]
fn a_body_ends_where_the_limit_is_however_it_comes() {
    let server = Server::start();
    let chunked = |bytes: usize| {
        let body = format!("{bytes:x}\r\n{}\r\n0\r\n\r\n", " ".repeat(bytes));
        server.send("POST", "/v1/transactions", &[("content-length", ""), ("transfer-encoding", "chunked")], &body).refusal()
    };
    assert_eq!(chunked(BODY_BYTES_MAX), (400, "malformed-request".to_owned()));
    assert_eq!(chunked(BODY_BYTES_MAX + 1), (413, "oversized".to_owned()));
}
