//! In which epoch a key may have voted last, and out of which folder: kept beside the key, so that a node that lost its folder does not contradict what it said before.
//!
//! What a validator said in an epoch stands in the engine's journal of that epoch, inside the node's folder. A node that votes without that journal contradicts itself, and loses its bond. So the node keeps a *mark* where the key is:
//! the highest epoch that it entered, and a name that is drawn for each entry and lies in the folder too. Each is replaced by the next, so an older copy of the folder, or of the mark, no longer fits the other.
//!
//! *Trust.* Whoever can write the mark can make the key vote twice, and so can whoever can read the key beside it. What nobody can see from here is that mark and folder were both put back as they were together, or that the same three
//! lie on two machines: then the key votes twice (docs/pantheon.md "When something is lost").
//!
//! What may be found at the beginning of epoch *e*, and whether the node signs in it:
//!
//! ```text
//! the mark is below e or missing, e is not 0, e's base block yes: nothing of this key voted in e before
//!   was proposed after this process started, and this
//!   node's clock is not behind the newest final block
//! the mark fits the folder, and is below e                   yes: it was not there
//! the mark fits the folder, is e, and e's journal is there   yes: the journal knows what was said
//! the mark is above e                                        no: that epoch is past; the blocks in the folder lead on to the marked one
//! marks are there, none of this key on this chain, e is 0,   yes: the key is new, and so is the chain
//!   and nothing is written in e's journal
//! anything else                                              no: the folder is lost, emptied, old or another's, or the mark is
//! ```
//!
//! The first line alone trusts the clock, and is all that a key has whose mark is lost: by a clock that is behind, epochs that began before the process seem to begin after it. Where blocks show that it is behind, the line does not count until
//! the process is started again. They do not show it of an epoch that is passed while the chain is fetched and that began when the clock says so (docs/pantheon.md "When something is lost").
//!
//! Where it does not sign it follows, until an epoch begins in which it may. On entering an epoch that it signs in:
//!
//! ```text
//! 1  the new name and the journal's partition are put into the folder   cut off here, the old name and the old mark still fit
//! 2  the mark is replaced                                               cut off here, the new name and the new mark fit
//! 3  the old name is removed
//! ```

use crate::error::NodeError;
use crate::limits;
use commonware_runtime::{Error as RuntimeError, Storage};
use futures::future::BoxFuture;
use mickai_proof::digest::ChainId;
use mickai_proof::pantheon::Address;
use rand_core::CryptoRng;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const HEADER: &str = "pantheon-voted-v1";
/// Of one entry into an epoch.
const NAME_BYTES: usize = 16;

/// Where the marks of one key lie: outside the node's folder, and as durable as the key.
pub trait Marks: Send + Sync + 'static {
    /// The newest bytes that were written; `None` where there never were any, or they are lost.
    ///
    /// # Errors
    /// [`NodeError::MarkFile`].
    fn read(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, NodeError>>;

    /// Replaces them, wholly or not at all, durably once this resolves.
    ///
    /// # Errors
    /// [`NodeError::MarkFile`].
    fn write(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), NodeError>>;
}

/// The bytes that are put beside a key when it is made: it has voted nowhere.
pub fn unused() -> Vec<u8> {
    format!("{HEADER}\n").into_bytes()
}

/// The marks in a file.
pub struct MarkFile(PathBuf);

impl MarkFile {
    /// The one beside a key file: `node.voted` beside `node.p8`.
    pub fn beside(key: &Path) -> Self {
        Self(key.with_extension("voted"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the one of a key that was just made. One that is there already stays.
    ///
    /// # Errors
    /// [`NodeError::MarkFile`].
    pub fn make(&self) -> Result<(), NodeError> {
        if self.0.exists() { Ok(()) } else { self.replace(&unused()) }
    }

    /// Holds it for one node, until what is given is dropped.
    ///
    /// # Errors
    /// [`NodeError::KeyInUse`] where another node holds it; [`NodeError::MarkFile`].
    pub(crate) fn lock(&self) -> Result<File, NodeError> {
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(self.0.with_extension("voted.lock")).map_err(self.failed())?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(NodeError::KeyInUse),
            Err(TryLockError::Error(source)) => Err(self.failed()(source)),
        }
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> NodeError {
        let path = self.0.clone();
        move |source| NodeError::MarkFile { path, source }
    }

    fn bytes(&self) -> Result<Option<Vec<u8>>, NodeError> {
        let file = match File::open(&self.0) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(self.failed())?,
        };
        let mut bytes = Vec::new();
        // One byte more than there may be is refused where it is parsed.
        file.take(limits::MARK_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(self.failed())?;
        Ok(Some(bytes))
    }

    fn replace(&self, bytes: &[u8]) -> Result<(), NodeError> {
        let beside = self.0.with_extension("voted.tmp");
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &self.0)?;
            let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()
        };
        write().map_err(self.failed())
    }
}

/// A few hundred bytes at the beginning of an epoch: not worth a thread.
impl Marks for MarkFile {
    fn read(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, NodeError>> {
        Box::pin(async { self.bytes() })
    }

    fn write(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(async move { self.replace(&bytes) })
    }
}

/// Drawn for one entry into an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name([u8; NAME_BYTES]);

/// Up to where a key may have voted on one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    chain: ChainId,
    voter: Address,
    epoch: u64,
    name: Name,
}

/// The marks beside a key, one a chain, as text; who puts another key in its place begins with other lines:
///
/// ```text
/// pantheon-voted-v1
/// 4be1…c09d 07aa…31f8 17 9f3a…22e0          chain, the key's address, epoch, name
/// ```
fn encode(marks: &[Mark]) -> Vec<u8> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let lines: String = marks.iter().map(|mark| format!("{} {} {} {}\n", hex(&mark.chain.0), hex(&mark.voter.0), mark.epoch, hex(&mark.name.0))).collect();
    format!("{HEADER}\n{lines}").into_bytes()
}

