//! The binary `mickai`: reads the command line, calls the runtime, prints what came of it.

mod adapter;
mod answer;
mod args;
mod ask;
mod chat;
mod doctor;
mod erase;
mod failure;
mod key;
mod log;
mod model;
mod model_diff;
mod model_import;
mod out;
mod passphrase;
mod plain;
mod profile;
mod replay;
mod retention;
mod serve;
mod settle;
mod signer;
mod turn;

use args::{Adapter, Cli, Command, Key, Log, Model, Retention, Settle, SettleCommand};
use clap::{CommandFactory, Parser};
use failure::Failure;
use mickai_runtime::{System, lacks_operator_key};
use out::{Out, code_after, remark};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Where even the message cannot be printed, the code still tells.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { failure::USAGE } else { 0 });
        }
    };
    match run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.code())
        }
    }
}

fn run(cli: &Cli) -> Result<u8, Failure> {
    let out = Out { json: cli.json };
    match &cli.command {
        Command::Completions { shell } => {
            // Into memory first: straight to an output that takes no more, clap would panic.
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "mickai", &mut script);
            code_after(out.piece(&String::from_utf8_lossy(&script)), 0)
        }
        Command::Man { folder } => {
            std::fs::create_dir_all(folder).map_err(Failure::file(folder))?;
            clap_mangen::generate_to(Cli::command(), folder).map_err(Failure::file(folder))?;
            Ok(0)
        }
        Command::Signer(args) => signer::signer(cli, args, out),
        Command::Serve(args) => serve::serve(system(cli)?, args, out),
        Command::Key(Key::Restore { backup: Some(backup), .. }) => key::restore(&home(cli)?, backup, &passphrase::custody(cli), out),
        Command::Key(Key::Restore { backup: None, .. }) => key::give_up_vault(&home(cli)?, out),
        // Nothing else opens a home whose key is lost, or runs where a signer that had it is gone.
        Command::Key(Key::Revoke(args)) if cli.signer.is_none() && lacks_operator_key(&home(cli)?) => key::take_over(&home(cli)?, args, cli, out),
        Command::Model(Model::Diff { first, second, all }) => model_diff::diff(cli, [first, second], *all, out),
        Command::Model(Model::List) if !home(cli)?.exists() => model::list_without_home(&home(cli)?, out),
        command if makes_no_home(command) => perform(&with_isa(System::open_existing(&home(cli)?, usize::from(cli.threads), passphrase::custody(cli))?, cli)?, cli, out),
        _ => perform(&system(cli)?, cli, out),
    }
}

fn system(cli: &Cli) -> Result<System, Failure> {
    with_isa(System::open(&home(cli)?, usize::from(cli.threads), passphrase::custody(cli))?, cli)
}

fn with_isa(system: System, cli: &Cli) -> Result<System, Failure> {
    Ok(cli.isa.iter().try_fold(system, |system, name| system.with_isa(name))?)
}

/// Commands that look at a home, or at its keys, make none: a mistyped `--home` is said, not filled. Nor do those that take something away, or run it again: in a new home there is nothing of it.
fn makes_no_home(command: &Command) -> bool {
    match command {
        Command::Log(log) => !matches!(log, Log::Export { .. } | Log::Checkpoint { .. }),
        Command::Model(model) => !matches!(model, Model::Import { .. } | Model::Pin { .. }),
        Command::Adapter(adapter) => !matches!(adapter, Adapter::Import { .. } | Adapter::Pin { .. }),
        Command::Retention(retention) => !matches!(retention, Retention::Set(_)),
        // A bundle brings what is run again.
        Command::Replay(args) => !replay::is_bundle(&args.target),
        Command::Settle(Settle { command: Some(SettleCommand::Status), .. }) | Command::Key(_) | Command::Erase(_) | Command::Doctor(_) => true,
        _ => false,
    }
}

fn perform(system: &System, cli: &Cli, out: Out) -> Result<u8, Failure> {
    let done = dispatch(system, cli, out);
    if let Some(run) = system.enforced().filter(|run| run.records.is_some()) {
        remark(format_args!("retention: {}", retention::run_text(&run, false)));
    }
    if system.was_settle_due() && !matches!(cli.command, Command::Settle(_)) {
        settle::automatic(system);
    }
    if system.disagreements() > 0 {
        remark(format_args!(
            "mickai: two ways to verify a signature disagreed {} times, and the library's word was taken: this is a fault of mickai or of the library, please report it",
            system.disagreements()
        ));
    }
    done
}

fn dispatch(system: &System, cli: &Cli, out: Out) -> Result<u8, Failure> {
    match &cli.command {
        Command::Ask(args) => ask::ask(system, args, out),
        Command::Chat(args) => chat::chat(system, args, out),
        Command::Model(args) => model::model(system, args, out),
        Command::Adapter(args) => adapter::adapter(system, args, out),
        Command::Log(args) => log::log(system, args, out),
        Command::Key(args) => key::key(system, args, cli, out),
        Command::Profile(args) => profile::profile(system, args, out),
        Command::Replay(args) => replay::replay(system, args, out),
        Command::Erase(args) => erase::erase(system, args, out),
        Command::Retention(args) => retention::retention(system, args, out),
        Command::Settle(args) => settle::settle(system, args, out),
        Command::Doctor(args) => doctor::doctor(system, args, out),
        // Handled before a home is opened.
        Command::Completions { .. } | Command::Man { .. } | Command::Signer(_) | Command::Serve(_) => Ok(0),
    }
}

/// `--home`, `MICKAI_HOME`, or the XDG data folder.
pub fn home(cli: &Cli) -> Result<PathBuf, Failure> {
    if let Some(home) = &cli.home {
        return std::path::absolute(home).map_err(Failure::file(home));
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let data = data.or_else(|| Some(std::env::home_dir()?.join(".local/share")));
    data.map(|data| data.join("mickai")).ok_or(Failure::NoHome)
}
