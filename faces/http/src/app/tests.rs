//! Of what is heavy only so much at a time.

use super::*;
use crate::limits::LOOKING_MAX;
use std::future::poll_fn;
use std::task::Poll;

#[test]
fn who_finds_no_place_waits_and_who_leaves_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::of_test(&folder.path().join("home"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let taken = app.places.looking.clone().acquire_many_owned(LOOKING_MAX as u32).await.unwrap();
        let mut waits = std::pin::pin!(app.in_turn(&app.places.looking, |_| Ok(7)));
        assert!(poll_fn(|context| Poll::Ready(waits.as_mut().poll(context).is_pending())).await);
        drop(taken);
        assert_eq!(waits.await.unwrap(), 7);
        let (go, wait) = std::sync::mpsc::channel::<()>();
        {
            let mut leaves = std::pin::pin!(app.in_turn(&app.places.looking, move |_| Ok(wait.recv().is_ok())));
            assert!(poll_fn(|context| Poll::Ready(leaves.as_mut().poll(context).is_pending())).await);
        }
        assert_eq!(app.places.looking.available_permits(), LOOKING_MAX - 1);
        go.send(()).unwrap();
        // All of them again, when the work is done.
        drop(app.places.looking.acquire_many(LOOKING_MAX as u32).await.unwrap());
    });
}
