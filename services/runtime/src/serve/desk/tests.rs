//! Workers come and go; whoever orders does not notice.

use super::*;
use crate::bound::Bound;
use crate::generation::{Answered, Asked};
use crate::models::EMBEDDED_NAME;
use crate::serve::order::{Begun, Caller, Gone, Heard};
use crate::serve::queue::Full;
use mickai_model::generate::Flow;
use mickai_model::tokens::{Message, Role};
use mickai_store::Custody;
use std::sync::mpsc::{Receiver, Sender, channel};

struct Ear(Sender<Result<Answered>>);

impl Listener for Ear {
    fn begun(&mut self, _: Begun) {}

    fn heard(&mut self, _: Heard<'_>) -> Flow {
        Flow::Continue
    }

    fn ended(self: Box<Self>, ended: Result<Answered>) {
        let _ = self.0.send(ended);
    }
}

fn desk() -> (tempfile::TempDir, Desk) {
    let folder = tempfile::tempdir().unwrap();
    let system = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
    (folder, Desk::open(Arc::new(system), Allowance { memory_bytes: 1 << 30, cache_bytes: 64 << 20 }).unwrap())
}

fn submit(desk: &Desk, model: &Arc<Loaded>) -> Result<Receiver<Result<Answered>>> {
    let (sender, ended) = channel();
    let message = Message { role: Role::User, content: "what models do I have".to_owned() };
    let asked = Asked { bound: Bound::Verbs, ..Asked::conversation(vec![message], 32) };
    let order = Order { model: model.clone(), asked, likely_count: None, shortens: false, caller: Caller(1), gone: Gone::default() };
    desk.submit(vec![(order, Box::new(Ear(sender)))])?;
    Ok(ended)
}

/// The queue of a worker whose thread ended before its time is closed: another takes its place, and no order is told that the system is ending.
#[test]
fn a_worker_that_ended_is_replaced() {
    let (_folder, desk) = desk();
    let model = desk.model(EMBEDDED_NAME).unwrap();
    let first = submit(&desk, &model).unwrap().recv().unwrap().unwrap();
    desk.lock().iter().for_each(Worker::close);
    // Who has the model already, and who asks for it anew.
    let second = submit(&desk, &model).unwrap().recv().unwrap().unwrap();
    assert_eq!((first.generation.text, desk.counts().models.len()), (second.generation.text, 1));
    desk.lock().iter().for_each(Worker::close);
    let again = desk.model(EMBEDDED_NAME).unwrap();
    assert_eq!((desk.counts().models.len(), desk.lock().iter().filter(|worker| worker.is_closed()).count()), (1, 0));
    submit(&desk, &again).unwrap().recv().unwrap().unwrap();
}

#[test]
fn when_it_ends_nothing_is_started_again() {
    let (_folder, desk) = desk();
    let model = desk.model(EMBEDDED_NAME).unwrap();
    submit(&desk, &model).unwrap().recv().unwrap().unwrap();
    desk.close();
    assert!(matches!(submit(&desk, &model), Err(Error::Full(Full::Closed))));
    assert!(matches!(desk.model(EMBEDDED_NAME), Err(Error::Full(Full::Closed))));
}
