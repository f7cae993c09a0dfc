//! The entries of a chain's state, each with its one encoding (spec/pantheon.md "State").

use super::address::Address;
use super::amount::Amount;
use super::error::{PantheonError, Part};
use super::form::{BAD, address, amount, array, ascend, bare, key, list, some_amount, within, write_amount, write_array, write_key, write_uint};
use super::header::Height;
use super::log_entry::LogEntry;
use crate::cbor::{CborError, Reader, write_bytes};
use crate::digest::{Id, KeyId};
use crate::key::PublicKey;
use crate::limits;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// An account, from the first time that something came to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Transactions that it made.
    pub nonce: u64,
    /// What it has.
    pub balance: Amount,
    /// Its key, once it was revealed.
    pub key: Option<PublicKey>,
}

/// A part of a bond on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbonding {
    /// How much.
    pub amount: Amount,
    /// It returns to the account after the block at this height, an epoch's last.
    pub release: Height,
}

/// What an account put up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// The key that votes.
    pub key: PublicKey,
    /// What it may lose.
    pub bond: Amount,
    /// It voted twice, lost everything, and may not return.
    pub is_barred: bool,
    /// What it took back and may still lose, by ascending release.
    pub unbonding: Vec<Unbonding>,
}

/// A name's owner, and what it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The account that may change it.
    pub owner: Address,
    /// The key that acts under it.
    pub key: KeyId,
    /// Digest of what it may do.
    pub mandate: Id,
}

/// Where all PAN are. The four come to the supply after every block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// In accounts.
    pub balances: Amount,
    /// In bonds.
    pub bonds: Amount,
    /// On the way back from bonds.
    pub unbonding: Amount,
    /// With the treasury.
    pub treasury: Amount,
}

/// Who votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The account that earns, and whose bond it is.
    pub account: Address,
    /// The key.
    pub key: PublicKey,
}

/// One entry of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An account.
    Account(Account),
    /// A log of an operator.
    Log(Box<LogEntry>),
    /// A bond.
    Validator(Box<Validator>),
    /// The account whose validator votes with a key.
    Voter(Address),
    /// A name.
    Name(Box<Name>),
    /// Where all PAN are.
    Totals(Totals),
    /// The accounts whose bond, or what returns of it, is not nothing, ascending.
    Roster(Vec<Address>),
    /// Who votes on the next block, by ascending key.
    Seats(Vec<Seat>),
}

impl Totals {
    /// All of it together.
    pub fn sum(&self) -> u128 {
        [self.balances, self.bonds, self.unbonding, self.treasury].iter().map(|amount| u128::from(amount.obols())).sum()
    }
}

impl Entry {
    /// The code that its encoding begins with, and the state key's kind.
    pub fn code(&self) -> u64 {
        match self {
            Self::Account(_) => 0,
            Self::Log(_) => 1,
            Self::Validator(_) => 2,
            Self::Voter(_) => 3,
            Self::Name(_) => 4,
            Self::Totals(_) => 5,
            Self::Roster(_) => 6,
            Self::Seats(_) => 7,
        }
    }

