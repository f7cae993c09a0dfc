//! What no vector shows: two keys of one key hash. Four bytes name a key in a note, so a reference can name several that a verifier trusts, and any of them may have signed it.

use super::super::{Misuse, Policy, Reference, TrustedKey};
use crate::checkpoint::{Checkpoint, Note};
use crate::digest::{LogId, TreeHash};
use crate::key::{PUBLIC_KEY_LEN, PublicKey};
use libcrux_ml_dsa::ml_dsa_65::{generate_key_pair, sign};

/// The key of a seed, and bytes that nobody has a secret for: found by search, alike in their key hash in the log of 32 bytes 0x01.
const ALIKE: (u32, u32) = (4_667, 67_750);

#[test]
fn a_note_may_be_signed_by_any_trusted_key_of_its_key_hash() {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&ALIKE.0.to_be_bytes());
    let pair = generate_key_pair(seed);
    let signer = PublicKey::from_raw(*pair.verification_key.as_ref());
    let mut raw = [0; PUBLIC_KEY_LEN];
    raw[..4].copy_from_slice(&ALIKE.1.to_be_bytes());
    let other = PublicKey::from_raw(raw);
    let log = LogId([1; 32]);
    let checkpoint = Checkpoint { log, size: 3, root: TreeHash([2; 32]) };
    let note = checkpoint.to_note(&signer, sign(&pair.signing_key, checkpoint.text().as_bytes(), b"", [0; 32]).unwrap().as_ref());
    assert!(Note::parse(note.as_bytes()).unwrap().check_names(&other, log).is_ok(), "the key hashes differ");
    let check = |keys: &[&PublicKey]| {
        let references = [Reference::parse(note.as_bytes()).unwrap()].into();
        Policy { keys: keys.iter().map(|key| TrustedKey::Key((*key).clone())).collect(), references, ..Policy::default() }.check()
    };
    assert_eq!((check(&[&signer, &other]), check(&[&other, &signer]), check(&[&signer])), (Ok(()), Ok(()), Ok(())));
    assert_eq!((check(&[&other]), check(&[&other, &other])), (Err(Misuse::Reference), Err(Misuse::Reference)));
}
