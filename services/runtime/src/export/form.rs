//! The forms of an export, and which records each can hold (spec/exports.md).

use super::Selection;
use crate::open::Open;
use mickai_proof::statement::RECORDS_MAX;
use std::fmt;

/// What an export writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A bundle, which `oar verify` judges.
    #[default]
    Bundle,
    /// A folder of C2SP tlog-tiles.
    Tiles,
    /// An RFC 9942 receipt of one record.
    Receipt,
    /// One JSON object for each record.
    JsonLines,
    /// An in-toto statement in a DSSE envelope.
    Statement,
}

/// Why a form cannot hold what was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormError {
    /// It holds the whole log.
    WholeLog(Form),
    /// It is about one record.
    OneRecord(Form),
    /// It shows no values.
    NoValues(Form),
    /// It names at most so many records.
    TooMany(Form, u64),
    /// What ends at a settlement is a bundle.
    BundleAlone(Form),
    /// RFC 9942 has no receipt for the only leaf of a tree.
    OnlyRecord(Form),
}

impl Form {
    /// Its word in commands and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Tiles => "tiles",
            Self::Receipt => "receipt",
            Self::JsonLines => "jsonl",
            Self::Statement => "dsse",
        }
    }

    /// Can it hold these records of the first `size`, with these values?
    pub(super) fn check(self, selection: &Selection, open: &Open, size: u64) -> Result<(), FormError> {
        if !open.is_empty() && !matches!(self, Self::Bundle | Self::JsonLines) {
            return Err(FormError::NoValues(self));
        }
        match (self, selection) {
            (Self::Tiles | Self::Receipt | Self::JsonLines | Self::Statement, Selection::Settled) => Err(FormError::BundleAlone(self)),
            (Self::Tiles, Selection::One(_) | Selection::Range(_)) => Err(FormError::WholeLog(self)),
            (Self::Receipt, Selection::All | Selection::Range(_)) => Err(FormError::OneRecord(self)),
            (Self::Receipt, Selection::One(_)) if size < 2 => Err(FormError::OnlyRecord(self)),
            (Self::Statement, Selection::Range(range)) if range.end.saturating_sub(range.start) > RECORDS_MAX => Err(FormError::TooMany(self, RECORDS_MAX)),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WholeLog(form) => write!(f, "{} hold the whole log: leave the record or range away", form.name()),
            Self::OneRecord(form) => write!(f, "a {} is about one record: say which with --record", form.name()),
            Self::NoValues(form) => write!(f, "{} shows no values: leave --open away, or export a bundle or jsonl", form.name()),
            Self::TooMany(form, most) => {
                write!(f, "{} names at most {most} records: choose a smaller range, or leave it away to name the whole log by its checkpoint", form.name())
            }
            Self::BundleAlone(form) => write!(f, "{} does not end at a settlement: export a bundle, or leave --settled away", form.name()),
            Self::OnlyRecord(form) => write!(f, "a {} needs a log of at least two records: export a bundle", form.name()),
        }
    }
}

impl std::error::Error for FormError {}
