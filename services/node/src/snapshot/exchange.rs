//! A snapshot's way from one node to another, piece by piece.
//!
//! ```text
//! 00                                               which snapshot have you?
//! 01 ‖ u64 height ‖ u64 length                     this one
//! 02 ‖ u64 height ‖ u64 offset                     the bytes from there on, at most 1 MiB
//! 03 ‖ u64 height ‖ u64 offset ‖ bytes             here
//! ```
//!
//! *Trust.* A peer who lies costs time: its proof is checked before anything else is fetched of it, what it sends has to come at a least speed, and after its first lie, or silence, it is not asked again. At most a gigabyte or two behind a
//! genuine proof are fetched in vain, hashed, which is at most 256 hashes an entry and takes no memory, and removed.

use super::file::{Bounds, Snapshot, Unread, clear, create, head, keep, proof, read, slice};
use super::{HEAD_BYTES, Shelf};
use crate::error::{NodeError, SnapshotFault};
use crate::first::first;
use crate::identity::PublicKey;
use crate::limits;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::{Blob, Clock, Storage, WriteOptions};
use futures::future::Either;
use mickai_proof::digest::ChainId;
use mickai_proof::pantheon::Height;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What nodes say to each other about snapshots.
pub(super) enum Message<'a> {
    Which,
    This { height: Height, byte_count: u64 },
    BytesFrom { height: Height, offset: u64 },
    Bytes { height: Height, offset: u64, bytes: &'a [u8] },
}

impl<'a> Message<'a> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let (tag, height, number, bytes) = match self {
            Self::Which => return vec![0],
            Self::This { height, byte_count } => (1, height, byte_count, &[][..]),
            Self::BytesFrom { height, offset } => (2, height, offset, &[][..]),
            Self::Bytes { height, offset, bytes } => (3, height, offset, *bytes),
        };
        [&[tag][..], &height.0.to_be_bytes(), &number.to_be_bytes(), bytes].concat()
    }

    pub(super) fn parse(message: &'a [u8]) -> Option<Self> {
        let (tag, rest) = message.split_first()?;
        if *tag == 0 {
            return rest.is_empty().then_some(Self::Which);
        }
        let (height, rest) = rest.split_first_chunk::<8>()?;
        let (number, bytes) = rest.split_first_chunk::<8>()?;
        let (height, number) = (Height(u64::from_be_bytes(*height)), u64::from_be_bytes(*number));
        match tag {
            1 if bytes.is_empty() => Some(Self::This { height, byte_count: number }),
            2 if bytes.is_empty() => Some(Self::BytesFrom { height, offset: number }),
            3 if !bytes.is_empty() => Some(Self::Bytes { height, offset: number, bytes }),
            _ => None,
        }
    }
}

/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(2);
const CHUNK: u64 = limits::SNAPSHOT_CHUNK_BYTES as u64;

/// What a peer says that it has.
struct Offer {
    peer: PublicKey,
    height: Height,
    byte_count: u64,
}

/// Counts chunks by the second.
struct Pace {
    most: u32,
    since: SystemTime,
    count: u32,
}

impl Pace {
    fn new(most: u32, now: SystemTime) -> Self {
        Self { most, since: now, count: 0 }
    }

    /// When the second is over that is counted.
    fn end(&self) -> SystemTime {
        self.since + Duration::from_secs(1)
    }

    /// One more now, if it may be.
    fn take(&mut self, now: SystemTime) -> bool {
        if now >= self.end() {
            (self.since, self.count) = (now, 0);
        }
        self.count += 1;
        self.count <= self.most
    }
}

/// Answers peers from what is on the shelf, until the network ends.
pub(crate) async fn serve<B, S, R>(clock: impl Clock, shelf: Shelf<B>, (mut sender, mut receiver): (S, R))
where
    B: Blob,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    // One for each peer of this node's file at most.
    let mut paces: BTreeMap<PublicKey, Pace> = BTreeMap::new();
    while let Ok((peer, message)) = receiver.recv().await {
        let now = clock.current();
        let answer = match Message::parse(message.as_ref()) {
            Some(Message::Which) => {
                let Some(shown) = shelf.newest() else { continue };
                Message::This { height: shown.height, byte_count: shown.byte_count }.encode()
            }
            Some(Message::BytesFrom { height, offset }) => {
                if !paces.entry(peer.clone()).or_insert_with(|| Pace::new(limits::SNAPSHOT_CHUNKS_PER_SECOND, now)).take(now) {
                    continue;
                }
                let Some(shown) = shelf.read(height, now).filter(|shown| offset < shown.byte_count) else { continue };
                let count = usize::try_from((shown.byte_count - offset).min(CHUNK)).unwrap_or(usize::MAX);
                match slice(&*shown.blob, offset, count).await {
                    Ok(bytes) => Message::Bytes { height, offset, bytes: &bytes }.encode(),
                    Err(why) => {
                        tracing::warn!(height = height.0, %why, "a snapshot cannot be read");
                        continue;
                    }
                }
            }
            _ => continue,
        };
        sender.send(Recipients::One(peer), answer, false);
    }
}

