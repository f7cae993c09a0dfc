//! The validators' processes: this program again, each with its file. They hang on a pipe, so that they end when this one does, however it ends.

use crate::failure::Failure;
use serde_json::Value;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long validators may take to end by themselves.
const FAREWELL: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A validator's process.
pub struct Validator {
    /// Its number.
    pub at: usize,
    /// Its node's file.
    pub config: PathBuf,
    /// Where it answers.
    pub rpc: SocketAddr,
    child: Child,
    has_ended: bool,
}

/// All of them.
pub struct Validators(pub Vec<Validator>);

impl Validators {
    /// Starts all, then waits until each answers.
    pub fn start(configs: &[PathBuf]) -> Result<Self, Failure> {
        // Those that were started end with this, also where a later one does not start.
        let mut all = Self(Vec::new());
        for (at, config) in configs.iter().enumerate() {
            let child = spawn(config).map_err(|source| Failure::Child { validator: at, source })?;
            all.0.push(Validator { at, config: config.clone(), rpc: SocketAddr::from(([127, 0, 0, 1], 0)), child, has_ended: false });
        }
        all.0.iter_mut().try_for_each(Validator::answers)?;
        Ok(all)
    }

    /// Those that ended since the last look.
    pub fn ended(&mut self) -> Vec<(usize, PathBuf, ExitStatus)> {
        let mut ended = Vec::new();
        for validator in self.0.iter_mut().filter(|validator| !validator.has_ended) {
            if let Ok(Some(status)) = validator.child.try_wait() {
                validator.has_ended = true;
                ended.push((validator.at, validator.config.clone(), status));
            }
        }
        ended
    }

    /// Are none left?
    pub fn are_gone(&self) -> bool {
        self.0.iter().all(|validator| validator.has_ended)
    }
}

impl Drop for Validators {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|validator| drop(validator.child.stdin.take()));
        let begun = Instant::now();
        while begun.elapsed() < FAREWELL && self.0.iter_mut().any(|validator| matches!(validator.child.try_wait(), Ok(None))) {
            std::thread::sleep(LOOK_EVERY);
        }
        for validator in &mut self.0 {
            // One that ended is not there to be killed.
            let _ = validator.child.kill();
            let _ = validator.child.wait();
        }
    }
}

impl Validator {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the line that says where.
    fn answers(&mut self) -> Result<(), Failure> {
        let mut line = String::new();
        if let Some(stdout) = self.child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|source| Failure::Child { validator: self.at, source })?;
        }
        let told: Option<SocketAddr> = serde_json::from_str::<Value>(&line).ok().and_then(|told| told["rpc"].as_str()?.parse().ok());
        self.rpc = told.ok_or_else(|| Failure::ChildEnded { validator: self.at, log: log(&self.config) })?;
        Ok(())
    }
}

fn spawn(config: &Path) -> std::io::Result<Child> {
    let said = OpenOptions::new().create(true).append(true).open(log(config))?;
    Command::new(std::env::current_exe()?).arg("--json").arg("node").arg(config).arg("--tethered").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(said).spawn()
}

/// What a node says, beside its file.
fn log(config: &Path) -> PathBuf {
    config.with_file_name("node.log")
}
