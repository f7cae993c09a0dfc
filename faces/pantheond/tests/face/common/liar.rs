//! It stands before a node and passes on what is asked and answered, but for what it was made to say otherwise or to keep to itself.

use super::Answer;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// Of a request, such as `GET /v1/status`, and the status and body of its answer: what is answered. With nothing the connection ends there. Of `/v1/events`, whose answer has no end, only whether it is passed on.
type Lie = dyn Fn(&str, (u16, Value)) -> Option<(u16, Value)> + Send + Sync;

/// Where it listens; it ends with the test's process.
pub struct Liar {
    pub address: SocketAddr,
}

impl Liar {
    /// Each answer keeps its status.
    pub fn before(node: SocketAddr, lie: impl Fn(&str, Value) -> Option<Value> + Send + Sync + 'static) -> Self {
        Self::refusing(node, move |request, (status, told)| Some((status, lie(request, told)?)))
    }

    /// It may say that the node refused.
    pub fn refusing(node: SocketAddr, lie: impl Fn(&str, (u16, Value)) -> Option<(u16, Value)> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let lie: Arc<Lie> = Arc::new(lie);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let lie = lie.clone();
                std::thread::spawn(move || talk(stream.unwrap(), node, &*lie));
            }
        });
        Self { address }
    }
}

/// One connection, until either end leaves.
fn talk(mut stream: TcpStream, node: SocketAddr, lie: &Lie) {
    let mut asking = BufReader::new(stream.try_clone().unwrap());
    while let Some((request, bytes)) = request(&mut asking, node) {
        let mut answering = TcpStream::connect(node).unwrap();
        answering.write_all(&bytes).unwrap();
        if request == "GET /v1/events" {
            if lie(&request, (200, Value::Null)).is_some() {
                let _ = std::io::copy(&mut answering, &mut stream);
            }
            return;
        }
        let mut bytes = Vec::new();
        answering.read_to_end(&mut bytes).unwrap();
        let answer = Answer::read(&bytes);
        let Some((status, told)) = lie(&request, (answer.status, answer.json())) else { return };
        let body = told.to_string();
        let head = format!("HTTP/1.1 {status} told\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        // Whoever asked may have left.
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    }
}

/// The next request: its method and path, and what the node gets of it.
fn request(asking: &mut BufReader<TcpStream>, node: SocketAddr) -> Option<(String, Vec<u8>)> {
    let (mut lines, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        if asking.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if !line.starts_with("host: ") {
            lines.push(line);
        }
    }
    let mut body = vec![0; length];
    asking.read_exact(&mut body).ok()?;
    let what = lines[0].strip_suffix(" HTTP/1.1\r\n").unwrap().to_owned();
    let head = format!("{}host: {node}\r\nconnection: close\r\n\r\n", lines.concat());
    Some((what, [head.as_bytes(), &body].concat()))
}
