//! The digests that name a model, its tokenizer, its template, and where its texts begin and end (`spec/model.md`).

use crate::config::{Architecture, Config};
use crate::file::ModelFile;
use crate::forward::Factors;
use crate::generate::Flow;
use crate::tensor::{RowOrder, Tensor};
use crate::tokens::vocabulary::{TokenKind, Vocabulary};
use crate::tokens::{ChatTemplate, Token};
use mickai_kernels::crew::{Crew, each_row};
use sha3::{Digest, Sha3_256};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

macro_rules! digest_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

digest_type! {
    /// Names a model by its content: architecture, hyperparameters, weights, tokenizer.
    ModelDigest
}
digest_type! {
    /// Names a tokenizer by its canonical form.
    TokenizerDigest
}
digest_type! {
    /// Names a chat template by its text.
    TemplateDigest
}
digest_type! {
    /// Names where an act's texts begin and end: what a model's files say of it that no other digest covers.
    EdgesDigest
}
digest_type! {
    /// Names an adapter by its content: scale, rank, weights.
    AdapterDigest
}
digest_type! {
    /// Names a tensor by its bytes in canonical row order.
    TensorDigest
}

/// An act that reads where texts begin and end.
#[derive(Clone, Copy, Debug)]
pub enum EdgesOf<'a> {
    /// A generation: from a conversation, which this template writes, or from a text, which none does.
    Generation(Option<&'a ChatTemplate>),
    /// Embeddings; their texts go through no template.
    Embeddings,
}

/// The model's name, from the digests of its tensors in the order of their names: SHA3-256 of the canonical CBOR of `spec/model.md`, "Model digest".
pub(crate) fn model(config: &Config, tensors: &BTreeMap<String, Tensor>, digests: &[TensorDigest], tokenizer: TokenizerDigest) -> ModelDigest {
    let bits = |x: f32| Item::Unsigned(u64::from(x.to_bits()));
    let count = |n: usize| Item::Unsigned(n as u64);
    let architecture = match config.architecture {
        Architecture::Llama => "llama",
        Architecture::Qwen2 => "qwen2",
    };
    let mut map = vec![
        ("form", Item::text("mickai model 1")),
        ("architecture", Item::text(architecture)),
        ("vocab_count", count(config.vocab_count)),
        ("width", count(config.width)),
        ("layer_count", count(config.layer_count)),
        ("head_count", count(config.head_count)),
        ("kv_head_count", count(config.kv_head_count)),
        ("head_width", count(config.head_width)),
        ("ffn_width", count(config.ffn_width)),
        ("norm_eps", bits(config.norm_eps)),
        ("rope_base", bits(config.rope_base)),
        ("tied", Item::Bool(config.tied)),
        ("tokenizer", Item::Bytes(tokenizer.0.to_vec())),
        ("tensors", Item::Array(tensors.values().zip(digests).map(|(tensor, digest)| tensor_item(tensor, *digest)).collect())),
    ];
    // A model that does not scale its rope has no such key: absent and all ones are the same arithmetic.
    if let Some(factors) = config.rope_factors.as_ref().filter(|factors| factors.iter().any(|&f| f != 1.0)) {
        map.push(("rope_factors", Item::Array(factors.iter().map(|&f| bits(f)).collect())));
    }
    ModelDigest(sha3(&Item::Map(map).encode()))
}

/// An adapter's name: SHA3-256 of the canonical CBOR of `spec/model.md`, "Adapter digest".
pub(crate) fn adapter(scale: f32, rank: usize, factors: &Factors) -> AdapterDigest {
    let item = |(name, (down, up)): (&String, &(Tensor, Tensor))| {
        let half = |tensor: &Tensor| [Item::text(tensor.element.name()), Item::Bytes(tensor_digest(tensor).0.to_vec())];
        Item::Array([Item::text(name)].into_iter().chain(half(down)).chain(half(up)).collect())
    };
    let map = vec![
        ("form", Item::text("mickai adapter 1")),
        ("scale", Item::Unsigned(u64::from(scale.to_bits()))),
        ("rank", Item::Unsigned(rank as u64)),
        ("factors", Item::Array(factors.iter().map(item).collect())),
    ];
    AdapterDigest(sha3(&Item::Map(map).encode()))
}

fn tensor_item(tensor: &Tensor, digest: TensorDigest) -> Item {
    let shape = tensor.shape.iter().map(|&d| Item::Unsigned(d as u64)).collect();
    Item::Array(vec![Item::text(&tensor.name), Item::Array(shape), Item::text(tensor.element.name()), Item::Bytes(digest.0.to_vec())])
}

