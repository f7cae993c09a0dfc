//! Runs a recorded generation again and compares it token by token, or embeddings and compares their bits; the replay is itself an act with its records.

use crate::acts::{Act, STOP_INTERRUPTED, action, fact};
use crate::bundle::Case;
use crate::embedding::{self, RecordedEmbedding};
use crate::error::Result;
use crate::executor::Done;
use crate::generation::{Ran, run};
use crate::policy;
use crate::recorded::{AnyRecorded, Recorded};
use crate::system::System;
use mickai_model::generate::{Flow, Progress};
use mickai_model::tokens::Token;
use mickai_proof::digest::{Id, LogId};
use mickai_proof::record::{ActorClass, Fact, Kind};
use mickai_store::{Appended, Draft};

/// What is replayed.
pub enum ReplayOf<'a> {
    /// A generation of this home's log, by the index of its intent or its outcome.
    Record(u64),
    /// A generation of a bundle, by the index of its intent or its outcome.
    Case(&'a Case, u64),
}

/// Where a replay left the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The place in the output, from 0.
    pub position: usize,
    /// The token in the record; `None` where the recorded output had ended, and for values.
    pub recorded: Option<Token>,
    /// The token now; `None` where the output now had ended, and for values.
    pub computed: Option<Token>,
}

/// What a replay compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The tokens of a generation.
    Tokens,
    /// The values of embeddings, bit for bit.
    Values,
}

/// What a replay found.
#[derive(Debug)]
pub struct Replayed {
    /// The intent of the generation that was replayed.
    pub intent_index: u64,
    /// The model that ran.
    pub model: String,
    /// What was compared.
    pub compared: Compared,
    /// How many of them.
    pub count: usize,
    /// The first token that differs.
    pub divergence: Option<Divergence>,
    /// Whether the recorded text is that of the tokens.
    pub is_text_equal: bool,
    /// Whether the recorded reason for stopping came out again.
    pub is_stop_equal: bool,
    /// The replay's own records.
    pub records: (Appended, Appended),
}

impl Replayed {
    /// Every token, the text and the end are the same.
    pub fn is_identical(&self) -> bool {
        self.divergence.is_none() && self.is_text_equal && self.is_stop_equal
    }
}

