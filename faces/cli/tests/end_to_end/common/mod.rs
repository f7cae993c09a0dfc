//! What the tests share: a machine of their own, the binaries, what came out of them, and a terminal.

mod machine;
mod run;
mod terminal;

pub use machine::{GENERAL, Machine, mickai, oar, program_answers, typescript_verifier, vectors};
pub use run::{Run, Running, eventually, not_checked};
pub use terminal::{Step, Terminal};
