//! `mickai key`: the public key in its written forms, and the private ones kept, copied and moved.

use crate::args::{By, Cli, Form, Key, New, Recovery, Revoke};
use crate::failure::Failure;
use crate::out::{Out, remark};
use crate::passphrase;
use mickai_proof::history::Revocation;
use mickai_proof::key::PublicKey;
use mickai_runtime::{KeyChanged, System, restore_keys, take_over as take_over_log, when};
use mickai_store::keys::{Successor, asking};
use mickai_store::{Custody, OperatorKey, Passphrase, Revoking, Succeeded};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

pub fn key(system: &System, args: &Key, cli: &Cli, out: Out) -> Result<u8, Failure> {
    match args {
        Key::Show { form } => show(system, form, out)?,
        Key::Export { folder } => {
            let path = system.write_well_known(folder)?;
            out.object(&json!({ "path": path }), || format!("wrote {}", path.display()))?;
        }
        Key::Protect { remove: true, .. } => unprotect(system, cli, out)?,
        Key::Protect { new, .. } => {
            let changed = system.protect_key(&made(new, "the key")?)?;
            say(
                &changed,
                &json!({ "protected": changed.done }),
                || format!("behind the passphrase now: {}\nwithout it nothing can be signed; `mickai key backup` makes a copy", list(&changed.done)),
                out,
            )?;
        }
        Key::Backup { out: path, new } => {
            let changed = system.back_up_keys(path, &made(new, "the backup")?)?;
            let text = || format!("wrote {}: the operator's key and the vault's key; keep it elsewhere, and the recovery file elsewhere again", path.display());
            say(&changed, &json!({ "path": path }), text, out)?;
        }
        Key::Recovery(Recovery::Export { path, protect, new }) => export_recovery(system, path, *protect, new, out)?,
        Key::Recovery(Recovery::Import { path }) => {
            let changed = system.import_recovery(path)?;
            say(
                &changed,
                &json!({ "path": system.home().recovery_path() }),
                || format!("{} is here again; the copy at {} was left", system.home().recovery_path().display(), path.display()),
                out,
            )?;
        }
        Key::Rotate { from } => {
            let done = system.rotate_key(from.recovery.as_deref())?;
            succeeded(system, &done, &json!({}), "the recovery file holds the keys that come after; keep it elsewhere", out)?;
        }
        Key::Revoke(args) => {
            let (done, said) = system.revoke_key(args.key.as_deref(), revoking(args)?, args.from.recovery.as_deref(), args.statement.as_deref())?;
            revoked(system, done.as_ref(), &said, args, out)?;
        }
        // Handled before a home is opened.
        Key::Restore { .. } => {}
    }
    Ok(0)
}

/// Puts the keys of a backup back.
pub fn restore(home: &Path, backup: &Path, custody: &Custody, out: Out) -> Result<u8, Failure> {
    let (log, key) = restore_keys(home, backup, custody)?;
    let text = || format!("restored key {key} of log {log}; it lies in the open: `mickai key protect` puts a passphrase before it");
    out.object(&json!({ "key": key.to_string(), "log": log.to_string() }), text)?;
    Ok(0)
}

/// Goes on without the vault's key.
pub fn give_up_vault(home: &Path, out: Out) -> Result<u8, Failure> {
    let aside = mickai_runtime::give_up_vault(home)?;
    let text = || match &aside {
        Some(aside) => format!(
            "the vault lies in {} now and cannot be read without its key; erasures do not reach it there: remove it if the key will not be found\na new key is made for what is to come",
            aside.display()
        ),
        None => "a new key is made; the vault held nothing".to_owned(),
    };
    out.object(&json!({ "vault_lost": aside }), text)?;
    Ok(0)
}

/// Revokes a key in force that is lost; a committed key goes on.
pub fn take_over(home: &Path, args: &Revoke, cli: &Cli, out: Out) -> Result<u8, Failure> {
    let custody = passphrase::custody(cli);
    let taken = take_over_log(home, custody.clone(), args.key.as_deref(), revoking(args)?, args.from.recovery.as_deref(), args.statement.as_deref())?;
    let (done, said, unsealed) = (taken.succeeded, taken.revocation, taken.unsealed);
    drop(taken);
    if unsealed > 0 {
        remark(format_args!("{unsealed} sealed records had no seal by the lost key: the key that took over vouches for what they say"));
    }
    let system = System::open_existing(home, usize::from(cli.threads), custody)?;
    remark("the new key lies in the open: `mickai key protect` puts a passphrase before it, `mickai key backup` makes a copy");
    revoked(&system, done.as_ref(), &said, args, out)?;
    Ok(0)
}

fn revoking(args: &Revoke) -> Result<Revoking, Failure> {
    let since_ms = args.since.as_deref().map(since_ms).transpose()?;
    let successor = if args.by == By::Next { Successor::Next } else { Successor::Recovery };
    Ok(Revoking { key: None, effective: args.effective, since_ms, successor })
}

