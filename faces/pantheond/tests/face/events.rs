//! The stream of final blocks: each once, in order, and where a listener left off.

use crate::common::Server;
use mickai_proof::pantheon::Height;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;

/// What a listener hears.
struct Listener(BufReader<TcpStream>);

impl Listener {
    fn new(server: &Server, after: Option<&str>) -> Self {
        let headers: Vec<_> = after.iter().map(|after| ("last-event-id", *after)).collect();
        let mut listener = Self(BufReader::new(server.begin("GET", "/v1/events", &headers, "")));
        // It listens when the first comment has come.
        listener.line(": final blocks after");
        listener
    }

    /// The rest of the next line that begins so; chunk heads and empty lines are passed over.
    fn line(&mut self, begins: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
            if let Some(rest) = line.strip_prefix(begins) {
                return rest.trim().to_owned();
            }
        }
    }

    fn next(&mut self) -> (String, Value) {
        let id = self.line("id: ");
        (id, serde_json::from_str(&self.line("data: ")).unwrap())
    }
}

#[test]
fn every_final_block_is_told_once_and_in_order() {
    let server = Server::start();
    let mut first = Listener::new(&server, None);
    for height in 2..5 {
        server.solo.push(None).unwrap();
        let (id, header) = first.next();
        assert_eq!((id.as_str(), &header["height"]), (height.to_string().as_str(), &Value::from(height)));
        assert_eq!(header["id"], server.get(&format!("/v1/blocks/{height}")).is(200).json()["header"]["id"]);
    }
    // Who comes back says what it has, and misses nothing.
    let mut again = Listener::new(&server, Some("2"));
    server.solo.push(None).unwrap();
    assert_eq!([again.next().0, again.next().0, again.next().0], ["3", "4", "5"]);
    assert_eq!(first.next().0, "5");
    // Who is ahead waits.
    let mut ahead = Listener::new(&server, Some("6"));
    server.solo.push(None).unwrap();
    server.solo.push(None).unwrap();
    assert_eq!(ahead.next().0, "7");
    assert_eq!(server.send("GET", "/v1/events", &[("last-event-id", "x")], "").refusal(), (400, "malformed-request".to_owned()));
}

/// As many blocks as were pruned are not asked for one by one.
#[test]
fn who_was_long_away_is_told_of_one_gap() {
    let server = Server::start();
    for _ in 2..=300 {
        server.solo.push(None).unwrap();
    }
    server.solo.prune(Height(300));
    server.solo.asked();
    let mut listener = Listener::new(&server, Some("0"));
    assert_eq!(listener.next(), ("299".to_owned(), json!({ "from": 1, "to": 299 })));
    assert_eq!(listener.next().0, "300");
    assert_eq!(server.solo.asked(), 2);
    // A node that began with a snapshot has none at first.
    server.solo.prune(Height(301));
    let mut early = Listener::new(&server, Some("7"));
    assert_eq!(early.next(), ("300".to_owned(), json!({ "from": 8, "to": 300 })));
    server.solo.push(None).unwrap();
    assert_eq!([early.next().0, listener.next().0], ["301", "301"]);
}

#[test]
fn a_server_that_ends_ends_its_streams() {
    let mut server = Server::start();
    let mut listener = Listener::new(&server, None);
    server.end();
    let mut rest = String::new();
    while listener.0.read_line(&mut rest).unwrap() > 0 {}
    assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
}
