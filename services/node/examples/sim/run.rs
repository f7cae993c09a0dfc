//! One seed from its genesis to its verdict.

use super::adversaries;
use super::adversaries::flooder::SMUGGLER;
use super::checks::{History, Judged};
use super::common::{Account, genesis};
use super::load::Users;
use super::network::{Network, Running, link};
use super::plan::{Cheat, Fault, Plan, Random};
use commonware_runtime::deterministic::{Config, Context, Runner};
use commonware_runtime::{Clock as _, Supervisor as _};
use mickai_ledger::Ledger;
use mickai_node::Handle;
use mickai_proof::pantheon::{Address, Amount, Genesis};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Simulated time that a run may take at all.
const RUN_MAX: Duration = Duration::from_secs(1_200);
/// Every honest node makes a step of `BLOCKS_A_STEP` within this time, once everything has healed.
const STEP_MAX: Duration = Duration::from_secs(150);
/// Users act again after so many blocks.
const BLOCKS_A_STEP: u64 = 2;
/// Steps before the first fault, after each, and at the end.
const STEPS_BEFORE: u64 = 3;
const STEPS_BETWEEN: u64 = 1;
const STEPS_AFTER: u64 = 2;

/// What a run came to.
pub struct Outcome {
    pub height: u64,
    /// The runtime's own digest of everything that happened.
    pub trace: String,
    /// Validators whose two votes cost them their bonds.
    pub barred: usize,
    /// Checkpoints that were settled.
    pub settled: usize,
    /// How often there were more validators than before, and fewer.
    pub grown: usize,
    pub shrunk: usize,
    /// Messages that a cheat forged.
    pub forged: usize,
}

/// Runs a plan. A node that ends, or a runtime that stalls, panics: that is a failure too.
///
/// # Errors
/// The first thing that does not hold.
pub fn attempt(plan: &Plan) -> Result<Outcome, String> {
    catch_unwind(AssertUnwindSafe(|| run(plan))).unwrap_or_else(|why| {
        let text = why.downcast_ref::<String>().cloned().or_else(|| why.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(text.unwrap_or_else(|| "it panicked".to_owned()))
    })
}

/// Runs a plan.
///
/// # Errors
/// The first thing that does not hold.
fn run(plan: &Plan) -> Result<Outcome, String> {
    let genesis = genesis(plan.validators, u64::from(plan.validators) + 1, plan.epoch_blocks);
    let mut history = History::default();
    let mut runner = Runner::new(Config::new().with_seed(plan.seed).with_timeout(Some(RUN_MAX)));
    // Power fails between two boots, and after all of them it comes back.
    let boots: Vec<&[Fault]> = plan.faults.split(|fault| *fault == Fault::PowerFailure).collect();
    let (mut trace, mut forged) = (String::new(), 0);
    let mut disks = vec![0; usize::from(plan.validators) + 1];
    for (boot, faults) in boots.iter().enumerate() {
        let (is_first, is_last) = (boot == 0, boot + 1 == boots.len());
        let (ended, checkpoint) = runner.start_and_recover(|context| {
            let (plan, genesis, history, disks, forged) = (plan, genesis.clone(), &mut history, &mut disks, &mut forged);
            async move {
                let mut world = Boot::new(&context, plan, genesis, disks).await;
                world.play(faults, is_first, is_last).await?;
                history.add(&world.honest()).await?;
                *forged += world.network.forged.load(Ordering::Relaxed);
                Ok::<_, String>(context.auditor().state())
            }
        });
        trace = ended?;
        runner = Runner::from(checkpoint);
    }
    let Judged { ledger, settled, grown, shrunk } = history.check(&genesis)?;
    let barred = barred(plan, &ledger)?;
    if ledger.state().account(Account::new(SMUGGLER).address()).is_none_or(|account| account.nonce > 0) {
        return Err("what stood in a message over the limit is final".into());
    }
    Ok(Outcome { height: history.height(), trace, barred, settled, grown, shrunk, forged })
}

/// How many lost their bonds.
///
/// # Errors
/// An honest validator is among them, or one of them kept something.
fn barred(plan: &Plan, ledger: &Ledger) -> Result<usize, String> {
    let mut count = 0;
    for place in 0..plan.validators + u8::from(plan.joins) {
        let Some(validator) = ledger.state().validator(Account::new(101 + place).address()).filter(|validator| validator.is_barred) else { continue };
        if usize::from(place) >= plan.cheats.len() {
            return Err(format!("an honest validator, {place}, lost its bond"));
        }
        if validator.bond != Amount::ZERO || !validator.unbonding.is_empty() {
            return Err(format!("validator {place} voted twice and kept its bond"));
        }
        count += 1;
    }
    Ok(count)
}

/// From a start of all nodes to their end.
struct Boot<'a> {
    context: &'a Context,
    plan: &'a Plan,
    network: Network,
    /// By place; none where a cheat sits.
    nodes: Vec<Option<Running>>,
    cheats: Vec<Running>,
    random: Random,
    users: Users,
    /// Which disk the node of each place is on.
    disks: &'a mut Vec<u32>,
}

