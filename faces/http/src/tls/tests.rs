//! Handshakes in memory: which group and which version come about, and which do not. The certificate and its key in `tests/tls` are nobody's.

use super::*;
use tokio_rustls::rustls::crypto::SupportedKxGroup;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, NamedGroup, RootCertStore, ServerConnection};

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

fn client(groups: &[&'static dyn SupportedKxGroup]) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("certificate.pem")).unwrap()).unwrap();
    let mut provider = default_provider();
    provider.kx_groups = groups.to_vec();
    let config = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[&TLS13]).unwrap();
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
        assert_eq!(group(client(groups)), expected, "{groups:?}");
    }
}

/// A client hello of TLS 1.2 (RFC 5246 §7.4.1.2): ECDHE with ECDSA and AES-128-GCM, by X25519 and SHA-256. Nothing here is built with a client that could say it.
const HELLO_OF_TLS_1_2: &str = "160301004e 0100004a0303 0101010101010101010101010101010101010101010101010101010101010101 00 0002c02b 0100 001f 000a00040002001d 000b00020100 000d000400020403 00170000 ff01000100";

#[test]
fn an_older_protocol_comes_to_nothing() {
    let acceptor = acceptor(&file("certificate.pem"), &file("key.pem")).unwrap();
    let mut server = ServerConnection::new(acceptor.config().clone()).unwrap();
    let digits: Vec<u8> = HELLO_OF_TLS_1_2.bytes().filter(u8::is_ascii_hexdigit).collect();
    let hello: Vec<u8> = digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
    server.read_tls(&mut hello.as_slice()).unwrap();
    server.process_new_packets().unwrap_err();
    let mut alert = Vec::new();
    server.write_tls(&mut alert).unwrap();
    // Fatal, protocol_version (RFC 5246 §7.2).
    assert_eq!(alert, [0x15, 3, 3, 0, 2, 2, 70]);
}

#[test]
fn files_that_are_not_what_they_must_be_are_named() {
    for (certificates, key) in [("key.pem", "key.pem"), ("certificate.pem", "certificate.pem")] {
        assert!(matches!(acceptor(&file(certificates), &file(key)), Err(Error::Form { .. })), "{certificates} {key}");
    }
    assert!(matches!(acceptor(&file("none.pem"), &file("key.pem")), Err(Error::File { .. })));
}
