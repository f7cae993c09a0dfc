//! The home's own chain: its blocks say its state again, of no height are there two, and what it settles witnesses nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test, which copies homes")]

#[path = "../../../engines/ledger/tests/common/mod.rs"]
mod chain;

mod common;

use chain::log::OperatorLog;
use chain::{Signer, obols};
use common::copied;
// What the chain's module signs with.
use libcrux_ml_dsa as _;
use mickai_ledger::{Ledger, Library};
use mickai_proof::digest::{BlockId, ChainId, LogId};
use mickai_proof::fork::ForkReport;
use mickai_proof::pantheon::{Action, Amount, Block, Entry, Genesis, GenesisHead, Height, LightProof, LightVerdict, StateKey};
use mickai_proof::verify::{Policy, TrustedKey, Verdict, Word, verify};
use mickai_runtime::settle::own::{OwnChain, OwnFault};
use mickai_runtime::settle::{Cadence, Place, SettleChange, SettleError, Settler};
use mickai_runtime::{Error, Form, Open, Selection, System};
use mickai_store::{Custody, Home, OperatorKey};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// What the account has from genesis on: all but its bond.
const BALANCE: u64 = 4_999_000_000_000_000_000;
const EPOCH_BLOCKS: u64 = 100;

fn home() -> (tempfile::TempDir, System) {
    let folder = tempfile::tempdir().unwrap();
    let system = open(&folder.path().join("home"));
    (folder, system)
}

fn open(home: &Path) -> System {
    System::open(home, 1, Custody::default()).unwrap()
}

/// Chosen, and so made.
fn own(system: &System) -> OwnChain {
    system.set_settling(SettleChange { place: Some(Place::Own), every: None }).unwrap();
    chosen(system)
}

/// The one that was chosen before.
fn chosen(system: &System) -> OwnChain {
    system.own_chain(&system.settling().unwrap()).unwrap()
}

/// The fault of a chain of one.
fn fault<T: std::fmt::Debug>(refused: Result<T, SettleError>) -> OwnFault {
    let (SettleError::Chain(why) | SettleError::Unsent(why)) = refused.unwrap_err() else { panic!("another error") };
    *why.downcast().unwrap()
}

/// What a stranger sees who pinned the chain.
fn light(own: &mut OwnChain, log: LogId) -> LightVerdict {
    let bytes = own.light(log).unwrap().unwrap();
    assert_eq!(own.light(log).unwrap().unwrap(), bytes, "a vote has one signature");
    let verdict = LightProof::parse(&bytes).unwrap().check(own.chain()).unwrap();
    assert_eq!(verdict.validators_fewest, 1);
    verdict
}

/// Executes everything again from the files alone; gives the ledger, after each of whose blocks all PAN were counted entry by entry.
fn again(home: &Home) -> Ledger {
    let found = mickai_store::ChainFiles::read(home).unwrap().unwrap();
    let mut ledger = Ledger::new(&Genesis::parse(&found.genesis).unwrap()).unwrap();
    for bytes in found.blocks() {
        ledger = ledger.execute(&Block::parse(&bytes.unwrap()).unwrap(), &Library).unwrap().ledger;
        let totals = ledger.state().audit().unwrap();
        assert_eq!((totals.sum(), totals), (u128::from(Amount::SUPPLY.obols()), ledger.state().totals()));
    }
    ledger
}

fn transfer(amount: u64) -> Action {
    Action::Transfer { to: Signer::new(50).address(), amount: obols(amount) }
}

#[test]
fn genesis_is_one_seat_and_all_pan_and_nothing_costs_anything() {
    let (_folder, system) = home();
    assert!(matches!(system.own_chain(&system.settling().unwrap()), Err(Error::Settle(SettleError::Chain(why))) if matches!(why.downcast_ref(), Some(OwnFault::NotMade))));
    let mut own = own(&system);
    let settling = system.settling().unwrap();
    assert_eq!((settling.node, settling.chain), (None, Some(own.chain())));
    assert!(own.light(LogId([1; 32])).unwrap().is_none(), "before the first block there is nothing to show");
    let ledger = again(system.home());
    assert_eq!((ledger.height(), ledger.validators().keys().len(), ledger.params().seats_max), (Height(0), 1, 1));
    assert_eq!(ledger.state().totals().sum(), u128::from(Amount::SUPPLY.obols()));
    let before = own.standing().unwrap();
    assert_eq!((before.balance, before.height), (obols(BALANCE), Height(0)));
    own.perform(transfer(7)).unwrap();
    let after = own.standing().unwrap();
    assert_eq!((after.account, after.balance, after.height), (before.account, obols(BALANCE - 7), Height(1)));
    assert!(matches!(system.set_settling(SettleChange { place: Some(Place::Own), every: None }), Err(Error::Settle(SettleError::NoChange))));
}

