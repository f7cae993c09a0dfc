//! Printing: lines for people, or JSON with one object a line.

use crate::failure::Failure;
use serde_json::Value;
use std::fmt::Display;
use std::io::Write;

/// A line on standard error, if anybody reads it.
pub fn remark(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Where answers go. Errors go to standard error.
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

    /// One object, as JSON or as the text that `text` makes of it.
    pub fn object(self, value: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json { self.line(value.to_string()) } else { self.line(text()) }
    }

    /// One object, as JSON or as a name and a value a line.
    pub fn fields(self, value: &Value) -> Result<(), Failure> {
        self.object(value, || {
            let mut lines = Vec::new();
            flatten("", value, &mut lines);
            let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            lines.iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect::<Vec<_>>().join("\n")
        })
    }

    /// A list: JSON lines, or a table with a header.
    pub fn table(self, header: &[&str], rows: &[(Value, Vec<String>)]) -> Result<(), Failure> {
        if self.json {
            return rows.iter().try_for_each(|(value, _)| self.line(value.to_string()));
        }
        let header = header.iter().map(|name| (*name).to_owned()).collect();
        let lines: Vec<&Vec<String>> = std::iter::once(&header).chain(rows.iter().map(|(_, cells)| cells)).collect();
        let columns = lines.iter().map(|cells| cells.len()).max().unwrap_or(0);
        let width = |column: usize| lines.iter().filter_map(|cells| cells.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for cells in lines {
            let line: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            self.line(line.join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// Names and values of an object within objects; an amount is its PAN.
fn flatten(name: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    let inside = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Object(object) => match object.get("pan") {
            Some(Value::String(pan)) if object.len() == 2 => lines.push((name.to_owned(), pan.clone())),
            _ => object.iter().for_each(|(part, value)| flatten(&inside(part), value, lines)),
        },
        Value::Array(items) if items.is_empty() => lines.push((name.to_owned(), "none".to_owned())),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| flatten(&format!("{name}[{at}]"), item, lines)),
        Value::String(text) => lines.push((name.to_owned(), text.trim_end().to_owned())),
        Value::Null => lines.push((name.to_owned(), "none".to_owned())),
        other => lines.push((name.to_owned(), other.to_string())),
    }
}
