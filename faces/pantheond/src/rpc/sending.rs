//! Large answers on their way: the text of each counts in the memory for all of them until its client has read it.

use super::limits::LIGHT_SENDING_MIB;
use super::refused::{Refused, Result};
use hyper::body::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const MIB: usize = 1 << 20;

/// A text with its part of that memory.
struct Told {
    text: String,
    /// Given back with it.
    _held: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Told {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// The bytes of a text. A permit of `sending` is taken for each MiB of it, or a part of one, until nobody refers to them any more.
///
/// # Errors
/// 429 where there are not so many.
pub fn held(mut text: String, sending: &Arc<Semaphore>) -> Result<Bytes> {
    // It may have grown to twice of what it needs.
    text.shrink_to_fit();
    let mib = u32::try_from(text.len().div_ceil(MIB)).unwrap_or(u32::MAX);
    let message = || format!("at most {LIGHT_SENDING_MIB} MiB of light proofs are being sent at a time: ask again when others have read theirs");
    let held = sending.clone().try_acquire_many_owned(mib).map_err(|_| Refused::too_many("proofs", message()))?;
    Ok(Bytes::from_owner(Told { text, _held: held }))
}

#[cfg(test)]
mod tests {
    use super::super::patient::Patient;
    use super::super::reply::{JSON, Reply};
    use super::*;
    use hyper::Request;
    use hyper::body::Incoming;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioIo, TokioTimer};
    use std::convert::Infallible;
    use std::io::ErrorKind;
    use std::net::Ipv4Addr;
    use std::sync::Mutex;
    use std::time::Duration;
    use tokio::net::{TcpListener, TcpStream};

    #[test]
    fn each_text_counts_until_nobody_refers_to_it() {
        let sending = Arc::new(Semaphore::new(3));
        let hold = |bytes: usize| held("x".repeat(bytes), &sending);
        let (one, two) = (hold(1).unwrap(), hold(MIB + 1).unwrap());
        let refused = hold(1).unwrap_err();
        assert_eq!((refused.status, refused.code, refused.retry_after_s().is_some()), (429, "proofs", true));
        let part = two.slice(..1);
        drop(two);
        assert_eq!(sending.available_permits(), 0);
        drop(part);
        assert_eq!(sending.available_permits(), 2);
        assert!(hold(3 * MIB).is_err());
        drop(one);
        assert_eq!(hold(3 * MIB).unwrap().len(), 3 * MIB);
        assert_eq!(sending.available_permits(), 3);
    }

    /// It waits in the server's hands: the sockets have room for a small part of it.
    #[test]
    fn a_text_counts_until_its_client_has_read_it() {
        const TEXT_MIB: usize = 32;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let sending = Arc::new(Semaphore::new(TEXT_MIB));
            let text = Mutex::new(Some(held("x".repeat(TEXT_MIB * MIB), &sending).unwrap()));
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let service = service_fn(move |_: Request<Incoming>| {
                let bytes = text.lock().unwrap().take().unwrap();
                async move { Ok::<_, Infallible>(Reply::whole(200, JSON, bytes).into_response()) }
            });
            let stream = TokioIo::new(Patient::new(stream, Duration::from_secs(600)));
            tokio::spawn(http1::Builder::new().timer(TokioTimer::new()).serve_connection(stream, service));
            let asks = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            client.writable().await.unwrap();
            assert_eq!(client.try_write(asks).unwrap(), asks.len());
            client.readable().await.unwrap();
            assert_eq!(sending.available_permits(), 0);
            let (mut piece, mut read) = (vec![0_u8; MIB], 0);
            loop {
                client.readable().await.unwrap();
                match client.try_read(&mut piece) {
                    Ok(0) => break,
                    Ok(bytes) => read += bytes,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
            assert!(read > TEXT_MIB * MIB, "{read}");
            assert_eq!(sending.available_permits(), TEXT_MIB);
        });
    }
}
