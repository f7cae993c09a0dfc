//! A chain's forms: addresses, transactions, headers, certificates, sets, genesis, light proofs, each accepted or refused for one reason (spec/pantheon.md).

use crate::Files;
use crate::common::pantheon::{
    PAN, PantheonExpect, PantheonVector, SETS, address, allocations, certificate, certificate_by, entries, genesis, head, header, judge_pantheon, light_proof, no_set, obols,
    prove, root, set, transaction,
};
use crate::common::{Log, Signer};
use base64ct::{Base64, Encoding};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{BlockId, ChainId, Id, KeyId, StateHash, TreeHash};
use mickai_proof::limits;
use mickai_proof::pantheon::{
    Action, Allocation, Amount, Attestation, Block, BondKey, Entry, Evidence, Genesis, Height, LightProof, Network, Proposal, Round, StateKey, Transaction, ValidatorSet, Vote,
    VoteKind,
};

pub fn write(files: &mut Files) {
    addresses(files);
    transactions(files);
    malformed_transactions(files);
    blocks_and_headers(files);
    certificates(files);
    sets(files);
    geneses(files);
    state_entries(files);
    lights(files);
    light_refusals(files);
    files.json("pantheon", "seeded", &crate::common::seeded_pantheon::hashes());
}

/// Compares what this implementation answers with what is declared, and writes the vector.
fn vector(files: &mut Files, mut vector: PantheonVector, expect: PantheonExpect) {
    let answer = judge_pantheon(&vector);
    // Digests are not declared by hand: `vectors.rs` holds them to what is committed, the other implementation to what it computes.
    let declared = PantheonExpect { id: answer.id.clone(), leaf: answer.leaf.clone(), entries: answer.entries.clone(), ..expect };
    if files.agrees(&vector.name, &answer, &declared) && answer.ok == answer.id.is_some() {
        vector.expect = answer;
        files.vector("pantheon", vector.expect.ok, &vector.name.clone(), &vector);
    }
}

fn good() -> PantheonExpect {
    PantheonExpect { ok: true, ..PantheonExpect::default() }
}

fn of(kind: &str, name: &str, why: &str, bytes: &[u8]) -> PantheonVector {
    PantheonVector { name: name.to_owned(), why: why.to_owned(), kind: kind.to_owned(), bytes: Some(Base64::encode_string(bytes)), ..PantheonVector::default() }
}

fn accept(files: &mut Files, kind: &str, name: &str, why: &str, bytes: &[u8]) {
    vector(files, of(kind, name, why, bytes), good());
}

fn reject(files: &mut Files, kind: &str, name: &str, why: &str, bytes: &[u8], reason: &str) {
    vector(files, of(kind, name, why, bytes), PantheonExpect::refused(reason));
}

fn addresses(files: &mut Files) {
    let mut case = |name: &str, why: &str, network: Network, text: &str, reason: Option<&str>| {
        let one =
            PantheonVector { name: name.into(), why: why.into(), kind: "address".into(), text: Some(text.into()), network: Some(network.code()), ..PantheonVector::default() };
        vector(files, one, reason.map_or_else(good, PantheonExpect::refused));
    };
    let (main, test) = (address(10).to_text(Network::Main), address(10).to_text(Network::Test));
    case("address-main", "on the main network", Network::Main, &main, None);
    case("address-test", "on another", Network::Test, &test, None);
    case("address-of-test-on-main", "of another network", Network::Main, &test, Some("address-network"));
    case("address-of-main-on-test", "of the main network", Network::Test, &main, Some("address-network"));
    let malformed = Some("malformed-address");
    case("address-upper", "in upper case", Network::Main, &main.to_uppercase(), malformed);
    let mut mixed = main.clone();
    mixed.replace_range(10..11, &main[10..11].to_uppercase());
    case("address-mixed", "in both cases", Network::Main, &mixed.replacen("pan1", "Pan1", 1), malformed);
    let typo = main
        .char_indices()
        .map(|(at, letter)| {
            if at != 20 {
                letter
            } else if letter == 'q' {
                'p'
            } else {
                'q'
            }
        })
        .collect::<String>();
    case("address-typo", "one letter mistyped", Network::Main, &typo, malformed);
    case("address-short", "a letter missing", Network::Main, &main[..main.len() - 1], malformed);
    case("address-blank", "a blank after it", Network::Main, &format!("{main} "), malformed);
    let prefix = |prefix| bech32::Hrp::parse(prefix).unwrap();
    case("address-bech32", "the checksum of BIP 173", Network::Main, &bech32::encode::<bech32::Bech32>(prefix("pan"), &address(10).0).unwrap(), malformed);
    case("address-33", "33 bytes", Network::Main, &bech32::encode::<bech32::Bech32m>(prefix("pan"), &[7; 33]).unwrap(), malformed);
    case("address-prefix", "another prefix", Network::Main, &bech32::encode::<bech32::Bech32m>(prefix("pam"), &address(10).0).unwrap(), malformed);
}

