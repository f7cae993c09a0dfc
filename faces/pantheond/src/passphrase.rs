//! Passphrases, by the flags of a command.

use crate::args::Cli;
use crate::failure::Failure;
use mickai_store::keys::asking;
use mickai_store::{Custody, Passphrase};
use std::path::Path;

/// How this command gets at a key: by `--passphrase-file`, or by asking whoever sits at the terminal.
pub fn custody(cli: &Cli) -> Custody {
    let file = cli.passphrase_file.clone();
    Custody::new(None, move |path| asking::existing(file.as_deref(), path))
}

/// A passphrase for something new.
pub fn new(file: Option<&Path>, what: &str) -> Result<Passphrase, Failure> {
    let wanted = Failure::Value { flag: "--new-passphrase-file", value: String::new(), wanted: "a file with a passphrase, or run it on a terminal" };
    asking::new(file, what)?.ok_or(wanted)
}
