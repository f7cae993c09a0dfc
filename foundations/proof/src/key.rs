//! An ML-DSA-65 public key in its written forms: SubjectPublicKeyInfo, PEM, JWK, key id (spec/keys.md).

use crate::digest::{KeyId, sha256};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use core::fmt;

/// Bytes of the FIPS 204 encoding of an ML-DSA-65 public key.
pub const PUBLIC_KEY_LEN: usize = 1_952;

/// DER up to the key itself: SEQUENCE { SEQUENCE { id-ml-dsa-65 }, BIT STRING } (RFC 9881 §4).
const SPKI_PREFIX: [u8; 22] = [0x30, 0x82, 0x07, 0xb2, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12, 0x03, 0x82, 0x07, 0xa1, 0x00];

const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// An ML-DSA-65 public key. Copies share it, and its id is computed once.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Arc<Named>);

#[derive(PartialEq, Eq)]
struct Named {
    raw: [u8; PUBLIC_KEY_LEN],
    id: KeyId,
}

/// The text or the bytes are not an ML-DSA-65 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// No `PUBLIC KEY` block.
    NotPem,
    /// The block's content is not canonical base64.
    NotBase64,
    /// The bytes are not a SubjectPublicKeyInfo of ML-DSA-65.
    NotMlDsa65,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPem => "no PEM block of type PUBLIC KEY: give the file that `mickai key show --pem` prints",
            Self::NotBase64 => "the PEM block is not canonical base64",
            Self::NotMlDsa65 => "the key is not an ML-DSA-65 public key",
        })
    }
}

impl core::error::Error for KeyError {}

impl PublicKey {
    /// From the FIPS 204 encoding.
    pub fn from_raw(raw: [u8; PUBLIC_KEY_LEN]) -> Self {
        let id = KeyId(sha256(&[&SPKI_PREFIX, &raw]));
        Self(Arc::new(Named { raw, id }))
    }

    /// The FIPS 204 encoding.
    pub fn raw(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.0.raw
    }

    /// From a SubjectPublicKeyInfo, DER.
    ///
    /// # Errors
    /// [`KeyError::NotMlDsa65`] for anything else.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let raw = der.strip_prefix(&SPKI_PREFIX).ok_or(KeyError::NotMlDsa65)?;
        raw.try_into().map(Self::from_raw).map_err(|_| KeyError::NotMlDsa65)
    }

    /// As SubjectPublicKeyInfo, DER, 1,974 bytes.
    pub fn to_spki(&self) -> Vec<u8> {
        [&SPKI_PREFIX[..], &self.raw()[..]].concat()
    }

    /// SHA-256 of the SubjectPublicKeyInfo.
    pub fn id(&self) -> KeyId {
        self.0.id
    }

    /// From PEM (RFC 7468); text around the block is passed over, line ends and widths are free.
    ///
    /// # Errors
    /// [`KeyError`], by what is wrong.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let (_, after) = text.split_once(PEM_BEGIN).ok_or(KeyError::NotPem)?;
        let (block, _) = after.split_once(PEM_END).ok_or(KeyError::NotPem)?;
        let base64: String = block.split_ascii_whitespace().collect();
        Self::from_spki(&Base64::decode_vec(&base64).map_err(|_| KeyError::NotBase64)?)
    }

    /// As PEM, 64 characters a line.
    pub fn to_pem(&self) -> String {
        let base64 = Base64::encode_string(&self.to_spki());
        let mut pem = format!("{PEM_BEGIN}\n");
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = after;
        }
        pem + PEM_END + "\n"
    }

    /// As JWK (RFC 9964, kty AKP), one line.
    pub fn to_jwk(&self) -> String {
        format!(r#"{{"kty":"AKP","alg":"ML-DSA-65","kid":"{}","pub":"{}"}}"#, self.id(), Base64UrlUnpadded::encode_string(self.raw()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id().short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> PublicKey {
        PublicKey::from_raw(core::array::from_fn(|i| i as u8))
    }

    #[test]
    fn every_form_reads_back() {
        let key = key();
        assert_eq!(PublicKey::from_spki(&key.to_spki()), Ok(key.clone()));
        assert_eq!(PublicKey::from_pem(&key.to_pem()), Ok(key.clone()));
        assert_eq!(PublicKey::from_pem(&format!("a note\r\n{}", key.to_pem().replace('\n', "\r\n"))), Ok(key));
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let key = key();
        let spki = key.to_spki();
        assert_eq!(PublicKey::from_spki(&spki[..spki.len() - 1]), Err(KeyError::NotMlDsa65));
        assert_eq!(PublicKey::from_spki(&[&spki[..], &[0]].concat()), Err(KeyError::NotMlDsa65));
        let mut other = spki;
        other[16] = 0x11; // id-ml-dsa-44
        assert_eq!(PublicKey::from_spki(&other), Err(KeyError::NotMlDsa65));
        assert_eq!(PublicKey::from_pem("hello"), Err(KeyError::NotPem));
        assert_eq!(PublicKey::from_pem(&key.to_pem().replace("MIIH", "MI*H")), Err(KeyError::NotBase64));
        assert_eq!(PublicKey::from_pem(&key.to_pem().replace("MIIH", "MIIX")), Err(KeyError::NotMlDsa65));
    }
}
