//! A node that is none: the RPC of one, over a ledger in this process whose validators' keys come from seeds. A block for each transaction, final at once.

#[path = "../../../../../engines/ledger/tests/common/mod.rs"]
mod chain;

use base64ct::{Base64, Encoding};
use chain::{Chain, Signer, obols, params};
// What the chain's module signs with.
use libcrux_ml_dsa as _;
use mickai_ledger::{Library, Rejection};
use mickai_proof::digest::LogId;
use mickai_proof::pantheon::{Action, Address, LightProof, Network, StateKey, Transaction};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Enough for many settlements.
const GIFT: u64 = 1_000_000_000_000;

pub struct Stub {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct State {
    chain: Chain,
    validators: Vec<u8>,
    /// Transactions that are final, and whether somebody has asked after them: the first who does hears that they are not, as of a node that takes its time.
    finals: BTreeMap<String, bool>,
    /// The code with which it answers what it takes, as if it were refused with status 409.
    conflict: Option<&'static str>,
    is_stopped: bool,
}

impl Stub {
    pub fn new(validators: &[u8]) -> Self {
        let mut chain = Chain::with(params(), validators);
        chain.push(Vec::new(), &Library);
        let state = Arc::new(Mutex::new(State { chain, validators: validators.to_vec(), finals: BTreeMap::new(), conflict: None, is_stopped: false }));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let of_thread = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut state = of_thread.lock().unwrap_or_else(PoisonError::into_inner);
                if state.is_stopped {
                    return;
                }
                state.answer(stream);
            }
        });
        Self { address, state, thread: Mutex::new(Some(thread)) }
    }

    pub fn url(&self) -> String {
        format!("http:{}{}", "//", self.address)
    }

    pub fn chain(&self) -> String {
        self.lock().chain.ledger.chain().to_string()
    }

    /// Somebody transfers to an account.
    pub fn give(&self, address: &str) {
        let to = Address::from_text(address, Network::Test).unwrap();
        self.lock().chain.does(&Signer::new(10), Action::Transfer { to, amount: obols(GIFT) });
    }

    /// From now on it says of what it takes that it conflicts with what waits.
    pub fn conflicts(&self, code: &'static str) {
        self.lock().conflict = Some(code);
    }

    /// From now on it answers nobody.
    pub fn stop(&self) {
        self.lock().is_stopped = true;
        // So that the thread looks.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            thread.join().unwrap();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.stop();
    }
}

impl State {
    /// One request of a connection.
    fn answer(&mut self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            match header.trim_end().split_once(':') {
                None => break,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().unwrap(),
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (status, value) = self.route(method, path, &serde_json::from_slice(&body).unwrap_or(Value::Null));
        let text = value.to_string();
        let head = format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
        reader.get_mut().write_all((head + &text).as_bytes()).unwrap();
    }

    fn route(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        match (method, path) {
            ("GET", "/v1/status") => (200, json!({ "chain": self.chain.ledger.chain().to_string(), "height": self.chain.ledger.height().0 })),
            ("POST", "/v1/light") => (200, self.light(body)),
            ("POST", "/v1/transactions") => self.submit(body),
            ("GET", _) if path.strip_prefix("/v1/transactions/").and_then(|id| self.finals.get_mut(id)).is_some_and(|was_asked| std::mem::replace(was_asked, true)) => {
                (200, json!({}))
            }
            _ => (404, refused("not-found", "there is nothing here", json!({}))),
        }
    }

    fn light(&self, body: &Value) -> Value {
        let key = |key: &Value| match (key["kind"].as_str().unwrap(), key["id"].as_str()) {
            ("account", Some(id)) => StateKey::Account(Address::from_text(id, Network::Test).unwrap()),
            ("log", Some(id)) => StateKey::Log(LogId::from_hex(id).unwrap()),
            ("totals", None) => StateKey::Totals,
            other => panic!("{other:?}"),
        };
        let header = self.chain.blocks.last().unwrap().header.clone();
        let entries = body["keys"].as_array().unwrap().iter().map(|one| self.chain.ledger.state().prove(key(one))).collect();
        let proof = LightProof { head: self.chain.genesis.head.clone(), changes: Vec::new(), certificate: self.chain.certify(&header, &self.validators), header, entries };
        json!({ "height": self.chain.ledger.height().0, "proof": Base64::encode_string(&proof.encode()) })
    }

    fn submit(&mut self, body: &Value) -> (u16, Value) {
        let transaction = Transaction::parse(&Base64::decode_vec(body["base64"].as_str().unwrap()).unwrap()).unwrap();
        let id = transaction.id().to_string();
        match self.chain.push(vec![transaction], &Library).1.pop() {
            None => {
                self.finals.insert(id.clone(), false);
                self.conflict.map_or_else(|| (200, json!({ "transaction": id })), |code| (409, refused(code, "another waits here", json!({}))))
            }
            Some(Rejection::LogForked { log, proof }) => (422, refused("log-forked", "forked", json!({ "log": log.to_string(), "fork_proof": Base64::encode_string(&proof) }))),
            Some(why) => (422, refused(why.code(), &why.to_string(), json!({}))),
        }
    }
}

fn refused(code: &str, message: &str, values: Value) -> Value {
    json!({ "error": { "code": code, "message": message, "values": values } })
}