#[test]
fn epochs_pass_and_every_block_of_them_can_be_shown() {
    let (_folder, system) = home();
    let mut own = own(&system);
    let log = OperatorLog::new(20, 21, 22);
    own.perform(log.register()).unwrap();
    for height in 2..=2 * EPOCH_BLOCKS + 2 {
        own.perform(transfer(1)).unwrap();
        if (height + 1) % EPOCH_BLOCKS <= 2 {
            let header = light(&mut own, log.id).header;
            let epoch = (height - 1) / EPOCH_BLOCKS;
            assert_eq!((header.height.0, header.epoch, header.view), (height, epoch, height - epoch * EPOCH_BLOCKS));
        }
    }
    assert_eq!(own.replay().unwrap(), Height(2 * EPOCH_BLOCKS + 2));
}

/// What a life of the chain is made of.
#[derive(Clone, Debug)]
enum Step {
    Attest { more: u64, root: u8 },
    Shrink,
    Again,
    Contradict,
    Transfer(u64),
    TooMuch,
    Rotate,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..50_u64, any::<u8>()).prop_map(|(more, root)| Step::Attest { more, root }),
        1 => Just(Step::Shrink),
        1 => Just(Step::Again),
        1 => Just(Step::Contradict),
        2 => (1..1_000_000_000_000_u64).prop_map(Step::Transfer),
        1 => Just(Step::TooMuch),
        1 => Just(Step::Rotate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is asked of it: what is refused leaves nothing, what is not can be shown, and the blocks alone lead to the same state.
    #[test]
    fn the_blocks_say_the_state_again(steps in prop::collection::vec(step(), 1..24)) {
        let (_folder, system) = home();
        let mut own = own(&system);
        let mut log = OperatorLog::new(20, 21, 22);
        own.perform(log.register()).unwrap();
        let (mut newest, mut height, mut balance, mut index) = (None, 1, BALANCE, 1);
        let mut keys = vec![Signer::new(log.key).key];
        for step in steps {
            let (size, root) = newest.unwrap_or((0, 0));
            let (action, wanted) = match step {
                Step::Attest { more, root } => (log.attest(size + more, root), Ok((Some((size + more, root)), balance))),
                Step::Shrink if size > 1 => (log.attest(size - 1, root), Err("log-shrinks")),
                Step::Again if size > 0 => (log.attest(size, root), Err("checkpoint-known")),
                Step::Contradict if size > 0 => (log.attest(size, root.wrapping_add(1)), Err("log-forked")),
                Step::Transfer(amount) => (transfer(amount), Ok((newest, balance - amount))),
                Step::TooMuch => (transfer(balance + 1), Err("insufficient")),
                Step::Rotate if index < 12 => (log.rotate(index, log.next, log.next + 3), Ok((newest, balance))),
                _ => continue,
            };
            let is_rotation = matches!(action, Action::RotateLog { .. });
            match (own.perform(action), wanted) {
                (Ok(()), Ok(after)) => {
                    (newest, balance) = after;
                    height += 1;
                    if is_rotation {
                        (log.key, log.next) = (log.next, log.next + 3);
                        keys.push(Signer::new(log.key).key);
                        index += 1;
                    }
                }
                (Err(SettleError::Conflict(proof)), Err("log-forked")) => {
                    prop_assert_eq!(ForkReport::of(&proof, &keys).unwrap().reason(), "fork");
                }
                (refused, Err(code)) => prop_assert!(fault(refused).to_string().contains(code)),
                (refused, Ok(_)) => prop_assert!(false, "{:?}", refused),
            }
            let standing = own.standing().unwrap();
            prop_assert_eq!((standing.height.0, standing.balance), (height, obols(balance)));
        }
        let shown = light(&mut own, log.id);
        let [(StateKey::Log(_), Some(Entry::Log(entry)))] = shown.entries.as_slice() else { panic!("not the log") };
        prop_assert_eq!(entry.newest.as_ref().map(|newest| (newest.size, newest.root.0[0])), newest);
        let ledger = again(system.home());
        prop_assert_eq!((ledger.height().0, ledger.tip(), ledger.state().root()), (height, shown.header.id(), shown.header.state));
        prop_assert_eq!(own.replay().unwrap(), shown.header.height);
    }
}

