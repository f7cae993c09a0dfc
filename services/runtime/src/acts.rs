//! Acts as people and lists see them: an intent and its outcome as one thing, with the names that records use (spec/record.md "Genesis, intent, outcome, seal").

use mickai_proof::digest::{RecordDigest, hex};
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode, Record};
use std::collections::BTreeMap;

/// Action names of intents.
pub mod action {
    /// One inference.
    pub const GENERATE: &str = "generate";
    /// Vectors made of texts.
    pub const EMBED: &str = "embed";
    /// What a caller was answered with, kept for who asks again with the same key; no act, but a detail of the acts that it names.
    pub const ANSWER: &str = "answer";
    /// A recorded inference run again.
    pub const REPLAY: &str = "replay";
    /// A model taken into the home.
    pub const MODEL_IMPORT: &str = "model.import";
    /// A model removed from it.
    pub const MODEL_RM: &str = "model.rm";
    /// A model added to those that may run.
    pub const MODEL_PIN: &str = "model.pin";
    /// A model taken from them.
    pub const MODEL_UNPIN: &str = "model.unpin";
    /// A model's weights repacked anew for this program, and kept.
    pub const MODEL_REPACK: &str = "model.repack";
    /// An adapter taken into the home.
    pub const ADAPTER_IMPORT: &str = "adapter.import";
    /// An adapter removed from it.
    pub const ADAPTER_RM: &str = "adapter.rm";
    /// An adapter added to those that may run.
    pub const ADAPTER_PIN: &str = "adapter.pin";
    /// An adapter taken from them.
    pub const ADAPTER_UNPIN: &str = "adapter.unpin";
    /// A bundle written.
    pub const EXPORT: &str = "log.export";
    /// Values of one record erased.
    pub const ERASE: &str = "erase";
    /// The retention policy changed.
    pub const RETENTION_SET: &str = "retention.set";
    /// Values erased that the retention policy no longer keeps.
    pub const RETENTION_RUN: &str = "retention.run";
    /// The newest checkpoint settled on a chain.
    pub const SETTLE: &str = "settle";
    /// Where and when checkpoints are settled.
    pub const SETTLE_SET: &str = "settle.set";
    /// A passphrase put before the operator's key.
    pub const KEY_PROTECT: &str = "key.protect";
    /// The passphrase taken away.
    pub const KEY_UNPROTECT: &str = "key.unprotect";
    /// A backup of the keys written.
    pub const KEY_BACKUP: &str = "key.backup";
    /// The committed next key put in force: its record is the act.
    pub const KEY_ROTATE: &str = "key.rotate";
    /// A key's signatures worth nothing from some record on: its record is the act.
    pub const KEY_REVOKE: &str = "key.revoke";
    /// The recovery file moved out of the home.
    pub const RECOVERY_EXPORT: &str = "key.recovery.export";
    /// The recovery file brought back.
    pub const RECOVERY_IMPORT: &str = "key.recovery.import";
}

