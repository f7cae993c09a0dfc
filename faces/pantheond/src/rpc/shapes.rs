//! The forms of what the RPC takes and gives.

use super::limits::{LIGHT_KEYS_MAX, PAGE_MAX};
use super::shape::{COUNT, Field, Shape, TEXT, list, may, must};

/// 32 bytes in hex: every id.
pub const ID: Shape = Shape::Pattern { pattern: "^[0-9a-f]{64}$", fits: is_id, says: "an id: 64 digits in lower-case hex" };
/// An address.
pub const ADDRESS: Shape = Shape::Pattern { pattern: "^t?pan1[02-9ac-hj-np-z]{58}$", fits: is_address, says: "an address as `pantheon wallet show` prints it" };
/// A name in a path.
pub const NAME_TEXT: Shape = Shape::Pattern { pattern: "^[a-z0-9][a-z0-9-]{1,30}[a-z0-9]$", fits: is_name, says: "a name" };
/// A block in a path.
pub const BLOCK_TEXT: Shape = Shape::Pattern { pattern: "^(newest|0|[1-9][0-9]{0,9}|[0-9a-f]{64})$", fits: is_block, says: "`newest`, a height, or a block's id" };
/// Bytes in base64, padded (RFC 4648 §4).
pub const BASE64: Shape = Shape::Pattern { pattern: "^[A-Za-z0-9+/]*={0,2}$", fits: is_base64, says: "bytes in base64" };
/// Bytes in hex.
pub const HEX: Shape = Shape::Pattern { pattern: "^([0-9a-f]{2})*$", fits: is_hex, says: "bytes in lower-case hex" };
const DIGITS: Shape = Shape::Pattern { pattern: "^[0-9]+$", fits: is_number, says: "a number as text" };

/// An amount.
pub const AMOUNT: Shape = Shape::Ref(
    "Amount",
    &Shape::Fields(&[
        must("obols", DIGITS, "of which a PAN has 1,000,000,000; as text, because it may be more than a float holds"),
        must("pan", TEXT, "the same for people, nine digits behind the point"),
    ]),
);

/// The answer of `/health` and `/ready`.
pub const HEALTH: Shape = Shape::Fields(&[must("status", Shape::Word(&["ok"]), "")]);

/// How a node stands.
pub const STATUS: Shape = Shape::Ref(
    "Status",
    &Shape::Fields(&[
        must("chain", ID, "the chain's id: the digest of its genesis head"),
        must("network", Shape::Word(&["main", "test"]), ""),
        must("name", TEXT, "what people call the chain"),
        must("height", COUNT, "of the newest final block; 0 before the first"),
        must("tip", ID, "its id; the chain's id before the first"),
        must("time_ms", COUNT, "when it was proposed, ms since 1970"),
        must("state", ID, "the root of the state after it"),
        must("epoch", COUNT, "of the next block"),
        must("waiting", Shape::Fields(&[must("transactions", COUNT, ""), must("bytes", COUNT, "")]), "transactions that no final block holds yet"),
        must("is_validator", Shape::Flag, "the node votes"),
        must("seats", COUNT, "validators that vote"),
        must("is_alone", Shape::Flag, "a chain of one validator witnesses nothing: completeness is still unwitnessed"),
    ]),
);

/// Where all PAN are.
pub const SUPPLY: Shape = Shape::Ref(
    "Supply",
    &Shape::Fields(&[
        must("height", COUNT, "the block after which it was counted"),
        must("balances", AMOUNT, "in accounts"),
        must("bonds", AMOUNT, ""),
        must("unbonding", AMOUNT, "on the way back from bonds"),
        must("treasury", AMOUNT, ""),
        must("total", AMOUNT, "all four, counted entry by entry"),
        must("is_whole", Shape::Flag, "the total is the supply, and what the state says of itself"),
    ]),
);

/// The rules of a chain.
pub const PARAMS: Shape = Shape::Ref("Params", &Shape::Fields(PARAMS_FIELDS));

