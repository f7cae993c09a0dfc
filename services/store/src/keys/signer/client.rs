//! The application's side: asks a signer, and believes nothing that does not verify.

use super::message::{Reply, Request, receive, send};
use crate::error::Error;
use crate::keys::fault::{KeyFault, SignerFault};
use crate::limits;
use mickai_proof::key::PublicKey;
use mickai_proof::signature::{SIGNATURE_LEN, verify};
use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A signer, as this process reaches it. Threads may ask at the same time: each has a connection of its own.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    public: PublicKey,
    idle: Mutex<Vec<UnixStream>>,
}

impl Client {
    /// Reaches the signer at `socket`, which must hold `public`.
    ///
    /// # Errors
    /// [`KeyFault::Signer`].
    pub fn connect(socket: &Path, public: &PublicKey) -> Result<Self, Error> {
        let client = Self { socket: socket.to_owned(), public: public.clone(), idle: Mutex::default() };
        let held = client.key()?;
        if held == *public { Ok(client) } else { Err(client.fault(SignerFault::OtherKey { have: held.id(), want: public.id() })) }
    }

    /// Which key the signer at `socket` holds.
    ///
    /// # Errors
    /// [`KeyFault::Signer`].
    pub fn key_at(socket: &Path) -> Result<PublicKey, Error> {
        let nobody = PublicKey::from_raw([0; mickai_proof::key::PUBLIC_KEY_LEN]);
        Self { socket: socket.to_owned(), public: nobody, idle: Mutex::default() }.key()
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
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut stream = idle.map_or_else(|| self.open(), Ok)?;
        let message = send(&mut stream, &request.encode()).and_then(|()| receive(&mut stream)).and_then(|message| message.ok_or_else(|| io::ErrorKind::UnexpectedEof.into()));
        let reply = Reply::parse(&message.map_err(|error| self.fault(SignerFault::Silent(error.kind())))?).map_err(|_| self.fault(SignerFault::Malformed))?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
        Ok(reply)
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
