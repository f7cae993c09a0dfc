//! The retention policy as a small file of the home: the copy, for people and tools, of what the log says is in force.
//!
//! Whoever changes it changes nothing but this copy: the policy in force is the one on record (spec/privacy.md).

use crate::disk::{self, Existing};
use crate::error::Error;
use crate::home::Home;
use crate::limits;
use crate::log::Running;

impl Home {
    /// The copy, as it was written; `None` where no policy was ever set.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Io`].
    pub fn retention(&self) -> Result<Option<Vec<u8>>, Error> {
        disk::read_file(&self.retention_path(), limits::RETENTION_FILE_BYTES_MAX)
    }

    /// Puts another in its place, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn set_retention(&self, _act: &Running, bytes: &[u8]) -> Result<(), Error> {
        disk::write_file(&self.retention_path(), bytes, Existing::Replace)
    }
}
