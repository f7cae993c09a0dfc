//! The folder with the switchable copy: sources, a manifest, the list of mutants and the program that runs them.

use crate::switches::{Mutant, switchable};
use std::path::Path;
use std::{fs, io};

/// The files whose checks are switched, below the proof's `src`.
const FILES: [&str; 22] = [
    "verify/verifier.rs",
    "verify/judge.rs",
    "verify/ending.rs",
    "verify/chain.rs",
    "verify/signatures.rs",
    "verify/reference.rs",
    "verify/policy.rs",
    "verify/policy_file.rs",
    "verify/axes.rs",
    "verify/verdict.rs",
    "history/event.rs",
    "history/state.rs",
    "history/statement.rs",
    "fork/proof.rs",
    "fork/report.rs",
    "bundle/read.rs",
    "bundle/header.rs",
    "checkpoint.rs",
    "merkle.rs",
    "record/decode.rs",
    "cbor.rs",
    "signature.rs",
];

const MANIFEST: &str = "[workspace]\nresolver = \"3\"\nmembers = [\"foundations/proof\"]\n";

/// Makes the folder; gives the number of mutants.
pub fn make(folder: &Path) -> io::Result<usize> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let proof = folder.join("foundations/proof");
    for part in ["src", "tests", "examples"] {
        copy(&root.join("foundations/proof").join(part), &proof.join(part))?;
    }
    for file in ["foundations/proof/Cargo.toml", "Cargo.lock"] {
        fs::copy(root.join(file), folder.join(file))?;
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let package = manifest.find("[workspace.package]").ok_or(io::ErrorKind::InvalidData)?;
    fs::write(folder.join("Cargo.toml"), format!("{MANIFEST}\n{}", &manifest[package..]))?;
    for shared in ["spec", "fuzz"] {
        let link = folder.join(shared);
        if !link.exists() {
            std::os::unix::fs::symlink(root.join(shared).canonicalize()?, link)?;
        }
    }
    let mut mutants = Vec::new();
    for file in FILES {
        let path = proof.join("src").join(file);
        let source = fs::read_to_string(&path)?;
        let source = if file == "signature.rs" { remembering(&source)? } else { source };
        let source = switchable(file, &source, &mut mutants).map_err(io::Error::other)?;
        fs::write(path, source)?;
    }
    write_glue(&proof, &mutants)?;
    Ok(mutants.len())
}

/// The switch itself, and a memory of verified signatures: a mutant changes what is asked, never the answer of the library.
fn write_glue(proof: &Path, mutants: &[Mutant]) -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lib = fs::read_to_string(proof.join("src/lib.rs"))?;
    fs::write(proof.join("src/lib.rs"), lib.replace("#![cfg_attr(not(test), no_std)]", "#![allow(warnings)]") + "\npub mod mutant;\n")?;
    fs::copy(here.join("parts/mutant.rs"), proof.join("src/mutant.rs"))?;
    fs::copy(here.join("parts/runner.rs"), proof.join("examples/mutants.rs"))?;
    let list: String = mutants.iter().map(|mutant| format!("{}\t{}\t{}\t{}\n", mutant.file, mutant.line, mutant.change, mutant.text)).collect();
    fs::write(proof.join("mutants.tsv"), list)
}

/// How the proof asks the library, and the same with a memory before it.
const ASKING: [&str; 2] = [
    "    let key = MLDSA65VerificationKey::new(*key.raw());\n    ml_dsa_65_verify(&key, message, b\"\", &MLDSA65Signature::new(*signature)).is_ok()\n",
    "    crate::mutant::remembered(key, message, signature)\n",
];

fn remembering(source: &str) -> io::Result<String> {
    let [library, memory] = ASKING;
    if source.contains(library) { Ok(source.replace(library, memory)) } else { Err(io::Error::other("signature.rs does not ask the library as it did")) }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() { copy(&entry.path(), &target)? } else { fs::copy(entry.path(), target).map(drop)? }
    }
    Ok(())
}