fn vote(by: u8, kind: VoteKind) -> Vote {
    Vote { signature: Box::new(Signer::from_seed(by).sign(&kind.message(genesis().head.id()))), kind }
}

fn proposal(view: u64, block: u8) -> Proposal {
    Proposal { round: Round { epoch: 0, view }, parent: view - 1, block: BlockId([block; 32]) }
}

fn attestation(seed: u8, size: u64) -> Attestation {
    let log = Log::new(&Signer::from_seed(seed));
    let checkpoint = Checkpoint { log: log.id, size, root: TreeHash([7; 32]) };
    Attestation { checkpoint, signature: Box::new(log.signer.sign(checkpoint.text().as_bytes())) }
}

/// One action of each kind.
fn actions() -> Vec<(&'static str, Action)> {
    let log = Log::new(&Signer::from_seed(30));
    let signed = || Box::new(Signer::from_seed(30).sign(b"not looked at"));
    let evidence = |a, b| Action::Evidence(Box::new(Evidence { voter: address(1), a: vote(1, a), b: vote(1, b) }));
    let consent = Signer::from_seed(2).sign(&BondKey::message(genesis().head.id(), address(10)));
    let mut several: Vec<_> = (30..38).map(|seed| attestation(seed, 204)).collect();
    several.sort_by_key(|one| one.checkpoint.log);
    vec![
        ("transfer", Action::Transfer { to: address(11), amount: obols(5 * PAN) }),
        ("transfer-most", Action::Transfer { to: address(11), amount: obols(u64::MAX) }),
        ("attest", Action::Attest(vec![attestation(30, 204)])),
        ("attest-8", Action::Attest(several)),
        ("fork", Action::Fork(vec![0x80])),
        ("register-log", Action::RegisterLog { record: log.records[0].clone(), signature: signed() }),
        ("rotate-log", Action::RotateLog { log: log.id, record: vec![0xa0], signature: signed() }),
        ("revoke-log", Action::RevokeLog { log: log.id, record: vec![0xa0], signature: signed() }),
        ("bond", Action::Bond { amount: obols(PAN), key: None }),
        ("bond-first", Action::Bond { amount: obols(PAN), key: Some(BondKey { key: Signer::from_seed(2).key, proof: Box::new(consent) }) }),
        ("unbond", Action::Unbond { amount: obols(1) }),
        ("evidence-notarize", evidence(VoteKind::Notarize(proposal(4, 1)), VoteKind::Notarize(proposal(4, 2)))),
        ("evidence-finalize", evidence(VoteKind::Finalize(proposal(4, 1)), VoteKind::Finalize(proposal(4, 2)))),
        ("evidence-nullify", evidence(VoteKind::Nullify(Round { epoch: 0, view: 4 }), VoteKind::Finalize(proposal(4, 1)))),
        ("name", Action::Name { name: "home-1".into(), key: KeyId([1; 32]), mandate: Id([2; 32]) }),
    ]
}

