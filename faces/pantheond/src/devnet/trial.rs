//! What the unit tests share: a node in name, which answers as a test says.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Where it listens. To each request, by its head, it says what `answer` gives, and ends the connection. It ends with the tests' process.
pub fn node(answer: impl Fn(&str) -> String + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut asking, mut head) = (BufReader::new(stream.try_clone().unwrap()), String::new());
            // The empty line is the last of a head; who asks may have left before.
            while asking.read_line(&mut head).is_ok_and(|byte_count| byte_count > 2) {}
            let _ = stream.write_all(answer(&head).as_bytes());
        }
    });
    address
}

/// An answer in JSON.
pub fn answer(value: &Value) -> String {
    let body = value.to_string();
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A stream of these events that breaks off behind the last.
pub fn events(told: &[Value]) -> String {
    let mut text = String::from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    for event in told {
        let event = format!("event: block\ndata: {event}\n\n");
        text.push_str(&format!("{:x}\r\n{event}\r\n", event.len()));
    }
    text
}
