//! The nearest word of the vocabulary to a misspelt one.

use super::vocabulary::is_known;

/// The word of the vocabulary that `word` is one slip away from: a letter too many, too few, wrong, or two swapped.
/// Short words are too near to each other to tell.
pub(super) fn nearest(word: &str) -> Option<&'static str> {
    const NAMES: &[&str] = &[
        "yesterday",
        "today",
        "tonight",
        "morning",
        "afternoon",
        "evening",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "january",
        "february",
        "march",
        "april",
        "august",
        "september",
        "october",
        "november",
        "december",
        "before",
        "after",
        "since",
        "until",
        "between",
        "through",
        "midnight",
        "weekend",
        "fortnight",
        "month",
        "minutes",
        "hours",
        "quarter",
        "previous",
        "onwards",
    ];
    let written: Vec<char> = word.chars().collect();
    if written.len() < 4 || is_known(word) {
        return None;
    }
    NAMES.iter().copied().find(|name| is_one_slip(&written, &name.chars().collect::<Vec<_>>()))
}

fn is_one_slip(written: &[char], meant: &[char]) -> bool {
    let same = written.iter().zip(meant).take_while(|(a, b)| a == b).count();
    let (rest, goal) = (written.get(same..).unwrap_or(&[]), meant.get(same..).unwrap_or(&[]));
    match (rest, goal) {
        ([_, rest @ ..], goal) if rest == goal => true,
        (rest, [_, goal @ ..]) if rest == goal => true,
        ([_, rest @ ..], [_, goal @ ..]) if rest == goal => true,
        ([a, b, rest @ ..], [c, d, goal @ ..]) => a == d && b == c && rest == goal,
        _ => false,
    }
}
