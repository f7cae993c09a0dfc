//! The text of a generation as it grows: what can be shown of it, and where a stop text ends it.

use crate::tokens::TextStream;

/// Text in the making: whole characters only, and nothing that may turn out to be a stop text.
#[derive(Default)]
pub(super) struct Writer {
    stream: TextStream,
    pub(super) text: String,
    /// Bytes of `text` that the caller has.
    shown: usize,
    /// The stop text that ended it.
    pub(super) stopped: Option<usize>,
}

impl Writer {
    /// Adds a token's bytes; what can be shown now. Sets `stopped`, and cuts the text there, when a stop text is complete.
    pub(super) fn push(&mut self, bytes: &[u8], stop_texts: &[String]) -> String {
        let longest = stop_texts.iter().map(String::len).max().unwrap_or(0);
        // A stop text that ends in what is new begins at most its own length before it.
        let mut from = self.text.len().saturating_sub(longest);
        while !self.text.is_char_boundary(from) {
            from -= 1;
        }
        self.text.push_str(&self.stream.push(bytes));
        let tail = self.text.get(from..).unwrap_or("");
        let found = stop_texts.iter().enumerate().filter(|(_, stop)| !stop.is_empty());
        let first = found.filter_map(|(index, stop)| tail.find(&**stop).map(|at| (from + at, index))).min();
        if let Some((at, index)) = first {
            self.text.truncate(at);
            self.stopped = Some(index);
            return self.show(at);
        }
        self.show(self.text.len() - self.held(stop_texts))
    }

    /// Bytes at the end of the text that a stop text may begin with.
    fn held(&self, stop_texts: &[String]) -> usize {
        let begins = |stop: &str| (1..stop.len()).rev().find(|&n| stop.is_char_boundary(n) && stop.get(..n).is_some_and(|s| self.text.ends_with(s)));
        stop_texts.iter().filter_map(|stop| begins(stop)).max().unwrap_or(0)
    }

    fn show(&mut self, end: usize) -> String {
        let text = self.text.get(self.shown..end).unwrap_or("").to_owned();
        self.shown = self.shown.max(end);
        text
    }

    /// The text that was held back; an unfinished character shows as U+FFFD.
    pub(super) fn finish(&mut self) -> String {
        if self.stopped.is_none() {
            let rest = self.stream.finish();
            self.text.push_str(&rest);
        }
        self.show(self.text.len())
    }
}
