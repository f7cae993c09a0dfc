//! A snapshot on the disk: written, read, and checked against the chain's id.

use super::{HEAD_BYTES, MAGIC};
use crate::error::{NodeError, SnapshotFault};
use crate::limits;
use commonware_runtime::{Blob, Error as RuntimeError, ReadOptions, Storage, WriteOptions};
use mickai_ledger::{BlockError, Ledger, RootStream, State};
use mickai_proof::digest::{ChainId, StateHash, StatePath};
use mickai_proof::limits::ENTRY_BYTES_MAX;
use mickai_proof::pantheon::{Entry, Height, LightProof, ValidatorSet};
use std::sync::Arc;

/// Bytes of the shortest entry that there is, a roster of nobody: whoever forges entries sends so many for each, behind its path.
const ENTRY_BYTES_MIN: usize = 3;

/// A snapshot that was found good.
pub(crate) struct Snapshot<B> {
    pub(crate) blob: Arc<B>,
    pub(crate) byte_count: u64,
    pub(crate) proof: LightProof,
    /// Who voted on its block.
    pub(crate) voters: ValidatorSet,
    pub(crate) ledger: Ledger,
    /// Will a peer take it?
    pub(crate) is_shown: bool,
}

/// Why a file is no snapshot to go on from.
pub(super) enum Unread {
    /// Its writing was cut off: its head is not there, or not to its end.
    Torn,
    /// It is something else than what was written.
    Fault(SnapshotFault),
    /// The disk does not give it.
    Disk(RuntimeError),
}

impl From<SnapshotFault> for Unread {
    fn from(fault: SnapshotFault) -> Self {
        Self::Fault(fault)
    }
}

/// How much of a snapshot is taken.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) proof_bytes: usize,
    pub(super) changes: usize,
    /// Is the root of its entries asked for before anything is made of them? Entries that somebody chose can take hundreds of times their bytes as a tree.
    pub(super) root_first: bool,
}

impl Bounds {
    /// One's own: what was written can be read, however large the chain became.
    const NONE: Self = Self { proof_bytes: usize::MAX, changes: usize::MAX, root_first: false };
    /// A peer's.
    pub(super) const PEER: Self = Self { proof_bytes: limits::SNAPSHOT_PROOF_BYTES_MAX, changes: limits::SNAPSHOT_CHANGES_MAX, root_first: true };
}

/// Does a peer take a snapshot of so many bytes that begins with this proof?
pub(super) fn is_taken(proof: &[u8], byte_count: u64) -> bool {
    byte_count <= limits::SNAPSHOT_BYTES_MAX && LightProof::parse_within(proof, Bounds::PEER.proof_bytes, Bounds::PEER.changes).is_ok()
}

/// The name of the snapshot at a height; as bytes, names are in the order of heights.
fn name(height: Height) -> [u8; 8] {
    height.0.to_be_bytes()
}

async fn names<E: Storage>(context: &E, partition: &str) -> Result<Vec<Vec<u8>>, NodeError> {
    match context.scan(partition).await {
        Ok(mut names) => {
            names.sort();
            Ok(names)
        }
        Err(RuntimeError::PartitionMissing(_)) => Ok(Vec::new()),
        Err(why) => Err(NodeError::Disk(why)),
    }
}

/// The newest snapshot in the partition. One whose writing was cut off is removed; everything else stays, good or not.
///
/// # Errors
/// [`NodeError::Snapshot`] where the newest that was written to its end is not good, or another chain's: nothing older is taken in its place, because blocks after it may be pruned. [`NodeError::Disk`].
pub(crate) async fn open_newest<E: Storage>(context: &E, partition: &str, chain: ChainId) -> Result<Option<Snapshot<E::Blob>>, NodeError> {
    let mut names = names(context, partition).await?;
    while let Some(name) = names.pop() {
        let (blob, byte_count) = context.open(partition, &name).await.map_err(NodeError::Disk)?;
        match read(Arc::new(blob), byte_count, chain, Bounds::NONE).await {
            Ok(snapshot) => return Ok(Some(snapshot)),
            Err(Unread::Torn) => context.remove(partition, Some(&name)).await.map_err(NodeError::Disk)?,
            Err(Unread::Disk(why)) => return Err(NodeError::Disk(why)),
            Err(Unread::Fault(why)) => {
                let height = Height(name.first_chunk().map_or(0, |name| u64::from_be_bytes(*name)));
                return Err(NodeError::Snapshot { height, why });
            }
        }
    }
    Ok(None)
}

