//! What stands still ends; what goes on does not.

use super::*;
use std::future::poll_fn;
use std::task::Waker;

/// Takes so many bytes, and no more.
struct Room(usize);

impl AsyncWrite for Room {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 { Poll::Pending } else { Poll::Ready(Ok(taken)) }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test)
}

#[test]
fn a_write_that_stands_still_is_an_error() {
    run(async {
        let mut patient = Patient::new(Room(3), Duration::from_millis(1));
        let mut written = Vec::new();
        for _ in 0..3 {
            written.push(poll_fn(|context| Pin::new(&mut patient).poll_write(context, b"ab")).await.map_err(|error| error.kind()));
        }
        assert_eq!(written, [Ok(2), Ok(1), Err(ErrorKind::TimedOut)]);
    });
}

#[test]
fn patience_begins_anew_with_every_byte() {
    run(async {
        let mut patient = Patient::new(Room(1), Duration::from_secs(3_600));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            assert!(matches!(Pin::new(&mut patient).poll_write(&mut context, b"ab"), Poll::Ready(Ok(1))));
            assert!(patient.waits.is_none());
            assert!(Pin::new(&mut patient).poll_write(&mut context, b"b").is_pending());
            // What is looked at meanwhile changes nothing.
            assert!(Pin::new(&mut patient).poll_flush(&mut context).is_ready() && patient.waits.is_some());
            patient.stream.0 = 1;
        }
    });
}
