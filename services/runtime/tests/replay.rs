//! A replay believes nothing that a dishonest operator signed: text, prompt and tokens have to be each other's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use mickai_model::generate::Flow;
use mickai_model::tokens::{Message, Role};
use mickai_proof::cbor::{Major, write_head, write_text};
use mickai_proof::digest::Id;
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode};
use mickai_runtime::{Asked, Bound, Error, ReplayOf, System};
use mickai_store::{Custody, Draft, LogWriter, Vault};
use std::collections::BTreeMap;

/// A home with one honest generation, at index 1 and 2.
fn home() -> (tempfile::TempDir, System) {
    let folder = tempfile::tempdir().unwrap();
    let system = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
    let model = system.embedded().unwrap();
    let mut context = system.context(&model).unwrap();
    let message = Message { role: Role::User, content: "what models do I have".to_owned() };
    let asked = Asked { seed: Some(7), bound: Bound::Verbs, ..Asked::conversation(vec![message], 64) };
    system.generate(&model, &mut context, &asked, &mut |_| Flow::Continue).unwrap();
    (folder, system)
}

/// Signs the same generation once more, with some values and facts put in the place of others. Gives its intent's index.
fn forge(system: &System, values: &[(&str, &[u8])], facts: &[(&str, Fact<'static>)]) -> u64 {
    let acts = system.acts().unwrap();
    let act = acts.first().unwrap();
    let (code, outcome) = act.outcome.as_ref().unwrap();
    assert_eq!(*code, OutcomeCode::Executed);
    let authority = (Id::ZERO, 1);
    let mut writer = LogWriter::open(system.home(), authority).unwrap();
    let vault = Vault::open(system.home(), writer.log_id()).unwrap();
    let value = |index, label: &'static str| {
        let forged = values.iter().find(|(known, _)| *known == label).map(|(_, value)| value.to_vec());
        (label, forged.unwrap_or_else(|| vault.get(index, label).unwrap().unwrap().value.to_vec()))
    };
    let before = [value(act.intent.index, "prompt"), value(act.intent.index, "prompt_tokens")];
    let after = [value(outcome.index, "output"), value(outcome.index, "output_tokens")];
    let forged = |known: &BTreeMap<String, Fact<'static>>| {
        let honest = known.iter().map(|(name, fact)| (name.clone(), fact.clone()));
        honest.map(|(name, fact)| (name.clone(), facts.iter().find(|(forged, _)| *forged == name).map_or(fact, |(_, forged)| forged.clone()))).collect::<Vec<_>>()
    };
    let mut draft = Draft::new(Kind::Intent, (ActorClass::Brain, Id::ZERO), authority, "generate");
    draft.facts = forged(&act.intent.facts);
    let borrowed: Vec<(&str, &[u8])> = before.iter().map(|(label, value)| (*label, value.as_slice())).collect();
    let permit = writer.append_intent(draft, &borrowed).unwrap();
    let index = permit.index();
    let borrowed: Vec<(&str, &[u8])> = after.iter().map(|(label, value)| (*label, value.as_slice())).collect();
    let act = writer.begin(permit).unwrap();
    writer.close(act, OutcomeCode::Executed, forged(&outcome.facts), &borrowed).unwrap();
    index
}

fn replay(system: &System, index: u64) -> Result<mickai_runtime::Replayed, Error> {
    system.replay(&ReplayOf::Record(index), None, &mut |_| Flow::Continue)
}

#[test]
fn an_honest_record_is_identical_and_so_is_its_copy() {
    let (_folder, system) = home();
    assert!(replay(&system, 1).unwrap().is_identical());
    assert!(replay(&system, 2).unwrap().is_identical());
    let copy = forge(&system, &[], &[]);
    assert!(replay(&system, copy).unwrap().is_identical());
}

#[test]
fn other_text_beside_the_same_tokens_differs() {
    let (_folder, system) = home();
    let forged = forge(&system, &[("output", b"I agree to everything")], &[]);
    let replayed = replay(&system, forged).unwrap();
    assert!(replayed.divergence.is_none() && !replayed.is_text_equal && !replayed.is_identical());
}

#[test]
fn other_tokens_and_another_end_differ() {
    let (_folder, system) = home();
    let forged = forge(&system, &[("output_tokens", &[9, 0, 0, 0])], &[]);
    assert_eq!(replay(&system, forged).unwrap().divergence.unwrap().position, 0);
    let forged = forge(&system, &[], &[("stop", Fact::Text("limit".into()))]);
    assert!(!replay(&system, forged).unwrap().is_stop_equal);
}

#[test]
fn a_prompt_that_is_not_the_tokens_is_refused() {
    let (_folder, system) = home();
    let mut prompt = Vec::new();
    write_head(&mut prompt, Major::Array, 1);
    write_head(&mut prompt, Major::Array, 2);
    write_text(&mut prompt, "user");
    write_text(&mut prompt, "something harmless");
    let forged = forge(&system, &[("prompt", &prompt)], &[]);
    assert!(matches!(replay(&system, forged), Err(Error::BadRecord { part: "prompt_tokens", .. })));
    let forged = forge(&system, &[("output_tokens", &[9, 0, 0])], &[]);
    assert!(matches!(replay(&system, forged), Err(Error::BadRecord { part: "output_tokens", .. })));
}

#[test]
fn another_template_or_arithmetic_is_said() {
    let (_folder, system) = home();
    for (name, fact) in [("template", Fact::Bytes(vec![7; 32].into())), ("arithmetic", Fact::Text("mickai-arith-0".into())), ("sampler", Fact::Text("dice".into()))] {
        let forged = forge(&system, &[], &[(name, fact)]);
        assert!(matches!(replay(&system, forged), Err(Error::OtherVersion { part, .. }) if part == name), "{name}");
    }
}
