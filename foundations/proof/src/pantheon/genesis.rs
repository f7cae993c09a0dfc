//! Genesis: who has what before the first block, and the rules that this chain keeps (spec/pantheon.md "Genesis").

use super::address::{Address, Network};
use super::amount::Amount;
use super::error::{PantheonError, Part};
use super::form::{BAD, address, array, ascend, bare, begin, key, list, some_amount, whole, within, write_amount, write_array, write_key, write_uint};
use super::validators::ValidatorSet;
use crate::cbor::{CborError, Reader, write_bytes, write_text};
use crate::digest::{ChainId, TreeHash, sha256};
use crate::key::PublicKey;
use crate::limits;
use crate::merkle::{self, Frontier};
use alloc::string::String;
use alloc::vec::Vec;

const MAGIC: &str = "pan-genesis";
const ELEMENTS: u64 = 11;
const DOMAIN: &[u8] = b"pan-genesis-v1\0";
const PARAM_COUNT: usize = 8;

/// The least that a bond may be asked to be: 1,000,000 PAN. So no more than 5,000 accounts have one, and an epoch's end is bounded.
const BOND_LEAST: u64 = 1_000_000_000_000_000;
const EPOCH_BLOCKS_MAX: u64 = 1_000_000;
const UNBONDING_EPOCHS_MAX: u64 = 10_000;
/// Shares are in ten-thousandths.
const WHOLE_SHARE: u64 = 10_000;
/// What the main network holds to.
const MAIN_SEATS: (u64, u64) = (4, 21);

/// The rules that a chain keeps for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// With fewer bonds than this the set stays as it is.
    pub seats_min: u64,
    /// No set has more validators.
    pub seats_max: u64,
    /// Blocks of one epoch.
    pub epoch_blocks: u64,
    /// Epochs that what was unbonded waits, and during which evidence counts.
    pub unbonding_epochs: u64,
    /// The least bond.
    pub bond_min: Amount,
    /// What each transaction pays at least.
    pub fee_base: Amount,
    /// And for each of its bytes.
    pub fee_byte: Amount,
    /// The treasury's share of a fee, in ten-thousandths; the rest is the proposer's.
    pub treasury_share: u64,
}

/// What an account has from the beginning.
#[derive(Clone, PartialEq, Eq)]
pub struct Allocation {
    /// To whom.
    pub to: Address,
    /// How much, not nothing.
    pub amount: Amount,
}

/// One validator of genesis: the account, the key that votes, the bond.
pub type GenesisBond = (Address, PublicKey, Amount);

/// All of genesis that a light client needs: the digest of its encoding names the chain.
#[derive(Clone, PartialEq, Eq)]
pub struct GenesisHead {
    /// Of which network.
    pub network: Network,
    /// What people call the chain.
    pub name: String,
    /// When it begins, ms since 1970.
    pub time_ms: u64,
    /// Its rules.
    pub params: Params,
    /// The first validators, by ascending key.
    pub bonds: Vec<GenesisBond>,
    /// What belongs to the treasury.
    pub treasury: Amount,
    /// How many accounts are given something.
    pub allocation_count: u64,
    /// How much in all.
    pub allocated: Amount,
    /// RFC 6962 root over the allocations' encodings.
    pub allocations: TreeHash,
}

/// The head, and the accounts.
#[derive(Clone, PartialEq, Eq)]
pub struct Genesis {
    /// What is pinned.
    pub head: GenesisHead,
    /// By ascending address.
    pub allocations: Vec<Allocation>,
}

impl Params {
    fn check(&self, network: Network) -> bool {
        let (least, most) = if network == Network::Main { MAIN_SEATS } else { (1, limits::SEATS_MAX as u64) };
        let are_seats_good = least <= self.seats_min && self.seats_min <= self.seats_max && self.seats_max <= most;
        let are_times_good = (1..=EPOCH_BLOCKS_MAX).contains(&self.epoch_blocks) && (1..=UNBONDING_EPOCHS_MAX).contains(&self.unbonding_epochs);
        are_seats_good && are_times_good && self.bond_min.obols() >= BOND_LEAST && self.treasury_share <= WHOLE_SHARE
    }

