//! `pantheon doctor`: is the node in order? Every line is something that was looked at.

use crate::args::{Cli, Doctor};
use crate::client::{Rpc, text, whole};
use crate::config::{Config, public_key};
use crate::failure::Failure;
use crate::genesis;
use crate::key;
use crate::out::Out;
use crate::wallet::whole_supply;
use mickai_node::voted::MarkFile;
use mickai_proof::pantheon::Address;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A newest block that is older than this is worth a look.
const AGE_MS_MAX: u64 = 60_000;

/// How something was found to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Note,
    Bad,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Note => "note",
            Self::Bad => "BAD",
        }
    }
}

/// One thing that was looked at.
struct Check {
    state: State,
    what: &'static str,
    found: String,
}

fn check(state: State, what: &'static str, found: impl Into<String>) -> Check {
    Check { state, what, found: found.into() }
}

/// 1 if anything is not in order.
pub fn doctor(cli: &Cli, args: &Doctor, out: Out) -> Result<u8, Failure> {
    let mut checks = Vec::new();
    let config = args.config.as_deref().map(|path| of_config(path, &mut checks)).unwrap_or_default();
    let address = config.as_ref().map_or(cli.rpc, |config| config.options().address);
    of_node(&mut Rpc::new(address), config.as_ref(), &mut checks);
    let rows: Vec<_> = checks
        .iter()
        .map(|one| {
            let cells = vec![one.state.word().to_owned(), one.what.to_owned(), one.found.clone()];
            (json!({ "state": one.state.word(), "what": one.what, "found": one.found }), cells)
        })
        .collect();
    out.table(&["STATE", "WHAT", "FOUND"], &rows)?;
    Ok(u8::from(checks.iter().any(|one| one.state == State::Bad)))
}

/// The node's file, and what it names.
fn of_config(path: &Path, checks: &mut Vec<Check>) -> Option<Config> {
    let config = match Config::read(path) {
        Ok(config) => config,
        Err(failure) => {
            checks.push(check(State::Bad, "node's file", failure.to_string()));
            return None;
        }
    };
    checks.push(check(State::Good, "node's file", format!("{}, {} peers", path.display(), config.peers.len())));
    checks.push(match genesis::read(&config.genesis) {
        Ok(genesis) => check(State::Good, "genesis", format!("chain {}, exactly {}", genesis.head.id(), mickai_proof::pantheon::Amount::SUPPLY)),
        Err(failure) => check(State::Bad, "genesis", failure.to_string()),
    });
    checks.push(match key::public(&config.key) {
        Ok(public) => check(State::Good, "key", format!("{}, readable by you alone", public.id())),
        Err(failure) => check(State::Bad, "key", failure.to_string()),
    });
    let marks = MarkFile::beside(&config.key);
    checks.push(if marks.path().exists() {
        check(State::Good, "where it voted", marks.path().display().to_string())
    } else {
        check(State::Note, "where it voted", format!("{} is not there: with a seat, the node votes from an epoch on that begins after its start", marks.path().display()))
    });
    checks.push(folder(&config.folder));
    for peer in &config.peers {
        if let Err(failure) = public_key(&peer.key) {
            checks.push(check(State::Bad, "peer's key", failure.to_string()));
        }
    }
    if !config.options().address.ip().is_loopback() {
        checks.push(check(State::Note, "rpc", format!("{} can be reached from other machines", config.options().address)));
    }
    Some(config)
}

/// Where the node keeps blocks and state. One that is missing it makes, in what is there of the way to it; into one that is there it must be able to write.
fn folder(path: &Path) -> Check {
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let above = nearest(path);
            match writes(above) {
                Ok(()) => check(State::Note, "folder", format!("{shown} is not there yet: the node makes it, and fetches the chain")),
                Err(error) => check(State::Bad, "folder", format!("{shown} is not there, and cannot be made: {} cannot be written to: {error}", above.display())),
            }
        }
        Err(error) => check(State::Bad, "folder", format!("{shown}: {error}")),
        Ok(data) if !data.is_dir() => check(State::Bad, "folder", format!("{shown} is no folder")),
        Ok(_) => match writes(path) {
            Ok(()) => check(State::Good, "folder", format!("{shown}, which can be written to")),
            Err(error) => check(State::Bad, "folder", format!("{shown} cannot be written to: {error}")),
        },
    }
}

