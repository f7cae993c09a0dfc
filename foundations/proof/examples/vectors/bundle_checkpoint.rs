//! Bundles that break in steps 17 to 20, the checkpoint inside and the reference outside, and policies that cannot be used.

use crate::Files;
use crate::bundle::{Case, beats, one, small, trust};
use crate::common::vector::{Kept, PolicyText};
use crate::common::{Log, Parts, Signer};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{LogId, TreeHash};
use mickai_proof::verify::Axis::{Authenticity, Completeness, Consistency, Inclusion};

pub fn write(files: &mut Files) {
    notes(files);
    roots(files);
    references(files);
    misuses(files);
    pems(files);
}

fn notes(files: &mut Files) {
    let (log, parts) = small();
    let thief = Signer::from_seed(2);
    let mut case = |name, why, note: Vec<u8>, reason, step, axis| {
        let parts = Parts { note, ..parts.clone() };
        Case::new(name, why, parts.bytes(), trust(&log.signer)).invalid(files, reason, 5, step, axis);
    };
    let good = log.note(7);
    let checkpoint = log.checkpoint(7);
    case("checkpoint-empty", "an empty checkpoint", Vec::new(), "malformed-checkpoint", 17, Inclusion);
    case("checkpoint-two-signatures", "a second signature line", [good.as_bytes(), "\u{2014} witness.example AAAA\n".as_bytes()].concat(), "malformed-checkpoint", 17, Inclusion);
    case("checkpoint-not-utf8", "a byte that is not UTF-8", [b"\xff", good.as_bytes()].concat(), "malformed-checkpoint", 17, Inclusion);
    case("checkpoint-crlf", "lines that end in CR LF", good.replace('\n', "\r\n").into_bytes(), "malformed-checkpoint", 17, Inclusion);
    let other = log.signer.sign_checkpoint(&Checkpoint { log: LogId([7; 32]), ..checkpoint });
    case("checkpoint-other-log", "a checkpoint of another log by the same key", other.into_bytes(), "checkpoint-origin", 17, Inclusion);
    case("checkpoint-other-key", "a checkpoint of this log by another key", thief.sign_checkpoint(&checkpoint).into_bytes(), "checkpoint-key", 17, Authenticity);
    let forged = checkpoint.to_note(&log.signer.key, &thief.sign(checkpoint.text().as_bytes()));
    case("checkpoint-forged", "another key's signature under this key's hash", forged.clone().into_bytes(), "checkpoint-signature", 19, Authenticity);
    let both = Checkpoint { root: TreeHash([7; 32]), ..checkpoint };
    let both = both.to_note(&log.signer.key, &log.signer.sign(checkpoint.text().as_bytes()));
    case("checkpoint-root-changed", "the root changed after signing: the tree is looked at before the signature", both.into_bytes(), "root", 18, Inclusion);
}

fn roots(files: &mut Files) {
    let (log, parts) = small();
    let mut case = |name, why, parts: Parts| Case::new(name, why, parts.bytes(), trust(&log.signer)).invalid(files, "root", 5, 18, Inclusion);
    let sized = |size| log.signer.sign_checkpoint(&Checkpoint { size, ..log.checkpoint(7) }).into_bytes();
    let extra = |mut nodes: Vec<TreeHash>| {
        nodes.push(TreeHash([9; 32]));
        nodes
    };
    let mut flipped = parts.clone();
    flipped.left[0].0[0] ^= 1;
    let mut swapped = parts.clone();
    swapped.left.swap(0, 1);
    case(
        "root-other",
        "a signed checkpoint of another tree",
        Parts { note: log.signer.sign_checkpoint(&Checkpoint { root: TreeHash([7; 32]), ..log.checkpoint(7) }).into_bytes(), ..parts.clone() },
    );
    case("root-size-less", "a checkpoint of fewer records than the bundle reaches", Parts { note: log.note(4).into_bytes(), ..parts.clone() });
    case("root-size-end", "a checkpoint that ends with the bundle: the right part is of no use", Parts { note: log.note(5).into_bytes(), ..parts.clone() });
    case("root-size-6", "a checkpoint of one record less with the same root", Parts { note: sized(6), ..parts.clone() });
    case("root-size-largest", "a checkpoint of 2^53−1 records with the same root", Parts { note: sized((1 << 53) - 1), ..parts.clone() });
    case("right-missing", "no right part", Parts { right: Vec::new(), ..parts.clone() });
    case("right-fewer", "one node too few on the right", Parts { right: parts.right[..1].to_vec(), ..parts.clone() });
    case("right-more", "one node too many on the right", Parts { right: extra(parts.right.clone()), ..parts.clone() });
    case("left-flipped", "a bit of a left node flipped", flipped);
    case("left-swapped", "the left nodes exchanged", swapped);
    let log = one();
    let superfluous = Parts { right: vec![TreeHash([9; 32])], ..log.whole() };
    Case::new("right-unused", "a right part where the bundle reaches the checkpoint's size", superfluous.bytes(), trust(&log.signer)).invalid(files, "root", 1, 18, Inclusion);
    let mut log = beats();
    let before = log.note(2);
    let mut parts = log.whole();
    parts.note = before.into_bytes();
    Case::new("checkpoint-older", "a whole log with an older checkpoint of its own", parts.bytes(), trust(&log.signer)).invalid(files, "root", 3, 18, Inclusion);
    log.heartbeat();
    let parts = Parts { note: log.note(4).into_bytes(), ..beats().whole() };
    Case::new("records-dropped", "the last record dropped, the checkpoint left as it was", parts.bytes(), trust(&log.signer)).invalid(files, "root", 3, 18, Inclusion);
}

