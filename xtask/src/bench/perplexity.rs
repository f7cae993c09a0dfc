//! Perplexity on held-out text: every type of weights against F32 and against llama.cpp, on the same files, tokens and windows.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::bar::{Bar, Goal};
use super::engine::install_peer;
use super::oar::value;
use super::program;
use super::run::Found;
use crate::error::Error;
use crate::places;
use crate::process;

/// A trained model, its weights in F16, from which llama.cpp makes a file of every type; and a text that it was not trained on.
const MODEL: &str = "spec/vectors/perplexity/prose.f16.gguf";
const TEXT: &str = "spec/vectors/perplexity/heldout.txt";
/// The length that it was trained at.
const WINDOW_TOKENS: &str = "256";
/// F32 comes first: the others are compared with it.
const TYPES: [&str; 11] = ["f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q4_k", "q5_k", "q6_k"];
const PERCENT_MAX: f64 = 0.5;
/// A model counts as trained when it is this many times better than one that knows nothing.
const PERPLEXITY_SHARE_MAX: f64 = 0.2;
const VOCABULARY: f64 = 2048.0;
const BENCH: &str = "perplexity";

/// How the lines with the figures begin.
const OURS: &str = "perplexity/ours ";
const PEER: &str = "peer/perplexity ";
const EXACT: &str = "exact/perplexity ";

/// Both programs on every type.
pub(super) fn measure() -> Result<Found, Error> {
    let python = install_peer()?;
    let program = program::example(BENCH)?;
    let mut found = Found::default();
    let mut of_f32 = f64::NAN;
    for kind in TYPES {
        let file = make_file(&python, kind)?;
        let figures = compare(&program, &python, &file, &mut found.lines)?;
        if kind == "f32" {
            of_f32 = figures.ours;
            found.bars.push(Bar { name: "perplexity/type=f32/share-of-vocabulary".into(), measured: of_f32 / VOCABULARY, goal: Goal::AtMost(PERPLEXITY_SHARE_MAX) });
        }
        let percent = |one: f64, other: f64| (one / other - 1.0) * 100.0;
        let [over_f32, over_peer] = [of_f32, figures.peer].map(|other| percent(figures.ours, other));
        let [exact, peer_exact] = [figures.ours, figures.peer].map(|one| percent(one, figures.exact));
        found.lines.push(format!(
            "perplexity/type={kind} over_f32_percent={over_f32:.4} over_peer_percent={over_peer:.4} over_exact_percent={exact:.4} peer_over_exact_percent={peer_exact:.4}"
        ));
        found.bars.push(Bar { name: format!("perplexity/type={kind}/off-peer/percent").into(), measured: over_peer.abs(), goal: Goal::AtMost(PERCENT_MAX) });
    }
    Ok(found)
}

struct Figures {
    ours: f64,
    peer: f64,
    /// Of a pass in float64.
    exact: f64,
}

/// The perplexities of one file; refused unless both programs had the same tokens.
fn compare(program: &Path, python: &Path, file: &Path, lines: &mut Vec<String>) -> Result<Figures, Error> {
    let root = places::root();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let script = root.join("bench/engine/llama_cpp_perplexity.py");
    let mut run = |mut command: Command, shown: &str| {
        let done = process::must(command.arg(file).arg(root.join(TEXT)).arg(WINDOW_TOKENS))?;
        lines.push(format!("$ {shown} {name} {TEXT} {WINDOW_TOKENS}"));
        let new: Vec<String> = done.output.lines().map(str::to_owned).collect();
        lines.extend(new.iter().cloned());
        Ok(new)
    };
    let ours = run(Command::new(program), "perplexity")?;
    let mut python = Command::new(python);
    python.arg(script);
    let theirs = run(python, "python llama_cpp_perplexity.py")?;
    let read = |lines: &[String], who: &str| value(lines, who, "perplexity").ok_or(Error::NoFigures { bench: BENCH });
    let same = [(&ours, OURS), (&theirs, PEER), (&theirs, EXACT)].map(|(lines, who)| tokens(lines, who));
    match same {
        [Some(a), Some(b), Some(c)] if a == b && b == c => Ok(Figures { ours: read(&ours, OURS)?, peer: read(&theirs, PEER)?, exact: read(&theirs, EXACT)? }),
        _ => Err(Error::OtherTokens { model: file.to_path_buf() }),
    }
}

/// What says which tokens were predicted: their digest and the number of predictions.
fn tokens<'a>(lines: &'a [String], who: &str) -> Option<Vec<&'a str>> {
    let line = lines.iter().find(|line| line.starts_with(who))?;
    Some(line.split_whitespace().filter(|word| ["tokens=", "tokens_sha3=", "predictions="].iter().any(|name| word.starts_with(name))).collect())
}

/// The model in that type below the build output. Made anew each time: it takes a moment, and is then always the committed model's.
fn make_file(python: &Path, kind: &str) -> Result<PathBuf, Error> {
    let folder = places::target().join("peers/perplexity");
    std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let file = folder.join(format!("prose-{kind}.gguf"));
    process::must(Command::new(python).arg(places::root().join("bench/engine/quantise.py")).arg(places::root().join(MODEL)).arg(kind).arg(&file))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_apart() {
        let line = |who: &str, digest: &str| vec![format!("{who}isa=x tokens=9 tokens_sha3={digest} predictions=8 nats=1.0 perplexity=2.0")];
        let [ours, same, other] = [line(OURS, "ab"), line(PEER, "ab"), line(PEER, "cd")];
        assert_eq!(tokens(&ours, OURS), tokens(&same, PEER));
        assert_ne!(tokens(&ours, OURS), tokens(&other, PEER));
        assert_eq!(tokens(&ours, PEER), None);
    }
}
