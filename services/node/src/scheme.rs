//! The certificate scheme that the engine votes by: a quorum of single ML-DSA-65 signatures, each by the key of a seat (spec/pantheon.md "Votes").
//!
//! Signatures are not aggregated and each can be shown to anybody: two that contradict each other cost a bond.

use crate::identity::{PrivateKey, PublicKey, Signature};
use commonware_codec::types::lazy::Lazy;
use commonware_consensus::simplex::scheme::Namespace;
use commonware_consensus::simplex::types::Subject;
use commonware_cryptography::certificate::{self, AssemblyError, Attestation, Membership, Namespace as _, Signers, Subject as _, Verification};
use commonware_cryptography::{Digest, Verifier as _};
use commonware_parallel::Strategy;
use commonware_utils::iter::NonEmpty;
use commonware_utils::ordered::{Quorum, Set};
use commonware_utils::{N3f1, Participant};
use mickai_proof::digest::ChainId;
use mickai_proof::limits::SEATS_MAX;
use mickai_proof::pantheon::ValidatorSet;
use rand_core::CryptoRng;
use std::fmt;

mod quorum;
pub use quorum::QuorumCertificate;

const NAMESPACE: &[u8] = b"pan-vote-v1\0";

/// Who may vote in an epoch of a chain, and as whom this node does.
#[derive(Clone)]
pub struct Scheme {
    seats: Set<PublicKey>,
    signer: Option<(Participant, PrivateKey)>,
    namespace: Namespace,
}

impl Scheme {
    /// Of a validator; `None` where the key has no seat in the set.
    pub fn signer(chain: ChainId, set: &ValidatorSet, key: PrivateKey) -> Option<Self> {
        Self::verifier(chain, set).signing(key)
    }

    /// Of who only follows.
    pub fn verifier(chain: ChainId, set: &ValidatorSet) -> Self {
        let seats = Set::from_iter_dedup(set.keys().iter().cloned().map(PublicKey::from));
        Self { seats, signer: None, namespace: Namespace::derive(&[NAMESPACE, &chain.0].concat()) }
    }

    /// The same as one of them; `None` where the key has no seat.
    pub(crate) fn signing(&self, key: PrivateKey) -> Option<Self> {
        let seat = self.seats.index(key.public())?;
        Some(Self { signer: Some((seat, key)), ..self.clone() })
    }

    /// The key of a seat.
    pub fn seat(&self, seat: Participant) -> Option<&PublicKey> {
        self.seats.key(seat)
    }

    fn is_signed<D: Digest>(&self, subject: &Subject<'_, D>, seat: Participant, signature: &Lazy<Signature>) -> bool {
        match (self.seats.key(seat), signature.get()) {
            (Some(key), Some(signature)) => key.verify(subject.namespace(&self.namespace), &subject.message(), signature),
            _ => false,
        }
    }
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scheme of {} seats", self.seats.len())
    }
}

impl certificate::Verifier for Scheme {
    type Subject<'a, D: Digest> = Subject<'a, D>;
    type Faults = N3f1;
    type PublicKey = PublicKey;
    type Certificate = QuorumCertificate;

    /// The same answer on every node and at every time: it depends on the set, the subject and the bytes alone, and on no randomness.
    fn verify_certificate<R: CryptoRng, D: Digest>(&self, _: &mut R, subject: Subject<'_, D>, certificate: &QuorumCertificate, strategy: &impl Strategy) -> bool {
        let (signers, signatures) = (certificate.signers(), certificate.signatures());
        let have = signers.count();
        if signers.len() != self.seats.len() || have != signatures.len() || have < self.seats.quorum::<N3f1>() as usize {
            return false;
        }
        let votes: Vec<_> = signers.iter().zip(signatures).collect();
        strategy.map_collect_vec(votes, |(seat, signature)| self.is_signed(&subject, seat, signature)).into_iter().all(|is_signed| is_signed)
    }

