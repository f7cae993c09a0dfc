//! A program that ended, with what it said; one that still runs; and waiting that has an end.

use serde_json::Value;
use std::io::{PipeReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing that a test waits for takes this long.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The least that a pipe can hold.
const PIPE_BYTES_MIN: usize = 4096;

/// A program that ended.
#[derive(Debug)]
pub struct Run {
    /// What was run, for messages.
    what: String,
    /// Its exit code; none when a signal ended it.
    exit: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Run {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        Running::start(command).end()
    }

    /// It must have ended with this code.
    #[track_caller]
    pub fn code(self, wanted: i32) -> Self {
        assert_eq!(self.exit, Some(wanted), "{}\n{}{}", self.what, self.out, self.err);
        self
    }

    /// It must have succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.code(0)
    }

    /// All of these must stand somewhere in what it said.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.out.contains(word) || self.err.contains(word), "{} does not say {word:?}\n{}{}", self.what, self.out, self.err);
        }
        self
    }

    /// Its exit code.
    pub fn exit(&self) -> Option<i32> {
        self.exit
    }

    /// Its output as one JSON value a line.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error} in {line:?}", self.what));
        self.out.lines().map(read).collect()
    }
}

/// A program that runs; it is killed if the test ends before it.
pub struct Running {
    what: String,
    child: Option<Child>,
    /// Its standard output, where that was made before it was.
    output: Option<PipeReader>,
}

impl Running {
    /// Starts a command; what it says is kept.
    pub fn start(command: &mut Command) -> Self {
        let what = format!("{command:?}");
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
        Self { what, child: Some(child), output: None }
    }

    /// Starts a command that comes to a halt when it has said a kilobyte, and goes on when [`Running::end`] reads.
    pub fn start_halting(command: &mut Command) -> Self {
        let (reader, mut writer) = std::io::pipe().unwrap();
        rustix::pipe::fcntl_setpipe_size(&writer, PIPE_BYTES_MIN).unwrap();
        writer.write_all(&[b'\n'; PIPE_BYTES_MIN - 1024]).unwrap();
        let what = format!("{command:?}");
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
        // The command lets go of its end, or the reader would wait for it for ever.
        command.stdout(Stdio::null());
        Self { what, child: Some(child), output: Some(reader) }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Has it not ended yet?
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        assert!(super::program_answers("kill", &[&format!("-{name}"), &self.id().to_string()]), "kill -{name}");
    }

    /// Lets it run for so long, or to its end, then kills it for good; says whether it was killed.
    pub fn kill_after(mut self, time: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < time {
            if !self.is_running() {
                return false;
            }
            std::thread::sleep(LOOK_EVERY.min(time.saturating_sub(begun.elapsed())));
        }
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap().code().is_none()
    }

    /// Waits for its end.
    pub fn end(mut self) -> Run {
        let mut said = Vec::new();
        if let Some(mut reader) = self.output.take() {
            reader.read_to_end(&mut said).unwrap();
        }
        let mut output = self.child.take().unwrap().wait_with_output().unwrap();
        output.stdout.extend(said);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Run { what: self.what.clone(), exit: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // A stopped or finished program too: nothing stays behind.
            let _ = child.kill();
            let _ = child.wait();
        }
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

/// Says what this machine does not let a test check, in the line that `cargo xtask test` counts; it is not captured.
pub fn not_checked(what: &str) {
    let line = format!("\nnot checked: {what}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}
