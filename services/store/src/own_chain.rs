//! The files of the home's own chain, of one validator: genesis, blocks, and the tip that says which block is the newest (spec/pantheon.md says what is in them).
//!
//! ```text
//! chain/lock       who writes now
//! chain/genesis    the genesis
//! chain/blocks     each block in its order: its length as u32, then its bytes
//! chain/tip        where the newest of them is, and what the maker of blocks keeps with it: the state
//! ```
//!
//! The tip, numbers with the most significant byte first; on the right one of 200 kept bytes, whose block is the first of 7,132:
//!
//! ```text
//! offset  bytes     field
//!      0  16        "mickai-tip 1\n" and zeros
//!     16  u64       where the newest block begins in `blocks`, at its length    0
//!     24  u64       where it ends                                               7,136
//!     32  n         what its maker keeps with it                                200 bytes
//!   32+n  32        SHA-256 of everything before
//! ```
//!
//! A block is appended and synced, then the tip that names it is put in the place of the one before, in one step. Nobody is told of a tip before it is durable, and it never goes back; so whoever signs nothing but
//! what the tip names signs one block for each height. What a start may find, and what it means:
//! - neither `genesis` nor the others: there is no chain;
//! - `genesis` alone: its making was cut off before anything followed from it; it is kept and completed;
//! - a tip, and `blocks` ends where it says: whole;
//! - a tip, and `blocks` is longer: a process ended before its tip. Nobody was told of that block, and the next one takes its place;
//! - `blocks` shorter than the tip says, without a tip, or without `genesis`; a tip of another form or digest: [`Error::OwnChain`]. It is not repaired: whatever would be made up could be a second block of a height.
//!
//! Whoever changes these files, and has the keys beside them, writes the operator's own chain as he likes. For nobody else does it witness anything.

use crate::disk::{self, Existing, How, Sync};
use crate::error::Error;
use crate::home::Home;
use crate::limits;
use crate::lock::Lock;
use aws_lc_rs::digest::{SHA256, digest};
use mickai_proof::limits::{BLOCK_BYTES_MAX, GENESIS_BYTES_MAX};
use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 16] = b"mickai-tip 1\n\0\0\0";
const DIGEST_LEN: usize = 32;
/// Before each block.
const LENGTH_LEN: u64 = 4;

/// What the files hold. Who only reads it holds no lock: a block may follow at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainFiles {
    /// The genesis.
    pub genesis: Vec<u8>,
    /// The newest block; `None` before the first.
    pub block: Option<Vec<u8>>,
    /// What its maker keeps with it; nothing before the first.
    pub kept: Vec<u8>,
    folder: PathBuf,
    place: Range<u64>,
}

/// The right to go on with it.
#[derive(Debug)]
pub struct ChainWriter {
    files: ChainFiles,
    _lock: Lock,
}

impl Home {
    /// The folder of the home's own chain.
    pub fn own_chain_path(&self) -> PathBuf {
        self.path().join("chain")
    }
}

impl ChainFiles {
    /// As it is now; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::OwnChain`], [`Error::Io`].
    pub fn read(home: &Home) -> Result<Option<Self>, Error> {
        let folder = home.own_chain_path();
        let (genesis_path, tip_path, blocks_path) = (folder.join("genesis"), folder.join("tip"), folder.join("blocks"));
        let has_blocks = std::fs::metadata(&blocks_path).is_ok_and(|found| found.len() > 0);
        let Some(genesis) = disk::read_file(&genesis_path, GENESIS_BYTES_MAX as u64)? else {
            return if has_blocks || tip_path.exists() { Err(Error::OwnChain(genesis_path)) } else { Ok(None) };
        };
        let Some(tip) = disk::read_file(&tip_path, limits::OWN_CHAIN_TIP_BYTES_MAX)? else {
            return if has_blocks { Err(Error::OwnChain(tip_path)) } else { Ok(None) };
        };
        let (place, kept) = parse_tip(&tip).ok_or(Error::OwnChain(tip_path))?;
        let mut chain = Self { genesis, block: None, kept: kept.to_vec(), folder, place };
        if !chain.place.is_empty() {
            chain.block = Some(chain.block_at(chain.place.start)?.filter(|(_, end)| *end == chain.place.end).ok_or(Error::OwnChain(blocks_path))?.0);
        }
        Ok(Some(chain))
    }

    /// All its blocks, from the first to the one that was the newest when this was read.
    pub fn blocks(&self) -> impl Iterator<Item = Result<Vec<u8>, Error>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            if at >= self.place.end {
                return None;
            }
            let next = self.block_at(at).and_then(|found| found.ok_or_else(|| Error::OwnChain(self.folder.join("blocks"))));
            // After an error there is nothing to go on from.
            at = next.as_ref().map_or(self.place.end, |(_, end)| *end);
            Some(next.map(|(block, _)| block))
        })
    }

    /// The block whose length stands there, and where it ends; `None` unless that is at or before the newest one's end.
    fn block_at(&self, start: u64) -> Result<Option<(Vec<u8>, u64)>, Error> {
        let path = self.folder.join("blocks");
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(Error::io("open", &path))?,
        };
        let mut length = [0; LENGTH_LEN as usize];
        if self.place.end.saturating_sub(start) < LENGTH_LEN || !read_at(&file, &mut length, start).map_err(Error::io("read", &path))? {
            return Ok(None);
        }
        let length = u32::from_be_bytes(length);
        let end = start + LENGTH_LEN + u64::from(length);
        if end > self.place.end || length as usize > BLOCK_BYTES_MAX {
            return Ok(None);
        }
        let mut block = vec![0; length as usize];
        let is_whole = read_at(&file, &mut block, start + LENGTH_LEN).map_err(Error::io("read", &path))?;
        Ok(is_whole.then_some((block, end)))
    }
}

