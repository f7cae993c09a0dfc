//! Bodies together hold so much and no more, and what is let pass has an end.

use super::*;
use crate::limits::PASSING_BYTES_MAX;
use std::convert::Infallible;

/// Pieces of one length, so many of them; what it announces, if anything.
struct Pieces {
    left: usize,
    length: usize,
    announced: Option<u64>,
}

fn pieces(left: usize, length: usize) -> Pieces {
    Pieces { left, length, announced: None }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(vec![b'x'; self.length].into()))))
    }

    fn size_hint(&self) -> SizeHint {
        self.announced.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test)
}

/// What is not waited for takes longer than any test.
const HOUR: Duration = Duration::from_secs(3_600);
const PATIENCE: Patience = Patience { still: HOUR, whole: HOUR, farewell: HOUR };
const SOMEBODY: Caller = Caller(1);

#[test]
fn a_body_is_refused_by_what_it_announces_or_by_what_came() {
    run(async {
        let bodies = Bodies::default();
        let mut announced = Pieces { announced: Some(11), ..pieces(3, 4) };
        let refused = bodies.read(&mut announced, 10, SOMEBODY).await.unwrap_err();
        assert_eq!((refused.status, refused.code, announced.left), (413, Some("too_large"), 3));
        assert!(refused.message.contains("11") && refused.message.contains("10"), "{}", refused.message);
        let mut longer = pieces(4, 4);
        let refused = bodies.read(&mut longer, 10, SOMEBODY).await.unwrap_err();
        assert_eq!((refused.status, refused.code, longer.left), (413, Some("too_large"), 1));
        assert_eq!(bodies.read(&mut pieces(3, 4), 12, SOMEBODY).await.unwrap(), "x".repeat(12));
    });
}

/// Short ones need nothing; of the others the last to have the bytes gives their part back.
#[test]
fn longer_bodies_share_what_they_may_hold() {
    run(async {
        let (whole, long) = (4 << 20, READ_AT_ONCE_BYTES_MAX + 1_000);
        let bodies = Bodies::new(1_500, 1_500);
        let first = bodies.read(&mut pieces(long / 8, 8), whole, SOMEBODY).await.unwrap();
        let second = first.slice(..1);
        assert_eq!((first.len(), bodies.byte_count()), (long, 1_000));
        for caller in [SOMEBODY, Caller(2)] {
            let refused = bodies.read(&mut pieces(long / 8, 8), whole, caller).await.unwrap_err();
            assert_eq!((refused.status, refused.code, refused.retry_after_s()), (429, Some("bodies_full"), Some(1)));
            // What it had is given back with it.
            assert_eq!(bodies.byte_count(), 1_000);
        }
        bodies.read(&mut pieces(1, READ_AT_ONCE_BYTES_MAX), whole, SOMEBODY).await.unwrap();
        drop(first);
        assert_eq!(bodies.byte_count(), 1_000);
        drop(second);
        assert_eq!(bodies.byte_count(), 0);
        bodies.read(&mut pieces(long / 8, 8), whole, SOMEBODY).await.unwrap();
    });
}

/// Whoever sends many and ends none keeps out nobody else.
#[test]
fn one_caller_has_a_part_of_what_bodies_may_hold() {
    run(async {
        let (whole, long) = (4 << 20, READ_AT_ONCE_BYTES_MAX + 1_000);
        let bodies = Bodies::new(4_000, 1_500);
        let read = async |caller: u64| bodies.read(&mut pieces(long / 8, 8), whole, Caller(caller)).await;
        let first = read(1).await.unwrap();
        let refused = read(1).await.unwrap_err();
        assert!(refused.code == Some("bodies_full") && refused.message.contains("your") && refused.message.contains("1500"), "{}", refused.message);
        let others = [read(2).await.unwrap(), read(3).await.unwrap(), read(4).await.unwrap()];
        let refused = read(5).await.unwrap_err();
        assert!(refused.code == Some("bodies_full") && refused.message.contains("4000"), "{}", refused.message);
        drop(first);
        let again = read(1).await.unwrap();
        assert_eq!(bodies.byte_count(), 4_000);
        drop((others, again));
        // Nothing stays of callers that are gone.
        assert!(bodies.byte_count() == 0 && locked(&bodies.0).by_caller.is_empty());
    });
}

#[test]
fn what_is_let_pass_has_an_end() {
    /// Counts what was taken of it.
    struct Counted<'a>(Pieces, &'a mut usize);

    impl Body for Counted<'_> {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
            *self.1 += 1;
            Pin::new(&mut self.0).poll_frame(context)
        }

        fn size_hint(&self) -> SizeHint {
            self.0.size_hint()
        }
    }

    let cases = [
        // One look more than there are pieces: at its end.
        (pieces(3, 4), PASSING_BYTES_MAX, 4),
        (pieces(usize::MAX, 1 << 20), 64 << 20, 65),
        (pieces(usize::MAX, 1 << 20), 9 << 20, 10),
        (pieces(usize::MAX, 4), 0, 1),
    ];
    for (body, byte_count_max, expected) in cases {
        let mut count = 0;
        // It goes on: however little may stand still, it does not.
        let patience = Patience { still: Duration::ZERO, ..PATIENCE };
        let (_end, ending) = watch::channel(false);
        run(let_pass(Counted(body, &mut count), byte_count_max, patience, ending));
        assert_eq!(count, expected);
    }
}

/// A body of which nothing more comes.
struct Still;

impl Body for Still {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[test]
fn what_stands_still_is_left() {
    let cases = [
        (PATIENCE, false, false),
        (PATIENCE, true, false),
        (Patience { still: Duration::ZERO, ..PATIENCE }, false, true),
        (Patience { whole: Duration::ZERO, ..PATIENCE }, false, true),
        (Patience { farewell: Duration::ZERO, ..PATIENCE }, false, false),
        (Patience { farewell: Duration::ZERO, ..PATIENCE }, true, true),
    ];
    for (patience, is_ending, is_left) in cases {
        let (_end, ending) = watch::channel(is_ending);
        run(async {
            let mut passing = pin!(let_pass(Still, PASSING_BYTES_MAX, patience, ending));
            if is_left {
                passing.await;
            } else {
                for _ in 0..3 {
                    assert!(poll_fn(|context| Poll::Ready(passing.as_mut().poll(context).is_pending())).await);
                    tokio::task::yield_now().await;
                }
            }
        });
    }
}

#[test]
fn a_body_knows_whether_anybody_has_begun_to_read_it() {
    run(async {
        let bodies = Bodies::default();
        for (body, is_begun) in [(Pieces { announced: Some(11), ..pieces(3, 4) }, false), (pieces(3, 4), true)] {
            let mut body = Arriving::new(body);
            assert_eq!(bodies.read(&mut body, 10, SOMEBODY).await.unwrap_err().status, 413);
            assert_eq!(body.is_begun(), is_begun);
        }
    });
}
