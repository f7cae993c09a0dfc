//! The machine under test: a home, the server on it, and the log as other commands tell it.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const MODEL: &str = "spec/vectors/model/llama-64.f32.gguf";

/// So few that the cache is full before the resident set is looked at: what grows after that is a leak.
const CACHE_BYTES: &str = "33554432";

/// A home with the tiny general model.
pub struct Machine {
    folder: TempDir,
    program: PathBuf,
}

/// Generations in the log.
#[derive(Clone, Copy, Debug)]
pub struct Acts {
    pub records: u64,
    pub intents: u64,
    pub outcomes: u64,
    /// Outcomes `outcome_unknown`.
    pub unknown: u64,
}

impl Machine {
    pub fn new() -> Self {
        // target/release/examples/load lies below target/release/mickai.
        let here = std::env::current_exe().unwrap();
        let program = here.parent().and_then(Path::parent).unwrap().join("mickai");
        assert!(program.exists(), "{} is not built: cargo build --release --package mickai-cli", program.display());
        let machine = Self { folder: tempfile::tempdir().unwrap(), program };
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(MODEL);
        machine.run(&["model", "import", model.to_str().unwrap()]);
        machine
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).env("MICKAI_HOME", self.folder.path().join("home")).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> String {
        String::from_utf8(self.command(args).output().unwrap().stdout).unwrap()
    }

    fn lines(&self, args: &[&str]) -> Vec<Value> {
        self.run(args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn acts(&self) -> Acts {
        let records = self.lines(&["log", "list", "--json"]);
        let count = |fits: &dyn Fn(&Value) -> bool| records.iter().filter(|record| record["action"] == "generate" && fits(record)).count() as u64;
        Acts {
            records: records.len() as u64,
            intents: count(&|record| record["kind"] == "intent"),
            outcomes: count(&|record| record["kind"] == "outcome"),
            unknown: count(&|record| record["outcome"] == "outcome_unknown"),
        }
    }

    /// What a stranger's verifier says of the whole log.
    pub fn verdict(&self) -> String {
        self.run(&["log", "verify", "--json"]).lines().next().map_or("none".to_owned(), |line| {
            let told: Value = serde_json::from_str(line).unwrap();
            format!("{} reason={}", told["verdict"].as_str().unwrap_or("none"), told["reason"].as_str().unwrap_or("none"))
        })
    }

    /// Of so many generations, spread over the log, those that came out again with one thread and, in turn, each of the instructions that the server did not use.
    pub fn replays(&self, count: usize) -> usize {
        let executed: Vec<Value> = self.lines(&["log", "list", "--json", "--action", "generate"]).into_iter().filter(|record| record["outcome"] == "executed").collect();
        let chosen = executed.iter().step_by((executed.len() / count).max(1)).take(count);
        let isas = self.other_isas();
        let replay = |record: &Value, isa: &str| self.command(&["replay", &record["index"].to_string(), "--threads", "1", "--isa", isa]).stdout(Stdio::null()).status();
        chosen.zip(isas.iter().cycle()).filter(|(record, isa)| replay(record, isa).unwrap().success()).count()
    }

    /// The instructions of this machine but the best, which the server uses; the best where there are no others.
    fn other_isas(&self) -> Vec<&'static str> {
        let checks = self.lines(&["doctor", "--json"]);
        let found = checks.iter().find(|check| check["what"] == "processor").and_then(|check| check["found"].as_str()).unwrap();
        let slower = ["scalar", "avx2+fma"].into_iter().take_while(|isa| !found.starts_with(isa));
        let isas: Vec<_> = if cfg!(target_arch = "x86_64") { slower.collect() } else { vec!["scalar"] };
        if isas.is_empty() { vec!["scalar"] } else { isas }
    }
}

/// Counts in Prometheus' text format.
pub struct Metrics(String);

impl Metrics {
    /// The count of that name, of the one model that is open.
    pub fn of(&self, name: &str) -> f64 {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }
}

/// A server under test.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts one and waits until it listens.
    pub fn start(machine: &Machine) -> Self {
        let mut child = machine.command(&["serve", "--listen", "127.0.0.1:0", "--cache-bytes", CACHE_BYTES, "--json"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let address = told["url"].as_str().and_then(|url| url.split_once("://")?.1.parse().ok()).unwrap();
        Self { child, address }
    }

    pub fn resident_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap() / 1024.0
    }

    /// What it counts of itself.
    pub fn metrics(&self) -> Metrics {
        let mut connection = TcpStream::connect(self.address).unwrap();
        connection.write_all(format!("GET /metrics HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address).as_bytes()).unwrap();
        let mut text = String::new();
        connection.read_to_string(&mut text).unwrap();
        Metrics(text)
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn end(mut self) {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(self.child.wait().unwrap().success(), "the server did not end well");
    }
}
