//! What is told of the time that an answer took.

use super::*;
use crate::app::App;
use crate::call::Call;
use crate::going::{Going, Wanted};
use mickai_model::tokens::{Message, Role};
use mickai_runtime::{Asked, Bound, EMBEDDED_NAME};

/// Told in one piece, an answer's time is that of the prompt and that of the tokens too.
#[test]
fn the_first_token_parts_the_prompt_from_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let call = Call::of_test(&App::of_test(&folder.path().join("home")), b"");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (lines, choices) = runtime.block_on(async {
        let model = call.app.on_desk(|desk| desk.model(EMBEDDED_NAME)).await.unwrap();
        let message = Message { role: Role::User, content: "what models do I have".to_owned() };
        let asked = vec![Asked { bound: Bound::Verbs, ..Asked::conversation(vec![message], 32) }];
        let lines = Lines::new(Place::Message, model.name.clone(), Form::default(), Vec::new());
        let going = Going::start(&call, Wanted { model, asked, likely_count: None, shortens: false }).await.unwrap();
        (lines, going.all().await.unwrap())
    });
    let whole = lines.whole(&choices[0]);
    let duration = |name: &str| whole[name].as_u64().unwrap();
    assert_eq!(duration("prompt_eval_duration"), nanoseconds(lines.since, choices[0].first.unwrap()));
    assert!(duration("prompt_eval_duration") > 0);
    assert_eq!(duration("prompt_eval_duration") + duration("eval_duration"), duration("total_duration"));
}
