//! A model as its file holds it: hyperparameters, tensors by canonical name, tokenizer, chat template.

use crate::config::Config;
use crate::digest::{self, ModelDigest, TensorDigest};
use crate::error::{Malformed, Misuse, Result};
use crate::forward::Weights;
use crate::generate::Flow;
use crate::tensor::Tensor;
use crate::tokens::{ChatTemplate, Tokenizer};
use mickai_kernels::crew::Crew;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An opened model. Tensors are views on the caller's bytes: whoever changes those bytes changes the model, and its digest tells.
pub struct ModelFile {
    /// What the file calls itself; for people only.
    pub name: Option<Box<str>>,
    pub config: Config,
    /// By canonical (Hugging Face) name.
    pub tensors: BTreeMap<String, Tensor>,
    pub tokenizer: Tokenizer,
    weights: Arc<Weights>,
    template: Option<ChatTemplate>,
}

impl ModelFile {
    pub(crate) fn new(name: Option<&str>, config: Config, tensors: BTreeMap<String, Tensor>, tokenizer: Tokenizer, template: Option<ChatTemplate>) -> Result<Self> {
        let token_count = tokenizer.vocabulary().entries.len();
        if token_count > config.vocab_count {
            return Err(Malformed::VocabularyTooLarge { token_count, embedding_rows: config.vocab_count }.into());
        }
        // Before anything is made of them: one wide vector that many tensors name would be unpacked for each.
        check_apart(tensors.values())?;
        let weights = Arc::new(Weights::bind(&config, &tensors)?);
        Ok(Self { name: name.map(Into::into), config, tensors, tokenizer, weights, template })
    }

    /// The weights, found and checked against the hyperparameters when the model was opened.
    pub fn weights(&self) -> Arc<Weights> {
        self.weights.clone()
    }

    /// The chat template, if the file carries one.
    pub fn template(&self) -> Option<&ChatTemplate> {
        self.template.as_ref()
    }

    /// The chat template; [`Misuse::TemplateMissing`] if the file carries none.
    pub fn require_template(&self) -> Result<&ChatTemplate> {
        self.template.as_ref().ok_or(Misuse::TemplateMissing.into())
    }

    /// The content digest that names the model (`spec/model.md`). Reads every byte of the weights.
    pub fn digest(&self) -> ModelDigest {
        let digests: Vec<_> = self.tensors.values().map(digest::tensor_digest).collect();
        digest::model(&self.config, &self.tensors, &digests, self.tokenizer.digest())
    }

    /// The digests of all tensors in the order of their names, several at a time. `each` hears how many bytes more were read; `None` if it stopped the work.
    pub fn tensor_digests(&self, crew: &dyn Crew, each: &(dyn Fn(u64) -> Flow + Sync)) -> Option<Vec<TensorDigest>> {
        digest::tensors(crew, &self.tensors, each)
    }

    /// The name of the model if its tensors have these digests; hyperparameters and tokenizer are those that were read. `None` if there are more or fewer than tensors.
    pub fn digest_with(&self, digests: &[TensorDigest]) -> Option<ModelDigest> {
        (digests.len() == self.tensors.len()).then(|| digest::model(&self.config, &self.tensors, digests, self.tokenizer.digest()))
    }

    /// The tensors whose stored bytes are still read when the others' were repacked: norms, biases, and an embedding table that is not the output projection too.
    pub fn unpacked(&self) -> impl Iterator<Item = &Tensor> {
        let packed = self.weights.packed_names();
        self.tensors.values().filter(move |tensor| !packed.contains(tensor.name.as_str()))
    }

    /// Bytes of all tensors as stored.
    pub fn tensor_bytes(&self) -> u64 {
        self.tensors.values().map(|tensor| tensor.bytes().len() as u64).sum()
    }

    /// Numbers in all tensors.
    pub fn parameter_count(&self) -> u64 {
        self.tensors.values().map(|tensor| tensor.shape.iter().map(|&d| d as u64).product::<u64>()).sum()
    }
}

/// No byte is of two tensors: a small file could otherwise ask for the memory of a large model.
pub(super) fn check_apart<'a>(tensors: impl Iterator<Item = &'a Tensor>) -> Result<()> {
    let mut places: Vec<_> = tensors.map(|tensor| (tensor.bytes().as_ptr_range(), &tensor.name)).collect();
    places.sort_by_key(|(place, _)| (place.start, place.end));
    match places.array_windows().find(|[(before, _), (place, _)]| place.start < before.end) {
        Some([_, (_, name)]) => Err(Malformed::TensorRange { name: name.as_str().into() }.into()),
        None => Ok(()),
    }
}
