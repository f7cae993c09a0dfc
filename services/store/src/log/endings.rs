//! How a writer ends: in order, with a checkpoint of everything; or because a signer refuses, with nothing written any more.

use super::{Draft, LogReader, LogWriter, Options, fsck};
use crate::error::Error;
use crate::home::Home;
use crate::keys::signer::{Client, Memory, Refusal, Signer};
use crate::keys::{Custody, KeyFault, OperatorKey, SignerFault};
use crate::testing::{AUTHORITY, StillClock, heartbeat, intent, killed, new_home, still, writer};
use mickai_proof::checkpoint::{Checkpoint, Note};
use mickai_proof::digest::TreeHash;
use mickai_proof::record::{Kind, Mode};
use std::path::Path;
use std::sync::Arc;

/// The newest own checkpoint: records covered, and its text.
fn newest(home: &Home) -> (u64, String) {
    let text = std::fs::read_to_string(home.checkpoint_path()).unwrap();
    (Note::parse(text.as_bytes()).unwrap().checkpoint.size, text)
}

#[track_caller]
fn assert_covered(home: &Home, size: u64) {
    assert_eq!(LogReader::open(home).unwrap().size(), size);
    let report = fsck(home, &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((newest(home).0, report.checkpoint, report.unsealed), (size, Some(size), 0));
}

#[test]
fn an_orderly_end_leaves_a_checkpoint_of_everything() {
    // What is appended, and the records that are there then, genesis and the seal among them.
    let lives: [(&[Mode], u64); 5] = [(&[], 1), (&[Mode::Each], 2), (&[Mode::Sealed], 3), (&[Mode::Sealed, Mode::Each], 4), (&[Mode::Each, Mode::Sealed, Mode::Sealed], 5)];
    for (modes, size) in lives {
        let (_folder, home) = new_home();
        let live = writer(&home).unwrap();
        let appender = live.appender();
        for mode in modes {
            appender.append(Draft { mode: *mode, ..heartbeat() }).unwrap();
        }
        assert_eq!(newest(&home).0, 1, "one of the first day");
        let (_killed_folder, killed) = killed(&home);
        drop(live);
        assert_eq!(newest(&home).0, 1, "a handle is left");
        drop(appender);
        assert_covered(&home, size);
        // A start at which nothing happens changes nothing.
        let note = newest(&home).1;
        drop(writer(&home).unwrap());
        assert_eq!(newest(&home).1, note);
        // A killed process left none; the next orderly end does.
        drop(writer(&killed).unwrap());
        assert_covered(&killed, size);
    }
}

#[test]
fn a_log_that_is_closed_ends_with_a_checkpoint_too() {
    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    live.append(Draft { mode: Mode::Sealed, ..heartbeat() }).unwrap();
    live.append(Draft { kind: Kind::Terminal, ..heartbeat() }).unwrap();
    drop(live);
    assert_covered(&home, 4);
}

/// A head that cannot be kept harms nothing: the checkpoint before it stays, and the next end leaves one.
#[test]
fn an_end_without_a_place_for_the_checkpoint_loses_nothing() {
    let (_folder, home) = new_home();
    let mut live = writer(&home).unwrap();
    live.append(heartbeat()).unwrap();
    let (folder, aside) = (home.checkpoint_path().parent().unwrap().to_owned(), home.path().join("aside"));
    std::fs::rename(&folder, &aside).unwrap();
    // Nor can a folder be made there.
    std::fs::write(&folder, "").unwrap();
    drop(live);
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    assert_eq!(newest(&home).0, 1);
    drop(writer(&home).unwrap());
    assert_covered(&home, 2);
}

/// A home whose key a signer holds, which serves until the test's process ends.
fn signed_elsewhere(folder: &Path, home: &Home) -> (Home, OperatorKey) {
    let socket = folder.join("run/signer.sock");
    let listener = Signer::listen(&socket).unwrap();
    let key = OperatorKey::load(home).unwrap();
    let (signer, path) = (Arc::new(Signer::new(key.clone(), Memory::open(&folder.join("memory")).unwrap(), 1_000_000)), socket.clone());
    std::thread::spawn(move || signer.serve(&listener, &path, |_| {}));
    let remote = OperatorKey::remote(Client::connect(&socket, key.public()).unwrap());
    (home.clone().with_custody(Custody::new(Some(socket), |_| Ok(None))), remote)
}

#[test]
fn a_signer_that_refuses_ends_the_writing_of_everybody_and_says_what_to_do() {
    let (folder, home) = new_home();
    let (home, remote) = signed_elsewhere(folder.path(), &home);
    let options = Options { segment_bytes_max: 1 << 20, ..still() };
    let mut live = LogWriter::open_options(&home, AUTHORITY, Box::new(StillClock::default()), options).unwrap();
    live.append(heartbeat()).unwrap();
    // Somebody else had the signer sign a longer log of that name.
    let longer = Checkpoint { log: live.log_id(), size: 100, root: TreeHash([3; 32]) };
    remote.sign_checkpoint(&longer).unwrap();
    let callers: Vec<_> = (0..4)
        .map(|_| live.appender())
        .map(|appender| std::thread::spawn(move || [appender.append(heartbeat()).unwrap_err(), appender.append_intent(intent(), &[]).unwrap_err()]))
        .collect();
    let mut refused = 0;
    for [first, second] in callers.into_iter().map(|caller| caller.join().unwrap()) {
        match &first {
            Error::Key(KeyFault::Signer { fault: SignerFault::Refused(Refusal::Settled { size: 100 }), .. }) => {
                refused += 1;
                let said = first.to_string();
                assert!(said.contains("nothing is signed and nothing is done") && said.ends_with("restore its newest copy"), "{said}");
            }
            // Came after it.
            Error::Poisoned => {}
            other => panic!("{other}"),
        }
        assert!(matches!(second, Error::Poisoned));
        assert!(second.to_string().contains("the signer), and start again"), "{second}");
    }
    assert!(refused > 0);
    assert!(matches!(live.checkpoint(), Err(Error::Poisoned | Error::Key(_))));
    assert_eq!(live.size(), 2);
    drop(live);
    // What was acknowledged is there, and nothing else; the checkpoint of the first day stays.
    assert_eq!((LogReader::open(&home).unwrap().size(), newest(&home).0), (2, 1));
    assert!(fsck(&home, &mut |_| {}).unwrap().is_clean());
}
