//! Everything that can go wrong with a model, by who is at fault: the file, the model, what this crate supports, the caller.

use mickai_kernels::element::ElementType;
use std::fmt;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, by who is at fault.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// The file's bytes break its format: damaged, truncated or crafted.
    Malformed(Malformed),
    /// The file is well-formed, but asks for something that this program does not do.
    Unsupported(Unsupported),
    /// The model or its template did something that it may not at run time.
    Misbehaved(Misbehaved),
    /// The caller asked for something that cannot be done.
    Misuse(Misuse),
}

/// How a model file is broken. Offsets and sizes are in bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Malformed {
    /// The file does not begin with the bytes of its format.
    Magic,
    /// The file ends before the item that starts at `offset` and needs `needed` bytes.
    Truncated { offset: u64, needed: u64, available: u64 },
    /// A count beyond what any real model needs, or beyond what the file could hold.
    TooMany { what: Part, count: u64, max: u64 },
    /// A text is not UTF-8.
    NotUtf8 { what: Part },
    /// The same name twice.
    Duplicate { what: Part, name: Box<str> },
    /// A required metadata key or JSON field is not there.
    KeyMissing { key: Box<str> },
    /// A metadata key or JSON field has a value of the wrong type or outside its range.
    KeyInvalid { key: Box<str> },
    /// A JSON file does not parse.
    Json { file: Box<str>, line: usize, column: usize },
    /// A file of the folder that another one names is not there.
    FileMissing { name: Box<str> },
    /// A tensor's bytes lie outside the file, overlap its header or are not as many as its shape and type say.
    TensorRange { name: Box<str> },
    /// A tensor that the architecture needs is not there.
    TensorMissing { name: Box<str> },
    /// A tensor's shape is not what the hyperparameters say.
    TensorShape { name: Box<str>, expected: Vec<usize>, found: Vec<usize> },
    /// Hyperparameters contradict each other.
    Hyperparameters { key: &'static str },
    /// The file carries no tokenizer.
    TokenizerMissing,
    /// A token's text uses characters outside the byte-level alphabet, or is empty, or doubles another.
    TokenText { index: u32 },
    /// A merge names a token that the vocabulary lacks.
    Merge { index: u32 },
    /// The vocabulary has no token for this single byte, so some texts could not be encoded.
    ByteMissing { byte: u8 },
    /// More tokens than rows in the embedding table.
    VocabularyTooLarge { token_count: usize, embedding_rows: usize },
}

/// What this program does not do.
#[derive(Clone, Debug, PartialEq)]
pub enum Unsupported {
    /// A version of the GGUF format other than 2 and 3.
    GgufVersion(u32),
    /// A GGUF metadata value type that no version defines, or an array inside an array.
    GgufValueType(u32),
    /// An architecture other than `llama` and `qwen2`.
    Architecture(Box<str>),
    /// A ggml tensor type, by its number, in this tensor.
    GgmlType { name: Box<str>, number: u32 },
    /// A safetensors element type in this tensor.
    ElementType { name: Box<str>, element: Box<str> },
    /// A tensor that the architecture as built here does not use: leaving it out would change the model.
    Tensor { name: Box<str> },
    /// A metadata key or JSON field with a value that changes the arithmetic in a way not built here.
    Setting { key: Box<str>, value: Box<str> },
    /// A tokenizer other than byte-level BPE.
    TokenizerKind(Box<str>),
    /// A pre-tokenizer that is not known by this name.
    PreTokenizer(Box<str>),
    /// A normaliser other than none and NFC.
    Normaliser(Box<str>),
    /// An added token with matching rules of its own (strip, whole word, a single character).
    AddedToken(Box<str>),
}

