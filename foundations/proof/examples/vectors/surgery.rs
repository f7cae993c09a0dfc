//! Cuts an encoded record into its fields and puts them together again, right or wrong; and makes signatures that a lenient decoder would take for good.

use crate::common::Signer;
use mickai_proof::cbor::{Major, Reader, write_head};
use mickai_proof::signature::SIGNATURE_LEN;

/// The fields of a record's map: key and value as they are encoded.
pub struct Fields(pub Vec<(Vec<u8>, Vec<u8>)>);

impl Fields {
    pub fn of(record: &[u8]) -> Self {
        let mut reader = Reader::new(record);
        let count = reader.map().unwrap();
        Self((0..count).map(|_| (reader.value(1).unwrap().to_vec(), reader.value(8).unwrap().to_vec())).collect())
    }

    /// Replaces the value of field `key`, or adds the field in its place.
    pub fn set(mut self, key: u8, value: &[u8]) -> Self {
        self = self.without(key);
        let at = self.0.iter().position(|(known, _)| *known > vec![key]).unwrap_or(self.0.len());
        self.0.insert(at, (vec![key], value.to_vec()));
        self
    }

    pub fn without(mut self, key: u8) -> Self {
        self.0.retain(|(known, _)| *known != [key]);
        self
    }

    pub fn value(&self, key: u8) -> Vec<u8> {
        self.0.iter().find(|(known, _)| *known == [key]).unwrap().1.clone()
    }

    /// The encoding, with the map's head in its shortest form.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_head(&mut out, Major::Map, self.0.len() as u64);
        self.0.iter().for_each(|(key, value)| out.extend([key.as_slice(), value].concat()));
        out
    }
}

/// `80` repeated, text of CBOR in hex: readers of a vector's source see the bytes.
pub fn hex(text: &str) -> Vec<u8> {
    crate::common::vector::from_hex(&text.replace(' ', ""))
}

/// omega and k of ML-DSA-65: a signature ends in omega + k bytes of hints (FIPS 204 Algorithm 20).
const OMEGA: usize = 55;
const K: usize = 6;

/// A good signature over the first of `messages` whose hints can be written in a second way: the hint of one coefficient twice. A decoder that does not want hints to ascend strictly reads
/// the same hint from it, so only the check of FIPS 204 Algorithm 21 step 9 refuses it. Gives the message's number and the altered signature.
pub fn repeat_hint(signer: &Signer, messages: &[Vec<u8>]) -> (usize, [u8; SIGNATURE_LEN]) {
    messages.iter().enumerate().find_map(|(number, message)| Some((number, with_repeated_hint(signer.sign(message))?))).unwrap()
}

pub fn with_repeated_hint(mut signature: [u8; SIGNATURE_LEN]) -> Option<[u8; SIGNATURE_LEN]> {
    let hints = &mut signature[SIGNATURE_LEN - OMEGA - K..];
    let first_polynomial = (0..K).find(|i| hints[OMEGA + i] > 0).unwrap();
    if usize::from(hints[OMEGA + K - 1]) == OMEGA {
        return None;
    }
    hints.copy_within(0..OMEGA - 1, 1);
    hints[OMEGA + first_polynomial..].iter_mut().for_each(|end| *end += 1);
    Some(signature)
}

/// The same signature with a byte that no hint uses set: FIPS 204 Algorithm 21 step 17 refuses it.
pub fn with_hint_padding(mut signature: [u8; SIGNATURE_LEN]) -> Option<[u8; SIGNATURE_LEN]> {
    let hints = &mut signature[SIGNATURE_LEN - OMEGA - K..];
    if usize::from(hints[OMEGA + K - 1]) == OMEGA {
        return None;
    }
    hints[OMEGA - 1] = 1;
    Some(signature)
}
