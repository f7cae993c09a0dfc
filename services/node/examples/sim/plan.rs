//! What one seed draws: how many validators, on which links, what goes wrong, and who cheats.

use std::time::Duration;

/// How one of the validators cheats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cheat {
    DoubleVoter,
    Equivocator,
    Flooder,
    Forger,
    InvalidProposer,
    Replayer,
    Twin,
    Withholder,
    YesSayer,
}

/// Those that a seed draws. Not the forger, who came later: the seeds that failed once are to stay what they were.
const CHEATS: [Cheat; 8] = [Cheat::DoubleVoter, Cheat::Equivocator, Cheat::Flooder, Cheat::InvalidProposer, Cheat::Replayer, Cheat::Twin, Cheat::Withholder, Cheat::YesSayer];

/// What happens to honest ones after the first blocks; all of it heals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Two halves, neither of them a quorum.
    Split,
    /// One honest validator alone.
    Alone,
    /// One honest validator is killed and started again on its disk.
    Crash,
    /// One honest validator loses its disk, but not its key and the mark beside it; until the next epoch it counts as one of the faulty.
    LostDisk,
    /// Power fails for all of them: what was not synced is lost.
    PowerFailure,
    /// Links lose and delay far more than before.
    Storm,
}

/// Those that any plan may have; whether a disk is lost too is drawn by itself.
const FAULTS: [Fault; 5] = [Fault::Split, Fault::Alone, Fault::Crash, Fault::PowerFailure, Fault::Storm];

/// As many seats as a simulated chain has at least.
pub const SEATS_MIN: u8 = 4;

/// One seed's run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub validators: u8,
    pub latency: Duration,
    pub jitter: Duration,
    pub loss_percent: u64,
    pub epoch_blocks: u64,
    /// A node that bonds during the run and gets a seat.
    pub joins: bool,
    /// A validator, by place, that takes its bond back. Below four of them the seats stay as they are.
    pub leaver: Option<u8>,
    /// It bonds again, and gets a seat again.
    pub returns: bool,
    pub faults: Vec<Fault>,
    /// Validators 1, 2 … of this list, by place; the rest is honest.
    pub cheats: Vec<Cheat>,
    /// By how much the clock of the last place is wrong, ms; it then counts as one of the faulty.
    pub clock_ahead_ms: i64,
    /// The honest never hear each other: with enough cheats they cannot agree, and the checkers have to say so.
    pub is_canary: bool,
}

impl Plan {
    /// Two of four say yes to everybody, and the two honest ones hear nothing of each other: there are two chains, and a run that ends well would show that the checkers see nothing.
    pub fn canary(seed: u64) -> Self {
        let cheats = vec![Cheat::YesSayer, Cheat::YesSayer];
        Self { faults: Vec::new(), joins: false, leaver: None, clock_ahead_ms: 0, loss_percent: 0, cheats, is_canary: true, ..Self::draw(seed, Some(4)) }
    }

    /// The same plan for the same seed. `validators` replaces what is drawn.
    pub fn draw(seed: u64, validators: Option<u8>) -> Self {
        let mut random = Random(seed);
        let drawn = 4 + random.below(4) as u8;
        let validators = validators.unwrap_or(drawn);
        let faulty_max_of_all = faulty_max(validators);
        let latency = Duration::from_millis(10 + random.below(141));
        let jitter = Duration::from_millis(random.below(latency.as_millis() as u64 / 2 + 1));
        let loss_percent = if random.below(2) == 0 { 0 } else { random.below(21) };
        let epoch_blocks = 4 + random.below(4);
        let joins = random.below(3) == 0;
        let mut faults: Vec<_> = (0..1 + random.below(2)).map(|_| FAULTS[random.below(FAULTS.len() as u64) as usize]).collect();
        let count = random.below(faulty_max_of_all + 1);
        let cheats = (0..count).map(|_| CHEATS[random.below(CHEATS.len() as u64) as usize]).collect();
        let is_wrong = random.below(3) == 0 && count < faulty_max_of_all;
        let clock_ahead_ms = if is_wrong { random.below(10_001) as i64 - 5_000 } else { 0 };
        let leaver = Some(random.below(u64::from(validators)) as u8).filter(|_| random.below(2) == 0);
        // Of those who stay, too, fewer than a third are faulty.
        let faulty_max_of_rest = faulty_max(validators.saturating_sub(1).max(SEATS_MIN));
        let leaver = leaver.filter(|_| count + u64::from(is_wrong) <= faulty_max_of_rest);
        let returns = random.below(4) > 0;
        let faulty_max = if leaver.is_some() { faulty_max_of_rest } else { faulty_max_of_all };
        if random.below(3) == 0 && count + u64::from(is_wrong) < faulty_max {
            faults.push(Fault::LostDisk);
        }
        Self { seed, validators, latency, jitter, loss_percent, epoch_blocks, joins, leaver, returns, faults, cheats, clock_ahead_ms, is_canary: false }
    }
}

/// How many of so many validators may be faulty.
fn faulty_max(validators: u8) -> u64 {
    u64::from(validators.saturating_sub(1) / 3)
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}
