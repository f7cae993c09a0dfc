//! An address: the digest of a key with its algorithm, as text in bech32m (spec/pantheon.md "Addresses").

use super::error::{PantheonError, Part};
use crate::digest::{hex, sha3_256};
use crate::key::PublicKey;
use alloc::string::String;
use bech32::{Bech32m, Hrp};
use core::fmt;

const DOMAIN: &[u8] = b"pan-address-v1\0";

/// Which network a chain belongs to. It decides the first letters of an address and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Network {
    /// Where PAN are worth something.
    Main = 0,
    /// Devnets, tests and simulations.
    Test = 1,
}

impl Network {
    /// Its code in genesis.
    pub fn code(self) -> u64 {
        self as u64
    }

    /// The network of a code.
    pub fn from_code(code: u64) -> Option<Self> {
        [Self::Main, Self::Test].into_iter().find(|network| network.code() == code)
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Main => "pan",
            Self::Test => "tpan",
        }
    }
}

/// Who owns something on a chain: SHA3-256("pan-address-v1" ‖ 0x00 ‖ SubjectPublicKeyInfo).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub [u8; 32]);

impl Address {
    /// Of the account that this key's signatures move.
    pub fn of(key: &PublicKey) -> Self {
        Self(sha3_256(&[DOMAIN, &key.to_spki()]))
    }

    /// As text, 63 or 64 characters.
    pub fn to_text(&self, network: Network) -> String {
        // Both prefixes are valid, and 32 bytes are fewer than the code's most: there is nothing that fails.
        Hrp::parse(network.prefix()).ok().and_then(|prefix| bech32::encode::<Bech32m>(prefix, &self.0).ok()).unwrap_or_default()
    }

    /// From text: lower case, as [`Address::to_text`] writes it and in no other way.
    ///
    /// # Errors
    /// [`PantheonError::AddressNetwork`] for an address of the other network, [`PantheonError::Malformed`] for everything else.
    pub fn from_text(text: &str, network: Network) -> Result<Self, PantheonError> {
        let malformed = PantheonError::Malformed(Part::Address);
        let (_, bytes) = bech32::decode(text).map_err(|_| malformed)?;
        let address = Self(bytes.try_into().map_err(|_| malformed)?);
        let is_of = |network| address.to_text(network) == text;
        match network {
            _ if is_of(network) => Ok(address),
            Network::Main if is_of(Network::Test) => Err(PantheonError::AddressNetwork),
            Network::Test if is_of(Network::Main) => Err(PantheonError::AddressNetwork),
            _ => Err(malformed),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", hex(self.0.get(..6).unwrap_or_default()))
    }
}
