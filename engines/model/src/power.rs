//! e^x, ln x and powers in f64, from single operations that IEEE 754 rounds exactly: the same bits on every machine and in every language.
//!
//! `spec/tokens.md` ("Exponential") gives the steps; nothing here is fused and nothing calls a system library.

/// The upper bits of ln 2 and the rest (fdlibm, `e_exp.c`): a multiple of the first by a whole number below 2¹¹ is exact.
const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);

/// e^x for −700 ≤ x ≤ 700, to about 2e-16; 0 below, +∞ above.
pub(crate) fn exponential(x: f64) -> f64 {
    if x < -700.0 {
        return 0.0;
    }
    if x > 700.0 {
        return f64::INFINITY;
    }
    let k = (x * std::f64::consts::LOG2_E + 0.5).floor();
    let r = (x - k * LN2_HIGH) - k * LN2_LOW;
    // 1 + r/1·(1 + r/2·(1 + … r/14)).
    let p = (1..15).rev().fold(1.0, |p, j| 1.0 + r * p / f64::from(j));
    // k lies within ±1,010, so the exponent field is a positive 11-bit number.
    p * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

/// [`exponential`] of each, for values of at most 700: several side by side, because its divisions wait for each other.
pub(crate) fn exponentials(values: &mut [f64]) {
    let (chunks, rest) = values.as_chunks_mut::<8>();
    chunks.iter_mut().for_each(side_by_side);
    rest.iter_mut().for_each(|x| *x = exponential(*x));
}

/// The same operations for eight, without a branch.
fn side_by_side(x: &mut [f64; 8]) {
    // What lies below is computed as if it were the limit, and is 0 in the end.
    let limited = x.map(|x| if x < -700.0 { -700.0 } else { x });
    let k = limited.map(|x| {
        let y = x * std::f64::consts::LOG2_E + 0.5;
        // The whole number below, which lies within ±1,010.
        let toward_zero = f64::from(y as i32);
        if toward_zero > y { toward_zero - 1.0 } else { toward_zero }
    });
    let mut p = [1.0; 8];
    let mut r = limited;
    for (r, k) in r.iter_mut().zip(k) {
        *r = (*r - k * LN2_HIGH) - k * LN2_LOW;
    }
    for j in (1..15).rev() {
        for (p, r) in p.iter_mut().zip(r) {
            *p = 1.0 + r * *p / f64::from(j);
        }
    }
    for ((x, p), k) in x.iter_mut().zip(p).zip(k) {
        let power = p * f64::from_bits(((i64::from(k as i32) + 1023) as u64) << 52);
        *x = if *x < -700.0 { 0.0 } else { power };
    }
}

/// Natural logarithm of a positive normal number: 2·artanh((m−1)/(m+1)) as a series, m in 0.75..1.5, plus whole halvings.
pub(crate) fn logarithm(x: f64) -> f64 {
    let (mut m, mut k) = (x, 0.0);
    while m >= 1.5 {
        (m, k) = (m * 0.5, k + 1.0);
    }
    while m < 0.75 {
        (m, k) = (m * 2.0, k - 1.0);
    }
    let ratio = (m - 1.0) / (m + 1.0);
    let square = ratio * ratio;
    let series = (0..20).rev().fold(0.0, |sum, j| sum * square + 1.0 / f64::from(2 * j + 1));
    (2.0 * ratio * series + k * LN2_LOW) + k * LN2_HIGH
}

/// `base` to the power of `exponent`; base a positive normal number.
pub(crate) fn power(base: f64, exponent: f64) -> f64 {
    exponential(exponent * logarithm(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_by_side_is_one_by_one() {
        let mut x: Vec<f64> =
            (0..40_003).map(|i| 1.5 - f64::from(i) * 0.017_77).chain([-700.0, -700.000_001, -0.0, 0.0, 700.0, f64::NEG_INFINITY, -1e300, f64::from_bits(1)]).collect();
        let want: Vec<u64> = x.iter().map(|&x| exponential(x).to_bits()).collect();
        exponentials(&mut x);
        assert!(x.iter().map(|x| x.to_bits()).eq(want));
    }

    #[test]
    fn agrees_with_the_system_library() {
        for i in -7000..7000 {
            let x = f64::from(i) * 0.0999;
            assert!((exponential(x) / x.exp() - 1.0).abs() < 1e-15, "{x}");
            let y = x.exp();
            assert!((logarithm(y) - x).abs() <= 4e-16 * x.abs().max(1.0), "{x}");
        }
        assert_eq!((exponential(0.0), exponential(-701.0), exponential(f64::NEG_INFINITY)), (1.0, 0.0, 0.0));
        assert!((power(500_000.0, 0.5) - 707.106_781_186_547_5).abs() < 1e-11);
    }
}
