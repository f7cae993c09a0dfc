//! Repacked weights kept on disk, and why what they compute is what a record names.
//!
//! A load that hashed the model's file and repacked it would pay for both every time. In their place:
//! - the file `panels` holds the repacked weights, and a head: the digest of every tensor that they were made of, and a KT128 of each whose own bytes a run still reads;
//! - the outcome of `model.import`, or of `model.repack`, says KT128 of that whole file, so that it is signed and chained like everything on record;
//! - a load hashes every byte that it is going to compute with: the file `panels` as it is read, and those tensors. From the digests of the head, and the settings and the tokenizer just read, it
//!   computes the model's digest, which must be the one it was asked for. The file is read while another thread opens the model and makes its tokenizer.
//!
//! Nothing is taken from a file that differs in a bit. What may be found instead, and what it means:
//! - no file, or another one: every tensor is hashed and repacked as at the import, and the file written again if it comes out as on record;
//! - nothing on record for this layout, as after an import or an update of an older program: likewise, and the next act that runs the model puts it on record, as `model.repack`.

use crate::acts::{action, fact};
use crate::error::Result;
use crate::executor::{Done, Executor};
use crate::in_force::{decoded, entry};
use crate::models::Loaded;
use crate::policy;
use crate::system::System;
use mickai_kernels::crew::{Crew, each_row};
use mickai_kernels::matmul::LAYOUT;
use mickai_kernels::memory::Room;
use mickai_model::digest::{ModelDigest, TensorDigest};
use mickai_model::file::ModelFile;
use mickai_proof::digest::{Id, RecordDigest};
use mickai_proof::kt128::{Kt128, PIECE_LEN, Part, part, piece_count};
use mickai_proof::mldsa::Isa;
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode, Record};
use mickai_store::{Draft, PanelFile};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock, PoisonError};

const FORM: &str = "mickai-panels 1";
/// The acts whose outcome says what a model's weights are when they are repacked.
const ACTIONS: [&str; 2] = [action::MODEL_IMPORT, action::MODEL_REPACK];
/// Bytes of a head and its length: a line for every tensor of the largest model that is opened, and more.
const TAIL_BYTES_MAX: u64 = 64 << 20;
/// Pieces that one thread reads in order: what the system reads ahead of it is soon a few of them.
const SPAN_PIECES: usize = 32;
/// Bytes of panels for each byte of the model's file, at most: a length that somebody wrote is no reason to take all memory.
pub(crate) const PANELS_PER_BYTE_MAX: u64 = 8;

/// Hashes with the machine's threads.
pub(crate) struct Hasher {
    crew: Arc<dyn Crew>,
    isa: Isa,
}

/// Repacked weights as they were read, by the digest on record.
pub(crate) struct Kept {
    room: Room<u8>,
    /// The end of the file.
    rest: Vec<u8>,
}

/// What stands behind the panels in their file, and the digest of both.
pub(crate) struct Made {
    pub tail: Vec<u8>,
    pub digest: Kt128,
}

impl Made {
    /// The facts of an outcome that says so.
    pub fn facts(&self) -> Vec<(String, Fact<'static>)> {
        vec![(fact::LAYOUT.to_owned(), Fact::Uint(LAYOUT)), (fact::PANELS.to_owned(), Fact::Bytes(self.digest.0.to_vec().into()))]
    }
}

impl Hasher {
    pub fn new(crew: Arc<dyn Crew>) -> Self {
        Self { crew, isa: Isa::best() }
    }

    /// Repacks a model whose tensors were found to have these digests.
    pub fn make(&self, file: &ModelFile, digest: ModelDigest, digests: &[TensorDigest]) -> Made {
        let weights = file.weights();
        let tail = PanelFile::tail(&self.head(file, digest, digests));
        Made { digest: self.digest(weights.prepare(&*self.crew), &tail), tail }
    }