impl System {
    /// Runs a generation or embeddings again, and records it.
    ///
    /// # Errors
    /// Values that are not here or do not fit each other, another version, a model that is not here: all before the replay's intent. An interrupted replay is recorded as not executed.
    pub fn replay(&self, of: &ReplayOf<'_>, cause: Option<Appended>, each: &mut dyn FnMut(Progress<'_>) -> Flow) -> Result<Replayed> {
        let recorded = match of {
            ReplayOf::Record(index) => AnyRecorded::of_home(self, *index)?,
            ReplayOf::Case(case, index) => AnyRecorded::of_case(case, *index)?,
        };
        match recorded {
            AnyRecorded::Generation(recorded) => self.replay_generation(&recorded, cause, each),
            AnyRecorded::Embedding(recorded) => self.replay_embedding(&recorded, cause, each),
        }
    }

    fn replay_generation(&self, recorded: &Recorded, cause: Option<Appended>, each: &mut dyn FnMut(Progress<'_>) -> Flow) -> Result<Replayed> {
        let model = recorded.model(self)?;
        recorded.check_prompt(&model)?;
        let (request, mut ready) = recorded.request(&model)?;
        let mut context = self.context(&model)?;
        let mut executor = self.executor_for(&model)?;
        let other_log = self.other_log(&recorded.act, recorded.log, executor.log().log_id())?;
        let permit = executor.permit(intent(&recorded.act, other_log, cause), &[])?;
        let performed = executor.run(permit, |act, _| {
            let ran = run(act, &model, &mut context, &recorded.prompt_tokens, &request, &mut ready, each)?;
            // Whoever stops it has compared nothing.
            if ran.stop == STOP_INTERRUPTED {
                return Err(mickai_store::Error::Stopped.into());
            }
            let (divergence, is_text_equal, is_stop_equal) = compare(recorded, &ran);
            let identical = divergence.is_none() && is_text_equal && is_stop_equal;
            Ok(Done::new((divergence, is_text_equal, is_stop_equal), facts(identical, divergence)))
        })?;
        let (divergence, is_text_equal, is_stop_equal) = performed.value;
        let (intent_index, count, records) = (recorded.act.intent.index, recorded.output_tokens.len(), (performed.intent, performed.outcome));
        Ok(Replayed { intent_index, model: model.name, compared: Compared::Tokens, count, divergence, is_text_equal, is_stop_equal, records })
    }

    fn replay_embedding(&self, recorded: &RecordedEmbedding, cause: Option<Appended>, each: &mut dyn FnMut(Progress<'_>) -> Flow) -> Result<Replayed> {
        let model = recorded.model(self)?;
        let total = recorded.tokens.iter().map(Vec::len).sum();
        let mut executor = self.executor_for(&model)?;
        let other_log = self.other_log(&recorded.act, recorded.log, executor.log().log_id())?;
        let permit = executor.permit(intent(&recorded.act, other_log, cause), &[])?;
        let performed = executor.run(permit, |act, _| {
            let tell = &mut || each(Progress::Prompt { done: 0, total });
            // Whoever stops it has compared nothing.
            let vectors = embedding::run(act, self, &model, (&recorded.tokens, recorded.dimension_count), tell)?.ok_or(mickai_store::Error::Stopped)?;
            let bytes: Vec<u8> = vectors.iter().flat_map(|value| value.to_le_bytes()).collect();
            let same = bytes.chunks(size_of::<f32>()).zip(recorded.bytes.chunks(size_of::<f32>())).take_while(|(now, then)| now == then).count();
            let divergence = (bytes != recorded.bytes).then_some(Divergence { position: same, recorded: None, computed: None });
            Ok(Done::new((divergence, vectors.len()), facts(divergence.is_none(), divergence)))
        })?;
        let ((divergence, count), intent_index, records) = (performed.value, recorded.act.intent.index, (performed.intent, performed.outcome));
        Ok(Replayed { intent_index, model: model.name, compared: Compared::Values, count, divergence, is_text_equal: true, is_stop_equal: true, records })
    }
}

impl System {
    /// The log that an act is of, unless its records are this one's. A log that was copied and went on has the id of the other, and other records.
    fn other_log(&self, act: &Act, log: LogId, own_log: LogId) -> Result<Option<LogId>> {
        let reader = self.reader()?;
        let mut is_own = log == own_log;
        for side in act.sides() {
            is_own = is_own && reader.entry(side.index)?.is_some_and(|entry| entry.digest() == side.digest);
        }
        Ok((!is_own).then_some(log))
    }
}

/// Of the outcome.
fn facts(is_identical: bool, divergence: Option<Divergence>) -> Vec<(String, Fact<'static>)> {
    let mut facts = vec![(fact::IDENTICAL.to_owned(), Fact::Uint(u64::from(is_identical)))];
    facts.extend(divergence.map(|divergence| (fact::DIVERGES_AT.to_owned(), Fact::Uint(divergence.position as u64))));
    facts
}

/// Its causes are the records replayed, where they are of this log, and the request that led to it.
fn intent(act: &Act, other_log: Option<LogId>, cause: Option<Appended>) -> Draft {
    let mut draft = Draft::new(Kind::Intent, (ActorClass::System, Id::ZERO), policy::authority(), action::REPLAY)
        .fact(fact::RECORD, Fact::Uint(act.intent.index))
        .fact(fact::RECORD_DIGEST, Fact::Bytes(act.intent.digest.0.to_vec().into()));
    for name in [fact::MODEL, fact::ADAPTER] {
        if let Some(digest) = act.intent.fact(name) {
            draft = draft.fact(name, digest.clone());
        }
    }
    match other_log {
        None => draft.causes = act.sides().map(|side| (side.index, side.digest)).collect(),
        Some(log) => draft = draft.fact(fact::LOG, Fact::Bytes(log.0.to_vec().into())),
    }
    let cause = cause.map(|cause| (cause.index, cause.digest));
    // What led to it may be what is replayed: a record names each cause once.
    draft.causes.extend(cause.filter(|cause| !draft.causes.contains(cause)));
    draft
}

/// The first token that differs; whether the text is equal; whether the end is.
fn compare(recorded: &Recorded, now: &Ran) -> (Option<Divergence>, bool, bool) {
    let (old, new) = (&recorded.output_tokens, &now.generation.output_tokens);
    let common = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let is_longer = common < old.len().max(new.len());
    let divergence = is_longer.then(|| Divergence { position: common, recorded: old.get(common).copied(), computed: new.get(common).copied() });
    // An interrupted generation was cut by a person, which nothing can replay.
    let is_stop_equal = recorded.was_interrupted() || recorded.stop() == Some(now.stop);
    (divergence, recorded.output == now.generation.text.as_bytes(), is_stop_equal)
}