/// What a model did that it may not.
#[derive(Clone, Debug, PartialEq)]
pub enum Misbehaved {
    /// A logit is infinite or not a number.
    LogitNotFinite { index: usize },
    /// The final hidden state of this input has no direction: it is zero, a value of it is infinite or not a number, or it is so large or so small that no f32 holds the sum of its squares.
    NoDirection { input: usize },
    /// The chat template does not compile or failed on this conversation.
    Template { line: usize, detail: Box<str> },
    /// The chat template itself refused the conversation, in its own words.
    TemplateRefused(Box<str>),
    /// The chat template wrote more than a prompt may hold.
    TemplateTooLong { bytes: usize, max: usize },
    /// The chat template writes another text because of what a message holds, and does not find it there when it is kept apart from the template's own tokens.
    TemplateLooks,
    /// The chat template took more steps than it may.
    TemplateSteps { max: u64 },
    /// The system refused the thread that a chat template runs on.
    TemplateThread { stack_bytes: usize },
    /// The tokenizer failed on a text.
    Tokenizer,
}

/// What the caller cannot ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Misuse {
    /// A conversation was given to a model whose file carries no chat template.
    TemplateMissing,
    /// A prompt without tokens.
    PromptEmpty,
    /// The prompt does not leave room for one token in the context.
    PromptTooLong { prompt_tokens: usize, context_tokens_max: usize },
    /// A context longer than the model was made for.
    ContextTooLong { asked_tokens: usize, context_tokens_max: usize },
    /// The cache of keys and values has no room for so many pages beside those that are promised.
    CacheFull { asked_pages: usize, promised_pages: usize, page_count_max: usize },
    /// An adapter for models of another shape.
    AdapterForeign,
    /// An adapter whose tensor is of a layer that the model lacks.
    AdapterLayer { name: Box<str>, layer_count: usize },
    /// A text beyond the limit.
    TextTooLong { bytes: usize, max: usize },
    /// More white space in a row than can be cut into pieces.
    TooMuchSpace { max: usize },
    /// A token that the vocabulary lacks.
    TokenUnknown(u32),
    /// Dimensions that a vector of this model does not have.
    Dimensions { asked: usize, max: usize },
    /// A sampler parameter outside its range.
    Sampler { parameter: &'static str, value: f32 },
    /// The constraint allows no token and does not allow the end either.
    ConstraintDeadEnd,
    /// The conversation uses all characters that are set aside for sealing it.
    TextUnsealable,
    /// A date that does not exist.
    Date { year: u16, month: u8, day: u8 },
}

