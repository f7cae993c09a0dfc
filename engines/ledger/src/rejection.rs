//! Why a transaction, or a block, is refused: each reason its own, with the values that offend (spec/pantheon.md "Rejections").

use alloc::vec::Vec;
use core::fmt;
use mickai_proof::digest::{BlockId, ChainId, LogId, SetDigest, StateHash};
use mickai_proof::fork::ForkError;
use mickai_proof::history::KeyFault;
use mickai_proof::limits::TRANSACTION_BYTES_MAX;
use mickai_proof::pantheon::{Address, Amount, Height};

/// Why a transaction is refused. The state is then what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It has more bytes than a transaction may.
    Oversized {
        /// How many.
        bytes: usize,
    },
    /// It is meant for another chain.
    OtherChain(ChainId),
    /// Its last block lies below this one.
    Expired {
        /// The block that was to hold it.
        height: Height,
        /// The last one that may.
        expires: Height,
    },
    /// It pays less than its bytes cost.
    FeeTooLow {
        /// What it pays.
        fee: Amount,
        /// What it must.
        least: Amount,
    },
    /// An amount, or a sum, is more than there is.
    Overflow(Amount),
    /// Its sender has no account.
    NoAccount(Address),
    /// Its number was used: it is a duplicate, or was overtaken.
    NonceUsed {
        /// Its number.
        nonce: u64,
        /// The next one.
        next: u64,
    },
    /// Transactions before it are missing.
    NonceGap {
        /// Its number.
        nonce: u64,
        /// The next one.
        next: u64,
    },
    /// The account's key is not known, and it reveals none.
    KeyMissing,
    /// It reveals a key that is known.
    KeyKnown,
    /// The key that it reveals is another account's.
    WrongKey(Address),
    /// Its signature is not by the account's key.
    Signature,
    /// The account has less than it gives.
    Insufficient {
        /// What it has.
        balance: Amount,
        /// What it needs, in obols.
        need: u128,
    },
    /// No such log is registered.
    UnknownLog(LogId),
    /// The log is registered already.
    KnownLog(LogId),
    /// The log is forked, and nothing about it is settled any more.
    FrozenLog(LogId),
    /// A checkpoint's signature is not by the log's key in force.
    CheckpointSignature(LogId),
    /// This checkpoint is the newest already.
    CheckpointKnown(LogId),
    /// The log had more records.
    LogShrinks {
        /// The log.
        log: LogId,
        /// Records of the newest checkpoint.
        have: u64,
        /// Records of this one.
        found: u64,
    },
    /// Another root of as many records was settled, and both are signed: here is the proof.
    LogForked {
        /// The log.
        log: LogId,
        /// A fork proof (spec/checkpoint.md).
        proof: Vec<u8>,
    },
    /// A fork proof proves nothing.
    ForkUnproven(ForkError),
    /// A log's record is not one of the kind, or not of that log, or not after what was told.
    LogRecord(LogId),
    /// A log's record is not signed by the key that had to.
    LogSignature(LogId),
    /// A log's key event cannot follow.
    LogKeys(KeyFault),
    /// A log has had all the key events that a chain follows.
    LogEventsFull(LogId),
    /// A first bond names no key.
    BondKeyMissing,
    /// A further bond names a key.
    BondKeyKnown,
    /// The key did not consent.
    BondKeyProof,
    /// The key votes for another account, or did.
    VoterKnown(Address),
    /// The account lost its bond and may not return.
    Barred(Address),
    /// What would be left, or put up, is less than a bond.
    BondBelowMinimum {
        /// It.
        bond: Amount,
        /// The least.
        least: Amount,
    },
    /// More is taken back than there is.
    BondInsufficient {
        /// The bond.
        bond: Amount,
        /// What was to be taken back.
        amount: Amount,
    },
    /// Too many parts of the bond are on their way back.
    UnbondingFull,
    /// The evidence is against a key that votes for nobody.
    UnknownVoter(Address),
    /// The two votes can be of an honest validator.
    EvidenceConsistent,
    /// The votes are of an epoch that has not come, or is too long ago.
    EvidenceEpoch {
        /// Their epoch.
        epoch: u64,
        /// This one.
        now: u64,
    },
    /// One of the votes is not by that key.
    EvidenceSignature,
    /// The name is somebody else's.
    NameTaken(Address),
}

