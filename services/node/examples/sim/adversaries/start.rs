//! Puts a cheat in its place.

use super::{double_voter, equivocator, flooder, forger, invalid_proposer, replayer, twin, withholder, yes_sayer};
use crate::network::{Network, Running};
use crate::plan::Cheat;
use commonware_runtime::Supervisor as _;
use commonware_runtime::deterministic::Context;
use mickai_node::Handle;

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
        Cheat::Forger => return forger::start(context, network, at).await,
        Cheat::Twin => return twin::start(context, network, at, cheat_count).await,
        Cheat::Withholder => return withholder::start(context, network, at).await,
    }
    Vec::new()
}
