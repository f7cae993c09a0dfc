//! Where final blocks and their certificates lie: two archives of the engine's, under names that stay.
//!
//! *Trust.* At a start the blocks after the snapshot are executed again without their signatures: a quorum answered for them when they came in. Whoever can change these files, which are checked for accidents alone, can make the node believe
//! and show another history from the snapshot on, and vote for blocks that build on it; what it then proposes, or proves to others, fails at the first certificate of a real validator set. He could as well read the key beside them.

use crate::error::NodeError;
use crate::scheme::Scheme;
use crate::sealed::Sealed;
use commonware_consensus::simplex::types::Finalization;
use commonware_cryptography::certificate::Verifier;
use commonware_cryptography::sha256::Digest;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_runtime::{Clock, Metrics, Storage};
use commonware_storage::archive::{Archive as _, prunable};
use commonware_storage::translator::EightCap;
use commonware_utils::{NZU16, NZU64, NZUsize};
use mickai_proof::digest::ChainId;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;

/// Items that are pruned together. Stored records depend on it: it never changes.
pub(crate) const ITEMS_PER_SECTION: NonZeroU64 = NZU64!(1_024);
pub(crate) const WRITE_BUFFER: NonZeroUsize = NZUsize!(1 << 20);
pub(crate) const REPLAY_BUFFER: NonZeroUsize = NZUsize!(1 << 20);

pub(crate) type Blocks<E> = prunable::Archive<EightCap, E, Digest, Arc<Sealed>>;
pub(crate) type Certificates<E> = prunable::Archive<EightCap, E, Digest, Finalization<Scheme, Digest>>;

/// Both archives of one node, and the cache of pages that all its journals share.
pub(crate) struct Archives<E: Storage + Metrics + Clock> {
    pub(crate) blocks: Blocks<E>,
    pub(crate) certificates: Certificates<E>,
    pub(crate) cache: CacheRef,
}

impl<E: Storage + Metrics + Clock> Archives<E> {
    pub(crate) async fn open(context: &E, name: &str, chain: ChainId) -> Result<Self, NodeError> {
        let cache = CacheRef::new(NZU16!(4_096), NZUsize!(2_048));
        let blocks = prunable::Archive::init(context.child("blocks"), config(name, "blocks", &cache, chain)).await.map_err(NodeError::Storage)?;
        let certificates = config(name, "certificates", &cache, Scheme::certificate_codec_config_unbounded());
        let certificates = prunable::Archive::init(context.child("finalizations"), certificates).await.map_err(NodeError::Storage)?;
        Ok(Self { blocks, certificates, cache })
    }

    /// The height of the first block that is here.
    pub(crate) fn first(&self) -> Option<u64> {
        self.blocks.first_index()
    }

    /// Is there no block yet?
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.last_index().is_none()
    }
}

fn config<C>(name: &str, kind: &str, cache: &CacheRef, codec_config: C) -> prunable::Config<EightCap, C> {
    prunable::Config {
        translator: EightCap,
        metadata_partition: format!("{name}-{kind}-metadata"),
        key_partition: format!("{name}-{kind}-keys"),
        key_page_cache: cache.clone(),
        value_partition: format!("{name}-{kind}-values"),
        compression: None,
        codec_config,
        items_per_section: ITEMS_PER_SECTION,
        key_write_buffer: WRITE_BUFFER,
        value_write_buffer: WRITE_BUFFER,
        replay_buffer: REPLAY_BUFFER,
    }
}
