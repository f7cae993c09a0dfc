//! Waiting for one of two things.

use futures::future::{Either, select};
use std::pin::pin;

/// What comes first; the other is dropped, so it must be one that can be waited for again.
pub(crate) async fn first<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    match select(pin!(a), pin!(b)).await {
        Either::Left((first, _)) => Either::Left(first),
        Either::Right((first, _)) => Either::Right(first),
    }
}
