//! Generations under way, seen from a connection: their events come over a channel, and whoever drops this has gone away.

use crate::call::Call;
use crate::refused::{Refused, Result};
use crate::reply::Pieces;
use hyper::body::Bytes;
use mickai_model::generate::{Flow, StopReason};
use mickai_model::tokens::Token;
use mickai_runtime::serve::{Begun, Full, Gone, Heard, Likely, Listener, Order};
use mickai_runtime::{Answered, Asked, Error, Loaded};
use mickai_store::Appended;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Tokens of all these answers.
pub fn token_count(choices: &[Choice]) -> usize {
    choices.iter().map(|choice| choice.spoken.len()).sum()
}

/// Something happened to one of the choices.
pub enum Event {
    /// Its intent is durable.
    Begun(Begun),
    /// Something came out.
    Heard(Spoken),
    /// Its outcome is durable, or it was refused or failed.
    Ended(Box<std::result::Result<Answered, Error>>),
}

/// A token and what it shows.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// `None` for text that was only held back.
    pub token: Option<Token>,
    /// What can be shown now.
    pub text: String,
    /// How likely it was, where that was asked for.
    pub likely: Option<Likely>,
}

/// What several answers to one request share.
pub struct Wanted {
    /// The model.
    pub model: Arc<Loaded>,
    /// What is asked, one for each answer.
    pub asked: Vec<Asked>,
    /// Alternatives for each token.
    pub likely_count: Option<usize>,
    /// Over-long prompts are shortened.
    pub shortens: bool,
}

#[cfg(test)]
impl Wanted {
    /// So many answers of the embedded model.
    pub fn of_test(model: &Arc<Loaded>, count: usize) -> Self {
        use mickai_model::tokens::{Message, Role};
        let message = Message { role: Role::User, content: "what models do I have".to_owned() };
        let asked = Asked { bound: mickai_runtime::Bound::Verbs, ..Asked::conversation(vec![message], 32) };
        Self { model: model.clone(), asked: vec![asked; count], likely_count: None, shortens: false }
    }
}

/// Generations under way.
pub struct Going {
    events: UnboundedReceiver<(usize, Event)>,
    /// What came until the first had begun.
    early: VecDeque<(usize, Event)>,
    gone: Gone,
    /// Of those that have not ended.
    pub left: usize,
}

/// One answer, whole.
pub struct Choice {
    /// Its records and its text.
    pub answered: Answered,
    /// Its tokens.
    pub spoken: Vec<Spoken>,
    /// When the first of them came; `None` where there is none.
    pub first: Option<Instant>,
}

struct Channel {
    choice: usize,
    begun: Arc<Mutex<Vec<Appended>>>,
    events: UnboundedSender<(usize, Event)>,
}

impl Listener for Channel {
    fn begun(&mut self, begun: Begun) {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).push(begun.intent);
        // Nobody listening is noticed below, or by the flag.
        let _ = self.events.send((self.choice, Event::Begun(begun)));
    }

    fn heard(&mut self, heard: Heard<'_>) -> Flow {
        let spoken = Spoken { token: heard.token, text: heard.text.to_owned(), likely: heard.likely.cloned() };
        match self.events.send((self.choice, Event::Heard(spoken))) {
            Ok(()) => Flow::Continue,
            Err(_) => Flow::Stop,
        }
    }

    fn ended(self: Box<Self>, ended: std::result::Result<Answered, Error>) {
        let _ = self.events.send((self.choice, Event::Ended(Box::new(ended))));
    }
}

impl Going {
    /// Puts everything wanted in line.
    ///
    /// # Errors
    /// What the desk refuses.
    pub async fn start(call: &Call, wanted: Wanted) -> Result<Self> {
        let (sender, events) = unbounded_channel();
        let Wanted { model, asked, likely_count, shortens } = wanted;
        // Whoever leaves while this waits drops it, and is known to be gone.
        let going = Self { events, early: VecDeque::new(), gone: call.gone.clone(), left: asked.len() };
        let order = |(choice, asked)| {
            let order = Order { model: model.clone(), asked, likely_count, shortens, caller: call.caller, gone: going.gone.clone() };
            (order, Box::new(Channel { choice, begun: call.begun.clone(), events: sender.clone() }) as Box<dyn Listener>)
        };
        let orders: Vec<_> = asked.into_iter().enumerate().map(order).collect();
        let entry = call.app.desk().enter(model);
        let entry = call.in_turn(&call.app.places.preparing, move |_| entry.prepared(orders)).await?;
        let closed = call.in_turn(&call.app.places.naming, move |desk| desk.line_up_if_open(entry)).await?;
        // A model that was closed in the meantime is opened again where all are, without a place among those whose prompts are made.
        if let Some(entry) = closed {
            call.in_turn(&call.app.places.opening, move |desk| desk.line_up(entry)).await?;
        }
        call.let_go();
        Ok(going)
    }

