//! The command line of `oar`.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ops::Range;
use std::path::PathBuf;

/// Verify an audit bundle, and make something of it, offline.
///
/// Exit codes of verify: 0 VERIFIED, 1 INVALID, 2 STALE, 3 REVOKED, 4 no verdict (unreadable, or a newer format), 64 wrong usage. The others: 0 done, 1 not possible with these records (of diff: they differ), 4 unreadable, 64 wrong usage.
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
    Prove(Prove),
    Export(Export),
    Diff(Diff),
    ForkProof(MakeForkProof),
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
    /// A chain whose settlements you believe, by the digest of its genesis, 64 hex digits; may be given several times. Of chains of fewer than four validators nothing is believed.
    #[arg(long, value_name = "HEX")]
    pub chain: Vec<String>,
    /// A revocation statement that reached you; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub revocation: Vec<PathBuf>,
    /// The axes that must pass, in place of the usual ones.
    #[arg(long, value_name = "AXES", value_delimiter = ',')]
    pub require: Option<Vec<String>>,
    /// Judge the first N records alone; N is the size of the greatest checkpoint or settlement.
    #[arg(long, value_name = "N")]
    pub upto: Option<u64>,
    /// How old the newest record may be, in milliseconds, by its own claim and this machine's clock.
    #[arg(long, value_name = "MS")]
    pub max_age_ms: Option<u64>,
    /// A policy file (JSON, spec/verdict.md). What the other flags say of keys, checkpoints, chains and revocations is added to it; what they say of the rest replaces it.
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

/// Cut a bundle of one record, or of a run of them, out of a bundle of the whole log.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct Prove {
    /// The bundle of the whole log.
    pub file: PathBuf,
    /// The record.
    #[arg(long, value_name = "N", group = "which")]
    pub record: Option<u64>,
    /// The first and the last record.
    #[arg(long, value_name = "FIRST-LAST", group = "which")]
    pub range: Option<Run>,
    /// Leave the opened values out.
    #[arg(long)]
    pub hide: bool,
    /// The file to write; `-` writes standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
}

/// Write a bundle in a form that tools of others read. Nothing is verified.
#[derive(Args)]
pub struct Export {
    /// The bundle.
    pub file: PathBuf,
    /// The form.
    #[arg(long = "as", value_name = "FORM")]
    pub form: Form,
    /// The folder (tiles) or the file (jsonl; `-` writes standard output).
    #[arg(short, long, value_name = "PATH")]
    pub out: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A folder of C2SP tlog-tiles, of a bundle of the whole log.
    Tiles,
    /// One JSON object for each record.
    Jsonl,
}

/// Say where two bundles differ, and whether their checkpoints contradict each other.
#[derive(Args)]
pub struct Diff {
    /// A bundle.
    pub left: PathBuf,
    /// Another.
    pub right: PathBuf,
    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
}

/// Make a proof that a log shows two histories, out of two bundles of it (or a checkpoint that you kept and a bundle). `oar verify` judges the proof.
#[derive(Args)]
pub struct MakeForkProof {
    /// A bundle, or a checkpoint.
    pub left: PathBuf,
    /// Another; the one of more records is a bundle of the whole log, where the two are not of one size.
    pub right: PathBuf,
    /// A public key (PEM) that signed one of the checkpoints, where no bundle lists it; may be repeated.
    #[arg(long, value_name = "PEM")]
    pub key: Vec<PathBuf>,
    /// The file to write, as `case.fork`; `-` writes standard output.
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Records from the first to the last of `FIRST-LAST`.
#[derive(Clone)]
pub struct Run(pub Range<u64>);

impl std::str::FromStr for Run {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = "give FIRST-LAST, as 3-17";
        let (first, last) = text.split_once('-').ok_or(wanted)?;
        let (first, last): (u64, u64) = (first.parse().map_err(|_| wanted)?, last.parse().map_err(|_| wanted)?);
        if first <= last && last < u64::MAX { Ok(Self(first..last + 1)) } else { Err(wanted) }
    }
}
