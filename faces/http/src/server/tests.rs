//! A connection ends when its client does, or does nothing.

use super::*;
use mickai_runtime::EMBEDDED_NAME;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::path::Path;
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Nothing that is waited for takes this long.
const PATIENCE: Duration = Duration::from_secs(90);
/// Bytes that a socket keeps, so that answers do not fit into it.
const SOCKET_BYTES: u32 = 4_096;

/// What is not waited for takes longer than any test.
const HOUR: Duration = Duration::from_secs(3_600);
/// A greeting of whoever waits for nothing but what a test names.
const GREETING: Greeting = Greeting { acceptor: None, patience: HOUR, passing: body::Patience { still: HOUR, whole: HOUR, farewell: HOUR } };

fn with_app(test: impl AsyncFnOnce(Arc<App>)) {
    let folder = tempfile::tempdir().unwrap();
    let app = App::of_test(&folder.path().join("home"));
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test(app));
}

/// A client, and the server's side of its connection.
async fn connected(app: &Arc<App>, greeting: Greeting, ending: watch::Receiver<bool>) -> (TcpStream, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let app = app.clone();
    (client, tokio::spawn(async move { greet(&app, stream, greeting, ending).await }))
}

/// It came to its end.
async fn over(served: JoinHandle<()>) {
    tokio::time::timeout(PATIENCE, served).await.expect("the connection ends").unwrap();
}

async fn say(client: &TcpStream, text: &str) {
    client.writable().await.unwrap();
    assert_eq!(client.try_write(text.as_bytes()).unwrap(), text.len());
}

/// What comes up to these words, or without any to the end.
async fn heard(client: &TcpStream, until: Option<&str>) -> String {
    let mut text = String::new();
    let hear = async {
        while until.is_none_or(|until| !text.contains(until)) {
            client.readable().await.unwrap();
            let mut piece = [0; 1_024];
            match client.try_read(&mut piece) {
                Ok(0) => break,
                Ok(count) => text.push_str(std::str::from_utf8(&piece[..count]).unwrap()),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    };
    tokio::time::timeout(PATIENCE, hear).await.expect("it comes");
    text
}

/// A request's line and headers; a body of so many bytes is to follow.
fn head(line: &str, kind: &str, length: u64, more: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n{more}\r\n")
}

/// The end of every refusal.
const REFUSED: Option<&str> = Some("}}");
const JSON: &str = "application/json";

fn socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(SOCKET_BYTES).unwrap();
    socket.set_recv_buffer_size(SOCKET_BYTES).unwrap();
    socket
}

/// The client stays, and reads nothing.
#[test]
fn who_does_not_read_loses_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::of_test(&folder.path().join("home"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listening = socket();
        listening.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = listening.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let client = socket().connect(address).await.unwrap();
        let asks = format!("GET /openapi.json HTTP/1.1\r\nhost: {address}\r\n\r\n").repeat(16);
        client.writable().await.unwrap();
        assert_eq!(client.try_write(asks.as_bytes()).unwrap(), asks.len());
        let (stream, _) = listener.accept().await.unwrap();
        let (_end, ending) = watch::channel(false);
        let greeting = Greeting { patience: Duration::from_millis(1), ..GREETING };
        tokio::time::timeout(PATIENCE, greet(&app, stream, greeting, ending)).await.expect("the connection ends");
        drop(client);
    });
}

/// The task of a request with a key outlives its connection; of all that it would do next nothing is done.
#[test]
fn nothing_is_opened_for_who_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::of_test(&folder.path().join("home"));
    let body = format!("{{\"model\": \"{EMBEDDED_NAME}\", \"messages\": [{{\"role\": \"user\", \"content\": \"hello\"}}], \"prompt\": \"hello\", \"input\": \"hello\"}}");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for route in routes::ROUTES.iter().filter(|route| route.is_keyed) {
        let call = Call { key: Some(Key([1; 32])), ..Call::of_test(&app, body.as_bytes()) };
        call.gone.set();
        assert_eq!(runtime.block_on(answer_at(route, &call)).err().map(|refused| refused.status), Some(503), "{}", route.path);
    }
    assert!(app.desk().counts().models.is_empty());
}

/// One client leaves before anything was done, the other when the answer is there and its connection has not taken it.
#[test]
fn who_leaves_when_the_answer_is_there_gets_it_when_they_ask_again() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::of_test(&folder.path().join("home"));
    let body = format!("{{\"model\": \"{EMBEDDED_NAME}\", \"messages\": [{{\"role\": \"user\", \"content\": \"what models do I have\"}}], \"max_tokens\": 32}}");
    let Found::Route(route, _) = routes::find("POST", "/v1/chat/completions") else { panic!("no such route") };
    let call = |key| Call { key: Some(key), ..Call::of_test(&app, body.as_bytes()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for (key, stays) in [(Key([1; 32]), false), (Key([2; 32]), true)] {
            let mut answering = Box::pin(answer_once(route, call(key), key));
            assert!(poll_fn(|context| Poll::Ready(answering.as_mut().poll(context).is_pending())).await);
            let leaving = Some(answering).filter(|_| stays);
            let over = async {
                while app.idempotent.take(key).is_err() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, over).await.expect("the key is free again");
            drop(leaving);
            // Of whoever left before, nothing is on record and nothing stands against asking.
            assert_eq!(idempotent::replayed(&call(key), key).await.unwrap().is_some(), stays);
        }
    });
}