impl<'a> Boot<'a> {
    async fn new(context: &'a Context, plan: &'a Plan, genesis: Genesis, disks: &'a mut Vec<u32>) -> Self {
        let network = Network::new(context, plan, genesis).await;
        if plan.is_canary {
            network.cut(|a, b| a >= plan.cheats.len() && b >= plan.cheats.len()).await;
        }
        let mut nodes: Vec<Option<Running>> = Vec::new();
        for (at, disk) in disks.iter().enumerate().take(network.keys.len()) {
            let is_honest = at >= plan.cheats.len();
            nodes.push(if is_honest { Some(network.honest(context, at, *disk).await) } else { None });
        }
        let mut boot = Self { context, plan, network, nodes, cheats: Vec::new(), random: Random(plan.seed ^ 0x5eed), disks, users: Users::new(plan.seed ^ 0x10ad) };
        let eye = boot.honest()[0].clone();
        for (at, cheat) in plan.cheats.iter().enumerate() {
            let running = adversaries::start(*cheat, context, &boot.network, at, plan.cheats.len(), &eye).await;
            boot.cheats.extend(running);
        }
        boot
    }

    fn honest(&self) -> Vec<&Handle> {
        self.nodes.iter().flatten().map(|running| &running.handle).collect()
    }

    async fn play(&mut self, faults: &[Fault], is_first: bool, is_last: bool) -> Result<(), String> {
        self.go_on(if is_first { STEPS_BEFORE } else { STEPS_BETWEEN }, "at first").await?;
        self.judge().await?;
        for fault in faults {
            self.act()?;
            self.suffer(*fault).await?;
            self.heal().await;
            self.go_on(STEPS_BETWEEN, "after a fault").await?;
        }
        let cheats: Vec<_> = (0..self.plan.cheats.len()).map(|at| Address::of(self.network.public(at).key())).collect();
        if self.honest().into_iter().flat_map(Handle::evidence).any(|evidence| !cheats.contains(&evidence.voter)) {
            return Err("an honest validator voted twice".into());
        }
        if is_last {
            self.go_on(STEPS_AFTER, "at the end").await
        } else {
            // In the middle of what the users do next.
            self.act()?;
            self.context.sleep(Duration::from_millis(self.random.below(1_500))).await;
            Ok(())
        }
    }

    fn act(&mut self) -> Result<(), String> {
        let nodes: Vec<&Handle> = self.nodes.iter().flatten().map(|running| &running.handle).collect();
        self.users.act(self.plan, &nodes)
    }

    /// So many times users act, and every honest node comes to `BLOCKS_A_STEP` above the highest of then.
    async fn go_on(&mut self, steps: u64, when: &str) -> Result<(), String> {
        for _ in 0..steps {
            self.act()?;
            let target = self.honest().iter().map(|node| node.status().height.0).max().unwrap_or_default() + BLOCKS_A_STEP;
            let end = self.context.current() + STEP_MAX;
            while self.honest().iter().any(|node| node.status().height.0 < target) {
                if self.context.current() >= end {
                    let heights: Vec<_> = self.honest().iter().map(|node| node.status().height.0).collect();
                    return Err(format!("no progress to {target} {when}: {heights:?}"));
                }
                self.context.sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    /// Every double voter loses its bond, by what the nodes themselves submit.
    async fn judge(&self) -> Result<(), String> {
        let end = self.context.current() + STEP_MAX;
        let doubles = (101..).zip(&self.plan.cheats).filter(|(_, cheat)| **cheat == Cheat::DoubleVoter);
        let doubles: Vec<_> = doubles.map(|(seed, _)| Account::new(seed).address()).collect();
        let is_barred = |ledger: &Ledger, account| ledger.state().validator(account).is_some_and(|validator| validator.is_barred);
        while !doubles.iter().all(|account| is_barred(&self.honest()[0].ledger(), *account)) {
            if self.context.current() >= end {
                return Err("nobody showed the double voter's votes, or the chain did not take them".into());
            }
            self.context.sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    async fn suffer(&mut self, fault: Fault) -> Result<(), String> {
        let (count, first) = (self.network.keys.len(), self.plan.cheats.len());
        let victim = first + self.random.below((count - first) as u64) as usize;
        match fault {
            Fault::Split => {
                let half = count / 2;
                self.network.cut(|a, b| (a < half) != (b < half)).await;
                self.context.sleep(Duration::from_secs(6)).await;
            }
            Fault::Alone => {
                self.network.cut(|a, b| a == victim || b == victim).await;
                self.context.sleep(Duration::from_secs(6)).await;
            }
            Fault::Crash | Fault::LostDisk => {
                if let Some(running) = self.nodes[victim].take() {
                    running.task.abort();
                    drop(running);
                    self.context.sleep(Duration::from_secs(3)).await;
                    self.disks[victim] += u32::from(fault == Fault::LostDisk);
                    self.nodes[victim] = Some(self.network.honest(&self.context.child("again"), victim, self.disks[victim]).await);
                }
                if fault == Fault::LostDisk {
                    // Another one may fail as soon as it votes again.
                    self.go_on((self.plan.epoch_blocks + 1).div_ceil(BLOCKS_A_STEP), "without a disk").await?;
                }
            }
            // Ends a boot, so no boot has to suffer it; the next one begins on what was synced.
            Fault::PowerFailure => {}
            Fault::Storm => {
                self.network.link(|_, _| true, &link(self.plan.latency * 3, self.plan.latency, 40)).await;
                self.context.sleep(Duration::from_secs(8)).await;
            }
        }
        Ok(())
    }

    async fn heal(&self) {
        if self.plan.is_canary {
            return;
        }
        self.network.link(|_, _| true, &link(self.plan.latency, self.plan.jitter, self.plan.loss_percent)).await;
    }
}
