//! The gate of the feed-forward layer: `y = (g / (1 + e^(−g))) · u` (`spec/arithmetic.md`, "Gate").

use crate::crew::{Crew, each_row};
use crate::exponential::exp;
use crate::isa::{Isa, Lanes, on_isa};

/// `gate[i] = silu(gate[i]) · up[i]`, in rows of `width`.
pub fn silu_gate(isa: Isa, crew: &dyn Crew, gate: &mut [f32], up: &[f32], width: usize) {
    assert_eq!(gate.len(), up.len(), "gate and up");
    each_row(crew, gate, width, |row, gate| gate_row(isa, gate, &up[row * width..][..width]));
}

on_isa!(fn gate_row(gate: &mut [f32], up: &[f32]) = row);

#[inline(always)]
fn row<S: Lanes>(lanes: S, gate: &mut [f32], up: &[f32]) {
    for (gate, &up) in gate.iter_mut().zip(up) {
        *gate = *gate / (1.0 + exp(lanes, -*gate)) * up;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Serial;
    use crate::isa::Scalar;
    use crate::testing::check_hash;

    #[test]
    fn hash_of_silu_gate() {
        check_hash("gate", |random, isa, check| {
            let width = 1 + random.below(40);
            let (gate, up) = (random.values(width), random.values(width));
            let mut out = gate.clone();
            silu_gate(isa, &Serial, &mut out, &up, width);
            (out, check.then(|| gate.iter().zip(&up).map(|(g, u)| (g / (1.0 + exp(Scalar, -g))) * u).collect()))
        });
    }

    #[test]
    fn far_values_stay_finite() {
        let mut gate = [-1e30, -100.0, 0.0, 100.0];
        silu_gate(Isa::best(), &Serial, &mut gate, &[1.0; 4], 4);
        assert_eq!(gate, [-0.0, -0.0, 0.0, 100.0]);
    }
}
