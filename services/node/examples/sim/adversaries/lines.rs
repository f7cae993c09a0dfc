//! The engine's messages as cheats read and write them.

use crate::network::{Heard, Said};
use commonware_codec::varint::UInt;
use commonware_codec::{DecodeExt as _, Encode as _, ReadExt as _};
use commonware_consensus::simplex::types::Vote;
use commonware_cryptography::sha256::Digest;
use commonware_p2p::{Recipients, Sender as _};
use commonware_runtime::IoBuf;
use mickai_node::Scheme;
use mickai_node::identity::PublicKey;

pub type EngineVote = Vote<Scheme, Digest>;

/// A vote as it goes over the channel of votes: the epoch, then the engine's message.
pub fn framed(epoch: u64, vote: &EngineVote) -> IoBuf {
    IoBuf::from([UInt(epoch).encode(), vote.encode()].concat())
}

pub fn unframed(message: IoBuf) -> Option<(u64, EngineVote)> {
    let mut rest = message;
    let epoch: u64 = UInt::read(&mut rest).ok()?.into();
    Some((epoch, EngineVote::decode(rest).ok()?))
}

pub fn say(to: &mut Said, whom: Recipients<PublicKey>, message: IoBuf) {
    to.send(whom, message, true);
}

/// The next message of a channel; `None` once the network is gone.
pub async fn hear(from: &mut Heard) -> Option<IoBuf> {
    commonware_p2p::Receiver::recv(from).await.ok().map(|(_, message)| message)
}
