//! What the engine has signed is what the spec says, and its certificates are what a light client accepts.

use super::*;
use crate::identity::SEED_LEN;
use crate::votes;
use commonware_codec::{Decode, Encode, EncodeSize};
use commonware_consensus::simplex::types::{Finalization, Finalize, Notarize, Nullify, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::certificate::{Scheme as _, Verifier as _};
use commonware_cryptography::sha256::Digest as BlockDigest;
use commonware_math::algebra::Random as _;
use commonware_parallel::Sequential;
use commonware_utils::{test_rng, union_unique};
use mickai_proof::digest::{BlockId, SetDigest, StateHash, TreeHash};
use mickai_proof::pantheon::{Address, Certificate, Header, Height, PantheonError, VoteKind, quorum};
use mickai_proof::signature::SIGNATURE_LEN;
use zeroize::Zeroizing;

const CHAIN: ChainId = ChainId([7; 32]);

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed_bytes(&Zeroizing::new([seed; SEED_LEN]))
}

fn set(seats: u8) -> ValidatorSet {
    ValidatorSet::new((0..seats).map(|seed| key(seed).public().clone().into()).collect()).unwrap()
}

/// The schemes of all validators, by seat.
fn committee(seats: u8) -> Vec<Scheme> {
    let mut schemes: Vec<_> = (0..seats).map(|seed| Scheme::signer(CHAIN, &set(seats), key(seed)).unwrap()).collect();
    schemes.sort_by_key(|scheme| scheme.me().unwrap().index());
    schemes
}

fn header(set: &ValidatorSet) -> Header {
    Header {
        chain: CHAIN,
        height: Height(1),
        parent: BlockId(CHAIN.0),
        epoch: 0,
        view: 3,
        time_ms: 1,
        transaction_count: 0,
        transactions: TreeHash([1; 32]),
        state: StateHash([2; 32]),
        validators: set.digest(),
        next: SetDigest([3; 32]),
        proposer: Address([4; 32]),
    }
}

fn proposal(epoch: u64, view: u64, parent: u64, block: BlockId) -> Proposal<BlockDigest> {
    Proposal::new(Round::new(Epoch::new(epoch), View::new(view)), View::new(parent), votes::digest(block))
}

fn assemble(by: &[Scheme], proposal: &Proposal<BlockDigest>) -> Result<Finalization<Scheme, BlockDigest>, AssemblyError> {
    let finalizes: Vec<_> = by.iter().map(|scheme| Finalize::sign(scheme, proposal.clone()).unwrap()).collect();
    Finalization::from_finalizes(&by[0], NonEmpty::try_new(finalizes.iter()).unwrap(), &Sequential)
}

#[test]
fn seats_are_those_of_the_set() {
    for seats in [1, 2, 4, 7, 21] {
        let set = set(seats);
        let scheme = Scheme::verifier(CHAIN, &set);
        let keys: Vec<_> = scheme.participants().iter().map(|key| key.key().clone()).collect();
        assert_eq!(keys, set.keys());
        assert_eq!(scheme.participants().quorum::<N3f1>() as usize, quorum(usize::from(seats)));
        assert_eq!(scheme.me(), None);
    }
    assert!(Scheme::signer(CHAIN, &set(4), key(4)).is_none());
}

