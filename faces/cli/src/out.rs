//! Printing: lines for people, or JSON with one object a line.

use crate::failure::Failure;
use crate::plain;
use serde_json::Value;
use std::fmt::Display;
use std::io::{IsTerminal, Write};

/// Where answers go. Progress and errors go to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Out {
    /// One JSON object a line in place of text.
    pub json: bool,
}

impl Out {
    /// A line of text.
    pub fn line(self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.piece(&format!("{}\n", text.as_ref()))
    }

    /// Text without a line end, at once.
    pub fn piece(self, text: &str) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::Closed),
            other => other.map_err(Failure::Stream),
        }
    }

    /// What a model says, without a line end, at once: a pipe takes it as it is, a terminal is sent nothing that it would obey.
    pub fn said(self, text: &str) -> Result<(), Failure> {
        if std::io::stdout().is_terminal() { self.piece(&plain::flowing(text)) } else { self.piece(text) }
    }

    /// One object, as JSON or as the text that `text` makes of it.
    pub fn object(self, value: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json { self.line(value.to_string()) } else { self.line(text()) }
    }

    /// A list: JSON lines, or a table with a header.
    pub fn table(self, header: &[&str], rows: &[(Value, Vec<String>)]) -> Result<(), Failure> {
        let header = (Value::Null, header.iter().map(|name| (*name).to_owned()).collect());
        let lines: Vec<&(Value, Vec<String>)> = std::iter::once(&header).filter(|_| !self.json).chain(rows).collect();
        self.aligned(&lines)
    }

    /// More lines of a table whose header is above.
    pub fn rows(self, rows: &[(Value, Vec<String>)]) -> Result<(), Failure> {
        self.aligned(&rows.iter().collect::<Vec<_>>())
    }

    fn aligned(self, lines: &[&(Value, Vec<String>)]) -> Result<(), Failure> {
        if self.json {
            return lines.iter().try_for_each(|(value, _)| self.line(value.to_string()));
        }
        let columns = lines.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
        let width = |column: usize| lines.iter().filter_map(|(_, cells)| cells.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (_, cells) in lines {
            let line: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            self.line(line.join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// A line on standard error. That nobody reads it any more (`2>&1 | head`) ends nothing and changes no code.
pub fn remark(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The code of an answer that was printed, or that nobody stayed to read (`| head`): it is the same.
pub fn code_after(printed: Result<(), Failure>, code: u8) -> Result<u8, Failure> {
    match printed {
        Ok(()) | Err(Failure::Closed) => Ok(code),
        Err(failure) => Err(failure),
    }
}

/// Bytes as people read them.
pub fn size(byte_count: u64) -> String {
    match byte_count {
        0..1_000 => format!("{byte_count} B"),
        1_000..1_000_000 => format!("{:.1} kB", byte_count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", byte_count as f64 / 1e6),
        _ => format!("{:.1} GB", byte_count as f64 / 1e9),
    }
}
