//! The signer's side: one socket that its owner alone can reach, a thread for each connection, one key.

use super::memory::{Memory, Noticed};
use super::message::{Refusal, Reply, Request, receive, send};
use super::rate::Rate;
use crate::disk;
use crate::error::Error;
use crate::keys::OperatorKey;
use crate::keys::fault::{KeyFault, SignerFault};
use crate::limits;
use rustix::net::sockopt::socket_peercred;
use rustix::process::{DumpableBehavior, Resource, Rlimit, geteuid, set_dumpable_behavior, setrlimit};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A key with its memory, ready to answer.
#[derive(Debug)]
pub struct Signer {
    key: OperatorKey,
    memory: Mutex<Memory>,
    rate: Rate,
    connections: AtomicUsize,
}

impl Signer {
    /// A signer of at most `per_second` signatures a second.
    pub fn new(key: OperatorKey, memory: Memory, per_second: u32) -> Self {
        Self { key, memory: Mutex::new(memory), rate: Rate::new(per_second), connections: AtomicUsize::new(0) }
    }

    /// Answers one request; `notice` hears what its owner should know.
    pub fn answer(&self, request: &Request, notice: &dyn Fn(&str)) -> Reply {
        if *request == Request::Key {
            return Reply::Key(self.key.public().clone());
        }
        std::thread::sleep(self.rate.wait(Instant::now()));
        let admitted = self.memory.lock().unwrap_or_else(PoisonError::into_inner).admit(request);
        match admitted {
            Err(refusal) => {
                notice(&format!("refused {request:?}: {refusal}"));
                return Reply::Refused(refusal);
            }
            Ok(Noticed::Again) => notice(&format!("a second time at this index: {request:?}; the application says that the first was lost before it was durable")),
            Ok(Noticed::Nothing) => {}
        }
        self.key.sign(request).map_or(Reply::Refused(Refusal::Failed), |signature| Reply::Signature(Box::new(signature)))
    }

    /// Opens the socket at `path`, mode 0600, in a folder that its owner alone can enter. One that a dead signer left is removed.
    ///
    /// # Errors
    /// [`KeyFault::Signer`], [`Error::Io`].
    pub fn listen(path: &Path) -> Result<UnixListener, Error> {
        let fault = |fault| KeyFault::Signer { socket: path.to_owned(), fault };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        disk::create_folder(folder)?;
        let data = std::fs::metadata(folder).map_err(Error::io("look at", folder))?;
        if data.uid() != geteuid().as_raw() || data.mode() & 0o077 != 0 {
            return Err(fault(SignerFault::OpenFolder).into());
        }
        // Nobody listens at a file that is no socket either: it is somebody's, and stays; binding then fails.
        let is_socket = std::fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket());
        match UnixStream::connect(path) {
            Ok(_) => return Err(fault(SignerFault::Taken).into()),
            Err(error) if is_socket && error.kind() == ErrorKind::ConnectionRefused => disk::remove_file(path)?,
            Err(_) => {}
        }
        let listener = UnixListener::bind(path).map_err(Error::io("bind", path))?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(Error::io("set the mode of", path))?;
        Ok(listener)
    }

    /// Serves the socket for ever; `notice` hears what its owner should know.
    ///
    /// # Errors
    /// [`Error::Io`] when the socket fails.
    pub fn serve(self: Arc<Self>, listener: &UnixListener, path: &Path, notice: fn(&str)) -> Result<(), Error> {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => continue,
                Err(error) => return Err(Error::io("accept on", path)(error)),
            };
            let Some(place) = Place::take(&self) else {
                notice("too many connections: one was closed");
                continue;
            };
            let serving = std::thread::Builder::new().name("connection".to_owned()).spawn(move || place.0.converse(stream, notice));
            if let Err(error) = serving {
                notice(&format!("no thread for a connection: {error}"));
            }
        }
    }

    /// Requests and replies until the other side goes, or says what no application says.
    fn converse(&self, mut stream: UnixStream, notice: fn(&str)) {
        match socket_peercred(&stream) {
            Ok(peer) if peer.uid == geteuid() => {}
            Ok(peer) => return notice(&format!("closed a connection of user {}, process {}", peer.uid.as_raw(), peer.pid.as_raw_nonzero())),
            Err(errno) => return notice(&format!("closed a connection that says not whose it is: {errno}")),
        }
        while let Ok(Some(message)) = receive(&mut stream) {
            let request = Request::parse(&message);
            let reply = request.as_ref().map_or(Reply::Refused(Refusal::Malformed), |request| self.answer(request, &notice));
            if send(&mut stream, &reply.encode()).is_err() || request.is_err() {
                return;
            }
        }
    }
}

/// One of the connections that are served at a time; given back when dropped.
struct Place(Arc<Signer>);

impl Place {
    fn take(signer: &Arc<Signer>) -> Option<Self> {
        let is_free = signer.connections.fetch_add(1, Ordering::Relaxed) < limits::SIGNER_CONNECTIONS_MAX;
        let place = Self(signer.clone());
        is_free.then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes this process write no core file, and no other process of its user attach to it, as far as the kernel agrees. Gives what it did not agree to.
pub fn harden() -> Vec<&'static str> {
    let mut refused = Vec::new();
    if setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).is_err() {
        refused.push("core files");
    }
    if set_dumpable_behavior(DumpableBehavior::NotDumpable).is_err() {
        refused.push("other processes that attach");
    }
    refused
}
