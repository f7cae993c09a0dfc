//! What can be typed: flags, commands and their help.

mod adapter;

mod serve;

pub use adapter::Adapter;
pub use serve::Serve;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use mickai_proof::record::Kind;
use mickai_runtime::serve::limits::LIKELY_COUNT_MAX;
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
    /// Instructions to compute with, by the name that `mickai doctor` says, or `scalar` [default: the fastest that this machine has]. Reaches no bit of any result
    #[arg(long, global = true, value_name = "NAME")]
    pub isa: Option<String>,
    /// The passphrase of a protected key or recovery file is the first line of this file; `/dev/fd/N` reads a descriptor [default: asked on the terminal]
    #[arg(long, global = true, env = "MICKAI_PASSPHRASE_FILE", value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// The socket of the `mickai signer` that holds the operator's key
    #[arg(long, global = true, env = "MICKAI_SIGNER", value_name = "PATH")]
    pub signer: Option<PathBuf>,
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
    /// Adapters (LoRA) of this machine's models
    #[command(subcommand)]
    Adapter(Adapter),
    /// The record of what was done
    #[command(subcommand)]
    Log(Log),
    /// The operator's keys
    #[command(subcommand)]
    Key(Key),
    /// Hold the operator's key in a process of its own and sign over a Unix socket, until it is ended
    Signer(Signer),
    /// Answer over HTTP in the shapes that OpenAI's and Ollama's clients speak, until it is ended; every answer is on record
    Serve(Serve),
    /// Ask once and say where the time went: by operation and layer, against what this machine can do, and token by token. On record as any answer
    Profile(Profile),
    /// Run a recorded generation again and compare it token by token
    Replay(Replay),
    /// Erase values of one record for good; the record stays and says which record erased them
    Erase(Erase),
    /// What is kept, how long, and whether it may be trained on
    #[command(subcommand)]
    Retention(Retention),
    /// Settle the newest checkpoint: on a chain of one in the home, or on one that others keep, who can then tell that nothing was dropped; with flags, say where and when
    Settle(Settle),
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
pub struct Profile {
    /// What the model is to answer; `-` reads it from standard input
    #[arg(required = true, value_name = "WORDS")]
    pub words: Vec<String>,
    #[command(flatten)]
    pub generation: Generation,
    /// Also a table by layer
    #[arg(long)]
    pub layers: bool,
    /// Also a line for each token: how likely it was, how open the choice, what else there was
    #[arg(long)]
    pub tokens: bool,
    /// Alternatives of each token
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u8).range(..=LIKELY_COUNT_MAX as i64))]
    pub alternatives: u8,
    /// Write every operation to a file that ui.perfetto.dev and chrome://tracing open
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Chat {
    #[command(flatten)]
    pub generation: Generation,
}

