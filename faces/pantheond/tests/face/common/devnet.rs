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

    /// Has it not ended?
    pub fn runs(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
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
        kill(self.pids[validator]);
        ends(self.pids[validator]);
    }

    /// Ends it at once, and waits for the end of its validators: until then their folders and ports are theirs.
    pub fn end(self) {
        let Self { process, pids, .. } = self;
        process.kill();
        pids.into_iter().for_each(ends);
    }

    /// Every port that one listens on, and every connection that it has, as its own and the other end's port: all on this machine, or the test ends.
    pub fn sockets(&self, validator: usize) -> (Vec<u16>, Vec<(u16, u16)>) {
        let process = format!("/proc/{}", self.pids[validator]);
        let open: Vec<String> =
            std::fs::read_dir(format!("{process}/fd")).unwrap().filter_map(|entry| Some(std::fs::read_link(entry.ok()?.path()).ok()?.display().to_string())).collect();
        let (mut listening, mut connected) = (Vec::new(), Vec::new());
        for table in ["tcp", "tcp6", "udp", "udp6"] {
            // Where the system has no IPv6 there is no table of it.
            let text = std::fs::read_to_string(format!("{process}/net/{table}")).unwrap_or_default();
            for line in text.lines().skip(1) {
                let words: Vec<&str> = line.split_whitespace().collect();
                if !open.contains(&format!("socket:[{}]", words[9])) {
                    continue;
                }
                let end = |word: &str| word.split_once(':').map(|(address, port)| (address.to_owned(), u16::from_str_radix(port, 16).unwrap())).unwrap();
                let ((here, own), (there, other)) = (end(words[1]), end(words[2]));
                assert!(table == "tcp" && here == "0100007F", "a socket of another kind: {line}");
                if other == 0 {
                    listening.push(own);
                } else {
                    assert_eq!(there, "0100007F", "{line}");
                    connected.push((own, other));
                }
            }
        }
        (listening, connected)
    }

    /// The port on which one takes peers, by its file.
    pub fn peer_port(&self, validator: usize) -> u16 {
        let text = std::fs::read_to_string(&self.configs[validator]).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("listen = \"127.0.0.1:")).unwrap();
        line.trim_end_matches('"').parse().unwrap()
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

/// kill -9, by a process's number.
pub fn kill(pid: u64) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

/// Waits for the end of a process and all its threads. One that nobody has waited for keeps its number, in state Z.
#[track_caller]
fn ends(pid: u64) {
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?.rsplit(") ").next()?.chars().next();
    let threads = || std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    eventually("the end of a validator", || (state().is_none_or(|state| state == 'Z') && threads() <= 1).then_some(()));
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