/// Its client sends nothing before it is told to, and what it sends next would be taken for the body.
#[test]
fn a_body_that_waits_for_a_word_is_left_where_it_is_refused() {
    with_app(async |app| {
        let (_end, ending) = watch::channel(false);
        let cases = [
            ("POST /v1/chat/completions", JSON, 9 << 20, 413),
            ("POST /v1/chat/completions", "text/plain", 9, 415),
            ("POST /v1/nothing", JSON, 9, 404),
            ("POST /v1/models", JSON, 9, 405),
        ];
        for (line, kind, length, status) in cases {
            let (client, served) = connected(&app, GREETING, ending.clone()).await;
            say(&client, &head(line, kind, length, "expect: 100-continue\r\n")).await;
            let text = heard(&client, None).await;
            assert!(text.starts_with(&format!("HTTP/1.1 {status} ")) && text.contains("connection: close\r\n"), "{text}");
            over(served).await;
        }
        // One that is wanted is asked for, and the connection goes on.
        let (client, served) = connected(&app, GREETING, ending.clone()).await;
        say(&client, &head("POST /v1/chat/completions", JSON, 2, "expect: 100-continue\r\n")).await;
        heard(&client, Some("HTTP/1.1 100 Continue\r\n\r\n")).await;
        for sent in ["{}".to_owned(), head("POST /v1/chat/completions", JSON, 2, "") + "{}"] {
            say(&client, &sent).await;
            let text = heard(&client, REFUSED).await;
            assert!(text.starts_with("HTTP/1.1 400 ") && !text.contains("connection: close"), "{text}");
        }
        drop(client);
        over(served).await;
    });
}

/// Nobody without a key keeps a server busy with what it does not want.
#[test]
fn little_is_let_pass_where_nobody_knows_whose_it_is() {
    with_app(async |app| {
        let (_end, ending) = watch::channel(false);
        let cases = [
            ("POST /v1/nothing", JSON, "", 404, true),
            ("POST /v1/models", JSON, "", 405, true),
            ("POST /v1/chat/completions", JSON, "origin: null\r\n", 403, true),
            ("GET /health", JSON, "", 200, true),
            ("POST /v1/chat/completions", "text/plain", "", 415, false),
        ];
        for (line, kind, more, status, is_unknown) in cases {
            // As much as is let pass goes by before the end, more is not waited for.
            for (length, is_left) in [(2, false), (PASSING_UNKNOWN_BYTES_MAX + 1, is_unknown)] {
                let (client, served) = connected(&app, GREETING, ending.clone()).await;
                say(&client, &head(line, kind, length, more)).await;
                let text = heard(&client, Some("}")).await;
                assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
                assert_eq!(text.contains("connection: close\r\n"), is_unknown, "{text}");
                for _ in 0..8 {
                    tokio::task::yield_now().await;
                }
                assert_eq!(served.is_finished(), is_left, "{text}");
                drop(client);
                over(served).await;
            }
        }
    });
}

/// A reader that is told to end closes at once, and what the client sends then resets the connection under its answer.
#[test]
fn a_server_that_ends_lets_go_on_what_is_on_its_way_past() {
    with_app(async |app| {
        for (line, kind) in [("POST /v1/nothing", JSON), ("POST /v1/chat/completions", "text/plain")] {
            for farewell in [HOUR, Duration::ZERO] {
                let (end, ending) = watch::channel(false);
                let greeting = Greeting { passing: body::Patience { farewell, ..GREETING.passing }, ..GREETING };
                let (client, served) = connected(&app, greeting, ending).await;
                say(&client, &(head(line, kind, 8, "") + "half")).await;
                heard(&client, REFUSED).await;
                assert!(!served.is_finished());
                end.send(true).unwrap();
                if farewell == HOUR {
                    for _ in 0..8 {
                        tokio::task::yield_now().await;
                    }
                    assert!(!served.is_finished());
                    say(&client, "rest").await;
                }
                over(served).await;
                assert_eq!(heard(&client, None).await, "");
            }
        }
    });
}

/// HTTP's reader reads no further than the first bytes of a next request.
#[test]
fn who_leaves_with_more_sent_than_was_read_is_missed() {
    let file = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name);
    let acceptor = tls::acceptor(&file("certificate.pem"), &file("key.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("certificate.pem")).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider())).with_protocol_versions(&[&TLS13]).unwrap();
    let connector = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
    with_app(async |app| {
        // Nothing is answered as long as nobody may ask which models are open.
        let _taken = app.places.naming.acquire_many(app.places.naming.available_permits() as u32).await.unwrap();
        let body = format!("{{\"model\": \"{EMBEDDED_NAME}\", \"messages\": [{{\"role\": \"user\", \"content\": \"hello\"}}]}}");
        let sent = head("POST /v1/chat/completions", JSON, body.len() as u64, "") + &body + "G";
        let (_end, ending) = watch::channel(false);
        let (client, served) = connected(&app, GREETING, ending.clone()).await;
        leave_after(client, &sent).await;
        over(served).await;
        let (client, served) = connected(&app, Greeting { acceptor: Some(acceptor), ..GREETING }, ending).await;
        leave_after(connector.connect(ServerName::try_from("localhost").unwrap(), client).await.unwrap(), &sent).await;
        over(served).await;
    });
}

/// Sends all of it, and is gone.
async fn leave_after(mut client: impl AsyncWrite + Unpin, sent: &str) {
    let mut left = sent.as_bytes();
    while !left.is_empty() {
        let count = poll_fn(|context| Pin::new(&mut client).poll_write(context, left)).await.unwrap();
        left = &left[count..];
    }
    poll_fn(|context| Pin::new(&mut client).poll_flush(context)).await.unwrap();
}