impl ChainWriter {
    /// Waits for the lock, and makes durable what it finds, so that it may be relied on; `None` where there is no chain.
    ///
    /// # Errors
    /// [`Error::OwnChain`], [`Error::Locked`], [`Error::Io`].
    pub fn open(home: &Home) -> Result<Option<Self>, Error> {
        let folder = home.own_chain_path();
        if !folder.is_dir() {
            return Ok(None);
        }
        let lock = Lock::acquire(&folder.join("lock"), limits::LOCK_WAIT)?;
        let Some(files) = ChainFiles::read(home)? else { return Ok(None) };
        keep_names(&folder)?;
        Ok(Some(Self { files, _lock: lock }))
    }

    /// The same, made where there is none: with the genesis that `make` gives, unless one is there whose making was cut off.
    ///
    /// # Errors
    /// As [`ChainWriter::open`], and those of `make`.
    pub fn open_or_create<E: From<Error>>(home: &Home, make: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<Self, E> {
        let folder = home.own_chain_path();
        disk::create_folder(&folder)?;
        let lock = Lock::acquire(&folder.join("lock"), limits::LOCK_WAIT)?;
        if ChainFiles::read(home)?.is_none() {
            let genesis = folder.join("genesis");
            if !genesis.exists() {
                disk::write_file(&genesis, &make()?, Existing::Keep)?;
            }
            disk::write_file(&folder.join("tip"), &encode_tip(&(0..0), &[]), Existing::Keep)?;
        }
        let files = ChainFiles::read(home)?.ok_or_else(|| Error::OwnChain(folder.clone()))?;
        keep_names(&folder)?;
        Ok(Self { files, _lock: lock })
    }

    /// What is durable.
    pub fn files(&self) -> &ChainFiles {
        &self.files
    }

    /// The next block, and what is kept with it; durable when this returns. After an error this writer does not know what is there, and is used up.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::TooLarge`].
    pub fn push(mut self, block: Vec<u8>, kept: Vec<u8>) -> Result<Self, Error> {
        let (tip_path, blocks_path) = (self.files.folder.join("tip"), self.files.folder.join("blocks"));
        let length = u32::try_from(block.len()).ok().filter(|length| *length as usize <= BLOCK_BYTES_MAX).ok_or_else(|| Error::TooLarge(blocks_path.clone()))?;
        let start = self.files.place.end;
        let place = start..start + LENGTH_LEN + u64::from(length);
        let tip = encode_tip(&place, &kept);
        if tip.len() as u64 > limits::OWN_CHAIN_TIP_BYTES_MAX {
            return Err(Error::TooLarge(tip_path));
        }
        append(&blocks_path, start, &[&length.to_be_bytes()[..], &block].concat())?;
        disk::write_file(&tip_path, &tip, Existing::Replace)?;
        (self.files.place, self.files.block, self.files.kept) = (place, Some(block), kept);
        Ok(self)
    }
}

/// A process may have been killed between giving the tip, or the folder, its name and making that durable.
fn keep_names(folder: &Path) -> Result<(), Error> {
    disk::sync_folder(folder)?;
    disk::sync_folder_of(folder)
}

/// Writes behind what the tip names, in the place of whatever a process left there that ended before its tip.
fn append(path: &Path, start: u64, bytes: &[u8]) -> Result<(), Error> {
    let file = disk::open(path, How::AsItIsOrNew)?;
    file.set_len(start).map_err(Error::io("cut", path))?;
    file.write_all_at(bytes, start).map_err(Error::io("write", path))?;
    file.sync(Sync::All).map_err(Error::io("fsync", path))?;
    drop(file);
    if start == 0 { disk::sync_folder_of(path) } else { Ok(()) }
}

fn encode_tip(place: &Range<u64>, kept: &[u8]) -> Vec<u8> {
    let mut out = [&MAGIC[..], &place.start.to_be_bytes(), &place.end.to_be_bytes(), kept].concat();
    let own = digest(&SHA256, &out);
    out.extend(own.as_ref());
    out
}

fn parse_tip(bytes: &[u8]) -> Option<(Range<u64>, &[u8])> {
    let (body, own) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST_LEN)?)?;
    let rest = body.strip_prefix(MAGIC)?;
    let (start, rest) = rest.split_first_chunk()?;
    let (end, kept) = rest.split_first_chunk()?;
    let place = u64::from_be_bytes(*start)..u64::from_be_bytes(*end);
    (own == digest(&SHA256, body).as_ref() && place.start <= place.end).then_some((place, kept))
}

/// Were there so many bytes?
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<bool> {
    match file.read_exact_at(bytes, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