/// How tokens are chosen.
#[derive(Clone, Debug, Args)]
pub struct Generation {
    /// The model, by name or by the beginning of its digest; MODEL+ADAPTER with an adapter on it [default: the embedded one]
    #[arg(short, long, env = "MICKAI_MODEL", value_name = "MODEL")]
    pub model: Option<String>,
    /// One of the model's adapters, by name or by the beginning of its digest
    #[arg(short, long, value_name = "ADAPTER")]
    pub adapter: Option<String>,
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
    /// Take in a .gguf file, or a folder in the Hugging Face layout; Ctrl-C leaves nothing behind
    Import {
        /// The file or folder; it is copied
        path: PathBuf,
        /// What to call it, as no other model is called [default: the file's name]
        #[arg(long)]
        name: Option<String>,
    },
    /// Models of this machine, and which of them are pinned
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
    /// Let a model run, and from the first pin on no model or adapter that has none: neither to ask, serve or replay, nor the embedded one. Pins are on record, and no file decides them
    Pin {
        /// Name, beginning of the digest, or the whole digest of a model that is not here yet
        model: String,
    },
    /// Take a model's pin away; without any pin every model runs
    Unpin {
        /// Name, or beginning of the digest
        model: String,
    },
    /// Hash a model whole and hold it against its digest, and its repacked weights against what repacking gives
    Verify {
        /// Name or beginning of the digest
        model: String,
    },
    /// What differs between two models: tensors and by how much, settings, tokenizer, template. Ends with 1 if anything does
    Diff {
        /// A model's name or digest, a .gguf file, or a folder
        first: String,
        /// What is held against it
        second: String,
        /// Show the tensors that are the same too
        #[arg(long)]
        all: bool,
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
        /// Number, `last`, `first`, or the beginning of a digest: digits alone are a number
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
        /// Values to make readable: a label (prompt, output), one record's (12:prompt), or all; several with commas. Without it none
        #[arg(long, value_name = "[RECORD:]LABEL|all", value_delimiter = ',')]
        open: Vec<String>,
        /// Only the records up to the newest settlement, under the checkpoint that was settled: complete for whoever pins the chain
        #[arg(long, conflicts_with_all = ["record", "range", "when"])]
        settled: bool,
        #[command(flatten)]
        range: Range,
    },
    /// Verify the log as a stranger would
    Verify {
        /// A checkpoint kept elsewhere: a file, or SIZE:ROOT
        #[arg(long, value_name = "FILE|SIZE:ROOT")]
        checkpoint: Option<String>,
        /// Only this record: number, `last`, `first`, or the beginning of a digest
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
    /// Only records of this action: generate, replay, model.import, adapter.import, …
    #[arg(long)]
    pub action: Option<String>,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Range {
    /// Only this record: number, `last`, `first`, or the beginning of a digest
    #[arg(long)]
    pub record: Option<String>,
    /// Only the records from FIRST to LAST
    #[arg(long, value_name = "FIRST-LAST")]
    pub range: Option<String>,
    /// Only records of a time: "last week"
    #[arg(long, value_name = "PHRASE")]
    pub when: Option<String>,
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
    /// The public key; asks for no passphrase
    Show {
        #[command(flatten)]
        form: Form,
    },
    /// Write `.well-known/mickai-operator-key.json` into a folder, for a web server to publish
    Export {
        /// The web server's root
        folder: PathBuf,
    },
    /// Put a passphrase before the key, and before the recovery file while it is here
    Protect {
        /// Take the passphrase away again
        #[arg(long, conflicts_with = "new_passphrase_file")]
        remove: bool,
        #[command(flatten)]
        new: New,
    },
    /// Write the keys that the log cannot go on without to one file, behind a passphrase
    Backup {
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        new: New,
    },
    /// Put the keys of a backup back into a home whose log is there; overwrites nothing
    Restore {
        /// The file that `key backup` wrote
        #[arg(required_unless_present = "vault_lost")]
        backup: Option<PathBuf>,
        /// There is no copy of keys/vault.key: move the vault aside, which nothing can open any more, and make a new key for what is to come
        #[arg(long, conflicts_with = "backup")]
        vault_lost: bool,
    },
    /// The next and the recovery key
    #[command(subcommand)]
    Recovery(Recovery),
    /// Let the next key take over; both sign that. The recovery file is rewritten for the rotation after this one
    Rotate {
        #[command(flatten)]
        from: From,
    },
    /// Say that a key's signatures are worth nothing from some record on; where it is the key in force, lost or not, a committed key takes over
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub struct Revoke {
    /// The beginning of the key's id [default: the key in force]
    pub key: Option<String>,
    /// From this record on [default: from the revocation itself]
    #[arg(long, value_name = "INDEX")]
    pub effective: Option<u64>,
    /// In other hands since then, as you would say it: "yesterday after three" [default: it was lost or retired, and what is older is not in doubt]
    #[arg(long, value_name = "PHRASE")]
    pub since: Option<String>,
    /// Which committed key takes over
    #[arg(long, value_enum, default_value_t = By::Next)]
    pub by: By,
    /// Also write a statement that reaches verifiers without the log
    #[arg(long, value_name = "FILE")]
    pub statement: Option<PathBuf>,
    #[command(flatten)]
    pub from: From,
}

/// Where the committed keys are.
#[derive(Debug, Args)]
pub struct From {
    /// The recovery file [default: recovery.mickai of the home]
    #[arg(long, value_name = "FILE")]
    pub recovery: Option<PathBuf>,
    /// The recovery file's passphrase is the first line of this file [default: as for the key]
    #[arg(long, value_name = "FILE", requires = "recovery")]
    pub recovery_passphrase_file: Option<PathBuf>,
}

/// A committed key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// The next key
    Next,
    /// The recovery key
    Recovery,
}

/// How the public key is written.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Form {
    /// As PEM: the file that a verifier wants
    #[arg(long)]
    pub pem: bool,
    /// As JWK
    #[arg(long)]
    pub jwk: bool,
    /// As the document of `.well-known/mickai-operator-key.json`: with the log, older keys, and the keys that come after
    #[arg(long)]
    pub well_known: bool,
}

/// A passphrase that is made now.
#[derive(Debug, Args)]
pub struct New {
    /// The new passphrase is the first line of this file; `/dev/fd/N` reads a descriptor [default: asked twice on the terminal]
    #[arg(long, value_name = "FILE")]
    pub new_passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Recovery {
    /// Move the recovery file out of the home: copied, synced, read back, and only then removed here
    Export {
        /// The file to write, best on a disk that is taken away
        path: PathBuf,
        /// Put a passphrase before the copy
        #[arg(long)]
        protect: bool,
        #[command(flatten)]
        new: New,
    },
    /// Bring the recovery file back into the home
    Import {
        /// The file that `key recovery export` wrote
        path: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct Signer {
    /// The socket to make, in a folder of your own
    #[arg(long, value_name = "PATH")]
    pub socket: PathBuf,
    /// The key file [default: keys/operator.p8 of the home]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Signatures a second, at most; who asks for more waits
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: u32,
}

#[derive(Debug, Args)]
pub struct Replay {
    /// A record (number, `last`, beginning of a digest: digits alone are a number), or a bundle (.oar); a name with a `.` or a `/` is a file's
    pub target: String,
    /// Of a bundle: only this record
    #[arg(long)]
    pub record: Option<u64>,
}

#[derive(Debug, Args)]
pub struct Erase {
    /// Number, `last`, `first`, or the beginning of a digest: digits alone are a number
    pub record: String,
    #[command(flatten)]
    pub which: Which,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// Values under these labels (prompt, output); a text takes its tokens with it. `mickai log show RECORD` lists them
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    pub field: Vec<String>,
    /// All values of this record
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Subcommand)]
pub enum Retention {
    /// The policy in force, and what is held under it
    Show,
    /// Change the policy; what is not given stays
    Set(SetRetention),
    /// Erase what the policy no longer keeps
    Run {
        /// Only say what would be erased
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Settle {
    #[command(subcommand)]
    pub command: Option<SettleCommand>,
    /// From now on on this chain, through the node whose RPC answers there
    #[arg(long, value_name = "URL", requires = "chain")]
    pub node: Option<String>,
    /// The chain: the digest of its genesis, 64 hex digits
    #[arg(long, value_name = "ID", requires = "node")]
    pub chain: Option<String>,
    /// From now on on a chain of one in the home, as where nobody chose another: completeness stays unwitnessed
    #[arg(long, conflicts_with = "node")]
    pub own: bool,
    /// From now on by itself, at the end of a command that acts and while `mickai serve` runs: when there are N more records, or when N minutes have passed; may be given for both
    #[arg(long, num_args = 2, value_names = ["N", "records|minutes"], conflicts_with = "never")]
    pub every: Vec<String>,
    /// From now on only when it is told to
    #[arg(long)]
    pub never: bool,
}

#[derive(Debug, Subcommand)]
pub enum SettleCommand {
    /// Where and when, the account that pays, and what is settled
    Status,
}

#[derive(Debug, Args)]
pub struct SetRetention {
    /// Values under this label (prompt, output) and their tokens, or `default` for all that no other rule is about
    #[arg(required_unless_present_any = ["action", "automatic"])]
    pub label: Option<String>,
    /// Only of records of this action: generate, replay, …
    #[arg(long)]
    pub action: Option<String>,
    /// How long after the time that the record claims: 30d, 12h, 2w, 1y, forever
    #[arg(long, value_name = "SPAN")]
    pub keep: Option<String>,
    /// May a model be trained on them?
    #[arg(long, value_enum)]
    pub train: Option<YesNo>,
    /// Take this rule away
    #[arg(long, conflicts_with_all = ["keep", "train"])]
    pub remove: bool,
    /// Enforce the policy at the start of every process that acts
    #[arg(long, value_enum)]
    pub automatic: Option<YesNo>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    Yes,
    No,
}

impl YesNo {
    pub fn is_yes(self) -> bool {
        self == Self::Yes
    }
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// Load this model and say how much memory it takes
    #[arg(long)]
    pub model: Option<String>,
}
