//! Arithmetic whose bits are specified: the same inputs give the same outputs on every machine.
//!
//! Every operation here is a page section of `spec/arithmetic.md`, down to the order of its roundings. Lanes run over
//! outputs and never along a sum, so register width, thread count and batch size cannot reach a result.
//!
//! It never allocates per token, never picks a result by the kind of CPU, never reads a file, a clock or an environment.
//!
//! Before the first token, [`matmul::pack`] lays weights in panels into [`memory`] on large pages. The life of one token through the modules: [`dequantise`] reads its embedding row; [`norm`]
//! scales it; [`quantise`] prepares it for quantised weights, in the tiles of [`columns`]; [`matmul`] projects it; [`rope`] turns queries and keys; [`attention`] mixes values; [`activation`] closes the
//! feed-forward layer; [`residual`] adds. [`isa`] says which instructions do it and [`crew`] who does it: neither changes a bit.
//!
//! Invariants: `f32` operations are IEEE 754 binary32, round to nearest even, subnormals kept; a fused multiply-add rounds once; nothing
//! is called from libm. Every file opens with its formula and ends with a plain reference that the tests compare each path with.
//! Start reading at [`quantise`] and `matmul/quantised.rs`, then `isa/lanes.rs`.
#![allow(missing_docs)]

pub mod activation;
pub mod attention;
mod blocks;
pub mod columns;
pub mod crew;
pub mod dequantise;
pub mod element;
pub mod exponential;
pub mod half;
pub mod isa;
pub mod matmul;
pub mod memory;
pub mod norm;
pub mod probe;
pub mod quantise;
pub mod residual;
pub mod rope;

#[cfg(test)]
mod testing;

/// The name of this arithmetic in records. Any change of any bit of any operation is a new name.
pub const ARITHMETIC: &str = "mickai-arith-1";