/// The nearest folder above that is there; of a bare name it is the one in which this process is.
fn nearest(path: &Path) -> &Path {
    let here = Path::new(".");
    path.ancestors().skip(1).map(|above| if above.as_os_str().is_empty() { here } else { above }).find(|above| above.exists()).unwrap_or(here)
}

/// Can something be written into that folder? Nothing of it remains.
fn writes(folder: &Path) -> io::Result<()> {
    let probe = folder.join(format!(".doctor.{}", std::process::id()));
    // Left by one of the same id that was killed. Where it cannot be removed, the next line says so.
    let _ = std::fs::remove_file(&probe);
    File::create_new(&probe)?;
    std::fs::remove_file(&probe)
}

/// The node as it answers.
fn of_node(rpc: &mut Rpc, config: Option<&Config>, checks: &mut Vec<Check>) {
    let status = match rpc.get("/v1/status") {
        Ok(status) => status,
        Err(failure) => return checks.push(check(State::Bad, "node", failure.to_string())),
    };
    let (chain, height) = (text(&status, "/chain"), whole(&status, "/height"));
    checks.push(check(State::Good, "node", format!("answers at {}: chain {chain}", rpc.address())));
    if let Some(genesis) = config.and_then(|config| genesis::read(&config.genesis).ok()) {
        let is_same = genesis.head.id().to_string() == chain;
        checks.push(check(
            if is_same { State::Good } else { State::Bad },
            "chain",
            if is_same { "that of the genesis file".to_owned() } else { format!("the genesis file is of {}", genesis.head.id()) },
        ));
    }
    checks.push(newest(&status, height));
    if status["is_alone"] == true {
        checks.push(check(State::Note, "seats", "a chain of one witnesses nothing: completeness is still unwitnessed"));
    }
    let supply = rpc.get("/v1/supply").and_then(|told| whole_supply(&told));
    checks.push(match supply {
        Ok(total) => check(State::Good, "supply", format!("{total}, counted account by account")),
        Err(failure) => check(State::Bad, "supply", failure.to_string()),
    });
    let voter = config.and_then(|config| key::public(&config.key).ok());
    if let Some((voter, Ok(validators))) = voter.map(|voter| (voter, rpc.get("/v1/validators"))) {
        let id = voter.id().to_string();
        let has_seat = validators["seats"].as_array().is_some_and(|seats| seats.iter().any(|seat| text(seat, "/key") == id));
        let network = if text(&status, "/network") == "main" { mickai_proof::pantheon::Network::Main } else { mickai_proof::pantheon::Network::Test };
        checks.push(match (has_seat, status["is_validator"] == true) {
            (true, true) => check(State::Good, "seat", "this node votes"),
            (true, false) => check(State::Note, "seat", "this node has a seat and does not vote in this epoch: it may have voted in it before, and does not have what it said"),
            (false, _) => {
                let account = Address::of(&voter).to_text(network);
                check(State::Good, "seat", format!("this node follows: `pantheon bond AMOUNT --voter KEYFILE` asks for a seat ({account})"))
            }
        });
    }
}

fn newest(status: &Value, height: u64) -> Check {
    if height == 0 {
        return check(State::Bad, "newest block", "none is final yet: are a quorum of the validators running and connected?");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let time = whole(status, "/time_ms");
    let age_ms = now.saturating_sub(time);
    let found = format!("{height}, {} s ago by its proposer's clock", age_ms / 1_000);
    if age_ms > AGE_MS_MAX { check(State::Bad, "newest block", format!("{found}: no quorum, or this node is behind")) } else { check(State::Good, "newest block", found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_of_the_way_to_a_folder_is_tried_and_left_as_it_was() {
        let above = tempfile::tempdir().unwrap();
        let names = || std::fs::read_dir(above.path()).unwrap().count();
        // A look that was killed left its file.
        std::fs::write(above.path().join(format!(".doctor.{}", std::process::id())), b"").unwrap();
        assert!(folder(above.path()).state == State::Good && names() == 0);
        assert!(folder(&above.path().join("net/data")).state == State::Note && names() == 0);
        std::fs::write(above.path().join("file"), b"").unwrap();
        assert!(["file", "file/data"].iter().all(|name| folder(&above.path().join(name)).state == State::Bad));
        // Nobody writes there, not even who may do everything.
        let found = folder(Path::new("/proc/none/data"));
        assert!(found.state == State::Bad && found.found.contains("/proc cannot be written to"), "{}", found.found);
        assert_eq!(["data", "/data", "none/data"].map(|path| nearest(Path::new(path))), [".", "/", "."].map(Path::new));
    }
}
