//! A record as one line of JSON: a view for people's tools, beside the very bytes that were hashed and signed (spec/exports.md "JSON lines").

use crate::commitment::Opening;
use crate::digest::{RecordDigest, hex};
use crate::json::{array, base64, object, or_null, plain, text, uint};
use crate::merkle;
use crate::record::{Fact, Record, decode};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

type Members = Vec<(&'static str, String)>;

/// The line, without its end, of the record at `index` with what lies beside it.
pub fn line(index: u64, record: &[u8], signature: &[u8], openings: &[Opening]) -> String {
    let mut members = members(index, record);
    members.push(("openings", object(openings.iter().map(|opening| (opening.label.as_str(), opened(opening))))));
    members.push(("signature", or_null((!signature.is_empty()).then(|| base64(signature)))));
    members.push(("record", base64(record)));
    object(members)
}

/// What the record at `index` says, without what lies beside it.
pub fn record(index: u64, record: &[u8]) -> String {
    object(members(index, record))
}

fn members(index: u64, record: &[u8]) -> Members {
    let mut members = vec![("index", uint(index)), ("digest", plain(RecordDigest::of(record))), ("leaf", plain(merkle::leaf(record)))];
    match decode(record) {
        Ok(decoded) => members.extend(fields(index, &decoded)),
        Err(error) => members.push(("error", plain(error.code()))),
    }
    members
}

/// Names and encoded values in the order of the CDDL.
pub fn fields(index: u64, record: &Record<'_>) -> Vec<(&'static str, String)> {
    let mut members = vec![("log", plain(record.log_id))];
    // A bundle can hold a record that claims another place; the verifier fails it in step 5.
    members.extend((record.index != index).then(|| ("claimed_index", uint(record.index))));
    members.extend([
        ("prev", or_null(record.prev.map(plain))),
        ("wall_ms", uint(record.wall_ms)),
        ("boot", plain(record.boot_id)),
        ("monotonic_ns", uint(record.monotonic_ns)),
        ("kind", plain(record.kind.name())),
        ("actor", array([plain(record.actor.0.name()), plain(record.actor.1)])),
        ("authority", array([plain(record.authority.0), uint(record.authority.1)])),
        ("action", text(&record.action)),
        ("causes", array(record.causes.iter().map(|(index, digest)| array([uint(*index), plain(digest)])))),
        ("facts", object(record.facts.iter().map(|(label, value)| (label, fact(value))))),
        ("commitments", object(record.commitments.iter().map(|(label, commitment)| (label, plain(commitment))))),
        ("intent", or_null(record.closes.map(|(intent, _)| plain(intent)))),
        ("outcome", or_null(record.closes.map(|(_, code)| plain(code.name())))),
        ("mode", plain(record.mode.name())),
        ("key", plain(record.key_id)),
        ("critical", array(record.critical.iter().map(|label| text(label)))),
        ("extensions", object(record.extensions.iter().map(|(label, value)| (label, bytes(value))))),
    ]);
    members
}

/// A fact's value.
pub fn fact(value: &Fact<'_>) -> String {
    match value {
        Fact::Uint(value) => uint(*value),
        Fact::Text(value) => text(value),
        Fact::Bytes(value) => bytes(value),
        Fact::List(items) => array(items.iter().map(fact)),
    }
}

/// Apart from text, which is a string too: `{"hex":"…"}`. A number above 2^53 − 1 is a string of digits; what the record holds is decided by its bytes.
fn bytes(value: &[u8]) -> String {
    object([("hex", plain(hex(value)))])
}

/// A value shown again; as text too where it is text.
pub fn opened(opening: &Opening) -> String {
    let as_text = core::str::from_utf8(&opening.value).ok().map(|value| ("text", text(value)));
    object([("salt", plain(opening.salt)), ("value", base64(&opening.value))].into_iter().chain(as_text))
}
