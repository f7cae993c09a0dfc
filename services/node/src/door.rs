//! Where the messages of peers come in. Each channel has a largest message: who sends a larger one, or an empty one, is shut out. Each peer has a share of this node's memory on it: what comes on top is dropped.
//!
//! *Trust.* A peer has proved which of the configured keys it holds, and may still send anything; what it gains by flooding is that its own messages are lost. The engine's network alone would read a message of any channel's
//! largest size on every channel, and keep as many as all peers together may send at once for whoever reads slowly, or not yet. So the door reads at once, whatever else the node does, and a message counts in its sender's
//! share until its last byte is let go, wherever in the node it waits. What the engine keeps of votes and certificates, until a block is final, waits no longer ([`Taken`]); what it keeps of blocks that are proposed is bounded by their number.

use crate::identity::PublicKey;
use crate::limits;
use crate::scheme::Scheme;
use crate::sealed::Sealed;
use crate::snapshot;
use bytes::Bytes;
use commonware_consensus::marshal::standard::Standard;
use commonware_consensus::{marshal, simplex};
use commonware_cryptography::sha256::Digest;
use commonware_p2p::utils::mux::prefixed;
use commonware_p2p::{Blocker, Message, Receiver, block, max_message_size};
use commonware_runtime::{IoBuf, Quota, Spawner};
use commonware_utils::channel::mpsc;
use commonware_utils::{NZU32, NZUsize};
use mickai_proof::digest::ChainId;
use mickai_proof::limits::SEATS_MAX;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a channel carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Votes, certificates, or questions for them and answers.
    Votes,
    /// Questions for blocks, and answers.
    Backfill,
    /// Blocks that are proposed.
    Blocks,
    /// Transactions.
    Transactions,
    /// Questions for snapshots, and pieces of them.
    Snapshots,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Votes, Self::Backfill, Self::Blocks, Self::Transactions, Self::Snapshots];

    /// Bytes of the largest message.
    pub(crate) fn bytes_max(self) -> usize {
        let seats = SEATS_MAX as u32;
        match self {
            Self::Votes => prefixed(simplex::max_payload_size::<Scheme, Digest>(seats)),
            // Whichever chain it is.
            Self::Backfill | Self::Blocks => marshal::max_payload_size::<Standard<Sealed>, Scheme>(seats, &ChainId([0; ChainId::LEN])),
            Self::Transactions => limits::GOSSIP_BYTES_MAX,
            Self::Snapshots => snapshot::MESSAGE_BYTES_MAX,
        }
    }

    /// How often one peer may send one, and how many at once, and how often one is sent to it: each way questions and answers together.
    pub(crate) fn quota(self) -> Quota {
        let votes = Quota::per_second(NZU32!(limits::MESSAGES_PER_SECOND));
        match self {
            Self::Votes => votes.allow_burst(NZU32!(limits::BURST)),
            Self::Backfill => Quota::per_second(NZU32!(limits::BACKFILL_PER_SECOND)).allow_burst(NZU32!(limits::BACKFILL_BURST)),
            Self::Blocks => votes.allow_burst(NZU32!(limits::BLOCK_BURST)),
            Self::Transactions => Quota::per_second(NZU32!(limits::GOSSIP_PER_SECOND)).allow_burst(NZU32!(limits::GOSSIP_BURST)),
            Self::Snapshots => Quota::per_second(NZU32!(limits::SNAPSHOT_MESSAGES_PER_SECOND)).allow_burst(NZU32!(limits::BLOCK_BURST)),
        }
    }
}

/// The largest message that nodes send each other: a block, with what stands around it.
pub fn message_bytes_max() -> u32 {
    max_message_size(&Kind::ALL.map(Kind::bytes_max))
}

/// How much may wait of one peer on a channel of this largest message.
const fn share_bytes(bytes_max: usize) -> usize {
    limits::WAITING_LARGEST_MAX * (bytes_max + limits::MESSAGE_OVERHEAD_BYTES)
}

/// Reads a channel from now on, and hands out what is admitted.
pub(crate) fn open<E, R, B>(context: E, mut network: R, mut blocker: B, bytes_max: usize) -> Admitted
where
    E: Spawner,
    R: Receiver<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
{
    // Not bounded by a number: the shares bound it, and whatever queues behind it may be as long as shares of small messages are.
    let (admitted, messages) = mpsc::unbounded_channel();
    let capacity = network.capacity().saturating_mul(NZUsize!(limits::SMALL_MESSAGES));
    context.spawn(move |_| async move {
        // Only configured peers are connected: there are no more entries than those.
        let mut shares: BTreeMap<PublicKey, Share> = BTreeMap::new();
        while let Ok((peer, message)) = network.recv().await {
            if message.is_empty() || message.len() > bytes_max {
                block!(blocker, peer, bytes = message.len(), bytes_max, "a message that no honest peer sends");
                continue;
            }
            let Some(message) = shares.entry(peer.clone()).or_default().hold(message, share_bytes(bytes_max)) else {
                tracing::debug!(%peer, "a message beyond its sender's share");
                continue;
            };
            if admitted.send((peer, message)).is_err() {
                return;
            }
        }
    });
    Admitted { messages, capacity }
}

/// What one peer has waiting on one channel, in bytes.
#[derive(Default)]
struct Share(Arc<AtomicUsize>);

impl Share {
    /// The message, counted; nothing where there is no room for it. Only the door's task adds to a share.
    fn hold(&self, message: IoBuf, bytes_max: usize) -> Option<IoBuf> {
        let bytes = message.len() + limits::MESSAGE_OVERHEAD_BYTES;
        if self.0.load(Ordering::Relaxed) + bytes > bytes_max {
            return None;
        }
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Some(Bytes::from_owner(Held { message, share: self.0.clone(), bytes }).into())
    }
}

/// The bytes of a message, counted until nobody refers to them.
struct Held {
    message: IoBuf,
    share: Arc<AtomicUsize>,
    bytes: usize,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.message.as_ref()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.share.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The admitted messages of a channel.
#[derive(Debug)]
pub(crate) struct Admitted {
    messages: mpsc::UnboundedReceiver<Message<PublicKey>>,
    capacity: NonZeroUsize,
}

/// Messages for one who keeps parts of them, as the engine keeps the signatures of votes: what he takes waits no longer and leaves its sender's share, and he gets a copy. What he keeps, he bounds himself.
///
/// Counted in the share, what the engine keeps would fill it while no block becomes final, and then the votes would be dropped that could make one final.
#[derive(Debug)]
pub(crate) struct Taken<R>(pub(crate) R);

impl<R: Receiver> Receiver for Taken<R> {
    type Error = R::Error;
    type PublicKey = R::PublicKey;

    async fn recv(&mut self) -> Result<Message<R::PublicKey>, R::Error> {
        let (peer, message) = self.0.recv().await?;
        Ok((peer, IoBuf::from(message.as_ref().to_vec())))
    }

    fn capacity(&self) -> NonZeroUsize {
        self.0.capacity()
    }
}

/// The network has ended.
#[derive(Debug)]
pub(crate) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the network has ended")
    }
}

impl std::error::Error for Closed {}

impl Receiver for Admitted {
    type Error = Closed;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, Closed> {
        self.messages.recv().await.ok_or(Closed)
    }

    fn capacity(&self) -> NonZeroUsize {
        self.capacity
    }
}

#[cfg(test)]
mod tests;
