//! `unsafe` stands in three places only; the lint denies it elsewhere, and this check denies the lint's exceptions.

use super::source;
use super::tree::{Finding, Tree};

/// Prefixes of paths: SIMD kernels, the SIMD paths of signature verification, mapped weight files.
const ALLOWED: [&str; 3] = ["foundations/kernels/", "foundations/proof/src/mldsa/isa", "services/store/src/map.rs"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, text) in tree.texts_ending(".rs").filter(|(path, _)| !ALLOWED.iter().any(|place| path.starts_with(place))) {
        for (index, line) in source::code_only(text).lines().enumerate() {
            let excused = source::has_word(line, "unsafe_code") && (source::has_word(line, "allow") || source::has_word(line, "expect"));
            if excused || source::has_word(line, "unsafe") {
                found.push(Finding::new(path, index + 1, "unsafe outside the three places that may hold it"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn unsafe_has_its_places() {
        for path in ["foundations/kernels/src/isa.rs", "foundations/proof/src/mldsa/isa/avx2.rs", "services/store/src/map.rs"] {
            assert_eq!(count(path, "unsafe { f() }\n"), 0, "{path}");
        }
        for path in ["foundations/proof/src/key.rs", "services/store/src/log.rs", "faces/cli/src/main.rs"] {
            for text in ["unsafe { f() }\n", "unsafe fn f() {}\n", "#[allow(unsafe_code)]\n", "#![expect(unsafe_code)]\n"] {
                assert_eq!(count(path, text), 1, "{path} {text}");
            }
        }
        assert_eq!(count("faces/cli/src/main.rs", "#![forbid(unsafe_code)] // unsafe\nlet x = \"unsafe\";\n"), 0);
    }
}
