//! A door admits what honest peers send, shuts out who sends more in a message, and holds no more of anybody than a share.

use super::*;
use crate::identity::{PrivateKey, SEED_LEN};
use crate::trial::Blocked;
use commonware_codec::{DecodeExt as _, Encode as _};
use commonware_consensus::simplex::types::{Nullify, Vote};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_runtime::{Runner as _, Supervisor as _, deterministic};
use commonware_utils::NZUsize;
use mickai_proof::pantheon::ValidatorSet;
use std::time::Duration;
use zeroize::Zeroizing;

const BYTES_MAX: usize = 1_000;

fn peer(seed: u8) -> PublicKey {
    PrivateKey::from_seed_bytes(&Zeroizing::new([seed; SEED_LEN])).public().clone()
}

/// A network that hands over what a test puts into it.
#[derive(Debug)]
struct Network(mpsc::UnboundedReceiver<Message<PublicKey>>);

impl Receiver for Network {
    type Error = Closed;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, Closed> {
        self.0.recv().await.ok_or(Closed)
    }

    fn capacity(&self) -> NonZeroUsize {
        NZUsize!(7)
    }
}

/// Sends these lengths from these peers, and gives what was admitted and who was shut out.
async fn admitted(context: &deterministic::Context, sent: &[(u8, usize)]) -> (Vec<(PublicKey, IoBuf)>, Vec<PublicKey>) {
    let (network, receiver) = mpsc::unbounded_channel();
    let blocked = Blocked::default();
    let mut door = open(context.child("door"), Network(receiver), blocked.clone(), BYTES_MAX);
    assert_eq!(door.capacity().get(), 7 * limits::SMALL_MESSAGES);
    for (from, length) in sent {
        network.send((peer(*from), IoBuf::from(vec![*from; *length]))).unwrap();
    }
    drop(network);
    let mut messages = Vec::new();
    while let Ok(message) = door.recv().await {
        messages.push(message);
    }
    (messages, blocked.peers())
}

#[test]
fn a_message_that_no_honest_peer_sends_shuts_its_sender_out() {
    deterministic::Runner::default().start(|context| async move {
        let (messages, blocked) = admitted(&context, &[(1, BYTES_MAX), (2, BYTES_MAX + 1), (3, 1), (4, 0)]).await;
        let lengths: Vec<_> = messages.iter().map(|(from, message)| (from.clone(), message.len())).collect();
        assert_eq!(lengths, [(peer(1), BYTES_MAX), (peer(3), 1)]);
        assert!(messages[0].1.as_ref() == [1; BYTES_MAX]);
        assert_eq!(blocked, [peer(2), peer(4)]);
    });
}

#[test]
fn who_floods_loses_its_own_messages_and_nobody_elses() {
    deterministic::Runner::default().start(|context| async move {
        let flood = [vec![(1, BYTES_MAX); 50], vec![(2, BYTES_MAX)], vec![(3, 1); 50]].concat();
        let (messages, blocked) = admitted(&context, &flood).await;
        let count = |seed| messages.iter().filter(|(from, _)| *from == peer(seed)).count();
        let small = share_bytes(BYTES_MAX) / (1 + limits::MESSAGE_OVERHEAD_BYTES);
        assert_eq!([count(1), count(2), count(3)], [limits::WAITING_LARGEST_MAX, 1, small]);
        assert!(blocked.is_empty());
    });
}

#[test]
fn a_share_is_free_again_when_the_last_byte_is_let_go() {
    let share = Share::default();
    let hold = || share.hold(IoBuf::from(vec![7; BYTES_MAX]), BYTES_MAX + limits::MESSAGE_OVERHEAD_BYTES);
    let message = hold().unwrap();
    assert!(hold().is_none());
    let part = message.slice(10..20);
    drop(message);
    assert!(hold().is_none());
    drop(part);
    assert!(hold().is_some());
    assert_eq!(share.0.load(Ordering::Relaxed), 0);
}

