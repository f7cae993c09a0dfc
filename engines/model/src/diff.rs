//! What differs between two models: settings, tokenizer, template, and of each tensor by how much.
//!
//! Two rows are held against each other at a time, in canonical order whatever the files' order, so that no model is ever whole in f32.

use crate::file::ModelFile;
use crate::tensor::Tensor;
use crate::tokens::Token;
use crate::tokens::vocabulary::Vocabulary;
use mickai_kernels::crew::{Crew, each_row};
use mickai_kernels::dequantise::dequantise;
use mickai_kernels::element::ElementType;

/// All differences of one model from another.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelDiff {
    /// Hyperparameters, and tokens with a purpose, that differ, as people read them: name, first model's, second model's. Tokens are their ids.
    pub settings: Vec<(&'static str, String, String)>,
    /// `None` if the tokenizers have one digest.
    pub tokenizer: Option<TokenizerDiff>,
    /// Is the template another, or in one of the models alone?
    pub is_template_changed: bool,
    /// Every tensor of either, by name.
    pub tensors: Vec<TensorDiff>,
}

/// How two vocabularies differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizerDiff {
    /// Tokens of either.
    pub token_counts: [usize; 2],
    /// Ids whose token is another one, or in one of them alone.
    pub changed_token_count: usize,
    /// Merges of either.
    pub merge_counts: [usize; 2],
    /// Ranks whose merge is another one, or in one of them alone.
    pub changed_merge_count: usize,
    /// Is text cut or normalised in another way?
    pub are_rules_changed: bool,
}

/// One tensor of two models.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorDiff {
    pub name: String,
    /// Shape and type in each; `None` where that model has no such tensor.
    pub sides: [Option<(Vec<usize>, ElementType)>; 2],
    /// `None` where there is nothing to compare: one side is missing or has another shape.
    pub change: Option<Change>,
}

/// The second tensor's values less the first one's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    pub value_count: u64,
    /// Values that are not the same number.
    pub changed_count: u64,
    /// The largest difference.
    pub abs_max: f64,
    /// The mean of the differences' sizes, over all values.
    pub abs_mean: f64,
    /// The Euclidean length of the difference over that of the first; infinite where the first is all zeros and the second is not.
    pub relative: f64,
    /// The cosine of the angle between them; 1 where both are all zeros, 0 where one is.
    pub cosine: f64,
    /// Pairs with a value that is infinite or not a number; left out of the figures above but for `changed_count`.
    pub not_finite_count: u64,
}

impl TensorDiff {
    /// Is everything about it the same: shape, type and every value?
    pub fn is_same(&self) -> bool {
        self.sides[0] == self.sides[1] && self.change.is_some_and(|change| change.changed_count == 0)
    }
}

impl ModelDiff {
    /// Holds the second model against the first. Sums are f64, in the order of rows and columns; the crew takes tensors, so that figures do not depend on it.
    pub fn of(first: &ModelFile, second: &ModelFile, crew: &dyn Crew) -> Self {
        let mut names: Vec<&String> = first.tensors.keys().chain(second.tensors.keys()).collect();
        names.sort();
        names.dedup();
        let mut tensors: Vec<Option<TensorDiff>> = names.iter().map(|_| None).collect();
        each_row(crew, &mut tensors, 1, |index, row| {
            let name = names[index];
            row.fill(Some(tensor_diff(name, first.tensors.get(name), second.tensors.get(name))));
        });
        let is_same_tokenizer = first.tokenizer.digest() == second.tokenizer.digest();
        let template = |model: &ModelFile| model.template().map(|template| template.digest());
        Self {
            settings: settings(first, second),
            tokenizer: (!is_same_tokenizer).then(|| tokenizer_diff(first.tokenizer.vocabulary(), second.tokenizer.vocabulary())),
            is_template_changed: template(first) != template(second),
            tensors: tensors.into_iter().flatten().collect(),
        }
    }

    /// Is there no difference at all?
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.tokenizer.is_none() && !self.is_template_changed && self.tensors.iter().all(TensorDiff::is_same)
    }
}

