//! How a home gets at its signing key: from its file, from its file with a passphrase, or through a signer.

use super::fault::KeyFault;
use super::files::{self, KeyFile};
use super::keeping::operator_file;
use super::operator::OperatorKey;
use super::passphrase::Passphrase;
use super::protected::{Content, open};
use super::seed::Seed;
use super::signer::Client;
use crate::error::Error;
use crate::home::Home;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// Gives the passphrase of a file, or `None` where nobody can be asked.
type Ask = dyn Fn(&Path) -> Result<Option<Passphrase>, Error> + Send + Sync;

/// What a process was told about keys. Copies share what was unlocked: one command asks once.
#[derive(Clone, Default)]
pub struct Custody(Arc<Inner>);

#[derive(Default)]
struct Inner {
    signer: Option<PathBuf>,
    ask: Option<Box<Ask>>,
    unlocked: Mutex<Option<Unlocked>>,
}

/// A key in memory, and the protected file that it came from: another file is another question.
struct Unlocked {
    file: Zeroizing<Vec<u8>>,
    passphrase: Arc<Passphrase>,
    seed: Seed,
    key: OperatorKey,
}

impl Custody {
    /// A signer's socket, if one holds the key; and whom to ask for the passphrase of a protected file.
    pub fn new(signer: Option<PathBuf>, ask: impl Fn(&Path) -> Result<Option<Passphrase>, Error> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { signer, ask: Some(Box::new(ask)), unlocked: Mutex::default() }))
    }

    /// The socket of the signer.
    pub fn signer(&self) -> Option<&Path> {
        self.0.signer.as_deref()
    }

    /// The home's signing key.
    pub(crate) fn key(&self, home: &Home) -> Result<OperatorKey, Error> {
        if let Some(socket) = self.signer() {
            return Ok(OperatorKey::remote(Client::connect(socket, &files::public_key(home)?)?));
        }
        let path = operator_file(home)?;
        match KeyFile::read(&path)? {
            KeyFile::Plain(seed) => OperatorKey::from_seed(&seed),
            KeyFile::Protected(file, _) => self.unlocked(&path, file).map(|(_, key)| key),
        }
    }

    /// Opens the home's key with a passphrase that is at hand, so that nobody is asked for it.
    ///
    /// # Errors
    /// [`KeyFault::PassphraseWrong`], and those of [`OperatorKey::load`].
    pub fn unlock_with(&self, home: &Home, passphrase: &Passphrase) -> Result<(), Error> {
        let path = operator_file(home)?;
        if let KeyFile::Protected(file, _) = KeyFile::read(&path)? {
            let pkcs8 = open(&path, &file, Content::Operator, passphrase)?;
            let (seed, key) = files::sealed_key(&path, &file, &pkcs8)?;
            *self.0.unlocked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Unlocked { file, passphrase: Arc::new(passphrase.again()), seed, key });
        }
        Ok(())
    }

    /// The seed of the home's own key, for a copy of it.
    pub(crate) fn seed(&self, home: &Home) -> Result<Seed, Error> {
        let path = operator_file(home)?;
        match KeyFile::read(&path)? {
            KeyFile::Plain(seed) => Ok(seed),
            KeyFile::Protected(file, _) => self.unlocked(&path, file).map(|(seed, _)| seed),
        }
    }

    /// The seed of a key file outside a home's care.
    pub(crate) fn seed_of_file(&self, path: &Path) -> Result<Seed, Error> {
        match KeyFile::read(path)? {
            KeyFile::Plain(seed) => Ok(seed),
            KeyFile::Protected(file, _) => self.unlocked(path, file).map(|(seed, _)| seed),
        }
    }

    /// The passphrase before the home's own key, if there is one: the key that takes its place gets it too.
    pub(crate) fn passphrase(&self, home: &Home) -> Result<Option<Arc<Passphrase>>, Error> {
        let path = operator_file(home)?;
        match KeyFile::read(&path)? {
            KeyFile::Plain(_) => Ok(None),
            KeyFile::Protected(file, _) => self.with_unlocked(&path, file, |known| Some(known.passphrase.clone())),
        }
    }

    /// The key of a key file outside a home's care, for a signer.
    pub(crate) fn key_of_file(&self, path: &Path) -> Result<OperatorKey, Error> {
        match KeyFile::read(path)? {
            KeyFile::Plain(seed) => OperatorKey::from_seed(&seed),
            KeyFile::Protected(file, _) => self.unlocked(path, file).map(|(_, key)| key),
        }
    }

    /// The secret of a protected file, for its passphrase.
    pub(crate) fn open(&self, path: &Path, bytes: &[u8], content: Content) -> Result<Zeroizing<Vec<u8>>, Error> {
        open(path, bytes, content, &self.ask(path)?)
    }

    pub(crate) fn ask(&self, path: &Path) -> Result<Passphrase, Error> {
        let answer = self.0.ask.as_ref().map(|ask| ask(path)).transpose()?.flatten();
        answer.ok_or_else(|| KeyFault::PassphraseNeeded(path.to_owned()).into())
    }

    /// The lock is held while somebody is asked: two threads never ask at once.
    fn unlocked(&self, path: &Path, file: Zeroizing<Vec<u8>>) -> Result<(Seed, OperatorKey), Error> {
        self.with_unlocked(path, file, |known| (known.seed.clone(), known.key.clone()))
    }

    fn with_unlocked<T>(&self, path: &Path, file: Zeroizing<Vec<u8>>, give: impl FnOnce(&Unlocked) -> T) -> Result<T, Error> {
        let mut unlocked = self.0.unlocked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = unlocked.as_ref().filter(|known| known.file == file) {
            return Ok(give(known));
        }
        let passphrase = Arc::new(self.ask(path)?);
        let pkcs8 = open(path, &file, Content::Operator, &passphrase)?;
        let (seed, key) = files::sealed_key(path, &file, &pkcs8)?;
        Ok(give(unlocked.insert(Unlocked { file, passphrase, seed, key })))
    }
}

impl fmt::Debug for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Custody({})", self.signer().map_or("file".to_owned(), |socket| socket.display().to_string()))
    }
}