const PARAMS_FIELDS: &[Field] = &[
    must("seats_min", COUNT, ""),
    must("seats_max", COUNT, ""),
    must("epoch_blocks", COUNT, "blocks of an epoch"),
    must("unbonding_epochs", COUNT, "epochs that what was unbonded waits"),
    must("bond_min", AMOUNT, ""),
    must("fee_base", AMOUNT, "of each transaction"),
    must("fee_byte", AMOUNT, "and for each of its bytes"),
    must("treasury_share", COUNT, "of a fee, in ten-thousandths"),
];

/// The head of genesis.
pub const GENESIS: Shape = Shape::Ref(
    "Genesis",
    &Shape::Fields(&[
        must("chain", ID, ""),
        must("network", Shape::Word(&["main", "test"]), ""),
        must("name", TEXT, ""),
        must("time_ms", COUNT, ""),
        must("params", PARAMS, ""),
        must("bonds", list(&Shape::Fields(&[must("account", ADDRESS, ""), must("key", ID, "the key's id"), must("bond", AMOUNT, "")])), "the first validators"),
        must("treasury", AMOUNT, ""),
        must("allocation_count", COUNT, ""),
        must("allocated", AMOUNT, ""),
        must("head", BASE64, "its encoding, whose digest is the chain's id"),
    ]),
);

const BOND: Shape = Shape::Fields(&[
    must("account", ADDRESS, ""),
    must("key", ID, "the id of the key that votes"),
    must("bond", AMOUNT, ""),
    must("is_barred", Shape::Flag, "it voted twice and may not return"),
    must("unbonding", list(&Shape::Fields(&[must("amount", AMOUNT, ""), must("release", COUNT, "the block after which it returns")])), "what it took back"),
]);

/// Who votes, and who put up a bond.
pub const VALIDATORS: Shape = Shape::Ref(
    "Validators",
    &Shape::Fields(&[
        must("height", COUNT, ""),
        must("epoch", COUNT, "of the next block"),
        must("set", ID, "the digest of the set"),
        must("quorum", COUNT, "seats that must sign"),
        must("seats", list(&Shape::Fields(&[must("account", ADDRESS, ""), must("key", ID, "the key's id")])), "who votes on the next block, by ascending key"),
        must("bonds", list(&BOND), "accounts with a bond, the first 1,000"),
        must("bond_count", COUNT, "how many there are"),
    ]),
);

/// An account.
pub const ACCOUNT: Shape = Shape::Ref(
    "Account",
    &Shape::Fields(&[
        must("address", ADDRESS, ""),
        must("height", COUNT, "the block after which it is so"),
        must("nonce", COUNT, "transactions that it made: the number of its next"),
        must("balance", AMOUNT, ""),
        may("key", ID, "the id of its key, where it was revealed"),
        may("validator", BOND, "its bond"),
    ]),
);

/// Final transactions of an account.
pub const HISTORY: Shape = Shape::Ref(
    "History",
    &Shape::Fields(&[
        must("address", ADDRESS, ""),
        must(
            "transactions",
            list(&Shape::Fields(&[must("height", COUNT, ""), must("index", COUNT, ""), may("transaction", TRANSACTION_SUMMARY, "where the block is kept")])),
            "newest first",
        ),
    ]),
);

/// An operator's log.
pub const LOG: Shape = Shape::Ref(
    "Log",
    &Shape::Fields(&[
        must("log", ID, ""),
        must("height", COUNT, "the block after which it is so"),
        must(
            "keys",
            list(&Shape::Fields(&[must("key", ID, ""), must("from", COUNT, "the record from which it signs"), must("next", ID, ""), must("recovery", ID, "")])),
            "in order",
        ),
        must("revocations", list(&Shape::Fields(&[must("key", ID, ""), must("effective", COUNT, ""), may("since_ms", COUNT, "")])), ""),
        must("event", COUNT, "the newest key event's record"),
        may("fork", ID, "the digest of the fork proof that froze it"),
        may(
            "newest",
            Shape::Fields(&[
                must("size", COUNT, "records covered"),
                must("root", BASE64, ""),
                must("key", ID, "whose signature it is"),
                must("height", COUNT, "the block that settled it"),
                must("note", TEXT, "the checkpoint as the note that the key signed"),
            ]),
            "the newest settled checkpoint",
        ),
    ]),
);