fn transactions(files: &mut Files) {
    for (name, action) in actions() {
        let why = format!("an account's first transaction: {}", action.kind());
        let one = of("transaction", name, &why, &transaction(10, 0, action).encode());
        vector(files, one, PantheonExpect { signed: Some(true), ..good() });
    }
    let body = transaction(10, 7, Action::Attest(vec![attestation(30, 204)])).body().clone();
    let known = body.clone().sign_with(None, &Signer::from_seed(10).sign(&body.message()));
    accept(files, "transaction", "key-known", "a later one, which reveals no key", &known.encode());
    let other = body.clone().sign_with(Some(Signer::from_seed(11).key), &Signer::from_seed(11).sign(&body.message()));
    vector(files, of("transaction", "other-key", "of its form, and signed by a key that is not the sender's", &other.encode()), PantheonExpect { signed: Some(false), ..good() });
    let forged = body.clone().sign_with(Some(Signer::from_seed(10).key), &Signer::from_seed(11).sign(&body.message()));
    vector(files, of("transaction", "forged", "of its form, and signed by another", &forged.encode()), PantheonExpect { signed: Some(false), ..good() });
}

/// A good transfer with the first `from` in its bytes replaced, which must be there.
fn changed(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

fn malformed_transactions(files: &mut Files) {
    let good = transaction(10, 0, Action::Transfer { to: address(11), amount: obols(5 * PAN) }).encode();
    let mut case = |name: &str, why: &str, bytes: &[u8]| reject(files, "transaction", name, why, bytes, "malformed-transaction");
    case("empty", "no bytes", &[]);
    case("cut", "cut short", &good[..good.len() - 1]);
    case("longer", "a byte after it", &[&good[..], &[0]].concat());
    case("array-4", "an array of four", &[&[0x84], &good[1..]].concat());
    case("keys-2", "two keys", &changed(&good, &[0x81, 0x59, 0x07, 0xa0], &[0x82, 0x59, 0x07, 0xa0]));
    case("key-short", "a key of 1,951 bytes", &changed(&good, &[0x81, 0x59, 0x07, 0xa0], &[0x81, 0x59, 0x07, 0x9f]));
    case("head-long", "a length in a longer form than it needs", &changed(&good, &[0x81, 0x59, 0x07, 0xa0], &[0x81, 0x5a, 0, 0, 0x07, 0xa0]));
    case("indefinite", "an array of indefinite length", &[&[0x9f], &good[1..], &[0xff]].concat());
    let body = |from: &[u8], to: &[u8]| {
        let one = Transaction::parse(&good).unwrap();
        let changed = changed(&one.body().encode(), from, to);
        let mut out = vec![0x83];
        mickai_proof::cbor::write_bytes(&mut out, &changed);
        out.push(0x80);
        mickai_proof::cbor::write_bytes(&mut out, &one.signature()[..]);
        out
    };
    let amount = [&[0x1b][..], &(5 * PAN).to_be_bytes()].concat();
    case("version-2", "version 2", &body(&[0x87, 1], &[0x87, 2]));
    case("version-long", "an integer in a longer form than it needs", &body(&[0x87, 1], &[0x87, 0x18, 1]));
    case("amount-0", "an amount of nothing", &body(&amount, &[0]));
    case("amount-negative", "a negative amount", &body(&amount, &[0x20]));
    case("amount-float", "an amount that is a float", &body(&amount, &[0xf9, 0x3c, 0]));
    case("amount-tagged", "an amount with a tag", &body(&amount, &[&[0xc2][..], &amount].concat()));
    case("amount-text", "an amount as text", &body(&amount, &[0x61, b'5']));
    case("action-10", "an action that there is not", &body(&[0x83, 0, 0x58, 0x20], &[0x83, 10, 0x58, 0x20]));
    case("action-longer", "an action with an element more", &body(&[0x83, 0, 0x58, 0x20], &[0x84, 0, 0x58, 0x20]));
    case("action-missing", "no action", &body(&[0x83, 0, 0x58, 0x20], &[0x80]));
    let mut reject_action = |name: &str, why: &str, action: Action| case(name, why, &transaction(10, 0, action).encode());
    reject_action("attest-0", "no checkpoint", Action::Attest(Vec::new()));
    let mut nine: Vec<_> = (30..39).map(|seed| attestation(seed, 204)).collect();
    nine.sort_by_key(|one| one.checkpoint.log);
    reject_action("attest-9", "nine checkpoints", Action::Attest(nine.clone()));
    nine.truncate(2);
    nine.reverse();
    reject_action("attest-order", "logs that do not ascend", Action::Attest(nine.clone()));
    nine[1] = nine[0].clone();
    reject_action("attest-twice", "one log twice", Action::Attest(nine));
    reject_action("attest-size-0", "a checkpoint of no records", Action::Attest(vec![attestation(30, 0)]));
    reject_action("attest-size-2-53", "a checkpoint of 2^53 records", Action::Attest(vec![attestation(30, 1 << 53)]));
    let evidence = |a, b| Action::Evidence(Box::new(Evidence { voter: address(1), a: vote(1, a), b: vote(1, b) }));
    reject_action("evidence-order", "votes that descend", evidence(VoteKind::Notarize(proposal(4, 2)), VoteKind::Notarize(proposal(4, 1))));
    reject_action("evidence-twice", "one vote twice", evidence(VoteKind::Notarize(proposal(4, 1)), VoteKind::Notarize(proposal(4, 1))));
    for (name, why, text) in [
        ("name-2", "a name of two letters", "ab"),
        ("name-33", "a name of 33 letters", "abcdefghijklmnopqrstuvwxyzabcdefg"),
        ("name-upper", "a name in upper case", "Home"),
        ("name-dash", "a name that begins with a dash", "-home"),
        ("name-dash-last", "a name that ends with a dash", "home-"),
        ("name-letter", "a letter that looks like another", "h\u{43e}me"),
    ] {
        reject_action(name, why, Action::Name { name: text.into(), key: KeyId([1; 32]), mandate: Id([2; 32]) });
    }
    let large = transaction(10, 0, Action::RegisterLog { record: vec![0; limits::TRANSACTION_BYTES_MAX], signature: Box::new([0; 3309]) });
    reject(files, "transaction", "oversized", "more bytes than there may be", &large.encode(), "oversized");
}

fn blocks_and_headers(files: &mut Files) {
    let transactions = vec![transaction(10, 0, Action::Transfer { to: address(11), amount: obols(1) }), transaction(11, 0, Action::Unbond { amount: obols(1) })];
    let of = |transactions: &[Transaction]| Block { header: header(7, SETS[1], SETS[1], StateHash([9; 32]), transactions), transactions: transactions.to_vec() };
    let good = of(&transactions);
    accept(files, "block", "block-2", "a block of two transactions", &good.encode());
    accept(files, "block", "block-0", "a block of none", &of(&[]).encode());
    let mut case = |name: &str, why: &str, block: Block| reject(files, "block", name, why, &block.encode(), "malformed-block");
    case("block-order", "its transactions in another order", Block { transactions: transactions.iter().rev().cloned().collect(), ..good.clone() });
    case("block-fewer", "a transaction missing", Block { transactions: transactions[..1].to_vec(), ..good.clone() });
    let mut counted = good.clone();
    counted.header.transaction_count = 3;
    case("block-count", "another count", counted);
    // The same body under another signature: another leaf.
    let mut witness = good.clone();
    let body = witness.transactions[0].body().clone();
    witness.transactions[0] = body.sign_with(Some(Signer::from_seed(10).key), &[7; 3309]);
    case("block-witness", "another signature of the same transaction", witness);
    reject(files, "block", "block-longer", "a byte after it", &[&good.encode()[..], &[0]].concat(), "malformed-block");

    let bytes = good.header.encode();
    accept(files, "header", "header", "a header", &bytes);
    let mut case = |name: &str, why: &str, bytes: &[u8]| reject(files, "header", name, why, bytes, "malformed-header");
    case("header-name", "another name", &changed(&bytes, b"pan-header", b"pan-leader"));
    case("header-version", "version 2", &changed(&bytes, b"pan-header\x01", b"pan-header\x02"));
    case("header-elements", "an element more", &[&[0x8f], &bytes[1..], &[0]].concat());
    case("header-cut", "cut short", &bytes[..bytes.len() - 1]);
    case("header-longer", "a byte after it", &[&bytes[..], &[0]].concat());
    case("header-height-long", "a height in a longer form than it needs", &changed(&bytes, &[0x07, 0x58, 0x20], &[0x18, 0x07, 0x58, 0x20]));
}

fn certificates(files: &mut Files) {
    let header = header(7, SETS[1], SETS[1], StateHash([9; 32]), &[]);
    let with = |name: &str, why: &str, bytes: &[u8], header: &mickai_proof::pantheon::Header, seeds: &[u8]| PantheonVector {
        header: Some(Base64::encode_string(&header.encode())),
        set: Some(Base64::encode_string(&set(seeds).encode())),
        ..of("certificate", name, why, bytes)
    };
    let by = |seats: &[usize], later| certificate_by(&header, SETS[1], seats, later).encode();
    for (name, why, bytes) in [
        ("certificate-3-of-4", "a quorum", by(&[0, 1, 2], 0)),
        ("certificate-other-3-of-4", "another quorum", by(&[0, 2, 3], 0)),
        ("certificate-4-of-4", "all", by(&[0, 1, 2, 3], 0)),
        ("certificate-later-view", "of a later view of the epoch, in which the block was proposed again", by(&[0, 1, 2], 5)),
    ] {
        vector(files, with(name, why, &bytes, &header, SETS[1]), good());
    }
    let one = crate::common::pantheon::header(7, SETS[0], SETS[0], StateHash([9; 32]), &[]);
    vector(files, with("certificate-1-of-1", "of a chain of one", &certificate(&one, SETS[0]).encode(), &one, SETS[0]), good());
    let mut case = |name: &str, why: &str, bytes: &[u8], reason: &str| vector(files, with(name, why, bytes, &header, SETS[1]), PantheonExpect::refused(reason));
    case("certificate-2-of-4", "one less than a quorum", &by(&[0, 1], 0), "quorum");
    let good = by(&[0, 1, 2], 0);
    // The bitmap 0x07 is the byte string of one byte before the array of three.
    let bits = |bits: u8| changed(&good, &[0x41, 0x07, 0x83], &[0x41, bits, 0x83]);
    case("certificate-seat", "a signature under another seat", &bits(0b1011), "vote-signature");
    case("certificate-bits-4", "four bits and three signatures", &bits(0b1111), "malformed-certificate");
    case("certificate-bit-beyond", "a bit beyond the seats", &bits(0b1_0011), "malformed-certificate");
    case("certificate-bytes-2", "a byte of bits too many", &changed(&good, &[0x41, 0x07, 0x83], &[0x42, 0x07, 0, 0x83]), "malformed-certificate");
    case("certificate-none", "no signature", &[&good[..good.len() - 3 * 3_312 - 3], &[0x41, 0, 0x80]].concat(), "malformed-certificate");
    case("certificate-longer", "a byte after it", &[&good[..], &[0]].concat(), "malformed-certificate");
    let mut flipped = good.clone();
    let last = flipped.len() - 100;
    flipped[last] ^= 1;
    case("certificate-flipped", "a bit of the last signature flipped", &flipped, "vote-signature");
    let head = |epoch: u8, view: u8, parent: u8| changed(&good, &[b'e', 1, 0, 7, 6], &[b'e', 1, epoch, view, parent]);
    case("certificate-epoch", "of another epoch", &head(1, 7, 6), "round");
    case("certificate-earlier-view", "of an earlier view than the block's", &head(0, 6, 5), "round");
    case("certificate-parent-view", "whose parent is not earlier", &head(0, 7, 7), "round");
    case("certificate-view", "of a view in which they did not vote", &head(0, 8, 6), "vote-signature");
    let other = crate::common::pantheon::header(8, SETS[1], SETS[1], StateHash([9; 32]), &[]);
    case("certificate-other-block", "for another block", &certificate_by(&other, SETS[1], &[0, 1, 2], 0).encode(), "vote-signature");
    let mut elsewhere = header.clone();
    elsewhere.chain = ChainId([7; 32]);
    case("certificate-other-chain", "for another chain", &certificate_by(&elsewhere, SETS[1], &[0, 1, 2], 0).encode(), "vote-signature");
}

fn sets(files: &mut Files) {
    let good = set(SETS[1]).encode();
    accept(files, "validators", "validators-4", "four", &good);
    let all: Vec<u8> = (1..=64).collect();
    accept(files, "validators", "validators-64", "as many as there may be", &set(&all).encode());
    let keys = |keys: &[&[u8]]| {
        let mut out = good[..17].to_vec();
        mickai_proof::cbor::write_head(&mut out, mickai_proof::cbor::Major::Array, keys.len() as u64);
        keys.iter().for_each(|key| mickai_proof::cbor::write_bytes(&mut out, key));
        out
    };
    let ordered = set(SETS[1]);
    let raw: Vec<&[u8]> = ordered.keys().iter().map(|key| &key.raw()[..]).collect();
    let mut case = |name: &str, why: &str, bytes: Vec<u8>| reject(files, "validators", name, why, &bytes, "malformed-validators");
    assert!(ValidatorSet::parse(&keys(&raw)).is_ok());
    case("validators-0", "none", keys(&[]));
    case("validators-order", "keys that descend", keys(&[raw[1], raw[0]]));
    case("validators-twice", "one key twice", keys(&[raw[0], raw[0]]));
    let more: Vec<[u8; 1952]> = (1..=65).map(|byte| [byte; 1952]).collect();
    case("validators-65", "one too many", keys(&more.iter().map(|key| &key[..]).collect::<Vec<_>>()));
}

fn geneses(files: &mut Files) {
    let good = genesis();
    accept(files, "genesis", "genesis", "a devnet of one validator and two accounts", &good.encode());
    let head_with = |edit: &dyn Fn(&mut Genesis)| {
        let mut genesis = good.clone();
        edit(&mut genesis);
        genesis.encode()
    };
    let off = |more: i64| {
        let mut allocations = allocations();
        allocations[0].amount = obols(allocations[0].amount.obols().saturating_add_signed(more));
        let (mut allocated, mut tree) = (0, mickai_proof::merkle::Frontier::default());
        allocations.sort_by_key(|allocation| allocation.to);
        for Allocation { to, amount } in &allocations {
            allocated += amount.obols();
            let mut leaf = vec![0x82];
            mickai_proof::cbor::write_bytes(&mut leaf, &to.0);
            mickai_proof::cbor::write_head(&mut leaf, mickai_proof::cbor::Major::Uint, amount.obols());
            tree.push(mickai_proof::merkle::leaf(&leaf));
        }
        let head = mickai_proof::pantheon::GenesisHead { allocated: obols(allocated), allocation_count: 2, allocations: tree.root().unwrap(), ..head() };
        Genesis { head, allocations }.encode()
    };
    assert_eq!(off(0), good.encode());
    for (name, why, more, sum) in
        [("genesis-more", "one obol more than there is", 1, "5000000000000000001"), ("genesis-less", "one obol less than there is", -1, "4999999999999999999")]
    {
        vector(files, of("genesis", name, why, &off(more)), PantheonExpect { sum: Some(sum.into()), ..PantheonExpect::refused("genesis-sum") });
    }
    let mut case = |name: &str, why: &str, reason: &str, edit: &dyn Fn(&mut Genesis)| reject(files, "genesis", name, why, &head_with(edit), reason);
    case("genesis-account-missing", "an account that the head counts is missing", "genesis-allocations", &|genesis| _ = genesis.allocations.pop());
    case("genesis-account-other", "an account's address changed", "genesis-allocations", &|genesis| genesis.allocations[1].to.0[31] ^= 1);
    case("genesis-accounts-order", "accounts that descend", "malformed-genesis", &|genesis| genesis.allocations.reverse());
    case("genesis-account-0", "an account that is given nothing", "malformed-genesis", &|genesis| genesis.allocations[0].amount = Amount::ZERO);
    case("genesis-no-bond", "no validator", "malformed-genesis", &|genesis| genesis.head.bonds.clear());
    case("genesis-bond-small", "a bond below the least", "genesis-params", &|genesis| genesis.head.bonds[0].2 = obols(999_999 * PAN));
    case("genesis-seats", "fewer validators than there must be", "genesis-params", &|genesis| genesis.head.params.seats_min = 2);
    case("genesis-main", "one validator on the main network", "genesis-params", &|genesis| genesis.head.network = Network::Main);
    case("genesis-epoch-0", "epochs of no blocks", "genesis-params", &|genesis| genesis.head.params.epoch_blocks = 0);
    case("genesis-unbonding-0", "no wait", "genesis-params", &|genesis| genesis.head.params.unbonding_epochs = 0);
    case("genesis-bond-min", "bonds that everybody has", "genesis-params", &|genesis| genesis.head.params.bond_min = obols(999_999 * PAN));
    case("genesis-share", "a share of more than all", "genesis-params", &|genesis| genesis.head.params.treasury_share = 10_001);
    case("genesis-name", "a name that is none", "malformed-genesis", &|genesis| genesis.head.name = "Devnet".into());
}

fn state_entries(files: &mut Files) {
    let entries = entries();
    for (name, why, key) in [
        ("entry-account", "an account whose key is known", StateKey::Account(address(10))),
        ("entry-account-new", "an account that never sent anything", StateKey::Account(address(12))),
        ("entry-name", "a name", StateKey::Name("home".into())),
        ("entry-totals", "where all PAN are", StateKey::Totals),
    ] {
        accept(files, "entry", name, why, &entries[&key].encode());
    }
    let account = entries[&StateKey::Account(address(12))].encode();
    let mut case = |name: &str, why: &str, bytes: &[u8]| reject(files, "entry", name, why, bytes, "malformed-entry");
    case("entry-code", "a code that there is not", &changed(&account, &[0x84, 0], &[0x84, 8]));
    case("entry-elements", "an element more", &[&[0x85], &account[1..], &[0]].concat());
    case("entry-longer", "a byte after it", &[&account[..], &[0]].concat());
    let roster = |accounts: Vec<_>| Entry::Roster(accounts).encode();
    let (mut low, mut high) = (address(10), address(11));
    if high < low {
        core::mem::swap(&mut low, &mut high);
    }
    case("entry-roster-order", "accounts that descend", &roster(vec![high, low]));
    case("entry-roster-twice", "an account twice", &roster(vec![low, low]));
}

fn light(files: &mut Files, name: &str, why: &str, proof: &LightProof, refused: Option<(&str, u8)>) {
    let one = PantheonVector { chain: Some(genesis().head.id().to_string()), ..of("light", name, why, &proof.encode()) };
    let fewest = proof.changes.iter().map(|change| change.next.keys().len()).chain([1]).min();
    let expect = match refused {
        None => PantheonExpect { validators_fewest: fewest, ..good() },
        Some((reason, step)) => PantheonExpect { step: Some(step), ..PantheonExpect::refused(reason) },
    };
    vector(files, one, expect);
}

fn lights(files: &mut Files) {
    let proof = light_proof();
    light(files, "light-3-changes", "three changes of the validators, an epoch without one between them, five keys", &proof, None);
    let entries = entries();
    let early = header(4, SETS[0], SETS[0], root(&entries), &[]);
    let first =
        LightProof { changes: Vec::new(), certificate: certificate(&early, SETS[0]), header: early, entries: vec![prove(&entries, StateKey::Totals)], head: proof.head.clone() };
    light(files, "light-no-change", "a block of the first epoch", &first, None);
    let one = [(StateKey::Totals, entries[&StateKey::Totals].clone())].into_iter().collect();
    let lonely = header(4, SETS[0], SETS[0], root(&one), &[]);
    let alone =
        LightProof { certificate: certificate(&lonely, SETS[0]), header: lonely, entries: vec![prove(&one, StateKey::Totals), prove(&one, StateKey::Seats)], ..first.clone() };
    light(files, "light-one-entry", "a state of one entry: it, and another key that ends at it", &alone, None);
    let none = std::collections::BTreeMap::new();
    let empty = header(4, SETS[0], SETS[0], root(&none), &[]);
    light(
        files,
        "light-empty-state",
        "a state of nothing",
        &LightProof { certificate: certificate(&empty, SETS[0]), header: empty, entries: vec![prove(&none, StateKey::Totals)], ..first },
        None,
    );
}

fn light_refusals(files: &mut Files) {
    let good = light_proof();
    let mut case = |name: &str, why: &str, refused: (&str, u8), edit: &dyn Fn(&mut LightProof)| {
        let mut proof = good.clone();
        edit(&mut proof);
        light(files, name, why, &proof, Some(refused));
    };
    case("light-genesis", "of another genesis", ("genesis-digest", 2), &|proof| proof.head.name = "another".into());
    case("light-forged-set", "a set that the header does not name", ("validator-set", 3), &|proof| proof.changes[0].next = set(&[1, 2, 3, 9]));
    case("light-change-missing", "a change left out", ("validator-set", 3), &|proof| drop(proof.changes.remove(1)));
    case("light-last-change-missing", "the last change left out", ("validator-set", 4), &|proof| drop(proof.changes.pop()));
    case("light-change-twice", "a change twice", ("height", 3), &|proof| proof.changes.insert(1, proof.changes[0].clone()));
    let idle = |proof: &mut LightProof| {
        let header = header(20, SETS[1], SETS[1], StateHash([9; 32]), &[]);
        let change = mickai_proof::pantheon::light::Change { certificate: certificate(&header, SETS[1]), header, next: set(SETS[1]) };
        proof.changes.insert(1, change);
    };
    case("light-change-of-nothing", "an epoch's end at which nothing changed", ("validator-set", 3), &idle);
    let inside = |proof: &mut LightProof| {
        let header = header(9, SETS[0], SETS[1], StateHash([9; 32]), &[]);
        proof.changes[0].certificate = certificate(&header, SETS[0]);
        proof.changes[0].header = header;
    };
    case("light-change-inside", "a change inside an epoch", ("height", 3), &inside);
    case("light-quorum", "a certificate below a quorum", ("quorum", 3), &|proof| proof.changes[1].certificate = certificate_by(&proof.changes[1].header, SETS[1], &[0, 1], 1));
    case("light-last-quorum", "the last certificate below a quorum", ("quorum", 4), &|proof| proof.certificate = certificate_by(&proof.header, SETS[3], &[0, 1, 2, 3], 0));
    let resigned = |edit: &'static dyn Fn(&mut mickai_proof::pantheon::Header)| {
        move |proof: &mut LightProof| {
            edit(&mut proof.header);
            proof.certificate = certificate(&proof.header, SETS[3]);
        }
    };
    case("light-chain", "a header of another chain", ("chain", 4), &resigned(&|header| header.chain = ChainId([7; 32])));
    case("light-epoch", "a header of another epoch than its height's", ("height", 4), &resigned(&|header| header.epoch = 3));
    case("light-height", "a header below the last change", ("height", 4), &resigned(&|header| (header.height, header.epoch) = (Height(40), 3)));
    case("light-set", "a header that names another set", ("validator-set", 4), &resigned(&|header| header.validators = no_set()));
    let usurped = |proof: &mut LightProof| {
        proof.header = header(47, SETS[0], SETS[0], proof.header.state, &[]);
        proof.certificate = certificate(&proof.header, SETS[0]);
    };
    case("light-old-set", "signed by a set that votes no more", ("validator-set", 4), &usurped);
    case("light-header-changed", "a header that was not voted on", ("vote-signature", 4), &|proof| proof.header.time_ms += 1);
    case("light-state", "of another state", ("state-root", 5), &|proof| proof.entries = vec![prove(&std::collections::BTreeMap::new(), StateKey::Totals)]);
    case("light-denied", "an entry that is there, denied", ("state-root", 5), &|proof| {
        let mut without = entries();
        without.remove(&StateKey::Totals);
        proof.entries = vec![prove(&without, StateKey::Totals)];
    });
    case("light-wrong-kind", "an entry of another kind under the key", ("malformed-entry", 5), &|proof| {
        let wrong = [(StateKey::Totals, entries()[&StateKey::Account(address(12))].clone())].into_iter().collect();
        proof.header.state = root(&wrong);
        proof.certificate = certificate(&proof.header, SETS[3]);
        proof.entries = vec![prove(&wrong, StateKey::Totals)];
    });
    let bytes = good.encode();
    for (name, why, bytes) in [("light-cut", "cut short", bytes[..bytes.len() - 1].to_vec()), ("light-longer", "a byte after it", [&bytes[..], &[0]].concat())] {
        let one = PantheonVector { chain: Some(genesis().head.id().to_string()), ..of("light", name, why, &bytes) };
        vector(files, one, PantheonExpect { step: Some(1), ..PantheonExpect::refused("malformed-light-proof") });
    }
}
