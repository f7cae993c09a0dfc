//! `mickai log`: list, show, tail, export, verify, fsck, checkpoint.

mod run;

mod show;

mod export;

pub use run::log;
pub use show::fact_text;