/// A name.
pub const NAME: Shape = Shape::Ref(
    "Name",
    &Shape::Fields(&[
        must("name", TEXT, ""),
        must("height", COUNT, "the block after which it is so"),
        must("owner", ADDRESS, ""),
        must("key", ID, "the key that acts under it"),
        must("mandate", ID, "the digest of what it may do"),
    ]),
);

const TRANSACTION_SUMMARY: Shape = Shape::Ref(
    "TransactionSummary",
    &Shape::Fields(&[
        must("id", ID, ""),
        must("sender", ADDRESS, ""),
        must("nonce", COUNT, ""),
        must("kind", TEXT, "what it does, in the spec's word"),
        must("byte_count", COUNT, ""),
    ]),
);

/// A header.
pub const HEADER: Shape = Shape::Ref(
    "Header",
    &Shape::Fields(&[
        must("id", ID, "the block's id"),
        must("chain", ID, ""),
        must("height", COUNT, ""),
        must("parent", ID, ""),
        must("epoch", COUNT, ""),
        must("view", COUNT, ""),
        must("time_ms", COUNT, ""),
        must("transaction_count", COUNT, ""),
        must("transactions", ID, "the root over them"),
        must("state", ID, "the root of the state after it"),
        must("validators", ID, ""),
        must("next", ID, ""),
        must("proposer", ADDRESS, ""),
        must("byte_count", COUNT, "of header and transactions"),
    ]),
);

/// A block.
pub const BLOCK: Shape = Shape::Ref(
    "Block",
    &Shape::Fields(&[
        must("header", HEADER, ""),
        must("from", COUNT, "the place of the first transaction of this answer"),
        must("transactions", Shape::List { of: &TRANSACTION_SUMMARY, min: 0, max: PAGE_MAX as usize }, ""),
    ]),
);

/// A transaction.
pub const TRANSACTION: Shape = Shape::Ref(
    "Transaction",
    &Shape::Fields(&[
        must("id", ID, ""),
        must("height", COUNT, "the final block that holds it"),
        must("block", ID, ""),
        must("index", COUNT, "its place there"),
        must("sender", ADDRESS, ""),
        must("nonce", COUNT, ""),
        must("fee", AMOUNT, ""),
        must("expires", COUNT, "the last block that might have held it"),
        must("action", Shape::Object, "what it does: `kind`, and what belongs to that kind"),
        must("base64", BASE64, "its encoding"),
    ]),
);

/// What is sent to `POST /v1/transactions`.
pub const SUBMIT: Shape = Shape::OneOf(&[Shape::Fields(&[must("base64", BASE64, "the transaction's encoding (CBOR)")]), Shape::Fields(&[must("hex", HEX, "the same in hex")])]);
/// Its answer: taken and passed on, not final yet.
pub const SUBMITTED: Shape = Shape::Fields(&[must("transaction", ID, "its id; `/v1/transactions/{id}` answers when it is final")]);

/// What is sent to `POST /v1/light`.
pub const LIGHT: Shape = Shape::Fields(&[must("keys", Shape::List { of: &STATE_KEY, min: 0, max: LIGHT_KEYS_MAX }, "what the proof is to show")]);
const STATE_KEY: Shape = Shape::Fields(&[
    must("kind", Shape::Word(&["account", "log", "validator", "voter", "name", "totals", "roster", "seats"]), ""),
    may("id", Shape::Text { min: 1, max: 80 }, "of account, validator and voter the address, of a log its id, of a name itself; totals, roster and seats have none"),
]);
/// Its answer.
pub const LIGHT_PROOF: Shape = Shape::Fields(&[must("height", COUNT, "the block whose state is shown"), must("proof", BASE64, "the file that `pantheon light verify` takes")]);

fn is_id(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_name(text: &str) -> bool {
    super::ask::name(text).is_ok()
}

fn is_block(text: &str) -> bool {
    super::ask::block(text).is_ok()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_base64(text: &str) -> bool {
    let body = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    body.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

fn is_address(text: &str) -> bool {
    let data = text.strip_prefix("tpan1").or_else(|| text.strip_prefix("pan1"));
    data.is_some_and(|data| data.len() == 58 && data.bytes().all(|byte| b"023456789acdefghjklmnpqrstuvwxyz".contains(&byte)))
}
