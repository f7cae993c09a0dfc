//! A 32-byte seed, and PKCS#8 in the seed-only form of RFC 9881.

use crate::disk;
use crate::error::Error;
use crate::limits;
use aws_lc_rs::rand;
use std::path::Path;
use zeroize::Zeroizing;

pub(crate) const SEED_LEN: usize = 32;

/// A seed; wiped when dropped.
pub type Seed = Zeroizing<[u8; SEED_LEN]>;

/// PKCS#8 up to the seed: version 0, id-ml-dsa-65, OCTET STRING { [0] seed } (RFC 9881 §6, seed-only form).
const PKCS8_PREFIX: [u8; 22] = [0x30, 0x34, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12, 0x04, 0x22, 0x80, 0x20];

/// Fresh random bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| Error::Crypto)?;
    Ok(bytes)
}

pub(crate) fn random_seed() -> Result<Seed, Error> {
    let mut seed = Zeroizing::new([0; SEED_LEN]);
    rand::fill(&mut seed[..]).map_err(|_| Error::Crypto)?;
    Ok(seed)
}

/// A secret file's bytes; one that others can read is refused.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let bytes = disk::read_file(path, limits::KEY_FILE_BYTES_MAX)?.ok_or_else(|| Error::KeyMissing(path.to_owned()))?;
    let bytes = Zeroizing::new(bytes);
    disk::check_private(path)?;
    Ok(bytes)
}

pub(crate) fn pkcs8_from_seed(seed: &Seed) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([&PKCS8_PREFIX[..], &seed[..]].concat())
}

/// The seed of a private key file: exactly the 54 bytes of the seed-only form, or `None`.
pub fn parse_pkcs8(der: &[u8]) -> Option<Seed> {
    der.strip_prefix(&PKCS8_PREFIX)?.try_into().ok().map(Zeroizing::new)
}
