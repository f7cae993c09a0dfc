//! Final blocks, in order: executed, indexed, acknowledged; at an epoch's end the next one's voters become known.

use crate::chain::Chain;
use crate::error::NodeError;
use crate::roster::Roster;
use crate::scheme::Scheme;
use crate::sealed::Sealed;
use commonware_actor::Feedback;
use commonware_consensus::Reporter;
use commonware_consensus::marshal::Update;
use commonware_cryptography::Digested;
use commonware_utils::acknowledgement::Exact;
use commonware_utils::channel::{mpsc, ring};
use commonware_utils::{Acknowledgement, NZUsize};
use mickai_ledger::Ledger;
use std::sync::Arc;

type Delivered = (Digested<Sealed>, Exact);

/// What the engine's store hands final blocks to. It waits for acknowledgements, so that few are on the way at a time.
#[derive(Clone)]
pub(crate) struct Inbox {
    sender: mpsc::UnboundedSender<Delivered>,
}

/// Makes final blocks part of the chain.
pub(crate) struct Delivery {
    pub(crate) chain: Arc<Chain>,
    pub(crate) roster: Roster,
    /// Told each epoch that begins.
    pub(crate) epochs: mpsc::UnboundedSender<u64>,
    /// Given the ledger at each epoch's end; see [`ends`].
    pub(crate) ends: ring::Sender<Ledger>,
}

/// Both ends of the way of final blocks.
pub(crate) fn inbox() -> (Inbox, mpsc::UnboundedReceiver<Delivered>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Inbox { sender }, receiver)
}

/// Both ends of the way of ledgers at the ends of epochs. There is room for one: the next takes its place, because an older one holds what newer states no longer share, and nobody wants it.
pub(crate) fn ends() -> (ring::Sender<Ledger>, ring::Receiver<Ledger>) {
    ring::channel(NZUsize!(1))
}

impl Reporter for Inbox {
    type Activity = Update<Sealed>;

    fn report(&mut self, update: Update<Sealed>) -> Feedback {
        let Update::Block(block, acknowledgement) = update else { return Feedback::Ok };
        if self.sender.send((block, acknowledgement)).is_ok() { Feedback::Ok } else { Feedback::Closed }
    }
}

impl Delivery {
    /// Takes one final block in.
    ///
    /// # Errors
    /// [`NodeError::Final`].
    pub(crate) fn take(&self, sealed: &Sealed) -> Result<(), NodeError> {
        let height = sealed.at();
        let done = self.chain.finalise(sealed).map_err(|why| NodeError::Final { height, why })?;
        let Some(ledger) = done.filter(|_| self.chain.calendar().ends_epoch(height)) else { return Ok(()) };
        let next = self.chain.calendar().epoch(height).saturating_add(1);
        self.roster.insert(next, Scheme::verifier(self.chain.id(), ledger.validators()));
        // Nobody listens before the first epoch is entered: that one is read off the roster.
        let _ = self.epochs.send(next);
        // A node whose keeper has ended goes on without new snapshots.
        self.ends.send_lossy(ledger);
        Ok(())
    }

    /// Until the store ends.
    ///
    /// # Errors
    /// [`NodeError::Final`]: nothing after that block can be believed, and the node has to stop.
    pub(crate) async fn run(self, mut blocks: mpsc::UnboundedReceiver<Delivered>) -> Result<(), NodeError> {
        while let Some((block, acknowledgement)) = blocks.recv().await {
            self.take(block.inner())?;
            acknowledgement.acknowledge();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{ACCOUNTS, Marked, address, genesis_of, key, slot};
    use mickai_proof::pantheon::Height;

    /// A start takes in all that came after the snapshot before anybody asks for the end of an epoch, and later blocks may come faster than snapshots are written.
    #[test]
    fn of_the_ends_of_epochs_the_newest_waits() {
        let genesis = genesis_of(2, vec![(address(1_000), key(1_001))], Vec::new(), address(ACCOUNTS));
        let chain = Arc::new(Chain::with_verifier(&genesis, Box::new(Marked)).unwrap());
        let (epochs, mut begun) = mpsc::unbounded_channel();
        let (sender, mut ends) = ends();
        let delivery = Delivery { chain: chain.clone(), roster: Roster::default(), epochs, ends: sender };
        for _ in 1..=7 {
            let block = chain.newest().assemble(slot(), [], &Marked).unwrap().block;
            delivery.take(&Sealed::new(block)).unwrap();
        }
        assert_eq!(ends.try_recv().unwrap().height(), Height(6));
        assert_eq!(ends.try_recv().err(), Some(ring::TryRecvError::Empty));
        assert_eq!([1, 2, 3].map(|_| begun.try_recv().unwrap()), [1, 2, 3]);
        // What waits is still taken when nothing comes any more.
        let block = chain.newest().assemble(slot(), [], &Marked).unwrap().block;
        delivery.take(&Sealed::new(block)).unwrap();
        drop(delivery);
        assert_eq!(ends.try_recv().unwrap().height(), Height(8));
        assert_eq!(ends.try_recv().err(), Some(ring::TryRecvError::Disconnected));
    }
}
