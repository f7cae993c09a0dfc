//! A machine for one test: a home, a folder to work in, and the binaries that people run.

use super::run::{Run, Running, eventually, not_checked};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The name under which a machine with a general model has it: 2 layers, context 2,048; greedy from "hello" it goes on until the context is full.
pub const GENERAL: &str = "llama-64.f32";

/// A home and a working folder beside it; both go when the test ends.
pub struct Machine {
    folder: TempDir,
}

impl Machine {
    /// A machine on which nothing has run yet.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A machine with a tiny general model, and so with three records.
    pub fn with_model() -> Self {
        let machine = Self::new();
        machine.run(&["model", "import", &vectors(&format!("{GENERAL}.gguf"))]).ok();
        machine
    }

    /// The folder that commands run in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in that folder.
    pub fn path(&self, name: &str) -> String {
        text(self.folder.path().join(name))
    }

    /// The home.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A program in this machine's folder and with its home, nobody at its input.
    pub fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.folder()).stdin(Stdio::null());
        command.env("MICKAI_HOME", self.home()).env("TZ", "UTC").env_remove("MICKAI_MODEL").env_remove("XDG_DATA_HOME");
        command
    }

    /// Runs `mickai` to its end.
    pub fn run(&self, args: &[&str]) -> Run {
        Run::of(&mut self.command(&mickai(), args))
    }

    /// An `ask` that has come to a halt in the middle of its act, until [`Running::end`], and the index of its intent.
    pub fn held(&self) -> (Running, u64) {
        let ask = Running::start_halting(&mut self.command(&mickai(), &["ask", "-m", GENERAL, "--max-tokens", "2000", "hello"]));
        let intent = eventually("its intent", || {
            let last = self.lines(&["log", "tail", "-n", "1"]).pop()?;
            (last["kind"] == "intent").then(|| last["index"].as_u64()).flatten()
        });
        (ask, intent)
    }

    /// Does a program wait for the lock, or hold it? It has the file open from the moment it waits.
    pub fn has_at_its_lock(&self, program: &Running) -> bool {
        let Ok(entries) = std::fs::read_dir(format!("/proc/{}/fd", program.id())) else { return false };
        entries.flatten().any(|entry| std::fs::read_link(entry.path()).is_ok_and(|path| path == self.home().join("lock")))
    }

    /// Starts `mickai`.
    pub fn start(&self, args: &[&str]) -> Running {
        Running::start(&mut self.command(&mickai(), args))
    }

    /// Runs `oar` to its end.
    pub fn oar(&self, args: &[&str]) -> Run {
        Run::of(&mut self.command(&oar(), args))
    }

    /// Runs `mickai … --json`, which must succeed, and reads its lines.
    pub fn lines(&self, args: &[&str]) -> Vec<Value> {
        self.run(&[args, &["--json"]].concat()).ok().lines()
    }

    /// The one object that `mickai … --json` prints.
    pub fn object(&self, args: &[&str]) -> Value {
        let mut lines = self.lines(args);
        assert_eq!(lines.len(), 1, "{args:?} prints one object");
        lines.remove(0)
    }

    /// Indexes of intents that no outcome follows; acts of one process do not nest.
    pub fn open_intents(&self) -> Vec<u64> {
        let records = self.lines(&["log", "list"]);
        // Inside an act there may be erase records.
        let is_closed = |at: usize| records.iter().skip(at + 1).find(|next| next["kind"] != "erase").is_some_and(|next| next["kind"] == "outcome");
        let open = records.iter().enumerate().filter(|(at, record)| record["kind"] == "intent" && !is_closed(*at));
        open.filter_map(|(_, record)| record["index"].as_u64()).collect()
    }

    /// The log is not INVALID: it verifies as far as it can without a pin.
    pub fn assert_log_valid(&self) {
        self.run(&["log", "verify"]).code(2).says(&["STALE completeness-unwitnessed"]);
    }
}

/// A path of `spec/vectors/model`.
pub fn vectors(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/model").canonicalize().unwrap();
    text(folder.join(name))
}

/// The binary `mickai`: that of the release where `cargo xtask test` names one, else that of this build.
pub fn mickai() -> PathBuf {
    released("mickai").unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_mickai")))
}

/// The binary `oar` from where `mickai` is.
pub fn oar() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_mickai")).with_file_name("oar");
    let path = released("oar").unwrap_or(beside);
    assert!(path.exists(), "{} is not built: run `cargo build --package mickai-oar` first, or the tests with `cargo test --workspace`", path.display());
    path
}

/// The other verifier, built by `npm run build` and with its packages installed.
pub fn typescript_verifier(of_what: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../verifier").canonicalize().unwrap();
    let built = folder.join("dist/cli.js");
    if built.exists() && folder.join("node_modules").exists() {
        return Some(built);
    }
    not_checked(&format!("the TypeScript verifier's verdict {of_what}: verifier/dist is not built, run `npm ci && npm run build` in verifier/"));
    None
}

fn released(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("MICKAI_RELEASE_DIR")?).join(name);
    assert!(path.exists(), "MICKAI_RELEASE_DIR has no {name}: run `cargo build --release --workspace` first");
    Some(path)
}

/// Does this program run here and end with 0?
pub fn program_answers(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn text(path: PathBuf) -> String {
    path.into_os_string().into_string().unwrap()
}
