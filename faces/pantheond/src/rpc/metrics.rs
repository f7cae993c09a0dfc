//! Counts of the RPC in Prometheus' text format (exposition format 0.0.4), before those of the node.

use super::chain::Standing;
use super::limits::{CONNECTIONS_OF_ONE_MAX, SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_OF_ONE_MAX};
use super::refused::{Refused, Result};
use mickai_ledger::Ledger;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// What is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests answered, by route and status.
    answered: Mutex<BTreeMap<(&'static str, u16), u64>>,
    /// Connections open now, by address.
    connections: Arc<Count>,
    /// Streams of events open now, by address.
    subscriptions: Arc<Count>,
}

/// How many of something there are, by address.
#[derive(Debug, Default)]
struct Count(Mutex<HashMap<IpAddr, usize>>);

/// One of something, until it is dropped.
pub struct Counted {
    count: Arc<Count>,
    caller: IpAddr,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut all = self.count.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(have) = all.get_mut(&self.caller) {
            *have = have.saturating_sub(1);
            if *have == 0 {
                all.remove(&self.caller);
            }
        }
    }
}

impl Count {
    /// One more, where there are fewer than so many in all and of this caller.
    fn take(self: &Arc<Self>, caller: IpAddr, (most, most_of_one): (usize, usize)) -> Option<Counted> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.values().sum::<usize>() >= most || all.get(&caller).is_some_and(|have| *have >= most_of_one) {
            return None;
        }
        *all.entry(caller).or_default() += 1;
        Some(Counted { count: self.clone(), caller })
    }

    fn total(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl Metrics {
    /// Counts an answer. `route` is one of the table, so that strangers cannot make it grow.
    pub fn answered(&self, route: &'static str, status: u16) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner).entry((route, status)).or_default() += 1;
    }

    /// Counts a connection; `None` where one address has too many.
    pub fn connection(&self, caller: IpAddr) -> Option<Counted> {
        // Of all together there are as many as there are places to accept.
        self.connections.take(caller, (usize::MAX, CONNECTIONS_OF_ONE_MAX))
    }

    /// Counts a stream of events.
    ///
    /// # Errors
    /// 429 where there are too many.
    pub fn subscription(&self, caller: IpAddr) -> Result<Counted> {
        let taken = self.subscriptions.take(caller, (SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_OF_ONE_MAX));
        let message = || format!("at most {SUBSCRIPTIONS_MAX} streams of events are served, {SUBSCRIPTIONS_OF_ONE_MAX} to one address");
        taken.ok_or_else(|| Refused::too_many("subscriptions", message()))
    }

    /// Everything as text.
    pub fn text(&self, ledger: &Ledger, standing: &Standing, engine: &str) -> String {
        let mut out = String::new();
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = answered.iter().map(|((route, status), count)| (format!("route=\"{route}\",status=\"{status}\""), *count));
        family(&mut out, "pantheon_http_requests_total", "counter", "requests answered", rows);
        let gauges = [
            ("pantheon_http_connections", "connections open now", self.connections.total() as u64),
            ("pantheon_http_subscriptions", "streams of events open now", self.subscriptions.total() as u64),
            ("pantheon_height", "the newest final block", ledger.height().0),
            ("pantheon_block_time_ms", "when it was proposed, ms since 1970", ledger.time_ms()),
            ("pantheon_epoch", "the next block's epoch", standing.epoch),
            ("pantheon_seats", "validators that vote", ledger.validators().keys().len() as u64),
            ("pantheon_waiting_transactions", "transactions that wait", standing.waiting as u64),
            ("pantheon_waiting_bytes", "their bytes", standing.waiting_bytes as u64),
            ("pantheon_is_validator", "1 where the node votes", u64::from(standing.is_validator)),
        ];
        for (name, help, value) in gauges {
            family(&mut out, name, "gauge", help, [(String::new(), value)].into_iter());
        }
        out + engine
    }
}

fn family(out: &mut String, name: &str, kind: &str, help: &str, rows: impl Iterator<Item = (String, u64)>) {
    // Writing to a text does not fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in rows {
        let _ = if labels.is_empty() { writeln!(out, "{name} {value}") } else { writeln!(out, "{name}{{{labels}}} {value}") };
    }
}
