//! Messages are those of the vectors, and a signer signs what it may and remembers what it said.

use super::message::{receive, send};
use super::rate::Rate;
use super::*;
use crate::error::Error;
use crate::keys::{KeyFault, OperatorKey, SignerFault};
use crate::limits;
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{KeyId, LogId, RecordDigest, TreeHash};
use mickai_proof::history::{Committed, Revocation};
use mickai_proof::signature::{from_cose, to_be_signed, verify};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use zeroize::Zeroizing;

const LOG: LogId = LogId([1; 32]);

fn key(byte: u8) -> OperatorKey {
    OperatorKey::from_seed(&Zeroizing::new([byte; 32])).unwrap()
}

fn checkpoint(size: u64, root: u8) -> Checkpoint {
    Checkpoint { log: LOG, size, root: TreeHash([root; 32]) }
}

fn record(index: u64, byte: u8) -> Request {
    Request::Record { log: LOG, index, record: RecordDigest([byte; 64]) }
}

fn signer(memory: &Path) -> Signer {
    Signer::new(key(1), Memory::open(memory).unwrap(), 1_000_000)
}

/// A signer that serves a socket in a folder of its own, until the test's process ends.
fn serving() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("inner/signer.sock");
    let listener = Signer::listen(&socket).unwrap();
    let (signer, path) = (Arc::new(signer(&folder.path().join("memory"))), socket.clone());
    std::thread::spawn(move || signer.serve(&listener, &path, |_| {}));
    (folder, socket)
}

/// The vectors were made by another library (spec/vectors/keys/make.py).
#[test]
fn messages_are_those_of_the_vectors() {
    let text = include_str!("../../../../../spec/vectors/keys/accept/signer.json");
    let cases = serde_json::from_str::<Value>(text).unwrap()["cases"].as_array().unwrap().clone();
    let (mut requests, mut replies) = (Vec::new(), Vec::new());
    for case in cases {
        let hex = case["message"].as_str().unwrap();
        let message: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let again = if case["is"] == "request" {
            requests.push(Request::parse(&message).unwrap());
            requests.last().unwrap().encode()
        } else {
            replies.push(Reply::parse(&message).unwrap());
            replies.last().unwrap().encode()
        };
        assert_eq!(again, message, "{}", case["reason"]);
        for cut in 0..message.len() {
            assert!(Request::parse(&message[..cut]).is_err() && Reply::parse(&message[..cut]).is_err());
        }
        let longer = [&message[..], &[0]].concat();
        assert!(Request::parse(&longer).is_err() && Reply::parse(&longer).is_err());
    }
    assert_eq!(requests[0], Request::Key);
    assert_eq!(requests[1], record(7, 2));
    assert_eq!(requests[3], Request::Checkpoint(checkpoint(300, 3)));
    assert_eq!(requests[4], Request::Rotation { log: LOG, index: 70_000, prev: RecordDigest([4; 64]), committed: Committed { next: KeyId([5; 32]), recovery: KeyId([6; 32]) } });
    let revocation = |since_ms| Request::Statement { log: LOG, revocation: Revocation { revoked: KeyId([7; 32]), effective: 37, since_ms } };
    assert_eq!(requests[5..], [revocation(None), revocation(Some(1_795_424_000_000))]);
    assert_eq!(replies[3], Reply::Refused(Refusal::Settled { size: 300 }));
    assert_eq!(replies.len(), 7);
}

#[test]
fn what_a_checkpoint_covers_is_signed_once() {
    let folder = tempfile::tempdir().unwrap();
    let memory = folder.path().join("memory");
    let ask = |signer: &Signer, request| match signer.answer(&request, &|_| {}) {
        Reply::Signature(signature) => {
            assert!(verify(key(1).public(), &request.message(key(1).public()), &signature));
            Ok(())
        }
        Reply::Refused(refusal) => Err(refusal),
        Reply::Key(_) => panic!("asked for no key"),
    };
    let first = signer(&memory);
    for request in
        [record(0, 1), record(1, 1), record(1, 2), Request::Checkpoint(checkpoint(2, 1)), Request::Checkpoint(checkpoint(2, 1)), Request::Receipt(checkpoint(2, 1)), record(2, 1)]
    {
        assert_eq!(ask(&first, request), Ok(()));
    }
    let refused = [
        (record(1, 2), Refusal::Settled { size: 2 }),
        (record(1, 1), Refusal::Settled { size: 2 }),
        (Request::Checkpoint(checkpoint(2, 2)), Refusal::Fork { size: 2 }),
        (Request::Receipt(checkpoint(2, 2)), Refusal::Fork { size: 2 }),
        (Request::Checkpoint(checkpoint(1, 1)), Refusal::Fork { size: 2 }),
    ];
    // Another process, with the same memory.
    for (request, refusal) in refused.clone() {
        assert_eq!(ask(&first, request), Err(refusal));
    }
    assert!(matches!(Memory::open(&memory), Err(Error::Key(KeyFault::Signer { fault: SignerFault::Taken, .. }))));
    drop(first);
    for (request, refusal) in refused {
        assert_eq!(ask(&signer(&memory), request), Err(refusal));
    }
    assert_eq!(ask(&signer(&memory), record(2, 9)), Ok(()), "after a crash a record that was never durable gives its place to another");
    let other = Request::Record { log: LogId([2; 32]), index: 0, record: RecordDigest([1; 64]) };
    assert_eq!(ask(&signer(&memory), other), Ok(()), "logs do not mix");
    assert_eq!(
        ask(&signer(&memory), Request::Rotation { log: LOG, index: 5, prev: RecordDigest([1; 64]), committed: Committed { next: KeyId([1; 32]), recovery: KeyId([1; 32]) } }),
        Ok(())
    );
}

