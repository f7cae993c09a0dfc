//! No classical signature is relied on: which crates that know one are in the graph, why, and that the binary holds none of their code that signs or verifies.
//!
//! What it shows: the graph has exactly the crates below; and `pantheon` has no function of the engine's classical key types, of blst's pairings or of RustCrypto's ECDSA. AWS-LC is one library, whose tables
//! name all that it can do, so its symbols say nothing; what of it is called is ML-DSA-65, ChaCha20-Poly1305 and randomness, which the sources say (`aws_lc_rs` is asked for nothing else in this workspace).
//! `services/node/tests/wire.rs` shows the same on the wire.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use commonware_cryptography::{Signer as _, Verifier as _, ed25519};
use std::collections::BTreeSet;
use std::process::Command;

/// Crates in the graph of `pantheon` that implement a classical signature, and what brings them.
const KNOWN: [(&str, &str); 8] = [
    ("aws-lc-rs", "ML-DSA-65 of wallets, ChaCha20-Poly1305 of the stream, randomness"),
    ("aws-lc-sys", "the C library of aws-lc-rs"),
    ("blst", "key types of commonware-cryptography that no node uses"),
    ("curve25519-dalek", "X25519 of the handshake, beside ML-KEM-768"),
    ("curve25519-dalek-derive", "its macros"),
    ("ecdsa", "key types of commonware-cryptography that no node uses"),
    ("p256", "the same"),
    ("x25519-dalek", "X25519 of the handshake, which agrees on keys and signs nothing"),
];
/// What a crate's name may hold that signs by other means than lattices.
const WORDS: [&str; 12] = ["25519", "ecdsa", "p256", "p384", "p521", "k256", "secp", "blst", "bls12", "rsa", "ring", "aws-lc"];
/// Pieces of the names of functions that sign or verify so.
const FUNCTIONS: [&str; 8] = [
    "commonware_cryptography..ed25519..",
    "commonware_cryptography7ed25519",
    "commonware_cryptography..secp256r1..",
    "commonware_cryptography9secp256r1",
    "commonware_cryptography..bls12381..",
    "commonware_cryptography8bls12381",
    "blst_core_verify",
    "blst_miller_loop",
];

/// Names that only look like one.
const OTHERS: [&str; 2] = ["io-uring", "universal-hash"];

#[test]
fn the_graph_has_no_other_crate_that_signs_classically() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let arguments = ["tree", "--offline", "--package", "mickai-pantheond", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let output = Command::new(cargo).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let all: BTreeSet<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(all.contains("libcrux-ml-dsa") && all.len() > 100, "the graph was not read: {} crates", all.len());
    let found: BTreeSet<&str> = all.into_iter().filter(|name| WORDS.iter().any(|word| name.contains(word)) && !OTHERS.contains(name)).collect();
    assert_eq!(found, KNOWN.iter().map(|(name, _)| *name).collect(), "a crate that is not in the list has to be looked at, and given its reason");
}

#[test]
fn the_binary_holds_no_function_that_signs_or_verifies_classically() {
    let found = |path: &std::path::Path| {
        // It comes with the compiler that the tests need.
        let output = Command::new("nm").arg(path).output().unwrap();
        let names = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(names.contains("rust_eh_personality"), "{} has no names of functions: it was stripped, and shows nothing", path.display());
        FUNCTIONS.into_iter().filter(|piece| names.contains(piece)).collect::<Vec<_>>()
    };
    assert_eq!(found(env!("CARGO_BIN_EXE_pantheon").as_ref()), Vec::<&str>::new());
    // This very program signs so, and is found out.
    let key = ed25519::PrivateKey::from_seed(7);
    let signature = key.sign(b"canary", b"canary");
    assert!(key.public_key().verify(b"canary", b"canary", &signature));
    assert_ne!(found(&std::env::current_exe().unwrap()), Vec::<&str>::new(), "the search finds nothing where there is something");
}
