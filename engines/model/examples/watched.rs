//! What the hooks of a profile cost: `cargo run --release -p mickai-model --example watched -- FILE.gguf THREADS TOKENS REPETITIONS`.
//!
//! Two contexts on one model decode the same tokens in turns: nobody watches the first; somebody who does nothing watches the second, and is told of every operation. What the hooks cost where
//! nobody watches is less than the difference. Prints medians.
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
    let session = || Session::new(model.weights(), tokens as usize + 1, crew.clone(), Isa::best()).unwrap();
    let (mut alone, mut watched) = (session(), session());
    watched.watch(Arc::new(Idle));
    let decode = |session: &mut Session| {
        session.truncate(0);
        let started = Instant::now();
        (0..tokens).for_each(|i| session.feed(&[Token(i % 500)]).unwrap());
        started.elapsed().as_secs_f64()
    };
    let (mut off, mut on) = (Vec::new(), Vec::new());
    for repetition in 0..=repetitions {
        // Who goes first takes turns too.
        let (first, second) = if repetition % 2 == 0 { (decode(&mut alone), decode(&mut watched)) } else { swapped(decode(&mut watched), decode(&mut alone)) };
        if repetition > 0 {
            off.push(first);
            on.push(second);
        }
    }
    let rate = |times: &mut Vec<f64>| f64::from(tokens) / median(times);
    let (off, on) = (rate(&mut off), rate(&mut on));
    println!("watch/off threads={threads} tokens_per_s={off:.2}");
    println!("watch/nothing threads={threads} tokens_per_s={on:.2} ratio={:.4}", on / off);
}

fn swapped(watched: f64, alone: f64) -> (f64, f64) {
    (alone, watched)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
