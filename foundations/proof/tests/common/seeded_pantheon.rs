//! The seeded cases of spec/pantheon.md, drawn and encoded.

use super::seeded::{Stream, hash};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{BlockId, ChainId, Id, KeyId, LogId, SetDigest, StateHash, TreeHash};
use mickai_proof::pantheon::{Action, Address, Amount, Attestation, Body, Certificate, Header, Height, Network, Proposal, Round, StateKey, Transaction, VoteKind};
use std::collections::BTreeMap;

fn action(draw: &mut Stream) -> Action {
    let amount = |draw: &mut Stream| Amount::from_obols(draw.size());
    match draw.below(6) {
        0 => Action::Transfer { to: Address(draw.array()), amount: amount(draw) },
        1 => {
            let checkpoint = Checkpoint { log: LogId(draw.array()), size: draw.size(), root: TreeHash(draw.array()) };
            Action::Attest(vec![Attestation { checkpoint, signature: Box::new(draw.signature()) }])
        }
        2 => Action::Fork(draw.some(200)),
        3 => Action::RegisterLog { record: draw.some(200), signature: Box::new(draw.signature()) },
        4 => Action::Unbond { amount: amount(draw) },
        _ => {
            let count = draw.below(30) + 3;
            let name = (0..count).map(|_| char::from(b'a' + draw.below(26) as u8)).collect();
            Action::Name { name, key: KeyId(draw.array()), mandate: Id(draw.array()) }
        }
    }
}

fn transaction(draw: &mut Stream) -> Vec<u8> {
    let (chain, sender) = (ChainId(draw.array()), Address(draw.array()));
    let (nonce, fee, expires) = (draw.uint(), Amount::from_obols(draw.uint()), Height(draw.uint()));
    let body = Body { chain, sender, nonce, fee, expires, action: action(draw) };
    let key = (draw.below(2) == 1).then(|| draw.key());
    let transaction = body.sign_with(key, &draw.signature());
    let bytes = transaction.encode();
    assert!(Transaction::parse(&bytes).unwrap() == transaction && transaction.byte_count() == bytes.len());
    bytes
}

fn header(draw: &mut Stream) -> Vec<u8> {
    let header = Header {
        chain: ChainId(draw.array()),
        height: Height(draw.uint()),
        parent: BlockId(draw.array()),
        epoch: draw.uint(),
        view: draw.uint(),
        time_ms: draw.uint(),
        transaction_count: draw.uint(),
        transactions: TreeHash(draw.array()),
        state: StateHash(draw.array()),
        validators: SetDigest(draw.array()),
        next: SetDigest(draw.array()),
        proposer: Address(draw.array()),
    };
    let bytes = header.encode();
    assert_eq!(Header::parse(&bytes).as_ref(), Ok(&header));
    bytes
}

fn certificate(draw: &mut Stream) -> Vec<u8> {
    let round = Round { epoch: draw.uint(), view: draw.uint() };
    let parent = draw.uint();
    let seats = draw.below(21) as usize + 1;
    let signed: Vec<_> = (0..seats).filter(|seat| draw.below(2) == 1 || seat + 1 == seats).collect();
    let votes = signed.into_iter().map(|seat| (seat, Box::new(draw.signature()))).collect();
    let certificate = Certificate::new(round, parent, seats, votes).unwrap();
    let bytes = certificate.encode();
    assert!(Certificate::parse(&bytes).unwrap() == certificate);
    bytes
}

fn vote(draw: &mut Stream) -> Vec<u8> {
    let kind = draw.below(3);
    let chain = ChainId(draw.array());
    let round = Round { epoch: draw.uint(), view: draw.uint() };
    let proposal = |draw: &mut Stream| Proposal { round, parent: draw.uint(), block: BlockId(draw.array()) };
    let kind = match kind {
        0 => VoteKind::Notarize(proposal(draw)),
        1 => VoteKind::Nullify(round),
        _ => VoteKind::Finalize(proposal(draw)),
    };
    kind.message(chain)
}

fn path(draw: &mut Stream) -> Vec<u8> {
    let key = match draw.below(5) {
        0 => StateKey::Account(Address(draw.array())),
        1 => StateKey::Log(LogId(draw.array())),
        2 => StateKey::Validator(Address(draw.array())),
        3 => StateKey::Voter(Address(draw.array())),
        _ => StateKey::Name(draw.label()),
    };
    key.path().0.to_vec()
}

fn address(draw: &mut Stream) -> Vec<u8> {
    let network = Network::from_code(draw.below(2).into()).unwrap();
    Address::of(&draw.key()).to_text(network).into_bytes()
}

/// The hash of each encoding over its cases.
pub fn hashes() -> BTreeMap<String, String> {
    [
        hash("pan-transaction", 1_000, transaction),
        hash("pan-header", 10_000, header),
        hash("pan-certificate", 1_000, certificate),
        hash("pan-vote", 10_000, vote),
        hash("pan-path", 10_000, path),
        hash("pan-address", 1_000, address),
    ]
    .into_iter()
    .collect()
}