/// Asks all peers for their newest snapshot, and takes the newest that proves itself into `partition`. Each peer is tried once; `None` where none has one.
///
/// # Errors
/// [`NodeError::Disk`].
pub(crate) async fn fetch<E, S, R>(context: &E, partition: &str, chain: ChainId, network: &mut (S, R)) -> Result<Option<Snapshot<E::Blob>>, NodeError>
where
    E: Clock + Storage,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    let incoming = incoming(partition);
    let mut tried = Vec::new();
    loop {
        // Asked again each time: what was offered before may have been replaced meanwhile.
        let offers = offers(context, network, &tried).await;
        let Some(offer) = offers.into_iter().max_by_key(|offer| (offer.height, Reverse(offer.byte_count))) else {
            if !tried.is_empty() {
                tracing::warn!("no peer's snapshot was taken: the chain is fetched from its first block, which peers that prune do not have");
            }
            return Ok(None);
        };
        tried.push(offer.peer.clone());
        let mut fetching = Fetching { context, chain, offer: &offer, network, pace: Pace::new(limits::SNAPSHOT_CHUNKS_PER_SECOND / 2, context.current()) };
        let taken = fetching.take(&incoming).await?;
        // Written anew, so that among a node's own there is nothing that it did not write itself.
        let own = match taken {
            Ok(Snapshot { proof, voters, ledger, .. }) => {
                let (blob, byte_count) = keep(context, partition, &proof.encode(), &ledger).await?;
                Some(Snapshot { blob: Arc::new(blob), byte_count, proof, voters, ledger, is_shown: true })
            }
            Err(why) => {
                tracing::warn!(peer = %offer.peer, height = offer.height.0, %why, "a peer's snapshot is not taken");
                None
            }
        };
        clear(context, &incoming).await?;
        if own.is_some() {
            return Ok(own);
        }
    }
}

/// The partition of what is being fetched for another.
pub(crate) fn incoming(partition: &str) -> String {
    format!("{partition}-incoming")
}

/// What the peers have that were not `tried`; those that answer within a moment of the first.
async fn offers<E: Clock, S: Sender<PublicKey = PublicKey>, R: Receiver<PublicKey = PublicKey>>(context: &E, (sender, receiver): &mut (S, R), tried: &[PublicKey]) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    for _ in 0..limits::SNAPSHOT_QUESTIONS_MAX {
        sender.send(Recipients::All, Message::Which.encode(), false);
        let end = context.current() + ANSWER;
        while let Either::Left(Ok((peer, message))) = first(receiver.recv(), context.sleep_until(end)).await {
            let Some(Message::This { height, byte_count }) = Message::parse(message.as_ref()) else { continue };
            if byte_count <= limits::SNAPSHOT_BYTES_MAX && !tried.contains(&peer) && offers.iter().all(|offer| offer.peer != peer) {
                offers.push(Offer { peer, height, byte_count });
            }
        }
        if !offers.is_empty() {
            break;
        }
    }
    offers
}

/// Why a peer's snapshot is not taken.
enum Refused {
    /// It did not send it, or not fast enough.
    Silent,
    /// It sent something else than it was asked for.
    OtherBytes,
    /// What it sent is no snapshot of this chain at the height that it said.
    Fault(SnapshotFault),
    /// Of another height.
    OtherHeight,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => write!(f, "it does not send it, or too slowly"),
            Self::OtherBytes => write!(f, "it sends something else than was asked for"),
            Self::Fault(why) => why.fmt(f),
            Self::OtherHeight => write!(f, "it is of another height"),
        }
    }
}

/// One peer's snapshot on its way here.
struct Fetching<'a, E, S, R> {
    context: &'a E,
    chain: ChainId,
    offer: &'a Offer,
    network: &'a mut (S, R),
    pace: Pace,
}

