//! What can be typed: flags, commands and their help.

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use mickai_proof::record::Kind;
use std::path::PathBuf;

/// Sovereign intelligence: models that run on this machine, and a signed record of everything they do.
#[derive(Debug, Parser)]
#[command(name = "mickai", version, propagate_version = true)]
pub struct Cli {
    /// The folder that holds log, keys, vault and models [default: $XDG_DATA_HOME/mickai or ~/.local/share/mickai]
    #[arg(long, global = true, env = "MICKAI_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Print JSON: lists as one object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// Threads to compute with; 0 takes every core. Reaches no bit of any result
    #[arg(long, global = true, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u16).range(..=1024))]
    pub threads: u16,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask once. The embedded model turns what you say into one of the system's verbs; another model answers in text
    Ask(Ask),
    /// Talk with a model, line by line; Ctrl-C stops an answer, Ctrl-D ends
    Chat(Chat),
    /// Models of this machine
    #[command(subcommand)]
    Model(Model),
    /// The record of what was done
    #[command(subcommand)]
    Log(Log),
    /// The operator's key
    #[command(subcommand)]
    Key(Key),
    /// Run a recorded generation again and compare it token by token
    Replay(Replay),
    /// Is this machine in order?
    Doctor(Doctor),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write man pages into a folder
    Man {
        /// Where
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct Ask {
    /// What you want to know or have done; `-` reads it from standard input
    #[arg(required = true, value_name = "WORDS")]
    pub words: Vec<String>,
    #[command(flatten)]
    pub generation: Generation,
    /// Answer y to what would change something
    #[arg(short, long)]
    pub yes: bool,
    /// Leave out the line that names the record
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct Chat {
    #[command(flatten)]
    pub generation: Generation,
}

/// How tokens are chosen.
#[derive(Clone, Debug, Args)]
pub struct Generation {
    /// The model, by name or by the beginning of its digest [default: the embedded one]
    #[arg(short, long, env = "MICKAI_MODEL", value_name = "MODEL")]
    pub model: Option<String>,
    /// Words for the model before the conversation
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
    /// 0 takes the likeliest token always
    #[arg(long, default_value_t = 0.0, value_name = "X")]
    pub temperature: f32,
    /// Keep the K likeliest tokens; 0 keeps all
    #[arg(long, default_value_t = 0, value_name = "K")]
    pub top_k: u32,
    /// Keep the likeliest tokens up to this probability
    #[arg(long, default_value_t = 1.0, value_name = "P")]
    pub top_p: f32,
    /// Keep tokens at least this likely, as a part of the likeliest
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub min_p: f32,
    /// Make tokens that were there already less likely; 1 does nothing
    #[arg(long, default_value_t = 1.0, value_name = "X")]
    pub repetition: f32,
    /// The seed of every draw; recorded either way
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Most tokens of the answer
    #[arg(long, default_value_t = 512, value_name = "N")]
    pub max_tokens: usize,
}

#[derive(Debug, Subcommand)]
pub enum Model {
    /// Take in a .gguf file, or a folder in the Hugging Face layout
    Import {
        /// The file or folder; it is copied
        path: PathBuf,
        /// What to call it [default: the file's name]
        #[arg(long)]
        name: Option<String>,
    },
    /// Models of this machine
    List,
    /// What a model is
    Show {
        /// Name or beginning of the digest
        model: String,
        /// Every tensor: name, shape, type, digest, mean, deviation, min, max
        #[arg(long)]
        tensors: bool,
    },
    /// Remove an imported model
    Rm {
        /// Name or beginning of the digest
        model: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Log {
    /// Records, oldest first
    List {
        #[command(flatten)]
        filter: Filter,
    },
    /// One record, with everything it says
    Show {
        /// Number, `last`, `first`, or the beginning of a digest
        record: String,
        /// Show the values behind its commitments, from the vault
        #[arg(long)]
        open: bool,
    },
    /// The newest records, and with -f those to come
    Tail {
        /// How many
        #[arg(short, default_value_t = 10)]
        n: u64,
        /// Go on as records are written, until Ctrl-C
        #[arg(short, long)]
        follow: bool,
    },
    /// Write a bundle that anybody can verify offline, or another form for tools of others
    Export {
        /// The file to write; of tiles the folder
        #[arg(short, long, value_name = "PATH")]
        out: PathBuf,
        /// The form
        #[arg(long = "as", value_enum, default_value_t, value_name = "FORM")]
        form: ExportForm,
        /// Values to make readable
        #[arg(long, value_enum, value_delimiter = ',')]
        open: Vec<Opened>,
        #[command(flatten)]
        range: Range,
    },
    /// Verify the log as a stranger would
    Verify {
        /// A checkpoint kept elsewhere: a file, or SIZE:ROOT
        #[arg(long, value_name = "FILE|SIZE:ROOT")]
        checkpoint: Option<String>,
        /// Only this record
        #[arg(long, conflicts_with = "checkpoint")]
        record: Option<String>,
    },
    /// Recompute everything from the bytes on disk
    Fsck,
    /// Sign the head of the log: the pin that a verifier keeps
    Checkpoint {
        /// The file to write [default: standard output]
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct Filter {
    /// A time as you would say it: "yesterday after three", "last 2 hours"
    #[arg(long, value_name = "PHRASE")]
    pub when: Option<String>,
    /// Only records of this kind
    #[arg(long, value_parser = PossibleValuesParser::new((0..).map_while(Kind::from_code).map(Kind::name)))]
    pub kind: Option<String>,
    /// Only records of this action: generate, replay, model.import, …
    #[arg(long)]
    pub action: Option<String>,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Range {
    /// Only this record
    #[arg(long)]
    pub record: Option<String>,
    /// Only the records from FIRST to LAST
    #[arg(long, value_name = "FIRST-LAST")]
    pub range: Option<String>,
    /// Only records of a time: "last week"
    #[arg(long, value_name = "PHRASE")]
    pub when: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Opened {
    /// Prompts
    Prompt,
    /// Outputs
    Output,
    /// Both
    All,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportForm {
    /// What `oar verify` judges
    #[default]
    Bundle,
    /// A folder of C2SP tlog-tiles, of the whole log
    Tiles,
    /// An RFC 9942 receipt of one record (COSE)
    Receipt,
    /// One JSON object for each record
    Jsonl,
    /// An in-toto statement in a DSSE envelope
    Dsse,
}

#[derive(Debug, Subcommand)]
pub enum Key {
    /// The public key
    Show {
        /// As PEM
        #[arg(long, conflicts_with = "jwk")]
        pem: bool,
        /// As JWK
        #[arg(long)]
        jwk: bool,
    },
}

#[derive(Debug, Args)]
pub struct Replay {
    /// A record (number, `last`, beginning of a digest), or a bundle (.oar)
    pub target: String,
    /// Of a bundle: only this record
    #[arg(long)]
    pub record: Option<u64>,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// Load this model and say how much memory it takes
    #[arg(long)]
    pub model: Option<String>,
}
