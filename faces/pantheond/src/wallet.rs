//! `pantheon wallet`, `attest`, `bond`, `unbond`: what is done with a key.

use crate::args::{Attest, Bond, Cli, KeyFile, Unbond, Wallet};
use crate::client::{Rpc, text};
use crate::failure::Failure;
use crate::file::read_within;
use crate::key::{self, Key};
use crate::out::{Out, remark};
use crate::passphrase;
use crate::transact::{Terms, act, address, amount};
use mickai_node::voted::MarkFile;
use mickai_proof::checkpoint::{CheckpointError, Note};
use mickai_proof::key::PublicKey;
use mickai_proof::limits::NOTE_BYTES_MAX;
use mickai_proof::pantheon::{Action, Address, Attestation, Network};
use mickai_store::keys::make_file;
use serde_json::{Value, json};
use std::path::Path;

pub fn wallet(cli: &Cli, command: &Wallet, out: Out) -> Result<u8, Failure> {
    match command {
        Wallet::New { key, protect, new_passphrase_file } => {
            let path = key::path(cli, key)?;
            if path.exists() {
                return Err(Failure::Exists(path));
            }
            let wants = *protect || new_passphrase_file.is_some();
            let passphrase = if wants { Some(passphrase::new(new_passphrase_file.as_deref(), "the wallet")?) } else { None };
            let public = make_file(&path, passphrase.as_ref())?;
            // In case it is a node's: it has voted nowhere.
            MarkFile::beside(&path).make().map_err(Failure::Node)?;
            if !wants {
                remark(format_args!("{} is in the open, readable by you alone: `pantheon wallet new --protect` puts a passphrase before a new one", path.display()));
            }
            show(&path, &public, out)?;
        }
        Wallet::Show { key, pem } => {
            let path = key::path(cli, key)?;
            let public = key::public(&path)?;
            if *pem { out.piece(&public.to_pem())? } else { show(&path, &public, out)? }
        }
        Wallet::Send { to, amount: given, sending } => {
            let amount = amount("AMOUNT", given)?;
            return act(cli, &passphrase::custody(cli), sending, out, |terms, _| Ok(Action::Transfer { to: address("TO", to, terms.network)?, amount }));
        }
        Wallet::History { address, key, n } => history(cli, address.as_deref(), key, *n, out)?,
    }
    Ok(0)
}

fn show(path: &Path, public: &PublicKey, out: Out) -> Result<(), Failure> {
    let address = Address::of(public);
    let (main, test, id) = (address.to_text(Network::Main), address.to_text(Network::Test), public.id().to_string());
    let text = || format!("{}\nkey id        {id}\ntest networks {test}\nmain network  {main}", path.display());
    out.object(&json!({ "path": path, "key": id, "test": test, "main": main }), text)
}

fn history(cli: &Cli, of: Option<&str>, key: &KeyFile, n: u64, out: Out) -> Result<(), Failure> {
    let mut rpc = Rpc::new(cli.rpc);
    let network = Terms::ask(&mut rpc, None)?.network;
    let of = match of {
        Some(text) => address("ADDRESS", text, network)?,
        None => Address::of(&key::public(&key::path(cli, key)?)?),
    };
    let told = rpc.get(&format!("/v1/accounts/{}/transactions?limit={n}", of.to_text(network)))?;
    let row = |one: &Value| {
        let cell = |pointer: &str| one.pointer(pointer).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default();
        (one.clone(), vec![cell("/height"), cell("/index"), cell("/transaction/kind"), cell("/transaction/sender"), cell("/transaction/id")])
    };
    let rows: Vec<_> = told["transactions"].as_array().into_iter().flatten().map(row).collect();
    out.table(&["BLOCK", "PLACE", "KIND", "SENDER", "TRANSACTION"], &rows)
}

pub fn attest(cli: &Cli, args: &Attest, out: Out) -> Result<u8, Failure> {
    let path = &args.note;
    let broken = |error| Failure::Checkpoint { path: path.clone(), error };
    let bytes = read_within(path, NOTE_BYTES_MAX, |_| broken(CheckpointError::Malformed))?;
    let note = Note::parse(&bytes).map_err(broken)?;
    let attestation = Attestation { checkpoint: note.checkpoint, signature: Box::new(*note.signature()) };
    act(cli, &passphrase::custody(cli), &args.sending, out, |_, _| Ok(Action::Attest(vec![attestation])))
}

pub fn bond(cli: &Cli, args: &Bond, out: Out) -> Result<u8, Failure> {
    let amount = amount("AMOUNT", &args.amount)?;
    let custody = passphrase::custody(cli);
    let voter = args.voter.as_deref().map(|path| Key::from_seed(&key::seed(&custody, path)?)).transpose()?;
    act(cli, &custody, &args.sending, out, |terms, key| {
        let consent = voter.map(|voter| voter.consent(terms.chain, key.address())).transpose()?;
        Ok(Action::Bond { amount, key: consent })
    })
}

pub fn unbond(cli: &Cli, args: &Unbond, out: Out) -> Result<u8, Failure> {
    let amount = amount("AMOUNT", &args.amount)?;
    act(cli, &passphrase::custody(cli), &args.sending, out, |_, _| Ok(Action::Unbond { amount }))
}

/// The total of an answer about the supply, where it is whole.
pub fn whole_supply(told: &Value) -> Result<String, Failure> {
    let found = text(told, "/total/pan").to_owned();
    if told["is_whole"] == true { Ok(found) } else { Err(Failure::Supply { found }) }
}