    /// Reads repacked weights, in one walk with their digest, which must be the one on record. They are believed to be of no model yet, so that a model can be opened meanwhile; `None` if the
    /// file is another, or what stands behind its `panels_len` bytes of panels is longer than any honest head.
    pub fn read(&self, file: &PanelFile, wanted: Kt128, panels_len: u64) -> Option<Kept> {
        let len = file.byte_count();
        let panels_len = usize::try_from(panels_len).ok().filter(|panels| len.checked_sub(*panels as u64).is_some_and(|tail| tail <= TAIL_BYTES_MAX))?;
        let mut room = Room::new(panels_len);
        let whole = panels_len / PIECE_LEN;
        let parts: Vec<OnceLock<Part>> = (0..piece_count(len)).map(|_| OnceLock::new()).collect();
        let (pieces, last) = room.split_at_mut(whole * PIECE_LEN);
        let mut spans: Vec<&mut [u8]> = pieces.chunks_mut(SPAN_PIECES * PIECE_LEN).collect();
        each_row(&*self.crew, &mut spans, 1, |span, pieces| {
            let Some(file) = file.again() else { return };
            let pieces = pieces.iter_mut().flat_map(|span| span.chunks_exact_mut(PIECE_LEN));
            for (index, piece) in (span * SPAN_PIECES..).zip(pieces) {
                if file.read_at(piece, (index * PIECE_LEN) as u64)
                    && let Some(place) = parts.get(index)
                {
                    place.get_or_init(|| part(self.isa, index, piece, len));
                }
            }
        });
        let mut rest = vec![0; usize::try_from(len).ok()? - whole * PIECE_LEN];
        file.read_at(&mut rest, (whole * PIECE_LEN) as u64).then_some(())?;
        for (index, piece) in (whole..).zip(rest.chunks(PIECE_LEN)) {
            parts.get(index)?.get_or_init(|| part(self.isa, index, piece, len));
        }
        last.copy_from_slice(rest.get(..last.len())?);
        let parts = parts.into_iter().map(OnceLock::into_inner).collect::<Option<Vec<_>>>()?;
        (Kt128::join(&parts) == wanted).then_some(Kept { room, rest })
    }

    /// Has a model take what was read; `false` if it is not the model that it is of.
    pub fn take(&self, kept: Kept, file: &ModelFile, digest: ModelDigest) -> bool {
        let Some(head) = PanelFile::head(&kept.rest) else { return false };
        let Some(digests) = digests_of(head) else { return false };
        file.digest_with(&digests) == Some(digest) && self.head(file, digest, &digests) == head && file.weights().prepare_with(kept.room)
    }

    /// Of bytes in two places.
    fn digest(&self, body: &[u8], tail: &[u8]) -> Kt128 {
        let len = (body.len() + tail.len()) as u64;
        let (pieces, rest) = body.as_chunks::<PIECE_LEN>();
        let mut parts: Vec<Option<Part>> = pieces.iter().map(|_| None).collect();
        each_row(&*self.crew, &mut parts, 1, |index, place| place.fill(pieces.get(index).map(|piece| part(self.isa, index, piece, len))));
        let rest = [rest, tail].concat();
        if pieces.is_empty() && rest.is_empty() {
            return Kt128::of(self.isa, &[]);
        }
        let last = (pieces.len()..).zip(rest.chunks(PIECE_LEN)).map(|(index, piece)| part(self.isa, index, piece, len));
        Kt128::join(&parts.into_iter().flatten().chain(last).collect::<Vec<_>>())
    }

    /// What panels were made of, as a text that only those bytes have: a line of form, layout, model and length, then one for each tensor.
    fn head(&self, file: &ModelFile, digest: ModelDigest, digests: &[TensorDigest]) -> String {
        let read: BTreeMap<&str, Kt128> = file.unpacked().map(|tensor| (tensor.name.as_str(), self.digest(tensor.bytes(), &[]))).collect();
        let line = |(name, digest): (&String, &TensorDigest)| {
            let own = read.get(name.as_str()).map_or_else(|| "-".to_owned(), Kt128::to_string);
            format!("{digest} {own} {name}\n")
        };
        let first = format!("{FORM} {LAYOUT} {digest} {}\n", file.weights().packed_bytes());
        std::iter::once(first).chain(file.tensors.keys().zip(digests).map(line)).collect()
    }
}