/// Removes all snapshots but those of these heights.
pub(super) async fn retain<E: Storage>(context: &E, partition: &str, heights: &[Height]) -> Result<(), NodeError> {
    for old in names(context, partition).await? {
        if heights.iter().all(|height| old != name(*height)) {
            context.remove(partition, Some(&old)).await.map_err(NodeError::Disk)?;
        }
    }
    Ok(())
}

/// Removes the whole partition, if there is one.
pub(crate) async fn clear<E: Storage>(context: &E, partition: &str) -> Result<(), NodeError> {
    match context.remove(partition, None).await {
        Ok(()) | Err(RuntimeError::PartitionMissing(_)) => Ok(()),
        Err(why) => Err(NodeError::Disk(why)),
    }
}

/// An empty file for the snapshot at this height, whatever was there.
pub(super) async fn create<E: Storage>(context: &E, partition: &str, height: Height) -> Result<E::Blob, NodeError> {
    let (blob, _) = context.open(partition, &name(height)).await.map_err(NodeError::Disk)?;
    blob.resize(0).await.map_err(NodeError::Disk)?;
    Ok(blob)
}

/// Makes a file of the state of `ledger`, whose block the encoded proof shows; gives its length, too. Where that fails nothing of it stays: the next one is written at another height, onto a disk that may be full of this one.
///
/// # Errors
/// [`NodeError::Disk`].
pub(super) async fn keep<E: Storage>(context: &E, partition: &str, light: &[u8], ledger: &Ledger) -> Result<(E::Blob, u64), NodeError> {
    let height = ledger.height();
    let kept = async {
        let blob = create(context, partition, height).await?;
        let byte_count = write(&blob, light, ledger).await?;
        Ok::<_, NodeError>((blob, byte_count))
    };
    let kept = kept.await;
    if kept.is_err()
        && let Err(why) = context.remove(partition, Some(&name(height))).await
        && !matches!(why, RuntimeError::PartitionMissing(_) | RuntimeError::BlobMissing(..))
    {
        tracing::warn!(height = height.0, %why, "what was written of a snapshot stays on the disk");
    }
    kept
}

/// Writes the state of `ledger`, whose block the encoded proof shows; gives its length.
async fn write(blob: &impl Blob, light: &[u8], ledger: &Ledger) -> Result<u64, NodeError> {
    let light_bytes = light.len() as u64;
    let mut offset = put(blob, HEAD_BYTES, light.to_vec()).await?;
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

/// The head of a snapshot: the bytes of all of it, and of its proof. `None` where it is none.
pub(super) fn head(bytes: &[u8]) -> Option<(u64, u64)> {
    let (magic, numbers) = bytes.split_first_chunk::<16>()?;
    let (whole, light) = numbers.split_first_chunk::<8>()?;
    (magic == MAGIC).then_some((u64::from_be_bytes(*whole), u64::from_be_bytes(*light.first_chunk()?)))
}

/// Was the writing of this head cut off, or never begun? Then zeros stand where the rest of it belongs. A cut within the proof's length cannot be told from damage, and counts as that; a file shorter than a head was made, and not written to.
fn is_torn(head: &[u8], byte_count: u64) -> bool {
    let begin = if byte_count < HEAD_BYTES { Vec::new() } else { [&MAGIC[..], &byte_count.to_be_bytes()].concat() };
    let written = head.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    head.get(..written).is_some_and(|written| begin.starts_with(written))
}

/// The proof at the begin of a snapshot, checked: it shows the last block of an epoch of this chain.
pub(super) fn proof(bytes: &[u8], chain: ChainId, bounds: Bounds) -> Result<LightProof, SnapshotFault> {
    let proof = LightProof::parse_within(bytes, bounds.proof_bytes, bounds.changes).map_err(|_| SnapshotFault::Malformed)?;
    proof.check(chain).map_err(SnapshotFault::Proof)?;
    if proof.header.height.ends_epoch(proof.head.params.epoch_blocks) { Ok(proof) } else { Err(SnapshotFault::WithinEpoch) }
}

/// Reads a snapshot and checks all of it.
pub(super) async fn read<B: Blob>(blob: Arc<B>, byte_count: u64, chain: ChainId, bounds: Bounds) -> Result<Snapshot<B>, Unread> {
    let mut reader = Reader::new(&*blob, 0, byte_count);
    let first = reader.take(HEAD_BYTES.min(byte_count) as usize).await?;
    if is_torn(&first, byte_count) {
        return Err(Unread::Torn);
    }
    let is_whole = |(whole, light): &(u64, u64)| *whole == byte_count && *light <= byte_count - HEAD_BYTES;
    let (_, light_bytes) = head(&first).filter(is_whole).ok_or(SnapshotFault::Malformed)?;
    // No more than the file has.
    let light = reader.take(usize::try_from(light_bytes).map_err(|_| SnapshotFault::Malformed)?).await?;
    let proof = proof(&light, chain, bounds)?;
    if bounds.root_first {
        let root = root(&*blob, HEAD_BYTES + light_bytes, byte_count).await?;
        if root != proof.header.state {
            return Err(SnapshotFault::State(BlockError::State { found: proof.header.state, root }).into());
        }
    }
    let mut entries = Vec::new();
    while let Some((path, value)) = reader.entry().await? {
        entries.push((path, Entry::parse(&value).map_err(|_| SnapshotFault::Malformed)?));
    }
    let state = State::of(&entries).ok_or(SnapshotFault::Malformed)?;
    let ledger = Ledger::resume(&proof.head, &proof.header, state).map_err(SnapshotFault::State)?;
    let voters = proof.changes.last().map(|change| change.next.clone()).or_else(|| proof.head.validators()).ok_or(SnapshotFault::Malformed)?;
    let is_shown = is_taken(&light, byte_count);
    Ok(Snapshot { blob, byte_count, proof, voters, ledger, is_shown })
}

/// The root of the entries from this offset on, of which one at a time is in memory. Others have their turn with each window that is read.
async fn root(blob: &impl Blob, offset: u64, byte_count: u64) -> Result<StateHash, Unread> {
    let (mut reader, mut stream) = (Reader::new(blob, offset, byte_count), RootStream::default());
    while let Some((path, value)) = reader.entry().await? {
        if !stream.take(path, &value) {
            return Err(SnapshotFault::Malformed.into());
        }
    }
    Ok(stream.root())
}

/// Reads a file, a window at a time.
struct Reader<'a, B> {
    blob: &'a B,
    /// Where the next window begins.
    offset: u64,
    end: u64,
    window: Vec<u8>,
    at: usize,
}