/// Names of facts.
pub mod fact {
    #![allow(missing_docs)]
    pub const KEY: &str = "key";
    pub const MODEL: &str = "model";
    pub const MODEL_NAME: &str = "model_name";
    pub const ADAPTER: &str = "adapter";
    pub const ADAPTER_NAME: &str = "adapter_name";
    pub const PINS: &str = "pins";
    pub const LAYOUT: &str = "layout";
    pub const PANELS: &str = "panels";
    pub const TEMPLATE: &str = "template";
    pub const TOKENIZER: &str = "tokenizer";
    pub const EDGES: &str = "edges";
    pub const ARITHMETIC: &str = "arithmetic";
    pub const SAMPLER: &str = "sampler";
    pub const DAY: &str = "day";
    pub const SEED: &str = "seed";
    pub const TEMPERATURE: &str = "temperature";
    pub const TOP_K: &str = "top_k";
    pub const TOP_P: &str = "top_p";
    pub const MIN_P: &str = "min_p";
    pub const REPETITION: &str = "repetition";
    pub const TOKEN_COUNT_MAX: &str = "token_count_max";
    pub const PROMPT_TOKEN_COUNT: &str = "prompt_token_count";
    pub const OUTPUT_TOKEN_COUNT: &str = "output_token_count";
    pub const CONSTRAINT: &str = "constraint";
    pub const STOP: &str = "stop";
    pub const STOP_TEXT_COUNT: &str = "stop_text_count";
    pub const EMBEDDING: &str = "embedding";
    pub const INPUT_COUNT: &str = "input_count";
    pub const DIMENSION_COUNT: &str = "dimension_count";
    pub const STORED: &str = "stored";
    pub const IDEMPOTENCY: &str = "idempotency";
    pub const CONTENT_TYPE: &str = "content_type";
    pub const PART: &str = "part";
    pub const PART_COUNT: &str = "part_count";
    pub const RECORD: &str = "record";
    pub const RECORD_DIGEST: &str = "record_digest";
    pub const LOG: &str = "log";
    pub const IDENTICAL: &str = "identical";
    pub const DIVERGES_AT: &str = "diverges_at";
    pub const FORM: &str = "form";
    pub const FIRST: &str = "first";
    pub const COUNT: &str = "count";
    pub const SIZE: &str = "size";
    pub const ROOT: &str = "root";
    pub const BYTE_COUNT: &str = "byte_count";
    pub const FILE_DIGEST: &str = "file_digest";
    pub const OPEN: &str = "open";
    pub const REASON: &str = "reason";
    pub const LABELS: &str = "labels";
    pub const FIELD_COUNT: &str = "field_count";
    pub const RETENTION: &str = "retention";
    pub const RETENTION_DIGEST: &str = "retention_digest";
    pub const CHAIN: &str = "chain";
    pub const NODE: &str = "node";
    pub const EVERY_RECORDS: &str = "every_records";
    pub const EVERY_MINUTES: &str = "every_minutes";
    pub const HEIGHT: &str = "height";
    pub const BLOCK: &str = "block";
    pub const BLOCK_HEIGHT: &str = "block_height";
    pub const SEATS: &str = "seats";
    pub const FORK: &str = "fork";
}

/// Labels of commitments.
pub mod label {
    #![allow(missing_docs)]
    pub const PROMPT: &str = "prompt";
    pub const PROMPT_TOKENS: &str = "prompt_tokens";
    pub const OUTPUT: &str = "output";
    pub const OUTPUT_TOKENS: &str = "output_tokens";
    pub const STOP_TEXTS: &str = "stop_texts";
    pub const GRAMMAR: &str = "grammar";
    pub const REQUEST: &str = "request";
    pub const INPUTS: &str = "inputs";
    pub const INPUTS_TOKENS: &str = "inputs_tokens";
    pub const EMBEDDINGS: &str = "embeddings";

    /// Tokens spell their text, so whoever names the text means both: `prompt` covers `prompt_tokens`.
    pub fn covers(named: &str, label: &str) -> bool {
        label == named || text_of(label) == Some(named)
    }

    /// What a caller says with a request: the body as it came says all of it again.
    const SAID_BY_REQUEST: [&str; 4] = [PROMPT, INPUTS, STOP_TEXTS, GRAMMAR];

    /// Whoever erases what is named erases this label of the same record: what it covers, and of a part of a request the request. A request can go alone.
    pub fn erases(named: &str, label: &str) -> bool {
        covers(named, label) || label == REQUEST && SAID_BY_REQUEST.contains(&named)
    }

    /// `prompt` for `prompt_tokens`; `None` for a label that is no text's tokens.
    pub fn text_of(label: &str) -> Option<&str> {
        label.strip_suffix("_tokens").filter(|text| !text.is_empty())
    }
}

/// The `stop` fact of a generation that the operator interrupted.
pub const STOP_INTERRUPTED: &str = "interrupted";

/// The record of one side of an act, owned.
#[derive(Clone, Debug)]
pub struct Side {
    /// Its place in the log.
    pub index: u64,
    /// D.
    pub digest: RecordDigest,
    /// The operator's clock, ms since 1970.
    pub wall_ms: u64,
    /// Its facts.
    pub facts: BTreeMap<String, Fact<'static>>,
}