/// The first word of every line but the first.
fn digests_of(head: &str) -> Option<Vec<TensorDigest>> {
    head.lines().skip(1).map(|line| Id::from_hex(line.split(' ').next()?).map(|id| TensorDigest(id.0))).collect()
}

/// Is the intent about this model?
fn is_of(record: &Record<'_>, digest: ModelDigest) -> bool {
    record.fact(fact::MODEL).and_then(Fact::as_bytes) == Some(&digest.0)
}

/// What an outcome says, if it was executed, of repacked weights in this program's layout.
fn panels_of(outcome: &Record<'_>) -> Option<Kt128> {
    let is_ours = matches!(outcome.closes, Some((_, OutcomeCode::Executed))) && outcome.fact(fact::LAYOUT).and_then(Fact::as_uint) == Some(LAYOUT);
    outcome.fact(fact::PANELS).and_then(Fact::as_bytes).and_then(Kt128::from_slice).filter(|_| is_ours)
}

impl System {
    pub(crate) fn hasher(&self) -> Hasher {
        Hasher::new(self.crew())
    }

    /// What the record says of the file `panels` of a model in this program's layout: the newest executed import or repacking of it.
    pub(crate) fn panels_on_record(&self, digest: ModelDigest) -> Result<Option<Kt128>> {
        let reader = self.reader()?;
        for intent in self.intents_known(&reader, &ACTIONS)? {
            if is_of(&decoded(&intent)?, digest)
                && let Some(outcome) = self.outcome_behind(&reader, &intent)?
                && let Some(panels) = panels_of(&decoded(&outcome)?)
            {
                return Ok(Some(panels));
            }
        }
        // Nothing in the index: either there is none, and a load hashes and repacks the whole model, beside which this walk is short; or the index hides it.
        let mut said: BTreeMap<RecordDigest, Kt128> = BTreeMap::new();
        for index in (0..reader.size()).rev() {
            let entry = entry(&reader, index)?;
            let record = decoded(&entry)?;
            if !ACTIONS.contains(&&*record.action) {
                continue;
            }
            if let Some((intent, _)) = record.closes {
                said.extend(panels_of(&record).map(|panels| (intent, panels)));
            } else if record.kind == Kind::Intent
                && is_of(&record, digest)
                && let Some(panels) = said.get(&entry.digest())
            {
                return Ok(Some(*panels));
            }
        }
        Ok(None)
    }

    /// Puts on record, and on disk, what a model's weights are when they are repacked, if nothing is on record yet.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub(crate) fn record_panels(&self, executor: &mut Executor, model: &Loaded) -> Result<()> {
        let Some(digests) = model.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        let draft = Draft::new(Kind::Intent, (ActorClass::System, Id::ZERO), policy::authority(), action::MODEL_REPACK)
            .fact(fact::MODEL, Fact::Bytes(model.digest.0.to_vec().into()))
            .fact(fact::MODEL_NAME, Fact::Text(model.model_name.clone().into()));
        let permit = executor.permit(draft, &[])?;
        let made = executor.run(permit, |_, _| {
            let made = self.hasher().make(&model.file, model.digest, &digests);
            self.keep_panels(model.digest, &model.file, &made)?;
            Ok(Done::new((), made.facts()))
        });
        // What could not be kept is on record as failed, and the model runs without; the log's own faults come up again with the act that led here.
        made.map(drop).or(Ok(()))
    }

    pub(crate) fn keep_panels(&self, digest: ModelDigest, file: &ModelFile, made: &Made) -> Result<()> {
        Ok(self.store_models().write_panels(Id(digest.0), &[file.weights().prepare(&*self.crew()), &made.tail], &mut |_| ControlFlow::Continue(()))?)
    }
}