    /// The least fee of a transaction of so many bytes; `None` where nobody could pay it.
    pub fn fee_min(&self, byte_count: usize) -> Option<Amount> {
        let bytes = self.fee_byte.obols().checked_mul(u64::try_from(byte_count).ok()?)?;
        bytes.checked_add(self.fee_base.obols()).map(Amount::from_obols)
    }

    /// The treasury's part of a fee, rounded down.
    pub fn treasury_part(&self, fee: Amount) -> Amount {
        let part = u128::from(fee.obols()) * u128::from(self.treasury_share) / u128::from(WHOLE_SHARE);
        // A share of an amount is at most the amount.
        u64::try_from(part).map_or(fee, Amount::from_obols)
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_array(out, PARAM_COUNT);
        let amounts = [self.bond_min, self.fee_base, self.fee_byte].map(Amount::obols);
        [self.seats_min, self.seats_max, self.epoch_blocks, self.unbonding_epochs].iter().chain(&amounts).chain([&self.treasury_share]).for_each(|value| write_uint(out, *value));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        array(reader, PARAM_COUNT as u64)?;
        Ok(Self {
            seats_min: reader.uint()?,
            seats_max: reader.uint()?,
            epoch_blocks: reader.uint()?,
            unbonding_epochs: reader.uint()?,
            bond_min: super::form::amount(reader)?,
            fee_base: super::form::amount(reader)?,
            fee_byte: super::form::amount(reader)?,
            treasury_share: reader.uint()?,
        })
    }
}

impl GenesisHead {
    /// The encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = begin(MAGIC, ELEMENTS);
        write_uint(&mut out, self.network.code());
        write_text(&mut out, &self.name);
        write_uint(&mut out, self.time_ms);
        self.params.write(&mut out);
        write_array(&mut out, self.bonds.len());
        for (account, key, bond) in &self.bonds {
            write_array(&mut out, 3);
            write_bytes(&mut out, &account.0);
            write_key(&mut out, key);
            write_amount(&mut out, *bond);
        }
        write_amount(&mut out, self.treasury);
        write_uint(&mut out, self.allocation_count);
        write_amount(&mut out, self.allocated);
        write_bytes(&mut out, &self.allocations.0);
        out
    }

    /// Reads the form, and checks the rules and the sum.
    ///
    /// # Errors
    /// [`PantheonError::Malformed`], [`PantheonError::GenesisParams`], [`PantheonError::GenesisSum`], in that order.
    pub fn parse(bytes: &[u8]) -> Result<Self, PantheonError> {
        let head = whole(Part::Genesis, bytes, MAGIC, ELEMENTS, |reader| {
            Ok(Self {
                network: Network::from_code(reader.uint()?).ok_or(BAD)?,
                name: super::action::name(reader)?,
                time_ms: reader.uint()?,
                params: Params::read(reader)?,
                bonds: list(reader, 1, limits::SEATS_MAX, bond)?,
                treasury: super::form::amount(reader)?,
                allocation_count: reader.uint()?,
                allocated: super::form::amount(reader)?,
                allocations: TreeHash(reader.fixed()?),
            })
        })?;
        head.check()?;
        Ok(head)
    }

    fn check(&self) -> Result<(), PantheonError> {
        let params = &self.params;
        let mut accounts: Vec<_> = self.bonds.iter().map(|(account, ..)| account).collect();
        accounts.sort();
        let are_bonds_distinct = ascend(accounts) && ascend(self.bonds.iter().map(|(_, key, _)| key.raw()));
        if !are_bonds_distinct || self.allocation_count > limits::ALLOCATIONS_MAX as u64 {
            return Err(PantheonError::Malformed(Part::Genesis));
        }
        let is_seated = (params.seats_min..=params.seats_max).contains(&(self.bonds.len() as u64));
        if !params.check(self.network) || !is_seated || self.bonds.iter().any(|(.., bond)| *bond < params.bond_min) {
            return Err(PantheonError::GenesisParams);
        }
        let bonded: u128 = self.bonds.iter().map(|(.., bond)| u128::from(bond.obols())).sum();
        let sum = bonded + u128::from(self.treasury.obols()) + u128::from(self.allocated.obols());
        if sum == u128::from(Amount::SUPPLY.obols()) { Ok(()) } else { Err(PantheonError::GenesisSum { sum, supply: Amount::SUPPLY }) }
    }

    /// SHA-256("pan-genesis-v1" ‖ 0x00 ‖ head): the chain's id.
    pub fn id(&self) -> ChainId {
        Self::id_of(&self.encode())
    }

    /// The id of the chain whose head has these bytes.
    pub fn id_of(head: &[u8]) -> ChainId {
        ChainId(sha256(&[DOMAIN, head]))
    }

    /// The first validators as a set.
    pub fn validators(&self) -> Option<ValidatorSet> {
        ValidatorSet::new(self.bonds.iter().map(|(_, key, _)| key.clone()).collect())
    }
}

