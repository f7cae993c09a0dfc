//! The keys of a wallet and of a validator: read from their files, and used for what this program built itself.

use crate::args::{Cli, KeyFile};
use crate::command;
use crate::failure::Failure;
use aws_lc_rs::signature::{KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair};
use mickai_proof::digest::ChainId;
use mickai_proof::key::{PUBLIC_KEY_LEN, PublicKey};
use mickai_proof::pantheon::{Address, Body, BondKey, Transaction};
use mickai_proof::signature::SIGNATURE_LEN;
use mickai_store::Custody;
use mickai_store::keys::{Seed, public_of_file, seed_of_file};
use std::path::{Path, PathBuf};

/// A key that signs transactions, each signature with fresh randomness, as records are signed.
pub struct Key {
    pair: PqdsaKeyPair,
    public: PublicKey,
}

impl Key {
    /// The key pair of a seed (FIPS 204 algorithm 6).
    pub fn from_seed(seed: &Seed) -> Result<Self, Failure> {
        let pair = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, &seed[..]).map_err(|_| Failure::Crypto)?;
        let raw: [u8; PUBLIC_KEY_LEN] = pair.public_key().as_ref().try_into().map_err(|_| Failure::Crypto)?;
        Ok(Self { pair, public: PublicKey::from_raw(raw) })
    }

    /// The key that a command was told to use; its passphrase is asked for.
    pub fn load(cli: &Cli, custody: &Custody, file: &KeyFile) -> Result<Self, Failure> {
        Self::from_seed(&seed(custody, &path(cli, file)?)?)
    }

    /// Its account.
    pub fn address(&self) -> Address {
        Address::of(&self.public)
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// A transaction of that account; the key is revealed where the chain does not have it.
    pub fn sign(&self, body: Body, reveals: bool) -> Result<Transaction, Failure> {
        let signature = self.signed(&body.message())?;
        Ok(body.sign_with(reveals.then(|| self.public.clone()), &signature))
    }

    /// Its consent to vote for an account.
    pub fn consent(&self, chain: ChainId, account: Address) -> Result<BondKey, Failure> {
        let proof = Box::new(self.signed(&BondKey::message(chain, account))?);
        Ok(BondKey { key: self.public.clone(), proof })
    }

    fn signed(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LEN], Failure> {
        let mut signature = [0; SIGNATURE_LEN];
        match self.pair.sign(message, &mut signature) {
            Ok(SIGNATURE_LEN) => Ok(signature),
            _ => Err(Failure::Crypto),
        }
    }
}

/// Where the key of a command lies.
pub fn path(cli: &Cli, file: &KeyFile) -> Result<PathBuf, Failure> {
    match &file.key {
        Some(path) => std::path::absolute(path).map_err(Failure::io(path)),
        None => Ok(command::home(cli)?.join("wallet.p8")),
    }
}

/// The public half; nobody is asked for a passphrase.
pub fn public(path: &Path) -> Result<PublicKey, Failure> {
    exists(path)?;
    Ok(public_of_file(path)?)
}

/// The seed of a key file.
pub fn seed(custody: &Custody, path: &Path) -> Result<Seed, Failure> {
    exists(path)?;
    Ok(seed_of_file(path, custody)?)
}

fn exists(path: &Path) -> Result<(), Failure> {
    if path.exists() { Ok(()) } else { Err(Failure::NoKey(path.to_owned())) }
}
