//! A Pantheon node's RPC, as far as settling needs it: JSON over HTTP/1.1 to the one address that the operator chose.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use mickai_proof::limits::SETTLEMENT_BYTES_MAX;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// Without TLS: what is sent is signed, and what comes back is proven.
const SCHEME: &str = "http:";
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The largest proof in base64, and what stands around it.
const ANSWER_BYTES_MAX: usize = SETTLEMENT_BYTES_MAX / 3 * 4 + 65_536;

/// Where a node answers.
pub struct Node {
    /// `HOST:PORT`.
    authority: String,
    runtime: Runtime,
}

/// Why a node gave no usable answer.
#[derive(Debug)]
pub enum NodeFault {
    /// It was not reached, or broke off.
    Away { node: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// It did not answer in time.
    Slow { node: String },
    /// It refused, in its own words.
    Refused { status: u16, code: String, message: String, values: Value },
    /// What it said has not the form of `/openapi.json`.
    Unreadable { node: String, path: &'static str },
    /// It is a node of another chain.
    OtherChain { node: String, found: String },
    /// The chain has no block yet.
    NoBlock { node: String },
    /// The operator's account has nothing on the chain.
    NoAccount { address: String },
    /// What was sent did not become final in time.
    NotFinal { transaction: String },
}

impl std::fmt::Display for NodeFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Away { node, source } => write!(f, "the node at {node} cannot be reached: {source}. Is it running? `mickai settle --node URL --chain ID` names another"),
            Self::Slow { node } => write!(f, "the node at {node} does not answer: try again, or name another with `mickai settle --node URL --chain ID`"),
            Self::Refused { status, code, message, .. } => write!(f, "the node refused ({status} {code}): {message}"),
            Self::Unreadable { node, path } => write!(f, "what the node at {node} answers on {path} is not what a Pantheon node answers: check the address"),
            Self::OtherChain { node, found } => write!(f, "the node at {node} follows chain {found}, not the one that you chose: name another node, or that chain"),
            Self::NoBlock { node } => write!(f, "the chain of the node at {node} has no block yet: try again when it has"),
            Self::NoAccount { address } => write!(f, "your account {address} has nothing on this chain, and settling costs a fee: have somebody transfer PAN to it"),
            Self::NotFinal { transaction } => write!(f, "transaction {transaction} was sent and is not final yet: `mickai settle` again later, it is not paid for twice"),
        }
    }
}

impl std::error::Error for NodeFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Away { source, .. } = self { Some(source.as_ref()) } else { None }
    }
}

impl Node {
    /// The node of an address of the scheme http with host and port; `None` for any other text.
    pub fn at(url: &str) -> Option<std::io::Result<Self>> {
        let authority = url.strip_prefix(SCHEME)?.strip_prefix("//")?.trim_end_matches('/');
        let (host, port) = authority.rsplit_once(':')?;
        let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
        if !is_host || port.parse::<u16>().is_err() {
            return None;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Some(runtime.map(|runtime| Self { authority: authority.to_owned(), runtime }))
    }

    /// Its address, for people.
    pub fn name(&self) -> String {
        format!("{SCHEME}//{}", self.authority)
    }

    /// What it answers to a question.
    pub fn get(&self, path: &str) -> Result<Value, NodeFault> {
        self.ask(Method::GET, path, None)
    }

    /// What it answers to a body.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, NodeFault> {
        self.ask(Method::POST, path, Some(body))
    }

    /// Lets some time pass.
    pub fn rest(&self, time: Duration) {
        // The timer is made where the runtime is entered.
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, NodeFault> {
        let asked = async { tokio::time::timeout(PATIENCE, self.exchange(method, path, body)).await };
        let (status, bytes) = match self.runtime.block_on(asked) {
            Ok(answered) => answered.map_err(|source| NodeFault::Away { node: self.name(), source })?,
            Err(_) => return Err(NodeFault::Slow { node: self.name() }),
        };
        let value: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if (200..300).contains(&status) {
            return Ok(value);
        }
        let error = &value["error"];
        let word = |name: &str, otherwise: &str| error[name].as_str().unwrap_or(otherwise).to_owned();
        Err(NodeFault::Refused { status, code: word("code", "unknown"), message: word("message", "it did not say why"), values: error.get("values").cloned().unwrap_or(json!({})) })
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(&self.authority).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the answer; what goes wrong on it is the request's error.
        let connection = tokio::spawn(connection);
        let bytes = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = Request::builder().method(method).uri(path).header(HOST, &self.authority).header(CONTENT_TYPE, "application/json").body(Full::new(bytes))?;
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let bytes = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await?.to_bytes();
        connection.abort();
        Ok((status, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_form() {
        for place in ["127.0.0.1:8645", "localhost:1/", "[::1]:8645"] {
            assert!(Node::at(&format!("http:{}{place}", "//")).is_some(), "{place}");
        }
        for place in ["127.0.0.1", ":1", "a:70000", "a/b:1", "user@a:1"] {
            assert!(Node::at(&format!("http:{}{place}", "//")).is_none(), "{place}");
        }
        for url in ["", "127.0.0.1:8645", "https:127.0.0.1:8645"] {
            assert!(Node::at(url).is_none(), "{url}");
        }
    }
}
