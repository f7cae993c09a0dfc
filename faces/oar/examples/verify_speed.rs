//! How fast, how small and how flat: `oar verify` on logs of a million sealed records and of many signed ones, beside the library's own rate, and bundles of one record of a million.
//!
//!     cargo run --release -p mickai-oar --example verify_speed [SEALED_COUNT [SIGNED_COUNT]]
//!
//! Prints a line for each figure; `cargo xtask bench oar` turns them into bars. It needs `target/release/oar`, and some 600 MB beside it for the time of the run.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, reason = "a program for developers")]

use aws_lc_rs::signature::{KeyPair, ML_DSA_65, ML_DSA_65_SIGNING, ParsedPublicKey, PqdsaKeyPair};
use mickai_proof::bundle::{Header, Writer};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{Id, KeyId, LogId, RecordDigest, TreeHash};
use mickai_proof::key::PublicKey;
use mickai_proof::merkle::{self, Frontier};
use mickai_proof::record::{ActorClass, Fact, Kind, Mode, Record, encode};
use mickai_proof::signature::{to_be_signed, to_cose};
use sha3::{Digest, Sha3_512};
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RECORD_BYTES: usize = 500;
const SEAL_EVERY: u64 = 4_096;
const RUNS: usize = 3;

fn main() {
    let mut counts = std::env::args().skip(1).map(|count| count.parse::<u64>().unwrap());
    let (sealed_count, signed_count) = (counts.next().unwrap_or(1_000_000), counts.next().unwrap_or(40_000));
    let oar = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("oar");
    let folder = tempfile::tempdir_in(oar.parent().unwrap()).unwrap();
    let key = Key::new();

    let (sealed, pin) = write_log(&key, folder.path(), sealed_count, Mode::Sealed);
    let Run { seconds, peak_mib } = run(&oar, &key, &sealed, &pin);
    println!("verify/sealed records={sealed_count} seconds={seconds:.2} records_per_s={:.0} peak_mib={peak_mib:.1}", sealed_count as f64 / seconds);
    std::fs::remove_file(sealed).unwrap();

    let (signed, pin) = write_log(&key, folder.path(), signed_count, Mode::Each);
    let cores = std::thread::available_parallelism().unwrap().get();
    let mut rates = Vec::new();
    let mut peak_mib: f64 = 0.0;
    for _ in 0..RUNS {
        // Beside each other, so that the machine's other load meets both.
        let bare = bare_verifies_per_s(&key);
        let run = once(&oar, &key, &signed, &pin);
        let rate = signed_count as f64 / run.seconds;
        peak_mib = peak_mib.max(run.peak_mib);
        rates.push((rate / (cores as f64 * bare), rate, bare));
    }
    rates.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, rate, bare) = rates[RUNS / 2];
    println!("verify/each records={signed_count} records_per_s={rate:.0} bare_verifies_per_s={bare:.0} cores={cores} ratio={ratio:.3} peak_mib={peak_mib:.1}");

    for (name, mode) in [("each", Mode::Each), ("sealed", Mode::Sealed)] {
        let bytes = single(&key, sealed_count, mode);
        let path = folder.path().join("single.oar");
        std::fs::write(&path, &bytes).unwrap();
        let status =
            Command::new(&oar).arg("verify").arg(&path).args(["--key-id", &key.public.id().to_string(), "--require", "inclusion,integrity,authenticity"]).output().unwrap();
        assert_eq!(status.status.code(), Some(0), "{}", String::from_utf8_lossy(&status.stdout));
        println!("bundle/single mode={name} leaves={sealed_count} bytes={}", bytes.len());
    }
}

struct Key {
    pair: PqdsaKeyPair,
    public: PublicKey,
}

impl Key {
    fn new() -> Self {
        let pair = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, &[7; 32]).unwrap();
        let public = PublicKey::from_raw(pair.public_key().as_ref().try_into().unwrap());
        Self { pair, public }
    }

    fn sign(&self, message: &[u8]) -> [u8; 3_309] {
        let mut signature = [0; 3_309];
        self.pair.sign(message, &mut signature).unwrap();
        signature
    }

    fn cose(&self, log: LogId, record: &[u8]) -> Vec<u8> {
        to_cose(self.public.id(), &self.sign(&to_be_signed(self.public.id(), log, RecordDigest::of(record))))
    }

    fn note(&self, log: LogId, size: u64, root: TreeHash) -> String {
        let checkpoint = Checkpoint { log, size, root };
        checkpoint.to_note(&self.public, &self.sign(checkpoint.text().as_bytes()))
    }
}

fn record(key: &Key, log: LogId, index: u64, prev: Option<RecordDigest>, kind: Kind, mode: Mode) -> Record<'static> {
    Record {
        log_id: log,
        index,
        prev,
        wall_ms: 1_795_420_800_000 + index,
        boot_id: Id([5; 32]),
        monotonic_ns: 1_000_000 * index,
        kind,
        actor: (ActorClass::System, Id::ZERO),
        authority: (Id([6; 32]), 1),
        action: Cow::Borrowed("measure"),
        causes: Vec::new(),
        facts: Vec::new(),
        commitments: Vec::new(),
        closes: None,
        mode,
        key_id: key.public.id(),
        critical: Vec::new(),
        extensions: Vec::new(),
    }
}

fn bytes_fact(bytes: &[u8]) -> Fact<'static> {
    Fact::Bytes(Cow::Owned(bytes.to_vec()))
}

fn genesis(key: &Key) -> Vec<u8> {
    let mut genesis = record(key, LogId::GENESIS, 0, None, Kind::Genesis, Mode::Each);
    genesis.facts = vec![
        (Cow::Borrowed("key"), bytes_fact(&key.public.to_spki())),
        (Cow::Borrowed("next"), bytes_fact(&KeyId([8; 32]).0)),
        (Cow::Borrowed("recovery"), bytes_fact(&KeyId([9; 32]).0)),
    ];
    encode(&genesis)
}

