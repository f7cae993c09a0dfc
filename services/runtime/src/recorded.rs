//! A recorded generation with its values: found in this home or in a bundle, and held against everything that its record says of it.

use crate::acts::{Act, STOP_INTERRUPTED, Side, action, fact, label};
use crate::bound::{Bound, CONSTRAINT_VERBS, Ready};
use crate::bundle::Case;
use crate::embedding::RecordedEmbedding;
use crate::error::{Error, Result};
use crate::generation::{template_of, texts_of, tokens_of};
use crate::grammar::{CONSTRAINT_GRAMMAR, Grammar};
use crate::models::Loaded;
use crate::said::Said;
use crate::system::System;
use jiff::civil::Date as Day;
use mickai_kernels::ARITHMETIC;
use mickai_model::digest::{AdapterDigest, EdgesDigest, EdgesOf, ModelDigest, edges};
use mickai_model::generate::Request;
use mickai_model::sample::{SAMPLER, SamplerConfig, Seed};
use mickai_model::tokens::Token;
use mickai_proof::commitment::commit;
use mickai_proof::digest::LogId;
use mickai_proof::record::{Fact, OutcomeCode};

/// All that a recorded generation says.
pub(crate) struct Recorded {
    pub act: Act,
    pub log: LogId,
    pub said: Said,
    pub prompt_tokens: Vec<Token>,
    pub output: Vec<u8>,
    pub output_tokens: Vec<Token>,
    pub stop_texts: Vec<String>,
    /// `None` where decoding was held to nothing, or by a version that is not this one.
    pub grammar: Option<Grammar>,
}

