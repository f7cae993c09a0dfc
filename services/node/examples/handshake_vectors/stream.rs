//! What the engine's encrypted stream makes of a session: its two keys, and the first record of each end; and its records by hand, by the words of spec/handshake.md "After the handshake".
#![allow(dead_code, unreachable_pub, reason = "each program that includes this module uses a part of it")]

use commonware_cryptography::transcript::{Transcript, Version};
use commonware_cryptography::{ChaCha20Poly1305, Cipher as _};
use commonware_math::algebra::Random as _;
use commonware_runtime::deterministic::Runner;
use commonware_runtime::{Clock, Runner as _, Sink, Stream, Supervisor as _, mocks};
use commonware_stream::cups::{self, Cups};
use commonware_stream::{Handshake, Upgrader as _};
use commonware_utils::sequence::FixedBytes;
use rand_core::{CryptoRng, Rng as _};
use std::convert::Infallible;

/// Bytes of what stands before each record.
pub const HEADER_LEN: usize = 4 + TAG_LEN;
const TAG_LEN: usize = 16;
const MESSAGE_BYTES_MAX: u32 = 1 << 16;

/// A handshake that has taken place: both ends have its session.
#[derive(Clone)]
struct Agreed([u8; 32]);

impl Agreed {
    fn transcript(&self) -> Transcript {
        let mut transcript = Transcript::new(b"pan-session-v1\0", Version::V1);
        transcript.commit(&self.0[..]);
        transcript
    }
}

impl Handshake for Agreed {
    type PublicKey = ();
    type Error = Infallible;

    fn public_key(&self) {}

    async fn dial<E: Clock + CryptoRng, I: Stream, O: Sink>(self, _: E, _: &[u8], (): (), _: &mut I, _: &mut O) -> Result<Transcript, Infallible> {
        Ok(self.transcript())
    }

    async fn listen<E, I, O, B, F>(self, _: E, _: &[u8], _: B, _: &mut I, _: &mut O) -> Result<((), Transcript), Infallible>
    where
        E: Clock + CryptoRng,
        I: Stream,
        O: Sink,
        B: FnOnce(()) -> F + Send,
        F: Future<Output = bool> + Send,
    {
        Ok(((), self.transcript()))
    }
}

/// One direction, by hand.
pub struct Direction(Option<ChaCha20Poly1305>);

/// From the listener to the dialler, and back.
pub fn directions(session: &Transcript) -> [Direction; 2] {
    let stream = stream(session);
    [stream_cipher(stream.noise(b"cipher_l2d")), stream_cipher(stream.noise(b"cipher_d2l"))]
}

fn stream_cipher(noise: impl CryptoRng) -> Direction {
    Direction(Some(ChaCha20Poly1305::random(noise)))
}

impl Direction {
    pub fn seal(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut sealed = bytes.to_vec();
        let (next, tag) = self.0.take().unwrap().seal(&[], &mut sealed).unwrap();
        self.0 = Some(next);
        [&sealed[..], tag.as_ref()].concat()
    }

    pub fn open(&mut self, sealed: &[u8]) -> Vec<u8> {
        let (bytes, tag) = sealed.split_at(sealed.len() - TAG_LEN);
        let (mut bytes, tag) = (bytes.to_vec(), FixedBytes::new(<[u8; TAG_LEN]>::try_from(tag).unwrap()));
        self.0 = Some(self.0.take().unwrap().open(&[], &mut bytes, &tag).unwrap());
        bytes
    }

    /// A frame as it is sent.
    pub fn record(&mut self, frame: &[u8]) -> Vec<u8> {
        [self.seal(&(frame.len() as u32).to_be_bytes()), self.seal(frame)].concat()
    }

    /// How many bytes to read after a header.
    pub fn length(&mut self, header: &[u8]) -> usize {
        u32::from_be_bytes(self.open(header).try_into().unwrap()) as usize + TAG_LEN
    }
}

/// From the listener to the dialler, and back.
pub fn keys(session: &[u8; 32]) -> [[u8; 32]; 2] {
    let stream = stream(&Agreed(*session).transcript());
    let mut keys = [[0; 32]; 2];
    stream.noise(b"cipher_l2d").fill_bytes(&mut keys[0]);
    stream.noise(b"cipher_d2l").fill_bytes(&mut keys[1]);
    keys
}

/// What the keys are drawn from.
pub fn stream(session: &Transcript) -> Transcript {
    let mut stream = session.fork(b"_COMMONWARE_STREAM_CUPS");
    stream.commit(&[1][..]);
    stream
}

/// The first record of the listener, and of the dialler, if both send this frame first: as the engine makes them.
pub fn records(session: &[u8; 32], frame: &[u8]) -> [Vec<u8>; 2] {
    let frame = frame.to_vec();
    let cups = Cups::<_, ChaCha20Poly1305>::new(Agreed(*session), cups::Version::V1);
    Runner::default().start(|context| async move {
        let ((to_dialler, mut at_dialler), (to_listener, mut at_listener)) = (mocks::Channel::init(), mocks::Channel::init());
        let (_, unread) = mocks::Channel::init();
        let (mut dialler, _) = cups.clone().dial(context.child("dialler"), b"", MESSAGE_BYTES_MAX, (), unread, to_listener).await.unwrap();
        let (_, unread) = mocks::Channel::init();
        let ((), mut listener, _) = cups.clone().listen(context.child("listener"), b"", MESSAGE_BYTES_MAX, |()| async { true }, unread, to_dialler).await.unwrap();
        dialler.send(frame.clone()).await.unwrap();
        listener.send(frame.clone()).await.unwrap();
        let length = cups.record_len(frame.len());
        [all(&mut at_dialler, length).await, all(&mut at_listener, length).await]
    })
}

async fn all(stream: &mut impl Stream, length: usize) -> Vec<u8> {
    stream.recv(length).await.unwrap().coalesce().as_ref().to_vec()
}