#[test]
fn what_the_engine_has_signed_is_the_message_of_the_spec() {
    let scheme = &committee(1)[0];
    for number in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
        let proposal = proposal(number, number / 2 + 1, number / 3, BlockId([9; 32]));
        let proven = votes::proposal(&proposal);
        let cases = [
            (Subject::Notarize { proposal: &proposal }, VoteKind::Notarize(proven)),
            (Subject::Nullify { round: proposal.round }, VoteKind::Nullify(proven.round)),
            (Subject::Finalize { proposal: &proposal }, VoteKind::Finalize(proven)),
        ];
        for (subject, kind) in cases {
            assert_eq!(union_unique(subject.namespace(&scheme.namespace), &subject.message()), kind.message(CHAIN), "{kind:?}");
        }
        let signed = [
            votes::notarize(&Notarize::sign(scheme, proposal.clone()).unwrap()),
            votes::nullify(&Nullify::sign::<BlockDigest>(scheme, proposal.round).unwrap()),
            votes::finalize(&Finalize::sign(scheme, proposal.clone()).unwrap()),
        ];
        for vote in signed.map(Option::unwrap) {
            assert!(vote.is_signed_by(key(0).public().key(), CHAIN));
            assert!(!vote.is_signed_by(key(0).public().key(), ChainId([8; 32])) && !vote.is_signed_by(key(1).public().key(), CHAIN));
        }
    }
}

#[test]
fn a_quorum_certifies_a_header() {
    for seats in [1, 4, 5] {
        let (schemes, set) = (committee(seats), set(seats));
        let header = header(&set);
        let proposal = proposal(0, 3, 2, header.id());
        let need = quorum(usize::from(seats));
        for from in 0..=schemes.len() - need {
            let finalization = assemble(&schemes[from..from + need], &proposal).unwrap();
            assert!(finalization.verify(&mut test_rng(), &schemes[0], &Sequential));
            let certificate = votes::certificate(&finalization).unwrap();
            assert_eq!(certificate.check(&header, &set), Ok(()));
            assert_eq!(Certificate::parse(&certificate.encode()).map(|read| read == certificate), Ok(true));
            let back = votes::finalization(&certificate, header.id(), usize::from(seats)).unwrap();
            assert_eq!(back, finalization);
            assert_eq!(back.encode(), finalization.encode());
        }
    }
}

#[test]
fn one_vote_fewer_is_no_certificate() {
    let (schemes, set) = (committee(4), set(4));
    let header = header(&set);
    let proposal = proposal(0, 3, 2, header.id());
    assert_eq!(assemble(&schemes[..2], &proposal).unwrap_err(), AssemblyError::InsufficientAttestations(3, 2));
    // Whoever assembles it all the same is refused by both.
    let Finalization { certificate: whole, .. } = assemble(&schemes[..3], &proposal).unwrap();
    let short = QuorumCertificate::new(Signers::new(4, whole.signers().iter().take(2)).unwrap(), whole.signatures().iter().take(2).map(|s| s.get().unwrap().clone()).collect());
    let short = Finalization { proposal, certificate: short };
    assert!(!short.verify(&mut test_rng(), &schemes[3], &Sequential));
    assert_eq!(votes::certificate(&short).unwrap().check(&header, &set), Err(PantheonError::Quorum { have: 2, need: 3 }));
}

