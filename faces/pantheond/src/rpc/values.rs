//! The values that offend in a rejection, by name, as JSON.

use super::view::amount;
use base64ct::{Base64, Encoding};
use mickai_ledger::Rejection;
use mickai_proof::limits::TRANSACTION_BYTES_MAX;
use mickai_proof::pantheon::{Address, Network};
use serde_json::{Value, json};

/// Of one rejection.
pub fn of(rejection: &Rejection, network: Network) -> Value {
    let address = |address: &Address| address.to_text(network);
    match rejection {
        Rejection::Oversized { bytes } => json!({ "bytes": bytes, "most": TRANSACTION_BYTES_MAX }),
        Rejection::OtherChain(chain) => json!({ "chain": chain.to_string() }),
        Rejection::Expired { height, expires } => json!({ "height": height.0, "expires": expires.0 }),
        Rejection::FeeTooLow { fee, least } => json!({ "fee": amount(*fee), "least": amount(*least) }),
        Rejection::Overflow(what) => json!({ "amount": amount(*what) }),
        Rejection::NoAccount(of) => json!({ "sender": address(of) }),
        Rejection::NonceUsed { nonce, next } | Rejection::NonceGap { nonce, next } => json!({ "nonce": nonce, "next": next }),
        Rejection::WrongKey(of) => json!({ "found": address(of) }),
        Rejection::Insufficient { balance, need } => json!({ "balance": amount(*balance), "need_obols": need.to_string() }),
        Rejection::UnknownLog(log)
        | Rejection::KnownLog(log)
        | Rejection::FrozenLog(log)
        | Rejection::CheckpointSignature(log)
        | Rejection::CheckpointKnown(log)
        | Rejection::LogRecord(log)
        | Rejection::LogSignature(log)
        | Rejection::LogEventsFull(log) => json!({ "log": log.to_string() }),
        Rejection::LogShrinks { log, have, found } => json!({ "log": log.to_string(), "have": have, "found": found }),
        // Whoever is told can show it to anybody.
        Rejection::LogForked { log, proof } => json!({ "log": log.to_string(), "fork_proof": Base64::encode_string(proof) }),
        Rejection::VoterKnown(of) | Rejection::Barred(of) => json!({ "account": address(of) }),
        Rejection::BondBelowMinimum { bond, least } => json!({ "bond": amount(*bond), "least": amount(*least) }),
        Rejection::BondInsufficient { bond, amount: asked } => json!({ "bond": amount(*bond), "amount": amount(*asked) }),
        Rejection::UnknownVoter(of) => json!({ "voter": address(of) }),
        Rejection::EvidenceEpoch { epoch, now } => json!({ "epoch": epoch, "now": now }),
        Rejection::NameTaken(of) => json!({ "owner": address(of) }),
        Rejection::KeyMissing
        | Rejection::KeyKnown
        | Rejection::Signature
        | Rejection::ForkUnproven(_)
        | Rejection::LogKeys(_)
        | Rejection::BondKeyMissing
        | Rejection::BondKeyKnown
        | Rejection::BondKeyProof
        | Rejection::UnbondingFull
        | Rejection::EvidenceConsistent
        | Rejection::EvidenceSignature => json!({}),
    }
}
