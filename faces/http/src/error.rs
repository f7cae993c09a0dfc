//! Why a server cannot start or go on, by who is at fault.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why there is no server.
#[derive(Debug)]
pub enum Error {
    /// The system: its log, its models.
    System(mickai_runtime::Error),
    /// The address cannot be listened on.
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// An address that others can reach, without keys or without TLS.
    Exposed(SocketAddr),
    /// A file with a certificate, a key or keys that cannot be read.
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file that does not hold what it must.
    Form {
        /// Which.
        path: PathBuf,
        /// What it must hold.
        wanted: &'static str,
    },
    /// A certificate and a private key that TLS cannot use.
    Tls(tokio_rustls::rustls::Error),
    /// The operating system gave no means to wait for sockets or signals.
    Runtime(std::io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(error) => error.fmt(f),
            Self::Listen { address, source } => write!(f, "cannot listen on {address}: {source}; choose another with --listen"),
            Self::Exposed(address) => {
                write!(f, "{address} can be reached from other machines: give --api-keys FILE, --tls-cert FILE and --tls-key FILE, or listen on 127.0.0.1")
            }
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Form { path, wanted } => write!(f, "{} must hold {wanted}", path.display()),
            Self::Tls(error) => write!(f, "the certificate and its key cannot be used: {error}"),
            Self::Runtime(error) => write!(f, "the operating system gives no means to wait for connections: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<mickai_runtime::Error> for Error {
    fn from(error: mickai_runtime::Error) -> Self {
        Self::System(error)
    }
}
