//! The generations that run together on one model: each step feeds every one what it gets, all rows in one pass over the weights.
//!
//! Nothing here waits for anybody, and nothing depends on time: what a step does follows from what is in the batch. A fault in the middle of a step is contained: everyone is put back to where they
//! were, each goes on alone, and who then fails again is given up.

use super::limits::{BESIDE_TOKENS_MIN, DECODED_ROWS};
use super::order::{Begun, Caller};
use super::recorder::Act;
use super::share::{Need, share};
use super::voice::Voice;
use crate::error::{Error, Result};
use crate::executor::{Done, Failed};
use crate::generation::{Ongoing, Prepared, failed};
use crate::models::Loaded;
use mickai_kernels::crew::Crew;
use mickai_kernels::isa::Isa;
use mickai_model::forward::{Decoder, Pool, Rows};
use mickai_model::generate::Generation;
use mickai_model::tokens::Token;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Everything that runs on one model.
pub(super) struct Batch {
    model: Arc<Loaded>,
    pool: Pool,
    crew: Arc<dyn Crew>,
    isa: Isa,
    decoder: Decoder,
    /// In the order in which they came.
    slots: Vec<Slot>,
}

/// A generation about to run: its intent is durable.
pub(super) struct Entering {
    pub prepared: Prepared,
    pub act: Act,
    pub caller: Caller,
    pub voice: Voice,
}

/// One generation in the batch.
struct Slot {
    ongoing: Ongoing,
    act: Act,
    caller: Caller,
    voice: Voice,
    prompt: Arc<[Token]>,
    /// It has pages. One that has none waits for another to read what both begin with.
    is_admitted: bool,
}

/// A generation that is over.
pub(super) struct Ended {
    pub act: Act,
    pub caller: Caller,
    pub voice: Voice,
    /// Tokens of its prompt.
    pub prompt_tokens: usize,
    pub ran: std::result::Result<Done<Generation>, Failed>,
}

/// What a step did.
#[derive(Default)]
pub(super) struct Stepped {
    /// Tokens that were fed.
    pub rows: usize,
    /// Tokens of prompts that were found, not fed.
    pub reused: usize,
    pub ended: Vec<Ended>,
}

/// A part of the program failed; what it worked on is as it was before.
struct Panicked;

impl Batch {
    /// Nothing runs yet.
    pub fn new(model: Arc<Loaded>, pool: Pool, crew: Arc<dyn Crew>, isa: Isa) -> Self {
        let decoder = Decoder::new(model.file.weights(), crew.clone(), isa);
        Self { model, pool, crew, isa, decoder, slots: Vec::new() }
    }

    /// Nothing runs.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Pages that will be promised to those who wait for what another one reads.
    pub fn waiting_pages(&self) -> usize {
        let waiting = self.slots.iter().filter(|slot| !slot.is_admitted);
        waiting.map(|slot| Pool::pages_of(slot.ongoing.inference.tokens_max())).sum()
    }

    /// Takes one in; it runs from the next step on. One that cannot begin is over at once.
    pub fn enter(&mut self, entering: Entering) -> Option<Ended> {
        let Entering { prepared, act, caller, mut voice } = entering;
        let prompt: Arc<[Token]> = prepared.prompt.tokens.as_slice().into();
        let begun = Begun { intent: act.running().intent(), prompt_token_count: prompt.len() };
        let started = catch_unwind(AssertUnwindSafe(|| {
            voice.begun(begun);
            prepared.start(act.running(), &self.model)
        }));
        match started.unwrap_or(Err(Error::Fault)) {
            Ok(ongoing) => {
                self.slots.push(Slot { ongoing, act, caller, voice, prompt, is_admitted: false });
                None
            }
            Err(error) => Some(Ended { act, caller, voice, prompt_tokens: prompt.len(), ran: Err(failed(error)) }),
        }
    }

    /// One step of all.
    pub fn step(&mut self) -> Stepped {
        let mut stepped = Stepped::default();
        let mut fates: Vec<Option<Error>> = Vec::new();
        fates.resize_with(self.slots.len(), || None);
        for slot in &mut self.slots {
            slot.stop_if_gone();
        }
        for place in 0..self.slots.len() {
            match self.admit(place) {
                Ok(found) => stepped.reused += found,
                Err(error) => set(&mut fates, place, error),
            }
        }
        let shares = share(&self.needs(&fates));
        stepped.rows = match self.feed(&shares, &mut fates) {
            Ok(rows) => rows,
            Err(Panicked) => self.recover(&shares, &mut fates),
        };
        stepped.ended = self.remove_ended(fates);
        stepped
    }

    /// Gives a generation its pages, unless another is about to compute what it could share. Gives how many of its tokens were found.
    fn admit(&mut self, place: usize) -> Result<usize> {
        let Some((before, rest)) = self.slots.split_at_mut_checked(place) else { return Ok(0) };
        let Some((slot, after)) = rest.split_first_mut() else { return Ok(0) };
        if slot.is_admitted || slot.ongoing.inference.is_ended() {
            return Ok(0);
        }
        let others = || before.iter().chain(&*after).filter(|other| other.runs());
        // What was computed with another adapter serves nobody here.
        let (adapter, prompt) = (slot.ongoing.inference.adapter(), slot.prompt.clone());
        let shared = |other: &Slot| match other.ongoing.inference.adapter() == adapter {
            true => other.prompt.iter().zip(&*prompt).take_while(|(a, b)| a == b).count().min(prompt.len() - 1),
            false => 0,
        };
        if others().any(|other| shared(other) >= BESIDE_TOKENS_MIN && other.ongoing.inference.known_count() < shared(other)) {
            return Ok(0);
        }
        let inference = &mut slot.ongoing.inference;
        inference.admit(&self.pool)?;
        slot.is_admitted = true;
        if let Some(other) = others().max_by_key(|other| shared(other)).filter(|other| shared(other) > inference.recalled_count()) {
            inference.park();
            inference.admit_beside(&other.ongoing.inference, &self.pool)?;
        }
        Ok(inference.recalled_count())
    }

