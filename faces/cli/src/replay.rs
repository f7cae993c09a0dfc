//! `mickai replay`: a recorded generation, run again, token by token; or embeddings, bit by bit.

use crate::args::Replay;
use crate::failure::Failure;
use crate::out::{Out, code_after};
use crate::turn::Interrupt;
use mickai_model::tokens::Token;
use mickai_runtime::{Case, Compared, ReplayOf, Replayed, System};
use serde_json::{Value, json};
use std::path::Path;

pub fn replay(system: &System, args: &Replay, out: Out) -> Result<u8, Failure> {
    let interrupt = Interrupt::listen()?;
    let one = |of: &ReplayOf<'_>| -> Result<u8, Failure> {
        let replayed = interrupt.during(|flow| system.replay(of, None, &mut |_| flow()))?;
        code_after(out.object(&to_json(&replayed), || text(&replayed)), u8::from(!replayed.is_identical()))
    };
    let path = Path::new(&args.target);
    let is_bundle = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("oar")) || path.is_file();
    if !is_bundle {
        return one(&ReplayOf::Record(system.resolve_record(&args.target, None)?));
    }
    let case = Case::read(path)?;
    eprintln!("the bundle's records hold under the key that it brings, {}; whose key that is, `oar verify --key` tells", case.key);
    let indexes = args.record.map_or_else(|| case.generations(), |index| vec![index]);
    if indexes.is_empty() {
        return Err(mickai_runtime::Error::NothingToReplay(path.to_owned()).into());
    }
    let mut worst = 0;
    for index in indexes {
        // One that cannot be replayed keeps none of the others from being.
        let code = one(&ReplayOf::Case(&case, index)).unwrap_or_else(|failure| {
            failure.print();
            failure.code()
        });
        worst = worst.max(code);
    }
    Ok(worst)
}

pub fn text(replayed: &Replayed) -> String {
    let (index, count) = (replayed.intent_index, replayed.count);
    let what = if replayed.compared == Compared::Tokens { "tokens" } else { "values" };
    let word = |token: Option<Token>| token.map_or_else(|| "the end".to_owned(), |token| format!("token {}", token.0));
    let found = match &replayed.divergence {
        None if replayed.is_identical() => format!("identical: {count} {what} of record {index}"),
        None if replayed.is_text_equal => format!("differs: the {count} tokens of record {index} are equal, but it ended for another reason"),
        None => format!("differs: the {count} tokens of record {index} are equal, but its text is not theirs"),
        Some(divergence) if replayed.compared == Compared::Values => format!("differs: value {} of record {index} is another", divergence.position),
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
        (if replayed.compared == Compared::Tokens { "tokens" } else { "values" }): replayed.count,
        "diverges_at": replayed.divergence.map(|divergence| divergence.position),
        "intent": replayed.records.0.index,
        "outcome": replayed.records.1.index,
    })
}
