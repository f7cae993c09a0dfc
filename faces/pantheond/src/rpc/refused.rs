//! Why a request was not answered: a status, a stable code, words, and the values that offend.

use super::chain::{NotShown, NotTaken};
use super::limits::RETRY_AFTER_S;
use super::shape::Misshapen;
use super::values;
use super::view::amount;
use mickai_proof::pantheon::{Network, PantheonError};
use serde_json::{Value, json};

/// A refusal as a client sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// What a program may look for.
    pub code: &'static str,
    /// What to do about it.
    pub message: String,
    /// The values that offend, by name.
    pub values: Value,
}

/// The result of answering.
pub type Result<T> = std::result::Result<T, Refused>;

impl Refused {
    /// By its parts.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), values: json!({}) }
    }

    /// A request that is not what it must be.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, "malformed-request", message)
    }

    /// Nothing there.
    pub fn missing(what: &str) -> Self {
        Self::new(404, "not-found", format!("there is no {what} here"))
    }

    /// Too large, with both numbers.
    pub fn too_large(what: &str, have: u64, most: u64) -> Self {
        let values = json!({ "bytes": have, "most": most });
        Self { values, ..Self::new(413, "oversized", format!("the {what} has {have} bytes, at most {most} are taken")) }
    }

    /// Too much at a time.
    pub fn too_many(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(429, code, message)
    }

    /// The node goes.
    pub fn ending() -> Self {
        Self::too_many("ending", "the node ends: ask another, or again when it runs")
    }

    /// Something in a chain's form that is not.
    pub fn of_form(error: PantheonError) -> Self {
        let values = match error {
            PantheonError::Oversized { bytes, most, .. } => json!({ "bytes": bytes, "most": most }),
            _ => json!({}),
        };
        let status = if matches!(error, PantheonError::Oversized { .. }) { 413 } else { 400 };
        Self { values, ..Self::new(status, error.code(), error.to_string()) }
    }

    /// A transaction that was not taken.
    pub fn of_transaction(why: &NotTaken, network: Network) -> Self {
        match why {
            NotTaken::Rejected(rejection) => Self { values: values::of(rejection, network), ..Self::new(422, rejection.code(), rejection.to_string()) },
            NotTaken::Known(id) => {
                Self { values: json!({ "transaction": id.to_string() }), ..Self::new(409, "transaction-known", "the transaction waits here already: nothing more is to be done") }
            }
            NotTaken::TooFarAhead { nonce, next } => {
                let message = format!("the transaction is the account's number {nonce}, and number {next} is next: send those between first, and this one when they are final");
                Self { values: json!({ "nonce": nonce, "next": next }), ..Self::too_many("nonce-ahead", message) }
            }
            NotTaken::Underpriced { fee, least } => {
                let message = format!("another transaction of this number waits here: to take its place this one must pay {least}, and pays {fee}");
                Self { values: json!({ "fee": amount(*fee), "least": amount(*least) }), ..Self::new(409, "underpriced", message) }
            }
            NotTaken::SenderFull { bytes, most } => {
                let message = format!("with this transaction {bytes} bytes of the account's would wait here, and at most {most} may: send it when some of the others are final");
                Self { values: json!({ "bytes": bytes, "most": most }), ..Self::too_many("sender-full", message) }
            }
            NotTaken::Full => {
                Self::too_many("pool-full", "so many transactions wait that there is no room for this one: wait for a block, pay more, or first send those before it")
            }
            NotTaken::Ending => Self::ending(),
        }
    }

    /// A light proof that is not given.
    pub fn of_proof(why: NotShown) -> Self {
        match why {
            NotShown::Missing => Self::missing("proof to be had: no block is final yet, or those at which validators changed are not kept"),
            NotShown::TooManyChanges { found, most } => {
                let message = format!("a proof would pass through {found} changes of the validators, and light clients follow at most {most}");
                Self { values: json!({ "changes": found, "most": most }), ..Self::new(422, "oversized", message) }
            }
            NotShown::TooLarge { bytes, most } => {
                let message = format!("a proof would have {bytes} bytes, and light clients take at most {most}: where many entries are asked for, ask for fewer");
                Self { values: json!({ "bytes": bytes, "most": most }), ..Self::new(422, "oversized", message) }
            }
        }
    }

    /// Seconds after which to ask again.
    pub fn retry_after_s(&self) -> Option<u32> {
        matches!(self.status, 429 | 503).then_some(RETRY_AFTER_S)
    }

    /// The envelope.
    pub fn envelope(&self) -> Value {
        json!({ "error": { "code": self.code, "message": self.message, "values": self.values } })
    }
}

impl From<Misshapen> for Refused {
    fn from(Misshapen { path, wanted }: Misshapen) -> Self {
        let name = if path.is_empty() { "the body" } else { path.as_str() };
        Self { values: json!({ "field": path }), ..Self::malformed(format!("{name} must be {wanted}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::{NotShown, NotTaken, Refused};
    use mickai_proof::digest::TransactionId;
    use mickai_proof::pantheon::{Amount, Network};
    use serde_json::json;

    #[test]
    fn each_reason_of_a_nodes_pool_has_its_code() {
        let (fee, least) = (Amount::from_obols(1), Amount::from_obols(2));
        let cases = [
            (NotTaken::Known(TransactionId([0; 32])), 409, "transaction-known", json!({ "transaction": "0".repeat(64) })),
            (NotTaken::TooFarAhead { nonce: 9, next: 1 }, 429, "nonce-ahead", json!({ "nonce": 9, "next": 1 })),
            (NotTaken::Underpriced { fee, least }, 409, "underpriced", json!({ "fee": super::amount(fee), "least": super::amount(least) })),
            (NotTaken::SenderFull { bytes: 3, most: 2 }, 429, "sender-full", json!({ "bytes": 3, "most": 2 })),
            (NotTaken::Full, 429, "pool-full", json!({})),
            (NotTaken::Ending, 429, "ending", json!({})),
        ];
        for (why, status, code, values) in cases {
            let told = Refused::of_transaction(&why, Network::Test);
            assert_eq!((told.status, told.code, told.values), (status, code, values));
        }
    }

    #[test]
    fn a_proof_that_nobody_would_take_says_what_there_is_too_much_of() {
        let cases = [
            (NotShown::Missing, 404, "not-found", json!({})),
            (NotShown::TooManyChanges { found: 1_025, most: 1_024 }, 422, "oversized", json!({ "changes": 1_025, "most": 1_024 })),
            (NotShown::TooLarge { bytes: 9, most: 8 }, 422, "oversized", json!({ "bytes": 9, "most": 8 })),
        ];
        for (why, status, code, values) in cases {
            let told = Refused::of_proof(why);
            assert_eq!((told.status, told.code, told.values), (status, code, values));
        }
    }
}
