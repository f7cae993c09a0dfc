//! What no vector shows: how a fork proof is told.

use super::{ForkReport, encode, is_fork_proof};
use crate::digest::TreeHash;
use crate::key::PublicKey;
use crate::verify::{Axis, Word};
use serde_json::Value;

fn vector(path: &str) -> (Vec<u8>, Vec<PublicKey>) {
    use base64ct::{Base64, Encoding};
    let vector: Value = serde_json::from_str(path).unwrap();
    let keys = vector["keys"].as_array().unwrap().iter().map(|pem| PublicKey::from_pem(pem.as_str().unwrap()).unwrap());
    (Base64::decode_vec(vector["fork"].as_str().unwrap()).unwrap(), keys.collect())
}

#[test]
fn a_report_tells_what_is_proven() {
    let (fork, keys) = vector(include_str!("../../../../spec/vectors/fork/accept/prefix.json"));
    let (unproven, _) = vector(include_str!("../../../../spec/vectors/fork/reject/same-note.json"));
    for (bytes, word, verdict, exit, reason, consistency) in [
        (&fork[..], Word::Invalid, Value::from("INVALID"), 1, "fork", ("fail", "fork")),
        (&unproven[..], Word::Invalid, Value::from("INVALID"), 1, "fork-unproven", ("unchecked", "not-reached")),
        (&b"other"[..], Word::Unreadable, Value::Null, 4, "not-a-fork-proof", ("unchecked", "not-reached")),
    ] {
        let report = ForkReport::of(bytes, &keys).unwrap();
        let json: Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!((report.word(), report.reason()), (word, reason));
        assert_eq!((&json["verdict"], &json["exit"], &json["reason"]), (&verdict, &Value::from(exit), &Value::from(reason)));
        for axis in Axis::ALL {
            let (state, why) = if axis == Axis::Consistency { consistency } else { ("unchecked", "not-reached") };
            assert_eq!((&json["axes"][axis.name()]["state"], &json["axes"][axis.name()]["reason"]), (&Value::from(state), &Value::from(why)), "{}", axis.name());
        }
    }
}

/// The vectors were written once by the same function: this is what its bytes have to be now.
#[test]
fn a_proof_is_written_as_it_is_read() {
    use base64ct::{Base64, Encoding};
    let text = |bytes: &[u8]| [&[0x59][..], &u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let nodes = |nodes: &[TreeHash]| [vec![0x80 | nodes.len() as u8], nodes.iter().flat_map(|node| [&[0x58, 32][..], &node.0].concat()).collect()].concat();
    let (a, b) = ("a".repeat(256), "b".repeat(300));
    let (left, right) = ([TreeHash([1; 32])], [TreeHash([2; 32]), TreeHash([3; 32])]);
    let expected = [&b"\x86\x68oar-fork\x01"[..], &text(a.as_bytes()), &text(b.as_bytes()), &nodes(&left), &nodes(&right)].concat();
    assert_eq!(Base64::encode_string(&encode(&a, &b, &left, &right)), Base64::encode_string(&expected));
}

#[test]
fn a_fork_proof_is_known_by_its_beginning() {
    assert!(is_fork_proof(b"\x86\x68oar-fork") && is_fork_proof(b"\x81\x68oar-fork and more"));
    for other in [&b"\x68oar-fork"[..], b"\x06\x68oar-fork", b"\xa6\x68oar-fork", b"\x86\x68oar-fore", b"\x86\x48oar-fork", b"\x86", b""] {
        assert!(!is_fork_proof(other), "{other:02x?}");
    }
}
