//! `mickai replay`: a recorded generation, run again, token by token; or embeddings, bit by bit.

use crate::args::Replay;
use crate::failure::Failure;
use crate::out::{Out, code_after, remark};
use crate::turn::{INTERRUPTED, Interrupt};
use mickai_model::tokens::Token;
use mickai_runtime::{Case, Compared, ReplayOf, Replayed, System};
use serde_json::{Value, json};
use std::path::Path;

pub fn replay(system: &System, args: &Replay, out: Out) -> Result<u8, Failure> {
    let is_bundle = is_bundle(&args.target);
    if let Some(index) = args.record.filter(|_| !is_bundle) {
        return Err(Failure::Value { flag: "--record", value: index.to_string(), wanted: "a bundle with it: what is replayed is a record already" });
    }
    let interrupt = Interrupt::listen()?;
    let one = |of: &ReplayOf<'_>| -> Result<u8, Failure> {
        let replayed = interrupt.during(|flow| system.replay(of, None, &mut |_| flow()))?;
        code_after(out.object(&to_json(&replayed), || text(&replayed)), u8::from(!replayed.is_identical()))
    };
    if !is_bundle {
        return one(&ReplayOf::Record(system.resolve_record(&args.target, None)?));
    }
    let path = Path::new(&args.target);
    let case = Case::read(path)?;
    remark(format_args!("the bundle's records hold under the key that it brings, {}; whose key that is, `oar verify --key` tells", case.key));
    let indexes = args.record.map_or_else(|| case.generations(), |index| vec![index]);
    if indexes.is_empty() {
        return Err(mickai_runtime::Error::NothingToReplay(path.to_owned()).into());
    }
    let mut worst = 0;
    for index in indexes {
        // One that cannot be replayed keeps none of the others from being; one that is stopped ends them all.
        let code = match one(&ReplayOf::Case(&case, index)) {
            Err(failure) if failure.code() == INTERRUPTED => return Err(failure),
            done => done.unwrap_or_else(|failure| {
                failure.print();
                failure.code()
            }),
        };
        worst = worst.max(code);
    }
    Ok(worst)
}

/// A `.` or a `/` makes it a file. What a record may be called is a record, whatever files there are; any other word is a file where there is one.
pub fn is_bundle(target: &str) -> bool {
    target.contains(['.', '/']) || (!System::names_record(target) && Path::new(target).is_file())
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
