//! A devnet in a test's folder: its processes by their numbers, and waiting for what they say.

use super::Machine;
use super::http::asked;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing that a test waits for takes this long, not even on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(600);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A program that runs; killed when the test ends before it.
pub struct Process(Child);

impl Process {
    /// Starts one, and gives the first line that it says.
    pub fn start(command: &mut Command) -> (Self, Value) {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let process = Self(child);
        (process, serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}")))
    }

    /// Ends it at once.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running devnet.
pub struct Devnet {
    pub process: Process,
    pub rpcs: Vec<SocketAddr>,
    pids: Vec<u64>,
    configs: Vec<String>,
    pub wallet: String,
}

impl Devnet {
    /// Starts one of so many validators, with epochs of ten blocks.
    pub fn start(machine: &Machine, validators: usize) -> Self {
        let count = validators.to_string();
        let (process, told) = Process::start(&mut machine.command(&["--json", "devnet", "--validators", &count, "--dir", "net", "--epoch-blocks", "10", "--senders", "1"]));
        let all = told["validators"].as_array().unwrap();
        Self {
            process,
            rpcs: all.iter().map(|one| one["rpc"].as_str().unwrap().parse().unwrap()).collect(),
            pids: all.iter().map(|one| one["pid"].as_u64().unwrap()).collect(),
            configs: all.iter().map(|one| one["config"].as_str().unwrap().to_owned()).collect(),
            wallet: told["wallet"].as_str().unwrap().to_owned(),
        }
    }

    /// kill -9.
    pub fn kill(&self, validator: usize) {
        assert!(Command::new("kill").args(["-9", &self.pids[validator].to_string()]).status().unwrap().success());
        eventually("the end of a validator", || asked(self.rpcs[validator], "/health").is_none().then_some(()));
    }

    /// Starts one again, as its operator would.
    pub fn restart(&self, machine: &Machine, validator: usize) -> Process {
        Process::start(&mut machine.command(&["--json", "node", &self.configs[validator], "--tethered"])).0
    }

    /// Removes everything that one stored, but for its key.
    pub fn wipe(&self, validator: usize) {
        std::fs::remove_dir_all(std::path::Path::new(&self.configs[validator]).with_file_name("data")).unwrap();
    }

    /// The newest final block of one.
    pub fn height(&self, validator: usize) -> u64 {
        asked(self.rpcs[validator], "/v1/status").map_or(0, |answer| answer.json()["height"].as_u64().unwrap())
    }

    /// Waits until one has a final block at that height.
    pub fn reaches(&self, validator: usize, height: u64) {
        eventually(&format!("block {height} at validator {validator}"), || (self.height(validator) >= height).then_some(()));
    }

    /// The id of one's final block at a height.
    pub fn block(&self, validator: usize, height: u64) -> String {
        let answer = asked(self.rpcs[validator], &format!("/v1/blocks/{height}")).unwrap();
        answer.is(200).json()["header"]["id"].as_str().unwrap().to_owned()
    }
}

/// Looks until there is something to see.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {} s for {what}", PATIENCE.as_secs());
        std::thread::sleep(LOOK_EVERY);
    }
}
