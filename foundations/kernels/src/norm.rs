//! RMS norm of a row (`spec/arithmetic.md`, "RMS norm").
//!
//! ```text
//! lane_l = Σ x_i²  over i ≡ l (mod 16), in order, by fma from +0.0
//! total  = the sixteen lanes by a tree: l with l + 8, then + 4, + 2, + 1
//! y_i    = (x_i · (1 / sqrt(total / n + eps))) · w_i
//! ```

use crate::crew::{Crew, each_row};
use crate::isa::{Isa, LANES, Lanes, on_isa};

/// Norms rows of `weight.len()` values of `x` into `out`, row by row.
pub fn rms_norm(isa: Isa, crew: &dyn Crew, x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "outputs");
    let width = weight.len();
    each_row(crew, out, width, |index, out| norm_row(isa, &x[index * width..][..width], weight, eps, out));
}

/// Brings rows of `width` values to length one: their norm without an epsilon, whose weights are all `1 / sqrt(width)` (`spec/arithmetic.md`, "Embeddings").
pub fn to_length_one(isa: Isa, crew: &dyn Crew, x: &[f32], width: usize, out: &mut [f32]) {
    rms_norm(isa, crew, x, &vec![1.0 / (width as f32).sqrt(); width], 0.0, out);
}

on_isa!(fn norm_row(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) = row);

#[inline(always)]
fn row<S: Lanes>(lanes: S, x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let mut sums = [0f32; LANES];
    let (whole, rest) = x.as_chunks::<LANES>();
    for x in whole {
        for l in 0..LANES {
            sums[l] = lanes.fused(x[l], x[l], sums[l]);
        }
    }
    for (sum, &x) in sums.iter_mut().zip(rest) {
        *sum = lanes.fused(x, x, *sum);
    }
    let inverse = 1.0 / (tree(sums) / x.len() as f32 + eps).sqrt();
    for ((out, &x), &weight) in out.iter_mut().zip(x).zip(weight) {
        *out = x * inverse * weight;
    }
}

/// The sum of sixteen lanes: halves are added to halves.
#[inline(always)]
pub(crate) fn tree(mut lanes: [f32; LANES]) -> f32 {
    for half in [8, 4, 2, 1] {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Serial;
    use crate::testing::check_hash;

    fn reference(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
        let lane = |l: usize| x.iter().skip(l).step_by(16).fold(0f32, |sum, &x| x.mul_add(x, sum));
        let pair = |l: usize| (lane(l) + lane(l + 8)) + (lane(l + 4) + lane(l + 12));
        let total = (pair(0) + pair(2)) + (pair(1) + pair(3));
        let inverse = 1.0 / (total / x.len() as f32 + eps).sqrt();
        x.iter().zip(weight).map(|(x, w)| (x * inverse) * w).collect()
    }

    #[test]
    fn hash_of_rms_norm() {
        check_hash("RMS norm", |random, isa, check| {
            let width = 1 + random.below(100);
            let (x, weight) = (random.values(width), random.values(width));
            let mut out = vec![0.0; width];
            rms_norm(isa, &Serial, &x, &weight, 1e-5, &mut out);
            (out, check.then(|| reference(&x, &weight, 1e-5)))
        });
    }

    /// Of several vectors, as they are made together.
    #[test]
    fn hash_of_to_length_one() {
        check_hash("embedding", |random, isa, check| {
            let (width, count) = (1 + random.below(100), 1 + random.below(3));
            let x = random.values(width * count);
            let mut out = vec![0.0; x.len()];
            to_length_one(isa, &Serial, &x, width, &mut out);
            let weight = vec![1.0 / (width as f32).sqrt(); width];
            (out, check.then(|| x.chunks(width).flat_map(|x| reference(x, &weight, 0.0)).collect()))
        });
    }
}
