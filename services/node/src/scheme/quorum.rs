//! A certificate as the engine's messages carry it: a bit for each seat that signed, and the signatures in the order of the seats.

use crate::identity::Signature;
use bytes::BufMut;
use commonware_codec::types::lazy::Lazy;
use commonware_codec::{Buf, EncodeSize, Error as CodecError, Read, ReadRangeExt, Write};
use commonware_cryptography::certificate::Signers;
use mickai_proof::signature::SIGNATURE_LEN;

/// Signatures by a quorum of seats over one subject, which is not part of it. The light client's form of it is `mickai_proof::pantheon::Certificate`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QuorumCertificate {
    signers: Signers,
    signatures: Vec<Lazy<Signature>>,
}

impl QuorumCertificate {
    /// From as many signatures as there are signers, in their order.
    pub(crate) fn new(signers: Signers, signatures: Vec<Signature>) -> Self {
        Self { signers, signatures: signatures.into_iter().map(Lazy::from).collect() }
    }

    /// The seats that signed.
    pub fn signers(&self) -> &Signers {
        &self.signers
    }

    /// Their signatures, not yet verified.
    pub fn signatures(&self) -> &[Lazy<Signature>] {
        &self.signatures
    }
}

/// No certificate of so many seats is longer: two lengths of at most ten bytes, the bits, the signatures.
pub(super) fn size_max(seats: usize) -> usize {
    20 + seats.div_ceil(8) + seats * SIGNATURE_LEN
}

impl Write for QuorumCertificate {
    fn write(&self, out: &mut impl BufMut) {
        self.signers.write(out);
        self.signatures.write(out);
    }
}

impl EncodeSize for QuorumCertificate {
    fn encode_size(&self) -> usize {
        self.signers.encode_size() + self.signatures.encode_size()
    }
}

impl Read for QuorumCertificate {
    type Cfg = usize;

    fn read_cfg(from: &mut impl Buf, seats_max: &usize) -> Result<Self, CodecError> {
        let signers = Signers::read_cfg(from, seats_max)?;
        let signatures = Vec::<Lazy<Signature>>::read_range(from, 1..=*seats_max)?;
        if signers.count() != signatures.len() {
            return Err(CodecError::Invalid("mickai_node::QuorumCertificate", "not as many signatures as signers"));
        }
        Ok(Self { signers, signatures })
    }
}
