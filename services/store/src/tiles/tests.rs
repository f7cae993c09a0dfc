//! Tiles are the tree: every root and every proof from them is that of RFC 6962, and a run goes on wherever an earlier one ended.

use super::path::{self, Kind};
use super::*;
use crate::error::{Error, Misuse};
use crate::home::Home;
use crate::log::{Draft, LogReader, LogWriter, key_account};
use crate::testing::{AUTHORITY, heartbeat, new_home, writer};
use mickai_proof::bundle::Cut;
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::TreeHash;
use mickai_proof::merkle::{self, Gather};
use mickai_proof::record::Mode;
use std::path::Path;

fn grow(writer: &mut LogWriter, count: u64) {
    let mut left = count;
    while left > 0 {
        let now = left.min(1_000);
        writer.append_all((0..now).map(|_| Draft { mode: Mode::Sealed, ..heartbeat() }).collect()).unwrap();
        left -= now;
    }
}

fn leaves(home: &Home) -> Vec<TreeHash> {
    LogReader::open(home).unwrap().entries(0..u64::MAX).map(|entry| merkle::leaf(&entry.unwrap().record)).collect()
}

/// RFC 9162 §2.1.3.2.
fn included(leaf: TreeHash, index: u64, size: u64, path: &[TreeHash]) -> Option<TreeHash> {
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for beside in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            hash = merkle::node(beside, &hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = merkle::node(&hash, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

/// RFC 9162 §2.1.4.2.
fn consistent(old: u64, size: u64, old_root: TreeHash, proof: &[TreeHash]) -> Option<(TreeHash, TreeHash)> {
    let mut proof = proof.to_vec();
    if old.is_power_of_two() {
        proof.insert(0, old_root);
    }
    let (mut at, mut last) = (old - 1, size - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let (first, rest) = proof.split_first()?;
    let (mut from_old, mut from_new) = (*first, *first);
    for beside in rest {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            (from_old, from_new) = (merkle::node(beside, &from_old), merkle::node(beside, &from_new));
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            from_new = merkle::node(&from_new, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some((from_old, from_new))
}

#[test]
fn every_proof_from_tiles_leads_to_the_root() {
    let (folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    grow(&mut live, 69_000);
    let note = live.checkpoint().unwrap();
    let reader = LogReader::open(&home).unwrap();
    let out = folder.path().join("out");
    let size = publish(&reader, &note, &out, &mut |_| {}).unwrap().size;
    let (leaves, tree) = (leaves(&home), Tree::open(&out));
    let root_of = |size: u64| merkle::root_of(&leaves[..size as usize]).unwrap();
    let root = root_of(size);
    assert_eq!(tree.root(size).unwrap(), Some(root));
    assert!(path::full(&out, Kind::Hashes(1), 0).exists(), "more than 65,536 records have a full tile of level 1");
    for index in [0, 1, 255, 256, 65_535, 65_536, size - 2, size - 1].into_iter().chain((0..size).step_by(1_999)) {
        let path = tree.inclusion(index, size).unwrap().unwrap();
        assert_eq!(included(leaves[index as usize], index, size, &path), Some(root), "leaf {index}");
    }
    for old in [1, 2, 3, 255, 256, 257, 65_536, 65_537, size - 1].into_iter().chain((1..size).step_by(4_999)) {
        let proof = tree.consistency(old, size).unwrap().unwrap();
        assert_eq!(consistent(old, size, root_of(old), &proof), Some((root_of(old), root)), "{old} leaves");
        assert_eq!(tree.frontier(old).unwrap(), reader.frontier(old).unwrap(), "{old} leaves");
    }
    assert_eq!(tree.consistency(size, size).unwrap(), Some(Vec::new()));
    assert_eq!((tree.root(size + 1).unwrap(), tree.inclusion(size, size).unwrap(), tree.consistency(0, size).unwrap()), (None, None, None));
    // A bundle of one record in the middle: what is left and right of it.
    let (index, right) = (40_000, merkle::right_ranges(40_001, size));
    let mut left = tree.frontier(index).unwrap().unwrap();
    left.push(leaves[index as usize]);
    let right: Vec<_> = right.into_iter().map(|range| tree.subtree(range).unwrap().unwrap()).collect();
    assert_eq!(left.root_with(size, &right), Some(root));
}

/// What a file server would have after each run is what one run over everything would have written, but for partial tiles that an older checkpoint needs.
#[test]
fn a_run_goes_on_where_the_last_one_ended() {
    let (folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    let out = folder.path().join("out");
    let mut sizes = Vec::new();
    for count in [0, 1, 200, 54, 1, 255, 256, 700] {
        grow(&mut live, count);
        let note = live.checkpoint().unwrap();
        let reader = LogReader::open(&home).unwrap();
        let before = sizes.last().copied().unwrap_or(0);
        let published = publish(&reader, &note, &out, &mut |_| {}).unwrap();
        assert_eq!((published.size, published.first), (reader.size(), before - before % 256));
        assert_eq!(std::fs::read_to_string(out.join("checkpoint")).unwrap(), note);
        assert_eq!(publish(&reader, &note, &out, &mut |_| {}).unwrap().size, published.size);
        let fresh = folder.path().join(format!("fresh-{}", published.size));
        publish(&reader, &note, &fresh, &mut |_| {}).unwrap();
        assert_holds(&out, &fresh, &fresh);
        for number in 0..published.size / 256 {
            assert!(!path::partials(&out, Kind::Hashes(0), number).exists() && !path::partials(&out, Kind::Entries, number).exists());
        }
        sizes.push(published.size);
    }
    let entries = std::fs::read(path::full(&out, Kind::Entries, 0)).unwrap();
    let (mut rest, reader) = (entries.as_slice(), LogReader::open(&home).unwrap());
    for entry in reader.entries(0..256) {
        let (len, after) = rest.split_first_chunk::<2>().unwrap();
        let (record, after) = after.split_at(usize::from(u16::from_be_bytes(*len)));
        assert_eq!(record, entry.unwrap().record);
        rest = after;
    }
    assert!(rest.is_empty());
}

/// Every file below `at` of `root` is in `out` with the same bytes.
fn assert_holds(out: &Path, root: &Path, at: &Path) {
    for entry in std::fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_holds(out, root, &path);
        } else {
            let name = path.strip_prefix(root).unwrap();
            assert_eq!(std::fs::read(out.join(name)).unwrap(), std::fs::read(&path).unwrap(), "{}", name.display());
        }
    }
}

#[test]
fn changed_tiles_are_written_again_and_another_log_is_refused() {
    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    grow(&mut live, 600);
    let note = live.checkpoint().unwrap();
    let reader = LogReader::open(&home).unwrap();
    let size = Note::parse(note.as_bytes()).unwrap().checkpoint.size;
    let root = Note::parse(note.as_bytes()).unwrap().checkpoint.root;
    let tiles = home.path().join("tiles");
    assert_eq!(keep(&home, &reader, &note).unwrap().root(size).unwrap(), Some(root));
    assert!(!tiles.join("tile/entries").exists());
    // What the root needs is compared at every run.
    let (edge, inner) = (path::partial(&tiles, Kind::Hashes(1), 0, 2), path::full(&tiles, Kind::Hashes(0), 1));
    let damages: [&dyn Fn(); 5] = [
        &|| std::fs::write(&edge, [7; 64]).unwrap(),
        &|| std::fs::write(&edge, [7; 10]).unwrap(),
        &|| std::fs::remove_file(&edge).unwrap(),
        &|| std::fs::write(tiles.join("checkpoint"), b"no note").unwrap(),
        &|| std::fs::remove_dir_all(&tiles).unwrap(),
    ];
    for damage in damages {
        damage();
        assert_eq!(keep(&home, &reader, &note).unwrap().root(size).unwrap(), Some(root));
    }
    // What it does not need shows in the proof.
    let leaf = leaves(&home)[300];
    let proven = |tree: Tree| included(leaf, 300, size, &tree.inclusion(300, size).unwrap()?);
    assert_eq!(proven(keep(&home, &reader, &note).unwrap()), Some(root));
    std::fs::write(&inner, [7; 8_192]).unwrap();
    assert_ne!(proven(keep(&home, &reader, &note).unwrap()), Some(root));
    std::fs::write(&inner, [7; 100]).unwrap();
    assert_eq!(proven(keep(&home, &reader, &note).unwrap()), None);
    assert_eq!(proven(renew(&home, &reader, &note).unwrap()), Some(root));
    let (_other_folder, other) = new_home();
    let foreign = writer(&other).unwrap().checkpoint().unwrap();
    assert!(matches!(keep(&home, &reader, &foreign), Err(Error::Misuse(Misuse::Checkpoint))));
    assert!(matches!(keep(&home, &reader, "text"), Err(Error::Misuse(Misuse::Checkpoint))));
    grow(&mut live, 1);
    let later = live.checkpoint().unwrap();
    assert!(matches!(keep(&home, &reader, &later), Err(Error::RolledBack { have: 602, want: 604, .. })));
    // A note with the right size and another root, whoever signed it.
    let text = mickai_proof::checkpoint::Checkpoint { log: reader.log_id().unwrap(), size, root: TreeHash([7; 32]) };
    let forged = text.to_note(live.key().public(), &[7; 3_309]);
    assert!(matches!(keep(&home, &reader, &forged), Err(Error::Rewritten { .. })));
    assert!(keep(&home, &LogReader::open(&home).unwrap(), &later).unwrap().root(604).unwrap().is_some());
}

/// What lies around any range, and the path of any record, is what one pass over the whole log gives, whatever was done to the kept tiles; with and without key events.
#[test]
fn what_lies_around_a_range_leads_to_the_checkpoint() {
    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    for has_events in [false, true] {
        if has_events {
            live.rotate_key(AUTHORITY, None).unwrap();
            grow(&mut live, 100);
            live.rotate_key(AUTHORITY, None).unwrap();
        }
        grow(&mut live, 600);
        let note = live.checkpoint().unwrap();
        // What comes after the checkpoint, a key event among it, is no part of it.
        live.append(heartbeat()).unwrap();
        live.rotate_key(AUTHORITY, None).unwrap();
        let reader = LogReader::open(&home).unwrap();
        let size = Note::parse(note.as_bytes()).unwrap().checkpoint.size;
        let (_, account) = key_account(&home).unwrap().unwrap();
        let inner = path::full(&home.path().join("tiles"), Kind::Hashes(0), 1);
        for range in [0..1, 0..size, 300..301, 255..257, 256..512, 1..size, size - 1..size] {
            let mut cut = Cut::new(range.clone(), size);
            let mut gather = Gather::new(size);
            for entry in reader.entries(0..size).map(Result::unwrap) {
                cut.push(&entry.record, &entry.signature);
                gather.want_path_of_next();
                gather.push(merkle::leaf(&entry.record));
            }
            let by_definition = cut.finish().unwrap().0;
            let found = around(&home, &reader, &account, &note, range.clone()).unwrap();
            assert_eq!(found, by_definition, "{range:?}");
            assert_eq!(found.events.is_empty(), !has_events || range == (0..size), "{range:?}");
            std::fs::write(&inner, [7; 8_192]).unwrap();
            assert_eq!(around(&home, &reader, &account, &note, range.clone()).unwrap(), by_definition, "{range:?}");
            std::fs::write(&inner, [7; 8_192]).unwrap();
            let found = paths(&home, &reader, &note, range.clone()).unwrap();
            assert!(found.iter().map(|(entry, _)| entry.index).eq(range.clone()));
            assert!(found.iter().all(|(entry, path)| gather.path(entry.index).as_ref() == Some(path)));
        }
        for range in [3..3, 0..size + 1] {
            assert!(matches!(around(&home, &reader, &account, &note, range.clone()), Err(Error::Misuse(Misuse::Checkpoint))));
            assert!(matches!(paths(&home, &reader, &note, range), Err(Error::Misuse(Misuse::Checkpoint))));
        }
    }
}