    fn is_batchable() -> bool {
        false
    }

    fn max_certificate_size(participants: u32) -> usize {
        quorum::size_max(participants as usize)
    }

    fn certificate_codec_config(&self) -> usize {
        self.seats.len()
    }

    fn certificate_codec_config_unbounded() -> usize {
        SEATS_MAX
    }
}

impl certificate::Scheme for Scheme {
    type Signature = Signature;

    fn me(&self) -> Option<Membership> {
        self.signer.as_ref().map(|(seat, _)| Membership::Signer(*seat))
    }

    fn participants(&self) -> &Set<PublicKey> {
        &self.seats
    }

    fn sign<D: Digest>(&self, subject: Subject<'_, D>) -> Option<Attestation<Self>> {
        let (seat, key) = self.signer.as_ref()?;
        let signature = key.try_sign(subject.namespace(&self.namespace), &subject.message())?;
        Some(Attestation { signer: *seat, signature: signature.into() })
    }

    fn verify_attestation<R: CryptoRng, D: Digest>(&self, _: &mut R, subject: Subject<'_, D>, attestation: &Attestation<Self>, _: &impl Strategy) -> bool {
        self.is_signed(&subject, attestation.signer, &attestation.signature)
    }

    /// On several threads where the strategy has them: this is most of what a validator computes.
    fn verify_attestations<R, D, I>(&self, _: &mut R, subject: Subject<'_, D>, attestations: I, strategy: &impl Strategy) -> Verification<Self>
    where
        R: CryptoRng,
        D: Digest,
        I: IntoIterator<Item = Attestation<Self>>,
        I::IntoIter: Send,
    {
        let attestations: Vec<_> = attestations.into_iter().collect();
        let checked = strategy.map_collect_vec(attestations, |attestation| (self.is_signed(&subject, attestation.signer, &attestation.signature), attestation));
        let (mut verified, mut invalid) = (Vec::with_capacity(checked.len()), Vec::new());
        for (is_signed, attestation) in checked {
            if is_signed { verified.push(attestation) } else { invalid.push(attestation.signer) }
        }
        invalid.sort();
        invalid.dedup();
        Verification::new(verified, invalid)
    }

    fn optimistic_assemble<'a, R, D, I, J>(
        &self,
        rng: &mut R,
        subject: Subject<'_, D>,
        pending: I,
        verified: J,
        strategy: &impl Strategy,
    ) -> Result<QuorumCertificate, Verification<Self>>
    where
        R: CryptoRng,
        D: Digest,
        I: IntoIterator<Item = Attestation<Self>>,
        I::IntoIter: ExactSizeIterator + Send,
        J: IntoIterator<Item = &'a Attestation<Self>>,
        J::IntoIter: Send,
    {
        certificate::verify_then_assemble::<Self, _, D, _, _>(self, rng, subject, pending, verified, strategy)
    }

    fn assemble<I>(&self, attestations: NonEmpty<I>, _: &impl Strategy) -> Result<QuorumCertificate, AssemblyError>
    where
        I: Iterator<Item = Attestation<Self>> + Send,
    {
        let mut votes = Vec::new();
        for Attestation { signer, signature } in attestations {
            self.seats.key(signer).ok_or(AssemblyError::UnknownSigner(signer))?;
            let signature = signature.get().cloned().ok_or(AssemblyError::MalformedSignature(signer))?;
            votes.push((signer, signature));
        }
        votes.sort_by_key(|(seat, _)| *seat);
        let (seats, signatures): (Vec<_>, Vec<_>) = votes.into_iter().unzip();
        let signers = Signers::try_from((&self.seats, seats))?;
        let (need, have) = (self.seats.quorum::<N3f1>(), signatures.len() as u32);
        if have < need {
            return Err(AssemblyError::InsufficientAttestations(need, have));
        }
        Ok(QuorumCertificate::new(signers, signatures))
    }

    fn is_attributable() -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
