//! What a path can do: 32-bit, 64-bit and hashing primitives on several signatures at once, one a lane.

use crate::mldsa::field::Factor;

/// The most signatures that a path verifies at a time.
pub(in crate::mldsa) const LANE_COUNT_MAX: usize = 16;
/// The most messages that a path hashes at a time.
pub(in crate::mldsa) const HASH_COUNT_MAX: usize = 8;

/// What Keccak needs: on one message, or on several at once, one a lane.
pub(in crate::mldsa) trait KeccakWords: Copy {
    /// A u64 for each message.
    type Words: Copy;

    /// The same value in each lane.
    fn word(self, value: u64) -> Self::Words;
    /// a ⊕ b.
    fn xor(self, a: Self::Words, b: Self::Words) -> Self::Words;
    /// a ⊕ b ⊕ c.
    fn xor3(self, a: Self::Words, b: Self::Words, c: Self::Words) -> Self::Words;
    /// a ⊕ (¬b ∧ c).
    fn chi(self, a: Self::Words, b: Self::Words, c: Self::Words) -> Self::Words;
    /// Rotated towards the high bits.
    fn rotate<const BITS: u32>(self, a: Self::Words) -> Self::Words;
}

/// The primitives of one path. Arrays have room for the widest path; a path reads and writes its own first lanes and leaves zeros in the others.
///
/// Sums and differences must not leave 32 or 64 bits: callers say why they do not.
pub(in crate::mldsa) trait Lanes: KeccakWords {
    /// Signatures at a time: at most [`LANE_COUNT_MAX`].
    const COUNT: usize;
    /// Messages hashed at a time: a divisor of `COUNT`, at most [`HASH_COUNT_MAX`].
    const HASH_COUNT: usize;
    /// An i32 for each lane.
    type Ints: Copy;
    /// An i64 for each lane.
    type Wide: Copy;

    /// The same value in each lane.
    fn int(self, value: i32) -> Self::Ints;
    /// One value a lane.
    fn int_array(self, values: Self::Ints) -> [i32; LANE_COUNT_MAX];
    /// −1 where the lane's bit is set, else 0.
    fn int_mask(self, bits: u16) -> Self::Ints;
    /// Bits 0 to 19 and bits 20 to 39 of one group a lane: two packed coefficients of z.
    fn unpack_pair(self, groups: &[u64; LANE_COUNT_MAX]) -> [Self::Ints; 2];
    /// a + b.
    fn add(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// a − b.
    fn sub(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// Bitwise and.
    fn and(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// Bitwise or.
    fn or(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// The larger.
    fn max(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// Shifted towards the high bits.
    fn shift_left<const BITS: u32>(self, a: Self::Ints) -> Self::Ints;
    /// Shifted towards the low bits, the sign kept.
    fn shift_right<const BITS: u32>(self, a: Self::Ints) -> Self::Ints;
    /// The Montgomery product: ≡ a·`factor` mod q, at most |a|·|`factor.shifted`|/2³² + q/2.
    fn times(self, a: Self::Ints, factor: Factor) -> Self::Ints;

    /// Zeros.
    fn wide_zero(self) -> Self::Wide;
    /// The same values in 64 bits.
    fn widen(self, a: Self::Ints) -> Self::Wide;
    /// sum + a·b; `a` comes from [`Lanes::widen`].
    fn multiply_add(self, sum: Self::Wide, a: Self::Wide, b: i32) -> Self::Wide;
    /// Montgomery's reduction: ≡ a·2⁻³² mod q, at most |a|/2³² + q/2, for |a| ≤ 2³¹·q.
    fn reduce(self, a: Self::Wide) -> Self::Ints;

    /// One word a lane.
    fn words(self, values: &[u64; HASH_COUNT_MAX]) -> Self::Words;
    /// One word a lane.
    fn word_array(self, values: Self::Words) -> [u64; HASH_COUNT_MAX];
}

/// Work that is written once and compiled for each path.
pub(in crate::mldsa) trait Task {
    /// What the work gives; equal on every path.
    type Output;

    /// Does the work. Implementations are `#[inline(always)]`, and so is all that they call on the way to a primitive: code that is not inlined is not compiled for the path's
    /// instructions. Closures are not sure to be, so they call no primitive.
    fn run<S: Lanes>(self, lanes: S) -> Self::Output;
}
