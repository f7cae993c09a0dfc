//! Asking for a passphrase: on the terminal without showing it, or in a file. Never a flag's value: other processes see those.

use super::fault::{KeyFault, PassphraseFault};
use super::passphrase::Passphrase;
use crate::error::Error;
use crate::limits::PASSPHRASE_BYTES_MAX;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use zeroize::Zeroizing;

const TERMINAL: &str = "/dev/tty";
const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const CTRL_U: u8 = 0x15;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 0x7f;

/// The passphrase of the file at `path`: read from `file`, or asked for; `None` where nobody can be asked.
///
/// # Errors
/// [`Error::ReadableByOthers`]; a file or terminal that cannot be read; [`KeyFault::Passphrase`] for one that is none.
pub fn existing(file: Option<&Path>, path: &Path) -> Result<Option<Passphrase>, Error> {
    match file {
        Some(file) => read(file).map(Some),
        None => ask(&format!("passphrase of {}: ", path.display())),
    }
}

/// A passphrase for something new: read from `file`, or asked for twice; `None` where nobody can be asked.
///
/// # Errors
/// As [`existing`]; [`PassphraseFault::Differs`].
pub fn new(file: Option<&Path>, what: &str) -> Result<Option<Passphrase>, Error> {
    if let Some(file) = file {
        return read(file).map(Some);
    }
    let Some(first) = ask(&format!("new passphrase for {what}: "))? else { return Ok(None) };
    match ask("the same again: ")? {
        Some(second) if second.is(&first) => Ok(Some(first)),
        _ => Err(KeyFault::Passphrase(PassphraseFault::Differs).into()),
    }
}

fn ask(prompt: &str) -> Result<Option<Passphrase>, Error> {
    // Without a terminal of its own a service would ask the one that it was once started from.
    if !io::stdin().is_terminal() && !io::stderr().is_terminal() {
        return Ok(None);
    }
    let typed = on_terminal(prompt).map_err(|source| Error::Io { doing: "read a passphrase from", path: TERMINAL.into(), source })?;
    take(Passphrase::new(typed)).map(Some)
}

/// A line from the terminal of this process, not shown: it shows nothing from before the prompt on, and what was typed ahead is dropped.
fn on_terminal(prompt: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut terminal = OpenOptions::new().read(true).write(true).open(TERMINAL)?;
    let quiet = Quiet::begin(terminal.try_clone()?)?;
    terminal.write_all(prompt.as_bytes())?;
    let typed = read_line(&mut terminal);
    drop(quiet);
    terminal.write_all(b"\n")?;
    typed
}

/// Reads keys until Enter; the terminal leaves erasing and stopping to the reader.
fn read_line(terminal: &mut impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for all of it at once: a vector that grows would leave copies behind.
    let mut typed = Zeroizing::new(Vec::with_capacity(PASSPHRASE_BYTES_MAX + 1));
    let mut key = [0];
    loop {
        if terminal.read(&mut key)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        match key {
            [b'\r' | b'\n'] => return Ok(typed),
            [CTRL_C | CTRL_D] => return Err(io::Error::new(ErrorKind::Interrupted, "stopped")),
            [CTRL_U] => typed.clear(),
            // A character goes with all its bytes.
            [BACKSPACE | DELETE] => while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            [byte] if typed.len() <= PASSPHRASE_BYTES_MAX => typed.push(byte),
            [_] => {}
        }
    }
}

/// A terminal that shows nothing and passes every key, until this is dropped.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    fn begin(terminal: File) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(&terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // There is nothing better to do with a terminal that does not take its own settings back.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

fn read(path: &Path) -> Result<Passphrase, Error> {
    let failed = |source| Error::Io { doing: "read", path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let data = file.metadata().map_err(failed)?;
    let mode = data.mode() & 0o777;
    if data.is_file() && mode & 0o077 != 0 {
        return Err(Error::ReadableByOthers { path: path.to_owned(), mode });
    }
    take(Passphrase::read(file).map_err(failed)?)
}

fn take(passphrase: Result<Passphrase, PassphraseFault>) -> Result<Passphrase, Error> {
    passphrase.map_err(|fault| KeyFault::Passphrase(fault).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_a_line() {
        let cases: [(&[u8], Option<&[u8]>); 8] = [
            (b"words\rmore", Some(b"words")),
            (b"words\n", Some(b"words")),
            (b"worx\x7fds\r", Some(b"words")),
            ("w\u{f6}\u{8}ords\r".as_bytes(), Some(b"words")),
            (b"\x7f\x7fwords\r", Some(b"words")),
            (b"wrong\x15words\r", Some(b"words")),
            (b"words\x03\r", None),
            (b"words", None),
        ];
        for (mut typed, line) in cases {
            assert_eq!(read_line(&mut typed).ok().as_deref().map(Vec::as_slice), line, "{typed:?}");
        }
        let long = [&vec![b'x'; 5_000][..], b"\r"].concat();
        assert_eq!(read_line(&mut &long[..]).unwrap().len(), PASSPHRASE_BYTES_MAX + 1, "too long, and known to be");
    }
}
