//! What a record costs a generation: `cargo run --release -p mickai-runtime --example audit -- FOLDER TOKENS REPETITIONS [MODEL.gguf|FOLDER …]`, always the embedded model first.
//!
//! Everything around the model's own time counts: the prompt made tokens, policy, both records, their signatures and fsyncs, the log opened and closed. The time of one bare fsync of a record's
//! size is measured beside it, on the same disk and in turns.
#![allow(clippy::print_stdout, reason = "a measuring program")]

use mickai_model::generate::{Flow, Progress};
use mickai_model::tokens::{Message, Role};
use mickai_runtime::profile::Wanted;
use mickai_runtime::{Asked, Bound, EMBEDDED_NAME, Error, Said, System};
use mickai_store::Custody;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Bytes of a record with its signature, about.
const RECORD_BYTES: usize = 4_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, tokens, repetitions, files @ ..] = &args[..] else {
        println!("usage: audit FOLDER TOKENS REPETITIONS [MODEL …]");
        return Ok(());
    };
    let (tokens, repetitions): (usize, usize) = (tokens.parse()?, repetitions.parse()?);
    let folder = Path::new(folder);
    let system = System::open(&folder.join("home"), 0, Custody::default())?;
    let mut bare = File::create(folder.join("bare"))?;
    measure(&system, EMBEDDED_NAME, tokens, repetitions, &mut bare)?;
    for file in files {
        let imported = system.import(Path::new(file), None, None, &|_| Flow::Continue)?;
        measure(&system, &imported.digest.to_string(), tokens, repetitions, &mut bare)?;
    }
    Ok(())
}

fn measure(system: &System, wanted: &str, token_count_max: usize, repetitions: usize, bare: &mut File) -> Result<(), Error> {
    let model = system.model(wanted)?;
    let words = "what has run on this machine so far?".to_owned();
    let mut asked = Asked::conversation(vec![Message { role: Role::User, content: words.clone() }], token_count_max);
    if model.is_embedded {
        asked.bound = Bound::Verbs;
    } else {
        // A model of random weights has no template.
        asked.said = Said::Text(words);
    }
    let (mut over, mut generation, mut fsync, mut output) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for repetition in 0..=repetitions {
        let profiled = system.profile(&model, &asked, Wanted::default(), &mut |_: Progress<'_>| Flow::Continue)?;
        let synced = Instant::now();
        bare.write_all(&[7; RECORD_BYTES]).and_then(|()| bare.sync_data()).map_err(|source| Error::File { path: "bare".into(), source })?;
        // The first one warms up: retention is looked at once in a process, and memory is new.
        if repetition > 0 {
            over.push(profiled.profile.recording_ns as f64 / 1e6);
            generation.push(profiled.profile.phases.iter().map(|phase| phase.wall_ns()).sum::<u64>() as f64 / 1e6);
            fsync.push(synced.elapsed().as_secs_f64() * 1e3);
        }
        output = profiled.answered.generation.output_tokens.len();
    }
    let (over, generation, fsync) = (median(&mut over), median(&mut generation), median(&mut fsync));
    let share = (over - 2.0 * fsync).max(0.0) / generation;
    println!("audit/model={} tokens={output} generation_ms={generation:.2} over_ms={over:.3} fsync_ms={fsync:.3} share={share:.5}", model.name);
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
