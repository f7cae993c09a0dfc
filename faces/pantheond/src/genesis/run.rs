//! Makes and shows genesis files.

use super::text::make;
use crate::args::Genesis as Command;
use crate::failure::Failure;
use crate::file::{read_within, write_new};
use crate::out::Out;
use crate::rpc::view;
use mickai_proof::limits::GENESIS_BYTES_MAX;
use mickai_proof::pantheon::{Amount, Genesis, PantheonError, Part};
use serde_json::{Value, json};
use std::path::Path;

pub fn genesis(command: &Command, out: Out) -> Result<u8, Failure> {
    match command {
        Command::New { text, out: file } => {
            let genesis = make(text)?;
            write_new(file, &genesis.encode())?;
            let chain = genesis.head.id().to_string();
            let supply = Amount::SUPPLY;
            out.object(&json!({ "chain": chain, "file": file, "supply": view::amount(supply) }), || format!("{}: {supply}\nchain {chain}", file.display()))?;
        }
        Command::Show { file } => out.fields(&described(&read(file)?))?,
    }
    Ok(0)
}

/// A genesis file.
pub fn read(path: &Path) -> Result<Genesis, Failure> {
    let too_long = |bytes| Failure::file(path)(PantheonError::Oversized { part: Part::Genesis, bytes, most: GENESIS_BYTES_MAX });
    let bytes = read_within(path, GENESIS_BYTES_MAX, too_long)?;
    Genesis::parse(&bytes).map_err(Failure::file(path))
}

fn described(genesis: &Genesis) -> Value {
    let head = &genesis.head;
    let allocations: Vec<Value> = genesis.allocations.iter().map(|one| json!({ "to": one.to.to_text(head.network), "amount": view::amount(one.amount) })).collect();
    let mut described = view::genesis(head);
    described["allocations"] = allocations.into();
    described
}