impl Rejection {
    /// The stable reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Oversized { .. } => "oversized",
            Self::OtherChain(_) => "other-chain",
            Self::Expired { .. } => "expired",
            Self::FeeTooLow { .. } => "fee-too-low",
            Self::Overflow(_) => "overflow",
            Self::NoAccount(_) => "no-account",
            Self::NonceUsed { .. } => "nonce-used",
            Self::NonceGap { .. } => "nonce-gap",
            Self::KeyMissing => "key-missing",
            Self::KeyKnown => "key-known",
            Self::WrongKey(_) => "wrong-key",
            Self::Signature => "signature",
            Self::Insufficient { .. } => "insufficient",
            Self::UnknownLog(_) => "unknown-log",
            Self::KnownLog(_) => "known-log",
            Self::FrozenLog(_) => "frozen-log",
            Self::CheckpointSignature(_) => "checkpoint-signature",
            Self::CheckpointKnown(_) => "checkpoint-known",
            Self::LogShrinks { .. } => "log-shrinks",
            Self::LogForked { .. } => "log-forked",
            Self::ForkUnproven(error) => error.code(),
            Self::LogRecord(_) => "log-record",
            Self::LogSignature(_) => "log-signature",
            Self::LogKeys(KeyFault::PreRotation) => "pre-rotation",
            Self::LogKeys(KeyFault::Proof) => "rotation-proof",
            Self::LogKeys(KeyFault::Event | KeyFault::History) => "key-event",
            Self::LogEventsFull(_) => "log-events-full",
            Self::BondKeyMissing => "bond-key-missing",
            Self::BondKeyKnown => "bond-key-known",
            Self::BondKeyProof => "bond-key-proof",
            Self::VoterKnown(_) => "voter-known",
            Self::Barred(_) => "barred",
            Self::BondBelowMinimum { .. } => "bond-below-minimum",
            Self::BondInsufficient { .. } => "bond-insufficient",
            Self::UnbondingFull => "unbonding-full",
            Self::UnknownVoter(_) => "unknown-voter",
            Self::EvidenceConsistent => "evidence-consistent",
            Self::EvidenceEpoch { .. } => "evidence-epoch",
            Self::EvidenceSignature => "evidence-signature",
            Self::NameTaken(_) => "name-taken",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oversized { bytes } => write!(f, "the transaction has {bytes} bytes, at most {TRANSACTION_BYTES_MAX} are taken"),
            Self::OtherChain(chain) => write!(f, "the transaction is meant for chain {chain}"),
            Self::Expired { height, expires } => write!(f, "block {height} is later than {expires}, the last that may hold the transaction"),
            Self::FeeTooLow { fee, least } => write!(f, "the fee is {fee}, and must be {least} at least"),
            Self::Overflow(amount) => write!(f, "{amount} is more than there is"),
            Self::NoAccount(_) => f.write_str("nothing was ever sent to the sender's address"),
            Self::NonceUsed { nonce, next } => {
                write!(f, "the transaction is the account's number {nonce}, and number {next} is next: it was made before, or another took its place")
            }
            Self::NonceGap { nonce, next } => write!(f, "the transaction is the account's number {nonce}, and number {next} is next"),
            Self::KeyMissing => f.write_str("the account's first transaction must reveal its key"),
            Self::KeyKnown => f.write_str("the account's key is known: leave it out"),
            Self::WrongKey(_) => f.write_str("the key that the transaction reveals is another account's"),
            Self::Signature => f.write_str("the signature is not by the account's key"),
            Self::Insufficient { balance, need } => write!(f, "the account has {balance}, and {need} obols are needed"),
            Self::UnknownLog(log) => write!(f, "log {log} is not registered"),
            Self::KnownLog(log) => write!(f, "log {log} is registered already"),
            Self::FrozenLog(log) => write!(f, "log {log} is forked: nothing about it is settled any more"),
            Self::CheckpointSignature(log) => write!(f, "the checkpoint of log {log} is not signed by its key in force"),
            Self::CheckpointKnown(log) => write!(f, "this checkpoint of log {log} is settled already"),
            Self::LogShrinks { log, have, found } => write!(f, "log {log} had {have} records, and the checkpoint says {found}"),
            Self::LogForked { log, .. } => write!(f, "log {log} has two checkpoints of one size with different roots: it is forked"),
            Self::ForkUnproven(error) => error.fmt(f),
            Self::LogRecord(log) => write!(f, "the record is not the next key event of log {log}"),
            Self::LogSignature(log) => write!(f, "the record of log {log} is not signed by the key that had to"),
            Self::LogKeys(_) => write!(f, "the log's keys do not allow it: {}", self.code()),
            Self::LogEventsFull(log) => write!(f, "log {log} has had all the key events that a chain follows"),
            Self::BondKeyMissing => f.write_str("a first bond names the key that will vote"),
            Self::BondKeyKnown => f.write_str("the account's voting key is known: leave it out"),
            Self::BondKeyProof => f.write_str("the voting key did not sign for this account"),
            Self::VoterKnown(_) => f.write_str("the key votes for another account"),
            Self::Barred(_) => f.write_str("the account's validator voted twice, and may not return"),
            Self::BondBelowMinimum { bond, least } => write!(f, "a bond of {bond} is less than {least}"),
            Self::BondInsufficient { bond, amount } => write!(f, "the bond is {bond}, and {amount} cannot be taken back"),
            Self::UnbondingFull => f.write_str("too many parts of the bond are on their way back: wait for an epoch's end"),
            Self::UnknownVoter(_) => f.write_str("the evidence is against a key that votes for nobody"),
            Self::EvidenceConsistent => f.write_str("the two votes do not contradict each other"),
            Self::EvidenceEpoch { epoch, now } => write!(f, "the votes are of epoch {epoch}, which does not count in epoch {now}"),
            Self::EvidenceSignature => f.write_str("a vote of the evidence is not by that key"),
            Self::NameTaken(_) => f.write_str("the name is somebody else's"),
        }
    }
}

