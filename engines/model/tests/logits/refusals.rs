//! What a session and the binding of weights refuse, each with what to do about it.

use crate::vectors::{gguf, session, weights};
use mickai_kernels::crew::Serial;
use mickai_kernels::element::ElementType;
use mickai_kernels::isa::Isa;
use mickai_model::error::{Error, Malformed, Misbehaved, Misuse, Unsupported};
use mickai_model::file::ModelFile;
use mickai_model::forward::{Session, Weights};
use mickai_model::tensor::{RowOrder, Tensor};
use mickai_model::tokens::Token;
use std::sync::Arc;

fn bind_error(change: impl Fn(&mut ModelFile)) -> Error {
    let mut model = gguf("llama-64.f32");
    change(&mut model);
    Weights::bind(&model.config, &model.tensors).err().unwrap()
}

/// A tensor that is one value throughout.
pub fn plain(name: &str, shape: &[usize], value: f32) -> Tensor {
    let bytes: Vec<u8> = value.to_le_bytes().repeat(shape.iter().product());
    let len = bytes.len();
    Tensor::new(name.into(), shape.to_vec(), ElementType::F32, RowOrder::Canonical, Arc::new(bytes), 0..len).unwrap()
}

#[test]
fn a_context_is_never_cut_silently() {
    let weights = weights(&gguf("llama-64.f32"));
    let mut session = Session::new(weights.clone(), 10, Arc::new(Serial), Isa::best()).unwrap();
    session.feed(&[Token(1); 8]).unwrap();
    let before = session.logits().to_vec();
    let error = session.feed(&[Token(1); 3]).unwrap_err();
    assert_eq!(error, Misuse::PromptTooLong { prompt_tokens: 11, context_tokens_max: 10 }.into());
    assert!(error.to_string().contains("11") && error.to_string().contains("10"));
    assert_eq!(session.feed(&[]).unwrap_err(), Misuse::PromptEmpty.into());
    assert_eq!(session.feed(&[Token(1), Token(512)]).unwrap_err(), Misuse::TokenUnknown(512).into());
    assert_eq!((session.position(), session.logits()), (8, &before[..]));
    session.feed(&[Token(1); 2]).unwrap();

    let too_long = Session::new(weights, 2049, Arc::new(Serial), Isa::best()).err();
    assert_eq!(too_long, Some(Misuse::ContextTooLong { asked_tokens: 2049, context_tokens_max: 2048 }.into()));
}

#[test]
fn weights_that_do_not_fit_the_architecture_are_refused() {
    const NAME: &str = "model.layers.1.mlp.up_proj.weight";
    let missing = bind_error(|model| drop(model.tensors.remove(NAME)));
    assert_eq!(missing, Malformed::TensorMissing { name: NAME.into() }.into());

    let shape = bind_error(|model| drop(model.tensors.insert(NAME.into(), plain(NAME, &[64, 160], 0.0))));
    assert_eq!(shape, Malformed::TensorShape { name: NAME.into(), expected: vec![160, 64], found: vec![64, 160] }.into());

    let extra = bind_error(|model| drop(model.tensors.insert("model.layers.0.self_attn.q_norm.weight".into(), plain("q_norm", &[16], 1.0))));
    assert_eq!(extra, Unsupported::Tensor { name: "model.layers.0.self_attn.q_norm.weight".into() }.into());

    let layers = bind_error(|model| model.config.layer_count = 1);
    assert!(matches!(layers, Error::Unsupported(Unsupported::Tensor { ref name }) if name.starts_with("model.layers.1.")), "{layers}");

    let heads = bind_error(|model| model.config.kv_head_count = 3);
    assert_eq!(heads, Malformed::Hyperparameters { key: "key-value head count" }.into());

    let factors = bind_error(|model| model.config.rope_factors = Some(vec![1.0; 3]));
    assert_eq!(factors, Malformed::Hyperparameters { key: "rope factors" }.into());

    let nothing = bind_error(|model| model.config.vocab_count = 0);
    assert_eq!(nothing, Malformed::Hyperparameters { key: "vocabulary size" }.into());
}

#[test]
fn scores_that_are_not_numbers_are_an_error_and_leave_the_context_as_it_was() {
    let mut model = gguf("llama-64.q8_0");
    model.tensors.insert("model.norm.weight".into(), plain("model.norm.weight", &[64], f32::NAN));
    let mut session = session(&weights(&model));
    assert_eq!(session.feed(&[Token(1); 70]).unwrap_err(), Misbehaved::LogitNotFinite { index: 0 }.into());
    assert!(session.position() == 0 && session.logits().is_empty());
}