impl<'a, B: Blob> Reader<'a, B> {
    fn new(blob: &'a B, offset: u64, end: u64) -> Self {
        Self { blob, offset, end, window: Vec::new(), at: 0 }
    }

    fn is_at_end(&self) -> bool {
        self.offset >= self.end && self.at >= self.window.len()
    }

    /// The next entry: its path, and its encoding; `None` behind the last one.
    async fn entry(&mut self) -> Result<Option<(StatePath, Vec<u8>)>, Unread> {
        if self.is_at_end() {
            return Ok(None);
        }
        let path = StatePath::from_slice(&self.take(StatePath::LEN).await?).ok_or(SnapshotFault::Malformed)?;
        let length = self.take(4).await?;
        let length = u32::from_be_bytes(*length.first_chunk::<4>().ok_or(SnapshotFault::Malformed)?) as usize;
        if !(ENTRY_BYTES_MIN..=ENTRY_BYTES_MAX).contains(&length) {
            return Err(SnapshotFault::Malformed.into());
        }
        Ok(Some((path, self.take(length).await?)))
    }

    async fn take(&mut self, count: usize) -> Result<Vec<u8>, Unread> {
        let mut taken = Vec::new();
        while taken.len() < count {
            if self.at >= self.window.len() {
                self.refill().await?;
            }
            let rest = self.window.get(self.at..).unwrap_or_default();
            let part = rest.get(..count - taken.len()).unwrap_or(rest);
            taken.extend_from_slice(part);
            self.at += part.len();
        }
        Ok(taken)
    }

    /// An error where nothing is left: what was announced is not there.
    async fn refill(&mut self) -> Result<(), Unread> {
        let left = self.end.saturating_sub(self.offset);
        if left == 0 {
            return Err(SnapshotFault::Malformed.into());
        }
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(limits::SNAPSHOT_CHUNK_BYTES);
        self.window = slice(self.blob, self.offset, count).await.map_err(Unread::Disk)?;
        self.offset += count as u64;
        self.at = 0;
        Ok(())
    }
}

/// So many bytes of a file.
pub(super) async fn slice(blob: &impl Blob, offset: u64, count: usize) -> Result<Vec<u8>, RuntimeError> {
    let bytes = blob.read_at(offset, count, ReadOptions::default()).await?;
    Ok(bytes.coalesce().as_ref().to_vec())
}