/// SHA3-256 of every tensor, in the order of their names. The crew takes the largest first, so that no hand is left alone with it at the end; `each` hears of the bytes of every tensor
/// that is done, and ends the work by [`Flow::Stop`]: then there is no answer.
pub(crate) fn tensors(crew: &dyn Crew, tensors: &BTreeMap<String, Tensor>, each: &(dyn Fn(u64) -> Flow + Sync)) -> Option<Vec<TensorDigest>> {
    let in_order: Vec<&Tensor> = tensors.values().collect();
    let mut by_size: Vec<(usize, Option<TensorDigest>)> = (0..in_order.len()).map(|index| (index, None)).collect();
    by_size.sort_by_key(|(index, _)| std::cmp::Reverse(in_order[*index].bytes().len()));
    let is_stopped = AtomicBool::new(false);
    each_row(crew, &mut by_size, 1, |_, row| {
        for (index, digest) in row.iter_mut().filter(|_| !is_stopped.load(Ordering::Relaxed)) {
            let tensor = in_order[*index];
            *digest = Some(tensor_digest(tensor));
            if each(tensor.bytes().len() as u64) == Flow::Stop {
                is_stopped.store(true, Ordering::Relaxed);
            }
        }
    });
    by_size.sort_by_key(|(index, _)| *index);
    by_size.into_iter().map(|(_, digest)| digest).collect()
}

/// SHA3-256 of a tensor's stored bytes, rows in canonical order.
pub(crate) fn tensor_digest(tensor: &Tensor) -> TensorDigest {
    let mut hash = Sha3_256::new();
    match tensor.row_order {
        RowOrder::Canonical => hash.update(tensor.bytes()),
        RowOrder::RotaryPairs { .. } => (0..tensor.row_count()).for_each(|row| hash.update(tensor.canonical_row(row))),
    }
    TensorDigest(hash.finalize().into())
}

/// SHA3-256 of the canonical CBOR of `spec/model.md`, "Tokenizer digest".
pub(crate) fn tokenizer(vocabulary: &Vocabulary) -> TokenizerDigest {
    let kind = |kind| match kind {
        TokenKind::Unused => 0,
        TokenKind::Normal => 1,
        TokenKind::Control => 2,
        TokenKind::Added => 3,
    };
    let tokens = pairs(&vocabulary.entries, |entry, out| {
        head(out, 0, kind(entry.kind));
        head(out, 2, entry.bytes.len() as u64);
        out.extend_from_slice(&entry.bytes);
    });
    let merges = pairs(&vocabulary.merges, |(left, right), out| [left, right].into_iter().for_each(|token| head(out, 0, u64::from(token.0))));
    let map = vec![
        ("form", Item::text("mickai tokenizer 1")),
        ("pre_tokenizer", Item::text(vocabulary.rules.pre_tokenizer.pattern())),
        ("nfc", Item::Bool(vocabulary.rules.nfc)),
        ("ignore_merges", Item::Bool(vocabulary.rules.ignore_merges)),
        ("tokens", tokens),
        ("merges", merges),
    ];
    TokenizerDigest(sha3(&Item::Map(map).encode()))
}

/// An array of arrays of two, written at once: there may be a million.
fn pairs<T>(items: &[T], write: impl Fn(&T, &mut Vec<u8>)) -> Item {
    let mut out = Vec::new();
    head(&mut out, 4, items.len() as u64);
    for item in items {
        head(&mut out, 4, 2);
        write(item, &mut out);
    }
    Item::Encoded(out)
}

/// SHA3-256 of the template's UTF-8 bytes.
pub(crate) fn template(source: &str) -> TemplateDigest {
    TemplateDigest(sha3(source.as_bytes()))
}

/// SHA3-256 of the canonical CBOR of `spec/model.md`, "Edges digest". What the act does not read is left out: two forms of one model often differ in a token that nothing writes.
pub fn edges(model: &ModelFile, act: EdgesOf<'_>) -> EdgesDigest {
    let roles = model.tokenizer.roles();
    let id = |token: Token| Item::Unsigned(u64::from(token.0));
    let mut map = vec![("form", Item::text("mickai edges 1")), ("context", Item::Unsigned(model.config.context_tokens_max as u64))];
    let template = match act {
        EdgesOf::Generation(template) => {
            map.push(("ends", Item::Array(roles.eos.iter().copied().map(id).collect())));
            template
        }
        EdgesOf::Embeddings => None,
    };
    // Whatever a template writes of these, it has under a name that stands in its text.
    let names = |name: &str| template.is_some_and(|template| template.source().contains(name));
    let begins = if template.is_some() { names("bos_token") } else { roles.adds_bos };
    let written = [("bos", roles.bos, begins), ("eos", roles.eos_written, names("eos_token")), ("pad", roles.pad, names("pad_token"))];
    map.extend(written.into_iter().filter(|(.., is_read)| *is_read).filter_map(|(key, token, _)| Some((key, id(token?)))));
    EdgesDigest(sha3(&Item::Map(map).encode()))
}

fn sha3(bytes: &[u8]) -> [u8; 32] {
    Sha3_256::digest(bytes).into()
}