fn references(files: &mut Files) {
    let log = beats();
    let key = || trust(&log.signer);
    let shorter = log.first(2);
    let mut case = |name, why, bundle: Vec<u8>, policy, reason, index, axis| Case::new(name, why, bundle, policy).invalid(files, reason, index, 20, axis);
    case("truncated", "the last record dropped and the shorter log signed: the reference has three", shorter.whole().bytes(), key().pinned(&log, 3), "truncated", 2, Completeness);
    case("truncated-head", "the same with SIZE:ROOT", shorter.whole().bytes(), key().pinned_head(&log, 3), "truncated", 2, Completeness);
    case("truncated-upto", "the same, judged up to the reference", shorter.whole().bytes(), key().pinned(&log, 3).upto(3), "truncated", 2, Completeness);
    let huge = key().referring(format!("9007199254740991:{}", log.root(3)));
    case("truncated-huge", "a reference of 2^53−1 records", log.whole().bytes(), huge, "truncated", 3, Completeness);
    let (part_log, part) = small();
    let huge = trust(&part_log.signer).referring(format!("8:{}", part_log.root(7)));
    case("truncated-partial", "a part of a log that is shorter than the reference", part.bytes(), huge, "truncated", 5, Completeness);
    let mut view = log.first(2);
    view.push(&view.draft(mickai_proof::record::Kind::Deny, "export"));
    case("fork", "two signed views of record 2", view.whole().bytes(), key().pinned(&log, 3), "fork", 3, Consistency);
    view.heartbeat();
    case(
        "fork-longer",
        "a machine rolled back and then continued: longer than the reference, and another prefix",
        view.whole().bytes(),
        key().pinned(&log, 3),
        "fork",
        4,
        Consistency,
    );
    case("fork-upto", "the same, judged up to the reference", view.whole().bytes(), key().pinned(&log, 3).upto(3), "fork", 4, Consistency);
    case("fork-head", "the same with SIZE:ROOT", view.whole().bytes(), key().pinned_head(&log, 3), "fork", 4, Consistency);
    case("fork-partial", "a part of a log of the reference's size with another root", view.range(2..4).bytes(), fork_of_four(&log), "fork", 4, Consistency);
    let mut rebuilt = Log::with_genesis(&log.signer, |genesis| genesis.wall_ms += 86_400_000);
    rebuilt.heartbeats(2);
    case(
        "fork-rebuilt",
        "the whole log written anew with the same key: the reference is of another origin",
        rebuilt.whole().bytes(),
        key().pinned(&log, 3),
        "fork",
        3,
        Consistency,
    );
    let by_pem = key().by_pem(&log.signer).pinned(&log, 3);
    case("fork-rebuilt-by-pem", "the same, the key as PEM: it is a key of this log too", rebuilt.whole().bytes(), by_pem, "fork", 3, Consistency);
    case("fork-rebuilt-head", "the same with SIZE:ROOT", rebuilt.whole().bytes(), key().pinned_head(&log, 3), "fork", 3, Consistency);
    case("fork-rebuilt-shorter", "another origin is a fork, whatever the sizes", rebuilt.range(0..3).bytes(), key().pinned(&longer(&log), 4), "fork", 3, Consistency);
    case("fork-self-asserted", "a fork needs no trusted key", view.whole().bytes(), PolicyText::default().pinned(&log, 3), "fork", 4, Consistency);
}

fn longer(log: &Log) -> Log {
    let mut log = log.clone();
    log.heartbeat();
    log
}

/// Four records whose third is not that of the view.
fn fork_of_four(log: &Log) -> PolicyText {
    trust(&log.signer).pinned(&longer(log), 4)
}

