//! The byte-level alphabet of GPT-2: every byte has a printable character, so that a vocabulary can be written as text.
//!
//! Source: `bytes_to_unicode` of OpenAI's GPT-2 encoder. Printable bytes of Latin-1 stand for themselves; the 68 others
//! take U+0100, U+0101, … in byte order.

/// The character that stands for `byte`.
pub(crate) fn byte_char(byte: u8) -> char {
    if prints(byte) {
        return char::from(byte);
    }
    let rank = (0..byte).filter(|&b| !prints(b)).count() as u32;
    // 256 + rank is at most 323: always a character.
    char::from_u32(256 + rank).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The byte that `character` stands for, if it is in the alphabet.
pub(crate) fn char_byte(character: char) -> Option<u8> {
    match u32::from(character) {
        code @ 0..=255 => u8::try_from(code).ok().filter(|&b| prints(b)),
        code @ 256..=323 => (0..=255u8).filter(|&b| !prints(b)).nth(code as usize - 256),
        _ => None,
    }
}

/// Text in the alphabet back to bytes; `None` if a character is outside it.
pub(crate) fn text_bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(char_byte).collect()
}

/// Bytes as text in the alphabet.
pub(crate) fn bytes_text(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| byte_char(b)).collect()
}

const fn prints(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_character() {
        let text = bytes_text(&(0..=255).collect::<Vec<u8>>());
        assert_eq!(text_bytes(&text), Some((0..=255).collect()));
        assert_eq!(byte_char(b' '), 'Ġ');
        assert_eq!(byte_char(b'\n'), 'Ċ');
        assert_eq!(byte_char(0xad), 'Ń');
        assert_eq!(char_byte('日'), None);
    }
}