/// The engine keeps every vote of a view until a later block is final: more of them than a share holds must come in, or none ever will be.
#[test]
fn votes_that_are_kept_leave_room_for_those_that_come() {
    deterministic::Runner::default().start(|context| async move {
        let (key, chain) = (PrivateKey::from_seed_bytes(&Zeroizing::new([1; SEED_LEN])), ChainId([7; ChainId::LEN]));
        let scheme = Scheme::signer(chain, &ValidatorSet::new(vec![key.public().key().clone()]).unwrap(), key).unwrap();
        let vote = Vote::<Scheme, Digest>::Nullify(Nullify::sign::<Digest>(&scheme, Round::new(Epoch::new(0), View::new(1))).unwrap()).encode();
        let (network, receiver) = mpsc::unbounded_channel();
        let bytes_max = Kind::Votes.bytes_max();
        let mut votes = Taken(open(context.child("door"), Network(receiver), Blocked::default(), bytes_max));
        let mut kept = Vec::new();
        while kept.len() * vote.len() <= 2 * share_bytes(bytes_max) {
            network.send((peer(1), IoBuf::from(vote.clone()))).unwrap();
            let (_, message) = votes.recv().await.unwrap();
            kept.push(Vote::<Scheme, Digest>::decode(message).unwrap());
        }
        assert!(kept.len() > 300 && kept.iter().all(|one| one.encode() == vote));
    });
}

#[test]
fn a_door_whose_channel_nobody_reads_any_more_is_shut() {
    deterministic::Runner::default().start(|context| async move {
        let (network, receiver) = mpsc::unbounded_channel();
        drop(open(context.child("door"), Network(receiver), Blocked::default(), BYTES_MAX));
        network.send((peer(1), IoBuf::from(vec![1]))).unwrap();
        network.closed().await;
        assert!(network.send((peer(1), IoBuf::from(vec![1]))).is_err());
    });
}

/// The kinds of a node's seven channels.
const CHANNELS: [Kind; 7] = [Kind::Votes, Kind::Votes, Kind::Votes, Kind::Backfill, Kind::Blocks, Kind::Transactions, Kind::Snapshots];

/// By how many times more than its bytes a block takes that is held: it stands there as it came, as the bodies that are signed, and read.
const BLOCK_COPIES: usize = 3;

#[test]
fn one_peer_cannot_fill_the_memory() {
    // What waits of one peer, on all channels: 80 MiB.
    let waiting: usize = CHANNELS.iter().map(|kind| share_bytes(kind.bytes_max())).sum();
    assert!(waiting < 80 << 20, "{waiting}");
    // With the blocks that it proposed: 160 MiB.
    let held = limits::PROPOSALS_KEPT * BLOCK_COPIES * Kind::Blocks.bytes_max();
    assert!(waiting + held < 160 << 20, "{held}");
    // What can come of it between two turns of the doors, if all of it is as large as the network reads: less than 1 GiB.
    let bursts: usize = CHANNELS.iter().map(|kind| kind.quota().burst_size().get() as usize).sum();
    let arriving = bursts * message_bytes_max() as usize;
    assert!(arriving < 1 << 30, "{arriving}");
    // What waits for it because it does not read, if all of it is blocks that it asked for: less than 1 GiB.
    let leaving = limits::OUTGOING_MAX * message_bytes_max() as usize;
    assert!(leaving < 1 << 30, "{leaving}");
}

/// A question of a few bytes has a node read a block of up to 8 MiB: it is answered less often than a vote is read.
#[test]
fn questions_for_blocks_have_a_pace_of_their_own() {
    let pace = |kind: Kind| (kind.quota().replenish_interval(), kind.quota().burst_size().get());
    assert_eq!(pace(Kind::Backfill), (Duration::from_secs(1) / limits::BACKFILL_PER_SECOND, limits::BACKFILL_BURST));
    assert!(pace(Kind::Votes).0 * 8 < pace(Kind::Backfill).0);
    // From one peer alone blocks still come faster than the fastest rounds make them, one in 30 ms, also where it asks for as many.
    assert!(pace(Kind::Backfill).0 * 2 < Duration::from_millis(30));
}

#[test]
fn the_largest_messages_are_those_of_the_spec() {
    assert_eq!(Kind::ALL.map(Kind::bytes_max), [211_891, 8_600_492, 8_600_492, 1_048_576, 1_048_593]);
    assert_eq!(message_bytes_max() as usize, Kind::Blocks.bytes_max());
}
