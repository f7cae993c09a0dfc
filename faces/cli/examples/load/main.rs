//! `mickai serve` under load: many clients that come, go away in the middle and come again; then `kill -9` under that load, and a new start. Prints one line for each thing that was looked at.
//!
//! ```text
//! load [SECONDS [CLIENTS [REPLAYS]]]        120, 64 and 200 unless they are said
//! ```
//!
//! It runs the `mickai` that lies beside it in the build output, in a home of its own that goes when it ends.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a program that measures, run by people")]

mod clients;

mod server;

use clients::{Clients, Tally};
use server::{Machine, Metrics, Server};
use std::time::{Duration, Instant};

/// Resident sets are compared from here on: before it, caches are filled.
const WARM_UP: f64 = 0.25;
/// After which it is the turn of one who asks now, among so many.
const TURN: Duration = Duration::from_secs(3);
/// Generations that are run again afterwards, on one thread and with other instructions than under load.
const REPLAYS: u64 = 200;

fn main() {
    let mut words = std::env::args().skip(1);
    let mut number = |default: u64| words.next().map_or(default, |word| word.parse().unwrap_or_else(|_| panic!("{word} is no number")));
    let (seconds, client_count, replay_count) = (number(120), number(64), number(REPLAYS));
    let machine = Machine::new();
    let server = Server::start(&machine);
    let clients = Clients::start(server.address, client_count);
    let resident = watch(&server, Duration::from_secs(seconds));
    let tally = clients.tally();
    let after = server.metrics();
    println!("load/run seconds={seconds} clients={client_count} answered={} left={} tokens={} errors={}", tally.answered, tally.left, tally.tokens, tally.errors);
    println!("load/resident first_mib={:.1} last_mib={:.1} growth={:.4}", resident.0, resident.1, resident.1 / resident.0 - 1.0);
    println!("{}", batch(&after, seconds));
    // Under the same load, and while a long answer is being given.
    let long = clients.ask_long(server.address, 8);
    std::thread::sleep(TURN);
    server.kill();
    drop(long);
    clients.stop();
    let cut = machine.acts();
    let since = Instant::now();
    let server = Server::start(&machine);
    println!("load/restart seconds={:.3} records={} open={}", since.elapsed().as_secs_f64(), cut.records, cut.intents - cut.outcomes);
    let acts = machine.acts();
    server.end();
    println!("load/acts intents={} outcomes={} unknown={} wrong={}", acts.intents, acts.outcomes, acts.unknown, wrong(&acts, &cut, &tally));
    println!("load/log verdict={}", machine.verdict());
    println!("load/replays identical={} of={replay_count}", machine.replays(replay_count as usize));
}

/// Medians of the resident set, MiB: of the first part after warming up, and of the last part as long.
fn watch(server: &Server, time: Duration) -> (f64, f64) {
    let (since, mut samples) = (Instant::now(), Vec::new());
    while since.elapsed() < time {
        std::thread::sleep(Duration::from_millis(500).min(time.saturating_sub(since.elapsed())));
        samples.push(server.resident_mib());
    }
    let part = ((samples.len() as f64 * WARM_UP) as usize).max(1);
    let median = |samples: &[f64]| {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    };
    let after = part.min(samples.len() - 1);
    (median(&samples[after..(after + part).min(samples.len())]), median(&samples[samples.len() - part..]))
}

/// What was computed together, and what did not have to be computed. Rates are those of the whole time, and of the time in which the model worked.
fn batch(metrics: &Metrics, seconds: u64) -> String {
    let of = |name| metrics.of(name);
    let (steps, output, busy) = (of("mickai_steps_total"), of("mickai_output_tokens_total"), of("mickai_busy_seconds_total"));
    format!(
        "load/batch steps={steps} rows_per_step={:.2} running={} output_tokens={output} output_per_second={:.1} output_per_busy_second={:.1} prompt_tokens={} reused_tokens={} cache_held_mib={:.1} cache_kept_mib={:.1}",
        of("mickai_step_rows_total") / steps.max(1.0),
        of("mickai_generations_running"),
        output / seconds.max(1) as f64,
        output / busy.max(1e-9),
        of("mickai_prompt_tokens_total"),
        of("mickai_reused_tokens_total"),
        of("mickai_cache_held_bytes") / f64::from(1 << 20),
        of("mickai_cache_kept_bytes") / f64::from(1 << 20),
    )
}

/// What does not add up: acts without a pair, outcomes unknown that were not open, answers that clients had and no record tells of.
fn wrong(acts: &server::Acts, cut: &server::Acts, tally: &Tally) -> u64 {
    let unpaired = acts.intents - acts.outcomes;
    let unknown = acts.unknown.abs_diff(cut.intents - cut.outcomes);
    let untold = tally.answered.saturating_sub(acts.outcomes - acts.unknown);
    unpaired + unknown + untold + tally.errors
}
