//! Who leaves while an order is made ready: one thread does everything that may take a while, so that nothing is left to chance.

use super::*;
use crate::app::App;
use mickai_model::tokens::{Message, Role};
use mickai_runtime::{Bound, EMBEDDED_NAME, System};
use mickai_store::Custody;
use std::future::poll_fn;

fn wanted(model: &Arc<Loaded>, count: usize) -> Wanted {
    let message = Message { role: Role::User, content: "what models do I have".to_owned() };
    let asked = Asked { bound: Bound::Verbs, ..Asked::conversation(vec![message], 32) };
    Wanted { model: model.clone(), asked: vec![asked; count], likely_count: None, shortens: false }
}

#[test]
fn who_leaves_while_an_order_is_made_ready_leaves_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let call = Call::of_test(&App::of_test(&home), b"");
    let other = Call { begun: call.begun.clone(), ..Call::of_test(&call.app, b"") };
    let begun = call.begun.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let model = call.app.on_desk(|desk| desk.model(EMBEDDED_NAME)).await.unwrap();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || wait.recv());
        {
            let mut leaves = std::pin::pin!(Going::start(&call, wanted(&model, 2)));
            assert!(poll_fn(|context| Poll::Ready(leaves.as_mut().poll(context).is_pending())).await);
        }
        go.send(()).unwrap();
        // Behind them in the same line: when this is over, they would have begun.
        let stays = Going::start(&other, wanted(&model, 1)).await.unwrap();
        assert_eq!(stays.all().await.unwrap().len(), 1);
    });
    // What runs is recorded to its end.
    drop((runtime, call, other));
    assert_eq!(begun.lock().unwrap().len(), 1);
    let acts = System::open(&home, 1, Custody::default()).unwrap().acts().unwrap();
    assert_eq!(acts.iter().map(mickai_runtime::acts::Act::ending).collect::<Vec<_>>(), ["executed"]);
}

#[test]
fn the_first_answer_begins_for_its_encoder_as_the_others_do() {
    let folder = tempfile::tempdir().unwrap();
    let call = Call::of_test(&App::of_test(&folder.path().join("home")), b"");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let model = call.app.on_desk(|desk| desk.model(EMBEDDED_NAME)).await.unwrap();
        let mut going = Going::start(&call, wanted(&model, 3)).await.unwrap();
        going.begun().await.unwrap();
        let mut begun = Vec::new();
        while going.left > 0 {
            let (choice, event) = match going.early.pop_front() {
                Some(early) => early,
                None => going.events.recv().await.unwrap(),
            };
            match event {
                Event::Begun(_) => begun.push(choice),
                Event::Heard(_) => assert!(begun.contains(&choice)),
                Event::Ended(ended) => {
                    ended.unwrap();
                    going.left -= 1;
                }
            }
        }
        begun.sort_unstable();
        assert_eq!(begun, [0, 1, 2]);
    });
}
