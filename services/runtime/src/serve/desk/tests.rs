//! Workers come and go; whoever orders does not notice.

use super::*;
use crate::bound::Bound;
use crate::embedding::{Input, ToEmbed};
use crate::generation::{Answered, Asked, Taken};
use crate::grammar::Grammar;
use crate::models::EMBEDDED_NAME;
use crate::said::Said;
use crate::serve::order::{Begun, Caller, Gone, Heard};
use crate::serve::queue::Full;
use mickai_model::generate::Flow;
use mickai_model::limits::TEXT_BYTES_MAX;
use mickai_model::tokens::{Message, Role, Token};
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
    submit_order(desk, order(model))
}

fn order(model: &Arc<Loaded>) -> Order {
    let message = Message { role: Role::User, content: "what models do I have".to_owned() };
    let asked = Asked { bound: Bound::Verbs, ..Asked::conversation(vec![message], 32) };
    Order { model: model.clone(), asked, likely_count: None, shortens: false, caller: Caller(1), gone: Gone::default() }
}

fn submit_order(desk: &Desk, order: Order) -> Result<Receiver<Result<Answered>>> {
    let (sender, ended) = channel();
    desk.submit(vec![(order, Box::new(Ear(sender)))])?;
    Ok(ended)
}

/// Who only looks takes no memory, closes nothing, and sees what is open if it is.
#[test]
fn a_look_at_a_model_opens_nothing() {
    let (_folder, desk) = desk();
    let (listed, file) = desk.look_at(EMBEDDED_NAME).unwrap();
    let counts = desk.counts();
    assert_eq!((listed.name.as_str(), listed.is_embedded, counts.models.len(), counts.memory_bytes), (EMBEDDED_NAME, true, 0, 0));
    let model = desk.model(EMBEDDED_NAME).unwrap();
    assert_eq!((listed.digest, file.parameter_count()), (model.digest, model.file.parameter_count()));
    assert!(Arc::ptr_eq(&desk.look_at(&listed.digest.to_string()).unwrap().1, &model.file));
    assert!(matches!(desk.look_at(&format!("{EMBEDDED_NAME}+tone")), Err(Error::EmbeddedAdapter)));
    assert!(matches!(desk.look_at("nobody"), Err(Error::NoModel { .. })));
    let digest = listed.digest.to_string();
    assert_eq!(desk.listed(&digest[..12]).unwrap().name, listed.name);
    assert!(matches!(desk.listed("nobody"), Err(Error::NoModel { .. })));
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

/// Whoever opens something may take long: neither what is open waits for that, nor what finds out that it was closed.
#[test]
fn what_is_open_is_served_while_something_is_opened() {
    let (_folder, desk) = desk();
    let model = desk.model(EMBEDDED_NAME).unwrap();
    let opening = desk.opening();
    assert!(desk.open_model(EMBEDDED_NAME).unwrap().is_some());
    submit(&desk, &model).unwrap().recv().unwrap().unwrap();
    let asked = ToEmbed { inputs: vec![Input::Tokens(vec![Token(7)])], dimension_count: None, shortens: false, request: None };
    let embedded = desk.embed(desk.enter_embedding(model.clone()).unwrap().prepared(&asked).unwrap(), &Gone::default(), &mut |_| {}).unwrap();
    assert_eq!(embedded.vectors.len(), 1);
    desk.lock().iter().for_each(Worker::close);
    assert!(desk.open_model(EMBEDDED_NAME).unwrap().is_none());
    let (sender, ended) = channel();
    let entry = desk.enter(model.clone()).prepared(vec![(order(&model), Box::new(Ear(sender)))]).unwrap();
    let entry = desk.line_up_if_open(entry).unwrap().unwrap();
    drop(opening);
    desk.line_up(entry).unwrap();
    ended.recv().unwrap().unwrap();
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

#[test]
fn nothing_is_made_ready_for_who_is_gone() {
    let (_folder, desk) = desk();
    let model = desk.model(EMBEDDED_NAME).unwrap();
    let too_long = || {
        let mut order = order(&model);
        order.asked.said = Said::Text("word ".repeat(model.file.config.context_tokens_max));
        order
    };
    assert!(matches!(submit_order(&desk, too_long()), Err(Error::PromptTooLong { .. })));
    for order in [too_long(), order(&model)] {
        order.gone.set();
        assert!(matches!(submit_order(&desk, order), Err(Error::Full(Full::Closed))));
    }
    assert_eq!(desk.counts().models.first().map(|model| (model.waiting, model.running, model.executed)), Some((0, 0, 0)));
}

/// What could not be on record is not even shortened: that would find out that nothing this long is looked at.
#[test]
fn a_request_is_measured_before_anything_is_made_of_it() {
    let (_folder, desk) = desk();
    let model = desk.model(EMBEDDED_NAME).unwrap();
    let of_bytes = |byte_count: usize| {
        let mut order = Order { shortens: true, ..order(&model) };
        order.asked.said = Said::Text("x".repeat(TEXT_BYTES_MAX + 1));
        order.asked.request = Some(Taken { bytes: vec![b' '; byte_count].into(), is_stored: false, key: None });
        order
    };
    let Err(Error::TooMuch { what, asked, max }) = submit_order(&desk, of_bytes(REQUEST_BYTES_MAX + 1)) else { panic!("not refused") };
    assert_eq!((what, asked, max), ("bytes of the request", REQUEST_BYTES_MAX as u64 + 1, REQUEST_BYTES_MAX as u64));
    assert!(matches!(submit_order(&desk, of_bytes(REQUEST_BYTES_MAX)), Err(Error::Model(_))));
}

/// The answers to one request hold its bytes once.
#[test]
fn clones_of_a_request_are_the_same_bytes() {
    let (_folder, desk) = desk();
    let model = desk.model(EMBEDDED_NAME).unwrap();
    let request = Taken { bytes: vec![b' '; 9].into(), is_stored: false, key: None };
    let asked = Asked { request: Some(request.clone()), ..order(&model).asked };
    let _prepared: Vec<Prepared> = (0..4).map(|_| Prepared::new(&model, asked.clone()).unwrap()).collect();
    assert_eq!(Arc::strong_count(&request.bytes), 6);
}

/// The answers to one request are held to one grammar, and what they hold while they wait is counted.
#[test]
fn what_waits_with_a_grammar_is_counted_with_it() {
    let (_folder, desk) = desk();
    let model = desk.model(EMBEDDED_NAME).unwrap();
    let bound = |bound: Bound| Asked { bound, ..order(&model).asked };
    let held = || bound(Bound::Grammar(Grammar::new("start: \"yes\" | \"no\"".to_owned())));
    let (free, first) = (Prepared::new(&model, bound(Bound::Free)).unwrap(), Prepared::new(&model, held()).unwrap());
    let second = Prepared::beside(&model, held(), Some(&first)).unwrap();
    assert!(first.byte_count() > free.byte_count());
    assert_eq!(second.byte_count(), first.byte_count());
}
