//! A server for one test, and a small client that hides nothing: it sends what it is told, and shows every byte that came.

use crate::common::{GENERAL, Machine, mickai};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

/// Nothing that is waited for takes this long.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running `mickai serve`; killed when the test ends before it.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts one on a free port and waits until it listens.
    pub fn start(machine: &Machine, flags: &[&str]) -> Self {
        Self::start_with(machine, flags, Stdio::inherit())
    }

    /// The same, with its standard error somewhere else.
    pub fn start_with(machine: &Machine, flags: &[&str], stderr: Stdio) -> Self {
        let args = [&["serve", "--listen", "127.0.0.1:0", "--threads", "1", "--json"], flags].concat();
        let mut child = machine.command(&mickai(), &args).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        let url = told["url"].as_str().unwrap();
        let address = url.split_once("://").unwrap().1.parse().unwrap();
        Self { child, address }
    }

    /// Ends it as an operator does, and waits.
    pub fn stop(mut self) {
        self.signal("TERM");
        assert!(self.child.wait().unwrap().success());
    }

    /// Ends it as an operator does; what it said on standard error, which was piped.
    pub fn stop_saying(mut self) -> String {
        let mut said = String::new();
        self.signal("TERM");
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success());
        said
    }

    /// Ends it at once.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, name: &str) {
        assert!(crate::common::program_answers("kill", &[&format!("-{name}"), &self.child.id().to_string()]));
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        at("http", &self.address.to_string())
    }

    /// Sends a request with a body and reads the answer.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], &body.to_string())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// With more headers; a header that is named replaces the usual one, an empty value leaves it out.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        Answer::of(self.begin(method, path, headers, body))
    }

    /// Sends a request and leaves the answer to the caller.
    pub fn begin(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len().to_string();
        let host = self.address.to_string();
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
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
    /// All that comes over a connection until its end.
    pub fn of(mut stream: TcpStream) -> Self {
        stream.set_nonblocking(false).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Self::read(&bytes)
    }

    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = if is_chunked { dechunked(body) } else { body.to_owned() };
        Self { status, headers, body }
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

    /// The values of its server-sent events; `[DONE]` is the last, as text.
    pub fn events(&self) -> Vec<Value> {
        let data = self.body.split("\n\n").filter(|event| !event.is_empty()).map(|event| event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap());
        data.map(|data| if data == "[DONE]" { json!(data) } else { serde_json::from_str(data).unwrap() }).collect()
    }

    /// The one refusal in OpenAI's envelope: status, code, field, message.
    #[track_caller]
    pub fn refusal(&self) -> (u16, Value, Value, String) {
        let error = &self.json()["error"];
        (self.status, error["code"].clone(), error["param"].clone(), error["message"].as_str().unwrap_or_else(|| panic!("{}", self.body)).to_owned())
    }
}

fn dechunked(mut body: &str) -> String {
    let mut out = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        out.push_str(&rest[..size]);
        body = &rest[size..][2..];
        if size == 0 {
            break;
        }
    }
    out
}

/// A URL.
pub fn at(scheme: &str, host: &str) -> String {
    format!("{scheme}://{host}")
}

/// A greedy chat of a few tokens with the general model.
pub fn hello(more: Value) -> Value {
    let mut body = json!({ "model": GENERAL, "messages": [{ "role": "user", "content": "hello" }], "temperature": 0, "max_tokens": 8 });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}
