//! `cargo xtask tidy`: the rules of the house that neither the compiler nor clippy can see.
//!
//! A check is a function from a [`Tree`] of files to findings, so that each is tested on a small tree that must fail.

mod run;

mod tree;

mod source;

mod manifest;

mod arrows;

mod dependencies;

mod shape;

mod paths;

mod words;

mod places_of_unsafe;

mod json;

pub(crate) use run::run;
pub(crate) use tree::Tree;