impl Side {
    pub(crate) fn new(digest: RecordDigest, record: &Record<'_>) -> Self {
        let facts = record.facts.iter().map(|(name, fact)| (name.to_string(), owned(fact))).collect();
        Self { index: record.index, digest, wall_ms: record.wall_ms, facts }
    }

    /// The fact of that name.
    pub fn fact(&self, name: &str) -> Option<&Fact<'static>> {
        self.facts.get(name)
    }

    /// The text fact of that name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fact(name).and_then(Fact::as_text)
    }

    /// The byte fact of that name.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.fact(name).and_then(Fact::as_bytes)
    }

    /// The number fact of that name.
    pub fn uint(&self, name: &str) -> Option<u64> {
        self.fact(name).and_then(Fact::as_uint)
    }
}

/// An intent, and its outcome once there is one.
#[derive(Clone, Debug)]
pub struct Act {
    /// The act's name.
    pub action: String,
    /// Who acted.
    pub actor: ActorClass,
    /// What was going to happen.
    pub intent: Side,
    /// What became of it.
    pub outcome: Option<(OutcomeCode, Side)>,
}

impl Act {
    /// Its records.
    pub(crate) fn sides(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.intent).chain(self.outcome.as_ref().map(|(_, side)| side))
    }

    /// The word of spec/verbs.md for how it ended: `executed`, `failed`, `stopped`, `unknown`; `running` while it has no outcome.
    pub fn ending(&self) -> &'static str {
        match &self.outcome {
            None => "running",
            Some((OutcomeCode::Executed, side)) if side.text(fact::STOP) == Some(STOP_INTERRUPTED) => "stopped",
            Some((OutcomeCode::Executed, _)) => "executed",
            Some((OutcomeCode::Unknown, _)) => "unknown",
            Some((OutcomeCode::Failed | OutcomeCode::NotAttempted | OutcomeCode::TimedOut, _)) => "failed",
        }
    }

    /// The word of spec/verbs.md for what sort of act it is.
    pub fn kind(&self) -> &str {
        match self.action.as_str() {
            action::GENERATE => "generation",
            action::MODEL_IMPORT => "import",
            action::MODEL_RM => "removal",
            action::EXPORT => "export",
            other => other,
        }
    }

    /// The name or the digest of the model concerned.
    pub fn model(&self) -> Option<String> {
        let name = self.intent.text(fact::MODEL_NAME).map(str::to_owned);
        name.or_else(|| self.intent.bytes(fact::MODEL).map(hex))
    }
}

/// The operator's clock, ms since 1970; a time before that counts as 1970.
pub fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// The operator's clock as the operator reads it.
pub fn local_time(wall_ms: u64) -> String {
    let timestamp = i64::try_from(wall_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    timestamp.map_or_else(|| format!("{wall_ms} ms"), |timestamp| timestamp.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Puts intents and outcomes together as records are read in order.
#[derive(Default)]
pub struct Pairing {
    acts: Vec<Act>,
    /// D of each open intent, to its place in `acts`.
    open: BTreeMap<RecordDigest, usize>,
}

impl Pairing {
    /// Reads the next record.
    pub fn push(&mut self, digest: RecordDigest, record: &Record<'_>) {
        if record.kind == Kind::Intent {
            self.open.insert(digest, self.acts.len());
            self.acts.push(Act { action: record.action.to_string(), actor: record.actor.0, intent: Side::new(digest, record), outcome: None });
        } else if let Some((intent, code)) = record.closes
            && let Some(act) = self.open.remove(&intent).and_then(|place| self.acts.get_mut(place))
        {
            act.outcome = Some((code, Side::new(digest, record)));
        }
    }

    /// All acts, in the order of their intents.
    pub fn finish(self) -> Vec<Act> {
        self.acts
    }
}

fn owned(fact: &Fact<'_>) -> Fact<'static> {
    match fact {
        Fact::Uint(value) => Fact::Uint(*value),
        Fact::Bytes(bytes) => Fact::Bytes(bytes.to_vec().into()),
        Fact::Text(text) => Fact::Text(text.to_string().into()),
        Fact::List(items) => Fact::List(items.iter().map(owned).collect()),
    }
}
