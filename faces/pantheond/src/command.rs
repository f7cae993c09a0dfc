//! From the command line to what it does, and to the exit code.

use crate::args::{Cli, Command};
use crate::failure::{self, Failure};
use crate::out::Out;
use crate::{devnet, doctor, genesis, light, look, node, reference, wallet};
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// The whole program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Where even the message cannot be printed, the code still tells.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { failure::USAGE } else { 0 });
        }
    };
    match perform(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            failure.print(cli.json);
            ExitCode::from(failure.code())
        }
    }
}

fn perform(cli: &Cli) -> Result<u8, Failure> {
    let out = Out { json: cli.json };
    match &cli.command {
        Command::Genesis(args) => genesis::genesis(args, out),
        Command::Wallet(args) => wallet::wallet(cli, args, out),
        Command::Attest(args) => wallet::attest(cli, args, out),
        Command::Bond(args) => wallet::bond(cli, args, out),
        Command::Unbond(args) => wallet::unbond(cli, args, out),
        Command::Supply => look::supply(cli, out),
        Command::Status => look::status(cli, out),
        Command::Validators => look::validators(cli, out),
        Command::Block(args) => look::block(cli, args, out),
        Command::Tx(args) => look::tx(cli, args, out),
        Command::Log(args) => look::log(cli, args, out),
        Command::Account(args) => look::account(cli, args, out),
        Command::Light(args) => light::light(cli, args, out),
        Command::Doctor(args) => doctor::doctor(cli, args, out),
        Command::Node(args) => node::node(cli, args, out),
        Command::Devnet(args) => devnet::devnet(cli, args, out),
        Command::Reference { what } => reference::reference(*what, out),
    }
}

/// `--home`, `PANTHEON_HOME`, or the XDG data folder.
pub fn home(cli: &Cli) -> Result<PathBuf, Failure> {
    if let Some(home) = &cli.home {
        return std::path::absolute(home).map_err(Failure::io(home));
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let data = data.or_else(|| Some(std::env::home_dir()?.join(".local/share")));
    data.map(|data| data.join("pantheon")).ok_or(Failure::NoHome)
}