/// Parts of a file that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Metadata,
    MetadataKey,
    MetadataString,
    MetadataArray,
    Tensors,
    TensorName,
    TensorDimensions,
    TensorElements,
    HeaderBytes,
    JsonBytes,
    JsonValues,
    Tokens,
    MarkupBytes,
    Merges,
    Template,
    Shards,
    ScratchBytes,
    PageBytes,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata entries",
            Self::MetadataKey => "metadata key bytes",
            Self::MetadataString => "metadata string bytes",
            Self::MetadataArray => "metadata array elements",
            Self::Tensors => "tensors",
            Self::TensorName => "tensor name bytes",
            Self::TensorDimensions => "tensor dimensions",
            Self::TensorElements => "tensor elements",
            Self::HeaderBytes => "header bytes",
            Self::JsonBytes => "JSON bytes",
            Self::JsonValues => "JSON values",
            Self::Tokens => "tokens",
            Self::MarkupBytes => "bytes of a control token",
            Self::Merges => "merges",
            Self::Template => "template bytes",
            Self::Shards => "shards",
            Self::ScratchBytes => "bytes of intermediate values",
            Self::PageBytes => "bytes of a page of keys and values",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(e) => e.fmt(f),
            Self::Unsupported(e) => e.fmt(f),
            Self::Misbehaved(e) => e.fmt(f),
            Self::Misuse(e) => e.fmt(f),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => write!(f, "not a GGUF file: the first four bytes are not \"GGUF\"; give a .gguf file or a folder with config.json"),
            Self::Truncated { offset, needed, available } => {
                write!(f, "the file is cut off: {needed} bytes needed at offset {offset}, {available} there; fetch it again")
            }
            Self::TooMany { what, count, max } => write!(f, "{count} {} where at most {max} can be; the file is damaged or crafted, fetch it again", what.name()),
            Self::NotUtf8 { what } => write!(f, "{} that are not UTF-8; the file is damaged, fetch it again", what.name()),
            Self::Duplicate { what, name } => write!(f, "{} hold {name:?} twice; the file is damaged or crafted, fetch it again", what.name()),
            Self::KeyMissing { key } => write!(f, "the model's settings lack {key:?}; convert or fetch the model again"),
            Self::KeyInvalid { key } => write!(f, "the model's setting {key:?} has a value of the wrong type or range; convert or fetch the model again"),
            Self::Json { file, line, column } => write!(f, "{file} is not the JSON it should be, at line {line} column {column}; fetch it again"),
            Self::FileMissing { name } => write!(f, "the folder lacks {name}; fetch it from where the model came from"),
            Self::TensorRange { name } => write!(f, "tensor {name} does not lie where the file says; the file is cut off or damaged, fetch it again"),
            Self::TensorMissing { name } => write!(f, "tensor {name} is missing; the file is incomplete, fetch it again"),
            Self::TensorShape { name, expected, found } => {
                write!(f, "tensor {name} has shape {found:?} where the settings say {expected:?}; settings and weights are of different models")
            }
            Self::Hyperparameters { key } => write!(f, "the model's {key} contradicts its other settings; convert or fetch the model again"),
            Self::TokenizerMissing => write!(f, "the model carries no tokenizer; add its tokenizer.json to the folder, or convert the GGUF file again with its vocabulary"),
            Self::TokenText { index } => write!(f, "token {index} of the vocabulary is empty, doubled or outside the byte-level alphabet; fetch the model again"),
            Self::Merge { index } => write!(f, "merge {index} of the tokenizer names a token that the vocabulary lacks; fetch the model again"),
            Self::ByteMissing { byte } => write!(f, "the vocabulary has no token for byte {byte:#04x}; this tokenizer cannot encode every text, use another model"),
            Self::VocabularyTooLarge { token_count, embedding_rows } => {
                write!(f, "the tokenizer has {token_count} tokens, the embedding table {embedding_rows} rows; tokenizer and weights are of different models")
            }
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GgufVersion(version) => write!(f, "GGUF version {version} is not supported; versions 2 and 3, little-endian, are"),
            Self::GgufValueType(number) => write!(f, "GGUF metadata of value type {number} is not supported; convert the model again"),
            Self::Architecture(name) => write!(f, "architecture {name:?} is not supported; llama and qwen2 are"),
            Self::GgmlType { name, number } => {
                let known = ElementType::ALL.map(|element| element.name().to_uppercase()).join(", ");
                write!(f, "tensor {name} has ggml type {number}, which is not supported; use a file in one of {known}")
            }
            Self::ElementType { name, element } => write!(f, "tensor {name} has type {element}, which is not supported; F32, F16 and BF16 are"),
            Self::Tensor { name } => write!(f, "tensor {name} belongs to a variant of the architecture that is not supported; use a plain llama or qwen2 model"),
            Self::Setting { key, value } => write!(f, "{key} = {value} is not supported; use a plain llama or qwen2 model"),
            Self::TokenizerKind(kind) => write!(f, "tokenizer kind {kind:?} is not supported; byte-level BPE is"),
            Self::PreTokenizer(name) => write!(f, "pre-tokenizer {name:?} is not supported; llama-bpe and qwen2 are"),
            Self::Normaliser(name) => write!(f, "text normaliser {name:?} is not supported; none and NFC are"),
            Self::AddedToken(content) => write!(f, "added token {content:?} has matching rules that are not supported; use another model"),
        }
    }
}

