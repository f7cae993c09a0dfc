//! How the numbers of a tensor are stored: plain floats, or weight blocks with a shared scale.

/// The stored type of a tensor's elements. Layouts are those of the GGUF specification (ggml `ggml-common.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ElementType {
    /// IEEE 754 binary32, little-endian.
    F32,
    /// IEEE 754 binary16, little-endian.
    F16,
    /// The upper half of a binary32, little-endian.
    Bf16,
    /// Blocks of 32: an f16 scale, 32 signed bytes.
    Q8_0,
    /// Blocks of 32: an f16 scale, 16 bytes of two 4-bit values each.
    Q4_0,
    /// Blocks of 32: an f16 scale and minimum, 16 bytes of two 4-bit values each.
    Q4_1,
    /// Blocks of 32: an f16 scale, 32 fifth bits, 16 bytes of two 4-bit values each.
    Q5_0,
    /// Blocks of 32: an f16 scale and minimum, 32 fifth bits, 16 bytes of two 4-bit values each.
    Q5_1,
    /// Super-blocks of 256: two f16 scales, eight 6-bit scales and minima, 128 bytes of two 4-bit values each.
    Q4K,
    /// Super-blocks of 256: as [`ElementType::Q4K`], and 256 fifth bits.
    Q5K,
    /// Super-blocks of 256: low 4 bits, high 2 bits, sixteen i8 scales, an f16 scale.
    Q6K,
    /// Super-blocks of 256: an f32 scale, 256 signed bytes, sixteen sums that nothing here reads.
    Q8K,
}

impl ElementType {
    /// All of them.
    pub const ALL: [Self; 12] = [Self::F32, Self::F16, Self::Bf16, Self::Q8_0, Self::Q4_0, Self::Q4_1, Self::Q5_0, Self::Q5_1, Self::Q4K, Self::Q5K, Self::Q6K, Self::Q8K];

    /// Whether elements come in weight blocks, so that the activations they meet are quantised too.
    pub const fn is_quantised(self) -> bool {
        self.block_elements() > 1
    }

    /// Elements in one weight block; 1 for plain floats.
    pub const fn block_elements(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q8_0 | Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 => 32,
            Self::Q4K | Self::Q5K | Self::Q6K | Self::Q8K => 256,
        }
    }

    /// Bytes of one weight block.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Q8_0 => 34,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
            Self::Q8K => 292,
        }
    }

    /// The name used in the spec, in records and on screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
            Self::Q4_1 => "q4_1",
            Self::Q5_0 => "q5_0",
            Self::Q5_1 => "q5_1",
            Self::Q4K => "q4_k",
            Self::Q5K => "q5_k",
            Self::Q6K => "q6_k",
            Self::Q8K => "q8_k",
        }
    }
}
