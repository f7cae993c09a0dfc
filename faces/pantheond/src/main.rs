//! The binary pantheon.
fn main() {}
