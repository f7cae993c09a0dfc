//! The bars of the engine: tokens per second against llama.cpp, both in one run on the same files of random weights in the shapes of published models.

use std::path::PathBuf;

use super::run::Found;
use crate::error::Error;

mod against;
mod limits;
mod load;
mod peer;
mod product;

/// What is measured: shapes, tokens of the prompt, tokens generated alone and by each of several sequences in parallel, repetitions.
pub(super) struct Extent {
    shapes: [&'static str; 2],
    prompt: &'static str,
    generation: &'static str,
    parallel: &'static str,
    repetitions: &'static str,
    with_bars: bool,
}

/// The bars. Three repetitions, because the whole must end before the machine's neighbours come back.
pub(super) const WHOLE: Extent = Extent { shapes: ["qwen2.5-0.5b", "llama3.2-1b"], prompt: "512", generation: "128", parallel: "32", repetitions: "3", with_bars: true };
/// The same programs on tiny shapes, to see that they work; its figures say nothing, so it has no bars.
pub(super) const TRIAL: Extent = Extent { shapes: ["tiny-qwen2", "tiny-llama"], prompt: "64", generation: "8", parallel: "8", repetitions: "1", with_bars: false };

/// One part of the bench.
type Part = fn(&Extent, &Wanted, &mut Found) -> Result<(), Error>;

/// All parts, by the names that `part=NAME` selects.
const PARTS: [(&str, Part); 3] = [("llama.cpp", against::measure), ("load", load::measure), ("product", product::measure)];

/// Which rows are wanted: words `key=value`. A row is measured if, for each key that a word names, a word has its value.
#[derive(Debug, Default)]
pub(crate) struct Wanted(Vec<(String, String)>);

/// What rows can be selected by.
const KEYS: [&str; 6] = ["part", "phase", "shape", "type", "threads", "isa"];
const PHASES: [&str; 7] = ["prompt", "generation", "parallel", "load", "first-token", "audit", "watch"];

impl Wanted {
    /// `None` if a word is not of the form, or its key selects nothing.
    pub(crate) fn of(words: &[&str]) -> Option<Self> {
        let pair = |word: &&str| word.split_once('=').filter(|(key, _)| KEYS.contains(key)).map(|(key, value)| (key.to_owned(), value.to_owned()));
        words.iter().map(pair).collect::<Option<_>>().map(Self)
    }

    /// Whether everything is wanted.
    pub(crate) fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    fn admits(&self, key: &str, value: &str) -> bool {
        let mut named = self.0.iter().filter(|(name, _)| name == key).peekable();
        named.peek().is_none() || named.any(|(_, wanted)| wanted == value)
    }

    /// Whether a row with these labels, and no others but its part, is wanted: who asks for a shape does not ask for rows that have none.
    fn selects(&self, labels: &[(&str, &str)]) -> bool {
        let has = |key: &str| labels.iter().any(|(name, value)| *name == key && self.admits(key, value));
        self.0.iter().all(|(key, _)| key == "part" || has(key))
    }

    /// Refuses a value that no row has under its key: a slip would select less than was meant, and nobody would see it.
    fn check(&self, extent: &Extent) -> Result<(), Error> {
        for (key, value) in &self.0 {
            let known: Vec<&'static str> = match key.as_str() {
                "part" => PARTS.map(|(name, _)| name).into(),
                "phase" => PHASES.into(),
                "shape" => extent.shapes.into(),
                "type" => against::TYPES.into(),
                "threads" => against::THREADS.into(),
                _ => against::ISAS.into(),
            };
            if !known.contains(&value.as_str()) {
                return Err(Error::NoSuchLabel { key: key.clone(), value: value.clone(), known });
            }
        }
        Ok(())
    }
}

/// Measures the parts that are wanted.
pub(super) fn measure(extent: &Extent, wanted: &Wanted) -> Result<Found, Error> {
    wanted.check(extent)?;
    let mut found = Found::default();
    for (name, part) in PARTS {
        if wanted.admits("part", name) {
            part(extent, wanted, &mut found)?;
        }
    }
    if found.lines.is_empty() { Err(Error::NothingSelected) } else { Ok(found) }
}

/// llama.cpp's Python, built for all that this machine can do.
pub(super) fn install_peer() -> Result<PathBuf, Error> {
    peer::install(peer::Build::Native)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_select_rows() {
        let wanted = Wanted::of(&["type=q4_0", "type=f16", "threads=1"]).unwrap();
        assert!(wanted.admits("type", "q4_0") && wanted.admits("type", "f16") && !wanted.admits("type", "q8_0"));
        assert!(!wanted.admits("threads", "2") && wanted.admits("shape", "anything") && !wanted.is_all());
        assert!(Wanted::of(&[]).unwrap().is_all());
        assert!(Wanted::of(&["q4_0"]).is_none() && Wanted::of(&["colour=red"]).is_none());
    }

    #[test]
    fn a_row_without_a_label_is_not_selected_by_it() {
        let selects = |words: &[&str], labels: &[(&str, &str)]| Wanted::of(words).unwrap().selects(labels);
        let labels = [("phase", "audit"), ("shape", "qwen2.5-0.5b")];
        assert!(selects(&[], &labels) && selects(&["part=product"], &labels) && selects(&["phase=watch", "phase=audit"], &labels));
        assert!(!selects(&["shape=llama3.2-1b"], &labels) && !selects(&["threads=2"], &labels));
    }

    #[test]
    fn a_slip_is_named_with_what_there_is() {
        let check = |extent: &Extent, words: &[&str]| Wanted::of(words).unwrap().check(extent);
        let all = ["part=load", "phase=watch", "shape=llama3.2-1b", "type=q8_0", "threads=1", "isa=best", "isa=avx2"];
        assert!(check(&WHOLE, &[]).is_ok() && check(&WHOLE, &all).is_ok() && check(&TRIAL, &["shape=tiny-llama"]).is_ok());
        for slip in ["part=loads", "phase=decode", "shape=llama3.2", "shape=tiny-llama", "type=q4", "threads=3", "isa=avx512"] {
            let said = check(&WHOLE, &["threads=2", slip]).unwrap_err().to_string();
            assert!(said.starts_with(&format!("no row has {slip}; ")), "{said}");
        }
        assert_eq!(check(&WHOLE, &["isa=sse"]).unwrap_err().to_string(), "no row has isa=sse; isa is best or avx2");
    }
}
