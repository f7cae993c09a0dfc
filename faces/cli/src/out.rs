//! Printing: lines for people, or JSON with one object a line.

use crate::failure::Failure;
use serde_json::Value;
use std::io::Write;

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
            // The reader has gone (`| head`): there is nobody to tell.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
            other => other.map_err(Failure::Stream),
        }
    }

    /// One object, as JSON or as the text that `text` makes of it.
    pub fn object(self, value: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json { self.line(value.to_string()) } else { self.line(text()) }
    }

    /// A list: JSON lines, or a table with a header.
    pub fn table(self, header: &[&str], rows: &[(Value, Vec<String>)]) -> Result<(), Failure> {
        if self.json {
            return rows.iter().try_for_each(|(value, _)| self.line(value.to_string()));
        }
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        let lines: Vec<&Vec<String>> = std::iter::once(&header).chain(rows.iter().map(|(_, cells)| cells)).collect();
        let width = |column: usize| lines.iter().filter_map(|cells| cells.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..header.len()).map(width).collect();
        for cells in lines {
            let line: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            self.line(line.join("  ").trim_end())?;
        }
        Ok(())
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

/// Bytes as hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
