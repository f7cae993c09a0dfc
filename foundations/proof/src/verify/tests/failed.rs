//! What the vectors do not hold: a verdict of a failure lists nothing that was found before it.

use super::super::{Policy, Word, verify};
use super::tamper::common::{Log, Signer, log::next};
use mickai_proof::history::Revocation;

#[test]
fn a_failure_lists_nothing() {
    let mut log = Log::new(&Signer::from_seed(1));
    let intent = log.intent();
    log.erase(intent, &["prompt"]);
    let first = log.signer.id();
    log.rotate(&next());
    log.revoke(Revocation { revoked: first, effective: 1, since_ms: None });
    let mut whole = log.whole();
    whole.chunks[0].openings = vec![log.openings[0].clone()];
    let verdict = verify(&whole.bytes(), Policy::default()).unwrap();
    assert_eq!(verdict.word, Word::Revoked);
    assert_eq!((verdict.scope.open_intent_count, &verdict.scope.open_intents[..], verdict.scope.erased_count, verdict.scope.erased.len()), (1, &[1][..], 1, 1));
    assert_eq!((&verdict.scope.revoked[..], verdict.scope.opened), (&[(1, 3)][..], 1));
    assert!(verdict.to_json().starts_with(r#"{"verdict":"REVOKED","exit":3,"#));
    let mut broken = whole;
    broken.note = b"none".to_vec();
    let verdict = verify(&broken.bytes(), Policy::default()).unwrap();
    assert_eq!(verdict.word, Word::Invalid);
    assert_eq!((verdict.scope.open_intent_count, verdict.scope.open_intents.len(), verdict.scope.erased_count, verdict.scope.erased.len()), (0, 0, 0, 0));
    assert_eq!((verdict.scope.revoked.len(), verdict.scope.opened), (0, 0));
}
