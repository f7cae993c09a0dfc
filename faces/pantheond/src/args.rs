//! What can be typed: flags, commands and their help. `docs/pantheon-commands.md` is made of it.

use crate::rpc::limits::RPC_PORT;
use clap::{Args, Parser, Subcommand};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Pantheon: the chain on which checkpoints settle. A node, a wallet, and everything to look at a chain with.
#[derive(Debug, Parser)]
#[command(name = "pantheon", version, propagate_version = true)]
pub struct Cli {
    /// The folder of the wallet [default: $XDG_DATA_HOME/pantheon or ~/.local/share/pantheon]
    #[arg(long, global = true, env = "PANTHEON_HOME", hide_env_values = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Print JSON: lists as one object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// The passphrase of a protected key is the first line of this file; `/dev/fd/N` reads a descriptor [default: asked on the terminal]
    #[arg(long, global = true, env = "PANTHEON_PASSPHRASE_FILE", hide_env_values = true, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Where a node answers
    #[arg(long, global = true, env = "PANTHEON_RPC", hide_env_values = true, value_name = "ADDRESS:PORT", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, RPC_PORT)))]
    pub rpc: SocketAddr,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The file that a chain begins with
    #[command(subcommand)]
    Genesis(Genesis),
    /// A key, and what belongs to it
    #[command(subcommand)]
    Wallet(Wallet),
    /// Settle a checkpoint: the file that `mickai log checkpoint` wrote
    Attest(Attest),
    /// Put up a bond for a seat
    Bond(Bond),
    /// Take back of a bond, after a wait
    Unbond(Unbond),
    /// Where all PAN are, counted account by account
    Supply,
    /// What a node says of itself
    Status,
    /// Who votes, and who put up a bond
    Validators,
    /// A block
    #[command(subcommand)]
    Block(Block),
    /// A transaction
    #[command(subcommand)]
    Tx(Tx),
    /// An operator's log
    #[command(subcommand)]
    Log(Log),
    /// An account
    #[command(subcommand)]
    Account(Account),
    /// Proofs of what a chain holds, for those who know its id alone
    #[command(subcommand)]
    Light(Light),
    /// Is the node in order?
    Doctor(Doctor),
    /// Run a node until it is ended. It speaks to the peers of its file, to nobody else
    Node(Node),
    /// Run a chain of one's own on this machine: keys, genesis and validators, each a process, in one folder
    Devnet(Devnet),
    /// Print what is generated: the text of `docs/pantheon-commands.md` or the document of the RPC
    #[command(hide = true)]
    Reference {
        /// Which
        #[arg(value_enum)]
        what: Reference,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Reference {
    Commands,
    Openapi,
}

#[derive(Debug, Subcommand)]
pub enum Genesis {
    /// Make one of a text that says rules, validators and allocations; refused unless they come to exactly 5,000,000,000 PAN
    New {
        /// The text, TOML
        text: PathBuf,
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
    },
    /// What a genesis file says, and the id of its chain
    Show {
        /// The file
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub enum Wallet {
    /// Make a key
    New {
        #[command(flatten)]
        key: KeyFile,
        /// Put a passphrase before it
        #[arg(long)]
        protect: bool,
        /// The new passphrase is the first line of this file; `/dev/fd/N` reads a descriptor [default: asked twice on the terminal]
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<PathBuf>,
    },
    /// The address of the key on both networks; asks for no passphrase and no node
    Show {
        #[command(flatten)]
        key: KeyFile,
        /// The public key as PEM
        #[arg(long)]
        pem: bool,
    },
    /// Give PAN to an address
    Send {
        /// To whom
        to: String,
        /// How much, in PAN: digits, and at most nine behind a point
        amount: String,
        #[command(flatten)]
        sending: Sending,
    },
    /// Final transactions of an address, newest first
    History {
        /// Whose [default: the wallet's]
        address: Option<String>,
        #[command(flatten)]
        key: KeyFile,
        /// How many
        #[arg(short, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=100))]
        n: u64,
    },
}

/// Which key.
#[derive(Clone, Debug, Args)]
pub struct KeyFile {
    /// The key file [default: wallet.p8 of the home]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// How a transaction is made and sent.
#[derive(Clone, Debug, Args)]
pub struct Sending {
    #[command(flatten)]
    pub key: KeyFile,
    /// The chain that it is meant for; refused where the node is of another [default: the node's]
    #[arg(long, value_name = "ID")]
    pub chain: Option<String>,
    /// The fee, in PAN [default: the least that the chain takes; more than 1 PAN only where it is given]
    #[arg(long, value_name = "PAN")]
    pub fee: Option<String>,
    /// Blocks from now that may hold it
    #[arg(long, value_name = "BLOCKS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub valid_for: u64,
    /// The account's number of it [default: the next]
    #[arg(long, value_name = "N")]
    pub nonce: Option<u64>,
    /// Do not wait until a block that holds it is final
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
pub struct Attest {
    /// The checkpoint
    pub note: PathBuf,
    #[command(flatten)]
    pub sending: Sending,
}

#[derive(Debug, Args)]
pub struct Bond {
    /// How much more, in PAN
    pub amount: String,
    /// With an account's first bond: the key file of the node that will vote
    #[arg(long, value_name = "FILE")]
    pub voter: Option<PathBuf>,
    /// The passphrase of that key is the first line of this file [default: as for the wallet's]
    #[arg(long, value_name = "FILE", requires = "voter")]
    pub voter_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pub sending: Sending,
}

#[derive(Debug, Args)]
pub struct Unbond {
    /// How much, in PAN
    pub amount: String,
    #[command(flatten)]
    pub sending: Sending,
}

#[derive(Debug, Subcommand)]
pub enum Block {
    /// What a block holds
    Show {
        /// Height, id, or `newest`
        #[arg(default_value = "newest")]
        block: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Tx {
    /// What a final transaction does, and where it stands
    Show {
        /// Its id
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Log {
    /// The keys and the newest settled checkpoint of a log
    Show {
        /// Its id
        id: String,
        /// Only the checkpoint, as the note that its key signed
        #[arg(long)]
        note: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Account {
    /// What an account has
    Show {
        /// Its address
        address: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Light {
    /// What a proof shows to one who pinned the chain's id; needs no node and no network
    Verify {
        /// The file
        file: PathBuf,
        /// The chain's id, from somebody you trust
        #[arg(long, value_name = "ID")]
        chain: String,
    },
    /// Write a proof of entries of the newest final block's state
    Export(Export),
}

#[derive(Debug, Args)]
pub struct Export {
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// The chain that it must be of [default: the node's]
    #[arg(long, value_name = "ID")]
    pub chain: Option<String>,
    /// An account; may be given again
    #[arg(long = "account", value_name = "ADDRESS")]
    pub accounts: Vec<String>,
    /// An account's bond; may be given again
    #[arg(long = "validator", value_name = "ADDRESS")]
    pub validators: Vec<String>,
    /// A log; may be given again
    #[arg(long = "log", value_name = "ID")]
    pub logs: Vec<String>,
    /// A name; may be given again
    #[arg(long = "name", value_name = "NAME")]
    pub names: Vec<String>,
    /// Where all PAN are
    #[arg(long)]
    pub totals: bool,
    /// Who votes on the next block
    #[arg(long)]
    pub seats: bool,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// The file of the node: also looks at its genesis, key and folder
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Node {
    /// The node's file, TOML
    pub config: PathBuf,
    /// End when standard input does: for whoever starts it and may be killed
    #[arg(long)]
    pub tethered: bool,
}

#[derive(Debug, Args)]
pub struct Devnet {
    /// How many validators
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=21))]
    pub validators: u8,
    /// End after so long: 60s, 5m, 1h [default: when it is ended]
    #[arg(long = "for", value_name = "TIME")]
    pub time: Option<String>,
    /// Send transfers all the while, and say at the end how many became final and how soon
    #[arg(long)]
    pub load: bool,
    /// Accounts that send under --load, in a new devnet
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub senders: u16,
    /// Transfers of one account that may be on their way under --load
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub window: u16,
    /// The folder of everything; one that holds a devnet goes on [default: a new one in the home]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Blocks of an epoch, in a new devnet
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub epoch_blocks: u64,
}
