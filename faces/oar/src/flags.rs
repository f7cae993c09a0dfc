//! The command line of `oar`.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Verify an audit bundle, offline.
///
/// Exit codes: 0 VERIFIED, 1 INVALID, 2 STALE, 3 REVOKED, 4 no verdict (unreadable, or a newer format), 64 wrong usage.
#[derive(Parser)]
#[command(name = "oar", version, color = clap::ColorChoice::Never)]
pub struct Flags {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    Verify(Verify),
    Inspect(Inspect),
}

/// Say whether a bundle was altered, cut short, forked, or signed by another or a revoked key; or whether a fork proof proves one.
#[derive(Args)]
pub struct Verify {
    /// The bundle, or the fork proof; `-` reads standard input.
    pub file: PathBuf,
    /// A public key of the operator (PEM), which you have from elsewhere; may be given several times. Without a key nothing better than STALE is said.
    #[arg(long, value_name = "PEM")]
    pub key: Vec<PathBuf>,
    /// A key's id, 64 hex digits, in place of the key; may be given several times.
    #[arg(long, value_name = "HEX")]
    pub key_id: Vec<String>,
    /// A checkpoint that you kept: a file, or SIZE:ROOT; may be given several times.
    #[arg(long, value_name = "FILE|SIZE:ROOT")]
    pub checkpoint: Vec<String>,
    /// A revocation statement that reached you; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub revocation: Vec<PathBuf>,
    /// The axes that must pass, in place of the usual ones.
    #[arg(long, value_name = "AXES", value_delimiter = ',')]
    pub require: Option<Vec<String>>,
    /// Judge the first N records alone; N is the size of the greatest checkpoint.
    #[arg(long, value_name = "N")]
    pub upto: Option<u64>,
    /// How old the newest record may be, in milliseconds, by its own claim and this machine's clock.
    #[arg(long, value_name = "MS")]
    pub max_age_ms: Option<u64>,
    /// A policy file (JSON, spec/verdict.md). What the other flags say of keys, checkpoints and revocations is added to it; what they say of the rest replaces it.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// The report as one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// Show what a bundle says. Nothing is verified.
#[derive(Args)]
pub struct Inspect {
    /// The bundle; `-` reads standard input.
    pub file: PathBuf,
    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
}
