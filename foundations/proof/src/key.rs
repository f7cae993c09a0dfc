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

    /// From PEM (spec/keys.md "PEM"): each marker on a line of its own, white space and the widths of lines free, text around the block passed over.
    ///
    /// # Errors
    /// [`KeyError`], by what is wrong.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let mut lines = text.split('\n').map(str::trim_ascii);
        lines.find(|line| *line == PEM_BEGIN).ok_or(KeyError::NotPem)?;
        let mut base64 = String::new();
        loop {
            match lines.next().ok_or(KeyError::NotPem)? {
                PEM_END => break,
                line => base64.extend(line.split_ascii_whitespace()),
            }
        }
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
    }

    /// Cut into lines of so many characters.
    fn cut(text: &str, width: usize) -> String {
        let letters: Vec<char> = text.chars().collect();
        letters.chunks(width).map(|line| line.iter().collect::<String>()).collect::<Vec<_>>().join("\n")
    }

    /// The same cases as in verifier/test/encodings.test.ts.
    #[test]
    fn pem_is_read_whatever_its_white_space() {
        let (key, other) = (key(), PublicKey::from_raw([7; PUBLIC_KEY_LEN]));
        let (pem, body) = (key.to_pem(), Base64::encode_string(&key.to_spki()));
        let wrap = |text: &str| format!("{PEM_BEGIN}\n{text}\n{PEM_END}\n");
        let each_line = |with: &dyn Fn(&str) -> String| pem.lines().map(with).collect::<String>();
        let good = [
            (pem.clone(), "as it is written"),
            (String::from(pem.trim_end()), "no LF at the end"),
            (pem.replace('\n', "\r\n"), "CRLF"),
            (wrap(&body), "one long line"),
            (wrap(&cut(&body, 76)), "lines of 76"),
            (wrap(&cut(&body, 1)), "lines of 1"),
            (each_line(&|line| format!("{line} \t\n")), "white space at the end of every line"),
            (each_line(&|line| format!("\t  {line}\n")), "white space at the beginning of every line"),
            (each_line(&|line| format!("{line}\n\n \n")), "empty lines"),
            (each_line(&|line| format!("\u{c}{line}\r\r\n")), "form feeds and carriage returns"),
            (wrap(&body.replace('A', " A\t")), "white space within the lines"),
            (format!("The key of the operator:\n\n{pem}\nand no more.\n"), "text around it"),
            (format!("{PEM_END}\nx{PEM_BEGIN}\n{pem}"), "markers before it that begin nothing"),
            (pem.replace("PUBLIC", "PRIVATE") + &pem, "a block of another label before it"),
            (format!("{pem}{}", other.to_pem()), "a second key after it"),
        ];
        for (text, why) in good {
            assert_eq!(PublicKey::from_pem(&text), Ok(key.clone()), "{why}");
        }
    }

    /// The same cases as in verifier/test/encodings.test.ts.
    #[test]
    fn what_is_not_pem_is_refused() {
        let (pem, body) = (key().to_pem(), Base64::encode_string(&key().to_spki()));
        let bad = [
            (String::new(), "nothing"),
            (pem.replace("PUBLIC", "PRIVATE"), "another label"),
            (pem.replace(PEM_END, ""), "no end"),
            (pem.replace(PEM_BEGIN, ""), "no beginning"),
            (pem.replacen('\n', "\nComment: x\n", 1), "a header"),
            (pem.replace('\n', ""), "all in one line"),
            (pem.replace('\n', " "), "all in one line, with spaces"),
            (pem.replace('\n', "\r"), "carriage returns alone"),
            (pem.replacen(&format!("{PEM_BEGIN}\n"), PEM_BEGIN, 1), "base64 on the line of the first marker"),
            (pem.replacen(&format!("\n{PEM_END}"), PEM_END, 1), "base64 on the line of the last marker"),
            (format!("key: {pem}"), "words before the first marker"),
            (format!("{} end\n", pem.trim_end()), "words after the last marker"),
            (format!("\u{feff}{pem}"), "a byte order mark"),
            (format!("\u{a0}{pem}"), "a no-break space before the first marker"),
            (format!("\u{b}{pem}"), "a vertical tab before the first marker"),
            (pem.replace("PUBLIC KEY", "PUBLIC  KEY"), "a second space in the markers"),
            (pem.replace("PUBLIC KEY", "public key"), "small letters"),
            (pem.replacen(PEM_BEGIN, &format!("{PEM_BEGIN}\n{PEM_BEGIN}"), 1), "the first marker twice"),
            (pem.replacen("MII", "MII\u{a0}", 1), "a no-break space in the base64"),
            (format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", &body[..body.len() - 1]), "base64 cut short"),
            (format!("{PEM_BEGIN}\n{PEM_END}\n"), "an empty block"),
        ];
        for (text, why) in bad {
            assert!(PublicKey::from_pem(&text).is_err(), "{why}");
        }
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
