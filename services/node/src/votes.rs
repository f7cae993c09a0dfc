//! The engine's votes and certificates as the types that a stranger checks, and back (spec/pantheon.md "Votes", "Certificate").

use crate::identity::Signature;
use crate::scheme::{QuorumCertificate, Scheme};
use bytes::Bytes;
use commonware_codec::{Encode, Error as CodecError, ReadExt};
use commonware_consensus::simplex::types::{Activity, Finalization, Finalize, Notarize, Nullify, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::certificate::{Attestation, Signers};
use commonware_cryptography::sha256::Digest;
use commonware_utils::Participant;
use mickai_proof::digest::{BlockId, ChainId};
use mickai_proof::pantheon::{self as proof, Address, Certificate, Evidence, Vote, VoteKind};

/// A block's id as the engine's digest.
pub fn digest(block: BlockId) -> Digest {
    Digest(block.0)
}

/// The engine's digest as a block's id.
pub fn block_id(digest: &Digest) -> BlockId {
    BlockId(digest.0)
}

/// A round as `mickai_proof` knows it.
pub fn round(round: Round) -> proof::Round {
    proof::Round { epoch: round.epoch().get(), view: round.view().get() }
}

/// A proposal as `mickai_proof` knows it.
pub fn proposal(proposal: &Proposal<Digest>) -> proof::Proposal {
    proof::Proposal { round: round(proposal.round), parent: proposal.parent.get(), block: block_id(&proposal.payload) }
}

/// What a light client reads; `None` where a signature is not of its form, which the engine lets nobody finalise with. The caller knows that the engine has verified it.
pub fn certificate(finalization: &Finalization<Scheme, Digest>) -> Option<Certificate> {
    let (signers, signatures) = (finalization.certificate.signers(), finalization.certificate.signatures());
    let votes = signers.iter().zip(signatures).map(|(seat, signature)| Some((usize::from(seat), Box::new(*signature.get()?.raw())))).collect::<Option<_>>()?;
    let proven = proposal(&finalization.proposal);
    Certificate::new(proven.round, proven.parent, signers.len(), votes)
}

/// What the engine reads; `None` where the certificate has a seat beyond the `seats` of its set. Nothing is verified here.
pub fn finalization(certificate: &Certificate, block: BlockId, seats: usize) -> Option<Finalization<Scheme, Digest>> {
    let round = Round::new(Epoch::new(certificate.round.epoch), View::new(certificate.round.view));
    let votes: Vec<_> = certificate.votes().map(|(seat, signature)| Some((Participant::new(u32::try_from(seat).ok()?), Signature::from_raw(*signature)))).collect::<Option<_>>()?;
    let (signers, signatures): (Vec<_>, Vec<_>) = votes.into_iter().unzip();
    let signers = Signers::new(u32::try_from(seats).ok()?, signers).ok()?;
    Some(Finalization { proposal: Proposal::new(round, View::new(certificate.parent), digest(block)), certificate: QuorumCertificate::new(signers, signatures) })
}

/// A vote to notarize; `None` where its signature is not of its form.
pub fn notarize(vote: &Notarize<Scheme, Digest>) -> Option<Vote> {
    signed(VoteKind::Notarize(proposal(&vote.proposal)), &vote.attestation)
}

/// A vote to leave a round.
pub fn nullify(vote: &Nullify<Scheme>) -> Option<Vote> {
    signed(VoteKind::Nullify(round(vote.round)), &vote.attestation)
}

/// A vote to finalise.
pub fn finalize(vote: &Finalize<Scheme, Digest>) -> Option<Vote> {
    signed(VoteKind::Finalize(proposal(&vote.proposal)), &vote.attestation)
}

/// What the engine saw a validator do twice, as what costs it its bond; `None` for everything else that the engine reports, and unless both votes are signed by the seat of `scheme` that
/// they name: the engine reports what it has not verified, and evidence that the chain refuses would cost its sender the fee.
pub fn evidence(activity: &Activity<Scheme, Digest>, scheme: &Scheme, chain: ChainId) -> Option<Evidence> {
    let (seat, votes) = contradiction(activity)?;
    let key = scheme.seat(seat)?.key();
    let [a, b] = votes;
    let (a, b) = if a.kind <= b.kind { (a, b) } else { (b, a) };
    let evidence = Evidence { voter: Address::of(key), a, b };
    let is_shown = evidence.contradicts() && [&evidence.a, &evidence.b].into_iter().all(|vote| vote.is_signed_by(key, chain));
    is_shown.then_some(evidence)
}

/// The engine gives the two votes of a pair in its encoding alone: one behind the other.
fn contradiction(activity: &Activity<Scheme, Digest>) -> Option<(Participant, [Vote; 2])> {
    match activity {
        Activity::ConflictingNotarize(pair) => {
            let [a, b]: [Notarize<Scheme, Digest>; 2] = two(pair.encode()).ok()?;
            Some((a.attestation.signer, [notarize(&a)?, notarize(&b)?]))
        }
        Activity::ConflictingFinalize(pair) => {
            let [a, b]: [Finalize<Scheme, Digest>; 2] = two(pair.encode()).ok()?;
            Some((a.attestation.signer, [finalize(&a)?, finalize(&b)?]))
        }
        Activity::NullifyFinalize(pair) => {
            let mut bytes = pair.encode();
            let (a, b) = (Nullify::read(&mut bytes).ok()?, Finalize::read(&mut bytes).ok()?);
            Some((a.attestation.signer, [nullify(&a)?, finalize(&b)?]))
        }
        _ => None,
    }
}

fn two<T: ReadExt>(mut bytes: Bytes) -> Result<[T; 2], CodecError> {
    Ok([T::read(&mut bytes)?, T::read(&mut bytes)?])
}

fn signed(kind: VoteKind, attestation: &Attestation<Scheme>) -> Option<Vote> {
    Some(Vote { kind, signature: Box::new(*attestation.signature.get()?.raw()) })
}