/// What the canonical forms are made of: deterministic CBOR (RFC 8949, 4.2.1) without floats, tags and null.
enum Item {
    Unsigned(u64),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Item>),
    Map(Vec<(&'static str, Item)>),
    Bool(bool),
    /// In this form already.
    Encoded(Vec<u8>),
}

impl Item {
    fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Unsigned(n) => head(out, 0, *n),
            Self::Bytes(bytes) => {
                head(out, 2, bytes.len() as u64);
                out.extend_from_slice(bytes);
            }
            Self::Text(text) => {
                head(out, 3, text.len() as u64);
                out.extend_from_slice(text.as_bytes());
            }
            Self::Array(items) => {
                head(out, 4, items.len() as u64);
                items.iter().for_each(|item| item.write(out));
            }
            Self::Map(pairs) => {
                head(out, 5, pairs.len() as u64);
                // Sorted by their encoded bytes: shorter keys first.
                let mut pairs: Vec<_> = pairs.iter().map(|(key, item)| (Self::text(key).encode(), item)).collect();
                pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
                for (key, item) in pairs {
                    out.extend_from_slice(&key);
                    item.write(out);
                }
            }
            Self::Bool(value) => out.push(if *value { 0xf5 } else { 0xf4 }),
            Self::Encoded(bytes) => out.extend_from_slice(bytes),
        }
    }
}

/// Major type and argument in the fewest bytes.
fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let bytes = argument.to_be_bytes();
    let (code, start) = match argument {
        // Below 24 the argument is the low five bits.
        0..=23 => (bytes[7], 8),
        24..=0xff => (24, 7),
        0x100..=0xffff => (25, 6),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 0),
    };
    out.push(major << 5 | code);
    out.extend_from_slice(&bytes[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::open_gguf;
    use std::sync::Arc;

    const MODEL: &[u8] = include_bytes!("../../../spec/vectors/model/llama-64.f32.gguf");

    /// Examples of RFC 8949, appendix A, and its order of keys.
    #[test]
    fn cbor_is_deterministic() {
        let hex = |item: Item| item.encode().iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(hex(Item::Unsigned(23)), "17");
        assert_eq!(hex(Item::Unsigned(24)), "1818");
        assert_eq!(hex(Item::Unsigned(1000)), "1903e8");
        assert_eq!(hex(Item::Unsigned(1_000_000)), "1a000f4240");
        assert_eq!(hex(Item::Unsigned(1_000_000_000_000)), "1b000000e8d4a51000");
        assert_eq!(hex(Item::Array(vec![Item::Bytes(vec![1, 2]), Item::text("ü"), Item::Bool(true)])), "8342010262c3bcf5");
        assert_eq!(hex(Item::Map(vec![("bb", Item::Unsigned(1)), ("z", Item::Unsigned(2)), ("a", Item::Unsigned(3))])), "a3616103617a0262626201");
    }

    /// The model's edges for a text, for a conversation by its own template and by one that writes the end token alone, and for embeddings.
    fn all_edges(model: &ModelFile) -> [EdgesDigest; 4] {
        let other = ChatTemplate::new("{{ messages[0].content + eos_token }}");
        let acts = [EdgesOf::Generation(None), EdgesOf::Generation(model.template()), EdgesOf::Generation(Some(&other)), EdgesOf::Embeddings];
        acts.map(|act| edges(model, act))
    }

    /// The figures are those of a plain reading of the page with Python's hashlib. The model's own template writes the token that begins a text.
    #[test]
    fn edges_are_what_an_act_reads() {
        let model = open_gguf(Arc::new(MODEL)).unwrap();
        let begun = "aeb0b4216dcab4d0a8b9c9fd0066e42d11ccb7c32d84cac66483515f7e989d2a";
        let ended = "32de75a9e665480ed9b773216c6184d5d0e419a0bb23c574f0d6d7cdfb15c36e";
        let embedded = "be292da9d92d6f0388f9b834613ca83eaec6e59a25e0de3daa38846b02ebc8ac";
        let found = all_edges(&model);
        assert_eq!(found.map(|digest| digest.to_string()), [begun, begun, ended, embedded]);
        for (key, value, is_changed) in [
            ("tokenizer.ggml.eos_token_id", &3u32.to_le_bytes()[..], [true, true, true, false]),
            // An end already: what changes is what a template sees.
            ("tokenizer.ggml.eos_token_id", &508u32.to_le_bytes()[..], [false, false, true, false]),
            ("tokenizer.ggml.bos_token_id", &3u32.to_le_bytes()[..], [true, true, false, true]),
            ("tokenizer.ggml.add_bos_token", &[0][..], [true, false, false, true]),
            ("llama.context_length", &1024u32.to_le_bytes()[..], [true; 4]),
        ] {
            // Behind the key: type, value.
            let at = MODEL.windows(key.len()).position(|window| window == key.as_bytes()).unwrap() + key.len() + 4;
            let mut bytes = MODEL.to_vec();
            bytes[at..at + value.len()].copy_from_slice(value);
            let other = open_gguf(Arc::new(bytes)).unwrap();
            let changed: Vec<bool> = found.iter().zip(all_edges(&other)).map(|(before, after)| *before != after).collect();
            assert_eq!(changed, is_changed, "{key}");
            assert_eq!(other.digest(), model.digest(), "{key}: the model's name is the same");
        }
    }
}
