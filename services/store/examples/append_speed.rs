//! How fast the log takes records, beside what the machine could do at best, in one run: `cargo run --release -p mickai-store --example append_speed [FOLDER] [SECONDS]`.
//!
//! Each figure is the median of five rounds; bare rates and the store's are measured in turns, so that both meet the same machine. Fsync is that of the folder's disk.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use aws_lc_rs::signature::{ML_DSA_65_SIGNING, PqdsaKeyPair};
use mickai_proof::digest::Id;
use mickai_proof::record::{ActorClass, Fact, Kind, Mode};
use mickai_store::{Appender, Draft, Error, Home, LogWriter};
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
const AUTHORITY: (Id, u64) = (Id([7; 32]), 1);
/// Bytes of one record, about.
const RECORD_BYTES: usize = 500;
/// Callers of records signed each, and how many of them each has under way before it waits.
const EACH: [(usize, usize); 2] = [(256, 1), (32, 16)];
/// Callers that hand in sealed records by the group.
const CALLERS_SEALED: usize = 4;
const GROUP: usize = 256;
const INTENTS: usize = 201;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let folder = tempfile::tempdir_in(args.next().unwrap_or_else(|| ".".to_owned()))?;
    let seconds = args.next().and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let span = Duration::from_secs_f64(seconds);
    let cores = thread::available_parallelism()?.get();
    let home = Home::open_or_create(&folder.path().join("home"))?;
    let writer = LogWriter::open(&home, AUTHORITY)?;
    println!("append cores={cores} record_bytes={RECORD_BYTES} round_s={seconds} rounds={ROUNDS}");
    EACH.into_iter().try_for_each(|(callers, under_way)| each(&writer, cores, span, callers, under_way))?;
    sealed(&writer, cores, span)?;
    drop(writer);
    intent(&home, folder.path())?;
    Ok(())
}

/// Many callers of records with a signature of their own.
fn each(writer: &LogWriter, cores: usize, span: Duration, callers: usize, under_way: usize) -> Result<(), Failure> {
    let (mut rates, mut bare_rates, mut ratios, mut cpu_ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let bare = bare_signs(cores, span)?;
        let rate = rate(writer, callers, span, |appender| {
            let pending = (0..under_way).map(|_| appender.submit(vec![draft(Mode::Each)])).collect::<Result<Vec<_>, _>>()?;
            pending.into_iter().try_for_each(|pending| pending.wait().map(drop))?;
            Ok(under_way)
        })?;
        ratios.push(rate.per_s / bare.per_s);
        cpu_ratios.push(rate.per_cpu_s / bare.per_cpu_s);
        bare_rates.push(bare.per_s);
        rates.push(rate.per_s);
    }
    let [rate, bare, ratio, cpu_ratio] = [rates, bare_rates, ratios, cpu_ratios].map(median);
    println!("append/each callers={callers} under_way={under_way} records_per_s={rate:.0} bare_signs_per_s={bare:.0} ratio={ratio:.3} cpu_ratio={cpu_ratio:.3}");
    Ok(())
}

/// A few callers that hand in groups of sealed records, two groups under way each.
fn sealed(writer: &LogWriter, cores: usize, span: Duration) -> Result<(), Failure> {
    let (mut rates, mut cpu_rates) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let rate = rate(writer, CALLERS_SEALED, span, |appender| {
            let first = appender.submit((0..GROUP).map(|_| draft(Mode::Sealed)).collect())?;
            let second = appender.submit((0..GROUP).map(|_| draft(Mode::Sealed)).collect())?;
            Ok(first.wait()?.len() + second.wait()?.len())
        })?;
        rates.push(rate.per_s);
        cpu_rates.push(rate.per_cpu_s);
    }
    let [rate, cpu_rate] = [rates, cpu_rates].map(median);
    println!("append/sealed callers={CALLERS_SEALED} group={GROUP} cores={cores} records_per_s={rate:.0} records_per_cpu_s={cpu_rate:.0}");
    Ok(())
}

