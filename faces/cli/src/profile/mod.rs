//! `mickai profile`: one generation and where its time went: tables for people, JSON for programs, a trace for ui.perfetto.dev.

mod run;

mod table;

mod json;

mod trace;

pub use run::profile;
