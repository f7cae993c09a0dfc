//! Clients: each asks, reads to the end or goes away in the middle, and asks again.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What all clients did.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// Answers read to their end.
    pub answered: u64,
    /// Requests that their client left.
    pub left: u64,
    /// Tokens in answers read to their end.
    pub tokens: u64,
    /// Answers that were none, or that broke off.
    pub errors: u64,
}

#[derive(Default)]
struct Shared {
    answered: AtomicU64,
    left: AtomicU64,
    tokens: AtomicU64,
    errors: AtomicU64,
    /// What happens from now on counts no more.
    is_told: AtomicBool,
    is_over: AtomicBool,
}

/// Clients at work.
pub struct Clients {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    pub fn start(address: SocketAddr, count: u64) -> Self {
        let shared = Arc::new(Shared::default());
        let one = |number| {
            let shared = shared.clone();
            std::thread::spawn(move || {
                let mut chance = Chance(number);
                while !shared.is_over.load(Ordering::Relaxed) {
                    ask(address, &mut chance, &shared);
                }
            })
        };
        let threads = (0..count).map(one).collect();
        Self { shared, threads }
    }

    /// As far as they have come; what breaks off after this is not counted.
    pub fn tally(&self) -> Tally {
        self.shared.is_told.store(true, Ordering::Relaxed);
        let count = |value: &AtomicU64| value.load(Ordering::Relaxed);
        Tally { answered: count(&self.shared.answered), left: count(&self.shared.left), tokens: count(&self.shared.tokens), errors: count(&self.shared.errors) }
    }

    /// So many requests for long answers, whose turn comes while the others go on.
    pub fn ask_long(&self, address: SocketAddr, count: usize) -> Vec<TcpStream> {
        let one = |_| {
            let mut connection = TcpStream::connect(address).unwrap();
            connection.write_all(request(address, "hello", 2_000, true).as_bytes()).unwrap();
            connection
        };
        (0..count).map(one).collect()
    }

    pub fn stop(self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// One request: a third is not streamed, a quarter is left after a random time.
fn ask(address: SocketAddr, chance: &mut Chance, shared: &Shared) {
    let (stream, tokens, leaves) = (chance.below(3) > 0, 1 + chance.below(40), chance.below(4) == 0);
    let text = request(address, &format!("hello {}", chance.below(1000)), tokens, stream);
    let add = |count: &AtomicU64, more: u64| {
        // The load goes on while the server is killed; that is nobody's error.
        if !shared.is_told.load(Ordering::Relaxed) {
            count.fetch_add(more, Ordering::Relaxed);
        }
    };
    let Ok(mut connection) = TcpStream::connect(address) else {
        add(&shared.errors, 1);
        return std::thread::sleep(Duration::from_millis(10));
    };
    let patience = if leaves { Duration::from_millis(1 + chance.below(2_000)) } else { Duration::from_secs(300) };
    let sent = connection.set_read_timeout(Some(patience)).and_then(|()| connection.write_all(text.as_bytes()));
    let mut answer = Vec::new();
    let read = sent.and_then(|()| if leaves { connection.read(&mut [0; 256]).map(drop) } else { connection.read_to_end(&mut answer).map(drop) });
    if leaves {
        return add(&shared.left, 1);
    }
    let answer = String::from_utf8_lossy(&answer);
    let is_whole = answer.starts_with("HTTP/1.1 200") && answer.contains("\"mickai\"") && (!stream || answer.contains("[DONE]"));
    if read.is_err() || !is_whole {
        return add(&shared.errors, 1);
    }
    add(&shared.answered, 1);
    add(&shared.tokens, tokens);
}

fn request(address: SocketAddr, words: &str, tokens: u64, stream: bool) -> String {
    let body = format!("{{\"model\":\"llama-64.f32\",\"messages\":[{{\"role\":\"user\",\"content\":\"{words}\"}}],\"max_tokens\":{tokens},\"stream\":{stream}}}");
    let length = body.len();
    format!("POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}