fn settings(first: &ModelFile, second: &ModelFile) -> Vec<(&'static str, String, String)> {
    let of = |model: &ModelFile| {
        let (config, roles) = (&model.config, model.tokenizer.roles());
        let factors = config.rope_factors.as_ref().map_or_else(|| "none".to_owned(), |factors| format!("{factors:?}"));
        [
            ("architecture", format!("{:?}", config.architecture).to_lowercase()),
            ("vocabulary", config.vocab_count.to_string()),
            ("width", config.width.to_string()),
            ("layers", config.layer_count.to_string()),
            ("heads", config.head_count.to_string()),
            ("kv_heads", config.kv_head_count.to_string()),
            ("head_width", config.head_width.to_string()),
            ("ffn_width", config.ffn_width.to_string()),
            ("context_tokens", config.context_tokens_max.to_string()),
            ("norm_eps", config.norm_eps.to_string()),
            ("rope_base", config.rope_base.to_string()),
            ("rope_factors", factors),
            ("tied", config.tied.to_string()),
            // No digest of the model covers these, and an import refuses a model that is here with others.
            ("bos", ids(&roles.bos)),
            ("adds_bos", roles.adds_bos.to_string()),
            ("eos", ids(&roles.eos)),
            ("eos_written", ids(&roles.eos_written)),
            ("pad", ids(&roles.pad)),
        ]
    };
    of(first).into_iter().zip(of(second)).filter(|(a, b)| a.1 != b.1).map(|((name, a), (_, b))| (name, a, b)).collect()
}

/// The ids of tokens, in their order.
fn ids<'a>(tokens: impl IntoIterator<Item = &'a Token>) -> String {
    let ids: Vec<String> = tokens.into_iter().map(|token| token.0.to_string()).collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
}

fn tokenizer_diff(first: &Vocabulary, second: &Vocabulary) -> TokenizerDiff {
    TokenizerDiff {
        token_counts: [first.entries.len(), second.entries.len()],
        changed_token_count: changed(&first.entries, &second.entries),
        merge_counts: [first.merges.len(), second.merges.len()],
        changed_merge_count: changed(&first.merges, &second.merges),
        are_rules_changed: first.rules != second.rules,
    }
}

/// Places at which two lists differ, those past the end of one among them.
fn changed<T: PartialEq>(first: &[T], second: &[T]) -> usize {
    first.iter().zip(second).filter(|(a, b)| a != b).count() + first.len().abs_diff(second.len())
}

fn tensor_diff(name: &str, first: Option<&Tensor>, second: Option<&Tensor>) -> TensorDiff {
    let side = |tensor: Option<&Tensor>| tensor.map(|tensor| (tensor.shape.clone(), tensor.element));
    let change = first.zip(second).filter(|(a, b)| a.shape == b.shape).map(|(a, b)| change(a, b));
    TensorDiff { name: name.to_owned(), sides: [side(first), side(second)], change }
}

/// Both have one shape.
fn change(first: &Tensor, second: &Tensor) -> Change {
    let width = first.shape.last().copied().unwrap_or(0);
    let (mut a, mut b) = (vec![0f32; width], vec![0f32; width]);
    let mut sums = Sums::default();
    for row in 0..first.row_count() {
        let (left, right) = (first.canonical_row(row), second.canonical_row(row));
        dequantise(first.element, left, &mut a);
        dequantise(second.element, right, &mut b);
        sums.add(&a, &b);
    }
    sums.finish()
}

#[derive(Default)]
struct Sums {
    value_count: u64,
    changed_count: u64,
    not_finite_count: u64,
    abs_max: f64,
    abs_sum: f64,
    squares: f64,
    first_squares: f64,
    second_squares: f64,
    products: f64,
}

impl Sums {
    fn add(&mut self, first: &[f32], second: &[f32]) {
        self.value_count += first.len() as u64;
        for (&a, &b) in first.iter().zip(second) {
            // Two zeros of different signs are the same number, and a NaN is the same as itself.
            self.changed_count += u64::from(a != b && a.to_bits() != b.to_bits());
            if !(a.is_finite() && b.is_finite()) {
                self.not_finite_count += 1;
                continue;
            }
            let (a, b) = (f64::from(a), f64::from(b));
            let d = (b - a).abs();
            self.abs_max = self.abs_max.max(d);
            self.abs_sum += d;
            self.squares += d * d;
            self.first_squares += a * a;
            self.second_squares += b * b;
            self.products += a * b;
        }
    }

