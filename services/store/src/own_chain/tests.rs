//! Disks that fail, processes that die and power that is cut: of no height were two blocks ever given out.

use super::*;
use crate::disk::faulty::{Choices, Fault, mount};
use crate::testing::memory_folder;
use std::collections::BTreeMap;
use tempfile::TempDir;

/// Blocks of one life.
const BLOCKS: u64 = 4;
/// Power cuts that are tried at each change.
const CUTS: u64 = 24;

fn home(folder: &TempDir) -> Home {
    std::fs::create_dir_all(folder.path().join("home")).unwrap();
    Home::unopened(&folder.path().join("home"))
}

/// A block of a height; each process writes its own, of any length.
fn block(height: u64, process: u64) -> Vec<u8> {
    format!("block {height} of process {process} ").into_bytes().repeat(1 + (height * 37 + process * 11) as usize % 90)
}

fn height(chain: &ChainFiles) -> u64 {
    chain.kept.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// What was relied on, by height, with the number of changes that the disk had seen by then.
#[derive(Clone, Default)]
struct Given(BTreeMap<u64, (usize, Vec<u8>)>);

impl Given {
    fn give(&mut self, chain: &ChainFiles, now: usize) {
        let Some(block) = &chain.block else { return };
        let (_, before) = self.0.entry(height(chain)).or_insert((now, block.clone()));
        assert_eq!(before, block, "two blocks of height {}", height(chain));
    }
}

/// A process: opens the chain, relies on what it finds, and goes on to `BLOCKS`. Ends at the first error.
fn live(home: &Home, process: u64, now: impl Fn() -> usize, given: &mut Given) -> Result<(), Error> {
    let mut writer = ChainWriter::open_or_create(home, || Ok::<_, Error>(b"genesis".to_vec()))?;
    given.give(writer.files(), now());
    while height(writer.files()) < BLOCKS {
        let next = height(writer.files()) + 1;
        writer = writer.push(block(next, process), [&next.to_be_bytes()[..], b" state"].concat())?;
        given.give(writer.files(), now());
    }
    Ok(())
}

/// The next process finds at least what was relied on, and the blocks are one behind the other.
fn check(home: &Home, process: u64, given: &mut Given, what: &dyn std::fmt::Debug) {
    let newest = given.0.keys().next_back().copied().unwrap_or(0);
    let found = ChainFiles::read(home).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    assert!(found.as_ref().map_or(0, height) >= newest, "{what:?}: what was relied on is gone");
    live(home, process, || 0, given).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    let chain = ChainFiles::read(home).unwrap().unwrap();
    let blocks: Vec<_> = chain.blocks().map(Result::unwrap).collect();
    assert_eq!(blocks, given.0.values().map(|(_, block)| block.clone()).collect::<Vec<_>>(), "{what:?}");
    assert_eq!((blocks.len() as u64, blocks.last()), (BLOCKS, chain.block.as_ref()));
}

#[test]
fn a_disk_that_fails_at_any_call_never_leads_to_a_second_block() {
    for fault in [Fault::Io, Fault::NoSpace, Fault::Short, Fault::Death] {
        for call in 0.. {
            let folder = memory_folder();
            let home = home(&folder);
            let disk = mount(folder.path(), false);
            disk.0.plan(call, fault);
            let mut given = Given::default();
            let ended = live(&home, 1, || 0, &mut given);
            let is_done = disk.0.is_done();
            disk.0.revive();
            assert!(ended.is_ok() || is_done, "{ended:?}");
            check(&home, 2, &mut given, &(fault, call));
            if !is_done {
                assert!(call > 20, "the life has so many calls");
                break;
            }
        }
    }
}

#[test]
fn power_that_is_cut_at_any_change_never_leads_to_a_second_block() {
    let folder = memory_folder();
    let home = home(&folder);
    let disk = mount(folder.path(), true);
    let mut given = Given::default();
    live(&home, 1, || disk.0.now(), &mut given).unwrap();
    let (mut state, events) = disk.0.history();
    drop(disk);
    for cut in 0..=events.len() {
        let mut told = given.clone();
        told.0.retain(|_, (at, _)| *at <= cut);
        for seed in 0..CUTS {
            let left = if seed == 0 { state.clone().killed() } else { state.clone().cut_off(&mut Choices(seed << 32 | cut as u64)) };
            let after = memory_folder();
            left.write_to(after.path());
            let home = self::home(&after);
            check(&home, 2, &mut told.clone(), &(cut, seed));
        }
        events.get(cut).iter().for_each(|event| state.apply(event));
    }
}

/// A process dies, the next relies on what it finds, and then the power is cut: at the very moment.
#[test]
fn what_a_dead_process_left_is_durable_before_the_next_relies_on_it() {
    for call in 0.. {
        let folder = memory_folder();
        let home = home(&folder);
        let disk = mount(folder.path(), true);
        disk.0.plan(call, Fault::Death);
        let mut given = Given::default();
        let ended = live(&home, 1, || disk.0.now(), &mut given);
        let is_done = disk.0.is_done();
        disk.0.revive();
        live(&home, 2, || disk.0.now(), &mut given).unwrap();
        let (base, events) = disk.0.history();
        drop(disk);
        let moments: Vec<usize> = given.0.values().map(|(at, _)| *at).collect();
        for at in moments {
            let mut state = base.clone();
            events[..at].iter().for_each(|event| state.apply(event));
            let mut told = given.clone();
            told.0.retain(|_, (given_at, _)| *given_at <= at);
            for seed in 1..CUTS / 4 {
                let after = memory_folder();
                state.clone().cut_off(&mut Choices(seed << 32 | call)).write_to(after.path());
                check(&self::home(&after), 3, &mut told.clone(), &(call, at, seed));
            }
        }
        if !is_done {
            assert!(ended.is_ok() && call > 20, "the life has so many calls");
            break;
        }
    }
}

#[test]
fn what_was_changed_is_refused_and_nothing_is_made_up() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(&folder);
    let mut given = Given::default();
    live(&home, 1, || 0, &mut given).unwrap();
    let path = |name: &str| home.own_chain_path().join(name);
    let refused = |named: &str| {
        let error = ChainFiles::read(&home).unwrap_err();
        assert!(matches!(&error, Error::OwnChain(at) if *at == path(named)), "{error}");
        assert!(error.to_string().contains("mickai settle --own"), "{error}");
        assert!(matches!(ChainWriter::open(&home), Err(Error::OwnChain(_))));
        assert!(ChainWriter::open_or_create(&home, || Ok::<_, Error>(Vec::new())).is_err());
    };
    // Each bit of the tip.
    let tip = std::fs::read(path("tip")).unwrap();
    for bit in 0..tip.len() * 8 {
        let mut changed = tip.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(path("tip"), changed).unwrap();
        refused("tip");
    }
    std::fs::write(path("tip"), &tip).unwrap();
    // The blocks cut short, the length before the newest one changed, each of the three files gone.
    let blocks = std::fs::read(path("blocks")).unwrap();
    let newest = blocks.len() - 4 - given.0[&BLOCKS].1.len();
    for changed in [blocks[..blocks.len() - 1].to_vec(), {
        let mut one = blocks.clone();
        one[newest + 3] ^= 1;
        one
    }] {
        std::fs::write(path("blocks"), changed).unwrap();
        refused("blocks");
    }
    std::fs::write(path("blocks"), &blocks).unwrap();
    for (gone, named) in [("tip", "tip"), ("genesis", "genesis")] {
        let bytes = std::fs::read(path(gone)).unwrap();
        std::fs::remove_file(path(gone)).unwrap();
        refused(named);
        std::fs::write(path(gone), bytes).unwrap();
    }
    // A tail that no tip names is no damage.
    std::fs::write(path("blocks"), [&blocks[..], b"half a block"].concat()).unwrap();
    check(&home, 2, &mut given, &"a torn tail");
    let writer = ChainWriter::open(&home).unwrap().unwrap();
    writer.push(block(BLOCKS + 1, 3), (BLOCKS + 1).to_be_bytes().to_vec()).unwrap();
    assert_eq!(ChainFiles::read(&home).unwrap().unwrap().blocks().last().unwrap().unwrap(), block(BLOCKS + 1, 3));
}

#[test]
fn one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(&folder);
    let held = ChainWriter::open_or_create(&home, || Ok::<_, Error>(b"genesis".to_vec())).unwrap();
    assert!(matches!(Lock::acquire(&home.own_chain_path().join("lock"), std::time::Duration::ZERO), Err(Error::Locked { holder: Some(_), .. })));
    // Whoever only looks need not wait.
    assert_eq!(ChainFiles::read(&home).unwrap().as_ref(), Some(held.files()));
    drop(held);
    assert!(ChainWriter::open(&home).unwrap().is_some());
}
