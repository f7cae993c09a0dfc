//! A connection ends when its client does, or does nothing.

use super::*;
use mickai_runtime::EMBEDDED_NAME;
use tokio::net::TcpSocket;

/// Nothing that is waited for takes this long.
const PATIENCE: Duration = Duration::from_secs(90);
/// Bytes that a socket keeps, so that answers do not fit into it.
const SOCKET_BYTES: u32 = 4_096;

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
        let greeting = Greeting { acceptor: None, patience: Duration::from_millis(1) };
        tokio::time::timeout(PATIENCE, greet(&app, stream, greeting, ending)).await.expect("the connection ends");
        drop(client);
    });
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
            assert!(std::future::poll_fn(|context| std::task::Poll::Ready(answering.as_mut().poll(context).is_pending())).await);
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