fn bond(reader: &mut Reader<'_>) -> Result<GenesisBond, CborError> {
    array(reader, 3)?;
    Ok((address(reader)?, key(reader)?, some_amount(reader)?))
}

impl Allocation {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(48);
        write_array(&mut out, 2);
        write_bytes(&mut out, &self.to.0);
        write_amount(&mut out, self.amount);
        out
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        array(reader, 2)?;
        Ok(Self { to: address(reader)?, amount: some_amount(reader)? })
    }
}

/// Count, sum and root of allocations, as a head states them. A sum beyond 64 bits is stated as the largest number, which no genesis may have.
fn totals(allocations: &[Allocation]) -> (u64, Amount, TreeHash) {
    let mut tree = Frontier::default();
    allocations.iter().for_each(|allocation| tree.push(merkle::leaf(&allocation.encode())));
    let sum: u128 = allocations.iter().map(|allocation| u128::from(allocation.amount.obols())).sum();
    (allocations.len() as u64, Amount::from_obols(u64::try_from(sum).unwrap_or(u64::MAX)), tree.root().unwrap_or_else(|| TreeHash(sha256(&[]))))
}

impl Genesis {
    /// Puts allocations, in any order, under a head, whose statements about them are made here; then everything that [`Genesis::parse`] checks.
    ///
    /// # Errors
    /// As [`Genesis::parse`].
    pub fn new(mut head: GenesisHead, mut allocations: Vec<Allocation>) -> Result<Self, PantheonError> {
        allocations.sort_by_key(|allocation| allocation.to);
        head.bonds.sort_by(|(_, a, _), (_, b, _)| a.raw().cmp(b.raw()));
        (head.allocation_count, head.allocated, head.allocations) = totals(&allocations);
        Self::parse(&Self { head, allocations }.encode())
    }

    /// The encoding: `[head, [* [address, amount]]]`, the head a byte string.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_array(&mut out, 2);
        write_bytes(&mut out, &self.head.encode());
        write_array(&mut out, self.allocations.len());
        self.allocations.iter().for_each(|allocation| out.extend(allocation.encode()));
        out
    }

    /// Reads the form and checks everything.
    ///
    /// # Errors
    /// [`PantheonError::Oversized`], those of [`GenesisHead::parse`], [`PantheonError::GenesisAllocations`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PantheonError> {
        within(Part::Genesis, bytes, limits::GENESIS_BYTES_MAX)?;
        let (head, allocations) = bare(Part::Genesis, bytes, |reader| {
            array(reader, 2)?;
            let head = reader.bytes()?;
            let allocations = list(reader, 0, limits::ALLOCATIONS_MAX, Allocation::read)?;
            if ascend(allocations.iter().map(|allocation| allocation.to)) { Ok((head, allocations)) } else { Err(BAD) }
        })?;
        let head = GenesisHead::parse(head)?;
        if totals(&allocations) != (head.allocation_count, head.allocated, head.allocations) {
            return Err(PantheonError::GenesisAllocations);
        }
        Ok(Self { head, allocations })
    }
}
