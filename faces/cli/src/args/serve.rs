//! What can be typed behind `mickai serve`.

use clap::Args;
use mickai_http::limits::PORT;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen. What other machines can reach needs keys and TLS
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = SocketAddr::from(([127, 0, 0, 1], PORT)))]
    pub listen: SocketAddr,
    /// A name by which clients call this machine, besides those of its addresses; may be given again
    #[arg(long = "name", value_name = "HOST")]
    pub names: Vec<String>,
    /// Keys of which a client must show one, one a line, each of 20 characters or more
    #[arg(long, value_name = "FILE")]
    pub api_keys: Option<PathBuf>,
    /// The certificate chain, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Refuse requests with fields that are not known, in place of warning
    #[arg(long)]
    pub strict: bool,
    /// Most tokens of an answer where a request does not say [default: what the model holds]
    #[arg(long, value_name = "N")]
    pub max_tokens: Option<usize>,
    /// Bytes of memory that models, their keys and values, adapters and embeddings may take together [default: three quarters of the machine's]
    #[arg(long, value_name = "BYTES")]
    pub memory_bytes: Option<u64>,
    /// Of these, bytes of keys and values that each model may keep: what answers under way need, and what they leave for those that begin alike [default: a quarter, at most 4 GiB]
    #[arg(long, value_name = "BYTES")]
    pub cache_bytes: Option<u64>,
}
