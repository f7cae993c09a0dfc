//! Genesis as people write it: TOML with amounts in PAN, addresses, and key files beside it.

use crate::config::public_key;
use crate::failure::Failure;
use mickai_proof::digest::TreeHash;
use mickai_proof::pantheon::{Address, Allocation, Amount, Genesis, GenesisHead, Network, Params};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    network: String,
    name: String,
    /// An instant (RFC 3339).
    time: String,
    params: ParamsText,
    #[serde(default = "nothing")]
    treasury: String,
    #[serde(default, rename = "validator")]
    validators: Vec<ValidatorText>,
    #[serde(default, rename = "allocation")]
    allocations: Vec<AllocationText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParamsText {
    seats_min: u64,
    seats_max: u64,
    epoch_blocks: u64,
    unbonding_epochs: u64,
    bond_min: String,
    fee_base: String,
    fee_byte: String,
    /// Ten-thousandths.
    treasury_share: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidatorText {
    account: String,
    key: PathBuf,
    bond: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllocationText {
    to: String,
    amount: String,
}

fn nothing() -> String {
    "0".to_owned()
}

/// Where a value stands, for whoever has to correct it.
struct Place<'a> {
    path: &'a Path,
}

impl Place<'_> {
    fn wrong(&self, field: &'static str, value: &str, wanted: &'static str) -> Failure {
        Failure::Text { path: self.path.to_owned(), field, value: value.to_owned(), wanted }
    }

    fn amount(&self, field: &'static str, value: &str) -> Result<Amount, Failure> {
        Amount::from_pan(value).map_err(|_| self.wrong(field, value, "an amount in PAN: digits, at most nine behind a point, not more than there is"))
    }

    fn address(&self, field: &'static str, value: &str, network: Network) -> Result<Address, Failure> {
        Address::from_text(value, network).map_err(|_| self.wrong(field, value, "an address of this network, as `pantheon wallet show` prints it"))
    }
}

/// The genesis that a text says.
pub fn make(path: &Path) -> Result<Genesis, Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::io(path))?;
    let text: Text = toml::from_str(&text).map_err(|source| Failure::Toml { path: path.to_owned(), source: Box::new(source) })?;
    let place = Place { path };
    let network = match text.network.as_str() {
        "main" => Network::Main,
        "test" => Network::Test,
        other => return Err(place.wrong("network", other, "main or test")),
    };
    let bond = |validator: &ValidatorText| {
        let key = public_key(&path.parent().unwrap_or(Path::new("")).join(&validator.key))?;
        Ok((place.address("account", &validator.account, network)?, key, place.amount("bond", &validator.bond)?))
    };
    let allocation = |allocation: &AllocationText| Ok(Allocation { to: place.address("to", &allocation.to, network)?, amount: place.amount("amount", &allocation.amount)? });
    let head = GenesisHead {
        network,
        name: text.name,
        time_ms: time_ms(&place, &text.time)?,
        params: params(&place, &text.params)?,
        bonds: text.validators.iter().map(bond).collect::<Result<_, Failure>>()?,
        treasury: place.amount("treasury", &text.treasury)?,
        allocation_count: 0,
        allocated: Amount::ZERO,
        allocations: TreeHash([0; 32]),
    };
    let allocations = text.allocations.iter().map(allocation).collect::<Result<_, Failure>>()?;
    Genesis::new(head, allocations).map_err(Failure::file(path))
}

fn params(place: &Place<'_>, text: &ParamsText) -> Result<Params, Failure> {
    Ok(Params {
        seats_min: text.seats_min,
        seats_max: text.seats_max,
        epoch_blocks: text.epoch_blocks,
        unbonding_epochs: text.unbonding_epochs,
        bond_min: place.amount("bond_min", &text.bond_min)?,
        fee_base: place.amount("fee_base", &text.fee_base)?,
        fee_byte: place.amount("fee_byte", &text.fee_byte)?,
        treasury_share: text.treasury_share,
    })
}

fn time_ms(place: &Place<'_>, text: &str) -> Result<u64, Failure> {
    let time: Option<jiff::Timestamp> = text.parse().ok();
    time.and_then(|time| u64::try_from(time.as_millisecond()).ok()).ok_or_else(|| place.wrong("time", text, "an instant like 2026-11-29T12:00:00Z"))
}
