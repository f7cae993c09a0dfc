//! A server over a chain, and a small client that shows every byte that came.

use super::Solo;
use mickai_pantheond::rpc::limits::WRITE_PATIENCE;
use mickai_pantheond::rpc::{Options, Rate, Stop, serve};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// Nothing that is waited for takes this long.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A running RPC; it ends with the test.
pub struct Server {
    pub solo: Arc<Solo>,
    pub address: SocketAddr,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts one on a free port.
    pub fn start() -> Self {
        Self::with(Rate { per_s: 1_000_000, burst: 1_000_000 })
    }

    /// With a rate for each address.
    pub fn with(rate: Rate) -> Self {
        Self::of(rate, WRITE_PATIENCE)
    }

    /// With as much patience for who does not read.
    pub fn of(rate: Rate, patience: Duration) -> Self {
        Self::by(Options { address: (Ipv4Addr::LOCALHOST, 0).into(), is_exposed: false, names: vec!["box.example".into()], rate, patience })
    }

    /// On every address of this machine.
    pub fn exposed() -> Self {
        Self::by(Options { address: (Ipv4Addr::UNSPECIFIED, 0).into(), is_exposed: true, names: Vec::new(), rate: Rate::default(), patience: WRITE_PATIENCE })
    }

    fn by(options: Options) -> Self {
        let (solo, stop) = (Solo::new(), Stop::default());
        let (chain, ending) = (solo.clone(), stop.clone());
        let (told, address) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            serve(chain, &options, &ending, |address| told.send(address).unwrap()).unwrap();
        });
        Self { solo, address: address.recv_timeout(PATIENCE).unwrap(), stop, thread: Some(thread) }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], &body.to_string())
    }

    /// With more headers; a header that is named replaces the usual one, an empty value leaves it out.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut bytes = Vec::new();
        self.begin(method, path, headers, body).read_to_end(&mut bytes).unwrap();
        Answer::read(&bytes)
    }

    /// Sends a request and leaves the answer to the caller.
    pub fn begin(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (length, host) = (body.len().to_string(), self.address.to_string());
        let usual = [("host", host.as_str()), ("content-type", "application/json"), ("content-length", &length), ("connection", "close")];
        let mut text = format!("{method} {path} HTTP/1.1\r\n");
        for (name, value) in usual.into_iter().filter(|(name, _)| !headers.iter().any(|(given, _)| given == name)).chain(headers.iter().copied()) {
            if !value.is_empty() {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        // A server may refuse before it has read all.
        let _ = stream.write_all(format!("{text}\r\n{body}").as_bytes());
        stream
    }

    /// Ends it, and waits until it has.
    pub fn end(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// What somebody else's server says under a path; `None` where nobody answers there.
pub fn asked(address: SocketAddr, path: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    (!bytes.is_empty()).then(|| Answer::read(&bytes))
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Self { status, headers, body: body.to_owned() }
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Status and code of a refusal.
    #[track_caller]
    pub fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("{}", self.body)).to_owned())
    }
}