impl<E, S, R> Fetching<'_, E, S, R>
where
    E: Clock + Storage,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    /// The proof first: the rest is fetched only where it is wanted.
    async fn take(&mut self, partition: &str) -> Result<Result<Snapshot<E::Blob>, Refused>, NodeError> {
        let (height, byte_count) = (self.offer.height, self.offer.byte_count);
        let blob = create(self.context, partition, height).await?;
        let deadline = self.context.current() + ANSWER * limits::SNAPSHOT_QUESTIONS_MAX + Duration::from_secs(byte_count / limits::SNAPSHOT_BYTES_PER_SECOND_MIN);
        let chunks = byte_count.div_ceil(CHUNK);
        if let Err(refused) = self.download(&blob, 0..chunks.min(1), deadline).await? {
            return Ok(Err(refused));
        }
        let first = slice(&blob, 0, HEAD_BYTES.min(byte_count) as usize).await.map_err(NodeError::Disk)?;
        let Some((_, light_bytes)) =
            head(&first).filter(|(whole, light)| *whole == byte_count && *light <= limits::SNAPSHOT_PROOF_BYTES_MAX as u64 && *light <= byte_count - HEAD_BYTES)
        else {
            return Ok(Err(Refused::Fault(SnapshotFault::Malformed)));
        };
        let proven = (HEAD_BYTES + light_bytes).div_ceil(CHUNK);
        if let Err(refused) = self.download(&blob, 1..proven, deadline).await? {
            return Ok(Err(refused));
        }
        let light = slice(&blob, HEAD_BYTES, light_bytes as usize).await.map_err(NodeError::Disk)?;
        match proof(&light, self.chain, Bounds::PEER) {
            Err(why) => return Ok(Err(Refused::Fault(why))),
            Ok(proof) if proof.header.height != height => return Ok(Err(Refused::OtherHeight)),
            Ok(_) => {}
        }
        if let Err(refused) = self.download(&blob, proven.max(1)..chunks, deadline).await? {
            return Ok(Err(refused));
        }
        match read(Arc::new(blob), byte_count, self.chain, Bounds::PEER).await {
            Ok(snapshot) => Ok(Ok(snapshot)),
            Err(Unread::Disk(why)) => Err(NodeError::Disk(why)),
            Err(Unread::Torn) => Ok(Err(Refused::Fault(SnapshotFault::Malformed))),
            Err(Unread::Fault(why)) => Ok(Err(Refused::Fault(why))),
        }
    }

    /// These chunks, several on their way at a time.
    async fn download(&mut self, blob: &E::Blob, chunks: Range<u64>, deadline: SystemTime) -> Result<Result<(), Refused>, NodeError> {
        let (mut next, mut on_their_way, mut questions) = (chunks.start, BTreeSet::new(), 0);
        let mut heard = self.context.current();
        while next < chunks.end || !on_their_way.is_empty() {
            let now = self.context.current();
            while next < chunks.end && on_their_way.len() < limits::SNAPSHOT_CHUNKS_AHEAD && self.pace.take(now) {
                self.ask(next);
                on_their_way.insert(next);
                next += 1;
            }
            let wake = if on_their_way.is_empty() { self.pace.end() } else { heard + ANSWER };
            match first(self.network.1.recv(), self.context.sleep_until(wake.min(deadline))).await {
                Either::Left(Ok((peer, message))) if peer == self.offer.peer => {
                    let Some(Message::Bytes { height, offset, bytes }) = Message::parse(message.as_ref()) else { continue };
                    let (chunk, rest) = (offset / CHUNK, offset % CHUNK);
                    if height != self.offer.height || rest != 0 || !on_their_way.remove(&chunk) {
                        continue;
                    }
                    if bytes.len() as u64 != CHUNK.min(self.offer.byte_count - offset) {
                        return Ok(Err(Refused::OtherBytes));
                    }
                    blob.write_at(offset, bytes.to_vec(), WriteOptions::default()).await.map_err(NodeError::Disk)?;
                    (heard, questions) = (self.context.current(), 0);
                }
                Either::Left(Ok(_)) => {}
                Either::Left(Err(_)) => return Ok(Err(Refused::Silent)),
                Either::Right(()) if on_their_way.is_empty() && self.context.current() < deadline => {}
                Either::Right(()) => {
                    questions += 1;
                    heard = self.context.current();
                    if questions >= limits::SNAPSHOT_QUESTIONS_MAX || heard >= deadline {
                        return Ok(Err(Refused::Silent));
                    }
                    on_their_way.iter().for_each(|chunk| self.ask(*chunk));
                }
            }
        }
        Ok(Ok(()))
    }

    fn ask(&mut self, chunk: u64) {
        let question = Message::BytesFrom { height: self.offer.height, offset: chunk * CHUNK }.encode();
        self.network.0.send(Recipients::One(self.offer.peer.clone()), question, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_chunks() {
        let begun = SystemTime::UNIX_EPOCH;
        let mut pace = Pace::new(3, begun);
        let taken = |pace: &mut Pace, ms: u64| pace.take(begun + Duration::from_millis(ms));
        assert_eq!([0, 1, 999, 999, 1_000, 1_500, 1_999, 1_999, 2_000].map(|ms| taken(&mut pace, ms)), [true, true, true, false, true, true, true, false, true]);
    }
}
