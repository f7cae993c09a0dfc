//! Why the home's own chain does not go on, and what there is to do.

use mickai_ledger::{BlockError, Rejection};
use mickai_proof::digest::ChainId;
use mickai_proof::pantheon::{Height, PantheonError};
use std::fmt;
use std::path::PathBuf;

/// What is wrong with a chain of one.
#[derive(Debug)]
pub enum OwnFault {
    /// Nobody settled here yet.
    NotMade,
    /// The chain on record is not here.
    Missing {
        /// Which.
        chain: ChainId,
        /// Where it ought to be.
        folder: PathBuf,
    },
    /// Another chain is here than the one on record.
    Other {
        /// On record.
        chain: ChainId,
        /// Here.
        found: ChainId,
        /// Where.
        folder: PathBuf,
    },
    /// The folder was put back to an older state: blocks that were given out are not in it.
    PutBack {
        /// The newest block that was given out.
        given: Height,
        /// The newest here.
        have: Height,
        /// Where.
        folder: PathBuf,
    },
    /// A key is not the one that genesis names, or is gone.
    Key(PathBuf),
    /// The chain does not take what was sent.
    Refused(Rejection),
    /// The genesis that was made is none: a fault of this program.
    Genesis(PantheonError),
    /// The block that was made does not follow: a fault of this program.
    Block(BlockError),
    /// The store.
    Store(mickai_store::Error),
}

impl fmt::Display for OwnFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMade => f.write_str("there is no chain of one yet: `mickai settle` makes it"),
            Self::Missing { chain, folder } => {
                write!(
                    f,
                    "chain {chain}, on which this log settles, is not in {}: put the folder back as it was, or begin another chain with `mickai settle --own`",
                    folder.display()
                )
            }
            Self::Other { chain, found, folder } => {
                write!(
                    f,
                    "this log settles on chain {chain}, and {} is chain {found}: put the right folder back, or settle on this one with `mickai settle --own`",
                    folder.display()
                )
            }
            Self::PutBack { given, have, folder } => write!(
                f,
                "{} was put back to an older state: block {given} was given out and the newest here is {have}. Another history of that chain would be worth nothing: put the newest folder back, or move this one out of the home and begin another chain with `mickai settle --own`",
                folder.display()
            ),
            Self::Key(path) => write!(
                f,
                "{} is not the key that this home's own chain knows: put it back, or move the folder `chain` out of the home and begin another chain with `mickai settle --own`",
                path.display()
            ),
            Self::Refused(why) => write!(f, "this home's own chain refuses it ({}): {why}", why.code()),
            Self::Genesis(why) => write!(f, "no chain can begin: {why}. This is a fault of mickai, please report it"),
            Self::Block(why) => write!(f, "no block can follow ({}): {why}. This is a fault of mickai, please report it", why.code()),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OwnFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(why) => Some(why),
            Self::Genesis(why) => Some(why),
            Self::Block(why) => Some(why),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<mickai_store::Error> for OwnFault {
    fn from(error: mickai_store::Error) -> Self {
        Self::Store(error)
    }
}
