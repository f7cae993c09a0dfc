//! The tables of spec/verbs.md.

/// What performing a verb asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Performed at once.
    Reading,
    /// Performed after the operator's yes.
    Changing,
    /// The system has no verb for it.
    None,
}

/// A verb of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Which acts there were.
    LogList,
    /// How many acts there were.
    LogCount,
    /// One act.
    LogShow,
    /// Is the log, or one record, whole and signed?
    LogVerify,
    /// Write a bundle.
    LogExport,
    /// Write a pin.
    LogCheckpoint,
    /// Which models there are.
    ModelList,
    /// One model.
    ModelShow,
    /// Take a model in.
    ModelImport,
    /// Remove one.
    ModelRm,
    /// The public key.
    KeyShow,
    /// Run a recorded generation again.
    Replay,
    /// Is this machine in order?
    Doctor,
    /// Everything else.
    None,
}

/// An argument of a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Argument {
    /// A time phrase, copied.
    When,
    /// Which sort of act.
    Kind,
    /// How it ended.
    Outcome,
    /// A model, copied.
    Model,
    /// A record, copied.
    Record,
    /// One thing of a record.
    Field,
    /// Values to open.
    Open,
    /// A file to write, copied.
    Out,
    /// A file to read, copied.
    Path,
    /// Form of a key.
    Format,
}

use Argument::{Field, Format, Kind, Model, Open, Out, Outcome, Path, Record, When};

impl Verb {
    /// All verbs, in the order of the spec.
    pub const ALL: [Self; 14] = [
        Self::LogList,
        Self::LogCount,
        Self::LogShow,
        Self::LogVerify,
        Self::LogExport,
        Self::LogCheckpoint,
        Self::ModelList,
        Self::ModelShow,
        Self::ModelImport,
        Self::ModelRm,
        Self::KeyShow,
        Self::Replay,
        Self::Doctor,
        Self::None,
    ];

    /// The word in a call.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LogList => "log.list",
            Self::LogCount => "log.count",
            Self::LogShow => "log.show",
            Self::LogVerify => "log.verify",
            Self::LogExport => "log.export",
            Self::LogCheckpoint => "log.checkpoint",
            Self::ModelList => "model.list",
            Self::ModelShow => "model.show",
            Self::ModelImport => "model.import",
            Self::ModelRm => "model.rm",
            Self::KeyShow => "key.show",
            Self::Replay => "replay",
            Self::Doctor => "doctor",
            Self::None => "none",
        }
    }

    /// Reading or changing.
    pub const fn class(self) -> Class {
        match self {
            Self::LogExport | Self::LogCheckpoint | Self::ModelImport | Self::ModelRm => Class::Changing,
            Self::None => Class::None,
            _ => Class::Reading,
        }
    }

    /// Its arguments, in their order.
    pub const fn arguments(self) -> &'static [Argument] {
        match self {
            Self::LogList | Self::LogCount => &[When, Kind, Outcome, Model],
            Self::LogShow => &[Record, Field],
            Self::LogVerify | Self::Replay => &[Record],
            Self::LogExport => &[When, Record, Open, Out],
            Self::LogCheckpoint => &[Out],
            Self::ModelShow | Self::ModelRm => &[Model],
            Self::ModelImport => &[Path],
            Self::KeyShow => &[Format],
            Self::ModelList | Self::Doctor | Self::None => &[],
        }
    }

    /// The argument without which it cannot be performed.
    pub const fn required(self) -> Option<Argument> {
        match self {
            Self::LogShow | Self::Replay => Some(Record),
            Self::ModelShow | Self::ModelRm => Some(Model),
            Self::ModelImport => Some(Path),
            _ => None,
        }
    }
}

impl Argument {
    /// The key in a call.
    pub const fn name(self) -> &'static str {
        match self {
            When => "when",
            Kind => "kind",
            Outcome => "outcome",
            Model => "model",
            Record => "record",
            Field => "field",
            Open => "open",
            Out => "out",
            Path => "path",
            Format => "format",
        }
    }

    /// The words it takes; `None` when it is copied from the request.
    pub const fn words(self) -> Option<&'static [&'static str]> {
        match self {
            Kind => Some(&["generation", "replay", "import", "removal", "export"]),
            Outcome => Some(&["executed", "failed", "unknown", "stopped"]),
            Field => Some(&["model", "prompt", "output", "time", "seed", "tokens", "key", "digest", "outcome", "actor"]),
            Open => Some(&["prompt", "output", "all"]),
            Format => Some(&["pem", "jwk"]),
            When | Model | Record | Out | Path => None,
        }
    }
}
