//! One writer at a time, across processes.

use super::*;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

const PATH_VARIABLE: &str = "MICKAI_TEST_LOCK";

/// Not a test of its own: run in another process by the test below, it takes the lock, says so, and holds it until its input ends.
#[test]
fn hold_the_lock_for_another_test() {
    let Ok(path) = std::env::var(PATH_VARIABLE) else { return };
    let _lock = Lock::acquire(Path::new(&path), Duration::from_secs(60)).unwrap();
    std::io::stdout().write_all(b"\nheld\n").unwrap();
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

/// The process, and its output, which must stay open while it runs.
fn holder_process(path: &Path) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lock::tests::hold_the_lock_for_another_test", "--nocapture"])
        .env(PATH_VARIABLE, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line == "held"));
    (child, lines)
}

#[test]
fn a_second_process_is_told_who_holds_the_lock_and_gets_it_when_that_one_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let (mut child, _output) = holder_process(&path);
    let error = Lock::acquire(&path, Duration::from_millis(30)).unwrap_err();
    let Error::Locked { holder: Some(holder), waited } = &error else { panic!("{error:?}") };
    assert_eq!(holder.pid, child.id());
    assert!(*waited >= Duration::from_millis(30));
    assert!(error.to_string().contains(&format!("process {}", child.id())), "{error}");
    // A kill gives the lock back as well as an orderly end.
    child.kill().unwrap();
    child.wait().unwrap();
    let lock = Lock::acquire(&path, Duration::ZERO).unwrap();
    assert_eq!(super::holder(&path).unwrap().pid, std::process::id());
    drop(lock);
}

#[test]
fn a_waiting_process_goes_on_as_soon_as_the_lock_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let (mut child, _output) = holder_process(&path);
    let waiting = std::thread::spawn({
        let path = path.clone();
        move || Lock::acquire(&path, Duration::from_secs(60)).map(drop)
    });
    // The end of its input lets the holder end.
    drop(child.stdin.take());
    child.wait().unwrap();
    waiting.join().unwrap().unwrap();
}

#[test]
fn a_lock_file_with_anything_in_it_is_only_a_nameless_holder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    for content in [&b""[..], b"{\"pid\":", b"\xff\xff", &[b'['; 9_000]] {
        std::fs::write(&path, content).unwrap();
        let held = File::open(&path).unwrap();
        flock(&held, FlockOperation::LockExclusive).unwrap();
        assert!(matches!(Lock::acquire(&path, Duration::ZERO), Err(Error::Locked { holder: None, .. })));
    }
}
