//! A light proof by what a node has: the newest certificate, and every change of the validators before it.

use crate::chain::{Chain, Shown, Turn};
use crate::engines::Store;
use crate::error::NodeError;
use crate::votes;
use commonware_consensus::types::Height as EngineHeight;
use mickai_ledger::Ledger;
use mickai_proof::pantheon::light::Change;
use mickai_proof::pantheon::{Certificate, Header, Height, LightProof, StateKey, ValidatorSet};
use std::sync::Arc;

/// From genesis to a final block, nothing of it copied.
struct Way {
    /// The block's own.
    certificate: Certificate,
    /// Who votes after each turn, and what shows it.
    turns: Vec<(Arc<ValidatorSet>, Arc<Shown>)>,
}

/// Shows entries of the state after a final block; `None` where its own certificate is not here.
///
/// # Errors
/// [`NodeError::Missing`] where its block, or one at which validators changed, is not here any more.
pub(crate) async fn prove(chain: &Chain, store: &Store, ledger: &Ledger, keys: &[StateKey]) -> Result<Option<LightProof>, NodeError> {
    let at = ledger.height();
    let Some(Way { certificate, turns }) = way(chain, store, at).await? else { return Ok(None) };
    let header = header(store, at).await.ok_or(NodeError::Missing(at))?;
    let change = |(set, shown): (Arc<ValidatorSet>, Arc<Shown>)| Change { header: shown.header.clone(), certificate: shown.certificate.clone(), next: (*set).clone() };
    let changes = turns.into_iter().map(change).collect();
    let entries = keys.iter().map(|key| ledger.state().prove(key.clone())).collect();
    Ok(Some(LightProof { head: chain.head().clone(), changes, header, certificate, entries }))
}

/// Bytes of the changes that such a proof passes through; `None` as there.
///
/// # Errors
/// As [`prove`].
pub(crate) async fn byte_count(chain: &Chain, store: &Store, ledger: &Ledger) -> Result<Option<usize>, NodeError> {
    let way = way(chain, store, ledger.height()).await?;
    Ok(way.map(|way| way.turns.iter().map(|(_, shown)| shown.byte_count).sum()))
}

async fn way(chain: &Chain, store: &Store, at: Height) -> Result<Option<Way>, NodeError> {
    let Some(certificate) = certificate(store, at).await else { return Ok(None) };
    let mut turns = Vec::new();
    // A turn after this very block is not one that led to it.
    for turn in chain.turns(Height(at.0.saturating_sub(1))) {
        let shown = shown(chain, store, &turn).await?;
        turns.push((turn.set, shown));
    }
    Ok(Some(Way { certificate, turns }))
}

/// What shows a turn, remembered: its block may be pruned later.
async fn shown(chain: &Chain, store: &Store, turn: &Turn) -> Result<Arc<Shown>, NodeError> {
    if let Some(shown) = &turn.shown {
        return Ok(shown.clone());
    }
    let missing = || NodeError::Missing(turn.height);
    let header = header(store, turn.height).await.ok_or_else(missing)?;
    let certificate = certificate(store, turn.height).await.ok_or_else(missing)?;
    let shown = Arc::new(Shown::new(header, certificate, &turn.set));
    chain.remember(turn.height, shown.clone());
    Ok(shown)
}

/// That a block is final; not for every block there is one: a later one's says it too.
pub(crate) async fn certificate(store: &Store, at: Height) -> Option<Certificate> {
    votes::certificate(&store.get_finalization(EngineHeight::new(at.0)).await?)
}

async fn header(store: &Store, at: Height) -> Option<Header> {
    let block = store.get_block(EngineHeight::new(at.0)).await?;
    block.inner().block().map(|block| block.header.clone())
}