impl fmt::Display for Misbehaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDirection { input } => {
                write!(f, "the model gave input {input} no direction: its final state is zero, not finite, or too large or too small to be measured; import it again")
            }
            Self::LogitNotFinite { index } => write!(f, "the model gave token {index} a score that is not a finite number; its weights are damaged, import it again"),
            Self::Template { line, detail } => write!(f, "the model's chat template failed at line {line}: {detail}; use another model or ask without a template"),
            Self::TemplateRefused(words) => write!(f, "the model's chat template refuses this conversation: {words}"),
            Self::TemplateLooks => write!(
                f,
                "the model's chat template looks for control tokens in messages, where they are kept text: take what is written like one (`</think>`) out of the messages"
            ),
            Self::TemplateSteps { max } => write!(f, "the model's chat template takes more than {max} steps for this conversation; shorten it"),
            Self::TemplateTooLong { bytes, max } => write!(f, "the model's chat template wrote {bytes} bytes, at most {max} are taken; shorten the conversation"),
            Self::TemplateThread { stack_bytes } => {
                write!(
                    f,
                    "the system refuses a thread with {stack_bytes} bytes of stack for the model's chat template; end other programs, or raise its limits on memory and threads"
                )
            }
            Self::Tokenizer => write!(f, "the model's tokenizer failed on this text; use another model"),
        }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TemplateMissing => write!(f, "the model's file carries no chat template; use an instruction-tuned model, or ask without a template"),
            Self::PromptEmpty => write!(f, "the prompt is empty; write something to ask"),
            Self::PromptTooLong { prompt_tokens, context_tokens_max } => {
                write!(f, "the prompt has {prompt_tokens} tokens and the model's context holds {context_tokens_max}, answer included; shorten the prompt")
            }
            Self::ContextTooLong { asked_tokens, context_tokens_max } => {
                write!(f, "a context of {asked_tokens} tokens is more than the {context_tokens_max} that the model was made for; ask for less")
            }
            Self::CacheFull { asked_pages, promised_pages, page_count_max } => {
                write!(
                    f,
                    "the cache holds {page_count_max} pages of 256 tokens, of which {promised_pages} are promised, and {asked_pages} more do not fit; ask for fewer tokens, or again when others have ended"
                )
            }
            Self::AdapterForeign => write!(f, "the adapter was made for a model of another shape; use it with the model that it was trained on"),
            Self::AdapterLayer { name, layer_count } => {
                write!(f, "the adapter's tensor {name} is of a layer beyond the {layer_count} that the model has; use it with the model that it was trained on")
            }
            Self::TextTooLong { bytes, max } => write!(f, "the text has {bytes} bytes, at most {max} are taken; shorten it"),
            Self::TooMuchSpace { max } => write!(f, "the text has more than {max} white space characters in a row; shorten them"),
            Self::TokenUnknown(index) => write!(f, "token {index} is not in the model's vocabulary; the tokens are of another model"),
            Self::Dimensions { asked, max } => write!(f, "a vector of this model has 1 to {max} dimensions, not {asked}"),
            Self::Sampler { parameter, value } => write!(f, "{parameter} cannot be {value}; see `ask --help` for its range"),
            Self::ConstraintDeadEnd => write!(f, "no token of the vocabulary continues the constrained answer; the grammar and the model do not fit together"),
            Self::TextUnsealable => write!(f, "the conversation uses all 32 characters U+FDD0 to U+FDEF; remove one of them"),
            Self::Date { year, month, day } => write!(f, "{year:04}-{month:02}-{day:02} is not a date; give one of the calendar"),
        }
    }
}

impl std::error::Error for Error {}

macro_rules! fault {
    ($($fault:ident),*) => {$(
        impl From<$fault> for Error {
            fn from(fault: $fault) -> Self {
                Self::$fault(fault)
            }
        }
    )*};
}

fault!(Malformed, Unsupported, Misbehaved, Misuse);
