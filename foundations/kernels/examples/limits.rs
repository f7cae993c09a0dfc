//! What this machine's memory and arithmetic allow: `cargo run --release -p mickai-kernels --example limits -- THREADS BYTES REPETITIONS`.
//!
//! Prints the rate at which so many threads read BYTES once, each its own part, from large pages (`limits/read`), and the rate of f32 multiply-adds with one rounding
//! from registers alone (`limits/fused`), both the fastest time of the best way that was tried: a limit is what the machine can do, not what its neighbours left of it. No product of matrices can be faster than either.
#![allow(
    unsafe_code,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::needless_range_loop,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring program uses threads and the clock"
)]

use mickai_kernels::crew::{Crew, Resident};
use mickai_kernels::memory::{LINE, Room};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

/// Parts that the bytes are cut into, as products are.
const PARTS: usize = 32;
/// Streams that one thread reads side by side.
const STREAMS: [usize; 3] = [1, 2, 4];
/// How far ahead lines are asked for; 0 leaves it to the processor.
const AHEAD: [usize; 3] = [0, 4096, 8192];
/// Accumulators of the arithmetic: more than latency times units, and with the factor fewer than the sixteen registers of AVX2.
const CHAINS: usize = 12;
const STEPS: usize = 1 << 22;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [threads, bytes, repetitions] = &args[..] else {
        println!("usage: limits THREADS BYTES REPETITIONS");
        return;
    };
    let [threads, bytes, repetitions] = [threads, bytes, repetitions].map(|word| word.parse::<usize>().unwrap());
    let crew = Arc::new(Resident::new());
    for _ in 1..threads {
        let crew = crew.clone();
        std::thread::spawn(move || crew.serve());
    }
    let mut room = Room::<u8>::new(bytes.next_multiple_of(PARTS * 4 * LINE));
    room.fill(1);
    let ways = STREAMS.into_iter().flat_map(|streams| AHEAD.map(|ahead| (streams, ahead)));
    let timed = ways.map(|(streams, ahead)| (fastest(repetitions, || read(&*crew, &room, streams, ahead)), streams, ahead));
    let (seconds, streams, ahead) = timed.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
    println!("limits/read threads={threads} bytes={bytes} bytes_per_s={:.0} streams={streams} ahead={ahead}", room.len() as f64 / seconds);
    let seconds = fastest(repetitions, || fused(&*crew, threads, lanes()));
    println!("limits/fused threads={threads} multiply_adds_per_s={:.0}", (threads * STEPS * CHAINS * lanes()) as f64 / seconds);
}

/// Every line of `bytes` once.
fn read(crew: &dyn Crew, bytes: &[u8], streams: usize, ahead: usize) {
    let part = bytes.len() / PARTS;
    crew.run(PARTS, &|index| {
        let bytes = &bytes[index * part..][..part];
        black_box(match streams {
            1 => sum::<1>(bytes, ahead),
            2 => sum::<2>(bytes, ahead),
            _ => sum::<4>(bytes, ahead),
        });
    });
}

fn sum<const STREAMS: usize>(bytes: &[u8], ahead: usize) -> u64 {
    let mut sums = [[0u64; 8]; STREAMS];
    let streams: [&[[[u8; 8]; 8]]; STREAMS] = std::array::from_fn(|stream| bytes[bytes.len() / STREAMS * stream..][..bytes.len() / STREAMS].as_chunks().0.as_chunks().0);
    for line in 0..streams[0].len() {
        for stream in 0..STREAMS {
            let line = &streams[stream][line];
            prefetch(line, ahead);
            for word in 0..8 {
                sums[stream][word] = sums[stream][word].wrapping_add(u64::from_le_bytes(line[word]));
            }
        }
    }
    sums.as_flattened().iter().fold(0, |a, &b| a.wrapping_add(b))
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn prefetch(line: &[[u8; 8]; 8], ahead: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    if ahead > 0 {
        // SAFETY: every processor of this architecture has the instruction, and it reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().wrapping_byte_add(ahead).cast()) };
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn prefetch(_: &[[u8; 8]; 8], _: usize) {}

/// Lanes of the widest registers.
fn lanes() -> usize {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        return 16;
    } else if std::arch::is_x86_feature_detected!("fma") {
        return 8;
    }
    4
}

/// [`STEPS`] times [`CHAINS`] times `lanes` multiply-adds on every thread: one part each, for each takes as long as another.
fn fused(crew: &dyn Crew, threads: usize, lanes: usize) {
    crew.run(threads, &|_| match lanes {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `lanes` has asked for these instructions.
        16 => unsafe { chains_avx512() },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        8 => unsafe { chains_avx2() },
        _ => chains(),
    });
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn chains_avx2() {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps};
    let (factor, mut sums) = (_mm256_set1_ps(black_box(0.5)), [_mm256_set1_ps(1.0); CHAINS]);
    for _ in 0..STEPS {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(*sum, factor, factor);
        }
    }
    black_box(sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f")]
fn chains_avx512() {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_set1_ps};
    let (factor, mut sums) = (_mm512_set1_ps(black_box(0.5)), [_mm512_set1_ps(1.0); CHAINS]);
    for _ in 0..STEPS {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(*sum, factor, factor);
        }
    }
    black_box(sums);
}

/// Where this program knows no instructions of its own, what the compiler makes of it.
fn chains() {
    let (factor, mut sums) = (black_box(0.5f32), [[1f32; 4]; CHAINS]);
    for _ in 0..STEPS {
        for sum in sums.as_flattened_mut() {
            *sum = sum.mul_add(factor, factor);
        }
    }
    black_box(sums);
}

/// The first one warms up.
fn fastest(repetitions: usize, mut work: impl FnMut()) -> f64 {
    let times = (0..=repetitions).map(|_| {
        let started = Instant::now();
        work();
        started.elapsed().as_secs_f64()
    });
    times.skip(1).fold(f64::INFINITY, f64::min)
}
