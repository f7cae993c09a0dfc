//! JSON as this project writes it for others to read: members in the order given, ASCII alone, so that no text in it can move a terminal's cursor or turn its lines around.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64, Encoding};
use core::fmt::{Display, Write};

/// The largest number that every reader of JSON holds exactly; larger ones are written as text.
const EXACT_MAX: u64 = (1 << 53) - 1;

/// Quoted; whatever is not a printable ASCII character, and the quote and the backslash, as `\uXXXX` in UTF-16.
pub fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for letter in value.chars() {
        if (' '..='~').contains(&letter) && letter != '"' && letter != '\\' {
            out.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out.push('"');
    out
}

/// Quoted, for what is ASCII without quotes by its type: hex digits, names of this project.
pub fn plain(value: impl Display) -> String {
    format!("\"{value}\"")
}

/// Quoted canonical base64.
pub fn base64(bytes: &[u8]) -> String {
    plain(Base64::encode_string(bytes))
}

/// A number, quoted above 2^53 − 1.
pub fn uint(value: u64) -> String {
    if value > EXACT_MAX { plain(value) } else { format!("{value}") }
}

/// `null` for nothing.
pub fn or_null(value: Option<String>) -> String {
    value.unwrap_or_else(|| String::from("null"))
}

/// An array of encoded values.
pub fn array(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

/// An object of names and encoded values, in this order.
pub fn object<N: AsRef<str>>(members: impl IntoIterator<Item = (N, String)>) -> String {
    let members: Vec<_> = members.into_iter().map(|(name, value)| format!("{}:{value}", text(name.as_ref()))).collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_printable_ascii_comes_out() {
        assert_eq!(text("a\"b\\c \u{1b}[2J\n\u{9b}\u{202e}\u{1f600}~"), r#""a\u0022b\u005cc \u001b[2J\u000a\u009b\u202e\ud83d\ude00~""#);
        let every: String = (0..0x11_0000).filter_map(char::from_u32).collect();
        let written = text(&every);
        assert!(written.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), every);
    }

    #[test]
    fn values_are_written_in_the_order_given() {
        let value = object([("b", uint(1)), ("a", array([uint(EXACT_MAX), uint(u64::MAX), or_null(None), base64(&[255])]))]);
        assert_eq!(value, r#"{"b":1,"a":[9007199254740991,"18446744073709551615",null,"/w=="]}"#);
    }
}
