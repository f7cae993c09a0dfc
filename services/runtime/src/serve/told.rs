//! A generation as its records tell it: for whoever asks again for an answer that they had.

use crate::acts::{Side, action, fact, label};
use crate::adapters::joined;
use crate::error::{Error, Result};
use crate::said::Said;
use crate::system::System;
use mickai_proof::record::{Kind, OutcomeCode};

/// One generation that is over, with its values.
#[derive(Clone, Debug)]
pub struct Told {
    /// The record before it.
    pub intent: Side,
    /// The record after it.
    pub outcome: Side,
    /// The request as a face took it.
    pub request: Vec<u8>,
    /// What it went on from.
    pub said: Said,
    /// What came out, or why nothing did.
    pub output: std::result::Result<String, Unanswered>,
}

/// Why a generation that was begun has no output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// It failed.
    Failed,
    /// It was not run.
    NotRun,
    /// The process ended meanwhile, and nobody knows how far it came.
    Unknown,
}

impl Told {
    /// What the model was asked for by, with its adapter where it had one.
    pub fn model(&self) -> String {
        let model = self.intent.text(fact::MODEL_NAME).unwrap_or_default();
        self.intent.text(fact::ADAPTER_NAME).map_or_else(|| model.to_owned(), |adapter| joined(model, adapter))
    }

    /// Tokens of the prompt.
    pub fn prompt_token_count(&self) -> u64 {
        self.intent.uint(fact::PROMPT_TOKEN_COUNT).unwrap_or(0)
    }

    /// Tokens that came out.
    pub fn output_token_count(&self) -> u64 {
        self.outcome.uint(fact::OUTPUT_TOKEN_COUNT).unwrap_or(0)
    }

    /// The recorded word for why it ended.
    pub fn stop(&self) -> &str {
        self.outcome.text(fact::STOP).unwrap_or("")
    }
}

/// The record before a generation, and how it ended with the record of that, once it has.
type Sides = (Side, Option<(OutcomeCode, Side)>);

impl System {
    /// The generation whose intent is at `index`, if its caller may ask for it again; `None` if there is none, if it has no outcome yet, or if a value of it was erased.
    ///
    /// # Errors
    /// A log or a vault that is damaged.
    pub fn told(&self, index: u64) -> Result<Option<Told>> {
        let reader = self.reader()?;
        let Some((intent, Some((code, outcome)))) = self.sides(&reader, index)? else { return Ok(None) };
        let Some(vault) = self.vault(&reader)? else { return Ok(None) };
        let value = |index, label| vault.get(index, label).map(|opened| opened.map(|opened| opened.value.to_vec()));
        let (Some(request), Some(prompt)) = (value(index, label::REQUEST)?, value(index, label::PROMPT)?) else { return Ok(None) };
        let said = Said::of(&prompt).ok_or(Error::BadRecord { index, part: label::PROMPT })?;
        let output = match code {
            OutcomeCode::Executed => {
                let Some(output) = value(outcome.index, label::OUTPUT)? else { return Ok(None) };
                Ok(String::from_utf8(output).map_err(|_| Error::BadRecord { index: outcome.index, part: label::OUTPUT })?)
            }
            OutcomeCode::Failed => Err(Unanswered::Failed),
            OutcomeCode::NotAttempted | OutcomeCode::TimedOut => Err(Unanswered::NotRun),
            OutcomeCode::Unknown => Err(Unanswered::Unknown),
        };
        Ok(Some(Told { intent, outcome, request, said, output }))
    }

    /// The record before that generation and the one after it, if there is one yet, however it ended; also where values of it were erased.
    ///
    /// # Errors
    /// A log that is damaged.
    pub fn told_by(&self, index: u64) -> Result<Option<(Side, Option<Side>)>> {
        let sides = self.sides(&self.reader()?, index)?;
        Ok(sides.map(|(intent, outcome)| (intent, outcome.map(|(_, side)| side))))
    }

    fn sides(&self, reader: &mickai_store::LogReader, index: u64) -> Result<Option<Sides>> {
        let intent = self.side(reader, index, |record| record.kind == Kind::Intent && record.action == action::GENERATE)?;
        let Some(intent) = intent.filter(|intent| intent.uint(fact::STORED) == Some(1)) else { return Ok(None) };
        let outcome = self.outcome_of(reader, &intent)?;
        Ok(Some((intent, outcome)))
    }

    /// The record at `index`, if it is of that sort.
    fn side(&self, reader: &mickai_store::LogReader, index: u64, fits: impl Fn(&mickai_proof::record::Record<'_>) -> bool) -> Result<Option<Side>> {
        let Some(entry) = reader.entry(index)? else { return Ok(None) };
        let record = entry.decode().map_err(|_| Error::BadRecord { index, part: "form" })?;
        Ok(fits(&record).then(|| Side::new(entry.digest(), &record)))
    }

    /// The outcome that closes an intent; it comes soon after, so the log is walked from there.
    fn outcome_of(&self, reader: &mickai_store::LogReader, intent: &Side) -> Result<Option<(OutcomeCode, Side)>> {
        for entry in reader.entries(intent.index + 1..reader.size()) {
            let entry = entry?;
            let record = entry.decode().map_err(|_| Error::BadRecord { index: entry.index, part: "form" })?;
            if let Some((closed, code)) = record.closes
                && closed == intent.digest
            {
                return Ok(Some((code, Side::new(entry.digest(), &record))));
            }
        }
        Ok(None)
    }
}
