//! Sine, cosine and power against wider arithmetic, and the accumulated hashes of the spec.

use super::*;
use crate::testing::{Random, check_hash};

#[test]
fn hash_of_rotate() {
    check_hash("rotation, with frequencies and angles", |random, isa, check| {
        let half = 1 + random.below(32);
        let mut head = random.values(2 * half);
        let factors: Vec<f32> = (0..half).map(|_| 1.0 + random.value().abs()).collect();
        let frequencies = frequencies(1.0 + 1e4 * random.value().abs(), 2 * half, (random.below(2) == 0).then_some(&factors));
        let mut table = vec![0.0; 2 * half];
        angles(random.below(POSITION_LIMIT), &frequencies, &mut table);
        let expected = check.then(|| {
            let low = (0..half).map(|i| head[i].mul_add(table[i], -(head[half + i] * table[half + i])));
            let high = (0..half).map(|i| head[half + i].mul_add(table[i], head[i] * table[half + i]));
            low.chain(high).collect()
        });
        rotate(isa, &mut head, &table);
        (head, expected)
    });
}

/// The standard library's f64 functions are good to an ulp of f64, far more than is needed to judge f32.
#[test]
fn sine_and_cosine_are_the_nearest_f32() {
    let mut random = Random(3);
    let mut off = 0;
    for _ in 0..200_000 {
        let angle = (random.next() >> 44) as f32 * f32::from_bits((127 - random.below(21) as u32) << 23);
        let (c, s) = cos_sin(angle);
        for (got, want) in [(c, f64::from(angle).cos()), (s, f64::from(angle).sin())] {
            assert!((f64::from(got) - want).abs() <= f64::from(f32::EPSILON) * want.abs().max(1e-6) * 0.5001, "{angle}: {got:e} {want:e}");
            off += usize::from(got != want as f32);
        }
    }
    assert_eq!(off, 0);
    assert_eq!(cos_sin(0.0), (1.0, 0.0));
}

#[test]
fn powers_are_the_nearest_f32() {
    for base in [1.0f32, 2.0, 1e4, 5e5, 1e6, 1e7, 3.3e9] {
        for width in [2, 16, 64, 80, 96, 128, 256] {
            for i in 0..width / 2 {
                let exponent = (2 * i) as f32 / width as f32;
                assert_eq!(power(base, exponent), f64::from(base).powf(f64::from(exponent)) as f32, "{base}^{exponent}");
            }
        }
    }
}

/// What torch computes for the frequencies of published models, and the cosine and sine of far positions from f64:
/// `spec/vectors/arithmetic/make.py`.
#[test]
fn published_models_turn_as_in_torch() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../../../../spec/vectors/arithmetic/accept/rope.json")).unwrap();
    let bits = |value: &serde_json::Value| -> Vec<f32> { value.as_array().unwrap().iter().map(|x| f32::from_bits(x.as_u64().unwrap() as u32)).collect() };
    for case in vectors["cases"].as_array().unwrap() {
        let (base, width) = (case["base"].as_f64().unwrap() as f32, case["head_width"].as_u64().unwrap() as usize);
        let ours = frequencies(base, width, None);
        let theirs = bits(&case["frequencies"]);
        assert_eq!(ours.len(), theirs.len());
        for (a, b) in ours.iter().zip(&theirs) {
            assert!(a.to_bits().abs_diff(b.to_bits()) <= 1, "{base} {width}: {a:e} {b:e}");
        }
        for far in case["far"].as_array().unwrap() {
            let mut table = vec![0.0; width];
            angles(far["position"].as_u64().unwrap() as usize, &theirs, &mut table);
            let want: Vec<f32> = [bits(&far["cosines"]), bits(&far["sines"])].concat();
            for (a, b) in table.iter().zip(&want) {
                assert!((a - b).abs() <= 6e-8, "{base} {width}: {a:e} {b:e}");
            }
        }
    }
}