/// `None` for everything that [`encode`] does not write.
fn parse(bytes: &[u8]) -> Option<Vec<Mark>> {
    let text = str::from_utf8(bytes).ok().filter(|text| text.len() <= limits::MARK_BYTES_MAX)?;
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let marks = (lines.next()? == HEADER).then(|| lines.map(line).collect::<Option<Vec<_>>>())??;
    (encode(&marks) == bytes).then_some(marks)
}

fn line(text: &str) -> Option<Mark> {
    let mut words = text.split(' ');
    let mut word = || words.next();
    let (chain, voter, epoch, name) = (word()?, word()?, word()?, word()?);
    Some(Mark { chain: ChainId(bytes_of(chain)?), voter: Address(bytes_of(voter)?), epoch: epoch.parse().ok()?, name: Name(bytes_of(name)?) })
}

fn bytes_of<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let digits = Some(hex.as_bytes()).filter(|digits| digits.len() == 2 * N)?;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// What lies in the folder for an epoch that was entered: a file whose name says it all.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    epoch: u64,
    name: Name,
}

impl Entry {
    fn encode(self) -> Vec<u8> {
        [&self.epoch.to_be_bytes()[..], &self.name.0].concat()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (epoch, name) = bytes.split_first_chunk()?;
        Some(Self { epoch: u64::from_be_bytes(*epoch), name: Name(name.try_into().ok()?) })
    }
}

/// How an epoch is entered.
pub(crate) struct Entrance {
    /// May this node sign in it?
    pub(crate) may_sign: bool,
    /// The partition of its engine's journal. One who follows has another: the journal of one who signs can be read by one who signs alone.
    pub(crate) journal: String,
}

/// Decides, at the beginning of each epoch, whether this node may sign in it; removes the journals of epochs that are past.
pub(crate) struct Voted<E> {
    context: E,
    /// Begins the name of everything that the node stores.
    name: String,
    chain: ChainId,
    /// Whose key it is that votes.
    voter: Address,
    marks: Arc<dyn Marks>,
    /// When this process started, by this node's clock, ms since 1970.
    started_ms: u64,
    /// As they were read or written last.
    known: Option<Vec<u8>>,
}

impl<E: Storage + CryptoRng> Voted<E> {
    pub(crate) async fn open(context: E, name: String, (chain, voter): (ChainId, Address), marks: Arc<dyn Marks>, started_ms: u64) -> Result<Self, NodeError> {
        let known = marks.read().await?;
        Ok(Self { context, name, chain, voter, marks, started_ms, known })
    }

    /// The partitions of an epoch's journals: of one who signs, and of one who follows.
    fn journals(&self, epoch: u64) -> [String; 2] {
        ["epoch", "follows"].map(|way| format!("{}-{way}-{epoch}", self.name))
    }

    /// Enters an epoch whose base block was proposed at `base_ms`; `None` where this node's clock is behind the chain's, and nothing can be said of before and after.
    ///
    /// # Errors
    /// [`NodeError::MarkMalformed`], [`NodeError::KeyInUse`], [`NodeError::MarkFile`], [`NodeError::Disk`].
    pub(crate) async fn enter(&mut self, epoch: u64, base_ms: Option<u64>) -> Result<Entrance, NodeError> {
        let entries = self.entries().await?;
        let marks = self.known.as_deref().map(|known| parse(known).ok_or(NodeError::MarkMalformed)).transpose()?;
        if base_ms.is_none() {
            // When it started was read off the same clock, and stays wrong when that is set: nothing begins after it any more.
            self.started_ms = u64::MAX;
        }
        let may_sign = self.may_sign(epoch, base_ms, marks.as_deref(), &entries).await?;
        let entry = Entry { epoch, name: self.draw() };
        let [voting, following] = self.journals(epoch);
        self.touch(&self.partition(), &entry.encode()).await?;
        if may_sign {
            // The engine opens the journal only with its first entry; until then an empty one says that nothing was said.
            self.touch(&voting, &0_u64.to_be_bytes()).await?;
            let others = marks.unwrap_or_default().into_iter().filter(|mark| !self.is_mine(mark));
            let marks: Vec<_> = others.chain([Mark { chain: self.chain, voter: self.voter, epoch, name: entry.name }]).collect();
            self.replace(encode(&marks)).await?;
        }
        for old in entries {
            if old.epoch.saturating_add(1) < epoch {
                // The engine of the epoch before this one may still have its files open.
                for journal in self.journals(old.epoch) {
                    self.forget(&journal, None).await?;
                }
                self.forget(&self.partition(), Some(old)).await?;
            } else if old.epoch == epoch {
                self.forget(&self.partition(), Some(old)).await?;
            }
        }
        Ok(Entrance { may_sign, journal: if may_sign { voting } else { following } })
    }

