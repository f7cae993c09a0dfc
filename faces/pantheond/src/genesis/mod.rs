//! `pantheon genesis`: the file that a chain begins with, out of a text, and what such a file says.

mod text;

mod run;

pub use run::{genesis, read};
