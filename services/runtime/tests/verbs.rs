//! A verb that can be stopped while it is performed ends when it is told to, and the others do not ask.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use mickai_model::generate::Flow;
use mickai_model::tokens::{Message, Role};
use mickai_runtime::verbs::{Call, Plan};
use mickai_runtime::{Asked, Error, System};
use mickai_store::{Custody, Error as StoreError};
use std::path::Path;

#[test]
fn an_import_and_a_replay_are_stopped_by_whoever_wanted_them() {
    let folder = tempfile::tempdir().unwrap();
    let system = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
    let model = system.embedded().unwrap();
    let mut context = system.context(&model).unwrap();
    let message = Message { role: Role::User, content: "what models do I have".to_owned() };
    let answered = system.generate(&model, &mut context, &Asked::conversation(vec![message], 4), &mut |_| Flow::Continue).unwrap();
    let gguf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/model/llama-64.f32.gguf");
    let import = format!(r#"{{"verb":"model.import","path":"{}"}}"#, gguf.display());
    for (call, can_be_stopped) in [(r#"{"verb":"replay","record":"last"}"#, true), (import.as_str(), true), (r#"{"verb":"log.count"}"#, false)] {
        let plan = Plan::new(&system, Call::parse(call).unwrap(), &jiff::Zoned::now(), u64::MAX).unwrap();
        assert_eq!(plan.can_be_stopped(), can_be_stopped, "{call}");
        let performed = plan.perform(&system, answered.outcome, u64::MAX, true, &|| Flow::Stop);
        assert_eq!(matches!(performed, Err(Error::Store(StoreError::Stopped))), can_be_stopped, "{call}: {:?}", performed.err());
    }
    assert_eq!(system.models().unwrap().len(), 1, "the embedded one alone");
}
