//! Which heights an epoch holds, as the engine asks for it (spec/pantheon.md "Header and block").

use commonware_consensus::types::{Epoch, EpochInfo, Epocher, Height as EngineHeight};
use mickai_proof::pantheon::Height;
use std::num::NonZeroU64;

/// Epoch e holds the heights e·n + 1 to (e + 1)·n; genesis, height 0, is of epoch 0.
#[derive(Clone, Copy, Debug)]
pub struct Calendar {
    epoch_blocks: NonZeroU64,
}

impl Calendar {
    /// With so many blocks an epoch.
    pub fn new(epoch_blocks: NonZeroU64) -> Self {
        Self { epoch_blocks }
    }

    /// The epoch of the block at this height.
    pub fn epoch(&self, height: Height) -> u64 {
        height.epoch(self.epoch_blocks.get())
    }

    /// Is it the last of its epoch?
    pub fn ends_epoch(&self, height: Height) -> bool {
        height.ends_epoch(self.epoch_blocks.get())
    }

    /// The last height of an epoch; `None` beyond all numbers.
    pub fn last_height(&self, epoch: u64) -> Option<Height> {
        epoch.checked_add(1)?.checked_mul(self.epoch_blocks.get()).map(Height)
    }

    /// The block before an epoch's first.
    pub fn height_before(&self, epoch: u64) -> Option<Height> {
        epoch.checked_mul(self.epoch_blocks.get()).map(Height)
    }
}

impl Epocher for Calendar {
    fn containing(&self, height: EngineHeight) -> Option<EpochInfo> {
        let epoch = Epoch::new(self.epoch(Height(height.get())));
        Some(EpochInfo::new(epoch, height, self.first(epoch)?, self.last(epoch)?))
    }

    fn first(&self, epoch: Epoch) -> Option<EngineHeight> {
        let before = self.height_before(epoch.get())?.0;
        if before == 0 { Some(EngineHeight::zero()) } else { before.checked_add(1).map(EngineHeight::new) }
    }

    fn last(&self, epoch: Epoch) -> Option<EngineHeight> {
        self.last_height(epoch.get()).map(|height| EngineHeight::new(height.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_meet_without_gap() {
        for epoch_blocks in [1, 2, 10] {
            let calendar = Calendar::new(NonZeroU64::new(epoch_blocks).unwrap());
            let mut last = None;
            for height in 0..50 {
                let info = calendar.containing(EngineHeight::new(height)).unwrap();
                assert!(info.first().get() <= height && height <= info.last().get(), "{epoch_blocks} {height}");
                assert_eq!(info.epoch().get(), Height(height).epoch(epoch_blocks));
                assert_eq!(calendar.ends_epoch(Height(height)), height == info.last().get());
                if last.is_some_and(|last: EpochInfo| last.epoch() != info.epoch()) {
                    assert_eq!(last.unwrap().last().get() + 1, info.first().get());
                }
                last = Some(info);
            }
        }
        assert!(Calendar::new(NonZeroU64::MAX).last(Epoch::new(u64::MAX)).is_none());
    }
}
