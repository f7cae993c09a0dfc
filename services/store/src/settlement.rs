//! What chains said of the log, as files of the home: the light proof of its newest settlement on each, and what speaks against it.
//!
//! Whoever changes one gains nothing: every byte of a proof is determined by the others and by the chain's id, and each is verified again before it goes into a bundle.

use crate::disk::{self, Existing};
use crate::error::Error;
use crate::home::Home;
use crate::log::Running;
use mickai_proof::digest::ChainId;
use mickai_proof::limits;
use std::io::ErrorKind;
use std::path::PathBuf;

const PROOF: &str = "light";

impl Home {
    /// The light proof of the newest settlement on a chain.
    pub fn settlement_path(&self, chain: ChainId) -> PathBuf {
        self.settlements_path().join(format!("{chain}.{PROOF}"))
    }

    /// The fork proof that a chain gave in place of settling a checkpoint.
    pub fn fork_path(&self, chain: ChainId) -> PathBuf {
        self.settlements_path().join(format!("{chain}.fork"))
    }

    /// The checkpoint that a chain settled and that this log does not continue.
    pub fn settled_note_path(&self, chain: ChainId) -> PathBuf {
        self.settlements_path().join(format!("{chain}.note"))
    }

    /// Keeps a file of the three in place of an older one.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn keep_settlement_file(&self, _act: &Running, path: &std::path::Path, bytes: &[u8]) -> Result<(), Error> {
        disk::create_folder(&self.settlements_path())?;
        disk::write_file(path, bytes, Existing::Replace)
    }

    /// The light proofs that are kept, by ascending chain. Nothing is verified.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Io`].
    pub fn settlements(&self) -> Result<Vec<(ChainId, Vec<u8>)>, Error> {
        let folder = self.settlements_path();
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("read", &folder)(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some(chain) = ChainId::from_hex(name).filter(|_| path.extension().is_some_and(|extension| extension == PROOF))
                && let Some(bytes) = disk::read_file(&path, limits::SETTLEMENT_BYTES_MAX as u64)?
            {
                found.push((chain, bytes));
            }
        }
        found.sort_by_key(|(chain, _)| *chain);
        Ok(found)
    }
}
