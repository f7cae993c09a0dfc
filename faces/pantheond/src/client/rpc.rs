//! Questions to a node and its answers.

use super::http::Connection;
use crate::failure::Failure;
use serde_json::{Value, json};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// A node, by its address. The connection is made when it is needed, and once more where the node let go of it.
pub struct Rpc {
    address: SocketAddr,
    kept: Option<Connection>,
    /// Of what was asked last.
    is_repeated: bool,
}

impl Rpc {
    /// Nothing is asked yet. One that listens on all addresses of this machine is asked at the machine's own: no request can be addressed to all of them.
    pub fn new(mut address: SocketAddr) -> Self {
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        Self { address, kept: None, is_repeated: false }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Was what was asked last asked twice, because the connection broke? What the node made of it the first time, nobody heard.
    pub fn is_repeated(&self) -> bool {
        self.is_repeated
    }

    /// Asks for a path.
    pub fn get(&mut self, path: &str) -> Result<Value, Failure> {
        self.ask("GET", path, b"")
    }

    /// Asks with a body.
    pub fn post(&mut self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask("POST", path, body.to_string().as_bytes())
    }

    /// Asks for a path under which there may be nothing.
    pub fn find(&mut self, path: &str) -> Result<Option<Value>, Failure> {
        match self.get(path) {
            Err(Failure::Refused { status: 404, .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    /// A text of an answer.
    pub fn told<'a>(&self, value: &'a Value, name: &'static str) -> Result<&'a str, Failure> {
        value[name].as_str().ok_or(Failure::Answer { address: self.address, wanted: name })
    }

    /// A number of an answer.
    pub fn counted(&self, value: &Value, name: &'static str) -> Result<u64, Failure> {
        value[name].as_u64().ok_or(Failure::Answer { address: self.address, wanted: name })
    }

    fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Value, Failure> {
        let address = self.address;
        let failed = |source: io::Error| match source.kind() {
            ErrorKind::InvalidData => Failure::Answer { address, wanted: "HTTP as a node speaks it" },
            _ => Failure::Rpc { address, source },
        };
        // A node lets go of a connection that was idle; in most cases nothing was asked over it then.
        let before = self.kept.take();
        let was_kept = before.is_some();
        let kept = before.and_then(|mut kept| exchange(&mut kept, method, path, body).ok().map(|answer| (kept, answer)));
        self.is_repeated = was_kept && kept.is_none();
        let (connection, answer) = match kept {
            Some(answered) => answered,
            None => {
                let mut connection = Connection::open(address).map_err(failed)?;
                let answer = exchange(&mut connection, method, path, body).map_err(failed)?;
                (connection, answer)
            }
        };
        let Answer { status, bytes, is_last } = answer;
        self.kept = (!is_last).then_some(connection);
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| Failure::Answer { address, wanted: "JSON" })?;
        if status == 200 { Ok(value) } else { Err(refused(status, &value)) }
    }
}

struct Answer {
    status: u16,
    bytes: Vec<u8>,
    is_last: bool,
}

fn exchange(connection: &mut Connection, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
    connection.send(method, path, &[], body)?;
    let head = connection.head()?;
    Ok(Answer { status: head.status, bytes: connection.body(&head.length)?, is_last: head.is_last })
}

/// What an answer says that is a refusal.
pub(super) fn refused(status: u16, value: &Value) -> Failure {
    let error = &value["error"];
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    Failure::Refused { status, code: text("code"), message: text("message"), values: error.get("values").cloned().unwrap_or_else(|| json!({})) }
}

/// A text within an answer, empty where there is none.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A whole number within an answer, 0 where there is none.
pub fn whole(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Rpc;

    #[test]
    fn a_node_that_listens_everywhere_is_asked_here() {
        let of = |address: &str| Rpc::new(address.parse().unwrap()).address().to_string();
        assert_eq!([of("0.0.0.0:7268"), of("[::]:7268")], ["127.0.0.1:7268", "[::1]:7268"]);
        assert_eq!([of("127.0.0.1:1"), of("10.0.0.5:2"), of("[2001:db8::1]:3")], ["127.0.0.1:1", "10.0.0.5:2", "[2001:db8::1]:3"]);
    }
}