/// A log of `count` records as a whole bundle, records of 500 bytes, sealed ones with a seal every 4,096; gives it and a pin of it.
fn write_log(key: &Key, folder: &Path, count: u64, mode: Mode) -> (PathBuf, PathBuf) {
    let first = genesis(key);
    let log = LogId::of_genesis(&first);
    let path = folder.join("whole.oar");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    let mut writer = Writer::new(Header { log, first: 0, count }, [&key.public], &[], &[]);
    let (mut tree, mut prev, mut unsealed) = (Frontier::default(), None, Sha3_512::new());
    for index in 0..count {
        let is_seal = mode == Mode::Sealed && index > 0 && (index % SEAL_EVERY == 0 || index + 1 == count);
        let bytes = match index {
            0 => first.clone(),
            _ if is_seal => {
                let mut seal = record(key, log, index, prev, Kind::Seal, Mode::Each);
                seal.facts = vec![
                    (Cow::Borrowed("root"), bytes_fact(&tree.root().unwrap().0)),
                    (Cow::Borrowed("size"), Fact::Uint(index)),
                    (Cow::Borrowed("signatures"), bytes_fact(&std::mem::replace(&mut unsealed, Sha3_512::new()).finalize())),
                ];
                encode(&seal)
            }
            _ => {
                let mut detail = record(key, log, index, prev, Kind::Detail, mode);
                let bare = encode(&detail).len();
                // A map of one fact, a byte string of this length: its head and its name take 8 bytes.
                detail.facts = vec![(Cow::Borrowed("fill"), bytes_fact(&vec![index as u8; RECORD_BYTES - bare - 9]))];
                encode(&detail)
            }
        };
        let is_signed = index == 0 || is_seal || mode == Mode::Each;
        let signature = if is_signed { key.cose(log, &bytes) } else { Vec::new() };
        unsealed.update(&signature);
        tree.push(merkle::leaf(&bytes));
        prev = Some(RecordDigest::of(&bytes));
        writer.push(bytes, signature, Vec::new());
        file.write_all(&writer.take()).unwrap();
    }
    let note = key.note(log, count, tree.root().unwrap());
    file.write_all(&writer.finish(&[], &note)).unwrap();
    file.flush().unwrap();
    let pin = folder.join("pin.txt");
    std::fs::write(&pin, note).unwrap();
    (path, pin)
}

/// One record in the middle of a log of `leaves` records, the others made up as tree nodes: what counts here is the size.
fn single(key: &Key, leaves: u64, mode: Mode) -> Vec<u8> {
    let log = LogId::of_genesis(&genesis(key));
    let index = leaves / 2 + 1;
    let mut detail = record(key, log, index, Some(RecordDigest([3; 64])), Kind::Detail, mode);
    let bare = encode(&detail).len();
    detail.facts = vec![(Cow::Borrowed("fill"), bytes_fact(&vec![7; RECORD_BYTES - bare - 9]))];
    let bytes = encode(&detail);
    let left: Vec<_> = (0..index.count_ones()).map(|number| TreeHash([number as u8; 32])).collect();
    let right: Vec<_> = merkle::right_ranges(index + 1, leaves).iter().map(|range| TreeHash([range.start as u8; 32])).collect();
    let mut tree = Frontier::from_nodes(index, left.clone()).unwrap();
    tree.push(merkle::leaf(&bytes));
    let note = key.note(log, leaves, tree.root_with(leaves, &right).unwrap());
    let mut writer = Writer::new(Header { log, first: index, count: 1 }, [&key.public], &[], &left);
    let signature = if mode == Mode::Each { key.cose(log, &bytes) } else { Vec::new() };
    writer.push(bytes, signature, Vec::new());
    writer.finish(&right, &note)
}

/// What one run took.
#[derive(Clone, Copy)]
struct Run {
    seconds: f64,
    peak_mib: f64,
}

/// The median of several runs.
fn run(oar: &Path, key: &Key, bundle: &Path, pin: &Path) -> Run {
    let mut runs: Vec<_> = (0..RUNS).map(|_| once(oar, key, bundle, pin)).collect();
    runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    Run { seconds: runs[RUNS / 2].seconds, peak_mib: runs.iter().map(|run| run.peak_mib).fold(0.0, f64::max) }
}

fn once(oar: &Path, key: &Key, bundle: &Path, pin: &Path) -> Run {
    let started = Instant::now();
    let mut oar = Command::new(oar);
    oar.arg("verify").arg(bundle).args(["--key-id", &key.public.id().to_string()]).arg("--checkpoint").arg(pin).stdout(Stdio::null());
    let mut child = oar.spawn().unwrap();
    let mut peak_kib = 0u64;
    let status = loop {
        // The mark is the highest so far: the last look before the end misses little.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak_kib = peak_kib.max(mark.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(status.code(), Some(0), "the bundle is good");
    Run { seconds, peak_mib: peak_kib as f64 / 1024.0 }
}

/// How many signatures a second one core verifies with the fastest library, the key parsed once.
fn bare_verifies_per_s(key: &Key) -> f64 {
    let message = [7u8; 200];
    let signature = key.sign(&message);
    let public = ParsedPublicKey::new(&ML_DSA_65, key.pair.public_key().as_ref()).unwrap();
    let mut rates: Vec<f64> = (0..9)
        .map(|_| {
            let started = Instant::now();
            (0..500).for_each(|_| public.verify_sig(&message, &signature).unwrap());
            500.0 / started.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[4]
}
