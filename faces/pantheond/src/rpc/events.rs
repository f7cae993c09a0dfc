//! Final blocks as server-sent events, one after the other without a gap, for as long as somebody listens.
//!
//! A stream holds no queue: the next block is looked up when the last one was taken, so that a slow listener costs nothing but its own time.

use super::chain::{Chain, Later};
use super::metrics::Counted;
use super::view;
use hyper::body::Bytes;
use mickai_proof::pantheon::{Height, Network};
use serde_json::{Value, json};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::watch;

/// A stream of events.
pub struct Events {
    chain: Arc<dyn Chain>,
    network: Network,
    /// The last block that was told, or that the listener has.
    told: Height,
    /// A comment first, so that the listener knows at once that it listens.
    has_begun: bool,
    coming: Option<Later<Option<(Height, Bytes)>>>,
    ending: Later<()>,
    /// Counted until it is dropped.
    _counted: Counted,
}

impl Events {
    /// What becomes final after the block at that height.
    pub fn after(chain: Arc<dyn Chain>, told: Height, mut ending: watch::Receiver<bool>, counted: Counted) -> Self {
        let network = chain.ledger().head().network;
        let ending = Box::pin(async move {
            // A sender that is gone has ended too.
            let _ = ending.wait_for(|is_ending| *is_ending).await;
        });
        Self { chain, network, told, has_begun: false, coming: None, ending, _counted: counted }
    }

    /// The next piece; none when the server ends.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ending.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        if !self.has_begun {
            self.has_begun = true;
            return Poll::Ready(Some(Bytes::from(format!(": final blocks after {}\n\n", self.told))));
        }
        let coming = self.coming.get_or_insert_with(|| Box::pin(next(self.chain.clone(), self.told, self.network)));
        let next = std::task::ready!(coming.as_mut().poll(context));
        self.coming = None;
        let Some((height, bytes)) = next else { return Poll::Ready(None) };
        self.told = height;
        Poll::Ready(Some(bytes))
    }
}

/// The block after `told`, when it is final; `None` where the node ends before that.
async fn next(chain: Arc<dyn Chain>, told: Height, network: Network) -> Option<(Height, Bytes)> {
    let mut newest = chain.ledger().height();
    while newest <= told {
        newest = chain.wait(told).await?;
    }
    let height = Height(told.0.saturating_add(1));
    Some(match chain.block(height).await {
        Some(block) => (height, event("block", height, &view::header(&block, network))),
        // What lies before the next block that is kept, or where none is, up to the newest, is told of as one gap; nobody looks for each of these blocks.
        None => {
            let kept = chain.kept_from(Height(height.0.saturating_add(1)));
            let last = kept.map_or(newest, |kept| Height(kept.0.saturating_sub(1))).clamp(height, newest);
            (last, event("pruned", last, &json!({ "from": height.0, "to": last.0 })))
        }
    })
}

fn event(name: &str, height: Height, data: &Value) -> Bytes {
    format!("id: {height}\nevent: {name}\ndata: {data}\n\n").into()
}
