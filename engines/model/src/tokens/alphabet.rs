//! The byte-level alphabet of GPT-2: every byte has a printable character, so that a vocabulary can be written as text.
//!
//! Source: `bytes_to_unicode` of OpenAI's GPT-2 encoder. Printable bytes of Latin-1 stand for themselves; the 68 others
//! take U+0100, U+0101, … in byte order.

/// The largest character of the alphabet, and one.
const CHARACTERS_END: usize = 324;

/// The byte of every character; what is none has a number that no byte is.
const BYTES: [u16; CHARACTERS_END] = {
    let mut bytes = [u16::MAX; CHARACTERS_END];
    let (mut byte, mut other) = (0u16, 256);
    while byte < 256 {
        if prints(byte as u8) {
            bytes[byte as usize] = byte;
        } else {
            bytes[other] = byte;
            other += 1;
        }
        byte += 1;
    }
    bytes
};

/// The byte that `character` stands for, if it is in the alphabet.
pub(crate) fn char_byte(character: char) -> Option<u8> {
    BYTES.get(character as usize).and_then(|&byte| u8::try_from(byte).ok())
}

/// Text in the alphabet back to bytes, which replace those in `bytes`; `None` if a character is outside it.
pub(crate) fn text_bytes(text: &str, bytes: &mut Vec<u8>) -> Option<()> {
    bytes.clear();
    text.chars().try_for_each(|character| char_byte(character).map(|byte| bytes.push(byte)))
}

const fn prints(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Bytes as text in the alphabet: the definition, byte by byte.
    pub(in crate::tokens) fn bytes_text(bytes: &[u8]) -> String {
        let rank = |byte: u8| (0..byte).filter(|&b| !prints(b)).count() as u32;
        bytes.iter().map(|&b| if prints(b) { char::from(b) } else { char::from_u32(256 + rank(b)).unwrap() }).collect()
    }

    #[test]
    fn every_byte_has_its_own_character() {
        let all: Vec<u8> = (0..=255).collect();
        let text = bytes_text(&all);
        let mut bytes = vec![7];
        assert_eq!(text_bytes(&text, &mut bytes), Some(()));
        assert_eq!(bytes, all);
        assert_eq!(bytes_text(b" \n\xad"), "ĠĊŃ");
        assert!(['日', ' ', '\u{ad}', '\u{144}'].into_iter().all(|character| char_byte(character).is_none()));
    }
}