#[test]
fn its_owner_hears_of_refusals_and_of_second_records() {
    let folder = tempfile::tempdir().unwrap();
    let signer = signer(&folder.path().join("memory"));
    let heard = std::cell::RefCell::new(Vec::new());
    let notice = |line: &str| heard.borrow_mut().push(line.to_owned());
    for request in [record(0, 1), record(0, 1), record(0, 2), Request::Checkpoint(checkpoint(1, 1)), record(0, 3)] {
        signer.answer(&request, &notice);
    }
    let heard = heard.into_inner();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[0].starts_with("a second time") && heard[1].starts_with("refused"));
}

#[test]
fn nothing_is_signed_that_cannot_be_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let memory = folder.path().join("gone/memory");
    std::fs::create_dir(folder.path().join("gone")).unwrap();
    let signer = signer(&memory);
    std::fs::remove_dir_all(folder.path().join("gone")).unwrap();
    assert!(matches!(signer.answer(&Request::Checkpoint(checkpoint(1, 1)), &|_| {}), Reply::Refused(Refusal::Memory(_))));
    std::fs::create_dir(folder.path().join("gone")).unwrap();
    assert!(matches!(signer.answer(&Request::Checkpoint(checkpoint(1, 1)), &|_| {}), Reply::Signature(_)));
}

#[test]
fn a_memory_that_is_none_is_refused() {
    let line = format!("{LOG} 7 {}\n", TreeHash([3; 32]));
    assert_eq!(Memory::parse(line.as_bytes()).unwrap()[&LOG], Promise { size: 7, root: TreeHash([3; 32]) });
    assert!(Memory::parse(b"").unwrap().is_empty());
    for bad in [&line[..line.len() / 2], &line.replace(' ', "  "), &line.replace(" 7 ", " -7 "), &format!("{line}{line}"), &format!("{line}\n"), "\u{fffd}"] {
        assert!(Memory::parse(bad.as_bytes()).is_none(), "{bad:?}");
    }
}

#[test]
fn threads_sign_through_one_socket_what_they_would_sign_themselves() {
    let (_folder, socket) = serving();
    let remote = OperatorKey::remote(Client::connect(&socket, key(1).public()).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let remote = remote.clone();
            scope.spawn(move || {
                for index in 0..8 {
                    let digest = RecordDigest([thread; 64]);
                    let cose = remote.sign_record(LOG, u64::from(thread) * 8 + index, digest).unwrap();
                    assert!(verify(remote.public(), &to_be_signed(remote.id(), LOG, digest), from_cose(remote.id(), &cose).unwrap()));
                }
            });
        }
    });
    let note = remote.sign_checkpoint(&checkpoint(40, 1)).unwrap();
    // A receipt's signature is over the same head; what a statement names does not fit in a request.
    let receipt = remote.sign_receipt(&checkpoint(40, 1)).unwrap();
    assert!(verify(remote.public(), &Request::Receipt(checkpoint(40, 1)).message(remote.public()), &receipt));
    assert_eq!(Request::parse(&Request::Receipt(checkpoint(40, 1)).encode()), Ok(Request::Receipt(checkpoint(40, 1))));
    assert!(matches!(remote.sign_attestation(&checkpoint(40, 1), &[]), Err(Error::Key(KeyFault::NoStatements))));
    assert!(mickai_proof::checkpoint::Note::parse(note.as_bytes()).unwrap().verify(remote.public(), LOG).is_ok());
    assert!(matches!(remote.sign_record(LOG, 39, RecordDigest([1; 64])), Err(Error::Key(KeyFault::Signer { fault: SignerFault::Refused(Refusal::Settled { size: 40 }), .. }))));
    assert!(remote.sign_record(LOG, 40, RecordDigest([1; 64])).is_ok(), "a refusal ends nothing");
}

