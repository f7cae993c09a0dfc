//! Rust source with everything blanked that is not code, so that a word found in it is a word of the program.

/// The text with comments, strings and characters replaced by spaces; every line keeps its number and its length.
pub(crate) fn code_only(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut rest = letters.as_slice();
    let mut previous = ' ';
    while let Some(&letter) = rest.first() {
        let inert = inert_len(rest, previous).min(rest.len());
        let (skipped, after) = rest.split_at(inert.max(1));
        if inert == 0 {
            code.push(letter);
        } else {
            code.extend(skipped.iter().map(|&skipped| if skipped == '\n' { '\n' } else { ' ' }));
        }
        previous = if inert == 0 { letter } else { ' ' };
        rest = after;
    }
    code
}

/// Line numbers, from 1, of a word that stands alone (letters, digits and `_` belong to words).
pub(crate) fn lines_with_word<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.lines().enumerate().filter(move |(_, line)| has_word(line, word)).map(|(index, _)| index + 1)
}

pub(crate) fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line.get(..start).and_then(|part| part.chars().next_back());
        let after = line.get(start + word.len()..).and_then(|part| part.chars().next());
        !before.is_some_and(is_of_word) && !after.is_some_and(is_of_word)
    })
}

/// Lines of code and of tests: what stands in `#[cfg(test)] mod … { … }` at the margin is tests.
pub(crate) fn code_and_test_lines(text: &str) -> (usize, usize) {
    let (mut code, mut tests) = (0, 0);
    let mut lines = text.lines().peekable();
    let mut in_tests = false;
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            in_tests = lines.peek().is_some_and(|next| next.contains("mod ") && next.ends_with('{'));
        }
        if in_tests {
            tests += 1;
            in_tests = line != "}";
        } else {
            code += 1;
        }
    }
    (code, tests)
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// How many letters from here are a comment, a string or a character; 0 when this is code.
fn inert_len(rest: &[char], previous: char) -> usize {
    match rest {
        ['/', '/', ..] => rest.iter().position(|&letter| letter == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment_len(rest),
        ['"', ..] => 1 + quoted_len(rest, '"'),
        ['r', '"' | '#', ..] if !is_of_word(previous) || previous == 'b' => raw_string_len(rest),
        ['\'', '\\', ..] => 1 + quoted_len(rest, '\''),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

/// Block comments nest.
fn block_comment_len(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match (rest.get(at), rest.get(at + 1)) {
            (Some('/'), Some('*')) => (depth, at) = (depth + 1, at + 2),
            (Some('*'), Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Letters after the opening quote up to and with the closing one.
fn quoted_len(rest: &[char], quote: char) -> usize {
    let mut escaped = false;
    for (index, &letter) in rest.iter().enumerate().skip(1) {
        if letter == quote && !escaped {
            return index;
        }
        escaped = letter == '\\' && !escaped;
    }
    rest.len()
}

/// `r"…"`, `r#"…"#` and so on; 0 for a raw identifier such as `r#type`.
fn raw_string_len(rest: &[char]) -> usize {
    let hashes = rest.iter().skip(1).take_while(|&&letter| letter == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let body = 2 + hashes;
    let closes = |at: usize| rest.get(at) == Some(&'"') && (1..=hashes).all(|next| rest.get(at + next) == Some(&'#'));
    (body..rest.len()).find(|&at| closes(at)).map_or(rest.len(), |at| at + 1 + hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, code: &str) {
        assert_eq!(code_only(source), code);
    }

    #[test]
    fn only_code_is_left() {
        check("a // b\nc", "a     \nc");
        check("a /* b /* c */ d */ e", "a                   e");
        check(r#"f("x \" y", 'z')"#, "f(        ,    )");
        check(r##"r#"a "b" c"# + r#type"##, "             + r#type");
        check(r"fn f<'a>(x: &'a str) -> '\n'", "fn f<'a>(x: &'a str) ->     ");
        check(r#"for"x""#, "for   ");
        check("\"never closed", "             ");
    }

    #[test]
    fn words_stand_alone() {
        assert!(has_word("x unsafe {", "unsafe"));
        assert!(!has_word("deny(unsafe_code)", "unsafe"));
        assert_eq!(lines_with_word("a\nb a\nab", "a").collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn tests_at_the_end_are_not_code() {
        let source = "//! A.\nfn f() {\n}\n\n#[cfg(test)]\nmod tests {\n    fn g() {\n    }\n}\n";
        assert_eq!(code_and_test_lines(source), (4, 5));
        assert_eq!(code_and_test_lines("#[cfg(test)]\nmod tests;\nfn f() {}\n"), (3, 0));
    }
}
