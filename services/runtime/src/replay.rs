//! Runs a recorded generation again and compares it token by token; the replay is itself an act with its records.

use crate::acts::{Act, action, fact, label};
use crate::bundle::Case;
use crate::error::{Error, Result};
use crate::generation::{CONSTRAINT_VERBS, messages_of, run, stop_name, tokens_of};
use crate::models::Loaded;
use crate::policy;
use crate::system::System;
use crate::verbs::Form;
use mickai_kernels::ARITHMETIC;
use mickai_model::generate::{Flow, Generation, Progress, Request};
use mickai_model::sample::{SAMPLER, SamplerConfig, Seed};
use mickai_model::tokens::Token;
use mickai_proof::commitment::commit;
use mickai_proof::digest::LogId;
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode};
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
    /// The token in the record; `None` where the recorded output had ended.
    pub recorded: Option<Token>,
    /// The token now; `None` where the output now had ended.
    pub computed: Option<Token>,
}

/// What a replay found.
#[derive(Debug)]
pub struct Replayed {
    /// The intent of the generation that was replayed.
    pub intent_index: u64,
    /// The model that ran.
    pub model: String,
    /// Tokens compared.
    pub token_count: usize,
    /// The first difference; `None`: identical.
    pub divergence: Option<Divergence>,
    /// Whether the recorded reason for stopping came out again.
    pub is_stop_equal: bool,
    /// The replay's own records.
    pub records: (Appended, Appended),
}

impl Replayed {
    /// Every token and the end are the same.
    pub fn is_identical(&self) -> bool {
        self.divergence.is_none() && self.is_stop_equal
    }
}

/// All that a recorded generation says.
struct Recorded {
    act: Act,
    log: LogId,
    prompt: Vec<u8>,
    prompt_tokens: Vec<Token>,
    output_tokens: Vec<Token>,
}

impl System {
    /// Replays a generation and records it.
    ///
    /// # Errors
    /// Values that are not here or do not fit, another version, a model that is not here: all before the replay's intent.
    pub fn replay(&self, of: &ReplayOf<'_>, cause: Option<Appended>, each: &mut dyn FnMut(Progress<'_>) -> Flow) -> Result<Replayed> {
        let recorded = match of {
            ReplayOf::Record(index) => self.recorded(*index)?,
            ReplayOf::Case(case, index) => recorded_in(case, *index)?,
        };
        let model = self.model_of(&recorded)?;
        let (request, form) = request_of(&recorded)?;
        let mut context = self.context(&model)?;
        let mut writer = self.writer()?;
        let permit = writer.append_intent(intent(&recorded, writer.log_id(), cause), &[])?;
        let before = Appended { index: permit.index(), digest: permit.digest() };
        match run(&model, &mut context, &recorded.prompt_tokens, &request, form.as_ref(), each) {
            Ok(generation) => {
                let (divergence, is_stop_equal) = compare(&recorded, &generation);
                let facts = outcome_facts(divergence, is_stop_equal);
                let after = writer.close(permit, OutcomeCode::Executed, facts, &[])?;
                Ok(Replayed {
                    intent_index: recorded.act.intent.index,
                    model: model.name,
                    token_count: recorded.output_tokens.len(),
                    divergence,
                    is_stop_equal,
                    records: (before, after),
                })
            }
            Err(error) => {
                writer.close(permit, OutcomeCode::Failed, Vec::new(), &[])?;
                Err(error)
            }
        }
    }

    /// A generation of this home, its values from the vault.
    fn recorded(&self, index: u64) -> Result<Recorded> {
        let (act, outcome) = generation_at(self.acts()?, index)?;
        let reader = self.reader()?;
        let (Some(log), Some(vault)) = (reader.log_id(), self.vault(&reader)?) else { return Err(Error::NotAGeneration { index }) };
        let value = |index: u64, label: &'static str| -> Result<Vec<u8>> {
            let opened = vault.get(index, label)?.ok_or(Error::NotOpened { index, label })?;
            let entry = reader.entry(index)?;
            let committed = entry.as_ref().and_then(|entry| entry.decode().ok()?.commitment(label));
            if committed == Some(commit(&opened.salt, label, &opened.value)) { Ok(opened.value.to_vec()) } else { Err(Error::BadRecord { index, part: label }) }
        };
        Ok(Recorded {
            log,
            prompt: value(act.intent.index, label::PROMPT)?,
            prompt_tokens: tokens_of(&value(act.intent.index, label::PROMPT_TOKENS)?),
            output_tokens: tokens_of(&value(outcome, label::OUTPUT_TOKENS)?),
            act,
        })
    }

    /// The model that a record names by its digest.
    fn model_of(&self, recorded: &Recorded) -> Result<Loaded> {
        let intent = &recorded.act.intent;
        let bad = |part| Error::BadRecord { index: intent.index, part };
        let digest = intent.bytes(fact::MODEL).ok_or_else(|| bad(fact::MODEL))?;
        let wanted: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let model = self.model(&wanted)?;
        let other = |part| Error::OtherVersion { index: intent.index, part };
        // A model may be called like another's digest.
        (model.digest.0.as_slice() == digest).then_some(()).ok_or_else(|| other(fact::MODEL))?;
        (intent.text(fact::ARITHMETIC) == Some(ARITHMETIC)).then_some(()).ok_or_else(|| other(fact::ARITHMETIC))?;
        (intent.text(fact::SAMPLER) == Some(SAMPLER)).then_some(()).ok_or_else(|| other(fact::SAMPLER))?;
        (intent.bytes(fact::TOKENIZER) == Some(&model.file.tokenizer.digest().0)).then_some(()).ok_or_else(|| other(fact::TOKENIZER))?;
        Ok(model)
    }
}

