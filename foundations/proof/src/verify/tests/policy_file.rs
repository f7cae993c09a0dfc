//! What no vector of a few kilobytes shows of a policy file: its greatest size, and shapes that no vector's policy can have.

use super::super::{Misuse, Policy, Verifier};
use crate::limits::POLICY_BYTES_MAX;

#[test]
fn a_policy_is_an_object_of_objects() {
    let read = |text: &str| Policy::from_json(text.as_bytes()).map(drop);
    let head = "1:00000000000000000000000000000000000000000000000000000000000000ff";
    assert_eq!(read(&format!(r#"{{"references":[{{"checkpoint":"{head}"}}]}}"#)), Ok(()));
    for text in
        ["[]", "[[]]", " [ ]", "null", "\"\"", "1", "", "{", "{}{}", "{\"upto\":1,\"upto\":1}", "{\"skew_ms\":null}", "{\"skew_ms\":1.0}", "{\"skew_ms\":1e3}", "{\"skew_ms\":-0}"]
    {
        assert_eq!(read(text), Err(Misuse::Policy), "{text}");
    }
    for kept in [format!(r#"["{head}"]"#), format!(r#"["{head}",1,1]"#), format!("\"{head}\""), "[]".to_owned()] {
        assert_eq!(read(&format!(r#"{{"references":[{kept}]}}"#)), Err(Misuse::Policy), "{kept}");
    }
}

#[test]
fn a_policy_file_has_a_greatest_size() {
    let padded = |len: usize| format!("{{}}{}", " ".repeat(len - 2));
    assert!(Policy::from_json(padded(POLICY_BYTES_MAX).as_bytes()).is_ok());
    assert_eq!(Policy::from_json(padded(POLICY_BYTES_MAX + 1).as_bytes()).map(drop), Err(Misuse::Policy));
}

#[test]
fn a_verifier_refuses_a_policy_that_contradicts_itself() {
    assert_eq!(Verifier::new(Policy { max_age_ms: Some(1), ..Policy::default() }).map(drop), Err(Misuse::Age));
}
