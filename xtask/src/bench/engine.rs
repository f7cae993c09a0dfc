//! The bars of the engine: tokens per second against llama.cpp, both in one run on the same files of random weights in the shapes of published models.

use std::path::PathBuf;
use std::process::Command;

use super::bar::{Bar, Goal};
use super::engine_load;
use super::oar::value;
use super::run::Found;
use crate::error::Error;
use crate::places;
use crate::process;

/// The peer, pinned: a ratio against another version is another figure. Built for this machine when it is installed.
const PEER_PACKAGES: [&str; 3] = ["numpy==2.4.6", "gguf==0.19.0", "llama-cpp-python==0.3.36"];
const TYPES: [&str; 4] = ["q4_0", "q8_0", "q4_k_m", "f16"];
const THREADS: [&str; 2] = ["1", "2"];

/// What is measured: shapes, tokens of the prompt, tokens generated, repetitions.
pub(super) struct Extent {
    shapes: [&'static str; 2],
    prompt: &'static str,
    generation: &'static str,
    repetitions: &'static str,
    with_bars: bool,
}

/// The bars.
pub(super) const WHOLE: Extent = Extent { shapes: ["qwen2.5-0.5b", "llama3.2-1b"], prompt: "512", generation: "128", repetitions: "5", with_bars: true };
/// The same programs on tiny shapes, to see that they work; its figures say nothing, so it has no bars.
pub(super) const TRIAL: Extent = Extent { shapes: ["tiny-qwen2", "tiny-llama"], prompt: "64", generation: "8", repetitions: "1", with_bars: false };

/// Each phase with its goal: how many times the peer's tokens per second.
const PHASES: [(&str, f64); 2] = [("prompt", 2.0), ("generation", 1.4)];

/// Measures every shape, type and number of threads, ours and the peer's one after the other.
pub(super) fn measure(extent: &Extent) -> Result<Found, Error> {
    let python = install_peer()?;
    process::must(places::cargo().args(["build", "--release", "--package", "mickai-model", "--example", "speed"]))?;
    let mut found = Found::default();
    engine_load::measure(&python, extent.shapes[1], extent.with_bars, &mut found)?;
    for shape in extent.shapes {
        for kind in TYPES {
            let file = make_file(&python, shape, kind)?;
            for threads in THREADS {
                compare(extent, &python, &file, (shape, kind, threads), &mut found)?;
            }
        }
    }
    Ok(found)
}

/// One file and number of threads.
fn compare(extent: &Extent, python: &PathBuf, file: &PathBuf, (shape, kind, threads): (&str, &str, &str), found: &mut Found) -> Result<(), Error> {
    let tokens = [threads, extent.prompt, extent.generation, extent.repetitions];
    let ours = process::must(Command::new(places::target().join("release/examples/speed")).arg(file).args(tokens))?;
    let script = places::root().join("bench/engine/llama_cpp_speed.py");
    // Large pages under what the peer reads, as under ours.
    let peer = process::must(Command::new(python).arg(script).arg(file).args(tokens).env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    found.lines.push(format!("$ speed {name} {}", tokens.join(" ")));
    let ours: Vec<String> = ours.output.lines().map(str::to_owned).collect();
    found.lines.extend(ours.iter().cloned());
    found.lines.push(format!("$ GLIBC_TUNABLES=glibc.malloc.hugetlb=1 python llama_cpp_speed.py {name} {}", tokens.join(" ")));
    let peer: Vec<String> = peer.output.lines().map(str::to_owned).collect();
    found.lines.extend(peer.iter().cloned());
    for (phase, goal) in PHASES {
        let rates = |figure: &str| value(&ours, &format!("speed/{phase} "), figure).zip(value(&peer, &format!("peer/{phase} "), figure));
        let (wall, cpu) = rates("tokens_per_s").zip(rates("tokens_per_cpu_s")).ok_or(Error::NoFigures { bench: "engine" })?;
        let what = format!("engine/{phase}={shape}/type={kind}/threads={threads}");
        found.lines.push(format!("{what} ratio={:.3} cpu_ratio={:.3}", wall.0 / wall.1, cpu.0 / cpu.1));
        if extent.with_bars {
            found.bars.push(Bar { name: (what + "/ratio").into(), measured: wall.0 / wall.1, goal: Goal::AtLeast(goal) });
        }
    }
    Ok(())
}

/// The peer's Python, in a folder of its own below the build output.
fn install_peer() -> Result<PathBuf, Error> {
    let folder = places::target().join("peers/llama.cpp");
    let python = folder.join("bin/python");
    if !crate::setup::has_pinned(Command::new(&python), &PEER_PACKAGES) {
        process::must(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        process::must(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PEER_PACKAGES))?;
    }
    Ok(python)
}

/// The file of that shape and type below the build output; made when it is missing.
pub(super) fn make_file(python: &PathBuf, shape: &str, kind: &str) -> Result<PathBuf, Error> {
    let folder = places::target().join("peers/models");
    std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let file = folder.join(format!("{shape}-{kind}.gguf"));
    if !file.exists() {
        process::must(Command::new(python).arg(places::root().join("bench/engine/make_gguf.py")).args([shape, kind]).arg(&file))?;
    }
    Ok(file)
}