#[test]
fn forged_foreign_and_doubled_votes_are_refused() {
    let (schemes, rng) = (committee(4), &mut test_rng());
    let header = header(&set(4));
    let proposal = proposal(0, 3, 2, header.id());
    let subject = Subject::Finalize { proposal: &proposal };
    let votes: Vec<_> = schemes.iter().map(|scheme| scheme.sign::<BlockDigest>(subject).unwrap()).collect();
    let by = |signer: u32, vote: usize| Attestation::<Scheme> { signer: Participant::new(signer), signature: votes[vote].signature.clone() };
    let mut forged = *votes[0].signature.get().unwrap().raw();
    forged[100] ^= 1;
    let forged = Attestation::<Scheme> { signer: Participant::new(0), signature: Signature::from_raw(forged).into() };
    let other = Scheme::signer(ChainId([8; 32]), &set(4), key(0)).unwrap().sign::<BlockDigest>(subject).unwrap();
    for bad in [forged.clone(), by(1, 0), by(4, 0), by(u32::MAX, 0), other] {
        assert!(!schemes[0].verify_attestation::<_, BlockDigest>(rng, subject, &bad, &Sequential), "{bad:?}");
    }
    let verification = schemes[0].verify_attestations::<_, BlockDigest, _>(rng, subject, [by(3, 3), forged.clone(), by(4, 0), by(1, 1)], &Sequential);
    assert_eq!(verification.verified, [by(3, 3), by(1, 1)]);
    assert_eq!(verification.invalid, [Participant::new(0), Participant::new(4)]);

    let assemble = |votes: Vec<Attestation<Scheme>>| schemes[0].assemble(NonEmpty::try_new(votes.into_iter()).unwrap(), &Sequential);
    assert_eq!(assemble(vec![by(0, 0), by(4, 1), by(2, 2)]).unwrap_err(), AssemblyError::UnknownSigner(Participant::new(4)));
    assert_eq!(assemble(vec![by(0, 0), by(2, 2), by(0, 0)]).unwrap_err(), AssemblyError::DuplicateSigner(Participant::new(0)));
    // A forged vote among enough others: assembly does not look at it, verification does.
    let certificate = assemble(vec![by(2, 2), forged.clone(), by(1, 1)]).unwrap();
    assert!(!schemes[3].verify_certificate::<_, BlockDigest>(rng, subject, &certificate, &Sequential));
    let result = schemes[0].optimistic_assemble::<_, BlockDigest, _, _>(rng, subject, vec![forged], &votes[1..], &Sequential);
    assert_eq!(result.err().unwrap().invalid, [Participant::new(0)]);
    // A good one counts for its own subject, set and chain alone.
    let certificate = assemble(votes[1..].to_vec()).unwrap();
    assert!(schemes[0].verify_certificate::<_, BlockDigest>(rng, subject, &certificate, &Sequential));
    let elsewhere = Scheme::verifier(ChainId([8; 32]), &set(4));
    assert!(!elsewhere.verify_certificate::<_, BlockDigest>(rng, subject, &certificate, &Sequential));
    assert!(!committee(5)[0].verify_certificate::<_, BlockDigest>(rng, subject, &certificate, &Sequential));
    assert!(!schemes[0].verify_certificate::<_, BlockDigest>(rng, Subject::Notarize { proposal: &proposal }, &certificate, &Sequential));
}

#[test]
fn a_certificate_reads_back_and_nothing_else_does() {
    let schemes = committee(4);
    let Finalization { certificate, .. } = assemble(&schemes[1..], &proposal(0, 3, 2, BlockId([9; 32]))).unwrap();
    let bytes = certificate.encode();
    assert_eq!(bytes.len(), certificate.encode_size());
    assert!(bytes.len() <= <Scheme as certificate::Verifier>::max_certificate_size(4));
    assert_eq!(QuorumCertificate::decode_cfg(bytes.clone(), &4).unwrap(), certificate);
    assert!(QuorumCertificate::decode_cfg(bytes.clone(), &3).is_err(), "more seats than there may be");
    for length in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        assert!(QuorumCertificate::decode_cfg(bytes.slice(..length), &4).is_err(), "{length}");
    }
    let empty = QuorumCertificate::new(Signers::new(4, []).unwrap(), Vec::new());
    assert!(QuorumCertificate::decode_cfg(empty.encode(), &4).is_err());
    let uneven = QuorumCertificate::new(certificate.signers().clone(), vec![Signature::from_raw([0; SIGNATURE_LEN])]);
    assert!(QuorumCertificate::decode_cfg(uneven.encode(), &4).is_err());
    assert!(!schemes[0].verify_certificate::<_, BlockDigest>(&mut test_rng(), Subject::Nullify { round: Round::zero() }, &uneven, &Sequential));
}

#[test]
fn a_verifier_signs_nothing() {
    assert!(Scheme::verifier(CHAIN, &set(4)).sign::<BlockDigest>(Subject::Nullify { round: Round::zero() }).is_none());
    assert_ne!(PrivateKey::random(test_rng()).public(), key(0).public());
}
