//! Handshakes in memory: which group and which version come about, and which do not. The certificate and its key in `tests/tls` are nobody's.

use super::*;
use tokio_rustls::rustls::crypto::SupportedKxGroup;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::TLS12;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, NamedGroup, RootCertStore, ServerConnection, SupportedProtocolVersion};

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

fn client(groups: &[&'static dyn SupportedKxGroup], version: &'static SupportedProtocolVersion) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("certificate.pem")).unwrap()).unwrap();
    let mut provider = default_provider();
    provider.kx_groups = groups.to_vec();
    let config = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[version]).unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap()
}

/// The group that a handshake with such a client comes to; `None` where it comes to none.
fn group(mut client: ClientConnection) -> Option<NamedGroup> {
    let acceptor = acceptor(&file("certificate.pem"), &file("key.pem")).unwrap();
    let mut server = ServerConnection::new(acceptor.config().clone()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets().ok()?;
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets().ok()?;
    }
    Some(server.negotiated_key_exchange_group()?.name())
}

#[test]
fn the_hybrid_group_is_chosen_for_who_comes_with_it() {
    let (hybrid, plain) = (kx_group::X25519MLKEM768, kx_group::X25519);
    let cases: [(&[&'static dyn SupportedKxGroup], Option<NamedGroup>); 5] = [
        (&[hybrid], Some(NamedGroup::X25519MLKEM768)),
        (&[hybrid, plain], Some(NamedGroup::X25519MLKEM768)),
        // Who comes with the other one first is not sent back for it.
        (&[plain, hybrid], Some(NamedGroup::X25519)),
        (&[plain], Some(NamedGroup::X25519)),
        (&[kx_group::SECP384R1], None),
    ];
    for (groups, expected) in cases {
        assert_eq!(group(client(groups, &TLS13)), expected, "{groups:?}");
    }
}

#[test]
fn an_older_protocol_comes_to_nothing() {
    assert_eq!(group(client(&[kx_group::X25519], &TLS12)), None);
}

#[test]
fn files_that_are_not_what_they_must_be_are_named() {
    for (certificates, key) in [("key.pem", "key.pem"), ("certificate.pem", "certificate.pem")] {
        assert!(matches!(acceptor(&file(certificates), &file(key)), Err(Error::Form { .. })), "{certificates} {key}");
    }
    assert!(matches!(acceptor(&file("none.pem"), &file("key.pem")), Err(Error::File { .. })));
}
