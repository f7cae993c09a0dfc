//! What a tensor looks like from outside: name, shape, type, digest, mean, deviation, extremes.

use crate::digest::{self, TensorDigest};
use crate::tensor::Tensor;
use mickai_kernels::dequantise::dequantise;
use mickai_kernels::element::ElementType;

/// One line of `model show --tensors`.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorStats {
    pub name: String,
    /// Row-major.
    pub shape: Vec<usize>,
    pub element: ElementType,
    pub digest: TensorDigest,
    pub mean: f64,
    /// Population standard deviation.
    pub deviation: f64,
    pub min: f32,
    pub max: f32,
    /// Values that are infinite or not numbers; they are left out of the figures above.
    pub not_finite_count: u64,
}

/// Values dequantised at a time; a multiple of every weight block.
const CHUNK: usize = 4096;

/// Reads a whole tensor. Sums are f64, in the order of storage.
pub fn tensor_stats(tensor: &Tensor) -> TensorStats {
    let mut sums = Sums { count: 0, mean: 0.0, squares: 0.0, min: f32::INFINITY, max: f32::NEG_INFINITY, not_finite_count: 0 };
    let mut values = vec![0f32; CHUNK];
    let chunk_bytes = CHUNK / tensor.element.block_elements() * tensor.element.block_bytes();
    for chunk in tensor.bytes().chunks(chunk_bytes) {
        let count = chunk.len() / tensor.element.block_bytes() * tensor.element.block_elements();
        // A chunk holds at most CHUNK values.
        let values = &mut values[..count];
        dequantise(tensor.element, chunk, values);
        sums.add(values);
    }
    let (min, max) = if sums.count == 0 { (0.0, 0.0) } else { (sums.min, sums.max) };
    TensorStats {
        name: tensor.name.clone(),
        shape: tensor.shape.clone(),
        element: tensor.element,
        digest: digest::tensor_digest(tensor),
        mean: sums.mean,
        deviation: (sums.squares / (sums.count.max(1) as f64)).sqrt(),
        min,
        max,
        not_finite_count: sums.not_finite_count,
    }
}

/// Mean and squared deviations, chunk by chunk (Chan, Golub and LeVeque 1983), so that a far mean costs no precision.
struct Sums {
    count: u64,
    mean: f64,
    squares: f64,
    min: f32,
    max: f32,
    not_finite_count: u64,
}

impl Sums {
    fn add(&mut self, values: &[f32]) {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let count = finite().count() as u64;
        self.not_finite_count += values.len() as u64 - count;
        if count == 0 {
            return;
        }
        let mean = finite().map(f64::from).sum::<f64>() / count as f64;
        let squares = finite().map(|v| (f64::from(v) - mean) * (f64::from(v) - mean)).sum::<f64>();
        let (before, total) = (self.count as f64, (self.count + count) as f64);
        let step = mean - self.mean;
        self.squares += squares + step * step * before * count as f64 / total;
        self.mean += step * count as f64 / total;
        self.count += count;
        self.min = finite().fold(self.min, f32::min);
        self.max = finite().fold(self.max, f32::max);
    }
}
