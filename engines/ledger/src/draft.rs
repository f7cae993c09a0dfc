//! Changes over a state that can be taken back to a mark: what a refused transaction leaves is nothing.

use crate::rejection::Rejection;
use crate::state::State;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use mickai_proof::digest::LogId;
use mickai_proof::pantheon::{Account, Address, Amount, Entry, LogEntry, Name, StateKey, Totals, Validator};

pub(crate) struct Draft<'a> {
    base: &'a State,
    changes: BTreeMap<StateKey, Entry>,
    /// What stood in `changes` before each write since the last mark.
    undo: Vec<(StateKey, Option<Entry>)>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(base: &'a State) -> Self {
        Self { base, changes: BTreeMap::new(), undo: Vec::new() }
    }

    /// What `step` does, or nothing where it is refused.
    pub(crate) fn atomically<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, Rejection>) -> Result<T, Rejection> {
        self.undo.clear();
        let done = step(self);
        if done.is_err() {
            while let Some((key, before)) = self.undo.pop() {
                match before {
                    Some(entry) => self.changes.insert(key, entry),
                    None => self.changes.remove(&key),
                };
            }
        }
        done
    }

    pub(crate) fn base(&self) -> &'a State {
        self.base
    }

    pub(crate) fn changes(&self) -> &BTreeMap<StateKey, Entry> {
        &self.changes
    }

    pub(crate) fn get(&self, key: &StateKey) -> Option<&Entry> {
        self.changes.get(key).or_else(|| self.base.get(key))
    }

    pub(crate) fn set(&mut self, key: StateKey, entry: Entry) {
        let before = self.changes.insert(key.clone(), entry);
        self.undo.push((key, before));
    }

    pub(crate) fn account(&self, address: Address) -> Option<Account> {
        if let Some(Entry::Account(account)) = self.get(&StateKey::Account(address)) { Some(account.clone()) } else { None }
    }

    pub(crate) fn set_account(&mut self, address: Address, account: Account) {
        self.set(StateKey::Account(address), Entry::Account(account));
    }

    /// Takes from an account.
    pub(crate) fn debit(&mut self, address: Address, amount: Amount) -> Result<(), Rejection> {
        let mut account = self.account(address).ok_or(Rejection::NoAccount(address))?;
        let short = Rejection::Insufficient { balance: account.balance, need: amount.obols().into() };
        account.balance = account.balance.checked_sub(amount).ok_or(short)?;
        self.set_account(address, account);
        Ok(())
    }

    /// Gives to an account, which is made where there was none.
    pub(crate) fn credit(&mut self, address: Address, amount: Amount) -> Result<(), Rejection> {
        let mut account = self.account(address).unwrap_or_default();
        account.balance = account.balance.checked_add(amount).ok_or(Rejection::Overflow(amount))?;
        self.set_account(address, account);
        Ok(())
    }

    pub(crate) fn totals(&self) -> Totals {
        if let Some(Entry::Totals(totals)) = self.get(&StateKey::Totals) { *totals } else { Totals::default() }
    }

    /// Gives to the treasury.
    pub(crate) fn credit_treasury(&mut self, amount: Amount) -> Result<(), Rejection> {
        let mut totals = self.totals();
        totals.treasury = totals.treasury.checked_add(amount).ok_or(Rejection::Overflow(amount))?;
        self.set(StateKey::Totals, Entry::Totals(totals));
        Ok(())
    }

    pub(crate) fn log(&self, log: LogId) -> Option<LogEntry> {
        if let Some(Entry::Log(entry)) = self.get(&StateKey::Log(log)) { Some((**entry).clone()) } else { None }
    }

    pub(crate) fn set_log(&mut self, log: LogId, entry: LogEntry) {
        self.set(StateKey::Log(log), Entry::Log(Box::new(entry)));
    }

    pub(crate) fn validator(&self, account: Address) -> Option<Validator> {
        if let Some(Entry::Validator(validator)) = self.get(&StateKey::Validator(account)) { Some((**validator).clone()) } else { None }
    }

    /// Keeps a validator, and the roster with it.
    pub(crate) fn set_validator(&mut self, account: Address, validator: Validator) {
        let holds = validator.bond != Amount::ZERO || !validator.unbonding.is_empty();
        let mut roster = self.roster();
        let place = roster.binary_search(&account);
        if place.is_ok() != holds {
            match place {
                Ok(at) => drop(roster.remove(at)),
                Err(at) => roster.insert(at, account),
            }
            self.set(StateKey::Roster, Entry::Roster(roster));
        }
        self.set(StateKey::Validator(account), Entry::Validator(Box::new(validator)));
    }

    /// The accounts with something in bonds, ascending.
    pub(crate) fn roster(&self) -> Vec<Address> {
        if let Some(Entry::Roster(accounts)) = self.get(&StateKey::Roster) { accounts.clone() } else { Vec::new() }
    }

    pub(crate) fn voter(&self, key: Address) -> Option<Address> {
        if let Some(Entry::Voter(account)) = self.get(&StateKey::Voter(key)) { Some(*account) } else { None }
    }

    pub(crate) fn name(&self, name: &str) -> Option<Name> {
        if let Some(Entry::Name(entry)) = self.get(&StateKey::Name(name.into())) { Some((**entry).clone()) } else { None }
    }
}
