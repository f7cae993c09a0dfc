//! A replay believes nothing that a dishonest operator signed: text, prompt and tokens have to be each other's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use mickai_model::generate::{Flow, Progress};
use mickai_model::tokens::{Message, Role};
use mickai_proof::cbor::{Major, write_head, write_text};
use mickai_proof::digest::Id;
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode};
use mickai_runtime::serve::{Desk, Gone};
use mickai_runtime::{Allowance, Asked, Bound, Error, Input, ReplayOf, Said, System, ToEmbed};
use mickai_store::{Custody, Draft, LogWriter, Vault};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

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
    forge_without(system, None, values, facts)
}

/// As [`forge`], with one fact left out.
fn forge_without(system: &System, left_out: Option<&str>, values: &[(&str, &[u8])], facts: &[(&str, Fact<'static>)]) -> u64 {
    let acts = system.acts().unwrap();
    let act = acts.iter().find(|act| act.action == "generate").unwrap();
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
        let honest = known.iter().filter(|(name, _)| left_out != Some(name.as_str())).map(|(name, fact)| (name.clone(), fact.clone()));
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

/// In the prompt, and at a token: neither says anything of the record.
#[test]
fn a_replay_that_is_stopped_compares_nothing() {
    let (_folder, system) = home();
    for is_at_token in [false, true] {
        let mut each = |progress: Progress<'_>| if matches!(progress, Progress::Token { .. }) == is_at_token { Flow::Stop } else { Flow::Continue };
        assert!(matches!(system.replay(&ReplayOf::Record(1), None, &mut each), Err(Error::Store(mickai_store::Error::Stopped))));
        let act = system.acts().unwrap().pop().unwrap();
        let (code, outcome) = act.outcome.unwrap();
        assert_eq!((act.action.as_str(), code, outcome.facts.len()), ("replay", OutcomeCode::Failed, 0));
    }
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
    let other = || Fact::Bytes(vec![7; 32].into());
    for (name, fact) in [("template", other()), ("edges", other()), ("arithmetic", Fact::Text("mickai-arith-0".into())), ("sampler", Fact::Text("dice".into()))] {
        let forged = forge(&system, &[], &[(name, fact)]);
        assert!(matches!(replay(&system, forged), Err(Error::OtherVersion { part, .. }) if part == name), "{name}");
    }
}

const WEIGHTS: &[u8] = include_bytes!("../../../spec/vectors/model/llama-64.f32.gguf");
/// As the file of the vectors has it.
const AS_IT_WAS: (&str, &[u8]) = ("llama.context_length", &2048u32.to_le_bytes());
const OTHER_END: (&str, &[u8]) = ("tokenizer.ggml.eos_token_id", &3u32.to_le_bytes());

/// The tiny model of the vectors with this value behind a key of its file: none of them changes the digest of the model.
fn import(system: &System, folder: &Path, (key, value): (&str, &[u8])) {
    let mut bytes = WEIGHTS.to_vec();
    // Behind the key: type, value.
    let at = bytes.windows(key.len()).position(|window| window == key.as_bytes()).unwrap() + key.len() + 4;
    bytes[at..at + value.len()].copy_from_slice(value);
    let path = folder.join("tiny.gguf");
    std::fs::write(&path, bytes).unwrap();
    system.import(&path, None, None, &|_| Flow::Continue).unwrap();
}

/// The same weights come again with something else beside them.
fn import_again(system: &System, folder: &Path, change: (&str, &[u8])) {
    system.remove_model("tiny", None).unwrap();
    import(system, folder, change);
}

/// A home with the tiny model.
fn tiny() -> (tempfile::TempDir, System) {
    let folder = tempfile::tempdir().unwrap();
    let system = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
    import(&system, folder.path(), AS_IT_WAS);
    (folder, system)
}

/// What the tiny model says to it, by its intent.
fn answered(system: &System, said: Said) -> u64 {
    let model = system.model("tiny").unwrap();
    let asked = Asked { said, seed: Some(7), ..Asked::conversation(Vec::new(), 8) };
    system.generate(&model, &mut system.context(&model).unwrap(), &asked, &mut |_| Flow::Continue).unwrap().intent.index
}

/// The same, of vectors.
fn embedded(folder: &Path) -> u64 {
    let system = System::open(&folder.join("home"), 1, Custody::default()).unwrap();
    let desk = Desk::open(Arc::new(system), Allowance { memory_bytes: 1 << 30, cache_bytes: 2 << 20 }).unwrap();
    let asked = ToEmbed { inputs: vec![Input::Text("hello".to_owned())], dimension_count: None, shortens: false, request: None };
    let entered = desk.enter_embedding(desk.model("tiny").unwrap()).unwrap();
    desk.embed(entered.prepared(&asked).unwrap(), &Gone::default(), &mut |_| {}).unwrap().records[0].0.index
}

/// A record that is honest is not called another for what the model's file says now. What an act never read keeps none from being replayed.
#[test]
fn other_edges_beside_the_same_weights_are_said() {
    let (folder, system) = tiny();
    let turn = Message { role: Role::User, content: "hello".to_owned() };
    let made = [answered(&system, Said::Text("hello".to_owned())), answered(&system, Said::Conversation(vec![turn])), embedded(folder.path())];
    for (change, is_refused) in [
        (AS_IT_WAS, [false; 3]),
        (OTHER_END, [true, true, false]),
        (("tokenizer.ggml.bos_token_id", &3u32.to_le_bytes()[..]), [true; 3]),
        // A template writes that token itself.
        (("tokenizer.ggml.add_bos_token", &[0][..]), [true, false, true]),
        (("llama.context_length", &1024u32.to_le_bytes()[..]), [true; 3]),
    ] {
        import_again(&system, folder.path(), change);
        let found = made.map(|index| match replay(&system, index) {
            Ok(replayed) => {
                assert!(replayed.is_identical(), "{change:?}, record {index}");
                false
            }
            Err(error @ Error::OtherVersion { part: "edges", .. }) => error.to_string().contains("other tokens that begin or end a text"),
            Err(error) => panic!("{change:?}, record {index}: {error}"),
        });
        assert_eq!(found, is_refused, "{change:?}");
    }
}

/// Such a record cannot tell, and is compared as ever.
#[test]
fn a_record_without_edges_is_replayed() {
    let (folder, system) = tiny();
    let made = answered(&system, Said::Text("hello".to_owned()));
    let old = forge_without(&system, Some("edges"), &[], &[]);
    assert!(replay(&system, old).unwrap().is_identical());
    import_again(&system, folder.path(), OTHER_END);
    assert!(replay(&system, made).is_err() && replay(&system, old).is_ok());
}
