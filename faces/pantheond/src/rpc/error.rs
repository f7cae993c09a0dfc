//! Why an RPC cannot start or go on.

use std::fmt;
use std::net::SocketAddr;

/// Why there is no RPC.
#[derive(Debug)]
pub enum ServeError {
    /// The address cannot be listened on.
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// An address that others can reach, where that was not asked for.
    Exposed(SocketAddr),
    /// The operating system gave no means to wait for sockets.
    Runtime(std::io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { address, source } => write!(f, "cannot listen on {address}: {source}; choose another address for the RPC"),
            Self::Exposed(address) => write!(f, "{address} can be reached from other machines: say `exposed = true` in the node's [rpc] if that is meant, or listen on 127.0.0.1"),
            Self::Runtime(error) => write!(f, "the operating system gives no means to wait for connections: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}
