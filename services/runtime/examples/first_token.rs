//! A cold process up to its first token: `cargo run --release -p mickai-runtime --example first_token -- HOME`.
//!
//! It does what `mickai ask` does with a request to the embedded model, says so in a line when the first token is out, and ends. Whoever starts it has the clock: the time that counts begins with
//! the process.
#![allow(clippy::print_stdout, reason = "a measuring program")]

use mickai_model::generate::{Flow, Progress};
use mickai_model::tokens::{Message, Role};
use mickai_runtime::{Asked, Bound, Error, System};
use mickai_store::Custody;
use std::path::PathBuf;

/// Thirty tokens as the model's template writes it.
const REQUEST: &str = "show me the generations that were recorded on this machine yesterday after three";

fn main() -> Result<(), Error> {
    let home = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("first-token-home"), PathBuf::from);
    let system = System::open(&home, 0, Custody::default())?;
    let model = system.embedded()?;
    let mut context = system.context(&model)?;
    let message = Message { role: Role::User, content: REQUEST.to_owned() };
    let asked = Asked { bound: Bound::Verbs, ..Asked::conversation(vec![message], 1) };
    let answered = system.generate(&model, &mut context, &asked, &mut |progress| {
        if let Progress::Token { .. } = progress {
            println!("first-token/out");
        }
        Flow::Continue
    })?;
    println!("first-token/prompt tokens={}", answered.generation.prompt_tokens.len());
    Ok(())
}
