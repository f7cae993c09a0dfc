//! What users do during a run: they pay, their logs settle, now and then one tries to take back what it settled, and validators come and go.

use super::common::{Account, BOND, FEE};
use super::logs::{self, OperatorLog};
use super::plan::{Plan, Random, SEATS_MIN};
use mickai_ledger::{Ledger, Rejection};
use mickai_node::{Handle, SubmitError};
use mickai_proof::pantheon::{Action, Amount};

/// Accounts that pay and settle. Others belong to validators.
const PAYERS: [u8; 3] = [90, 91, 92];

/// Users of one boot.
pub struct Users {
    random: Random,
    logs: [OperatorLog; 2],
    /// What each transaction pays, obols.
    fee: u64,
}

impl Users {
    pub fn new(seed: u64) -> Self {
        Self { random: Random(seed), logs: logs::all(), fee: FEE }
    }

    /// One round, each account through some node. A later round pays more, so that what no block took does not hold its sender up.
    ///
    /// # Errors
    /// A node took a checkpoint that contradicts a settled one.
    pub fn act(&mut self, plan: &Plan, nodes: &[&Handle]) -> Result<(), String> {
        self.fee += self.fee / 8;
        for seed in PAYERS {
            let node = nodes[self.random.below(nodes.len() as u64) as usize];
            self.pay_and_settle(&Account::new(seed), node)?;
        }
        let node = nodes[self.random.below(nodes.len() as u64) as usize];
        join(plan, node);
        leave(plan, node);
        Ok(())
    }

    fn pay_and_settle(&mut self, account: &Account, node: &Handle) -> Result<(), String> {
        let (ledger, chain) = (node.ledger(), node.chain());
        let next = nonce(&ledger, account);
        let log = &self.logs[self.random.below(2) as usize];
        let known = ledger.state().log(log.id);
        if let Some(newest) = known.and_then(|entry| entry.newest.as_ref()).filter(|_| self.random.below(3) == 0) {
            let action = contradiction(log, newest.size, newest.root.0[0], self.random.below(2) == 0);
            let why = node.submit(account.paying(chain, next, self.fee, action));
            if !matches!(why, Err(SubmitError::Rejected(Rejection::LogShrinks { .. } | Rejection::LogForked { .. }))) {
                return Err(format!("a checkpoint that contradicts one of {} records: {why:?}", newest.size));
            }
        }
        let mut size = known.map(|entry| entry.newest.as_ref().map_or(0, |newest| newest.size));
        for nonce in next..next + 1 + self.random.below(3) {
            let action = match (self.random.below(4), &mut size) {
                (0, _) => Action::Transfer { to: Account::new(91).address(), amount: Amount::from_obols(1 + nonce) },
                (_, None) => log.register(),
                // No node can tell yet that it contradicts the one before it: it waits, and a block has to leave it out.
                (1, Some(size)) if nonce > next && *size > 0 => contradiction(log, *size, root(*size), self.random.below(2) == 0),
                (_, Some(size)) => {
                    *size += 1 + self.random.below(9);
                    log.attest(*size, root(*size))
                }
            };
            // What waits already, was overtaken, or cannot follow what another account settled meanwhile, is refused: the next round goes on.
            let _ = node.submit(account.paying(chain, nonce, self.fee, action));
        }
        Ok(())
    }
}

/// A checkpoint of fewer records than those of this size and root, or of as many with another root; a log's first record cannot be taken back.
pub fn contradiction(log: &OperatorLog, size: u64, root_byte: u8, shrinks: bool) -> Action {
    if shrinks && size > 1 { log.attest(size - 1, root(size - 1)) } else { log.attest(size, root_byte ^ 0xff) }
}

/// A byte of the root of a log of so many records.
fn root(size: u64) -> u8 {
    size.to_le_bytes()[0]
}

/// The number of an account's next transaction.
pub fn nonce(ledger: &Ledger, account: &Account) -> u64 {
    ledger.state().account(account.address()).map_or(0, |account| account.nonce)
}

/// Who joins bonds, once; after another one has left, where the validators can become fewer.
fn join(plan: &Plan, node: &Handle) {
    let account = Account::new(101 + plan.validators);
    let is_second = plan.leaver.is_some() && plan.validators > SEATS_MIN;
    if plan.joins && !(is_second && node.status().epoch == 0) && node.ledger().state().validator(account.address()).is_none() {
        let key = Account::new(1 + plan.validators).bond_key(node.chain(), account.address());
        // Where it waits already it is refused.
        let _ = node.submit(account.transaction(node.chain(), 0, Action::Bond { amount: Amount::from_obols(BOND), key: Some(key) }));
    }
}

/// Who leaves takes everything back, and bonds again, with other money, once it has no seat; after another one has joined, where the validators cannot become fewer before.
fn leave(plan: &Plan, node: &Handle) {
    let Some(place) = plan.leaver else { return };
    let (account, voter) = (Account::new(101 + place), Account::new(1 + place));
    let ledger = node.ledger();
    let is_second = plan.joins && plan.validators <= SEATS_MIN;
    let amount = Amount::from_obols(BOND);
    let number = nonce(&ledger, &account);
    let action = match number {
        0 if !is_second || node.status().epoch > 0 => Action::Unbond { amount },
        1 if plan.returns && !ledger.validators().keys().contains(&voter.key) => Action::Bond { amount, key: None },
        _ => return,
    };
    // Where it waits already it is refused; so is who was barred.
    let _ = node.submit(account.transaction(node.chain(), number, action));
}
