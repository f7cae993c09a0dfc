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

/// Say whether a bundle was altered, cut short, forked, or signed by another key.
#[derive(Args)]
pub struct Verify {
    /// The bundle; `-` reads standard input.
    pub file: PathBuf,
    /// The operator's public key (PEM), which you have from elsewhere. Without a key nothing better than STALE is said.
    #[arg(long, value_name = "PEM")]
    pub key: Option<PathBuf>,
    /// The key's id, 64 hex digits, in place of the key.
    #[arg(long, value_name = "HEX")]
    pub key_id: Option<String>,
    /// A checkpoint that you kept: a file, or SIZE:ROOT.
    #[arg(long, value_name = "FILE|SIZE:ROOT")]
    pub checkpoint: Option<String>,
    /// The axes that must pass, in place of the usual ones.
    #[arg(long, value_name = "AXES", value_delimiter = ',')]
    pub require: Option<Vec<String>>,
    /// Judge the first N records alone; N is the checkpoint's size.
    #[arg(long, value_name = "N")]
    pub upto: Option<u64>,
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
