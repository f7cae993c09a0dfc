//! The key of the operator's account on a chain: another key than the log's, so that whoever settles cannot write history, and whoever writes history cannot spend.
//!
//! Whoever reads its seed spends what the account has; whoever changes or loses it loses that. It signs transactions alone, each built here from its body.

use super::apart::make_missing;
use super::files::KeyFile;
use crate::error::Error;
use crate::home::Home;
use aws_lc_rs::signature::{KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair};
use mickai_proof::key::{PUBLIC_KEY_LEN, PublicKey};
use mickai_proof::pantheon::{Address, Body, Transaction};
use mickai_proof::signature::SIGNATURE_LEN;

/// The key pair of the account.
pub struct Wallet {
    pair: PqdsaKeyPair,
    public: PublicKey,
}

impl Wallet {
    /// The home's, made with mode 0600 if there is none.
    ///
    /// # Errors
    /// [`Error::ReadableByOthers`], [`Error::NotAKey`], [`Error::Io`], [`Error::Crypto`].
    pub fn open_or_create(home: &Home) -> Result<Self, Error> {
        make_missing(&home.wallet_path())?;
        Self::read(home)
    }

    /// The home's, if it was made.
    ///
    /// # Errors
    /// As [`Wallet::open_or_create`], but [`Error::KeyMissing`].
    pub fn open(home: &Home) -> Result<Option<Self>, Error> {
        if home.wallet_path().exists() { Self::read(home).map(Some) } else { Ok(None) }
    }

    fn read(home: &Home) -> Result<Self, Error> {
        let KeyFile::Plain(seed) = KeyFile::read(&home.wallet_path())? else { return Err(Error::NotAKey(home.wallet_path())) };
        let pair = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, &seed[..]).map_err(|_| Error::Crypto)?;
        let raw: [u8; PUBLIC_KEY_LEN] = pair.public_key().as_ref().try_into().map_err(|_| Error::Crypto)?;
        Ok(Self { pair, public: PublicKey::from_raw(raw) })
    }

    /// Its account.
    pub fn address(&self) -> Address {
        Address::of(&self.public)
    }

    /// The transaction of a body; the key is revealed where the chain does not have it.
    ///
    /// # Errors
    /// [`Error::Crypto`].
    pub fn sign(&self, body: Body, reveals: bool) -> Result<Transaction, Error> {
        let mut signature = [0; SIGNATURE_LEN];
        match self.pair.sign(&body.message(), &mut signature) {
            Ok(SIGNATURE_LEN) => Ok(body.sign_with(reveals.then(|| self.public.clone()), &signature)),
            _ => Err(Error::Crypto),
        }
    }
}
