//! What no vector shows: the limit of open intents, which takes more records than a file should hold, and the report's exact text.

mod failed;

mod policy_file;

mod references;

mod settlements;

pub mod tamper;

use super::chain::Chain;
use super::hashing::Hashing;
use super::{Axis, AxisState, Policy, Reason, Word, verify};
use crate::bundle::Header;
use crate::digest::{Id, KeyId, LogId, RecordDigest, TreeHash};
use crate::history::History;
use crate::key::{PUBLIC_KEY_LEN, PublicKey};
use crate::limits;
use crate::merkle::Frontier;
use crate::record::{ActorClass, Kind, Mode, OutcomeCode, Record, encode};
use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;

const LOG: LogId = LogId([1; 32]);

fn record(index: u64, prev: RecordDigest, closes: Option<(RecordDigest, OutcomeCode)>) -> Vec<u8> {
    encode(&Record {
        log_id: LOG,
        index,
        prev: Some(prev),
        wall_ms: 0,
        boot_id: Id::ZERO,
        monotonic_ns: 0,
        kind: if closes.is_some() { Kind::Outcome } else { Kind::Intent },
        actor: (ActorClass::System, Id::ZERO),
        authority: (Id::ZERO, 0),
        action: Cow::Borrowed("generate"),
        causes: Vec::new(),
        facts: Vec::new(),
        commitments: Vec::new(),
        closes,
        mode: Mode::Each,
        key_id: KeyId([2; 32]),
        critical: Vec::new(),
        extensions: Vec::new(),
    })
}

#[test]
fn one_open_intent_too_many_is_found_at_its_index_and_one_closed_makes_room() {
    let history = History::given(vec![PublicKey::from_raw([0; PUBLIC_KEY_LEN])]);
    let policy = Policy::default();
    let most = limits::OPEN_INTENTS_MAX as u64;
    let header = Header { log: LOG, first: 1, count: most + 3 };
    let mut chain = Chain::new(header, Frontier::from_nodes(1, vec![TreeHash([3; 32])]).unwrap(), history, &policy, Hashing::default());
    let mut found = Vec::new();
    let mut prev = RecordDigest([4; 64]);
    let mut first = None;
    for index in 1..=most + 3 {
        // The intents fill the place, the outcome of the first makes room for one, and the last has none.
        let closes = (index == most + 1).then(|| (first.unwrap(), OutcomeCode::Executed));
        let bytes = record(index, prev, closes);
        prev = RecordDigest::of(&bytes);
        first = first.or(Some(prev));
        chain.record(index, &bytes, &policy, &mut |reason| found.push((index, reason)));
    }
    assert_eq!(found, [(most + 3, Reason::TooManyOpen)]);
    assert_eq!(chain.open_intents().len() as u64, most + 1);
}

#[test]
fn nothing_is_opened_where_nothing_is_covered() {
    use base64ct::{Base64, Encoding};
    // The first opening fits, and its second copy breaks the encoding.
    let vector: serde_json::Value = serde_json::from_str(include_str!("../../../../spec/vectors/bundle/reject/openings-twice.json")).unwrap();
    let verdict = verify(&Base64::decode_vec(vector["bundle"].as_str().unwrap()).unwrap(), Policy::default()).unwrap();
    assert_eq!((verdict.word, verdict.reason, verdict.scope.opened), (Word::Invalid, Some(Reason::MalformedBundle), 0));
}

#[test]
fn the_report_has_the_members_of_the_spec() {
    let verdict = verify(b"", Policy::default()).unwrap();
    assert_eq!((verdict.word, verdict.index()), (Word::Unreadable, None));
    assert!(verdict.axes.iter().all(|(_, state)| state == AxisState::Unchecked(Reason::NotReached)));
    let report: serde_json::Value = serde_json::from_str(&verdict.to_json()).unwrap();
    let expected = serde_json::json!({
        "verdict": null, "exit": 4, "reason": "not-a-bundle", "index": null, "step": 1,
        "axes": Axis::ALL.iter().map(|axis| (axis.name(), serde_json::json!({"state": "unchecked", "reason": "not-reached"}))).collect::<alloc::collections::BTreeMap<_, _>>(),
        "scope": {"log": null, "key": null, "keys": [], "first": null, "last": null, "size": null, "root": null, "opened": 0, "open_intents": [], "revoked": [], "erased": [], "settlements": [], "text": "nothing is covered: not-a-bundle, step 1"},
    });
    assert_eq!(report, expected);
}
