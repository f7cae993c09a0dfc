//! What a devnet did, in figures: of blocks as they were told, of transfers as they were submitted and became final.

use crate::client::{height, text, whole};
use serde_json::{Value, json};
use std::time::Duration;

/// Final blocks between two instants.
#[derive(Default)]
pub struct Blocks {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their transactions.
    pub transactions: u64,
    /// The newest of all.
    pub newest: u64,
}

impl Blocks {
    /// Counts one, if it became final while it was measured.
    pub fn add(&mut self, header: &Value, is_measured: bool) {
        self.newest = height(header);
        if is_measured {
            self.count += 1;
            self.bytes += whole(header, "/byte_count");
            self.transactions += whole(header, "/transaction_count");
        }
    }
}

/// Transfers.
#[derive(Default)]
pub struct Transfers {
    /// Submitted while it was measured.
    pub submitted: u64,
    /// Became final while it was measured.
    pub finalised: u64,
    /// From the beginning of the request that submitted it to the event that tells of its block.
    pub finality: Vec<Duration>,
    /// Refused because of too many that wait, and tried again.
    pub retries: u64,
}

impl Transfers {
    /// The time within which so many of a thousand became final.
    fn quantile(&self, thousandths: usize) -> Option<f64> {
        let mut all = self.finality.clone();
        all.sort();
        let at = (all.len() * thousandths).div_ceil(1_000).saturating_sub(1);
        all.get(at).map(|time| time.as_secs_f64() * 1e3)
    }
}

/// The figures as JSON.
pub fn told(blocks: &Blocks, transfers: Option<&Transfers>, measured: Duration, supply: &Value, agreed: &Value) -> Value {
    let seconds = measured.as_secs_f64().max(f64::MIN_POSITIVE);
    let mut told = json!({
        "seconds": seconds,
        "blocks": blocks.count,
        "blocks_per_s": blocks.count as f64 / seconds,
        "height": blocks.newest,
        "bytes_per_s": blocks.bytes as f64 / seconds,
        "agreement": agreed,
        "supply": text(supply, "/total/pan"),
    });
    if let Some(transfers) = transfers {
        told["transfers"] = json!({
            "submitted": transfers.submitted,
            "finalised": transfers.finalised,
            "per_s": transfers.finalised as f64 / seconds,
            "finality_p50_ms": transfers.quantile(500),
            "finality_p99_ms": transfers.quantile(990),
            "retries": transfers.retries,
            "unfinished": transfers.submitted.saturating_sub(transfers.finality.len() as u64),
        });
    }
    told
}

/// The same for people.
pub fn text_of(told: &Value) -> String {
    let number = |pointer: &str| told.pointer(pointer).and_then(Value::as_f64).unwrap_or_default();
    let mut lines = vec![format!(
        "blocks     {} final in {:.1} s, {:.1} a second, up to block {}",
        whole(told, "/blocks"),
        number("/seconds"),
        number("/blocks_per_s"),
        whole(told, "/height")
    )];
    if told["transfers"].is_object() {
        let finalised = whole(told, "/transfers/finalised");
        lines.push(format!(
            "transfers  {finalised} final, {:.1} tx/s; {} submitted, {} refused for now and tried again",
            number("/transfers/per_s"),
            whole(told, "/transfers/submitted"),
            whole(told, "/transfers/retries")
        ));
        lines.push(format!("bytes      {:.0} bytes/s", number("/bytes_per_s")));
        lines.push(format!(
            "finality   p50 {:.0} ms, p99 {:.0} ms, from submitting to the event of the final block",
            number("/transfers/finality_p50_ms"),
            number("/transfers/finality_p99_ms")
        ));
        if whole(told, "/transfers/unfinished") > 0 {
            lines.push(format!("unfinished {} transfers were not final when the devnet ended", whole(told, "/transfers/unfinished")));
        }
    }
    lines.push(format!("agreement  {} validators have block {}: {}", whole(told, "/agreement/validators"), whole(told, "/agreement/height"), text(told, "/agreement/block")));
    lines.push(format!("supply     {}", text(told, "/supply")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_was_measured() {
        let finality = (1..=200).rev().map(Duration::from_millis).collect();
        let transfers = Transfers { finality, ..Transfers::default() };
        assert_eq!((transfers.quantile(500), transfers.quantile(990), transfers.quantile(1_000)), (Some(100.0), Some(198.0), Some(200.0)));
        assert_eq!(Transfers::default().quantile(500), None);
    }
}