/// A generation of a bundle, its values from the openings, which the verifier has already held against the commitments.
fn recorded_in(case: &Case, index: u64) -> Result<Recorded> {
    let (act, outcome) = generation_at(case.acts.clone(), index)?;
    let value = |index: u64, label: &'static str| case.opened(index, label).ok_or(Error::NotOpened { index, label });
    Ok(Recorded {
        log: case.log,
        prompt: value(act.intent.index, label::PROMPT)?.to_vec(),
        prompt_tokens: tokens_of(value(act.intent.index, label::PROMPT_TOKENS)?),
        output_tokens: tokens_of(value(outcome, label::OUTPUT_TOKENS)?),
        act,
    })
}

/// The generation that record `index` belongs to, and the index of its outcome.
fn generation_at(acts: Vec<Act>, index: u64) -> Result<(Act, u64)> {
    let belongs = |act: &Act| act.intent.index == index || act.outcome.as_ref().is_some_and(|(_, side)| side.index == index);
    let act = acts.into_iter().find(belongs).filter(|act| act.action == action::GENERATE).ok_or(Error::NotAGeneration { index })?;
    match &act.outcome {
        Some((OutcomeCode::Executed, side)) => {
            let outcome = side.index;
            Ok((act, outcome))
        }
        _ => Err(Error::NoOutcome { index }),
    }
}

/// The request and the form that the recorded facts give.
fn request_of(recorded: &Recorded) -> Result<(Request, Option<Form>)> {
    let intent = &recorded.act.intent;
    let bad = |part| Error::BadRecord { index: intent.index, part };
    let real = |name| intent.fact(name).and_then(Fact::as_real).ok_or_else(|| bad(name));
    let uint = |name| intent.uint(name).ok_or_else(|| bad(name));
    let seed = intent.bytes(fact::SEED).and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| bad(fact::SEED))?;
    let sampler = SamplerConfig {
        temperature: real(fact::TEMPERATURE)?,
        top_k: u32::try_from(uint(fact::TOP_K)?).map_err(|_| bad(fact::TOP_K))?,
        top_p: real(fact::TOP_P)?,
        min_p: real(fact::MIN_P)?,
        repetition_penalty: real(fact::REPETITION)?,
    };
    let recorded_max = usize::try_from(uint(fact::TOKEN_COUNT_MAX)?).map_err(|_| bad(fact::TOKEN_COUNT_MAX))?;
    // An interrupted generation is compared as far as it went.
    let output_tokens_max = if recorded.act.ending() == "stopped" { recorded.output_tokens.len() } else { recorded_max };
    let form = match intent.text(fact::CONSTRAINT) {
        None => None,
        Some(CONSTRAINT_VERBS) => Some(Form::new(&messages_of(&recorded.prompt).and_then(|mut messages| messages.pop()).ok_or_else(|| bad(label::PROMPT))?.1)),
        Some(_) => return Err(Error::OtherVersion { index: intent.index, part: fact::CONSTRAINT }),
    };
    Ok((Request { sampler, seed: Seed(u64::from_be_bytes(seed)), output_tokens_max, stop_texts: Vec::new() }, form))
}

/// Its causes are the records replayed, where they are of this log, and the request that led to it.
fn intent(recorded: &Recorded, own_log: LogId, cause: Option<Appended>) -> Draft {
    let act = &recorded.act;
    let mut draft = Draft::new(Kind::Intent, (ActorClass::System, mickai_proof::digest::Id::ZERO), policy::authority(), action::REPLAY)
        .fact(fact::RECORD, Fact::Uint(act.intent.index))
        .fact(fact::RECORD_DIGEST, Fact::Bytes(act.intent.digest.0.to_vec().into()))
        .fact(fact::MODEL, act.intent.fact(fact::MODEL).cloned().unwrap_or(Fact::Uint(0)));
    if recorded.log == own_log {
        let sides = [Some(&act.intent), act.outcome.as_ref().map(|(_, side)| side)];
        draft.causes = sides.into_iter().flatten().map(|side| (side.index, side.digest)).collect();
    } else {
        draft = draft.fact(fact::LOG, Fact::Bytes(recorded.log.0.to_vec().into()));
    }
    draft.causes.extend(cause.map(|cause| (cause.index, cause.digest)));
    draft
}

fn compare(recorded: &Recorded, now: &Generation) -> (Option<Divergence>, bool) {
    let (old, new) = (&recorded.output_tokens, &now.output_tokens);
    let common = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let is_longer = common < old.len().max(new.len());
    let divergence = is_longer.then(|| Divergence { position: common, recorded: old.get(common).copied(), computed: new.get(common).copied() });
    let recorded_stop = recorded.act.outcome.as_ref().and_then(|(_, side)| side.text(fact::STOP));
    // An interrupted generation was cut by a person, which nothing can replay.
    let is_stop_equal = recorded.act.ending() == "stopped" || recorded_stop == Some(stop_name(now.stop_reason));
    (divergence, is_stop_equal)
}

fn outcome_facts(divergence: Option<Divergence>, is_stop_equal: bool) -> Vec<(String, Fact<'static>)> {
    let identical = divergence.is_none() && is_stop_equal;
    let mut facts = vec![(fact::IDENTICAL.to_owned(), Fact::Uint(u64::from(identical)))];
    facts.extend(divergence.map(|divergence| (fact::DIVERGES_AT.to_owned(), Fact::Uint(divergence.position as u64))));
    facts
}
