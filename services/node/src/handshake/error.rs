//! Why two nodes did not connect. The other end is never told.

use crate::identity::PublicKey;
use std::fmt;

/// Why a handshake ended without a session.
#[derive(Debug)]
pub enum HandshakeError {
    /// The connection broke off, or ended before a message did.
    Io(commonware_runtime::Error),
    /// The other end does not speak this protocol in this version.
    Version,
    /// The other end has, or claims, this node's own key.
    OwnKey,
    /// The other end claims a key that is not admitted.
    NotAdmitted(PublicKey),
    /// A signature does not verify: the other end does not hold the key, or speaks of another chain, other keys or an earlier challenge.
    Signature,
    /// A key share that no honest node sends: an ML-KEM key that is not one, or an X25519 point of small order.
    Share,
    /// The other end does not hold the secret.
    Confirmation,
    /// This node's key gave no signature that verifies: a fault of this machine.
    Signing,
}

impl HandshakeError {
    /// The stable reason code (spec/handshake.md "Reasons"); what is not about the messages has none.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Io(_) | Self::Signing => None,
            Self::Version => Some("version"),
            Self::OwnKey => Some("own-key"),
            Self::NotAdmitted(_) => Some("not-admitted"),
            Self::Signature => Some("signature"),
            Self::Share => Some("share"),
            Self::Confirmation => Some("confirmation"),
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(why) => write!(f, "the connection ended during the handshake: {why}"),
            Self::Version => f.write_str("the other end speaks another protocol, or another version of it"),
            Self::OwnKey => f.write_str("the other end uses this node's own key"),
            Self::NotAdmitted(key) => write!(f, "the key {key} is not one of the configured peers"),
            Self::Signature => f.write_str("the other end does not prove its key for this chain"),
            Self::Share => f.write_str("the other end sent a key share that no honest node sends"),
            Self::Confirmation => f.write_str("the other end does not hold the secret of this handshake"),
            Self::Signing => f.write_str("this node's key made a signature that does not verify"),
        }
    }
}

impl std::error::Error for HandshakeError {}

impl From<commonware_runtime::Error> for HandshakeError {
    fn from(why: commonware_runtime::Error) -> Self {
        Self::Io(why)
    }
}
