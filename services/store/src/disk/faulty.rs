//! A disk for tests: it passes every change on to a real folder without fsync, fails or dies at the call it is told to, and remembers what a power cut could still take away.
//!
//! What it takes away is decided by [`Volatile`]: bytes count as written only once their file was fsynced, names only once their folder was. At a power cut any subset of the rest survives, in
//! any order, in pieces of 512 bytes. A failed fsync drops what it was for, and the next one does not bring it back. A process that is killed loses nothing that it wrote.

use super::seam::{Disk, Machine};
use super::{Existing, Handle, How, Sync};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// Bytes that a disk writes in one piece.
const SECTOR: u64 = 512;

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// EIO; of a write, half of the bytes are written all the same.
    Io,
    /// ENOSPC; nothing is written.
    NoSpace,
    /// A write takes half of the bytes; other calls succeed.
    Short,
    /// The process dies in it: this call and all later ones do nothing; of a write, half of the bytes are written.
    Death,
}

/// One change, in the order in which they were made.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Create { name: PathBuf, inode: u64 },
    Write { inode: u64, offset: u64, bytes: Vec<u8> },
    Length { inode: u64, len: u64 },
    Synced { inode: u64 },
    SyncFailed { inode: u64 },
    Rename { from: PathBuf, to: PathBuf, inode: u64 },
    Remove { name: PathBuf },
    Folder { name: PathBuf },
    FolderSynced { name: PathBuf },
}

/// A folder under test.
#[derive(Debug)]
pub(crate) struct Faulty {
    root: PathBuf,
    base: Volatile,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    calls: u64,
    plan: Option<(u64, Fault)>,
    is_dead: bool,
    records: bool,
    inodes: BTreeMap<PathBuf, u64>,
    next_inode: u64,
    journal: Vec<Event>,
}

static MOUNTS: RwLock<Vec<(PathBuf, Arc<Faulty>)>> = RwLock::new(Vec::new());

/// A mount, until it is dropped.
pub(crate) struct Mounted(pub(crate) Arc<Faulty>);

impl Drop for Mounted {
    fn drop(&mut self) {
        MOUNTS.write().unwrap_or_else(PoisonError::into_inner).retain(|(_, disk)| !Arc::ptr_eq(disk, &self.0));
    }
}

/// Puts a faulty disk in the place of the machine's, at a folder that exists; what is in it is durable. `records`: remembers every change.
pub(crate) fn mount(root: &Path, records: bool) -> Mounted {
    let mut base = Volatile::default();
    let mut inner = Inner { records, ..Inner::default() };
    if records {
        base.take_in(root, root, &mut inner);
    }
    let disk = Arc::new(Faulty { root: root.to_owned(), base, inner: Mutex::new(inner) });
    MOUNTS.write().unwrap_or_else(PoisonError::into_inner).push((root.to_owned(), Arc::clone(&disk)));
    Mounted(disk)
}

pub(crate) fn mounted_at(path: &Path) -> Option<Arc<dyn Disk>> {
    let mounts = MOUNTS.read().unwrap_or_else(PoisonError::into_inner);
    mounts.iter().find(|(root, _)| path.starts_with(root)).map(|(_, disk)| Arc::clone(disk) as Arc<dyn Disk>)
}

impl Faulty {
    /// The fault at that call from now; 0 is the next.
    pub(crate) fn plan(&self, after: u64, fault: Fault) {
        let mut inner = self.lock();
        inner.plan = Some((inner.calls + after, fault));
    }

    /// Another process begins, on what the dead one left in memory and on disk.
    pub(crate) fn revive(&self) {
        let mut inner = self.lock();
        (inner.is_dead, inner.plan) = (false, None);
    }

    /// Has the planned fault happened?
    pub(crate) fn is_done(&self) -> bool {
        let inner = self.lock();
        inner.plan.is_none_or(|(at, _)| inner.calls > at)
    }

    /// Changes so far: a point in time.
    pub(crate) fn now(&self) -> usize {
        self.lock().journal.len()
    }

    /// What was there at the mount, and every change since.
    pub(crate) fn history(&self) -> (Volatile, Vec<Event>) {
        (self.base.clone(), self.lock().journal.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap().to_owned()
    }

    /// Counts one call; gives the fault that is due.
    fn call(&self) -> io::Result<(MutexGuard<'_, Inner>, Option<Fault>)> {
        let mut inner = self.lock();
        if inner.is_dead {
            return Err(io::Error::other("this process is dead"));
        }
        let fault = inner.plan.filter(|(at, _)| *at == inner.calls).map(|(_, fault)| fault);
        inner.calls += 1;
        inner.is_dead = fault == Some(Fault::Death);
        Ok((inner, fault))
    }

    /// As [`Faulty::call`], for everything but writes.
    fn whole_call(&self) -> io::Result<MutexGuard<'_, Inner>> {
        match self.call()? {
            (_, Some(fault @ (Fault::Io | Fault::NoSpace | Fault::Death))) => Err(fault.error()),
            (inner, _) => Ok(inner),
        }
    }
}