/// One caller, one intent at a time, on a machine that does nothing else.
fn intent(home: &Home, folder: &Path) -> Result<(), Failure> {
    let mut writer = LogWriter::open(home, AUTHORITY)?;
    let file = File::create(folder.join("bare"))?;
    let key = key()?;
    let mut signature = [0; 3_309];
    let frame = vec![7; RECORD_BYTES + 3_386 + 24];
    let (mut intents, mut fsyncs, mut signs) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..INTENTS {
        let begun = Instant::now();
        file.write_all_at(&frame, (turn * frame.len()) as u64)?;
        file.sync_data()?;
        fsyncs.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        key.sign(&frame[..200], &mut signature).map_err(|_| Error::Crypto)?;
        signs.push(begun.elapsed().as_secs_f64());
        let mut draft = draft(Mode::Each);
        draft.kind = Kind::Intent;
        let begun = Instant::now();
        let permit = writer.append_intent(draft, &[])?;
        intents.push(begun.elapsed().as_secs_f64());
        let act = writer.begin(permit)?;
        writer.close(act, mickai_proof::record::OutcomeCode::Executed, Vec::new(), &[])?;
    }
    let [intent, fsync, sign] = [intents, fsyncs, signs].map(|seconds| median(seconds) * 1e3);
    println!("append/intent p50_ms={intent:.3} bare_fsync_ms={fsync:.3} bare_sign_ms={sign:.3} over_ms={:.3}", intent - fsync - sign);
    Ok(())
}

/// How often something was done, by the clock and by the processor time of this process: on a machine that does other things too, only the second can be compared.
struct Rate {
    per_s: f64,
    per_cpu_s: f64,
}

struct Timer(Instant, f64);

impl Timer {
    fn start() -> Self {
        Self(Instant::now(), cpu_s())
    }

    fn rate(&self, count: u64) -> Rate {
        Rate { per_s: count as f64 / self.0.elapsed().as_secs_f64(), per_cpu_s: count as f64 / (cpu_s() - self.1) }
    }
}

fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Records that the callers were answered for.
fn rate(writer: &LogWriter, callers: usize, span: Duration, turn: impl Fn(&Appender) -> Result<usize, Error> + Sync) -> Result<Rate, Failure> {
    let (count, has_ended) = (AtomicU64::new(0), AtomicBool::new(false));
    let timer = Timer::start();
    thread::scope(|scope| {
        let work = || -> Result<(), Error> {
            let appender = writer.appender();
            while !has_ended.load(Ordering::Relaxed) {
                count.fetch_add(turn(&appender)? as u64, Ordering::Relaxed);
            }
            Ok(())
        };
        let threads: Vec<_> = (0..callers).map(|_| scope.spawn(work)).collect();
        thread::sleep(span);
        has_ended.store(true, Ordering::Relaxed);
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Err(Error::Poisoned)))?;
        Ok::<_, Failure>(())
    })?;
    Ok(timer.rate(count.into_inner()))
}

/// Signatures that the library makes on all cores, and nothing else.
fn bare_signs(cores: usize, span: Duration) -> Result<Rate, Failure> {
    let key = key()?;
    let timer = Timer::start();
    let count: u64 = thread::scope(|scope| {
        let work = || {
            let (mut signature, mut count) = ([0; 3_309], 0);
            while timer.0.elapsed() < span && key.sign(&[7; 200], &mut signature).is_ok() {
                count += 1;
            }
            count
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(0_u64)).sum()
    });
    Ok(timer.rate(count))
}

fn key() -> Result<PqdsaKeyPair, Failure> {
    Ok(PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, &[7; 32]).map_err(|_| Error::Crypto)?)
}

/// A record of about 500 bytes.
fn draft(mode: Mode) -> Draft {
    let mut draft = Draft::new(Kind::Detail, (ActorClass::System, Id::ZERO), AUTHORITY, "measure").fact("value", Fact::Bytes(vec![9; 202].into()));
    draft.mode = mode;
    draft
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What ends the measurement.
#[derive(Debug)]
enum Failure {
    #[allow(dead_code, reason = "printed by Debug when main returns it")]
    Io(io::Error),
    #[allow(dead_code, reason = "printed by Debug when main returns it")]
    Store(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}
