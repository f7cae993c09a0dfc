//! A generation as its records tell it: for whoever asks again for an answer that they had.

use crate::acts::{Side, action, fact, label};
use crate::adapters::joined;
use crate::error::{Error, Result};
use crate::said::Said;
use crate::system::System;
use mickai_proof::record::{Kind, OutcomeCode};

/// One generation that ended well, with its values.
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
    /// What came out.
    pub output: String,
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

impl System {
    /// The generation whose intent is at `index`, if its caller may ask for it again; `None` if there is none, if it did not end well, or if a value of it was erased.
    ///
    /// # Errors
    /// A log or a vault that is damaged.
    pub fn told(&self, index: u64) -> Result<Option<Told>> {
        let reader = self.reader()?;
        let Some((intent, outcome)) = self.sides(&reader, index)? else { return Ok(None) };
        let Some(vault) = self.vault(&reader)? else { return Ok(None) };
        let value = |index, label| vault.get(index, label).map(|opened| opened.map(|opened| opened.value.to_vec()));
        let (request, prompt, output) = (value(index, label::REQUEST)?, value(index, label::PROMPT)?, value(outcome.index, label::OUTPUT)?);
        let (Some(request), Some(prompt), Some(output)) = (request, prompt, output) else { return Ok(None) };
        let said = Said::of(&prompt).ok_or(Error::BadRecord { index, part: label::PROMPT })?;
        let output = String::from_utf8(output).map_err(|_| Error::BadRecord { index: outcome.index, part: label::OUTPUT })?;
        Ok(Some(Told { intent, outcome, request, said, output }))
    }

    /// The records before and after that generation, also where values of it were erased.
    ///
    /// # Errors
    /// A log that is damaged.
    pub fn told_by(&self, index: u64) -> Result<Option<(Side, Side)>> {
        self.sides(&self.reader()?, index)
    }

    fn sides(&self, reader: &mickai_store::LogReader, index: u64) -> Result<Option<(Side, Side)>> {
        let intent = self.side(reader, index, |record| record.kind == Kind::Intent && record.action == action::GENERATE)?;
        let Some(intent) = intent.filter(|intent| intent.uint(fact::STORED) == Some(1)) else { return Ok(None) };
        Ok(self.outcome_of(reader, &intent)?.map(|outcome| (intent, outcome)))
    }

    /// The record at `index`, if it is of that sort.
    fn side(&self, reader: &mickai_store::LogReader, index: u64, fits: impl Fn(&mickai_proof::record::Record<'_>) -> bool) -> Result<Option<Side>> {
        let Some(entry) = reader.entry(index)? else { return Ok(None) };
        let record = entry.decode().map_err(|_| Error::BadRecord { index, part: "form" })?;
        Ok(fits(&record).then(|| Side::new(entry.digest(), &record)))
    }

    /// The outcome `executed` that closes an intent; it comes soon after, so the log is walked from there.
    fn outcome_of(&self, reader: &mickai_store::LogReader, intent: &Side) -> Result<Option<Side>> {
        for entry in reader.entries(intent.index + 1..reader.size()) {
            let entry = entry?;
            let record = entry.decode().map_err(|_| Error::BadRecord { index: entry.index, part: "form" })?;
            if let Some((closed, code)) = record.closes
                && closed == intent.digest
            {
                return Ok((code == OutcomeCode::Executed).then(|| Side::new(entry.digest(), &record)));
            }
        }
        Ok(None)
    }
}
