//! A light proof by what a node has: the newest certificate, and every change of the validators before it.

use crate::chain::{Chain, Turn};
use crate::engines::Store;
use crate::error::NodeError;
use crate::votes;
use commonware_consensus::types::Height as EngineHeight;
use mickai_ledger::Ledger;
use mickai_proof::pantheon::light::Change;
use mickai_proof::pantheon::{Certificate, Header, Height, LightProof, StateKey};

/// Shows entries of the state after a final block; `None` where its own certificate is not here.
///
/// # Errors
/// [`NodeError::Missing`] where its block, or one at which validators changed, is not here any more.
pub(crate) async fn prove(chain: &Chain, store: &Store, ledger: &Ledger, keys: &[StateKey]) -> Result<Option<LightProof>, NodeError> {
    let at = ledger.height();
    let Some(certificate) = certificate(store, at).await else { return Ok(None) };
    let header = header(store, at).await.ok_or(NodeError::Missing(at))?;
    let mut changes = Vec::new();
    // A turn after this very block is not one that led to it.
    for turn in chain.turns(Height(at.0.saturating_sub(1))) {
        let (header, certificate) = shown(chain, store, &turn).await?;
        changes.push(Change { header, certificate, next: (*turn.set).clone() });
    }
    let entries = keys.iter().map(|key| ledger.state().prove(key.clone())).collect();
    Ok(Some(LightProof { head: chain.head().clone(), changes, header, certificate, entries }))
}

/// What shows a turn, remembered: its block may be pruned later.
async fn shown(chain: &Chain, store: &Store, turn: &Turn) -> Result<(Header, Certificate), NodeError> {
    if let Some(shown) = &turn.shown {
        return Ok((**shown).clone());
    }
    let missing = || NodeError::Missing(turn.height);
    let header = header(store, turn.height).await.ok_or_else(missing)?;
    let certificate = certificate(store, turn.height).await.ok_or_else(missing)?;
    chain.remember(turn.height, header.clone(), certificate.clone());
    Ok((header, certificate))
}

/// That a block is final; not for every block there is one: a later one's says it too.
pub(crate) async fn certificate(store: &Store, at: Height) -> Option<Certificate> {
    votes::certificate(&store.get_finalization(EngineHeight::new(at.0)).await?)
}

async fn header(store: &Store, at: Height) -> Option<Header> {
    let block = store.get_block(EngineHeight::new(at.0)).await?;
    block.inner().block().map(|block| block.header.clone())
}
