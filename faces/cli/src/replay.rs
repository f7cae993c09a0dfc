//! `mickai replay`: a recorded generation, run again, token by token.

use crate::args::Replay;
use crate::failure::Failure;
use crate::out::Out;
use mickai_model::generate::{Flow, Progress};
use mickai_model::tokens::Token;
use mickai_runtime::{Case, ReplayOf, Replayed, System};
use serde_json::{Value, json};
use std::path::Path;

pub fn replay(system: &System, args: &Replay, out: Out) -> Result<u8, Failure> {
    let path = Path::new(&args.target);
    let is_bundle = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("oar")) || path.is_file();
    let replays =
        if is_bundle { of_bundle(system, path, args.record)? } else { vec![system.replay(&ReplayOf::Record(system.resolve_record(&args.target, None)?), None, &mut go_on)?] };
    for replayed in &replays {
        out.object(&to_json(replayed), || text(replayed))?;
    }
    Ok(u8::from(replays.iter().any(|replayed| !replayed.is_identical())))
}

fn go_on(_: Progress<'_>) -> Flow {
    Flow::Continue
}

/// All generations of a bundle, or the one that was asked for.
fn of_bundle(system: &System, path: &Path, record: Option<u64>) -> Result<Vec<Replayed>, Failure> {
    let case = Case::read(path)?;
    let indexes = record.map_or_else(|| case.generations(), |index| vec![index]);
    indexes.into_iter().map(|index| Ok(system.replay(&ReplayOf::Case(&case, index), None, &mut go_on)?)).collect()
}

pub fn text(replayed: &Replayed) -> String {
    let (index, count) = (replayed.intent_index, replayed.token_count);
    let word = |token: Option<Token>| token.map_or_else(|| "the end".to_owned(), |token| format!("token {}", token.0));
    let found = match &replayed.divergence {
        None if replayed.is_stop_equal => format!("identical: {count} tokens of record {index}"),
        None => format!("differs: the {count} tokens of record {index} are equal, but it ended for another reason"),
        Some(divergence) => {
            let (recorded, computed) = (word(divergence.recorded), word(divergence.computed));
            format!("differs at position {} of record {index}: recorded {recorded}, computed {computed}", divergence.position)
        }
    };
    format!("{found}; {}; record {}", replayed.model, replayed.records.1.index)
}

pub fn to_json(replayed: &Replayed) -> Value {
    json!({
        "record": replayed.intent_index,
        "model": replayed.model,
        "identical": replayed.is_identical(),
        "tokens": replayed.token_count,
        "diverges_at": replayed.divergence.map(|divergence| divergence.position),
        "intent": replayed.records.0.index,
        "outcome": replayed.records.1.index,
    })
}
