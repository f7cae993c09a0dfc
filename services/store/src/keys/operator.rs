//! The operator's signing key: made from a 32-byte seed, held here or by a signer, used for messages that are built from what they are about (spec/keys.md).
//!
//! Whoever reads its seed can write a different history in the operator's name; whoever changes it stops the log, because the log names the key.

use super::fault::KeyFault;
use super::files;
use super::seed::Seed;
use super::signer::{Client, Request};
use crate::error::Error;
use crate::home::Home;
use aws_lc_rs::signature::{KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{KeyId, LogId, RecordDigest};
use mickai_proof::history::{Revocation, Statement};
use mickai_proof::key::{PUBLIC_KEY_LEN, PublicKey};
use mickai_proof::signature::{SIGNATURE_LEN, to_cose};
use mickai_proof::statement::{self, Named};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The key that signs a log. It has no way to sign bytes that a caller made. Copies are one key, and may sign on several threads at a time.
#[derive(Clone)]
pub struct OperatorKey(Arc<Inner>);

struct Inner {
    holder: Holder,
    public: PublicKey,
    id: KeyId,
}

/// Who has the seed.
enum Holder {
    /// This process.
    Here(PqdsaKeyPair),
    /// A signer.
    Signer(Client),
}

impl OperatorKey {
    /// The key of a home, as its [`crate::Custody`] says: from the file, asking for the passphrase of a protected one, or through a signer.
    ///
    /// # Errors
    /// [`Error::KeyMissing`], [`Error::ReadableByOthers`], [`Error::NotAKey`], [`Error::Key`].
    pub fn load(home: &Home) -> Result<Self, Error> {
        home.custody().key(home)
    }

    /// The public half of a home's key. Nobody is asked for a passphrase.
    ///
    /// # Errors
    /// [`Error::KeyMissing`], [`Error::ReadableByOthers`], [`Error::NotAKey`].
    pub fn public_of(home: &Home) -> Result<PublicKey, Error> {
        files::public_key(home)
    }

    /// The key, if its seed lies here in the open: for signatures that are thrown away, which nobody is asked for.
    ///
    /// # Errors
    /// As [`OperatorKey::load`].
    pub fn load_unasked(home: &Home) -> Result<Option<Self>, Error> {
        if home.custody().signer().is_some() || !home.operator_key_path().exists() {
            return Ok(None);
        }
        match files::KeyFile::read(&home.operator_key_path())? {
            files::KeyFile::Plain(seed) => Self::from_seed(&seed).map(Some),
            files::KeyFile::Protected(..) => Ok(None),
        }
    }

    /// The key of a file, for a signer.
    ///
    /// # Errors
    /// As [`OperatorKey::load`].
    pub fn load_file(path: &Path, custody: &super::Custody) -> Result<Self, Error> {
        custody.key_of_file(path)
    }

    /// The key pair of a seed (FIPS 204 algorithm 6, KeyGen_internal).
    pub(crate) fn from_seed(seed: &Seed) -> Result<Self, Error> {
        let pair = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, &seed[..]).map_err(|_| Error::Crypto)?;
        let raw: [u8; PUBLIC_KEY_LEN] = pair.public_key().as_ref().try_into().map_err(|_| Error::Crypto)?;
        Ok(Self::held(Holder::Here(pair), PublicKey::from_raw(raw)))
    }

    /// A key that a signer holds.
    pub(crate) fn remote(client: Client) -> Self {
        let public = client.public().clone();
        Self::held(Holder::Signer(client), public)
    }

    fn held(holder: Holder, public: PublicKey) -> Self {
        let id = public.id();
        Self(Arc::new(Inner { holder, public, id }))
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.0.public
    }

    /// The name of its public half.
    pub fn id(&self) -> KeyId {
        self.0.id
    }

    /// Signs one record of one log; gives the COSE_Sign1 (spec/record.md "Signature").
    ///
    /// # Errors
    /// [`Error::Crypto`] if the library fails, [`Error::Key`] if a signer does not sign.
    pub fn sign_record(&self, log: LogId, index: u64, record: RecordDigest) -> Result<Vec<u8>, Error> {
        Ok(to_cose(self.id(), &self.sign(&Request::Record { log, index, record })?))
    }

    /// Signs one tree head; gives the note (spec/checkpoint.md).
    ///
    /// # Errors
    /// As [`OperatorKey::sign_record`].
    pub fn sign_checkpoint(&self, checkpoint: &Checkpoint) -> Result<String, Error> {
        Ok(checkpoint.to_note(self.public(), &self.sign(&Request::Checkpoint(*checkpoint))?))
    }

    /// Signs a revocation of another key; gives the statement that travels without the log (spec/keys.md "Revocation statement").
    ///
    /// # Errors
    /// As [`OperatorKey::sign_record`].
    pub fn sign_statement(&self, log: LogId, revocation: Revocation) -> Result<Vec<u8>, Error> {
        let signature = self.sign(&Request::Statement { log, revocation })?;
        Ok(Statement::encode(log, &revocation, self.public(), &signature))
    }

    /// Signs one tree head as that of receipts (spec/exports.md "Receipt").
    ///
    /// # Errors
    /// As [`OperatorKey::sign_record`].
    pub fn sign_receipt(&self, checkpoint: &Checkpoint) -> Result<[u8; SIGNATURE_LEN], Error> {
        self.sign(&Request::Receipt(*checkpoint))
    }

    /// Signs a statement about one tree head and records of it; gives the envelope (spec/exports.md "Statement").
    ///
    /// # Errors
    /// [`KeyFault::NoStatements`] where a signer holds the key: it builds what it signs, and what a statement names does not fit in a request.
    pub fn sign_attestation(&self, checkpoint: &Checkpoint, records: &[Named]) -> Result<String, Error> {
        let Holder::Here(pair) = &self.0.holder else { return Err(KeyFault::NoStatements.into()) };
        let payload = statement::payload(checkpoint, records);
        Ok(statement::to_envelope(&payload, self.id(), &signed(pair, &statement::to_be_signed(&payload))?))
    }

    pub(crate) fn sign(&self, request: &Request) -> Result<[u8; SIGNATURE_LEN], Error> {
        match &self.0.holder {
            Holder::Here(pair) => signed(pair, &request.message(self.public())),
            Holder::Signer(client) => client.sign(request),
        }
    }
}

fn signed(pair: &PqdsaKeyPair, message: &[u8]) -> Result<[u8; SIGNATURE_LEN], Error> {
    let mut signature = [0; SIGNATURE_LEN];
    match pair.sign(message, &mut signature) {
        Ok(SIGNATURE_LEN) => Ok(signature),
        _ => Err(Error::Crypto),
    }
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperatorKey({})", self.id().short())
    }
}
