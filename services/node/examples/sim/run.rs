//! One seed from its genesis to its verdict.

use super::adversaries;
use super::checks::History;
use super::common::{Account, BOND, genesis};
use super::network::{Network, Running, link};
use super::plan::{Cheat, Fault, Plan, Random};
use commonware_runtime::deterministic::{Config, Context, Runner};
use commonware_runtime::{Clock as _, Supervisor as _};
use mickai_node::Handle;
use mickai_proof::pantheon::{Action, Address, Amount, Evidence, Genesis};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Simulated time that a run may take at all.
const RUN_MAX: Duration = Duration::from_secs(1_200);
/// After everything has healed, every honest node has as many blocks more as `BLOCKS_AFTER` within this time.
const HEALED_MAX: Duration = Duration::from_secs(150);
const BLOCKS_AFTER: u64 = 3;
const BLOCKS_BEFORE: u64 = 3;

/// What a run came to.
pub struct Outcome {
    pub height: u64,
    /// The runtime's own digest of everything that happened.
    pub trace: String,
    /// Validators whose two votes cost them their bonds.
    pub barred: usize,
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
    let boots = 1 + plan.faults.iter().filter(|fault| **fault == Fault::PowerFailure).count();
    let mut barred = 0;
    let mut trace = String::new();
    let mut disks = vec![0; usize::from(plan.validators) + 1];
    for boot in 0..boots {
        let is_last = boot + 1 == boots;
        let (ended, checkpoint) = runner.start_and_recover(|context| {
            let (plan, genesis, history, disks) = (plan, genesis.clone(), &mut history, &mut disks);
            async move {
                let mut world = Boot::new(&context, plan, genesis, disks).await;
                world.play(is_last).await?;
                history.add(&world.honest()).await?;
                Ok::<_, String>((context.auditor().state(), world.accused))
            }
        });
        let accused;
        (trace, accused) = ended?;
        if is_last {
            barred = accused.len();
            let ledger = history.check(&genesis)?;
            for account in accused {
                let validator = ledger.state().validator(account).ok_or("evidence against nobody")?;
                if !validator.is_barred || validator.bond != Amount::ZERO {
                    return Err("a validator that voted twice kept its bond".into());
                }
            }
        }
        runner = Runner::from(checkpoint);
    }
    Ok(Outcome { height: history.height(), trace, barred })
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
    /// Which disk the node of each place is on.
    disks: &'a mut Vec<u32>,
    accused: Vec<Address>,
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
        let mut boot = Self { context, plan, network, nodes, cheats: Vec::new(), random: Random(plan.seed ^ 0x5eed), disks, accused: Vec::new() };
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

    async fn play(&mut self, is_last: bool) -> Result<(), String> {
        self.load();
        self.join();
        self.grow(BLOCKS_BEFORE, "at first").await?;
        // At once: peers shut a cheat out, so there is no newer evidence later, and the chain takes no old one.
        self.accuse().await?;
        for fault in self.plan.faults.clone() {
            self.load();
            self.suffer(fault).await?;
        }
        self.heal().await;
        self.load();
        self.accuse().await?;
        let cheats: Vec<_> = (0..self.plan.cheats.len()).map(|at| Address::of(self.network.public(at).key())).collect();
        if self.honest().into_iter().flat_map(Handle::evidence).any(|evidence| !cheats.contains(&evidence.voter)) {
            return Err("an honest validator voted twice".into());
        }
        if is_last {
            self.grow(BLOCKS_AFTER, "after healing").await?;
        }
        Ok(())
    }

    /// Every honest node comes to `more` blocks above the highest of now.
    async fn grow(&self, more: u64, when: &str) -> Result<(), String> {
        let target = self.honest().iter().map(|node| node.status().height.0).max().unwrap_or_default() + more;
        let end = self.context.current() + HEALED_MAX;
        while self.honest().iter().any(|node| node.status().height.0 < target) {
            if self.context.current() >= end {
                let heights: Vec<_> = self.honest().iter().map(|node| node.status().height.0).collect();
                return Err(format!("no progress to {target} {when}: {heights:?}"));
            }
            self.context.sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Transfers by the three accounts, through some honest node each.
    fn load(&mut self) {
        for seed in [90, 91, 92] {
            let account = Account::new(seed);
            let chosen = self.random.below(self.honest().len() as u64) as usize;
            let node = self.honest()[chosen].clone();
            let next = node.ledger().state().account(account.address()).map_or(0, |account| account.nonce);
            for nonce in next..next + self.random.below(3) {
                // What waits already, or was overtaken, is refused: the next load goes on.
                let _ = node.submit(account.transfer(node.chain(), nonce, Account::new(91).address(), 1 + nonce));
            }
        }
    }

    /// The last place bonds, once.
    fn join(&self) {
        let rich = Account::new(91);
        let Some(node) = self.honest().last().copied().filter(|_| self.plan.joins) else { return };
        let ledger = node.ledger();
        if ledger.state().validator(rich.address()).is_none() {
            let nonce = ledger.state().account(rich.address()).map_or(0, |account| account.nonce);
            let key = Account::new(self.plan.validators + 1).bond_key(node.chain(), rich.address());
            let _ = node.submit(rich.transaction(node.chain(), nonce, Action::Bond { amount: Amount::from_obols(BOND), key: Some(key) }));
        }
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
                    self.grow(self.plan.epoch_blocks + 1, "without a disk").await?;
                }
            }
            // The boot ends where it is; the next one begins on what was synced.
            Fault::PowerFailure => {}
            Fault::Storm => {
                self.network.link(|_, _| true, &link(self.plan.latency * 3, self.plan.latency, 40)).await;
                self.context.sleep(Duration::from_secs(8)).await;
            }
        }
        self.heal().await;
        Ok(())
    }

    async fn heal(&self) {
        if self.plan.is_canary {
            return;
        }
        self.network.link(|_, _| true, &link(self.plan.latency, self.plan.jitter, self.plan.loss_percent)).await;
    }

    /// What the engine showed of those who voted twice becomes a transaction; a double voter has to be shown.
    async fn accuse(&mut self) -> Result<(), String> {
        let must = self.plan.cheats.contains(&Cheat::DoubleVoter);
        let end = self.context.current() + HEALED_MAX;
        loop {
            let node = self.honest()[0].clone();
            let ledger = node.ledger();
            // An earlier boot may have barred it.
            let is_barred = |account: &Address| ledger.state().validator(*account).is_some_and(|validator| validator.is_barred);
            let bonds = &self.network.genesis.head.bonds;
            self.accused = bonds.iter().map(|(account, ..)| *account).filter(is_barred).collect();
            let witness = Account::new(92);
            let nonce = ledger.state().account(witness.address()).map_or(0, |account| account.nonce);
            let shown = self.honest().into_iter().flat_map(Handle::evidence);
            let is_new = |evidence: &Evidence| bonds.iter().any(|(account, key, _)| Address::of(key) == evidence.voter && !is_barred(account));
            for evidence in shown.filter(is_new) {
                // Several show the same: one of them is taken.
                let _ = node.submit(witness.transaction(node.chain(), nonce, Action::Evidence(Box::new(evidence))));
            }
            let has_all = !must || !self.accused.is_empty();
            if has_all || self.context.current() >= end {
                return if has_all { Ok(()) } else { Err("nobody showed the double voter's votes, or the chain did not take them".into()) };
            }
            self.context.sleep(Duration::from_millis(500)).await;
        }
    }
}