    /// What each could be fed. Who decodes may be fed what might follow too, if there is room for so many rows.
    fn needs(&self, fates: &[Option<Error>]) -> Vec<Need> {
        let missing = |(slot, fate): (&Slot, &Option<Error>)| if fate.is_none() && slot.runs() { slot.ongoing.inference.missing_count() } else { 0 };
        let missing: Vec<usize> = self.slots.iter().zip(fates).map(missing).collect();
        let decoding = missing.iter().filter(|&&count| count == 1).count();
        let rows = (DECODED_ROWS / decoding.max(1)).max(1);
        let need = |(slot, count): (&Slot, usize)| Need { caller: slot.caller, token_count: if count == 1 { rows } else { count }, reads: count > 1 };
        self.slots.iter().zip(missing).map(need).collect()
    }

    /// Feeds each its share, all together; how many tokens these were.
    fn feed(&mut self, shares: &[usize], fates: &mut [Option<Error>]) -> std::result::Result<usize, Panicked> {
        let Self { model, decoder, slots, .. } = self;
        let (mut pieces, mut places) = (Vec::new(), Vec::new());
        for (place, (slot, &share)) in slots.iter_mut().zip(shares).enumerate().filter(|(_, (_, share))| **share > 0) {
            if let Some(piece) = slot.ongoing.inference.piece(share) {
                pieces.push(piece);
                places.push(place);
            }
        }
        if pieces.is_empty() {
            return Ok(0);
        }
        let row_count = pieces.iter().map(|piece| piece.tokens.len()).sum();
        let rows = {
            let (decoder, pieces) = (&mut *decoder, &mut pieces);
            let step = move || {
                // Moved, because the rows outlive this closure.
                let decoder = decoder;
                decoder.step(pieces)
            };
            catch_unwind(AssertUnwindSafe(step)).map_err(|_| Panicked)?
        };
        drop(pieces);
        for (place, rows) in places.into_iter().zip(rows) {
            let taken = rows.map_err(Error::from).and_then(|rows| slots.get_mut(place).map_or(Ok(()), |slot| slot.take(&rows, model)));
            if let Err(error) = taken {
                set(fates, place, error);
            }
        }
        Ok(row_count)
    }

    /// After a fault: nobody knows whose it was, so each is put back to where it was and goes on alone. Equal tokens give equal bits, however they came to be computed.
    fn recover(&mut self, shares: &[usize], fates: &mut [Option<Error>]) -> usize {
        let mut row_count = 0;
        for (place, &share) in shares.iter().enumerate().filter(|(_, share)| **share > 0) {
            self.decoder = Decoder::new(self.model.file.weights(), self.crew.clone(), self.isa);
            let alone: Vec<usize> = (0..shares.len()).map(|other| if other == place { share } else { 0 }).collect();
            let gone_back = self.slots.get_mut(place).map_or(Ok(()), |slot| slot.go_back(&self.pool));
            match gone_back.and_then(|()| self.feed(&alone, fates).map_err(|Panicked| Error::Fault)) {
                Ok(rows) => row_count += rows,
                Err(error) => set(fates, place, error),
            }
        }
        row_count
    }

    fn remove_ended(&mut self, fates: Vec<Option<Error>>) -> Vec<Ended> {
        let mut ended = Vec::new();
        for (slot, fate) in std::mem::take(&mut self.slots).into_iter().zip(fates) {
            let is_over = fate.is_some() || slot.ongoing.inference.is_ended();
            if !is_over {
                self.slots.push(slot);
                continue;
            }
            let Slot { ongoing, act, caller, voice, prompt, .. } = slot;
            let ran = match fate {
                Some(error) => Err(failed(error)),
                None => Ok(ongoing.done()),
            };
            ended.push(Ended { act, caller, voice, prompt_tokens: prompt.len(), ran });
        }
        ended
    }
}

impl Slot {
    /// It could be fed.
    fn runs(&self) -> bool {
        self.is_admitted && !self.ongoing.inference.is_ended()
    }

    /// Who is gone is not worked for.
    fn stop_if_gone(&mut self) {
        if self.voice.is_gone() {
            let voice = &mut self.voice;
            // What is told to nobody may fail.
            let _ = catch_unwind(AssertUnwindSafe(|| self.ongoing.inference.interrupt(&mut |progress| voice.hear(progress))));
        }
    }

    /// Goes on with what came of its piece; a fault is its own.
    fn take(&mut self, rows: &Rows<'_>, model: &Loaded) -> Result<()> {
        let Self { ongoing, voice, .. } = self;
        catch_unwind(AssertUnwindSafe(|| ongoing.take(rows, model, &mut |progress| voice.hear(progress)))).unwrap_or(Err(Error::Fault))
    }

    /// To where it was before a step that failed: its tokens are what counts, and its pages are computed again where they are not at hand.
    fn go_back(&mut self, pool: &Pool) -> Result<()> {
        self.ongoing.inference.park();
        Ok(self.ongoing.inference.admit(pool)?)
    }
}

fn set(fates: &mut [Option<Error>], place: usize, error: Error) {
    if let Some(fate) = fates.get_mut(place) {
        *fate = Some(error);
    }
}

#[cfg(test)]
mod tests;
