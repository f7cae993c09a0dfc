//! Tokens per second of a model file: `cargo run --release -p mickai-model --example speed -- FILE.gguf THREADS PROMPT GENERATION REPETITIONS [SEQUENCES [ISA]]`.
//!
//! Prints one line a phase with medians: of wall time, and of CPU time, because neighbours disturb. The prompt goes in whole, then that many tokens one by one from an empty
//! context; logits are computed for the last token of the prompt and for each generated one. With several SEQUENCES, a third phase takes as many of them through the same number
//! of steps together; its rate counts the tokens of all.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program reads files and the clock")]

use mickai_kernels::crew::Resident;
use mickai_kernels::isa::Isa;
use mickai_model::file::open_gguf;
use mickai_model::forward::{Decoder, Piece, Pool, Sequence, Session, Wanted};
use mickai_model::tokens::Token;
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, threads, prompt, generation, repetitions, more @ ..] = &args[..] else {
        println!("usage: speed FILE.gguf THREADS PROMPT GENERATION REPETITIONS [SEQUENCES [scalar|avx2+fma|avx512+vnni|neon+dotprod]]");
        return;
    };
    let [threads, prompt, generation, repetitions] = [threads, prompt, generation, repetitions].map(|word| word.parse::<u32>().unwrap());
    let sequences = more.first().map_or(1, |word| word.parse::<u32>().unwrap());
    let isa = more.get(1).map_or(Isa::best(), |name| Isa::named(name).unwrap());
    let crew = Arc::new(Resident::new());
    for _ in 1..threads {
        let crew = crew.clone();
        std::thread::spawn(move || crew.serve());
    }
    let opened = Instant::now();
    let model = open_gguf(Arc::new(std::fs::read(file).unwrap())).unwrap();
    let read_s = opened.elapsed().as_secs_f64();
    let started = Instant::now();
    let context = (prompt.max(generation) + 1) as usize;
    let mut session = Session::new(model.weights(), context, crew.clone(), isa).unwrap();
    println!("speed/load isa={} threads={threads} open_s={read_s:.2} repack_s={:.2} packed_bytes={}", isa.name(), started.elapsed().as_secs_f64(), model.weights().packed_bytes());

    let tokens: Vec<Token> = (0..prompt).map(|i| Token(i * 7 % 1000)).collect();
    let phase = |name: &str, count: u32, work: &mut dyn FnMut()| {
        let (mut wall, mut cpu) = (Vec::new(), Vec::new());
        for repetition in 0..=repetitions {
            let (started, used) = (Instant::now(), cpu_seconds());
            work();
            // The first one warms up.
            if repetition > 0 {
                wall.push(started.elapsed().as_secs_f64());
                cpu.push(cpu_seconds() - used);
            }
        }
        let rate = |times: &mut Vec<f64>| f64::from(count) / median(times);
        println!("speed/{name} isa={} threads={threads} tokens_per_s={:.2} tokens_per_cpu_s={:.2}", isa.name(), rate(&mut wall), rate(&mut cpu));
    };
    phase("prompt", prompt, &mut || {
        session.truncate(0);
        session.feed(&tokens).unwrap();
    });
    phase("generation", generation, &mut || {
        session.truncate(0);
        (0..generation).for_each(|i| session.feed(&[Token(i % 1000)]).unwrap());
    });
    if sequences > 1 {
        let pool = Pool::new(&model.weights(), usize::MAX);
        let mut decoder = Decoder::new(model.weights(), crew, isa);
        let mut all: Vec<Sequence> = (0..sequences).map(|_| pool.open(&[], generation as usize).unwrap()).collect();
        phase(&format!("parallel sequences={sequences}"), generation * sequences, &mut || {
            all.iter_mut().for_each(|sequence| sequence.truncate(0));
            (0..generation).for_each(|i| together(&mut decoder, &mut all, i));
        });
    }
}

/// One more token for every sequence, each another.
fn together(decoder: &mut Decoder, sequences: &mut [Sequence], step: u32) {
    let tokens: Vec<Token> = (0..sequences.len() as u32).map(|sequence| Token((step + 31 * sequence) % 1000)).collect();
    let mut pieces: Vec<Piece<'_>> = sequences.iter_mut().zip(tokens.chunks(1)).map(|(sequence, tokens)| Piece { sequence, tokens, wanted: Wanted::Last }).collect();
    for rows in decoder.step(&mut pieces) {
        rows.unwrap().logits(0).unwrap();
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// User and system time of this process so far, where the system tells; ticks are hundredths of a second on Linux.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    [11, 12].iter().filter_map(|&i| fields.get(i)?.parse::<f64>().ok()).sum::<f64>() / 100.0
}
