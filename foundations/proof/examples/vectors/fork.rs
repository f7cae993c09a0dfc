//! Fork proofs: two checkpoints that cannot both be true (spec/checkpoint.md "Fork proof"). `accept` holds those that prove a fork.

use crate::Files;
use crate::bundle::one;
use crate::common::vector::{ForkExpect, ForkVector, judge_fork};
use crate::common::{Log, Signer};
use base64ct::{Base64, Encoding};
use mickai_proof::digest::TreeHash;
use mickai_proof::fork::encode;
use mickai_proof::merkle::{self, Frontier};
use mickai_proof::record::Kind;

/// The nodes that show the first `size` records of a log.
fn nodes(log: &Log, size: usize) -> (Vec<TreeHash>, Vec<TreeHash>) {
    let leaves: Vec<_> = log.records.iter().map(|record| merkle::leaf(record)).collect();
    let mut left = Frontier::default();
    leaves[..size].iter().for_each(|leaf| left.push(*leaf));
    let right = merkle::right_ranges(size as u64, leaves.len() as u64);
    (left.nodes().to_vec(), right.into_iter().map(|range| merkle::root_of(&leaves[range.start as usize..range.end as usize]).unwrap()).collect())
}

pub fn write(files: &mut Files) {
    let mut honest = one();
    honest.heartbeats(2);
    let mut view = honest.first(2);
    view.push(&view.draft(Kind::Deny, "export"));
    view.heartbeats(4);
    let key = honest.signer.clone();
    let mut case = |name: &str, why: &str, bytes: Vec<u8>, keys: &[&Signer], reason: Option<&str>, exit: u8| {
        let expect = ForkExpect { exit, reason: reason.unwrap_or("fork").to_owned() };
        let vector =
            ForkVector { name: name.to_owned(), why: why.to_owned(), fork: Base64::encode_string(&bytes), keys: keys.iter().map(|key| key.key.to_pem()).collect(), expect };
        if files.agrees(name, &judge_fork(&vector), &vector.expect) {
            files.vector("fork", reason.is_none(), name, &vector);
        }
    };
    let (left, right) = nodes(&view, 3);
    let (a, b) = (honest.note(3), view.note(7));
    let good = encode(&a, &b, &left, &right);
    case("prefix", "the first three of seven records are others", good.clone(), &[&key], None, 1);
    case("equal-size", "two roots of one size", encode(&honest.note(3), &view.first(3).note(3), &[], &[]), &[&key], None, 1);
    case("two-keys", "one of two trusted keys signed", good.clone(), &[&Signer::from_seed(2), &key], None, 1);
    let mut rotated = one();
    rotated.rotate(&crate::common::log::next());
    rotated.heartbeat();
    let mut other = one();
    other.heartbeats(2);
    let across = encode(&other.note(3), &rotated.note(3), &[], &[]);
    case("across-a-rotation", "the two notes are by two keys of the log, both trusted", across.clone(), &[&key, &rotated.signer], None, 1);
    case("across-untrusted", "the same, when only one is trusted", across, &[&key], Some("unknown-key"), 1);
    case("other-key", "signed by a key that is not trusted", good.clone(), &[&Signer::from_seed(2)], Some("unknown-key"), 1);
    case("no-key", "no key: wrong usage, since a fork proof carries none", good.clone(), &[], Some("misuse-key"), 64);
    case("no-key-no-fork", "no key, and another sort of file: the usage comes first", Vec::new(), &[], Some("misuse-key"), 64);
    let thief = Signer::from_seed(2);
    let forged = view.checkpoint(7).to_note(&key.key, &thief.sign(view.checkpoint(7).text().as_bytes()));
    case("forged", "a note that the key did not sign", encode(&a, &forged, &left, &right), &[&key], Some("checkpoint-signature"), 1);
    let (honest_left, honest_right) = nodes(&view, 2);
    case("consistent", "both can be true", encode(&honest.note(2), &b, &honest_left, &honest_right), &[&key], Some("fork-unproven"), 1);
    case("same-note", "one note twice", encode(&a, &a, &[], &[]), &[&key], Some("fork-unproven"), 1);
    case("equal-size-nodes", "nodes where the sizes are equal", encode(&honest.note(3), &view.first(3).note(3), &left, &[]), &[&key], Some("fork-unproven"), 1);
    case("nodes-missing", "no nodes", encode(&a, &b, &[], &[]), &[&key], Some("fork-unproven"), 1);
    case("right-short", "a node too few", encode(&a, &b, &left, &right[..right.len() - 1]), &[&key], Some("fork-unproven"), 1);
    let more = [&left[..], &[TreeHash([7; 32])]].concat();
    case("left-more", "a node too many on the left", encode(&a, &b, &more, &right), &[&key], Some("fork-unproven"), 1);
    let mut flipped = left.clone();
    flipped[0].0[0] ^= 1;
    case("left-flipped", "a bit of a node flipped", encode(&a, &b, &flipped, &right), &[&key], Some("fork-unproven"), 1);
    case("sizes-swapped", "the larger one first", encode(&b, &a, &left, &right), &[&key], Some("malformed-fork"), 1);
    let elsewhere = Log::with_genesis(&key, |genesis| genesis.wall_ms += 1).note(1);
    case("two-origins", "notes of two logs", encode(&elsewhere, &b, &[], &[]), &[&key], Some("malformed-fork"), 1);
    case("note-malformed", "a note that is none", encode("hello", &b, &left, &right), &[&key], Some("malformed-fork"), 1);
    case("cut", "cut short", good[..good.len() - 1].to_vec(), &[&key], Some("malformed-fork"), 1);
    case("longer", "a byte after it", [&good[..], &[0]].concat(), &[&key], Some("malformed-fork"), 1);
    case("nodes-65", "65 nodes", encode(&a, &b, &[TreeHash([7; 32]); 65], &right), &[&key], Some("malformed-fork"), 1);
    let changed = |at: usize, byte: u8| {
        let mut changed = good.clone();
        changed[at] = byte;
        changed
    };
    case("nodes-64", "as many nodes as there may be, none of which belongs there", encode(&a, &b, &[TreeHash([7; 32]); 64], &right), &[&key], Some("fork-unproven"), 1);
    case("equal-size-right", "nodes on the right where the sizes are equal", encode(&honest.note(3), &view.first(3).note(3), &[], &right), &[&key], Some("fork-unproven"), 1);
    case("elements-7", "an array of seven, its content as it should be", changed(0, 0x87), &[&key], Some("malformed-fork"), 1);
    case("elements-2", "an array of name and version", [&[0x82], &good[1..11]].concat(), &[&key], Some("malformed-fork"), 1);
    case("elements-1", "an array of the name alone, though a version follows", [&[0x81], &good[1..11]].concat(), &[&key], Some("not-a-fork-proof"), 4);
    case("name-letter", "a letter of the name changed, all else as it should be", changed(5, b'e'), &[&key], Some("not-a-fork-proof"), 4);
    let mut version = good.clone();
    version[10] = 2;
    case("version-2", "another version", version, &[&key], Some("not-a-fork-proof"), 4);
    case("bundle", "a bundle", honest.whole().bytes(), &[&key], Some("not-a-fork-proof"), 4);
    case("empty", "an empty file", Vec::new(), &[&key], Some("not-a-fork-proof"), 4);
}
