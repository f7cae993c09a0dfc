//! TLS from two PEM files: version 1.3 alone, with the hybrid post-quantum group X25519MLKEM768 first.

use crate::app::ApiKey;
use crate::error::Error;
use crate::limits::{API_KEY_MIN, SECRET_FILE_BYTES_MAX};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::TLS13;

/// Makes handshakes with this certificate chain and its private key.
///
/// # Errors
/// Files that cannot be read, or that do not hold what they must.
pub fn acceptor(certificates: &Path, key: &Path) -> Result<TlsAcceptor, Error> {
    let form = |path: &Path, wanted| Error::Form { path: path.to_owned(), wanted };
    let chain_wanted = "a certificate chain in PEM form";
    let chain = CertificateDer::pem_slice_iter(&read(certificates)?).collect::<Result<Vec<_>, _>>().map_err(|_| form(certificates, chain_wanted))?;
    if chain.is_empty() {
        return Err(form(certificates, chain_wanted));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| form(key, "one private key in PEM form"))?;
    let mut provider = default_provider();
    provider.kx_groups = vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1];
    let config = ServerConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[&TLS13]).map_err(Error::Tls)?;
    let mut config = config.with_no_client_auth().with_single_cert(chain, private).map_err(Error::Tls)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The keys of a file, one a line; empty lines and lines that begin with `#` are passed over.
///
/// # Errors
/// A file that cannot be read, holds none, or holds one that is too short to be a secret.
pub fn api_keys(path: &Path) -> Result<Vec<ApiKey>, Error> {
    let form = || Error::Form { path: path.to_owned(), wanted: "keys of at least 20 printable characters, one a line" };
    const { assert!(API_KEY_MIN == 20, "the sentence above says the number") };
    let text = String::from_utf8(read(path)?).map_err(|_| form())?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys = lines.map(|line| ApiKey::new(line).ok_or_else(form)).collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() { Err(form()) } else { Ok(keys) }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(SECRET_FILE_BYTES_MAX).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
