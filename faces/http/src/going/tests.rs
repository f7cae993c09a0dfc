//! Who leaves while an order is made ready: one thread does everything that may take a while, so that nothing is left to chance.

use super::*;
use crate::app::App;
use crate::limits::READ_AT_ONCE_BYTES_MAX;
use http_body_util::Full;
use mickai_model::generate::Generation;
use mickai_runtime::serve::Caller;
use mickai_runtime::{EMBEDDED_NAME, System};
use mickai_store::Custody;
use std::future::poll_fn;
use std::task::Waker;

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
            let mut leaves = std::pin::pin!(Going::start(&call, Wanted::of_test(&model, 2)));
            assert!(poll_fn(|context| Poll::Ready(leaves.as_mut().poll(context).is_pending())).await);
        }
        go.send(()).unwrap();
        // Behind them in the same line: when this is over, they would have begun.
        let stays = Going::start(&other, Wanted::of_test(&model, 1)).await.unwrap();
        assert_eq!(stays.all().await.unwrap().len(), 1);
    });
    // What runs is recorded to its end.
    drop((runtime, call, other));
    assert_eq!(begun.lock().unwrap().len(), 1);
    let acts = System::open(&home, 1, Custody::default()).unwrap().acts().unwrap();
    assert_eq!(acts.iter().map(mickai_runtime::acts::Act::ending).collect::<Vec<_>>(), ["executed"]);
}

/// Orders that wait for long have limits of their own, and keep nobody from sending a body.
#[test]
fn the_body_of_what_is_in_line_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::of_test(&folder.path().join("home"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut body = Full::new(Bytes::from(vec![b' '; READ_AT_ONCE_BYTES_MAX + 9]));
        let bytes = app.bodies.read(&mut body, usize::MAX, Caller(1)).await.unwrap();
        let call = Call { bytes: Mutex::new(bytes), ..Call::of_test(&app, b"") };
        let model = app.on_desk(|desk| desk.model(EMBEDDED_NAME)).await.unwrap();
        let mut wanted = Wanted::of_test(&model, 1);
        wanted.asked.iter_mut().for_each(|asked| asked.request = Some(call.taken(false)));
        assert_eq!(app.bodies.byte_count(), 9);
        let going = Going::start(&call, wanted).await.unwrap();
        assert_eq!(app.bodies.byte_count(), 0);
        assert_eq!(going.all().await.unwrap().len(), 1);
    });
}

#[test]
fn the_first_answer_begins_for_its_encoder_as_the_others_do() {
    let folder = tempfile::tempdir().unwrap();
    let call = Call::of_test(&App::of_test(&folder.path().join("home")), b"");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let model = call.app.on_desk(|desk| desk.model(EMBEDDED_NAME)).await.unwrap();
        let mut going = Going::start(&call, Wanted::of_test(&model, 3)).await.unwrap();
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

/// Says nothing but that all have ended well.
struct Ends;

impl Encoder for Ends {
    fn encode(&mut self, _: usize, _: Event) -> String {
        String::new()
    }

    fn finish(&mut self) -> String {
        "end".to_owned()
    }
}

/// What is not whole is not kept for its key. It may have ended before anybody looked at it.
#[test]
fn a_stream_that_was_broken_off_for_who_left_is_not_whole() {
    let folder = tempfile::tempdir().unwrap();
    let call = Call::of_test(&App::of_test(&folder.path().join("home")), b"");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let model = call.app.on_desk(|desk| desk.model(EMBEDDED_NAME)).await.unwrap();
        let going = Going::start(&call, Wanted::of_test(&model, 1)).await.unwrap();
        let Answered { intent, outcome, generation } = going.all().await.unwrap().remove(0).answered;
        let left = Gone::default();
        left.set();
        let cases = [(left.clone(), StopReason::Interrupted, false), (left, StopReason::Complete, true), (Gone::default(), StopReason::Interrupted, true)];
        for (gone, stop_reason, is_whole) in cases {
            let answered = Answered { intent, outcome, generation: Generation { stop_reason, ..generation.clone() } };
            let early = VecDeque::from([(0, Event::Ended(Box::new(Ok(answered))))]);
            let mut encoded = Encoded::new(Going { events: unbounded_channel().1, early, gone, left: 1 }, Ends);
            let piece = encoded.next(&mut Context::from_waker(Waker::noop()));
            assert_eq!((matches!(piece, Poll::Ready(Some(_))), encoded.is_whole()), (is_whole, is_whole), "{stop_reason:?}");
        }
    });
}
