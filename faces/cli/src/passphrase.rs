//! Passphrases, by the flags of a command.

use crate::args::{Cli, Command, Key, Revoke};
use crate::failure::Failure;
use mickai_store::keys::asking;
use mickai_store::{Custody, Passphrase};
use std::path::Path;

/// How this command gets at the home's key: by `--signer`, by `--passphrase-file`, or by asking whoever sits at the terminal.
pub fn custody(cli: &Cli) -> Custody {
    let file = cli.passphrase_file.clone();
    let recovery = match &cli.command {
        Command::Key(Key::Rotate { from } | Key::Revoke(Revoke { from, .. })) => {
            from.recovery.as_ref().and_then(|path| std::path::absolute(path).ok()).zip(from.recovery_passphrase_file.clone())
        }
        _ => None,
    };
    Custody::new(cli.signer.clone(), move |path| match &recovery {
        Some((recovery, file)) if recovery == path => asking::existing(Some(file), path),
        _ => asking::existing(file.as_deref(), path),
    })
}

/// A passphrase for something new.
pub fn new(file: Option<&Path>, what: &str) -> Result<Passphrase, Failure> {
    let wanted = Failure::Value { flag: "--new-passphrase-file", value: String::new(), wanted: "a file with a passphrase, or run it on a terminal" };
    asking::new(file, what)?.ok_or(wanted)
}
