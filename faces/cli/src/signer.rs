//! `mickai signer`: holds the key, so that no other process needs it.

use crate::args::{Cli, Signer as Args};
use crate::failure::Failure;
use crate::out::{Out, remark};
use crate::{home, passphrase};
use mickai_store::OperatorKey;
use mickai_store::keys::signer::{Memory, Signer, harden};
use serde_json::json;
use std::sync::Arc;

/// The file beside the key in which the signer remembers its checkpoints.
const MEMORY: &str = "signer.memory";

pub fn signer(cli: &Cli, args: &Args, out: Out) -> Result<u8, Failure> {
    // Before the seed is in memory.
    for what in harden() {
        remark(format_args!("the kernel does not let this process turn off: {what}"));
    }
    let key_path = args.key.clone().map_or_else(|| home(cli).map(|home| home.join("keys/operator.p8")), Ok)?;
    let key_path = std::path::absolute(&key_path).map_err(Failure::file(&key_path))?;
    let socket = std::path::absolute(&args.socket).map_err(Failure::file(&args.socket))?;
    let memory = Memory::open(&key_path.with_file_name(MEMORY))?;
    let key = OperatorKey::load_file(&key_path, &passphrase::custody(cli))?;
    let id = key.id();
    let listener = Signer::listen(&socket)?;
    out.object(&json!({ "key": id.to_string(), "socket": socket }), || format!("signing with key {id} at {}", socket.display()))?;
    Arc::new(Signer::new(key, memory, args.rate)).serve(&listener, &socket, |line| remark(format_args!("mickai signer: {line}")))?;
    Ok(0)
}
