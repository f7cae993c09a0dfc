//! A folder for one test, and what the binary said there.

use serde_json::Value;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A folder of its own, which goes when the test ends.
pub struct Machine {
    folder: TempDir,
    rpc: Option<SocketAddr>,
}

impl Machine {
    /// Where nothing has run yet.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), rpc: None }
    }

    /// The same, with a node that answers.
    pub fn at(rpc: SocketAddr) -> Self {
        Self { rpc: Some(rpc), ..Self::new() }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder, readable by its owner alone.
    pub fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(self.path(name), text).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The binary in this folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(pantheon());
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null()).env("PANTHEON_HOME", self.path("home")).env_remove("PANTHEON_RPC");
        if let Some(rpc) = self.rpc {
            command.env("PANTHEON_RPC", rpc.to_string());
        }
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, args: &[&str]) -> Run {
        Run::of(&mut self.command(args))
    }

    /// The one object that `pantheon … --json` prints.
    #[track_caller]
    pub fn object(&self, args: &[&str]) -> Value {
        let run = self.run(&[args, &["--json"]].concat()).code(0);
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.out))
    }
}

/// That of the release where `cargo xtask test` names one, else that of this build.
pub fn pantheon() -> PathBuf {
    match std::env::var_os("MICKAI_RELEASE_DIR") {
        Some(folder) => Path::new(&folder).join("pantheon"),
        None => PathBuf::from(env!("CARGO_BIN_EXE_pantheon")),
    }
}

/// A program that ended.
#[derive(Debug)]
pub struct Run {
    what: String,
    exit: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        let what = format!("{command:?}");
        let output = command.output().unwrap_or_else(|error| panic!("{what}: {error}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { what, exit: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// It must have ended with this code.
    #[track_caller]
    pub fn code(self, wanted: i32) -> Self {
        assert_eq!(self.exit, Some(wanted), "{}\n{}{}", self.what, self.out, self.err);
        self
    }

    /// All of these must stand somewhere in what it said.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.out.contains(word) || self.err.contains(word), "{} does not say {word:?}\n{}{}", self.what, self.out, self.err);
        }
        self
    }
}

/// Says what this machine does not let a test check, in the line that `cargo xtask test` counts; it is not captured.
pub fn not_checked(what: &str) {
    let line = format!("\nnot checked: {what}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}
