//! A snapshot's way from one node to another, piece by piece.
//!
//! ```text
//! 00                                               which snapshot have you?
//! 01 ‖ u64 height ‖ u64 length                     this one
//! 02 ‖ u64 height ‖ u64 offset                     the bytes from there on, at most 1 MiB
//! 03 ‖ u64 height ‖ u64 offset ‖ bytes             here
//! ```

use super::file::{Snapshot, create, read, slice};
use super::{CHUNK_BYTES, Shelf};
use crate::error::NodeError;
use crate::first::first;
use crate::identity::PublicKey;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::{Blob, Clock, Storage, WriteOptions};
use futures::future::Either;
use mickai_proof::digest::ChainId;
use mickai_proof::pantheon::Height;
use std::sync::Arc;
use std::time::Duration;

/// What nodes say to each other about snapshots.
enum Message<'a> {
    Which,
    This { height: Height, byte_count: u64 },
    BytesFrom { height: Height, offset: u64 },
    Bytes { height: Height, offset: u64, bytes: &'a [u8] },
}

impl<'a> Message<'a> {
    fn encode(&self) -> Vec<u8> {
        let (tag, height, number, bytes) = match self {
            Self::Which => return vec![0],
            Self::This { height, byte_count } => (1, height, byte_count, &[][..]),
            Self::BytesFrom { height, offset } => (2, height, offset, &[][..]),
            Self::Bytes { height, offset, bytes } => (3, height, offset, *bytes),
        };
        [&[tag][..], &height.0.to_be_bytes(), &number.to_be_bytes(), bytes].concat()
    }

    fn parse(message: &'a [u8]) -> Option<Self> {
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

/// How long an answer is waited for, and how often it is asked for.
const ANSWER: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 5;
/// The largest snapshot that is taken from a peer: it is held in memory once.
const SNAPSHOT_BYTES_MAX: u64 = 8 << 30;

struct Offer {
    peer: PublicKey,
    height: Height,
    byte_count: u64,
}

/// Answers peers from what is on the shelf, until the network ends.
pub(crate) async fn serve<B, S, R>(shelf: Shelf<B>, (mut sender, mut receiver): (S, R))
where
    B: Blob,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    while let Ok((peer, message)) = receiver.recv().await {
        let answer = match Message::parse(message.as_ref()) {
            Some(Message::Which) => {
                let Some(shown) = shelf.newest() else { continue };
                Message::This { height: shown.height, byte_count: shown.byte_count }.encode()
            }
            Some(Message::BytesFrom { height, offset }) => {
                let Some(shown) = shelf.at(height).filter(|shown| offset < shown.byte_count) else { continue };
                let count = usize::try_from(shown.byte_count - offset).unwrap_or(usize::MAX).min(CHUNK_BYTES);
                let Some(bytes) = slice(&*shown.blob, offset, count).await else { continue };
                Message::Bytes { height, offset, bytes: &bytes }.encode()
            }
            _ => continue,
        };
        sender.send(Recipients::One(peer), answer, false);
    }
}

/// Asks all peers for their newest snapshot, and takes the newest that proves itself. `None` where nobody has one.
pub(crate) async fn fetch<E, S, R>(context: &E, partition: &str, chain: ChainId, network: &mut (S, R)) -> Result<Option<Snapshot<E::Blob>>, NodeError>
where
    E: Clock + Storage,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    // A peer may have put newer ones in the place of what it offered: then it is asked again.
    for _ in 0..ATTEMPTS {
        let mut offers = offers(context, network).await;
        if offers.is_empty() {
            return Ok(None);
        }
        offers.sort_by_key(|offer| offer.height);
        while let Some(offer) = offers.pop() {
            let blob = create(context, partition, offer.height).await?;
            if !download(context, &blob, &offer, network).await? {
                continue;
            }
            blob.sync().await.map_err(NodeError::Disk)?;
            match read(Arc::new(blob), offer.byte_count, chain).await {
                Some(snapshot) if snapshot.ledger.height() == offer.height => return Ok(Some(snapshot)),
                _ => tracing::warn!(peer = %offer.peer, "a peer's snapshot does not prove itself"),
            }
        }
    }
    Ok(None)
}

/// What the peers have; those that answer within a moment of the first.
async fn offers<E: Clock, S: Sender<PublicKey = PublicKey>, R: Receiver<PublicKey = PublicKey>>(context: &E, (sender, receiver): &mut (S, R)) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    for _ in 0..ATTEMPTS {
        sender.send(Recipients::All, Message::Which.encode(), false);
        let end = context.current() + ANSWER;
        while let Either::Left(Ok((peer, message))) = first(receiver.recv(), context.sleep_until(end)).await {
            let Some(Message::This { height, byte_count }) = Message::parse(message.as_ref()) else { continue };
            if byte_count <= SNAPSHOT_BYTES_MAX && offers.iter().all(|offer| offer.peer != peer) {
                offers.push(Offer { peer, height, byte_count });
            }
        }
        if !offers.is_empty() {
            break;
        }
    }
    offers
}

/// False where the peer stopped answering.
async fn download<E, S, R>(context: &E, blob: &E::Blob, offer: &Offer, (sender, receiver): &mut (S, R)) -> Result<bool, NodeError>
where
    E: Clock + Storage,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    let (mut offset, mut failures) = (0, 0);
    while offset < offer.byte_count {
        let question = Message::BytesFrom { height: offer.height, offset }.encode();
        sender.send(Recipients::One(offer.peer.clone()), question, false);
        let Some(bytes) = answer(context, offer, offset, receiver).await else {
            failures += 1;
            if failures == ATTEMPTS {
                return Ok(false);
            }
            continue;
        };
        failures = 0;
        let count = bytes.len() as u64;
        blob.write_at(offset, bytes, WriteOptions::default()).await.map_err(NodeError::Disk)?;
        offset += count;
    }
    Ok(true)
}

async fn answer<E: Clock, R: Receiver<PublicKey = PublicKey>>(context: &E, offer: &Offer, offset: u64, receiver: &mut R) -> Option<Vec<u8>> {
    let end = context.current() + ANSWER;
    while let Either::Left(Ok((peer, message))) = first(receiver.recv(), context.sleep_until(end)).await {
        let left = offer.byte_count - offset;
        let Some(Message::Bytes { height, offset: from, bytes }) = Message::parse(message.as_ref()) else { continue };
        if peer == offer.peer && height == offer.height && from == offset && bytes.len() as u64 <= left {
            return Some(bytes.to_vec());
        }
    }
    None
}