    /// The first of the answers has begun: its intent names them all. Any refusal or failure before that is the answer.
    ///
    /// # Errors
    /// That refusal.
    pub async fn begun(&mut self) -> Result<Begun> {
        loop {
            match self.events.recv().await {
                Some((0, Event::Begun(begun))) => {
                    self.early.push_back((0, Event::Begun(begun)));
                    return Ok(begun);
                }
                Some((_, Event::Ended(ended))) if ended.is_err() => return Err((*ended).err().map_or_else(Refused::internal, Refused::from)),
                Some(other) => self.early.push_back(other),
                // It waited when the server began to end.
                None => return Err(Refused::from(Error::Full(Full::Closed))),
            }
        }
    }

    /// All answers, whole.
    ///
    /// # Errors
    /// The first failure, and an answer that was broken off.
    pub async fn all(mut self) -> Result<Vec<Choice>> {
        let mut spoken: Vec<Vec<Spoken>> = (0..self.left).map(|_| Vec::new()).collect();
        let mut ended: Vec<Option<Answered>> = (0..self.left).map(|_| None).collect();
        let mut firsts: Vec<Option<Instant>> = vec![None; self.left];
        while self.left > 0 {
            let next = match self.early.pop_front() {
                Some(early) => Some(early),
                None => self.events.recv().await,
            };
            let Some((choice, event)) = next else { return Err(Refused::from(Error::Full(Full::Closed))) };
            match event {
                Event::Begun(_) => {}
                Event::Heard(one) => {
                    if let (Some(all), Some(first)) = (spoken.get_mut(choice), firsts.get_mut(choice)) {
                        first.get_or_insert_with(Instant::now);
                        all.push(one);
                    }
                }
                Event::Ended(answered) => {
                    self.left -= 1;
                    let answered = (*answered)?;
                    if self.is_broken_off(&answered) {
                        return Err(Refused::from(Error::Full(Full::Closed)));
                    }
                    if let Some(place) = ended.get_mut(choice) {
                        *place = Some(answered);
                    }
                }
            }
        }
        let choices = ended.into_iter().zip(spoken).zip(firsts).map(|((answered, spoken), first)| Some(Choice { answered: answered?, spoken, first }));
        choices.collect::<Option<_>>().ok_or_else(Refused::internal)
    }

    /// It was broken off because nobody waits for it: it is no answer that could be kept.
    fn is_broken_off(&self, answered: &Answered) -> bool {
        self.gone.is_set() && answered.generation.stop_reason == StopReason::Interrupted
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        self.gone.set();
    }
}

/// Makes a body of events.
pub trait Encoder: Send {
    /// What follows in the body.
    fn encode(&mut self, choice: usize, event: Event) -> String;

    /// What comes when all have ended well.
    fn finish(&mut self) -> String;
}

/// A body of what is under way.
pub struct Encoded<E> {
    going: Going,
    encoder: E,
    is_failed: bool,
}

impl<E: Encoder> Encoded<E> {
    /// The answers under way, through an encoder.
    pub fn new(going: Going, encoder: E) -> Self {
        Self { going, encoder, is_failed: false }
    }

    fn is_going(&self) -> bool {
        self.going.left > 0 && !self.is_failed
    }
}

impl<E: Encoder> Pieces for Encoded<E> {
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while self.is_going() {
            let happened = match self.going.early.pop_front() {
                Some(early) => Some(early),
                None => std::task::ready!(self.going.events.poll_recv(context)),
            };
            let (choice, event) = happened.unwrap_or_else(|| (0, Event::Ended(Box::new(Err(Error::Full(Full::Closed))))));
            self.going.left -= usize::from(matches!(event, Event::Ended(_)));
            // A failure ends all: what is still to come would be of no use.
            self.is_failed = match &event {
                Event::Ended(ended) => match &**ended {
                    Ok(answered) => self.going.is_broken_off(answered),
                    Err(_) => true,
                },
                Event::Begun(_) | Event::Heard(_) => false,
            };
            let mut text = self.encoder.encode(choice, event);
            if self.is_whole() {
                text.push_str(&self.encoder.finish());
            }
            if !text.is_empty() {
                return Poll::Ready(Some(text.into()));
            }
        }
        Poll::Ready(None)
    }

    fn is_whole(&self) -> bool {
        self.going.left == 0 && !self.is_failed
    }
}

/// Why it ended, in OpenAI's words.
pub fn finish_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::EndToken(_) | StopReason::Complete | StopReason::StopText(_) => "stop",
        // An answer is interrupted for a client that is there only where it grew beyond what a record holds.
        StopReason::TokenLimit | StopReason::ContextFull | StopReason::Interrupted => "length",
    }
}

/// The member `mickai` of an answer: the records that tell of it, and what of the request was not known.
pub fn records(answered: &[(Appended, Appended)], warnings: &[String]) -> Value {
    let one = |(intent, outcome): &(Appended, Appended)| {
        let place = |appended: &Appended| json!({ "index": appended.index, "digest": appended.digest.to_string() });
        json!({ "intent": place(intent), "outcome": place(outcome) })
    };
    json!({ "records": answered.iter().map(one).collect::<Vec<_>>(), "warnings": warnings })
}

#[cfg(test)]
mod tests;