impl Fault {
    fn error(self) -> io::Error {
        match self {
            Self::Io => rustix::io::Errno::IO.into(),
            Self::NoSpace => rustix::io::Errno::NOSPC.into(),
            Self::Short | Self::Death => io::Error::other("this process is dead"),
        }
    }
}

impl Inner {
    fn event(&mut self, event: impl FnOnce() -> Event) {
        if self.records {
            self.journal.push(event());
        }
    }

    fn new_inode(&mut self, name: &Path) -> u64 {
        self.next_inode += 1;
        self.inodes.insert(name.to_owned(), self.next_inode);
        self.next_inode
    }
}

impl Disk for Faulty {
    fn open(&self, path: &Path, how: How) -> io::Result<Box<dyn Handle>> {
        let mut inner = self.whole_call()?;
        let existed = path.exists();
        let handle = Machine.open(path, how)?;
        drop(handle);
        let file = File::options().write(true).open(path)?;
        let name = self.name(path);
        let inode = match inner.inodes.get(&name).copied() {
            Some(inode) if existed => inode,
            _ => {
                let inode = inner.new_inode(&name);
                inner.event(|| Event::Create { name, inode });
                inode
            }
        };
        if how == How::Empty && existed {
            inner.event(|| Event::Length { inode, len: 0 });
        }
        drop(inner);
        // The disk outlives its files in every test.
        let disk = MOUNTS.read().unwrap_or_else(PoisonError::into_inner).iter().find(|(root, _)| *root == self.root).map(|(_, disk)| Arc::clone(disk));
        Ok(Box::new(Open { disk: disk.ok_or(io::ErrorKind::NotFound)?, inode, file }))
    }

    fn rename(&self, from: &Path, to: &Path, existing: Existing) -> io::Result<()> {
        let mut inner = self.whole_call()?;
        Machine.rename(from, to, existing)?;
        let (from, to) = (self.name(from), self.name(to));
        if let Some(inode) = inner.inodes.remove(&from) {
            inner.inodes.insert(to.clone(), inode);
            inner.event(|| Event::Rename { from, to, inode });
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.whole_call()?;
        Machine.remove(path)?;
        let name = self.name(path);
        inner.inodes.remove(&name);
        inner.event(|| Event::Remove { name });
        Ok(())
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        let mut inner = self.whole_call()?;
        Machine.create_folder(folder)?;
        inner.event(|| Event::Folder { name: self.name(folder) });
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut inner = self.whole_call()?;
        inner.event(|| Event::FolderSynced { name: self.name(folder) });
        Ok(())
    }
}

/// A file of a faulty disk.
#[derive(Debug)]
struct Open {
    disk: Arc<Faulty>,
    inode: u64,
    file: File,
}

impl Handle for Open {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let (mut inner, fault) = self.disk.call()?;
        let count = match fault {
            None => bytes.len(),
            Some(Fault::NoSpace) => 0,
            Some(Fault::Io | Fault::Short | Fault::Death) => bytes.len().div_ceil(2),
        };
        let bytes = &bytes[..count];
        self.file.write_all_at(bytes, offset)?;
        inner.event(|| Event::Write { inode: self.inode, offset, bytes: bytes.to_vec() });
        match fault {
            None | Some(Fault::Short) => Ok(count),
            Some(fault) => Err(fault.error()),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut inner = self.disk.whole_call()?;
        self.file.set_len(len)?;
        inner.event(|| Event::Length { inode: self.inode, len });
        Ok(())
    }

    fn sync(&self, _what: Sync) -> io::Result<()> {
        let (mut inner, fault) = self.disk.call()?;
        match fault {
            None | Some(Fault::Short) => {
                inner.event(|| Event::Synced { inode: self.inode });
                Ok(())
            }
            Some(fault) => {
                inner.event(|| Event::SyncFailed { inode: self.inode });
                Err(fault.error())
            }
        }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

/// A close changes nothing; a process may die in it.
impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.disk.call();
    }
}

/// What is durable, and what is not yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Volatile {
    folders: Vec<PathBuf>,
    names: BTreeMap<PathBuf, u64>,
    contents: BTreeMap<u64, Vec<u8>>,
    /// Of bytes: by inode, in order.
    bytes: BTreeMap<u64, Vec<Piece>>,
    /// Of names: in order, each with its folder.
    renames: Vec<(PathBuf, Event)>,
}

#[derive(Clone, Debug)]
enum Piece {
    Bytes(u64, Vec<u8>),
    Length(u64),
}

/// A generator of test choices (SplitMix64).
pub(crate) struct Choices(pub(crate) u64);

