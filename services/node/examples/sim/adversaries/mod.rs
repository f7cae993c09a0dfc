//! Validators that cheat, one file each: the first sentence says how. Each runs until its context ends.

use super::network::{Heard, Network, Running, Said};
use super::plan::Cheat;
use commonware_codec::varint::UInt;
use commonware_codec::{DecodeExt as _, Encode as _, ReadExt as _};
use commonware_consensus::simplex::types::Vote;
use commonware_cryptography::sha256::Digest;
use commonware_p2p::{Recipients, Sender as _};
use commonware_runtime::deterministic::Context;
use commonware_runtime::{IoBuf, Supervisor as _};
use mickai_node::identity::PublicKey;
use mickai_node::{Handle, Scheme};

mod double_voter;

mod equivocator;

mod flooder;

mod invalid_proposer;

mod replayer;

mod twin;

mod withholder;

mod yes_sayer;

/// Starts the cheat at this place. `honest` is where it looks up what everybody knows. A cheat that runs real nodes gives them back, so that they live as long as the run.
pub async fn start(cheat: Cheat, context: &Context, network: &Network, at: usize, cheat_count: usize, honest: &Handle) -> Vec<Running> {
    let context = context.child("cheat").with_attribute("at", at);
    match cheat {
        Cheat::DoubleVoter => double_voter::start(context, network, at, honest).await,
        Cheat::Equivocator => equivocator::start(context, network, at, honest).await,
        Cheat::Flooder => flooder::start(context, network, at, honest).await,
        Cheat::InvalidProposer => invalid_proposer::start(context, network, at, honest).await,
        Cheat::Replayer => replayer::start(context, network, at).await,
        Cheat::YesSayer => yes_sayer::start(context, network, at, honest).await,
        Cheat::Twin => return twin::start(context, network, at, cheat_count).await,
        Cheat::Withholder => return withholder::start(context, network, at).await,
    }
    Vec::new()
}

type EngineVote = Vote<Scheme, Digest>;

/// A vote as it goes over the channel of votes: the epoch, then the engine's message.
fn framed(epoch: u64, vote: &EngineVote) -> IoBuf {
    IoBuf::from([UInt(epoch).encode(), vote.encode()].concat())
}

fn unframed(message: IoBuf) -> Option<(u64, EngineVote)> {
    let mut rest = message;
    let epoch: u64 = UInt::read(&mut rest).ok()?.into();
    Some((epoch, EngineVote::decode(rest).ok()?))
}

fn say(to: &mut Said, whom: Recipients<PublicKey>, message: IoBuf) {
    to.send(whom, message, true);
}

/// The next message of a channel; `None` once the network is gone.
async fn hear(from: &mut Heard) -> Option<IoBuf> {
    commonware_p2p::Receiver::recv(from).await.ok().map(|(_, message)| message)
}
