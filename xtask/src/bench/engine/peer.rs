//! llama.cpp and its model files, made below the build output when they are missing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::error::Error;
use crate::places;
use crate::process;

/// The peer and what its files are made with, pinned: a ratio against another version is another figure.
const PACKAGES: [&str; 3] = ["numpy==2.4.6", "gguf==0.19.0", PEER];
const PEER: &str = "llama-cpp-python==0.3.36";

/// How the peer is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Build {
    /// For all that this machine can do.
    Native,
    /// The same but for the tile registers of AMX.
    WithoutTiles,
    /// For AVX2, FMA and F16C.
    Avx2,
}

impl Build {
    /// The folder below `target/peers`, and what CMake is told; the models of pictures are left out.
    fn recipe(self) -> (&'static str, &'static str) {
        match self {
            Self::Native => ("llama.cpp", "-DLLAVA_BUILD=OFF -DGGML_NATIVE=ON"),
            Self::WithoutTiles => (
                "llama.cpp-without-tiles",
                concat!(
                    "-DLLAVA_BUILD=OFF -DGGML_NATIVE=ON ",
                    "-DCMAKE_C_FLAGS='-mno-amx-tile -mno-amx-int8 -mno-amx-bf16' ",
                    "-DCMAKE_CXX_FLAGS='-mno-amx-tile -mno-amx-int8 -mno-amx-bf16'"
                ),
            ),
            Self::Avx2 => {
                ("llama.cpp-avx2", "-DLLAVA_BUILD=OFF -DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON -DGGML_AVX512=OFF -DGGML_AVX_VNNI=OFF")
            }
        }
    }
}

/// The peer's Python. Some virtual machines show the tile registers of AMX and end a program that loads them: there, what is built for all that the machine shows is built again without.
pub(super) fn install(build: Build) -> Result<PathBuf, Error> {
    let python = built(build)?;
    if build == Build::Native && shows_tiles() && !runs(&python)? { built(Build::WithoutTiles) } else { Ok(python) }
}

fn shows_tiles() -> bool {
    std::fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| text.contains(" amx_tile"))
}

/// Whether a tiny model runs with it; tried once.
fn runs(python: &Path) -> Result<bool, Error> {
    static RUNS: OnceLock<bool> = OnceLock::new();
    let tiny = make_file(python, "tiny-qwen2", "q4_0")?;
    Ok(*RUNS.get_or_init(|| speed(python, &tiny, &["1", "64", "8", "1"]).is_ok()))
}

/// How the peer of this Python was built, as a line of results.
pub(super) fn described(python: &Path) -> String {
    let flags = [Build::WithoutTiles, Build::Avx2].into_iter().map(Build::recipe).find(|(name, _)| python.starts_with(places::target().join("peers").join(name)));
    let (name, flags) = flags.unwrap_or(Build::Native.recipe());
    format!("peer/build name={name} CMAKE_ARGS=\"{flags}\"")
}

/// The Python of one build, in a folder of its own.
fn built(build: Build) -> Result<PathBuf, Error> {
    let (name, flags) = build.recipe();
    let folder = places::target().join("peers").join(name);
    let python = folder.join("bin/python");
    if !crate::setup::has_pinned(Command::new(&python), &PACKAGES) {
        process::must(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        process::must(Command::new(&python).args(pip).args(PACKAGES.iter().filter(|package| **package != PEER)))?;
        // Compiled here, for this machine, and not from a cache, which might hold another build.
        let built = process::stream(Command::new(&python).args(pip).args(["--no-cache-dir", "--no-binary=llama-cpp-python", PEER]).env("CMAKE_ARGS", flags))?;
        if !built.ok {
            return Err(Error::PeerNotBuilt { package: PEER, flags, folder });
        }
    }
    Ok(python)
}

/// The file of that shape and type; made when it is missing.
pub(super) fn make_file(python: &Path, shape: &str, kind: &str) -> Result<PathBuf, Error> {
    let folder = places::target().join("peers/models");
    std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let file = folder.join(format!("{shape}-{kind}.gguf"));
    if !file.exists() {
        process::must(Command::new(python).arg(places::root().join("bench/engine/make_gguf.py")).args([shape, kind]).arg(&file))?;
    }
    Ok(file)
}

/// What the peer's program prints.
pub(super) fn speed(python: &Path, file: &Path, words: &[&str]) -> Result<Vec<String>, Error> {
    let script = places::root().join("bench/engine/llama_cpp_speed.py");
    // Large pages under what the peer reads, as under ours.
    let done = process::must(Command::new(python).arg(script).arg(file).args(words).env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"))?;
    Ok(done.output.lines().map(str::to_owned).collect())
}
