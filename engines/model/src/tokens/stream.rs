//! Bytes that arrive token by token, shown as text as soon as their characters are whole.

/// Holds back the bytes of a character that is not complete yet.
#[derive(Clone, Debug, Default)]
pub struct TextStream {
    /// At most three bytes: the beginning of one character.
    pending: Vec<u8>,
}

impl TextStream {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes and returns what can be shown; each maximal run that can never become UTF-8 shows as one U+FFFD.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut text = String::new();
        let mut rest = &*self.pending;
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    rest = after;
                    let Some(bad) = error.error_len() else { break };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = rest.get(bad..).unwrap_or(&[]);
                }
            }
        }
        self.pending = rest.to_vec();
        text
    }

    /// What is left when no more bytes come: an unfinished character shows as U+FFFD.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_by_byte_equals_all_at_once() {
        let cases: [&[u8]; 6] = ["a é 日 🙂".as_bytes(), b"\xf0\x9f\x99", b"\xff\xfea", b"\xe6\x97x", b"\xc0\x80", b"\xed\xa0\x80 b\xf0\x9f"];
        for bytes in cases {
            let mut stream = TextStream::new();
            let mut text: String = bytes.iter().map(|&b| stream.push(&[b])).collect();
            text.push_str(&stream.finish());
            assert_eq!(text, String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn half_a_character_is_held_back() {
        let mut stream = TextStream::new();
        assert_eq!(stream.push(b"ok \xf0\x9f"), "ok ");
        assert_eq!(stream.push(b"\x99\x82!"), "🙂!");
        assert_eq!(stream.finish(), "");
    }
}