/// As on a machine of more cores than a signer serves connections.
#[test]
fn however_many_threads_ask_at_once_each_is_answered() {
    let (_folder, socket) = serving();
    let remote = OperatorKey::remote(Client::connect(&socket, key(1).public()).unwrap());
    let threads = 2 * limits::SIGNER_CONNECTIONS_MAX;
    let begin = Barrier::new(threads);
    std::thread::scope(|scope| {
        for index in 0..threads {
            let (remote, begin) = (remote.clone(), &begin);
            scope.spawn(move || {
                begin.wait();
                remote.sign_record(LOG, index as u64, RecordDigest([1; 64])).unwrap();
            });
        }
    });
}

/// A signer that answers so many requests of one connection, and is gone with it.
fn serving_once(folder: &Path, requests: usize) -> JoinHandle<()> {
    let listener = Signer::listen(&folder.join("inner/signer.sock")).unwrap();
    let signer = signer(&folder.join("memory"));
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for _ in 0..requests {
            let request = Request::parse(&receive(&mut stream).unwrap().unwrap()).unwrap();
            send(&mut stream, &signer.answer(&request, &|_| {}).encode()).unwrap();
        }
    })
}

#[test]
fn a_signer_that_was_started_again_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = serving_once(folder.path(), 2);
    let remote = OperatorKey::remote(Client::connect(&folder.path().join("inner/signer.sock"), key(1).public()).unwrap());
    remote.sign_record(LOG, 0, RecordDigest([1; 64])).unwrap();
    first.join().unwrap();
    let second = serving_once(folder.path(), 1);
    remote.sign_record(LOG, 1, RecordDigest([1; 64])).unwrap();
    second.join().unwrap();
    let silent = remote.sign_record(LOG, 2, RecordDigest([1; 64]));
    assert!(matches!(silent, Err(Error::Key(KeyFault::Signer { fault: SignerFault::Silent(std::io::ErrorKind::ConnectionRefused), .. }))), "{silent:?}");
}

#[test]
fn a_signer_of_another_key_is_not_asked_to_sign() {
    let (_folder, socket) = serving();
    assert!(matches!(Client::connect(&socket, key(2).public()), Err(Error::Key(KeyFault::Signer { fault: SignerFault::OtherKey { .. }, .. }))));
}

#[test]
fn what_is_not_a_request_ends_the_connection_and_no_other() {
    let (_folder, socket) = serving();
    for bytes in [&b"\x00\x01\xff"[..], b"\xff\xff", b"\x00\x00", b"\x00\x20short"] {
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        std::io::Write::write_all(&mut stream, bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let said = receive(&mut stream).unwrap().map(|message| Reply::parse(&message).unwrap());
        assert!(matches!(said, None | Some(Reply::Refused(Refusal::Malformed))), "{said:?}");
        assert!(receive(&mut stream).unwrap().is_none());
    }
    assert!(Client::connect(&socket, key(1).public()).is_ok());
}

#[test]
fn one_signer_a_socket_and_a_dead_one_is_replaced() {
    let (folder, socket) = serving();
    assert!(matches!(Signer::listen(&socket), Err(Error::Key(KeyFault::Signer { fault: SignerFault::Taken, .. }))));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
    let dead = folder.path().join("dead.sock");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
    assert!(matches!(Client::key_at(&dead), Err(Error::Key(KeyFault::Signer { fault: SignerFault::Silent(_), .. }))));
    Signer::listen(&dead).unwrap();
    let file = folder.path().join("mine");
    std::fs::write(&file, "mine").unwrap();
    assert!(matches!(Signer::listen(&file), Err(Error::Io { .. })));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine", "what is no socket is not removed");
    std::fs::create_dir(folder.path().join("open")).unwrap();
    std::fs::set_permissions(folder.path().join("open"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(Signer::listen(&folder.path().join("open/s")), Err(Error::Key(KeyFault::Signer { fault: SignerFault::OpenFolder, .. }))));
}

#[test]
fn whoever_comes_too_often_waits() {
    let rate = Rate::new(10);
    let begun = Instant::now() + Duration::from_secs(10);
    let waits: Vec<Duration> = (0..13).map(|_| rate.wait(begun)).collect();
    assert!(waits[..10].iter().all(Duration::is_zero), "a second's worth at once: {waits:?}");
    assert_eq!(waits[11..], [Duration::from_millis(100), Duration::from_millis(200)]);
    assert_eq!(rate.wait(begun + Duration::from_secs(2)), Duration::ZERO);
}

#[test]
fn messages_have_an_end() {
    let mut bytes = Vec::new();
    send(&mut bytes, &record(7, 2).encode()).unwrap();
    assert_eq!(bytes.len(), 106, "as drawn in message.rs");
    assert_eq!(receive(&mut &bytes[..]).unwrap().unwrap(), record(7, 2).encode());
    assert!(receive(&mut &bytes[..50]).is_err());
    assert!(receive(&mut &[][..]).unwrap().is_none());
    assert!(send(&mut bytes, &[0; 70_000]).is_err());
}