impl Choices {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }

    /// A subset in any order; every fourth time all of it, every fourth time none.
    fn survivors<T>(&mut self, mut all: Vec<T>) -> Vec<T> {
        match self.below(4) {
            0 => return all,
            1 => return Vec::new(),
            _ => all.retain(|_| self.below(2) == 0),
        }
        for at in (1..all.len()).rev() {
            let other = self.below(at + 1);
            all.swap(at, other);
        }
        all
    }
}

impl Volatile {
    fn take_in(&mut self, root: &Path, folder: &Path, inner: &mut Inner) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if path.is_dir() {
                self.folders.push(name);
                self.take_in(root, &path, inner);
            } else {
                let inode = inner.new_inode(&name);
                self.names.insert(name, inode);
                self.contents.insert(inode, std::fs::read(&path).unwrap());
            }
        }
    }

    /// One more change.
    pub(crate) fn apply(&mut self, event: &Event) {
        let folder_of = |name: &Path| name.parent().unwrap().to_owned();
        match event {
            Event::Create { name, inode } => {
                self.contents.insert(*inode, Vec::new());
                self.renames.push((folder_of(name), event.clone()));
            }
            Event::Rename { to: name, .. } | Event::Remove { name } => self.renames.push((folder_of(name), event.clone())),
            Event::Folder { name } => self.renames.push((folder_of(name), event.clone())),
            Event::FolderSynced { name } => {
                let pending = std::mem::take(&mut self.renames);
                let (due, rest): (Vec<_>, Vec<_>) = pending.into_iter().partition(|(folder, _)| folder == name);
                self.renames = rest;
                due.iter().for_each(|(_, event)| self.rename(event));
            }
            Event::Write { inode, offset, bytes } => self.bytes.entry(*inode).or_default().extend(pieces(*offset, bytes)),
            Event::Length { inode, len } => self.bytes.entry(*inode).or_default().push(Piece::Length(*len)),
            Event::Synced { inode } => {
                for piece in self.bytes.remove(inode).unwrap_or_default() {
                    self.write(*inode, &piece);
                }
            }
            Event::SyncFailed { inode } => drop(self.bytes.remove(inode)),
        }
    }

    /// What is found after a power cut.
    pub(crate) fn cut_off(mut self, choices: &mut Choices) -> Self {
        for (inode, pieces) in std::mem::take(&mut self.bytes) {
            choices.survivors(pieces).iter().for_each(|piece| self.write(inode, piece));
        }
        let pending = std::mem::take(&mut self.renames);
        choices.survivors(pending).iter().for_each(|(_, event)| self.rename(event));
        self
    }

    /// What is found after the process alone has ended.
    pub(crate) fn killed(mut self) -> Self {
        for (inode, pieces) in std::mem::take(&mut self.bytes) {
            pieces.iter().for_each(|piece| self.write(inode, piece));
        }
        std::mem::take(&mut self.renames).iter().for_each(|(_, event)| self.rename(event));
        self
    }

    fn write(&mut self, inode: u64, piece: &Piece) {
        let content = self.contents.entry(inode).or_default();
        match piece {
            Piece::Length(len) => content.resize(*len as usize, 0),
            Piece::Bytes(offset, bytes) => {
                let (start, end) = (*offset as usize, *offset as usize + bytes.len());
                content.resize(content.len().max(end), 0);
                content[start..end].copy_from_slice(bytes);
            }
        }
    }

    fn rename(&mut self, event: &Event) {
        match event {
            Event::Create { name, inode } => drop(self.names.insert(name.clone(), *inode)),
            Event::Rename { from, to, inode } => {
                self.names.remove(from);
                self.names.insert(to.clone(), *inode);
            }
            Event::Remove { name } => drop(self.names.remove(name)),
            Event::Folder { name } => self.folders.push(name.clone()),
            _ => {}
        }
    }

    /// Writes all that is durable into an empty folder.
    pub(crate) fn write_to(&self, root: &Path) {
        let mut folders = self.folders.clone();
        folders.sort();
        for folder in &folders {
            // A folder whose parent never reached the disk is gone with it.
            let _ = std::fs::create_dir(root.join(folder));
        }
        for (name, inode) in &self.names {
            let path = root.join(name);
            if path.parent().is_some_and(Path::is_dir) {
                let file = Machine.open(&path, How::Empty).unwrap();
                file.write_all_at(self.contents.get(inode).map(Vec::as_slice).unwrap_or_default(), 0).unwrap();
            }
        }
    }
}

/// A write, cut at the sectors of its file.
fn pieces(mut offset: u64, mut bytes: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let room = (SECTOR - offset % SECTOR) as usize;
        let (piece, rest) = bytes.split_at(room.min(bytes.len()));
        pieces.push(Piece::Bytes(offset, piece.to_vec()));
        offset += piece.len() as u64;
        bytes = rest;
    }
    pieces
}
