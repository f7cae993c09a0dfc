//! Proposes, when it leads, a block whose state is not what follows from its transactions, or one with a checkpoint that contradicts a settled one, and votes for it.

use super::{framed, hear, say, unframed};
use crate::common::Account;
use crate::load::{contradiction, nonce};
use crate::logs;
use crate::network::Network;
use commonware_codec::Encode as _;
use commonware_consensus::simplex::types::{Finalize, Notarize, Proposal, Vote};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_p2p::Recipients;
use commonware_runtime::deterministic::Context;
use commonware_runtime::{Clock as _, IoBuf, Spawner as _};
use mickai_ledger::{Ledger, Library, Slot};
use mickai_node::identity::PrivateKey;
use mickai_node::{Handle, Scheme, Sealed, votes};
use mickai_proof::digest::StateHash;
use mickai_proof::pantheon::{Block, Header, Transaction, transactions_root};
use std::time::UNIX_EPOCH;

pub async fn start(context: Context, network: &Network, at: usize, honest: &Handle) {
    let (mut said, mut heard) = network.channel(at, 0).await;
    let (mut blocks, _) = network.channel(at, 4).await;
    let (key, honest) = (network.keys[at].clone(), honest.clone());
    context.spawn(move |context| async move {
        let mut last = None;
        while let Some(message) = hear(&mut heard).await {
            let Some((epoch, Vote::Finalize(vote))) = unframed(message) else { continue };
            // What follows the block that is being finalised; the honest node knows its ledger a moment later at most, and then another vote says so.
            let ledger = honest.ledger();
            let view = vote.proposal.round.view().get() + 1;
            if ledger.tip() != votes::block_id(&vote.proposal.payload) || last == Some((epoch, view)) {
                continue;
            }
            let seats = ledger.validators().keys().len() as u64;
            let leader = ledger.validators().keys().get(((epoch + view) % seats) as usize);
            let Some(scheme) = Scheme::signer(honest.chain(), ledger.validators(), key.clone()).filter(|_| leader == Some(key.public().key())) else { continue };
            last = Some((epoch, view));
            let time_ms = context.current().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
            let Some(sealed) = lie(&ledger, &key, view, time_ms) else { continue };
            say(&mut blocks, Recipients::All, IoBuf::from(sealed.encode()));
            let round = Round::new(Epoch::new(epoch), View::new(view));
            let proposal = Proposal::new(round, vote.proposal.round.view(), votes::digest(sealed.id()));
            let notarize = Notarize::sign(&scheme, proposal.clone()).map(Vote::Notarize);
            let finalize = Finalize::sign(&scheme, proposal).map(Vote::Finalize);
            for vote in [notarize, finalize].into_iter().flatten() {
                say(&mut said, Recipients::All, framed(epoch, &vote));
            }
        }
    });
}

/// Every other time, once a log has settled, a checkpoint that contradicts it; else the state is wrong.
fn lie(ledger: &Ledger, key: &PrivateKey, view: u64, time_ms: u64) -> Option<Sealed> {
    let proposer = ledger.state().seats().iter().find(|seat| seat.key == *key.public().key())?.account;
    let header = ledger.assemble(Slot { view, time_ms, proposer }, [], &Library).ok()?.block.header;
    let block = match contradicting(ledger) {
        Some(transaction) if view.is_multiple_of(2) => {
            let transactions = vec![transaction];
            Block { header: Header { transaction_count: 1, transactions: transactions_root(&transactions), ..header }, transactions }
        }
        _ => Block { header: Header { state: StateHash([0x66; 32]), ..header }, transactions: Vec::new() },
    };
    Some(Sealed::new(block))
}

/// All its signatures are good.
fn contradicting(ledger: &Ledger) -> Option<Transaction> {
    let [log, _] = logs::all();
    let newest = ledger.state().log(log.id)?.newest.as_ref()?;
    let account = Account::new(90);
    Some(account.transaction(ledger.chain(), nonce(ledger, &account), contradiction(&log, newest.size, newest.root.0[0], true)))
}
