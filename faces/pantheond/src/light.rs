//! `pantheon light`: proofs written out of a node, and checked without one.

use crate::args::{Cli, Export, Light};
use crate::client::Rpc;
use crate::failure::Failure;
use crate::file::{read_within, write_new};
use crate::out::{Out, remark};
use crate::rpc::view;
use base64ct::{Base64, Encoding};
use mickai_proof::digest::ChainId;
use mickai_proof::limits::LIGHT_BYTES_MAX;
use mickai_proof::pantheon::light::{LightError, LightProof, LightVerdict};
use mickai_proof::pantheon::{PantheonError, Part};
use serde_json::{Value, json};
use std::path::Path;

/// Sets with fewer validators than this witness nothing (spec/pantheon.md "Light client").
const WITNESSES_MIN: usize = 4;

pub fn light(cli: &Cli, command: &Light, out: Out) -> Result<u8, Failure> {
    match command {
        Light::Verify { file, chain } => {
            let chain = chain_id(chain)?;
            let (proof, verdict) = verified(&read(file)?, chain)?;
            say(&proof, &verdict, None, out)?;
        }
        Light::Export(export) => {
            let (bytes, chain) = fetched(cli, export)?;
            // What a stranger could not check is not written.
            let (proof, verdict) = verified(&bytes, chain)?;
            write_new(&export.out, &bytes)?;
            say(&proof, &verdict, Some((&export.out, bytes.len())), out)?;
        }
    }
    Ok(0)
}

fn fetched(cli: &Cli, export: &Export) -> Result<(Vec<u8>, ChainId), Failure> {
    let mut rpc = Rpc::new(cli.rpc);
    let chain = match &export.chain {
        Some(chain) => chain_id(chain)?,
        None => {
            let status = rpc.get("/v1/status")?;
            chain_id(rpc.told(&status, "chain")?)?
        }
    };
    let mut keys = Vec::new();
    for (kind, ids) in [("account", &export.accounts), ("validator", &export.validators), ("log", &export.logs), ("name", &export.names)] {
        keys.extend(ids.iter().map(|id| json!({ "kind": kind, "id": id })));
    }
    keys.extend(export.totals.then(|| json!({ "kind": "totals" })));
    keys.extend(export.seats.then(|| json!({ "kind": "seats" })));
    let told = rpc.post("/v1/light", &json!({ "keys": keys }))?;
    let proof = Base64::decode_vec(rpc.told(&told, "proof")?).map_err(|_| Failure::Answer { address: rpc.address(), wanted: "proof in base64" })?;
    Ok((proof, chain))
}

fn verified(bytes: &[u8], chain: ChainId) -> Result<(LightProof, LightVerdict), Failure> {
    let proof = LightProof::parse(bytes).map_err(|error| Failure::Light(LightError { step: 1, error }))?;
    let verdict = proof.check(chain).map_err(Failure::Light)?;
    Ok((proof, verdict))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let too_long = |bytes| Failure::Light(LightError { step: 1, error: PantheonError::Oversized { part: Part::Light, bytes, most: LIGHT_BYTES_MAX } });
    read_within(path, LIGHT_BYTES_MAX, too_long)
}

fn chain_id(text: &str) -> Result<ChainId, Failure> {
    ChainId::from_hex(text).ok_or_else(|| Failure::Value { flag: "--chain", value: text.to_owned(), wanted: "a chain's id: 64 hex digits" })
}

fn say(proof: &LightProof, verdict: &LightVerdict, written: Option<(&Path, usize)>, out: Out) -> Result<(), Failure> {
    let LightVerdict { header, validators_fewest, entries } = verdict;
    let entries: Vec<Value> = entries.iter().map(|(key, entry)| view::entry(header.height, key, entry.as_ref(), &proof.head)).collect();
    let is_witness = *validators_fewest >= WITNESSES_MIN;
    let mut told = json!({
        "verdict": "VERIFIED",
        "chain": header.chain.to_string(),
        "height": header.height.0,
        "block": header.id().to_string(),
        "time_ms": header.time_ms,
        "set_changes": proof.changes.len(),
        "validators_fewest": validators_fewest,
        "witnesses_completeness": is_witness,
        "entries": entries,
    });
    if let Some((path, bytes)) = written {
        told["file"] = json!(path);
        told["byte_count"] = bytes.into();
    }
    out.fields(&told)?;
    if !is_witness {
        remark(format_args!("a set of {validators_fewest} could decide alone: what this chain settles witnesses no completeness; at least {WITNESSES_MIN} validators do"));
    }
    Ok(())
}
