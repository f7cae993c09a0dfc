//! The handshake over the engine's sockets: reads exactly the bytes of each message, and none beyond the last.

use super::dialler::Dialler;
use super::error::HandshakeError;
use super::layout::{ACCEPT_LEN, CHALLENGE_LEN, CLAIM_LEN, CONFIRM_LEN, PROOF_LEN};
use super::listener::Listener;
use super::random::{DiallerRandom, ListenerRandom};
use crate::identity::{PrivateKey, PublicKey};
use commonware_cryptography::transcript::Transcript;
use commonware_runtime::{Buf as _, Clock, Sink, Stream};
use commonware_stream::Handshake;
use mickai_proof::digest::ChainId;
use rand_core::CryptoRng;

/// What the engine's network of a chain is called; the engine adds `_STREAM` to it.
pub fn namespace(chain: ChainId) -> Vec<u8> {
    [b"pan-peer-v1\0", &chain.0[..]].concat()
}

/// The handshake of the node that holds this key.
#[derive(Clone, Debug)]
pub struct PeerHandshake {
    key: PrivateKey,
}

impl PeerHandshake {
    /// Of the node that holds `key`.
    pub fn new(key: PrivateKey) -> Self {
        Self { key }
    }
}

impl Handshake for PeerHandshake {
    type PublicKey = PublicKey;
    type Error = HandshakeError;

    fn public_key(&self) -> PublicKey {
        self.key.public().clone()
    }

    async fn dial<E, I, O>(self, mut context: E, namespace: &[u8], peer: PublicKey, stream: &mut I, sink: &mut O) -> Result<Transcript, HandshakeError>
    where
        E: Clock + CryptoRng,
        I: Stream,
        O: Sink,
    {
        let dialler = Dialler::new(&self.key, peer, namespace)?;
        let challenge = read::<CHALLENGE_LEN, _>(stream).await?;
        let (hello, dialled) = dialler.hello(&challenge, DiallerRandom::draw(&mut context))?;
        sink.send(hello.to_vec()).await?;
        let accept = read::<ACCEPT_LEN, _>(stream).await?;
        let (confirmation, session) = dialled.confirm(&accept)?;
        sink.send(confirmation.to_vec()).await?;
        Ok(session.transcript())
    }

    async fn listen<E, I, O, B, F>(self, mut context: E, namespace: &[u8], bouncer: B, stream: &mut I, sink: &mut O) -> Result<(PublicKey, Transcript), HandshakeError>
    where
        E: Clock + CryptoRng,
        I: Stream,
        O: Sink,
        B: FnOnce(PublicKey) -> F + Send,
        F: Future<Output = bool> + Send,
    {
        let (challenge, listener) = Listener::new(&self.key, namespace, ListenerRandom::draw(&mut context));
        sink.send(challenge.to_vec()).await?;
        let claim = read::<CLAIM_LEN, _>(stream).await?;
        let peer = listener.claim(&claim)?;
        if !bouncer(peer.clone()).await {
            return Err(HandshakeError::NotAdmitted(peer));
        }
        let proof = read::<PROOF_LEN, _>(stream).await?;
        let (accept, answered) = listener.accept(&peer, &proof)?;
        sink.send(accept.to_vec()).await?;
        let confirmation = read::<CONFIRM_LEN, _>(stream).await?;
        Ok((peer, answered.session(&confirmation)?.transcript()))
    }
}

async fn read<const N: usize, I: Stream>(stream: &mut I) -> Result<Box<[u8; N]>, HandshakeError> {
    let mut received = stream.recv(N).await?;
    let mut bytes = Box::new([0; N]);
    received.copy_to_slice(&mut bytes[..]);
    Ok(bytes)
}
