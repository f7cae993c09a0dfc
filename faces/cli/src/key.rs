//! `mickai key`: the public key in its written forms.

use crate::args::Key;
use crate::failure::Failure;
use crate::out::Out;
use mickai_proof::key::PublicKey;
use mickai_runtime::System;
use mickai_store::OperatorKey;

pub fn key(system: &System, args: &Key, out: Out) -> Result<u8, Failure> {
    let Key::Show { pem, jwk } = args;
    let format = if *pem { Some("pem") } else { jwk.then_some("jwk") };
    let public = OperatorKey::load(system.home())?.public().clone();
    // A JWK is JSON already, which is what --json asks for.
    print(&public, format.or(out.json.then_some("jwk")), out)?;
    Ok(0)
}

/// The key as PEM, as JWK, or its id.
pub fn print(public: &PublicKey, format: Option<&str>, out: Out) -> Result<(), Failure> {
    match format {
        Some("pem") => out.piece(&public.to_pem()),
        Some(_) => out.line(public.to_jwk()),
        None => out.line(format!("key id {}\nML-DSA-65; `mickai key show --pem > operator.pub` gives the file that a verifier wants", public.id())),
    }
}
