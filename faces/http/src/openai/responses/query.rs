//! The query of a path: what it says under the names that are known, and what else there was.

use crate::call::{self, Call};
use crate::refused::{Refused, Result};
use crate::routes;

/// A query.
#[derive(Debug)]
pub(super) struct Query {
    said: Vec<(String, String)>,
    /// What was not known and had no effect.
    pub warnings: Vec<String>,
}

impl Query {
    /// The query of a request, of which these names are known.
    ///
    /// # Errors
    /// What is no text; what is not known, where that is an error.
    pub fn of(call: &Call, names: &[&str]) -> Result<Self> {
        Self::read(&call.query, names, call.is_strict)
    }

    fn read(query: &str, names: &[&str], is_strict: bool) -> Result<Self> {
        let (mut said, mut unknown) = (Vec::new(), Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decoded(name), decoded(value)) else { return Err(Refused::body("the query is not percent-encoded text")) };
            if names.contains(&name.as_str()) {
                said.push((name, value));
            } else {
                unknown.push(name);
            }
        }
        Ok(Self { said, warnings: call::warned(&unknown, is_strict)? })
    }

    /// What it says under a name, the last time.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.said.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Percent-decoding in which `+` is a space, as forms and clients write queries (WHATWG URL, application/x-www-form-urlencoded); `None` for what does not decode to text.
fn decoded(text: &str) -> Option<String> {
    routes::decoded(&text.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_read_and_what_is_not_is_told() {
        let read = |query: &str, is_strict: bool| Query::read(query, &["limit", "after"], is_strict);
        let cases = [
            ("", None, None),
            ("limit=2&after=item_0", Some("2"), Some("item_0")),
            ("limit=1&&limit=2&after", Some("2"), Some("")),
            ("after=a%20b%2Fc+%C3%A9&l%69mit=3", Some("3"), Some("a b/c é")),
            ("after=a=b", None, Some("a=b")),
        ];
        for (query, limit, after) in cases {
            let read = read(query, true).unwrap();
            assert_eq!((read.get("limit"), read.get("after"), read.warnings.len()), (limit, after, 0), "{query}");
        }
        let unknown = "robot=1&limit=2&include%5B%5D=x";
        assert_eq!(read(unknown, false).unwrap().warnings, ["robot is not known here and had no effect", "include[] is not known here and had no effect"]);
        let refused = read(unknown, true).unwrap_err();
        assert_eq!((refused.param.as_deref(), refused.message.as_str()), (Some("robot"), "not known here: robot, include[]"));
        for broken in ["after=%", "after=%4", "after=%4g", "%ff=1"] {
            assert_eq!(read(broken, false).unwrap_err().status, 400, "{broken}");
        }
    }
}
