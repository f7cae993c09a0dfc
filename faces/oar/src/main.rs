//! Placeholder until its first code arrives.
fn main() {}
