//! What a node finds at the beginning of an epoch, and whether it signs: each line of the table in `voted`, and every place where an entry is cut off.

use super::{Entry, Mark, MarkFile, Marks, Name, Voted, encode, parse, unused};
use crate::error::NodeError;
use crate::limits;
use commonware_runtime::deterministic::{Context, Runner};
use commonware_runtime::{Blob as _, Runner as _, Storage as _, Supervisor as _, WriteOptions};
use futures::future::BoxFuture;
use mickai_proof::digest::ChainId;
use mickai_proof::pantheon::Address;
use std::sync::{Arc, Mutex};

const CHAIN: ChainId = ChainId([7; 32]);
const VOTER: Address = Address([9; 32]);
const STARTED_MS: u64 = 1_000_000;
/// Proposed long before the process started, and after.
const OLD: u64 = 500_000;
const NEW: u64 = STARTED_MS + limits::AHEAD_MS_MAX + 1;

/// Marks in memory; with `is_cut` nothing is written, as if power failed just before.
#[derive(Default)]
struct Memory {
    bytes: Mutex<Option<Vec<u8>>>,
    is_cut: bool,
}

impl Marks for Memory {
    fn read(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, NodeError>> {
        Box::pin(async { Ok(self.bytes.lock().unwrap().clone()) })
    }

    fn write(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(async move {
            if self.is_cut {
                return Err(NodeError::Ended);
            }
            *self.bytes.lock().unwrap() = Some(bytes);
            Ok(())
        })
    }
}

fn with(bytes: Option<Vec<u8>>) -> Arc<Memory> {
    Arc::new(Memory { bytes: Mutex::new(bytes), is_cut: false })
}

/// A process that starts in this folder with these marks.
async fn start(context: &Context, folder: &str, marks: &Arc<Memory>) -> Voted<Context> {
    Voted::open(context.child("voted"), folder.into(), (CHAIN, VOTER), marks.clone(), STARTED_MS).await.unwrap()
}

/// And enters one epoch.
async fn enters(context: &Context, folder: &str, marks: &Arc<Memory>, epoch: u64, base_ms: u64) -> bool {
    start(context, folder, marks).await.enter(epoch, Some(base_ms)).await.unwrap().may_sign
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(Context) -> F) {
    Runner::default().start(test);
}

#[test]
fn a_new_key_signs_in_the_first_epoch_and_after_that_where_it_was() {
    run(|context| async move {
        let marks = with(Some(unused()));
        assert!(enters(&context, "a", &marks, 0, OLD).await);
        assert!(enters(&context, "a", &marks, 0, OLD).await, "again, with its journal");
        assert!(enters(&context, "a", &marks, 4, OLD).await, "what it missed it never voted in");
        assert!(!enters(&context, "a", &marks, 3, OLD).await, "what lies before is past");
        assert!(enters(&context, "a", &marks, 4, OLD).await, "the way from there leads on");
    });
}

/// Where a key was replaced and its mark and folder stayed, the other key's journal is nothing that this one could go on with.
#[test]
fn another_key_does_not_go_on_with_this_ones_journal() {
    run(|context| async move {
        let marks = with(Some(unused()));
        assert!(enters(&context, "a", &marks, 0, OLD).await);
        let (journal, _) = context.open("a-epoch-0", &0_u64.to_be_bytes()).await.unwrap();
        journal.write_at(0, b"a vote".to_vec(), WriteOptions::default()).await.unwrap();
        journal.sync().await.unwrap();
        drop(journal);
        let mut other = Voted::open(context.child("voted"), "a".into(), (CHAIN, Address([8; 32])), marks.clone(), STARTED_MS).await.unwrap();
        assert!(!other.enter(0, Some(OLD)).await.unwrap().may_sign);
        assert!(!other.enter(1, Some(OLD)).await.unwrap().may_sign && other.enter(2, Some(NEW)).await.unwrap().may_sign);
        assert_eq!(parse(&marks.read().await.unwrap().unwrap()).unwrap().len(), 2, "each has its line");
    });
}

/// A genesis may name a time that has not come.
#[test]
fn a_first_epoch_is_never_after_the_start() {
    run(|context| async move { assert!(!enters(&context, "a", &with(None), 0, NEW).await) });
}

/// By a clock that is behind, whatever is found seems to have begun after the start.
#[test]
fn a_clock_that_is_behind_says_nothing_until_the_next_start() {
    run(|context| async move {
        let marks = with(None);
        let mut voted = start(&context, "a", &marks).await;
        assert!(!voted.enter(5, None).await.unwrap().may_sign);
        assert!(!voted.enter(6, Some(NEW)).await.unwrap().may_sign, "when it was started is still unknown");
        assert!(enters(&context, "a", &marks, 7, NEW).await);
        for epoch in [7, 8] {
            assert!(start(&context, "a", &marks).await.enter(epoch, None).await.unwrap().may_sign, "mark and folder need no clock");
        }
    });
}

#[test]
fn without_what_belongs_to_it_a_key_waits() {
    run(|context| async move {
        for marks in [None, Some(unused())] {
            let marks = with(marks);
            assert!(!enters(&context, "a", &marks, 5, OLD).await && !enters(&context, "a", &marks, 5, OLD).await);
            assert!(enters(&context, "a", &marks, 6, NEW).await);
            assert!(!enters(&context, "b", &marks, 6, NEW).await, "another folder, whatever the clock says");
            assert!(!enters(&context, "b", &marks, 7, OLD).await && enters(&context, "b", &marks, 7, NEW).await);
            assert!(!enters(&context, "a", &marks, 7, NEW).await && !enters(&context, "a", &marks, 8, OLD).await, "the old folder, put back");
            context.remove("a-entered", None).await.unwrap();
        }
        assert!(!enters(&context, "a", &with(None), 0, OLD).await, "lost, in a chain's first epoch");
    });
}

#[test]
fn a_journal_that_was_removed_is_not_begun_anew() {
    run(|context| async move {
        let marks = with(Some(unused()));
        assert!(enters(&context, "a", &marks, 0, OLD).await);
        context.remove("a-epoch-0", None).await.unwrap();
        assert!(!enters(&context, "a", &marks, 0, OLD).await);
        assert!(!enters(&context, "a", &marks, 0, OLD).await, "also not when the follower's journal is there");
    });
}

#[test]
fn wherever_an_entry_is_cut_off_the_node_goes_on() {
    run(|context| async move {
        let marks = with(Some(unused()));
        assert!(enters(&context, "a", &marks, 2, NEW).await);
        // Before the mark was replaced.
        let cut = || Arc::new(Memory { bytes: Mutex::new(marks.bytes.lock().unwrap().clone()), is_cut: true });
        assert!(matches!(start(&context, "a", &cut()).await.enter(3, Some(OLD)).await, Err(NodeError::Ended)));
        assert!(enters(&context, "a", &marks, 2, OLD).await, "in the epoch of before");
        assert!(matches!(start(&context, "a", &cut()).await.enter(3, Some(OLD)).await, Err(NodeError::Ended)));
        assert!(enters(&context, "a", &marks, 3, OLD).await, "and in the next");
        // Before the old name was removed.
        drop(context.open("a-entered", &Entry { epoch: 3, name: Name([1; 16]) }.encode()).await.unwrap());
        assert!(enters(&context, "a", &marks, 3, OLD).await);
    });
}

#[test]
fn journals_of_past_epochs_go() {
    run(|context| async move {
        let marks = with(Some(unused()));
        let mut voted = start(&context, "a", &marks).await;
        for epoch in [0, 1, 2, 7, 8, 9] {
            assert!(voted.enter(epoch, Some(NEW)).await.unwrap().may_sign);
        }
        for epoch in 0..10 {
            assert_eq!(context.scan(&format!("a-epoch-{epoch}")).await.is_ok(), epoch >= 8, "{epoch}");
        }
        assert_eq!(context.scan("a-entered").await.unwrap().len(), 2);
    });
}

#[test]
fn two_nodes_with_one_key_see_each_other() {
    run(|context| async move {
        let marks = with(Some(unused()));
        let mut one = start(&context, "a", &marks).await;
        assert!(one.enter(0, Some(OLD)).await.unwrap().may_sign);
        assert!(enters(&context, "b", &marks, 1, NEW).await);
        assert!(matches!(one.enter(1, Some(NEW)).await, Err(NodeError::KeyInUse)));
        let torn = start(&context, "a", &with(Some(b"pantheon".to_vec()))).await.enter(1, Some(NEW)).await;
        assert!(matches!(torn, Err(NodeError::MarkMalformed)));
    });
}

#[test]
fn marks_have_one_form() {
    let mark = |epoch| Mark { chain: ChainId([0xab; 32]), voter: VOTER, epoch, name: Name([0x0c; 16]) };
    for marks in [vec![], vec![mark(0)], vec![mark(17), mark(u64::MAX)]] {
        let bytes = encode(&marks);
        assert_eq!(parse(&bytes), Some(marks));
        for cut in 0..bytes.len() {
            assert!(parse(&bytes[..cut]).is_none() || bytes[..cut].ends_with(b"\n"), "{cut}");
        }
    }
    let good = String::from_utf8(encode(&[mark(17)])).unwrap();
    for bad in [
        good.replace("ab", "AB"),
        good.replace(" 17 ", " 017 "),
        good.replace(" 17 ", "  17 "),
        good.replace("v1", "v2"),
        good.trim_end().into(),
        format!("{good}\n"),
        good.replace(" 17 ", " -1 "),
        good.replace("ab", "a"),
    ] {
        assert!(parse(bad.as_bytes()).is_none(), "{bad}");
    }
}

#[test]
fn a_file_is_made_once_and_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = MarkFile::beside(&folder.path().join("node.p8"));
    assert_eq!(file.path(), folder.path().join("node.voted"));
    assert!(matches!(futures::executor::block_on(file.read()), Ok(None)));
    file.make().unwrap();
    let mark = encode(&[Mark { chain: CHAIN, voter: VOTER, epoch: 3, name: Name([1; 16]) }]);
    futures::executor::block_on(file.write(mark.clone())).unwrap();
    file.make().unwrap();
    assert_eq!(futures::executor::block_on(file.read()).unwrap(), Some(mark));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
