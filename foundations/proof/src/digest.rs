//! Digests and ids as types of their own, and the three hash functions with their domains.

use alloc::string::String;
use core::fmt;
use sha2::{Digest, Sha256};
use sha3::{Sha3_256, Sha3_512};

macro_rules! bytes_newtype {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// From exactly `LEN` bytes; `None` for any other length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// From exactly `2 * LEN` lower-case or upper-case hex digits.
            pub fn from_hex(text: &str) -> Option<Self> {
                let text = text.as_bytes();
                if text.len() != 2 * $len {
                    return None;
                }
                let mut bytes = [0; $len];
                for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
                    let [high, low] = pair else { return None };
                    *byte = hex_value(*high)? << 4 | hex_value(*low)?;
                }
                Some(Self(bytes))
            }

            /// The first 12 hex digits: enough for a person to tell two apart.
            pub fn short(&self) -> String {
                hex(self.0.get(..6).unwrap_or_default())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
    };
}

bytes_newtype!(
    /// D of a record (spec/record.md "Digests").
    RecordDigest,
    64
);
bytes_newtype!(
    /// Names one log: SHA-256 of its genesis record.
    LogId,
    32
);
bytes_newtype!(
    /// Names one public key: SHA-256 of its SubjectPublicKeyInfo.
    KeyId,
    32
);
bytes_newtype!(
    /// A node of the RFC 6962 tree; the root is one too.
    TreeHash,
    32
);
bytes_newtype!(
    /// A salted commitment to a value that the record does not show.
    Commitment,
    32
);
bytes_newtype!(
    /// The salt of one commitment: 32 fresh random bytes.
    Salt,
    32
);
bytes_newtype!(
    /// Any other 32-byte id in a record: boot, actor, policy.
    Id,
    32
);

bytes_newtype!(
    /// Names one chain: the digest of its genesis head (spec/pantheon.md "Genesis").
    ChainId,
    32
);
bytes_newtype!(
    /// Names one block: the digest of its header.
    BlockId,
    32
);
bytes_newtype!(
    /// Names one transaction: the digest of its body.
    TransactionId,
    32
);
bytes_newtype!(
    /// Names one validator set: the digest of its keys.
    SetDigest,
    32
);
bytes_newtype!(
    /// Where an entry of a chain's state lies in its sparse Merkle map.
    StatePath,
    32
);
bytes_newtype!(
    /// A node of the sparse Merkle map; the state root is one too.
    StateHash,
    32
);

/// What D is computed over, before the record (spec/record.md "Digests"): for those who compute it with another library.
pub const RECORD_DOMAIN: &[u8] = b"oar-record-v1\0";

impl RecordDigest {
    /// D = SHA3-512("oar-record-v1" ‖ 0x00 ‖ record bytes).
    pub fn of(record: &[u8]) -> Self {
        let mut hash = Sha3_512::new();
        hash.update(RECORD_DOMAIN);
        hash.update(record);
        Self(hash.finalize().into())
    }
}

impl LogId {
    /// What field 2 of a genesis record holds.
    pub const GENESIS: Self = Self([0; 32]);

    /// SHA-256 of the genesis record's bytes.
    pub fn of_genesis(record: &[u8]) -> Self {
        Self(sha256(&[record]))
    }
}

impl Id {
    /// The id of the actor class `system`.
    pub const ZERO: Self = Self([0; 32]);

    /// SHA-256("oar-boot-v1" ‖ 0x00 ‖ the system's boot id as text).
    pub fn of_boot(boot_id: &str) -> Self {
        Self(sha256(&[b"oar-boot-v1\0", boot_id.as_bytes()]))
    }

    /// SHA-256 of a fork proof.
    pub fn of_fork(proof: &[u8]) -> Self {
        Self(sha256(&[proof]))
    }

    /// SHA3-256("oar-policy-v1" ‖ 0x00 ‖ policy bytes).
    pub fn of_policy(policy: &[u8]) -> Self {
        Self(sha3_256(&[b"oar-policy-v1\0", policy]))
    }
}

/// SHA-256 of the parts, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// SHA3-256 of the parts, one after the other.
pub(crate) fn sha3_256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha3_256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// Two lower-case hex digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    // Half a byte is below 16.
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_printed_and_read() {
        let id = KeyId(core::array::from_fn(|at| if at == 31 { 0xf0 } else { at as u8 }));
        assert_eq!(hex(&id.0), "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1ef0");
        assert_eq!((id.short(), hex(&[])), ("000102030405".into(), String::new()));
        let text = alloc::format!("{id}");
        assert_eq!((KeyId::from_hex(&text), KeyId::from_hex(&text.to_uppercase())), (Some(id), Some(id)));
    }
}