    fn finish(self) -> Change {
        let lengths = self.first_squares.sqrt() * self.second_squares.sqrt();
        let cosine = if lengths > 0.0 { (self.products / lengths).clamp(-1.0, 1.0) } else { f64::from(u8::from(self.first_squares == self.second_squares)) };
        let relative = if self.squares == 0.0 { 0.0 } else { (self.squares / self.first_squares).sqrt() };
        Change {
            value_count: self.value_count,
            changed_count: self.changed_count,
            abs_max: self.abs_max,
            abs_mean: self.abs_sum / (self.value_count - self.not_finite_count).max(1) as f64,
            relative,
            cosine,
            not_finite_count: self.not_finite_count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::open_gguf;
    use crate::tensor::RowOrder;
    use mickai_kernels::crew::Serial;
    use std::sync::Arc;

    const MODEL: &[u8] = include_bytes!("../../../spec/vectors/model/llama-64.f32.gguf");

    fn tensor(values: &[f32], shape: &[usize], row_order: RowOrder) -> Tensor {
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let len = bytes.len();
        Tensor::new("t".to_owned(), shape.to_vec(), ElementType::F32, row_order, Arc::new(bytes), 0..len).unwrap()
    }

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-12
    }

    #[test]
    fn figures_are_those_of_their_definitions() {
        let first = tensor(&[3.0, 0.0, 4.0, 0.0], &[2, 2], RowOrder::Canonical);
        let second = tensor(&[3.0, -0.0, 0.0, 4.0], &[2, 2], RowOrder::Canonical);
        let change = change(&first, &second);
        assert_eq!((change.value_count, change.changed_count, change.not_finite_count), (4, 2, 0));
        assert!(close(change.abs_max, 4.0) && close(change.abs_mean, 2.0) && close(change.relative, 32f64.sqrt() / 5.0) && close(change.cosine, 9.0 / 25.0), "{change:?}");
    }

    /// What an import refuses as another model is not called the same here.
    #[test]
    fn tokens_that_begin_and_end_a_text_are_held_against_each_other() {
        // Behind the key: type, value.
        let changed = |key: &str, value: &[u8]| {
            let at = MODEL.windows(key.len()).position(|window| window == key.as_bytes()).unwrap() + key.len() + 4;
            let mut bytes = MODEL.to_vec();
            bytes[at..at + value.len()].copy_from_slice(value);
            open_gguf(Arc::new(bytes)).unwrap()
        };
        let model = open_gguf(Arc::new(MODEL)).unwrap();
        let diff = |other: &ModelFile| ModelDiff::of(&model, other, &Serial);
        assert!(diff(&changed("tokenizer.ggml.add_bos_token", &[1])).is_empty());
        let row = |name: &'static str, first: &str, second: &str| (name, first.to_owned(), second.to_owned());
        for (key, value, expected) in [
            ("tokenizer.ggml.bos_token_id", &3u32.to_le_bytes()[..], vec![row("bos", "507", "3")]),
            ("tokenizer.ggml.bos_token_id", &u32::MAX.to_le_bytes()[..], vec![row("bos", "507", "none")]),
            ("tokenizer.ggml.add_bos_token", &[0][..], vec![row("adds_bos", "true", "false")]),
            ("tokenizer.ggml.eos_token_id", &3u32.to_le_bytes()[..], vec![row("eos", "508, 511", "3, 508, 511"), row("eos_written", "511", "3")]),
        ] {
            let found = diff(&changed(key, value));
            assert_eq!(found.settings, expected, "{key}");
            assert!(!found.is_empty() && found.tokenizer.is_none() && found.tensors.iter().all(TensorDiff::is_same), "{key}");
        }
    }

    #[test]
    fn the_order_of_rows_in_the_file_does_not_count() {
        // One head of width 4: canonical row j·2 + i lies at 2·i + j.
        let canonical = tensor(&[0.0, 1.0, 2.0, 3.0], &[4, 1], RowOrder::Canonical);
        let paired = tensor(&[0.0, 2.0, 1.0, 3.0], &[4, 1], RowOrder::RotaryPairs { head_count: 1 });
        assert!(tensor_diff("t", Some(&canonical), Some(&paired)).is_same());
    }

    #[test]
    fn zeros_and_what_is_no_number_have_an_answer() {
        let zeros = tensor(&[0.0; 2], &[2], RowOrder::Canonical);
        let ones = tensor(&[1.0, f32::NAN], &[2], RowOrder::Canonical);
        let same = change(&zeros, &zeros);
        assert_eq!((same.relative.to_bits(), same.cosine.to_bits(), same.changed_count), (0, 1f64.to_bits(), 0));
        let other = change(&zeros, &ones);
        assert!(other.relative.is_infinite() && close(other.cosine, 0.0) && close(other.abs_mean, 1.0));
        assert_eq!((other.changed_count, other.not_finite_count), (2, 1));
        assert_eq!(change(&ones, &ones).changed_count, 0);
        let longer = tensor(&[0.0; 3], &[3], RowOrder::Canonical);
        let diff = tensor_diff("t", Some(&zeros), Some(&longer));
        assert!(diff.change.is_none() && !diff.is_same() && !tensor_diff("t", None, Some(&zeros)).is_same());
    }
}
