//! What a path can do: primitives on sixteen lanes at once, whatever the width of its registers.

/// Rows of a panel or of its half, positions of a panel of keys, partial sums of a norm: part of the contract, never of the machine.
pub(crate) const LANES: usize = 16;

/// The primitives of one path. Each lane is one output or one partial sum of the spec; nothing adds lanes to each other.
pub(crate) trait Lanes: Copy {
    /// Whether sixteen lanes are one register and there are 32 of them, so that tiles may be large.
    const WIDE: bool;
    /// An f32 for each lane.
    type Floats: Copy;
    /// An i32 for each lane.
    type Ints: Copy;
    /// Four unsigned weights for each lane, below 64 where they are multiplied.
    type Quads: Copy;
    /// Four weights from −128 to 127 for each lane.
    type Bytes: Copy;
    /// A running sum of products of [`Lanes::Quads`] for each lane.
    type Partial: Copy;

    /// a · b + c with one rounding.
    fn fused(self, a: f32, b: f32, c: f32) -> f32;

    /// The same value in each lane.
    fn splat(self, value: f32) -> Self::Floats;
    /// One value a lane.
    fn load(self, values: &[f32; LANES]) -> Self::Floats;
    /// One value a lane.
    fn store(self, values: Self::Floats, out: &mut [f32; LANES]);
    /// Sixteen binary16, little-endian, widened exactly.
    fn widen_f16(self, values: &[[u8; 2]; LANES]) -> Self::Floats;
    /// Sixteen bfloat16, little-endian, widened exactly.
    fn widen_bf16(self, values: &[[u8; 2]; LANES]) -> Self::Floats;
    /// Sixteen signed bytes.
    fn widen_i8(self, values: &[u8; LANES]) -> Self::Floats;
    /// a + b.
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// a · b.
    fn mul(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// a · b + c with one rounding.
    fn fma(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    /// The values of integers below 2²⁴ in magnitude.
    fn to_floats(self, values: Self::Ints) -> Self::Floats;

    /// Has the memory bring the line that lies some kilobytes behind this one. It reaches no result.
    #[inline(always)]
    fn prefetch(self, _line: &[u8; 64]) {}

    /// Four weights a lane.
    fn quads(self, bytes: &[u8; 64]) -> Self::Quads;
    /// The low four bits of each.
    fn low_nibbles(self, bytes: Self::Quads) -> Self::Quads;
    /// The high four bits of each.
    fn high_nibbles(self, bytes: Self::Quads) -> Self::Quads;
    /// `nibbles | plane << LEFT >> RIGHT & MASK`, where `MASK` holds no bit that a shift brings in from a neighbour.
    fn with_plane<const LEFT: u32, const RIGHT: u32, const MASK: u8>(self, nibbles: Self::Quads, plane: Self::Quads) -> Self::Quads;
    /// `value` in each lane, to add products to.
    fn start(self, value: i32) -> Self::Partial;
    /// Adds each lane's four products of weights and activations. Between two of [`Lanes::start`], [`Lanes::settle`] and [`Lanes::total`] the largest weights of all calls may
    /// add up to 128: some paths hold these sums in 16 bits. Activations are −127 … 127.
    fn dot(self, sum: Self::Partial, weights: Self::Quads, activations: [u8; 4]) -> Self::Partial;
    /// The same sum, with room for more products.
    fn settle(self, sum: Self::Partial) -> Self::Partial;
    /// The sum.
    fn total(self, sum: Self::Partial) -> Self::Ints;

    /// Four weights a lane, stored plus 128.
    fn bytes(self, bytes: &[u8; 64]) -> Self::Bytes;
    /// What eight calls of [`Lanes::dot_bytes`] are added to so that the result is their sum; `less` is −128 times the sum of their 32 activations.
    fn start_bytes(self, less: i32) -> Self::Ints;
    /// Adds each lane's four products.
    fn dot_bytes(self, sum: Self::Ints, weights: Self::Bytes, activations: [u8; 4]) -> Self::Ints;
}