impl core::error::Error for Rejection {}

/// Why a block is not the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// It is of another chain.
    OtherChain(ChainId),
    /// Its height, or its epoch, is not the next one's.
    Height {
        /// What it says.
        found: Height,
        /// What it must say.
        next: Height,
    },
    /// It follows another block.
    Parent(BlockId),
    /// Its time is not above its parent's, both in ms.
    Time {
        /// Its own.
        found_ms: u64,
        /// Its parent's.
        parent_ms: u64,
    },
    /// It names another set of validators.
    Validators(SetDigest),
    /// Its proposer has no seat.
    Proposer(Address),
    /// Its transactions are not those that the header commits to, or more than there may be.
    Transactions,
    /// A transaction is refused.
    Transaction {
        /// Its place in the block.
        index: usize,
        /// Why.
        why: Rejection,
    },
    /// It names another set for the block after it.
    Next(SetDigest),
    /// It names another state than the one after it.
    State {
        /// What it names.
        found: StateHash,
        /// What follows.
        root: StateHash,
    },
    /// What there is after it is not the supply: a fault of this program, so the block is refused.
    Supply {
        /// What there would be, in obols.
        found: u128,
    },
}

impl BlockError {
    /// The stable reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherChain(_) => "block-chain",
            Self::Height { .. } => "block-height",
            Self::Parent(_) => "block-parent",
            Self::Time { .. } => "block-time",
            Self::Validators(_) => "block-validators",
            Self::Proposer(_) => "block-proposer",
            Self::Transactions => "block-transactions",
            Self::Transaction { .. } => "block-transaction",
            Self::Next(_) => "block-next",
            Self::State { .. } => "block-state",
            Self::Supply { .. } => "block-supply",
        }
    }
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherChain(chain) => write!(f, "the block is of chain {chain}"),
            Self::Height { found, next } => write!(f, "the block's height {found}, or its epoch, is not that of block {next}"),
            Self::Parent(parent) => write!(f, "the block follows {parent}, which is not the newest"),
            Self::Time { found_ms, parent_ms } => write!(f, "the block's time {found_ms} ms is not above its parent's {parent_ms} ms"),
            Self::Validators(set) => write!(f, "the block names validators {set}"),
            Self::Proposer(_) => f.write_str("the block's proposer has no seat"),
            Self::Transactions => f.write_str("the block's transactions are not those that its header commits to"),
            Self::Transaction { index, why } => write!(f, "transaction {index}: {why}"),
            Self::Next(set) => write!(f, "the block names validators {set} for the block after it"),
            Self::State { found, root } => write!(f, "the block names state {found}, and what follows is {root}"),
            Self::Supply { found } => write!(f, "after the block there would be {found} obols"),
        }
    }
}

impl core::error::Error for BlockError {}