fn misuses(files: &mut Files) {
    let log = one();
    let thief = Signer::from_seed(2);
    let bundle = log.whole().bytes();
    let key = || trust(&log.signer);
    let references = |reference: String| key().referring(reference);
    let mut misuse = |name, why, policy, reason| Case::new(name, why, bundle.clone(), policy).misuse(files, reason);
    misuse("misuse-text", "a reference that is no checkpoint", references("hello".to_owned()), "misuse-reference");
    misuse("misuse-head-root-short", "a root of 31 bytes", references(format!("1:{}", &log.root(1).to_string()[2..])), "misuse-reference");
    misuse("misuse-head-size-0", "a reference of no records", references(format!("0:{}", log.root(1))), "misuse-reference");
    misuse("misuse-head-leading-zero", "a size with a leading zero", references(format!("01:{}", log.root(1))), "misuse-reference");
    misuse("misuse-head-two-lines", "a second LF after SIZE:ROOT", references(format!("1:{}\n\n", log.root(1))), "misuse-reference");
    misuse("misuse-head-space", "a space after SIZE:ROOT", references(format!("1:{} ", log.root(1))), "misuse-reference");
    misuse("misuse-note-cut", "a note without its last LF", references(log.note(1).trim_end().to_owned()), "misuse-reference");
    let stolen = thief.sign_checkpoint(&log.checkpoint(1));
    misuse("misuse-note-other-key", "a note by another key than the policy's and the log's", references(stolen.clone()).by_pem(&log.signer), "misuse-reference");
    misuse("misuse-note-other-key-id", "the same under a key id", references(stolen.clone()), "misuse-reference");
    misuse("misuse-note-self-asserted", "the same without a policy's key", PolicyText::default().referring(stolen.clone()), "misuse-reference");
    let forged = log.checkpoint(1).to_note(&log.signer.key, &thief.sign(log.checkpoint(1).text().as_bytes()));
    misuse("misuse-note-forged", "a note whose signature does not verify", references(forged.clone()), "misuse-reference");
    misuse("misuse-upto", "up to another number than the reference's size", key().pinned(&log, 1).upto(2), "misuse-upto");
    misuse("misuse-upto-alone", "up to a number without a reference", key().upto(1), "misuse-upto");
    misuse("misuse-reference-before-upto", "a forged note and a wrong upto: the reference comes first", references(forged.clone()).by_pem(&log.signer).upto(2), "misuse-reference");
    let other = Log::new(&thief);
    let watched = PolicyText { keys: vec![log.signer.key.to_pem(), thief.key.to_pem()], ..PolicyText::default() };
    let early = Kept { checkpoint: other.note(1), requested: None, received: Some(1) };
    let watched = watched.pinned(&log, 1).kept(early);
    misuse("misuse-note-other-log", "good notes of two logs, both keys as PEM: that of the other log contradicts nothing here, whenever it came", watched, "misuse-reference");
    let axes = |policy| PolicyText { require: Some(vec!["inclusion".to_owned(), "luck".to_owned()]), ..policy };
    misuse("misuse-require", "an axis that there is not", axes(key()), "misuse-require");
    misuse("misuse-upto-before-require", "a wrong upto and an axis that there is not: upto comes first", axes(key().upto(1)), "misuse-upto");
    misuse("misuse-key-pem", "a key that is no PEM", PolicyText { keys: vec!["hello".to_owned()], ..PolicyText::default() }, "misuse-key");
    misuse("misuse-key-id-short", "a key id of 62 digits", PolicyText { keys: vec!["0f".repeat(31)], ..PolicyText::default() }, "misuse-key");
    misuse("misuse-key-second", "a good key and one that is none", PolicyText { keys: vec![log.signer.key.to_pem(), "hello".to_owned()], ..PolicyText::default() }, "misuse-key");
    let all = PolicyText { keys: vec!["0f".repeat(31)], ..axes(references("hello".to_owned()).upto(2)) };
    misuse("misuse-key-before-all", "a key id, a reference, upto and an axis, none of which can be used: the key comes first", all, "misuse-key");
    let mut broken = log.whole();
    broken.chunks[0].signatures[0].clear();
    Case::new("misuse-not-reached", "a broken bundle and a note by another key: under a key id the bundle's fault comes first", broken.bytes(), references(stolen.clone()))
        .invalid(files, "signing-mode", 0, 11, Authenticity);
    Case::new("misuse-before-file", "a file that is no bundle and a forged note: the usage comes first", b"hello".to_vec(), references(forged).by_pem(&log.signer))
        .misuse(files, "misuse-reference");
}

/// spec/keys.md "PEM": white space is free, and a marker is a line of its own.
fn pems(files: &mut Files) {
    let log = one();
    let pem = log.signer.key.to_pem();
    let case = |name, why, key: String| Case::new(name, why, log.whole().bytes(), PolicyText { keys: vec![key], ..PolicyText::default() }.pinned(&log, 1));
    let spaced: String = pem.lines().map(|line| format!("\t {} \r\n \n", line.replace('A', "A "))).collect();
    case("key-pem-white-space", "a key with white space about its lines and within them, and empty lines", spaced).verified(files, &[]);
    case("misuse-key-pem-one-line", "a key in one line", pem.replace('\n', "")).misuse(files, "misuse-key");
    case("misuse-key-pem-marker-in-line", "a word before the marker on its line", format!("key: {pem}")).misuse(files, "misuse-key");
}
