//! Philox4x64-10: four random words from a counter and a key, without state (Salmon, Moraes, Dror and Shaw, SC 2011).

const MULTIPLIERS: [u64; 2] = [0xd2e7_470e_e14c_6c93, 0xca5a_8263_9512_1157];
const WEYL: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xbb67_ae85_84ca_a73b];

/// The block of `counter` under `key`.
pub(crate) fn philox4x64(counter: [u64; 4], key: [u64; 2]) -> [u64; 4] {
    let ([mut a, mut b, mut c, mut d], [mut k, mut l]) = (counter, key);
    for _ in 0..10 {
        let (x, y) = (wide(MULTIPLIERS[0], a), wide(MULTIPLIERS[1], c));
        (a, b, c, d) = (y.0 ^ b ^ k, y.1, x.0 ^ d ^ l, x.1);
        (k, l) = (k.wrapping_add(WEYL[0]), l.wrapping_add(WEYL[1]));
    }
    [a, b, c, d]
}

/// Upper and lower half of a product.
fn wide(a: u64, b: u64) -> (u64, u64) {
    let product = u128::from(a) * u128::from(b);
    ((product >> 64) as u64, product as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of Random123 (`kat_vectors`, philox4x64 10) for all zeros and all ones.
    #[test]
    fn known_answers() {
        assert_eq!(philox4x64([0; 4], [0; 2]), [0x1655_4d9e_ca36_314c, 0xdb20_fe9d_672d_0fdc, 0xd7e7_72ce_e186_176b, 0x7e68_b68a_ec7b_a23b]);
        assert_eq!(philox4x64([u64::MAX; 4], [u64::MAX; 2]), [0x87b0_92c3_013f_e90b, 0x438c_3c67_be8d_0224, 0x9cc7_d7c6_9cd7_77b6, 0xa09c_aebf_594f_0ba0]);
    }
}
