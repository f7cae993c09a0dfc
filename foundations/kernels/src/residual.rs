//! The residual stream: `x_i + y_i`, one rounding (`spec/arithmetic.md`, "Residual").

use crate::crew::{Crew, each_row};

/// Adds `y` to `x`, in rows of `width`.
pub fn add(crew: &dyn Crew, x: &mut [f32], y: &[f32], width: usize) {
    assert_eq!(x.len(), y.len(), "summands");
    each_row(crew, x, width, |row, x| x.iter_mut().zip(&y[row * width..]).for_each(|(x, y)| *x += y));
}

/// Adds `scale · y` to `x`, in rows of `width`: two roundings (`spec/arithmetic.md`, "Adapters").
pub fn add_scaled(crew: &dyn Crew, x: &mut [f32], y: &[f32], scale: f32, width: usize) {
    assert_eq!(x.len(), y.len(), "summands");
    each_row(crew, x, width, |row, x| x.iter_mut().zip(&y[row * width..]).for_each(|(x, y)| *x += scale * y));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Serial;
    use crate::testing::{Random, check_hash};

    /// Two times some rows of one width.
    fn summands(random: &mut Random) -> (usize, Vec<f32>, Vec<f32>) {
        let (width, rows) = (1 + random.below(40), 1 + random.below(3));
        (width, random.values(width * rows), random.values(width * rows))
    }

    #[test]
    fn hash_of_add() {
        check_hash("residual", |random, _, check| {
            let (width, x, y) = summands(random);
            let mut out = x.clone();
            add(&Serial, &mut out, &y, width);
            (out, check.then(|| (0..x.len()).map(|i| x[i] + y[i]).collect()))
        });
    }

    /// Every product is rounded before it is added: in f64 it is exact.
    #[test]
    fn hash_of_add_scaled() {
        check_hash("adapter", |random, _, check| {
            let (width, x, y) = summands(random);
            let scale = random.value().abs();
            let mut out = x.clone();
            add_scaled(&Serial, &mut out, &y, scale, width);
            let rounded = |y: f32| (f64::from(scale) * f64::from(y)) as f32;
            (out, check.then(|| (0..x.len()).map(|i| x[i] + rounded(y[i])).collect()))
        });
    }

    #[test]
    fn rows_are_added_to_their_own() {
        let mut x = [1.0, 2.0, 3.0, 4.0];
        add(&Serial, &mut x, &[0.5, f32::EPSILON, -3.0, 1e9], 2);
        assert_eq!(x, [1.5, 2.0, 0.0, 1e9]);
        // 3 · (1 + ε) rounds to 3 + 4ε before it is added; fused, the sum would be ε.
        let mut x = [-(3.0 + 2.0 * f32::EPSILON), 1.0];
        add_scaled(&Serial, &mut x, &[1.0 + f32::EPSILON, 2.0], 3.0, 1);
        assert_eq!(x, [2.0 * f32::EPSILON, 7.0]);
    }
}
