//! What the hooks of a profile cost: `cargo run --release -p mickai-model --example watched -- FILE.gguf THREADS TOKENS REPETITIONS`.
//!
//! The same tokens are decoded in turns while nobody watches, and while somebody who does nothing watches and is told of every operation. What the hooks cost where nobody watches is less than
//! the difference. Each turn has a context of its own: two that stayed would be compared by where their memory happens to lie. Prints medians; the ratio is that of pairs of turns, which a
//! neighbour on the machine disturbs alike.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program reads files and the clock")]

use mickai_kernels::crew::Resident;
use mickai_kernels::isa::Isa;
use mickai_model::file::open_gguf;
use mickai_model::forward::{Session, Step, Watch};
use mickai_model::tokens::Token;
use std::sync::Arc;
use std::time::Instant;

/// Hears everything and does nothing.
struct Idle;

impl Watch for Idle {
    fn begins(&self) {}

    fn done(&self, step: Step) {
        std::hint::black_box(step);
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, threads, tokens, repetitions] = &args[..] else {
        println!("usage: watched FILE.gguf THREADS TOKENS REPETITIONS");
        return;
    };
    let [threads, tokens, repetitions] = [threads, tokens, repetitions].map(|word| word.parse::<u32>().unwrap());
    let crew = Arc::new(Resident::new());
    for _ in 1..threads {
        let crew = crew.clone();
        std::thread::spawn(move || crew.serve());
    }
    let model = open_gguf(Arc::new(std::fs::read(file).unwrap())).unwrap();
    let decode = |is_watched: bool| {
        let mut session = Session::new(model.weights(), tokens as usize + 1, crew.clone(), Isa::best()).unwrap();
        if is_watched {
            session.watch(Arc::new(Idle));
        }
        session.feed(&[Token(0)]).unwrap();
        session.truncate(0);
        let started = Instant::now();
        (0..tokens).for_each(|i| session.feed(&[Token(i % 500)]).unwrap());
        started.elapsed().as_secs_f64()
    };
    let (mut off, mut on, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for repetition in 0..=repetitions {
        // Who goes first takes turns too.
        let (alone, watched) = if repetition % 2 == 0 { (decode(false), decode(true)) } else { swapped(decode(true), decode(false)) };
        if repetition > 0 {
            off.push(alone);
            on.push(watched);
            ratios.push(alone / watched);
        }
    }
    let rate = |times: &mut Vec<f64>| f64::from(tokens) / median(times);
    println!("watch/off threads={threads} tokens_per_s={:.2}", rate(&mut off));
    println!("watch/nothing threads={threads} tokens_per_s={:.2} ratio={:.4}", rate(&mut on), median(&mut ratios));
}

fn swapped(watched: f64, alone: f64) -> (f64, f64) {
    (alone, watched)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
