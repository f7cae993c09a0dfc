//! `kill -9` in the middle of `ask`: the next start recovers, and says of what was cut off that nobody knows how it ended.

use crate::common::{GENERAL, Machine};
use std::time::{Duration, Instant};

/// Fixed, so that a failure comes again.
const SEED: u64 = 0x6f61_725f_6b69_6c6c;
const KILLS: u32 = 10;
const ASK: [&str; 6] = ["ask", "-m", GENERAL, "--max-tokens", "2000", "hello"];

#[test]
fn an_ask_killed_at_ten_points_is_an_unknown_outcome() {
    let machine = Machine::with_model();
    machine.run(&["log", "checkpoint", "-o", "pin.txt"]).ok();
    let whole = time_of(&machine, &ASK);
    let mut points = Points(SEED);
    let cut_off: usize = (0..KILLS)
        .map(|tenth| {
            machine.start(&ASK).kill_after(points.within(whole, tenth, KILLS));
            recovered(&machine)
        })
        .sum();
    println!("{cut_off} of {KILLS} kills within {whole:?} cut an act off");
    // The first points may come before the intent is durable, the last after the outcome.
    assert!(cut_off >= 3, "of {KILLS} kills within {whole:?} only {cut_off} cut an act off");
    machine.run(&ASK).ok();
    machine.run(&["replay", "last"]).ok().says(&["identical"]);
    let unknown = machine.lines(&["log", "list"]).iter().filter(|record| record["outcome"] == "outcome_unknown").count();
    assert_eq!(unknown, cut_off);
    machine.run(&["log", "verify", "--checkpoint", "pin.txt"]).code(2).says(&["after-reference"]);
}

#[test]
fn a_first_run_killed_anywhere_leaves_a_home_that_the_next_start_completes() {
    let ask = ["ask", "what models do I have"];
    let whole = time_of(&Machine::new(), &ask);
    let mut points = Points(SEED ^ 1);
    for fifth in 0..5 {
        let machine = Machine::new();
        machine.start(&ask).kill_after(points.within(whole, fifth, 5));
        machine.run(&ask).ok();
        recovered(&machine);
    }
}

pub fn time_of(machine: &Machine, args: &[&str]) -> Duration {
    let begun = Instant::now();
    machine.run(args).ok();
    begun.elapsed()
}

/// Looks at the log as the crash left it, lets the next writer start, and looks again. Gives how many acts the crash cut off.
fn recovered(machine: &Machine) -> usize {
    // Readers need no recovery.
    let open = machine.open_intents();
    assert!(open.len() <= 1, "one process, one act: {open:?}");
    assert_eq!(machine.object(&["log", "fsck"])["open_intents"], serde_json::json!(open));
    machine.run(&["log", "checkpoint"]).ok();
    let records = machine.lines(&["log", "list"]);
    for index in &open {
        let intent = &records[*index as usize];
        let closing = machine.object(&["log", "show", &(index + 1).to_string()]);
        assert_eq!((&closing["intent"], &closing["outcome"]), (&intent["digest"], &serde_json::json!("outcome_unknown")), "{closing}");
        assert_eq!(closing["actor"][0], "system");
    }
    assert!(machine.open_intents().is_empty());
    let fsck = machine.object(&["log", "fsck"]);
    assert_eq!((&fsck["findings"], &fsck["torn_bytes"]), (&serde_json::json!([]), &serde_json::json!(0)));
    machine.assert_log_valid();
    open.len()
}

/// Random points by SplitMix64.
pub struct Points(pub u64);

impl Points {
    /// A point in the `part`-th of `count` equal parts of `whole`.
    pub fn within(&mut self, whole: Duration, part: u32, count: u32) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        whole.mul_f64((f64::from(part) + share) / f64::from(count))
    }
}
