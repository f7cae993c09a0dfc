//! A socket whose other end is watched. Whoever reads no further does not see that it has ended: HTTP's reader does not while bytes of a next request wait.

use crate::limits::{END_LOOKED_FOR_EVERY, KEEPALIVE_COUNT, KEEPALIVE_EVERY, KEEPALIVE_IDLE};
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl};
use std::io::{ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// A socket.
pub struct Socket {
    /// Shared with whoever watches.
    reads: Arc<OwnedReadHalf>,
    writes: OwnedWriteHalf,
}

/// Has the system ask whether the machine at the other end is still there while nothing is on its way to it: one that vanished says nothing, and nobody who waits for it would ever know.
pub fn ask_after(stream: &TcpStream) {
    let times = set_tcp_keepidle(stream, KEEPALIVE_IDLE).and_then(|()| set_tcp_keepintvl(stream, KEEPALIVE_EVERY)).and_then(|()| set_tcp_keepcnt(stream, KEEPALIVE_COUNT));
    // Where the system does not agree, it is as it was.
    let _ = times.and_then(|()| set_socket_keepalive(stream, true));
}

/// A socket, and what comes once nothing more will come from its other end, whatever is still to be read of it: the client closed the connection, or its own side of it.
pub fn watched(stream: TcpStream) -> (Socket, impl Future<Output = ()> + Send + 'static) {
    let (reads, writes) = stream.into_split();
    let reads = Arc::new(reads);
    let watched = reads.clone();
    let ended = async move {
        // Bytes that wait to be read are told of at once and again and again: then it is looked for now and then.
        while let Ok(ready) = watched.ready(Interest::READABLE).await {
            if ready.is_read_closed() {
                break;
            }
            tokio::time::sleep(END_LOOKED_FOR_EVERY).await;
        }
    };
    (Socket { reads, writes }, ended)
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let stream: &TcpStream = OwnedReadHalf::as_ref(&self.reads);
        loop {
            ready!(stream.poll_read_ready(context))?;
            match stream.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                // It was ready once, and is told of again.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.writes).poll_write(context, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[IoSlice<'_>]) -> Poll<Result<usize>> {
        Pin::new(&mut self.writes).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.writes.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.writes).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.writes).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::sockopt::{socket_keepalive, tcp_keepcnt, tcp_keepidle, tcp_keepintvl};
    use std::future::poll_fn;
    use std::time::Duration;
    use tokio::net::TcpListener;

    /// Nothing that is waited for takes this long.
    const PATIENCE: Duration = Duration::from_secs(90);

    #[test]
    fn a_machine_that_vanished_is_asked_after() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            assert!(!socket_keepalive(&client).unwrap());
            ask_after(&client);
            assert!(socket_keepalive(&client).unwrap());
            let times = (tcp_keepidle(&client).unwrap(), tcp_keepintvl(&client).unwrap(), tcp_keepcnt(&client).unwrap());
            assert_eq!(times, (KEEPALIVE_IDLE, KEEPALIVE_EVERY, KEEPALIVE_COUNT));
        });
    }

    /// Nobody reads; what came is there all the same.
    #[test]
    fn an_end_is_seen_behind_what_was_not_read() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for sent in [&b""[..], b"some bytes"] {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
                let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                let (mut socket, ended) = watched(listener.accept().await.unwrap().0);
                let mut ended = std::pin::pin!(ended);
                client.writable().await.unwrap();
                assert_eq!(client.try_write(sent).unwrap(), sent.len());
                assert!(poll_fn(|context| Poll::Ready(ended.as_mut().poll(context).is_pending())).await);
                drop(client);
                tokio::time::timeout(PATIENCE, ended).await.expect("the end is seen");
                let mut bytes = [0; 64];
                let mut buffer = ReadBuf::new(&mut bytes);
                poll_fn(|context| Pin::new(&mut socket).poll_read(context, &mut buffer)).await.unwrap();
                assert_eq!(buffer.filled(), sent);
            }
        });
    }
}