#[test]
fn who_settles_at_once_waits_and_no_height_has_two_blocks() {
    let (_folder, system) = home();
    own(&system);
    let ids: Vec<(Height, BlockId)> = std::thread::scope(|scope| {
        let one = || {
            let mut own = chosen(&system);
            (0..8)
                .map(|_| {
                    own.perform(transfer(1)).unwrap();
                    let header = light(&mut own, LogId([1; 32])).header;
                    (header.height, header.id())
                })
                .collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let by_height: std::collections::BTreeMap<_, _> = ids.iter().copied().collect();
    assert!(ids.iter().all(|(height, id)| by_height[height] == *id), "two blocks of one height were voted for");
    assert_eq!(chosen(&system).replay().unwrap(), Height(32));
}

/// Something to be on record: two records.
fn act(system: &System, minutes: u64) {
    system.set_settling(SettleChange { place: None, every: Some(Cadence { records: None, minutes: Some(minutes) }) }).unwrap();
}

fn stranger(system: &System, bundle: &Path, chain: ChainId) -> Verdict {
    let keys = vec![TrustedKey::Key(OperatorKey::public_of(system.home()).unwrap())];
    verify(&fs::read(bundle).unwrap(), Policy { keys, chains: vec![chain], ..Policy::default() }).unwrap()
}

#[test]
fn a_log_settles_on_it_and_completeness_stays_unwitnessed() {
    let (folder, system) = home();
    let mut own = own(&system);
    let settlement = system.settle(&mut own).unwrap();
    assert_eq!((settlement.settled.size, settlement.settled.seats, settlement.settled.height), (3, 1, Height(2)));
    let bundle = folder.path().join("settled.oar");
    system.export(Form::Bundle, &Selection::Settled, &Open::default(), &bundle, None).unwrap();
    let verdict = stranger(&system, &bundle, own.chain());
    assert_eq!((verdict.word, verdict.reason.map(|reason| reason.code())), (Word::Stale, Some("completeness-unwitnessed")));
    assert!(verdict.scope_text().contains("settled on a chain of one: completeness still unwitnessed"), "{verdict}");
    // Key events and later checkpoints follow.
    system.rotate_key(None).unwrap();
    assert_eq!(system.settle(&mut own).unwrap().settled.size, 8, "the export and the rotation too");
    assert_eq!(own.standing().unwrap().height, Height(4));
}

#[test]
fn a_conflicting_root_is_a_fork_as_on_any_chain() {
    for (first, second) in [(1, 1), (1, 3)] {
        let (folder, honest) = home();
        own(&honest);
        drop(honest);
        let (from, to) = (folder.path().join("home"), folder.path().join("copy"));
        copied(&from, &to);
        let (honest, other) = (open(&from), open(&to));
        (1..=first).for_each(|minutes| act(&honest, minutes));
        (1..=second).for_each(|minutes| act(&other, 100 + minutes));
        honest.settle(&mut chosen(&honest)).unwrap();
        // The same chain, and another history of the log.
        fs::remove_dir_all(other.home().own_chain_path()).unwrap();
        copied(&honest.home().own_chain_path(), &other.home().own_chain_path());
        let Err(Error::Settle(SettleError::Forked { proof })) = other.settle(&mut chosen(&other)) else { panic!("not refused as a fork") };
        let report = ForkReport::of(&fs::read(proof).unwrap(), &[OperatorKey::public_of(honest.home()).unwrap()]).unwrap();
        assert_eq!((report.word(), report.reason()), (Word::Invalid, "fork"));
    }
}

/// A home that settled once, with paths of what its chain is made of.
fn settled_once() -> (tempfile::TempDir, System, PathBuf) {
    let (folder, system) = home();
    let mut own = own(&system);
    system.settle(&mut own).unwrap();
    let path = system.home().own_chain_path();
    (folder, system, path)
}

/// What is said when somebody settles now; nothing comes of it.
fn refused(system: &System) -> OwnFault {
    let before = system.settlements().unwrap().len();
    let Err(Error::Settle(why)) = system.own_chain(&system.settling().unwrap()).and_then(|mut own| system.settle(&mut own)) else { panic!("it settled") };
    assert_eq!(system.settlements().unwrap().len(), before);
    let fault = fault::<()>(Err(why));
    assert!(fault.to_string().contains("mickai settle --own"), "{fault}");
    fault
}

#[test]
fn what_was_changed_on_the_disk_is_told_with_a_way_out() {
    let (_folder, system, path) = settled_once();
    let newest_bytes = mickai_store::ChainFiles::read(system.home()).unwrap().unwrap().block.unwrap().len() + 4;
    for name in ["genesis", "tip", "blocks"] {
        let bytes = fs::read(path.join(name)).unwrap();
        for at in (0..bytes.len()).step_by(401) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            fs::write(path.join(name), &changed).unwrap();
            // Of the blocks before the newest none is read again to go on; whoever replays them finds it.
            if name == "blocks" && at < bytes.len() - newest_bytes {
                assert!(matches!(chosen(&system).replay(), Err(OwnFault::Store(_))), "{name} {at}");
            } else {
                assert!(matches!(refused(&system), OwnFault::Store(mickai_store::Error::OwnChain(_)) | OwnFault::Other { .. }), "{name} {at}");
            }
        }
        fs::write(path.join(name), bytes).unwrap();
    }
    system.settle(&mut chosen(&system)).unwrap();
}

#[test]
fn a_chain_that_is_gone_put_back_or_another_is_told_and_another_may_begin() {
    let (folder, system, path) = settled_once();
    let first = system.settling().unwrap().chain.unwrap();
    // Put back to what it was before the newest settlement.
    let older = folder.path().join("older");
    copied(&path, &older);
    system.settle(&mut chosen(&system)).unwrap();
    let newest = folder.path().join("newest");
    fs::rename(&path, &newest).unwrap();
    copied(&older, &path);
    assert!(matches!(refused(&system), OwnFault::PutBack { given: Height(3), have: Height(2), .. }));
    // Gone.
    fs::remove_dir_all(&path).unwrap();
    assert!(matches!(refused(&system), OwnFault::Missing { chain, .. } if chain == first));
    // The newest is as good as ever.
    fs::rename(&newest, &path).unwrap();
    system.settle(&mut chosen(&system)).unwrap();
    // Gone for good: another begins, and the log's keys and checkpoints are told to it from the first.
    fs::remove_dir_all(&path).unwrap();
    let mut second = own(&system);
    assert_ne!(second.chain(), first);
    assert_eq!(system.settle(&mut second).unwrap().settled.height, Height(2));
    let kept: Vec<_> = system.settlements().unwrap().into_iter().map(|kept| kept.chain).collect();
    assert!(kept.contains(&first) && kept.contains(&second.chain()), "what was settled stays settled");
    // A chain of another home.
    let (_other_folder, _, other) = settled_once();
    fs::remove_dir_all(&path).unwrap();
    copied(&other, &path);
    assert!(matches!(refused(&system), OwnFault::Other { .. }));
}

#[test]
fn keys_that_are_not_the_chains_are_told() {
    let (_folder, system, _) = settled_once();
    let (_other_folder, other, _) = settled_once();
    for path in [Home::wallet_path, Home::voter_path] {
        let (key, theirs) = (path(system.home()), path(other.home()));
        let aside = key.with_extension("aside");
        fs::rename(&key, &aside).unwrap();
        fs::copy(theirs, &key).unwrap();
        assert!(matches!(refused(&system), OwnFault::Key(named) if named == key));
        fs::remove_file(&key).unwrap();
        assert!(matches!(refused(&system), OwnFault::Key(named) if named == key));
        fs::rename(&aside, &key).unwrap();
    }
    system.settle(&mut chosen(&system)).unwrap();
}

#[test]
fn from_a_chain_to_the_own_one_and_back() {
    let (_folder, system, _) = settled_once();
    let first = system.settling().unwrap().chain;
    let node = Place::Node { url: "http://127.0.0.1:1".to_owned(), chain: ChainId([9; 32]) };
    let (settling, _) = system.set_settling(SettleChange { place: Some(node), every: None }).unwrap();
    assert_eq!((settling.node.is_some(), settling.chain), (true, Some(ChainId([9; 32]))));
    act(&system, 5);
    assert_eq!(system.settling().unwrap().chain, Some(ChainId([9; 32])), "another cadence, the same chain");
    let (settling, _) = system.set_settling(SettleChange { place: Some(Place::Own), every: None }).unwrap();
    assert_eq!((settling.node, settling.chain, settling.every.minutes), (None, first, Some(5)));
    system.settle(&mut chosen(&system)).unwrap();
}

/// A head that says other things than this program's has another id, and so no chain on record.
#[test]
fn a_genesis_that_was_changed_is_another_chain() {
    let (_folder, system, path) = settled_once();
    let genesis = Genesis::parse(&fs::read(path.join("genesis")).unwrap()).unwrap();
    let head = GenesisHead { name: "another".to_owned(), ..genesis.head.clone() };
    fs::write(path.join("genesis"), Genesis { head, ..genesis }.encode()).unwrap();
    assert!(matches!(refused(&system), OwnFault::Other { .. }));
}