    /// The encoding: an array that begins with the code.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let begin = |out: &mut Vec<u8>, elements: usize| {
            write_array(out, elements);
            write_uint(out, self.code());
        };
        match self {
            Self::Account(account) => {
                begin(&mut out, 4);
                write_uint(&mut out, account.nonce);
                write_amount(&mut out, account.balance);
                write_array(&mut out, usize::from(account.key.is_some()));
                account.key.iter().for_each(|key| write_key(&mut out, key));
            }
            Self::Log(log) => {
                begin(&mut out, 6);
                log.write(&mut out);
            }
            Self::Validator(validator) => {
                begin(&mut out, 5);
                validator.write(&mut out);
            }
            Self::Voter(account) => {
                begin(&mut out, 2);
                write_bytes(&mut out, &account.0);
            }
            Self::Name(name) => {
                begin(&mut out, 4);
                [&name.owner.0, &name.key.0, &name.mandate.0].iter().for_each(|id| write_bytes(&mut out, &id[..]));
            }
            Self::Totals(totals) => {
                begin(&mut out, 5);
                [totals.balances, totals.bonds, totals.unbonding, totals.treasury].iter().for_each(|amount| write_amount(&mut out, *amount));
            }
            Self::Roster(accounts) => {
                begin(&mut out, 2);
                write_array(&mut out, accounts.len());
                accounts.iter().for_each(|account| write_bytes(&mut out, &account.0));
            }
            Self::Seats(seats) => {
                begin(&mut out, 2);
                write_array(&mut out, seats.len());
                for seat in seats {
                    write_array(&mut out, 2);
                    write_bytes(&mut out, &seat.account.0);
                    write_key(&mut out, &seat.key);
                }
            }
        }
        out
    }

    /// Reads the form.
    ///
    /// # Errors
    /// [`PantheonError::Oversized`], [`PantheonError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PantheonError> {
        within(Part::Entry, bytes, limits::ENTRY_BYTES_MAX)?;
        bare(Part::Entry, bytes, |reader| {
            let elements = reader.array()?;
            Ok(match (reader.uint()?, elements) {
                (0, 4) => Self::Account(Account { nonce: reader.uint()?, balance: amount(reader)?, key: optional_key(reader)? }),
                (1, 6) => Self::Log(Box::new(LogEntry::read(reader)?)),
                (2, 5) => Self::Validator(Box::new(Validator::read(reader)?)),
                (3, 2) => Self::Voter(address(reader)?),
                (4, 4) => Self::Name(Box::new(Name { owner: address(reader)?, key: KeyId(reader.fixed()?), mandate: Id(reader.fixed()?) })),
                (5, 5) => Self::Totals(Totals { balances: amount(reader)?, bonds: amount(reader)?, unbonding: amount(reader)?, treasury: amount(reader)? }),
                (6, 2) => Self::Roster(ascending(list(reader, 0, limits::ENTRY_BYTES_MAX / 32, address)?, |account| *account)?),
                (7, 2) => Self::Seats(ascending(list(reader, 1, limits::SEATS_MAX, seat)?, |seat| *seat.key.raw())?),
                _ => return Err(BAD),
            })
        })
    }
}

impl Validator {
    fn write(&self, out: &mut Vec<u8>) {
        write_key(out, &self.key);
        write_amount(out, self.bond);
        write_uint(out, u64::from(self.is_barred));
        write_array(out, self.unbonding.len());
        for part in &self.unbonding {
            write_array(out, 2);
            write_amount(out, part.amount);
            write_uint(out, part.release.0);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let (key, bond) = (key(reader)?, amount(reader)?);
        let is_barred = match reader.uint()? {
            0 => false,
            1 => true,
            _ => return Err(BAD),
        };
        let unbonding = list(reader, 0, limits::UNBONDING_MAX, |reader| {
            array(reader, 2)?;
            Ok(Unbonding { amount: some_amount(reader)?, release: Height(reader.uint()?) })
        })?;
        // What is taken back twice within one epoch returns together.
        Ok(Self { key, bond, is_barred, unbonding: ascending(unbonding, |part| part.release)? })
    }
}

fn optional_key(reader: &mut Reader<'_>) -> Result<Option<PublicKey>, CborError> {
    match reader.array()? {
        0 => Ok(None),
        1 => key(reader).map(Some),
        _ => Err(BAD),
    }
}

fn seat(reader: &mut Reader<'_>) -> Result<Seat, CborError> {
    array(reader, 2)?;
    Ok(Seat { account: address(reader)?, key: key(reader)? })
}

fn ascending<T, K: Ord>(items: Vec<T>, by: impl Fn(&T) -> K) -> Result<Vec<T>, CborError> {
    if ascend(items.iter().map(by)) { Ok(items) } else { Err(BAD) }
}