    async fn may_sign(&self, epoch: u64, base_ms: Option<u64>, marks: Option<&[Mark]>, entries: &[Entry]) -> Result<bool, NodeError> {
        let mark = marks.and_then(|marks| marks.iter().find(|mark| self.is_mine(mark)));
        let marked = mark.map(|mark| mark.epoch);
        let is_after_start = base_ms.is_some_and(|base_ms| base_ms > self.started_ms.saturating_add(limits::AHEAD_MS_MAX));
        // Before epoch 0 stands genesis, whose time somebody chose.
        if epoch > 0 && marked.is_none_or(|marked| marked < epoch) && is_after_start {
            return Ok(true);
        }
        let Some(mark) = mark else { return Ok(marks.is_some() && epoch == 0 && self.is_unwritten(epoch).await?) };
        let fits = entries.contains(&Entry { epoch: mark.epoch, name: mark.name });
        Ok(fits && (mark.epoch < epoch || mark.epoch == epoch && self.has_voted(epoch).await?))
    }

    fn is_mine(&self, mark: &Mark) -> bool {
        mark.chain == self.chain && mark.voter == self.voter
    }

    /// Two nodes that use one file by turns see each other here.
    async fn replace(&mut self, bytes: Vec<u8>) -> Result<(), NodeError> {
        if bytes.len() > limits::MARK_BYTES_MAX {
            return Err(NodeError::MarkMalformed);
        }
        if self.marks.read().await? != self.known {
            return Err(NodeError::KeyInUse);
        }
        self.marks.write(bytes.clone()).await?;
        self.known = Some(bytes);
        Ok(())
    }

    fn partition(&self) -> String {
        format!("{}-entered", self.name)
    }

    fn draw(&mut self) -> Name {
        let mut name = [0; NAME_BYTES];
        self.context.fill_bytes(&mut name);
        Name(name)
    }

    async fn entries(&self) -> Result<Vec<Entry>, NodeError> {
        match self.context.scan(&self.partition()).await {
            Ok(names) => Ok(names.iter().filter_map(|name| Entry::parse(name)).collect()),
            Err(RuntimeError::PartitionMissing(_)) => Ok(Vec::new()),
            Err(why) => Err(NodeError::Disk(why)),
        }
    }

    /// Is the journal of this epoch here?
    async fn has_voted(&self, epoch: u64) -> Result<bool, NodeError> {
        let [voting, _] = self.journals(epoch);
        match self.context.scan(&voting).await {
            Ok(_) => Ok(true),
            Err(RuntimeError::PartitionMissing(_)) => Ok(false),
            Err(why) => Err(NodeError::Disk(why)),
        }
    }

    /// Is nothing in the journal of this epoch? An entry that was cut off leaves an empty one; another key's has its votes.
    async fn is_unwritten(&self, epoch: u64) -> Result<bool, NodeError> {
        let [voting, _] = self.journals(epoch);
        let names = match self.context.scan(&voting).await {
            Err(RuntimeError::PartitionMissing(_)) => Vec::new(),
            found => found.map_err(NodeError::Disk)?,
        };
        for name in names {
            if self.context.open(&voting, &name).await.map_err(NodeError::Disk)?.1 > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes an empty file, durably, unless it is there.
    async fn touch(&self, partition: &str, name: &[u8]) -> Result<(), NodeError> {
        self.context.open(partition, name).await.map(drop).map_err(NodeError::Disk)
    }

    /// Removes a partition, or the name of an entry in it, if it is there.
    async fn forget(&self, partition: &str, entry: Option<Entry>) -> Result<(), NodeError> {
        match self.context.remove(partition, entry.map(Entry::encode).as_deref()).await {
            Ok(()) | Err(RuntimeError::PartitionMissing(_) | RuntimeError::BlobMissing(..)) => Ok(()),
            Err(why) => Err(NodeError::Disk(why)),
        }
    }
}

#[cfg(test)]
mod tests;
