//! A snapshot on the disk: written, read, and checked against the chain's id.

use super::{CHUNK_BYTES, HEAD_BYTES, MAGIC};
use crate::error::NodeError;
use commonware_runtime::{Blob, ReadOptions, Storage, WriteOptions};
use mickai_ledger::{Ledger, State};
use mickai_proof::digest::{ChainId, StatePath};
use mickai_proof::limits::{ENTRY_BYTES_MAX, LIGHT_BYTES_MAX};
use mickai_proof::pantheon::{Entry, Height, LightProof, ValidatorSet};
use std::sync::Arc;

/// A snapshot that was found good.
pub(crate) struct Snapshot<B> {
    pub(crate) blob: Arc<B>,
    pub(crate) byte_count: u64,
    pub(crate) proof: LightProof,
    /// Who voted on its block.
    pub(crate) voters: ValidatorSet,
    pub(crate) ledger: Ledger,
}

/// The name of the snapshot at a height; as bytes, names are in the order of heights.
fn name(height: Height) -> [u8; 8] {
    height.0.to_be_bytes()
}

/// The newest good snapshot of this chain in the partition. What is not good, and what is older, is removed.
pub(crate) async fn open_newest<E: Storage>(context: &E, partition: &str, chain: ChainId) -> Result<Option<Snapshot<E::Blob>>, NodeError> {
    let mut names = match context.scan(partition).await {
        Ok(names) => names,
        Err(commonware_runtime::Error::PartitionMissing(_)) => Vec::new(),
        Err(why) => return Err(NodeError::Disk(why)),
    };
    names.sort();
    let mut newest = None;
    while let Some(name) = names.pop() {
        if newest.is_none() {
            let (blob, byte_count) = context.open(partition, &name).await.map_err(NodeError::Disk)?;
            newest = read(Arc::new(blob), byte_count, chain).await;
            if newest.is_some() {
                continue;
            }
        }
        context.remove(partition, Some(&name)).await.map_err(NodeError::Disk)?;
    }
    Ok(newest)
}

/// Removes the snapshots below a height.
pub(crate) async fn remove_below<E: Storage>(context: &E, partition: &str, height: Height) -> Result<(), NodeError> {
    for older in context.scan(partition).await.map_err(NodeError::Disk)? {
        if older.as_slice() < &name(height)[..] {
            context.remove(partition, Some(&older)).await.map_err(NodeError::Disk)?;
        }
    }
    Ok(())
}

/// An empty file for the snapshot at this height, whatever was there.
pub(super) async fn create<E: Storage>(context: &E, partition: &str, height: Height) -> Result<E::Blob, NodeError> {
    let (blob, _) = context.open(partition, &name(height)).await.map_err(NodeError::Disk)?;
    blob.resize(0).await.map_err(NodeError::Disk)?;
    Ok(blob)
}

/// Writes the state of `ledger`, whose block `proof` shows; gives its length.
pub(super) async fn write(blob: &impl Blob, proof: &LightProof, ledger: &Ledger) -> Result<u64, NodeError> {
    let light = proof.encode();
    let light_bytes = light.len() as u64;
    let mut offset = put(blob, HEAD_BYTES, light).await?;
    for first_byte in 0..=u8::MAX {
        let mut entries = Vec::new();
        ledger.state().for_each_in(first_byte, |path, entry| {
            let bytes = entry.encode();
            entries.extend(path.0);
            // An entry has at most 262,144 bytes.
            entries.extend((bytes.len() as u32).to_be_bytes());
            entries.extend(bytes);
        });
        offset = put(blob, offset, entries).await?;
    }
    blob.sync().await.map_err(NodeError::Disk)?;
    let head = [&MAGIC[..], &offset.to_be_bytes(), &light_bytes.to_be_bytes()].concat();
    put(blob, 0, head).await?;
    blob.sync().await.map_err(NodeError::Disk)?;
    Ok(offset)
}

async fn put(blob: &impl Blob, offset: u64, bytes: Vec<u8>) -> Result<u64, NodeError> {
    let end = offset + bytes.len() as u64;
    if !bytes.is_empty() {
        blob.write_at(offset, bytes, WriteOptions::default()).await.map_err(NodeError::Disk)?;
    }
    Ok(end)
}

/// Reads a snapshot and checks all of it; `None` where it is not whole, or not of this chain.
pub(super) async fn read<B: Blob>(blob: Arc<B>, byte_count: u64, chain: ChainId) -> Option<Snapshot<B>> {
    let mut reader = Reader { blob: &*blob, offset: 0, end: byte_count, window: Vec::new(), at: 0 };
    let head = reader.take(HEAD_BYTES as usize).await?;
    let (magic, numbers) = head.split_first_chunk::<16>()?;
    let (whole, numbers) = numbers.split_first_chunk::<8>()?;
    let light_bytes = usize::try_from(u64::from_be_bytes(*numbers.first_chunk::<8>()?)).ok()?;
    if magic != MAGIC || u64::from_be_bytes(*whole) != byte_count || light_bytes > LIGHT_BYTES_MAX {
        return None;
    }
    let proof = LightProof::parse(&reader.take(light_bytes).await?).ok()?;
    proof.check(chain).ok()?;
    let mut entries = Vec::new();
    while !reader.is_at_end() {
        let path = StatePath::from_slice(&reader.take(StatePath::LEN).await?)?;
        let length = reader.take(4).await?;
        let length = u32::from_be_bytes(*length.first_chunk::<4>()?) as usize;
        if length > ENTRY_BYTES_MAX {
            return None;
        }
        entries.push((path, Entry::parse(&reader.take(length).await?).ok()?));
    }
    let ledger = Ledger::resume(&proof.head, &proof.header, State::of(&entries)?).ok()?;
    let voters = proof.changes.last().map(|change| change.next.clone()).or_else(|| proof.head.validators())?;
    Some(Snapshot { blob, byte_count, proof, voters, ledger })
}

/// Reads a file from its beginning, a window at a time.
struct Reader<'a, B> {
    blob: &'a B,
    /// Where the next window begins.
    offset: u64,
    end: u64,
    window: Vec<u8>,
    at: usize,
}

impl<B: Blob> Reader<'_, B> {
    fn is_at_end(&self) -> bool {
        self.offset >= self.end && self.at >= self.window.len()
    }

    async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut taken = Vec::new();
        while taken.len() < count {
            if self.at >= self.window.len() {
                self.refill().await?;
            }
            let missing = count - taken.len();
            let part = self.window.get(self.at..)?;
            let part = part.get(..missing.min(part.len()))?;
            taken.extend_from_slice(part);
            self.at += part.len();
        }
        Some(taken)
    }

    async fn refill(&mut self) -> Option<()> {
        let count = usize::try_from(self.end.checked_sub(self.offset)?).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        self.window = slice(self.blob, self.offset, count).await?;
        self.offset += count as u64;
        self.at = 0;
        (count > 0).then_some(())
    }
}

/// So many bytes of a file.
pub(super) async fn slice(blob: &impl Blob, offset: u64, count: usize) -> Option<Vec<u8>> {
    let bytes = blob.read_at(offset, count, ReadOptions::default()).await.ok()?;
    Some(bytes.coalesce().as_ref().to_vec())
}
