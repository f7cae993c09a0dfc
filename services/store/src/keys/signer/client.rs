//! The application's side: asks a signer, and believes nothing that does not verify.

use super::message::{Reply, Request, receive, send};
use crate::error::Error;
use crate::keys::fault::{KeyFault, SignerFault};
use crate::limits;
use mickai_proof::key::PublicKey;
use mickai_proof::signature::{SIGNATURE_LEN, verify};
use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A signer, as this process reaches it. Threads may ask at the same time: each has a connection of its own, and waits for one where all are in use.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    public: PublicKey,
    idle: Mutex<Vec<UnixStream>>,
    /// Threads that ask.
    asking: Mutex<usize>,
    answered: Condvar,
}

impl Client {
    /// Reaches the signer at `socket`, which must hold `public`.
    ///
    /// # Errors
    /// [`KeyFault::Signer`].
    pub fn connect(socket: &Path, public: &PublicKey) -> Result<Self, Error> {
        let client = Self::new(socket, public.clone());
        let held = client.key()?;
        if held == *public { Ok(client) } else { Err(client.fault(SignerFault::OtherKey { have: held.id(), want: public.id() })) }
    }

    /// Which key the signer at `socket` holds.
    ///
    /// # Errors
    /// [`KeyFault::Signer`].
    pub fn key_at(socket: &Path) -> Result<PublicKey, Error> {
        let nobody = PublicKey::from_raw([0; mickai_proof::key::PUBLIC_KEY_LEN]);
        Self::new(socket, nobody).key()
    }

    fn new(socket: &Path, public: PublicKey) -> Self {
        Self { socket: socket.to_owned(), public, idle: Mutex::default(), asking: Mutex::default(), answered: Condvar::new() }
    }

    /// The key that the home has and the signer holds.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Has the signer sign; what it gives was verified.
    pub(crate) fn sign(&self, request: &Request) -> Result<[u8; SIGNATURE_LEN], Error> {
        match self.ask(request)? {
            Reply::Signature(signature) if verify(&self.public, &request.message(&self.public), &signature) => Ok(*signature),
            Reply::Signature(_) => Err(self.fault(SignerFault::BadSignature)),
            Reply::Refused(refusal) => Err(self.fault(SignerFault::Refused(refusal))),
            Reply::Key(_) => Err(self.fault(SignerFault::Malformed)),
        }
    }

    fn key(&self) -> Result<PublicKey, Error> {
        match self.ask(&Request::Key)? {
            Reply::Key(key) => Ok(key),
            Reply::Refused(refusal) => Err(self.fault(SignerFault::Refused(refusal))),
            Reply::Signature(_) => Err(self.fault(SignerFault::Malformed)),
        }
    }

    fn ask(&self, request: &Request) -> Result<Reply, Error> {
        // Given back last: by then the connection is idle, or closed.
        let _turn = Turn::take(self);
        let idle = self.idle().pop();
        let answered = match idle.map(|stream| converse(stream, request)) {
            // Its signer has ended since, and perhaps another has begun: no connection of before is worth anything. What is asked twice is one thing, so asking again signs nothing else.
            Some(Err(error)) if has_ended(error.kind()) => {
                self.idle().clear();
                None
            }
            answered => answered,
        };
        let answered = match answered {
            Some(answered) => answered,
            None => converse(self.open()?, request),
        };
        let (message, stream) = answered.map_err(|error| self.fault(SignerFault::Silent(error.kind())))?;
        let reply = Reply::parse(&message).map_err(|_| self.fault(SignerFault::Malformed))?;
        self.idle().push(stream);
        Ok(reply)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<UnixStream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<UnixStream, Error> {
        let silent = |error: io::Error| self.fault(SignerFault::Silent(error.kind()));
        let stream = UnixStream::connect(&self.socket).map_err(silent)?;
        let uid = socket_peercred(&stream).map_err(|errno| silent(errno.into()))?.uid;
        if uid != geteuid() {
            return Err(self.fault(SignerFault::OtherUser(uid.as_raw())));
        }
        stream.set_read_timeout(Some(limits::SIGNER_PATIENCE)).and_then(|()| stream.set_write_timeout(Some(limits::SIGNER_PATIENCE))).map_err(silent)?;
        Ok(stream)
    }

    fn fault(&self, fault: SignerFault) -> Error {
        KeyFault::Signer { socket: self.socket.clone(), fault }.into()
    }
}

/// One request and its reply, with the connection for the next.
fn converse(mut stream: UnixStream, request: &Request) -> io::Result<(Vec<u8>, UnixStream)> {
    send(&mut stream, &request.encode())?;
    let message = receive(&mut stream)?.ok_or(ErrorKind::UnexpectedEof)?;
    Ok((message, stream))
}

/// Has the other side gone? One that is there and takes too long has not.
fn has_ended(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::NotConnected | ErrorKind::UnexpectedEof)
}

/// The right to a connection; given back when dropped.
struct Turn<'a>(&'a Client);

impl<'a> Turn<'a> {
    /// Waits while as many ask as may: the signer closes a connection that is one too many, and a record that could not be signed ends the writing of the log.
    fn take(client: &'a Client) -> Self {
        let asking = client.asking.lock().unwrap_or_else(PoisonError::into_inner);
        *client.answered.wait_while(asking, |asking| *asking >= limits::SIGNER_CLIENT_CONNECTIONS_MAX).unwrap_or_else(PoisonError::into_inner) += 1;
        Self(client)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.asking.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.answered.notify_one();
    }
}
