//! Long bodies hold up nobody: one thread serves all connections.

use super::*;
use crate::shape::may;
use mickai_runtime::EMBEDDED_NAME;
use std::future::poll_fn;
use std::task::Poll;

const SHAPE: Shape = Shape::Fields(&[must("model", TEXT, ""), may("tokens", Shape::List { of: &NUMBER, min: 0, max: usize::MAX }, "")]);

/// A body of so many bytes, and a few more.
fn body_of(byte_count: usize) -> String {
    format!("{{\"model\": \"m\", \"robot\": \"{}\"}}", "x".repeat(byte_count))
}

#[test]
fn a_long_body_is_read_where_it_holds_up_no_connection() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::of_test(&folder.path().join("home"));
    let call = |byte_count| Call::of_test(&app, body_of(byte_count).as_bytes());
    let (short, long, other) = (call(1), call(READ_AT_ONCE_BYTES_MAX), call(READ_AT_ONCE_BYTES_MAX));
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        // The one thread that may take a while has something to do.
        let (go, wait) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || wait.recv());
        short.read(&SHAPE).await.unwrap();
        {
            let mut reading = std::pin::pin!(long.read(&SHAPE));
            let mut parting = std::pin::pin!(other.taken_apart(&SHAPE, |value| taken_text(value, "model")));
            assert!(poll_fn(|context| Poll::Ready(reading.as_mut().poll(context).is_pending() && parting.as_mut().poll(context).is_pending())).await);
            go.send(()).unwrap();
            reading.await.unwrap();
            let (model, warnings) = parting.await.unwrap();
            assert_eq!((model.as_str(), warnings), ("m", vec!["robot is not known here and had no effect".to_owned()]));
        }
        for call in [short, long] {
            let body = call.body(&SHAPE).unwrap();
            assert_eq!(body.value["model"], "m");
            assert_eq!(body.warnings.len(), 1);
            // It is given once; who asks again has it read again.
            assert!(call.checked.lock().unwrap().is_none());
            assert_eq!(call.body(&SHAPE).unwrap().value, body.value);
        }
    });
}

#[test]
fn what_is_wrong_with_a_long_body_is_said_as_of_a_short_one() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::of_test(&folder.path().join("home"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let wrong = |count: usize| format!("{{\"model\": \"m\", \"tokens\": [{}true]}}", "1,".repeat(count));
    for count in [1, READ_AT_ONCE_BYTES_MAX] {
        let call = |body: &str, is_strict| Call { is_strict, ..Call::of_test(&app, body.as_bytes()) };
        let param = |call: &Call| {
            let refused = runtime.block_on(call.read(&SHAPE)).unwrap_err();
            assert_eq!((refused.status, runtime.block_on(call.taken_apart(&SHAPE, |_| ())).unwrap_err()), (400, refused.clone()));
            refused.param
        };
        assert_eq!(param(&call(&wrong(count), false)), Some(format!("tokens[{count}]")));
        assert_eq!(param(&call(&body_of(count), true)).as_deref(), Some("robot"));
        assert_eq!(param(&call(&" ".repeat(count + 1), false)), None);
    }
}

/// Whoever waits for something to be opened has no thread, and is in nobody's way who asks for what is open.
#[test]
fn an_open_model_is_found_while_prompts_are_made_and_others_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::of_test(&folder.path().join("home"));
    let [first, second, third] = std::array::from_fn(|_| Call::of_test(&app, b""));
    let name = || EMBEDDED_NAME.to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let _prompts = app.places.preparing.acquire_many(app.places.preparing.available_permits() as u32).await.unwrap();
        let opened = app.places.opening.acquire().await.unwrap();
        let mut stays = std::pin::pin!(first.model_called(name()));
        let mut leaves = std::pin::pin!(second.model_called(name()));
        for _ in 0..3 {
            assert!(poll_fn(|context| Poll::Ready(stays.as_mut().poll(context).is_pending() && leaves.as_mut().poll(context).is_pending())).await);
            // The one thread has done what there was to do.
            app.on_desk(|_| Ok(())).await.unwrap();
        }
        second.gone.set();
        drop(opened);
        assert_eq!(stays.await.unwrap().name, EMBEDDED_NAME);
        assert_eq!(leaves.await.err().map(|refused| refused.status), Some(503));
        let _opened = app.places.opening.acquire().await.unwrap();
        assert_eq!(third.model_called(name()).await.unwrap().name, EMBEDDED_NAME);
    });
}

/// A body of a million of them would be answered by as many.
#[test]
fn only_so_many_unknown_fields_are_named() {
    let unknown = |count: usize| (0..count).map(|at| format!("f{at}")).collect::<Vec<_>>();
    assert!(warnings(&[]).is_empty());
    assert_eq!(warnings(&unknown(WARNINGS_MAX)).len(), WARNINGS_MAX);
    let told = warnings(&unknown(WARNINGS_MAX + 3));
    assert_eq!((told.len(), told.last().unwrap().as_str()), (WARNINGS_MAX + 1, "and what stands in 3 more places is not known here and had no effect"));
    let refused = warned(&unknown(1_000_000), true).err().unwrap();
    assert!(refused.param.as_deref() == Some("f0") && refused.message.len() < 1_000, "{}", refused.message);
}
