//! Two honest ends with somebody between them: what an adversary gets is their four loose ends of wire.

use commonware_cryptography::transcript::Summary;
use commonware_runtime::deterministic::{Context, Runner};
use commonware_runtime::mocks::{Channel, Sink, Stream};
use commonware_runtime::{Buf as _, Runner as _, Sink as _, Stream as _, Supervisor as _};
use commonware_stream::Handshake as _;
use mickai_node::handshake::{HandshakeError, PeerHandshake, namespace};
use mickai_node::identity::{PrivateKey, PublicKey, SEED_LEN};
use mickai_proof::digest::ChainId;
use std::sync::atomic::{AtomicUsize, Ordering};
use zeroize::Zeroizing;

pub const DIALLER: u8 = 1;
pub const LISTENER: u8 = 2;
pub const ADVERSARY: u8 = 3;

pub fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed_bytes(&Zeroizing::new([seed; SEED_LEN]))
}

pub fn public(seed: u8) -> PublicKey {
    key(seed).public().clone()
}

pub fn network(chain: u8) -> Vec<u8> {
    [namespace(ChainId([chain; 32])), b"_STREAM".to_vec()].concat()
}

/// Both directions to one honest end, as whoever is at the other end of the cable has them.
pub struct Wire {
    from: Stream,
    to: Sink,
    /// Everything that the honest end sent and somebody took.
    pub heard: Vec<u8>,
}

impl Wire {
    fn new() -> (Self, (Sink, Stream)) {
        let ((to, stream), (sink, from)) = (Channel::init(), Channel::init());
        (Self { from, to, heard: Vec::new() }, (sink, stream))
    }

    /// The next bytes that the end sends; `None` where it hung up before.
    pub async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        let mut received = self.from.recv(length).await.ok()?;
        let mut bytes = vec![0; length];
        received.copy_to_slice(&mut bytes);
        self.heard.extend(&bytes);
        Some(bytes)
    }

    /// Sends nothing more, and counts what the end still sends before it hangs up.
    pub async fn rest(self) -> usize {
        let Self { mut from, to, .. } = self;
        drop(to);
        let mut count = 0;
        while from.recv(1).await.is_ok() {
            count += 1;
        }
        count
    }

    /// Sends bytes to the end. That it hung up is its answer, and no error here.
    pub async fn give(&mut self, bytes: &[u8]) {
        drop(self.to.send(bytes.to_vec()).await);
    }
}

/// What the honest ends believe.
#[derive(Clone)]
pub struct Case {
    /// Of the randomness of both ends.
    pub seed: u64,
    pub dialler: u8,
    pub dials: PublicKey,
    pub dialler_network: Vec<u8>,
    pub listener_network: Vec<u8>,
    pub admits: Vec<PublicKey>,
}

impl Default for Case {
    fn default() -> Self {
        Self { seed: 7, dialler: DIALLER, dials: public(LISTENER), dialler_network: network(1), listener_network: network(1), admits: vec![public(DIALLER)] }
    }
}

/// A session, or the reason of an end: `io` where the other hung up.
pub type Ended = Result<Summary, &'static str>;

pub struct Met<T> {
    pub dialler: Ended,
    pub listener: Ended,
    /// How often the listener asked whether a key is admitted.
    pub asked: usize,
    pub told: T,
}

fn reason(why: &HandshakeError) -> &'static str {
    why.code().unwrap_or("io")
}

impl Case {
    /// Lets the two ends meet an adversary, who has the wire to the dialler and the wire to the listener.
    pub fn meet<T>(self, adversary: impl AsyncFnOnce(Wire, Wire) -> T) -> Met<T> {
        Runner::seeded(self.seed).start(|context| async move {
            let asked = AtomicUsize::new(0);
            let ((to_dialler, dialler), (to_listener, listener)) = (Wire::new(), Wire::new());
            let (dialler, listener, told) = futures::join!(self.dial(&context, dialler), self.listen(&context, listener, &asked), adversary(to_dialler, to_listener));
            Met { dialler, listener, asked: asked.into_inner(), told }
        })
    }

    async fn dial(&self, context: &Context, (mut sink, mut stream): (Sink, Stream)) -> Ended {
        let handshake = PeerHandshake::new(key(self.dialler));
        let ended = handshake.dial(context.child("dialler"), &self.dialler_network, self.dials.clone(), &mut stream, &mut sink).await;
        ended.map(|transcript| transcript.summarize()).map_err(|why| reason(&why))
    }

    async fn listen(&self, context: &Context, (mut sink, mut stream): (Sink, Stream), asked: &AtomicUsize) -> Ended {
        let handshake = PeerHandshake::new(key(LISTENER));
        let bouncer = |claimed: PublicKey| async move {
            asked.fetch_add(1, Ordering::Relaxed);
            self.admits.contains(&claimed)
        };
        let ended = handshake.listen(context.child("listener"), &self.listener_network, bouncer, &mut stream, &mut sink).await;
        let (peer, transcript) = ended.map_err(|why| reason(&why))?;
        assert!(self.admits.contains(&peer));
        Ok(transcript.summarize())
    }
}
