//! Protected files open for their passphrase and for nothing else, cost no more than their limits, and are those of the vectors.

use super::*;
use serde_json::Value;

/// As cheap as the derivation allows.
const CHEAP: Derivation = Derivation { memory_kib: 8, passes: 1, lanes: 1 };

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

fn sealed(derivation: Derivation) -> Vec<u8> {
    seal_with(derivation, &[1; SALT_LEN], &[2; NONCE_LEN], Content::Recovery, b"public", b"secret", &passphrase("eight or more")).unwrap()
}

#[test]
fn every_changed_byte_closes_it() {
    let file = sealed(CHEAP);
    let open = |bytes: &[u8]| Protected::parse(bytes).ok().and_then(|file| file.open(&passphrase("eight or more")).unwrap());
    assert_eq!(open(&file).as_deref().map(Vec::as_slice), Some(&b"secret"[..]));
    assert!(Protected::parse(&file).unwrap().open(&passphrase("eight or less")).unwrap().is_none());
    // The parameters' high bytes ask for too much, and are refused for that.
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert_eq!(open(&changed), None, "byte {at}");
        assert_eq!(open(&file[..at]), None, "cut at {at}");
    }
    assert_eq!(open(&[&file[..], &[0]].concat()), None);
}

#[test]
fn what_asks_for_too_much_is_not_begun() {
    let mut file = sealed(CHEAP);
    let mut with = |memory_kib: u32, passes: u32, lanes: u8| {
        file[10..14].copy_from_slice(&memory_kib.to_be_bytes());
        file[14..18].copy_from_slice(&passes.to_be_bytes());
        file[18] = lanes;
        Protected::parse(&file).map(drop)
    };
    assert_eq!(with(1 << 20, 8, 1), Ok(()));
    for (memory_kib, passes) in [((1 << 20) + 1, 1), (1 << 20, 9), (8, u32::MAX), (u32::MAX, u32::MAX)] {
        assert_eq!(with(memory_kib, passes, 1), Err(ProtectedFault::TooCostly { memory_kib, passes }));
    }
    for (memory_kib, passes, lanes) in [(8, 0, 1), (8, 1, 0), (7, 1, 1), (31, 1, 4), (0, 1, 1)] {
        assert_eq!(with(memory_kib, passes, lanes), Err(ProtectedFault::Malformed));
    }
}

#[test]
fn another_version_is_said() {
    let mut file = sealed(CHEAP);
    file[7] = b'2';
    assert_eq!(Protected::parse(&file), Err(ProtectedFault::Newer));
}

#[test]
fn written_files_have_fresh_salts_and_the_written_price() {
    let files = [0; 2].map(|_| seal(Content::Operator, b"", b"secret", &passphrase("eight or more")).unwrap());
    let [a, b] = [&files[0], &files[1]].map(|file| Protected::parse(file).unwrap());
    assert_eq!((a.derivation, b.derivation), (WRITTEN, WRITTEN));
    assert!(a.salt != b.salt && a.nonce != b.nonce && a.sealed != b.sealed);
}

/// The vectors were made by other libraries (spec/vectors/keys/make.py).
#[test]
fn the_vectors_open_and_are_made_again() {
    let text = include_str!("../../../../../spec/vectors/keys/accept/protected.json");
    let cases = serde_json::from_str::<Value>(text).unwrap()["cases"].as_array().unwrap().clone();
    assert!(cases.len() >= 4);
    for case in cases {
        let field = |name: &str| from_hex(case[name].as_str().unwrap());
        let file = field("file");
        let words = Passphrase::new(Zeroizing::new(field("passphrase"))).unwrap();
        let parsed = Protected::parse(&file).unwrap();
        assert_eq!(parsed.open(&words).unwrap().unwrap().as_slice(), field("secret"), "{}", case["reason"]);
        let again = seal_with(parsed.derivation, &parsed.salt, &parsed.nonce, parsed.content, parsed.public, &field("secret"), &words).unwrap();
        assert_eq!(again, file, "{}", case["reason"]);
    }
}

#[test]
fn the_rejected_vectors_do_not_open() {
    let text = include_str!("../../../../../spec/vectors/keys/reject/protected.json");
    let cases = serde_json::from_str::<Value>(text).unwrap()["cases"].as_array().unwrap().clone();
    assert!(cases.len() >= 8);
    for case in cases {
        let file = from_hex(case["file"].as_str().unwrap());
        let words = Passphrase::new(Zeroizing::new(from_hex(case["passphrase"].as_str().unwrap()))).unwrap();
        let fault = match Protected::parse(&file) {
            Err(ProtectedFault::Malformed) => "malformed",
            Err(ProtectedFault::Newer) => "newer",
            Err(ProtectedFault::TooCostly { .. }) => "too-costly",
            Ok(file) => file.open(&words).unwrap().map_or("closed", |_| "open"),
        };
        assert_eq!(fault, case["fault"].as_str().unwrap(), "{}", case["reason"]);
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