fn revoked(system: &System, done: Option<&Succeeded>, said: &Revocation, args: &Revoke, out: Out) -> Result<(), Failure> {
    let fields = json!({ "revoked": said.revoked.to_string(), "effective": said.effective, "since_ms": said.since_ms, "statement": args.statement });
    let text = format!("key {} is worth nothing from record {} on", said.revoked, said.effective);
    match done {
        Some(done) => succeeded(system, done, &fields, &text, out),
        None => out.object(&fields, || format!("{text}: the log says so already")),
    }
}

fn show(system: &System, form: &Form, out: Out) -> Result<(), Failure> {
    if form.well_known {
        return out.piece(&system.well_known()?.to_json());
    }
    let format = if form.pem { Some("pem") } else { form.jwk.then_some("jwk") };
    // A JWK is JSON already, which is what --json asks for.
    print(&OperatorKey::public_of(system.home())?, format.or(out.json.then_some("jwk")), out)
}

/// The key as PEM, as JWK, or its id.
pub fn print(public: &PublicKey, format: Option<&str>, out: Out) -> Result<(), Failure> {
    match format {
        Some("pem") => out.piece(&public.to_pem()),
        Some(_) => out.line(public.to_jwk()),
        None => out.line(format!("key id {}\nML-DSA-65; `mickai key show --pem > operator.pub` gives the file that a verifier wants", public.id())),
    }
}

fn unprotect(system: &System, cli: &Cli, out: Out) -> Result<(), Failure> {
    let path = system.home().operator_key_path();
    let passphrase = asking::existing(cli.passphrase_file.as_deref(), &path)?;
    let changed = system.unprotect_key(&passphrase.ok_or_else(|| mickai_store::Error::from(mickai_store::KeyFault::PassphraseNeeded(path)))?)?;
    say(&changed, &json!({ "unprotected": changed.done }), || format!("in the open now, readable by you alone: {}", list(&changed.done)), out)
}

fn export_recovery(system: &System, path: &Path, protect: bool, new: &New, out: Out) -> Result<(), Failure> {
    let passphrase = if protect || new.new_passphrase_file.is_some() { Some(made(new, "the copy")?) } else { None };
    let changed = system.export_recovery(path, passphrase.as_ref())?;
    let moved = &changed.done;
    if moved.is_same_disk {
        remark(format_args!("{} lies on the disk of the home: whoever takes the disk takes both; move it on", path.display()));
    }
    let text = || format!("moved to {}{}: read back, synced, and removed here", path.display(), if moved.is_protected { ", behind a passphrase" } else { "" });
    say(&changed, &json!({ "path": moved.path, "protected": moved.is_protected, "same_disk": moved.is_same_disk }), text, out)
}

fn succeeded(system: &System, done: &Succeeded, fields: &Value, text: &str, out: Out) -> Result<(), Failure> {
    let mut object = fields.as_object().cloned().unwrap_or_default();
    object.insert("key".to_owned(), json!(done.key.to_string()));
    object.insert("record".to_owned(), json!({ "index": done.appended.index, "digest": done.appended.digest.to_string() }));
    if !system.home().recovery_is_offline() {
        remark("the recovery key is not yet offline: `mickai key recovery export PATH` moves it to another place");
    }
    out.object(&Value::Object(object), || {
        format!("{text}\nkey in force {}; verifiers need `mickai key show --pem` of any key of this log\nrecord {} {}", done.key, done.appended.index, done.appended.digest)
    })
}

/// The begin of what a phrase means.
fn since_ms(phrase: &str) -> Result<u64, Failure> {
    let range = when::resolve(phrase, &jiff::Zoned::now())?;
    let wanted = Failure::Value { flag: "--since", value: phrase.to_owned(), wanted: "a time that begins somewhere: \"yesterday after three\"" };
    range.from.and_then(|from| u64::try_from(from.timestamp().as_millisecond()).ok()).ok_or(wanted)
}

fn made(new: &New, what: &str) -> Result<Passphrase, Failure> {
    passphrase::new(new.new_passphrase_file.as_deref(), what)
}

/// What was done, with its records.
fn say<T>(changed: &KeyChanged<T>, fields: &Value, text: impl FnOnce() -> String, out: Out) -> Result<(), Failure> {
    let (intent, outcome) = changed.records;
    let mut object: Map<String, Value> = fields.as_object().cloned().unwrap_or_default();
    for (name, appended) in [("intent", intent), ("outcome", outcome)] {
        object.insert(name.to_owned(), json!({ "index": appended.index, "digest": appended.digest.to_string() }));
    }
    out.object(&Value::Object(object), || format!("{}\nrecord {} {}", text(), outcome.index, outcome.digest))
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
