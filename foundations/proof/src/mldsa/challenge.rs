//! The challenge polynomial c, sampled from c̃ for each lane.

use super::isa::Lanes;
use super::keccak::SHAKE256_RATE;
use super::ntt::Poly;
use super::params::{DEGREE, TAU};
use super::sponge::Sponge;
use alloc::vec::Vec;

/// The challenges of all lanes: bit `lane` of entry `coefficient` says whether it is 1, or −1.
#[derive(Clone)]
pub(super) struct Challenges {
    plus: [u16; DEGREE],
    minus: [u16; DEGREE],
}

impl Challenges {
    pub(super) const NONE: Self = Self { plus: [0; DEGREE], minus: [0; DEGREE] };

    /// SampleInBall (FIPS 204, Algorithm 29) for one lane. `first_block` is the first of SHAKE256(c̃); a second is needed about never, but then it is there.
    #[inline(always)]
    pub(super) fn sample(&mut self, lane: usize, first_block: &[u8; SHAKE256_RATE], challenge: &[u8]) {
        let (signs, first) = first_block.split_at(8);
        let mut signs = signs.iter().rev().fold(0u64, |signs, byte| signs << 8 | u64::from(*byte));
        let bit = 1 << lane;
        let mut next = DEGREE - TAU;
        let mut take = |bytes: &[u8]| {
            for byte in bytes {
                let position = usize::from(*byte);
                if next < DEGREE && position <= next {
                    // Coefficient `next` is still zero, so moving is adding.
                    self.plus[next] |= self.plus[position] & bit;
                    self.minus[next] |= self.minus[position] & bit;
                    let is_minus = (signs & 1) as u16;
                    self.plus[position] = (self.plus[position] & !bit) | (bit * (1 - is_minus));
                    self.minus[position] = (self.minus[position] & !bit) | (bit * is_minus);
                    signs >>= 1;
                    next += 1;
                }
            }
            next == DEGREE
        };
        if !take(first) {
            more_blocks(challenge, &mut take);
        }
    }

    /// The polynomial of each lane.
    #[inline(always)]
    pub(super) fn write<S: Lanes>(&self, lanes: S, poly: &mut Poly<S>) {
        for ((value, plus), minus) in poly.iter_mut().zip(&self.plus).zip(&self.minus) {
            // A mask is −1 where its bit is set.
            *value = lanes.sub(lanes.int_mask(*minus), lanes.int_mask(*plus));
        }
    }
}

/// Feeds the blocks after the first, until `take` has enough.
#[cold]
#[inline(never)]
fn more_blocks(challenge: &[u8], take: &mut dyn FnMut(&[u8]) -> bool) {
    let mut sponge = Sponge::new(Vec::from(challenge), SHAKE256_RATE);
    sponge.next_block();
    while !take(sponge.next_block()) {}
}
