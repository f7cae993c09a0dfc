//! Which values a bundle shows: any label, of every record or of one.

use crate::acts::label;
use crate::error::{Error, Result};
use mickai_proof::limits::{LABEL_BYTES_MAX, MAP_ENTRIES_MAX};
use std::fmt;

/// The word for every value.
const ALL: &str = "all";

/// The values chosen; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open(Vec<Choice>);

/// One word of a choice: `prompt`, `12:prompt`, `all`, `12:all`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Of this record alone.
    record: Option<u64>,
    /// Under this label; every label if there is none.
    label: Option<String>,
}

impl Open {
    /// Every value.
    pub fn all() -> Self {
        Self(vec![Choice { record: None, label: None }])
    }

    /// The values under one label, with the tokens that spell them.
    pub fn label(label: &str) -> Self {
        Self(vec![Choice { record: None, label: Some(label.to_owned()) }])
    }

    /// Reads `[RECORD:]LABEL` or `[RECORD:]all`, one for each word.
    ///
    /// # Errors
    /// [`Error::OpenForm`] with the word that is neither, or with the one too many.
    pub fn parse<S: AsRef<str>>(words: &[S]) -> Result<Self> {
        let choice = |word: &S| {
            let word = word.as_ref();
            let wrong = || Error::OpenForm(word.to_owned());
            let (record, label) = match word.split_once(':') {
                Some((record, label)) => (Some(record.parse().map_err(|_| wrong())?), label),
                None => (None, word),
            };
            // A `+` before a number would parse.
            let is_number = record.is_none() || word.starts_with(|c: char| c.is_ascii_digit());
            ((1..=LABEL_BYTES_MAX).contains(&label.len()) && is_number).then(|| Choice { record, label: (label != ALL).then(|| label.to_owned()) }).ok_or_else(wrong)
        };
        match words.get(MAP_ENTRIES_MAX) {
            Some(extra) => Err(Error::OpenForm(extra.as_ref().to_owned())),
            None => words.iter().map(choice).collect::<Result<_>>().map(Self),
        }
    }

    /// Is nothing chosen?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Does it show the value under that label of that record?
    pub(crate) fn shows(&self, index: u64, label: &str) -> bool {
        self.0.iter().any(|choice| choice.shows(index, label))
    }

    /// The words, for the record of the export.
    pub(crate) fn words(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn choices(&self) -> &[Choice] {
        &self.0
    }
}

impl Choice {
    pub(crate) fn shows(&self, index: u64, label: &str) -> bool {
        self.record.is_none_or(|record| record == index) && self.label.as_ref().is_none_or(|named| label::covers(named, label))
    }

    /// A choice of everything may come to nothing; one that names something may not.
    pub(crate) fn is_everything(&self) -> bool {
        *self == Self { record: None, label: None }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.record.map_or(Ok(()), |record| write!(f, "{record}:"))?;
        f.write_str(self.label.as_deref().unwrap_or(ALL))
    }
}

impl fmt::Display for Open {
    /// In words: `prompt and output of record 12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, choice) in self.0.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { " and " })?;
            f.write_str(choice.label.as_deref().unwrap_or("every value"))?;
            choice.record.map_or(Ok(()), |record| write!(f, " of record {record}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_choose_values() {
        type Values = &'static [(u64, &'static str)];
        let cases: [(&[&str], Values, Values); 6] = [
            (&[], &[], &[(1, "prompt")]),
            (&["prompt"], &[(1, "prompt"), (7, "prompt_tokens")], &[(1, "output"), (1, "prompts"), (1, "prompt_")]),
            (&["prompt_tokens"], &[(1, "prompt_tokens")], &[(1, "prompt")]),
            (&["3:output"], &[(3, "output"), (3, "output_tokens")], &[(2, "output"), (3, "prompt")]),
            (&["3:all", "weights"], &[(3, "prompt"), (9, "weights")], &[(9, "prompt")]),
            (&["all"], &[(0, "x"), (u64::MAX, "_tokens")], &[]),
        ];
        for (words, shown, hidden) in cases {
            let open = Open::parse(words).unwrap();
            assert!(shown.iter().all(|(index, label)| open.shows(*index, label)), "{words:?}");
            assert!(!hidden.iter().any(|(index, label)| open.shows(*index, label)), "{words:?}");
            assert_eq!(open.words(), words);
        }
        assert_eq!(Open::parse(&["prompt", "12:output"]).unwrap().to_string(), "prompt and output of record 12");
    }

    #[test]
    fn what_is_no_choice_is_named() {
        for word in ["", ":", "1:", ":prompt", "x:prompt", "-1:prompt", "+1:prompt", "18446744073709551616:prompt", &"x".repeat(65)] {
            assert!(matches!(Open::parse(&["prompt", word]), Err(Error::OpenForm(named)) if named == word), "{word}");
        }
        assert!(Open::parse(&["x"; 64]).is_ok() && Open::parse(&["x"; 65]).is_err());
    }
}
