//! Rope scaling "llama3": low rotary frequencies are divided by a factor, high ones kept, those between blended.
//!
//! Source: `_compute_llama3_parameters` of transformers, in the steps and the f32 rounding of llama.cpp's converter (which stores the
//! divisors as `rope_freqs.weight`), so that a folder and a GGUF file made from it carry the same bits.

use crate::power::power;

/// The parameters of `rope_scaling` in `config.json`.
pub(crate) struct Llama3 {
    pub factor: f32,
    pub low_freq_factor: f32,
    pub high_freq_factor: f32,
    pub original_context_tokens: f32,
}

/// Divisors of the `head_width / 2` rotary frequencies, in order of falling frequency.
pub(crate) fn llama3_factors(parameters: &Llama3, base: f32, head_width: usize) -> Vec<f32> {
    let Llama3 { factor, low_freq_factor: low, high_freq_factor: high, original_context_tokens: context } = *parameters;
    let one = |index: usize| {
        let exponent = (2 * index) as f32 / head_width as f32;
        let frequency = 1.0 / power(f64::from(base), f64::from(exponent)) as f32;
        // The reference writes a / b as (1 / b) * a where a is a plain number: two roundings.
        let wavelength = (1.0 / frequency) * (2.0 * std::f64::consts::PI) as f32;
        // Plain numbers are divided and compared with in f64.
        if f64::from(wavelength) < f64::from(context) / f64::from(high) {
            1.0
        } else if f64::from(wavelength) > f64::from(context) / f64::from(low) {
            factor
        } else {
            let smooth = ((1.0 / wavelength) * context - low) / (high - low);
            1.0 / ((1.0 - smooth) / factor + smooth)
        }
    };
    (0..head_width / 2).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published shapes and the tiny models, as llama.cpp's converter computes them with PyTorch (`spec/vectors/model/make.py`).
    #[test]
    fn factors_are_those_of_the_converter() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../../../spec/vectors/model/rope.json")).unwrap();
        let vectors = vectors.as_object().unwrap();
        assert_eq!(vectors.len(), 5);
        for (name, rope) in vectors {
            let number = |key: &str| rope[key].as_f64().unwrap() as f32;
            let parameters = Llama3 {
                factor: number("factor"),
                low_freq_factor: number("low_freq_factor"),
                high_freq_factor: number("high_freq_factor"),
                original_context_tokens: number("original_max_position_embeddings"),
            };
            let factors = llama3_factors(&parameters, number("rope_theta"), number("head_width") as usize);
            let bits: Vec<u64> = factors.iter().map(|f| u64::from(f.to_bits())).collect();
            let want: Vec<u64> = rope["factors"].as_array().unwrap().iter().map(|f| f.as_u64().unwrap()).collect();
            assert_eq!(bits, want, "{name}");
        }
    }
}
