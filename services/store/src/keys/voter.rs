//! The key that votes on the home's own chain: one seat, so that its vote alone is a certificate (spec/pantheon.md "Votes", "Certificate").
//!
//! Whoever reads its seed finishes blocks of that chain, which witnesses nothing for anybody; whoever changes or loses it stops the chain. It signs finalize votes alone, each built here from what it is about, without
//! randomness: the same vote has the same bytes, however often it is made.

use super::apart::make_missing;
use super::files::KeyFile;
use crate::error::Error;
use crate::home::Home;
use libcrux_ml_dsa::ml_dsa_65::{MLDSA65SigningKey, generate_key_pair, sign};
use mickai_proof::digest::ChainId;
use mickai_proof::key::PublicKey;
use mickai_proof::pantheon::{Certificate, Proposal, VoteKind};
use mickai_proof::signature::verify;
use zeroize::Zeroize;

/// The key pair of the seat.
pub struct Voter {
    secret: Secret,
    public: PublicKey,
}

/// In one place: moved about, it would leave copies that nobody wipes.
struct Secret(Box<MLDSA65SigningKey>);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.as_ref_mut().zeroize();
    }
}

impl Voter {
    /// The home's, made with mode 0600 if there is none.
    ///
    /// # Errors
    /// [`Error::ReadableByOthers`], [`Error::NotAKey`], [`Error::Io`], [`Error::Crypto`].
    pub fn open_or_create(home: &Home) -> Result<Self, Error> {
        make_missing(&home.voter_path())?;
        Self::read(home)
    }

    /// The home's, if it was made.
    ///
    /// # Errors
    /// As [`Voter::open_or_create`].
    pub fn open(home: &Home) -> Result<Option<Self>, Error> {
        if home.voter_path().exists() { Self::read(home).map(Some) } else { Ok(None) }
    }

    fn read(home: &Home) -> Result<Self, Error> {
        let KeyFile::Plain(seed) = KeyFile::read(&home.voter_path())? else { return Err(Error::NotAKey(home.voter_path())) };
        let pair = generate_key_pair(*seed);
        Ok(Self { public: PublicKey::from_raw(*pair.verification_key.as_ref()), secret: Secret(Box::new(pair.signing_key)) })
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// That a block is final, where this key has the only seat. The caller knows that the block is durable, and the only one of its round.
    ///
    /// # Errors
    /// [`Error::Crypto`] where the library gives no signature, or one that does not verify.
    pub fn finalize(&self, chain: ChainId, proposal: Proposal) -> Result<Certificate, Error> {
        let message = VoteKind::Finalize(proposal).message(chain);
        let signature = *sign(&self.secret.0, &message, b"", [0; 32]).map_err(|_| Error::Crypto)?.as_ref();
        if !verify(&self.public, &message, &signature) {
            return Err(Error::Crypto);
        }
        Certificate::new(proposal.round, proposal.parent, 1, vec![(0, Box::new(signature))]).ok_or(Error::Crypto)
    }
}