/// Gives the value of a record under a label.
pub(crate) type Values<'a> = &'a dyn Fn(u64, &'static str) -> Result<Vec<u8>>;

/// What is on record of an act that can be run again.
pub(crate) enum AnyRecorded {
    Generation(Box<Recorded>),
    Embedding(Box<RecordedEmbedding>),
}

impl AnyRecorded {
    /// An act of this home, its values from the vault.
    pub fn of_home(system: &System, index: u64) -> Result<Self> {
        let reader = system.reader()?;
        let (Some(log), Some(vault)) = (reader.log_id(), system.vault(&reader)?) else { return Err(Error::NotAGeneration { index }) };
        Self::read(system.act_at(&reader, index)?, log, index, &|index, label| {
            // What is not there is asked for again in words: it may have been erased.
            let Some(opened) = vault.get(index, label)? else { return system.value(index, label).map(|value| value.to_vec()) };
            let entry = reader.entry(index)?;
            let committed = entry.as_ref().and_then(|entry| entry.decode().ok()?.commitment(label));
            if committed == Some(commit(&opened.salt, label, &opened.value)) { Ok(opened.value.to_vec()) } else { Err(Error::BadRecord { index, part: label }) }
        })
    }

    /// An act of a bundle, its values from the openings, which the verifier has already held against the commitments.
    pub fn of_case(case: &Case, index: u64) -> Result<Self> {
        let belongs = |act: &&Act| act.intent.index == index || act.outcome.as_ref().is_some_and(|(_, side)| side.index == index);
        let act = case.acts.iter().find(belongs).cloned();
        Self::read(act, case.log, index, &|index, label| case.value(index, label).map(<[u8]>::to_vec))
    }

    /// The act that record `index` belongs to.
    fn read(act: Option<Act>, log: LogId, index: u64, values: Values<'_>) -> Result<Self> {
        let act = act.ok_or(Error::NotAGeneration { index })?;
        match act.action.as_str() {
            action::GENERATE => Recorded::read(act, log, values).map(|recorded| Self::Generation(Box::new(recorded))),
            action::EMBED => RecordedEmbedding::read(act, log, values).map(|recorded| Self::Embedding(Box::new(recorded))),
            _ => Err(Error::NotAGeneration { index }),
        }
    }
}

impl System {
    /// The model that an intent names by its digest, which is nobody's name; alone.
    pub(crate) fn recorded_model(&self, intent: &Side) -> Result<Loaded> {
        let bad = Error::BadRecord { index: intent.index, part: fact::MODEL };
        let digest = ModelDigest(intent.bytes(fact::MODEL).and_then(|bytes| bytes.try_into().ok()).ok_or(bad)?);
        let model = self.model(&digest.to_string())?;
        if model.digest == digest { Ok(model) } else { Err(Error::OtherVersion { index: intent.index, part: fact::MODEL }) }
    }

    /// The model with the adapter that an intent names, if it names one.
    pub(crate) fn as_recorded(&self, model: Loaded, intent: &Side) -> Result<Loaded> {
        let Some(fact) = intent.fact(fact::ADAPTER) else { return Ok(model) };
        let digest = fact.as_bytes().and_then(|bytes| bytes.try_into().ok()).ok_or(Error::BadRecord { index: intent.index, part: fact::ADAPTER })?;
        self.with_recorded_adapter(model, AdapterDigest(digest), &self.pins_known()?)
    }
}

/// Whether an intent has these edges. Those that were written before there was such a fact say nothing of them, and are replayed as they were then.
pub(crate) fn has_edges(intent: &Side, edges: EdgesDigest) -> bool {
    intent.fact(fact::EDGES).is_none_or(|fact| fact.as_bytes() == Some(edges.0.as_slice()))
}

impl Recorded {
    fn read(act: Act, log: LogId, value: Values<'_>) -> Result<Self> {
        let (before, after) = match &act.outcome {
            Some((OutcomeCode::Executed, side)) => (act.intent.index, side.index),
            _ => return Err(Error::NoOutcome { index: act.intent.index }),
        };
        let tokens = |index, label| tokens_of(&value(index, label)?).ok_or(Error::BadRecord { index, part: label });
        let bad = |part| Error::BadRecord { index: before, part };
        let stop_texts = match act.intent.uint(fact::STOP_TEXT_COUNT) {
            None => Vec::new(),
            Some(count) => texts_of(&value(before, label::STOP_TEXTS)?).filter(|texts| texts.len() as u64 == count).ok_or_else(|| bad(label::STOP_TEXTS))?,
        };
        let grammar = match act.intent.text(fact::CONSTRAINT) {
            Some(CONSTRAINT_GRAMMAR) => Some(Grammar::new(String::from_utf8(value(before, label::GRAMMAR)?).map_err(|_| bad(label::GRAMMAR))?)),
            _ => None,
        };
        Ok(Self {
            log,
            stop_texts,
            grammar,
            said: Said::of(&value(before, label::PROMPT)?).ok_or_else(|| bad(label::PROMPT))?,
            prompt_tokens: tokens(before, label::PROMPT_TOKENS)?,
            output: value(after, label::OUTPUT)?,
            output_tokens: tokens(after, label::OUTPUT_TOKENS)?,
            act,
        })
    }

    /// Whether the operator cut it off.
    pub fn was_interrupted(&self) -> bool {
        self.stop() == Some(STOP_INTERRUPTED)
    }

    /// The recorded word for why it ended.
    pub fn stop(&self) -> Option<&str> {
        self.act.outcome.as_ref().and_then(|(_, side)| side.text(fact::STOP))
    }

    fn bad(&self, part: &'static str) -> Error {
        Error::BadRecord { index: self.act.intent.index, part }
    }

    /// The model that the record names, with its adapter; what a record says of it, and of the rules that it ran by, is true of what is returned.
    pub fn model(&self, system: &System) -> Result<Loaded> {
        let intent = &self.act.intent;
        let model = system.recorded_model(intent)?;
        let template = template_of(&model, &self.said);
        let template_digest = template.map(|template| template.digest());
        let same = [
            (fact::ARITHMETIC, intent.text(fact::ARITHMETIC) == Some(ARITHMETIC)),
            (fact::SAMPLER, intent.text(fact::SAMPLER) == Some(SAMPLER)),
            (fact::TOKENIZER, intent.bytes(fact::TOKENIZER) == Some(&model.file.tokenizer.digest().0)),
            (fact::TEMPLATE, intent.bytes(fact::TEMPLATE) == template_digest.as_ref().map(|digest| digest.0.as_slice())),
            (fact::EDGES, has_edges(intent, edges(&model.file, EdgesOf::Generation(template)))),
        ];
        match same.into_iter().find(|(_, is_same)| !is_same) {
            Some((part, _)) => Err(Error::OtherVersion { index: intent.index, part }),
            None => system.as_recorded(model, intent),
        }
    }

    /// The tokens that ran are those of the prompt that people read: the model's template gives the one from the other.
    pub fn check_prompt(&self, model: &Loaded) -> Result<()> {
        let day: Day = self.act.intent.text(fact::DAY).and_then(|day| day.parse().ok()).ok_or_else(|| self.bad(fact::DAY))?;
        let prompt = self.said.render(model, day)?;
        if prompt.tokens == self.prompt_tokens { Ok(()) } else { Err(self.bad(label::PROMPT_TOKENS)) }
    }

    /// The request that the recorded facts give, and what decoding was held to.
    pub fn request(&self, model: &Loaded) -> Result<(Request, Ready)> {
        let intent = &self.act.intent;
        let real = |name| intent.fact(name).and_then(Fact::as_real).ok_or_else(|| self.bad(name));
        let uint = |name| intent.uint(name).ok_or_else(|| self.bad(name));
        let seed = intent.bytes(fact::SEED).and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| self.bad(fact::SEED))?;
        let sampler = SamplerConfig {
            temperature: real(fact::TEMPERATURE)?,
            top_k: u32::try_from(uint(fact::TOP_K)?).map_err(|_| self.bad(fact::TOP_K))?,
            top_p: real(fact::TOP_P)?,
            min_p: real(fact::MIN_P)?,
            repetition_penalty: real(fact::REPETITION)?,
        };
        let recorded_max = usize::try_from(uint(fact::TOKEN_COUNT_MAX)?).map_err(|_| self.bad(fact::TOKEN_COUNT_MAX))?;
        // An interrupted generation is compared as far as it went.
        let output_tokens_max = if self.was_interrupted() { self.output_tokens.len() } else { recorded_max };
        let bound = match (intent.text(fact::CONSTRAINT), &self.grammar) {
            (None, _) => Bound::Free,
            (Some(CONSTRAINT_VERBS), _) => Bound::Verbs,
            (Some(_), Some(grammar)) => Bound::Grammar(grammar.clone()),
            (Some(_), None) => return Err(Error::OtherVersion { index: intent.index, part: fact::CONSTRAINT }),
        };
        let request = Request { sampler, seed: Seed(u64::from_be_bytes(seed)), output_tokens_max, stop_texts: self.stop_texts.clone() };
        Ok((request, bound.ready(model, &self.said)?))
    }
}
