//! Words that are not our own, for a terminal: what it would obey is shown, not sent. JSON has escapes of its own and needs none of this.

/// Begins every further line of a value, so that none can pass for a line of ours.
const SET_IN: &str = "\n           ";

/// A value on one line.
pub fn line(text: &str) -> String {
    escaped(text, is_obeyed)
}

/// A value on as many lines as it has, all but the first set in.
pub fn set_in(text: &str) -> String {
    escaped(text, |letter| is_obeyed(letter) && !is_layout(letter)).replace('\n', SET_IN)
}

/// What a model says, as it comes: its lines are its own, and so is the way that its letters run.
pub fn flowing(text: &str) -> String {
    escaped(text, |letter| letter.is_control() && !is_layout(letter))
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_escaped(letter) { shown.extend(letter.escape_default()) } else { shown.push(letter) }
    }
    shown
}

/// Controls of C0 and C1, and what turns text around or ends a line (Unicode Standard Annex 9 §2; U+2028 and U+2029).
fn is_obeyed(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_layout(letter: char) -> bool {
    matches!(letter, '\t' | '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clears the screen, rings, turns the text around, begins a line.
    const HOSTILE: &str = "é\t\u{1b}[2J\u{7}\u{9b}\r\u{202e}\nVERIFIED";

    #[test]
    fn nothing_that_a_terminal_would_obey_is_left() {
        assert_eq!(line(HOSTILE), "é\\t\\u{1b}[2J\\u{7}\\u{9b}\\r\\u{202e}\\nVERIFIED");
        assert_eq!(set_in(HOSTILE), "é\t\\u{1b}[2J\\u{7}\\u{9b}\\r\\u{202e}\n           VERIFIED");
        assert_eq!(flowing(HOSTILE), "é\t\\u{1b}[2J\\u{7}\\u{9b}\\r\u{202e}\nVERIFIED");
        for turn in ['\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{2066}', '\u{2069}', '\u{7f}', '\u{85}'] {
            assert_eq!(line(&turn.to_string()), format!("\\u{{{:x}}}", u32::from(turn)));
        }
        assert_eq!(line("plain \"words\", c:\\folder, שלום"), "plain \"words\", c:\\folder, שלום");
    }
}
