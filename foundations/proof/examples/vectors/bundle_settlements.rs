//! Bundles that carry settlements: what a pinned chain witnesses, what it does not, and everything that must not convince (spec/verdict.md "Settlements").

use crate::Files;
use crate::bundle::{Case, small, three, trust};
use crate::common::pantheon::{certificate, certificate_by, obols, set};
use crate::common::parts::{self, Parts};
use crate::common::settled::{WIDE, chain_of, header_of, light_proof, log_entry, settlement, settlement_of, state_with};
use crate::common::vector::PolicyText;
use crate::common::{Log, Signer};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{ChainId, Id, SetDigest, StateHash, TreeHash};
use mickai_proof::limits;
use mickai_proof::pantheon::{Height, LightProof, LogEntry, StateKey};
use mickai_proof::verify::Axis::{self, Completeness, Consistency, Integrity, KeyStatus};

/// Four validators, always the same.
const FOUR: [&[u8]; 1] = [WIDE[0]];
const ONE: [&[u8]; 1] = [&[1]];

pub fn write(files: &mut Files) {
    witnessed(files);
    not_witnessed(files);
    contradicted(files);
    forged(files);
    malformed(files);
    shows_something_else(files);
    forms(files);
    misuses(files);
}

impl PolicyText {
    /// With this chain pinned.
    fn pinning(mut self, chain: ChainId) -> Self {
        self.chains.push(chain.to_string());
        self
    }
}

/// A bundle with these settlements, as both writers make it.
fn with(parts: Parts, proofs: &[LightProof]) -> Vec<u8> {
    let parts = Parts { settlements: proofs.iter().map(LightProof::encode).collect(), ..parts };
    let bytes = parts.bytes();
    assert_eq!(bytes, parts.by_writer());
    bytes
}

fn pinned(log: &Log) -> PolicyText {
    trust(&log.signer).pinning(chain_of(FOUR[0]))
}

fn witnessed(files: &mut Files) {
    let log = three();
    let settled = with(log.whole(), &[settlement(&FOUR, &log, 3)]);
    Case::new("settled", "nothing kept but a chain's digest of genesis: four validators settled all three records", settled, pinned(&log)).verified(files, &[]);
    let changed = with(log.whole(), &[settlement(&WIDE, &log, 3)]);
    Case::new("settled-three-changes", "the same after three changes of the validators", changed, pinned(&log)).verified(files, &[]);
    let mut back = settlement(&[FOUR[0], ONE[0], FOUR[0]], &log, 3);
    back.changes.clear();
    let back = with(log.whole(), &[back]);
    Case::new("settled-stretch-left-out", "a set of one between two times of the same four, left out: what is shown the four signed", back, pinned(&log)).verified(files, &[]);
    let earlier = with(log.whole(), &[settlement(&FOUR, &log, 2)]);
    Case::new("settled-earlier", "the log has grown since it was settled", earlier.clone(), pinned(&log)).stale(files, "after-reference", &[Completeness]);
    Case::new("settled-upto", "the same, judged up to the settlement", earlier.clone(), pinned(&log).upto(2)).verified(files, &[]);
    Case::new("settled-and-kept", "a checkpoint that was kept covers more", earlier, pinned(&log).pinned(&log, 3)).verified(files, &[]);
    let (sealed, part) = small();
    let part = with(part, &[settlement(&FOUR, &sealed, 7)]);
    Case::new("settled-part", "two records of seven that were settled", part, pinned(&sealed).requiring(&[Consistency])).verified(files, &[Completeness, KeyStatus]);
    let mut rotated = three();
    rotated.rotate(&crate::common::log::next());
    let by_next = with(rotated.whole(), &[settlement(&FOUR, &rotated, 4)]);
    Case::new("settled-rotated", "settled by the key that followed", by_next, pinned(&three())).verified(files, &[]);
    let mut both = [settlement(&FOUR, &log, 3), settlement(&ONE, &log, 2)];
    both.sort_by_key(|proof| proof.head.id());
    let two = with(log.whole(), &both);
    Case::new("settled-twice", "on two chains, of which one is pinned", two.clone(), pinned(&log)).verified(files, &[]);
    Case::new("settled-twice-both-pinned", "the other is pinned too, and too small to count", two, pinned(&log).pinning(chain_of(ONE[0]))).verified(files, &[]);
}

fn not_witnessed(files: &mut Files) {
    let log = three();
    let unwitnessed = [Consistency, Completeness];
    let mut stale = |name, why, proof: LightProof, policy| Case::new(name, why, with(log.whole(), &[proof]), policy).stale(files, "completeness-unwitnessed", &unwitnessed);
    stale("settled-not-pinned", "a chain that the verifier knows nothing of", settlement(&FOUR, &log, 3), trust(&log.signer));
    stale("settled-other-pinned", "another chain is pinned", settlement(&FOUR, &log, 3), trust(&log.signer).pinning(chain_of(ONE[0])));
    let of = |seeds: &'static [u8]| trust(&log.signer).pinning(chain_of(seeds));
    stale("settled-chain-of-one", "a chain of one validator witnesses nothing", settlement(&ONE, &log, 3), of(&[1]));
    stale("settled-chain-of-three", "nor does a chain of three", settlement(&[&[1, 2, 3]], &log, 3), of(&[1, 2, 3]));
    stale("settled-chain-once-of-one", "nor one that had one validator at first", settlement(&[&[1], &[1, 2, 3, 4]], &log, 3), of(&[1]));
    stale("settled-chain-then-of-one", "nor one that has one at last", settlement(&[&[1, 2, 3, 4], &[1]], &log, 3), of(&[1, 2, 3, 4]));
    let frozen = LogEntry { fork: Some(Id([7; 32])), ..log_entry(&log, log.checkpoint(3)) };
    stale("settled-frozen-not-pinned", "a chain that the verifier knows nothing of says that the log is forked", settlement_of(&FOUR, &log, frozen), trust(&log.signer));
    let other = log_entry(&log, Checkpoint { root: TreeHash([7; 32]), ..log.checkpoint(3) });
    stale("settled-fork-chain-of-one", "another root on a chain of one is no contradiction that counts", settlement_of(&ONE, &log, other), of(&[1]));
    let alone = with(log.whole(), &[settlement(&ONE, &log, 3)]);
    let kept = trust(&log.signer).pinning(chain_of(ONE[0])).pinned(&log, 3);
    Case::new("settled-chain-of-one-and-kept", "a chain of one, and a checkpoint that was kept", alone, kept).verified(files, &[]);
}

fn contradicted(files: &mut Files) {
    let log = three();
    let cut = with(log.first(2).whole(), &[settlement(&FOUR, &log, 3)]);
    Case::new("settled-truncated", "the last record dropped after the log was settled", cut, pinned(&log)).invalid(files, "truncated", 2, 20, Completeness);
    let rooted = |size| settlement_of(&FOUR, &log, log_entry(&log, Checkpoint { root: TreeHash([7; 32]), ..log.checkpoint(size) }));
    let mut fork = |name, why, proof: LightProof| Case::new(name, why, with(log.whole(), &[proof]), pinned(&log)).invalid(files, "fork", 3, 20, Consistency);
    fork("settled-fork", "another root was settled", rooted(3));
    fork("settled-fork-earlier", "another root of the first two records was settled", rooted(2));
    let frozen = LogEntry { fork: Some(Id([7; 32])), ..log_entry(&log, log.checkpoint(3)) };
    fork("settled-frozen", "the chain was shown that the log is forked", settlement_of(&FOUR, &log, frozen));
}

/// A good settlement after three changes, edited; the light proof fails for one reason, whether or not its chain is pinned.
fn forged(files: &mut Files) {
    let log = three();
    let good = settlement(&WIDE, &log, 3);
    let mut case = |name: &str, why: &str, reason: &str, edit: &dyn Fn(&mut LightProof)| {
        let mut proof = good.clone();
        edit(&mut proof);
        let bundle = with(log.whole(), &[proof]);
        Case::new(name, why, bundle, pinned(&log)).invalid(files, reason, 3, 20, Completeness);
    };
    case("settled-forged-set", "a set of validators that nobody voted for", "validator-set", &|proof| proof.changes[0].next = set(&[6, 7, 8, 9]));
    case("settled-below-quorum", "a certificate of two of four", "quorum", &|proof| proof.certificate = certificate_by(&proof.header, WIDE[3], &[0, 1], 0));
    case("settled-below-quorum-change", "a change that four of seven certified", "quorum", &|proof| {
        proof.changes[2].certificate = certificate_by(&proof.changes[2].header, WIDE[2], &[0, 1, 2, 3], 0);
    });
    case("settled-header-of-another-chain", "a block of another chain", "chain", &|proof| {
        proof.header.chain = ChainId([7; 32]);
        proof.certificate = certificate(&proof.header, WIDE[3]);
    });
    case("settled-vote-forged", "a vote by a key without a seat", "vote-signature", &|proof| proof.certificate = certificate(&proof.header, &[3, 4, 5, 9]));
    case("settled-header-changed", "a block that was not voted on", "vote-signature", &|proof| proof.header.time_ms += 1);
    case("settled-round", "a certificate of another epoch", "round", &|proof| proof.certificate.round.epoch += 1);
    case("settled-height", "a change within an epoch", "height", &|proof| {
        proof.changes[0].header = header_of(&WIDE, 9, (0, 1), StateHash([9; 32]));
        proof.changes[0].certificate = certificate(&proof.changes[0].header, WIDE[0]);
    });
    case("settled-change-missing", "a change left out", "validator-set", &|proof| drop(proof.changes.remove(1)));
    case("settled-state", "an entry of another state", "state-root", &|proof| {
        let other = log_entry(&log, Checkpoint { root: TreeHash([7; 32]), ..log.checkpoint(3) });
        proof.entries = settlement_of(&WIDE, &log, other).entries;
    });
    case("settled-genesis-changed", "another genesis under the same blocks", "chain", &|proof| proof.head.time_ms += 1);
    case("settled-seats", "a certificate of more seats than there are", "malformed-certificate", &|proof| {
        proof.certificate = certificate(&proof.header, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });
    let mut proof = settlement(&FOUR, &log, 3);
    proof.certificate = certificate_by(&proof.header, FOUR[0], &[0, 1], 0);
    Case::new("settled-below-quorum-not-pinned", "the same where the chain is not pinned: it is no certificate", with(log.whole(), &[proof]), trust(&log.signer)).invalid(
        files,
        "quorum",
        3,
        20,
        Completeness,
    );
    let record_edited = {
        let mut parts = log.whole();
        let last = parts.chunks[0].signatures[1].len() - 1;
        parts.chunks[0].signatures[1][last - 100] ^= 1;
        let mut proof = good.clone();
        proof.header.time_ms += 1;
        with(parts, &[proof])
    };
    Case::new("settled-and-signature", "a settlement and a signature that are both forged: the record comes first", record_edited, pinned(&log)).invalid(
        files,
        "signature",
        1,
        14,
        Axis::Authenticity,
    );
}

/// The first `from` in some bytes replaced, which must be there.
fn changed(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

fn malformed(files: &mut Files) {
    let log = three();
    let good = settlement(&FOUR, &log, 3);
    let bytes = good.encode();
    let mut case = |name: &str, why: &str, reason: &str, proof: Vec<u8>| {
        let parts = Parts { settlements: vec![proof], ..log.whole() };
        assert_eq!(parts.bytes(), parts.by_writer());
        Case::new(name, why, parts.bytes(), pinned(&log)).invalid(files, reason, 3, 20, Completeness);
    };
    case("settled-empty", "nothing", "malformed-light-proof", Vec::new());
    case("settled-cut", "cut short", "malformed-light-proof", bytes[..bytes.len() - 1].to_vec());
    case("settled-longer", "a byte after it", "malformed-light-proof", [&bytes[..], &[0]].concat());
    case("settled-malformed-genesis", "a genesis head of another name", "malformed-genesis", changed(&bytes, b"pan-genesis", b"pan-genesiz"));
    case("settled-malformed-header", "a header of another name", "malformed-header", changed(&bytes, b"pan-header", b"pan-leader"));
    case("settled-malformed-certificate", "a certificate of another name", "malformed-certificate", changed(&bytes, b"pan-certificate", b"pan-sertificate"));
    let changes = settlement(&[&[1, 2, 3, 4], &[2, 3, 4, 5]], &log, 3).encode();
    case("settled-malformed-validators", "a set of another name", "malformed-validators", changed(&changes, b"pan-validators", b"pan-walidators"));
    let edited = |edit: &dyn Fn(&mut LightProof)| {
        let mut proof = good.clone();
        edit(&mut proof);
        proof.encode()
    };
    case("settled-genesis-params", "a chain of no epochs", "genesis-params", edited(&|proof| proof.head.params.epoch_blocks = 0));
    case("settled-genesis-sum", "a chain of one obol more than there is", "genesis-sum", edited(&|proof| proof.head.treasury = obols(proof.head.treasury.obols() + 1)));
    let wrong = state_with(log.id, log_entry(&log, log.checkpoint(3)));
    let wrong = wrong.iter().map(|(key, entry)| (key.clone(), if *key == StateKey::Log(log.id) { wrong[&StateKey::Totals].clone() } else { entry.clone() })).collect();
    case("settled-malformed-entry", "an entry of another kind under the log", "malformed-entry", light_proof(&FOUR, &wrong, vec![StateKey::Log(log.id)]).encode());
}

/// Light proofs that hold, of something else than the log's newest checkpoint.
fn shows_something_else(files: &mut Files) {
    let log = three();
    let state = state_with(log.id, log_entry(&log, log.checkpoint(3)));
    let other = Log::new(&Signer::from_seed(30));
    let mut case = |name: &str, why: &str, proofs: &[LightProof]| {
        Case::new(name, why, with(log.whole(), proofs), pinned(&log)).invalid(files, "settlement", 3, 20, Completeness);
    };
    let keys = |keys: Vec<StateKey>| [light_proof(&FOUR, &state, keys)];
    case("settled-no-entry", "no entry", &keys(Vec::new()));
    case("settled-absent", "that the chain does not know another log", &keys(vec![StateKey::Log(other.id)]));
    case("settled-totals", "another entry", &keys(vec![StateKey::Totals]));
    case("settled-two-entries", "an entry more", &keys(vec![StateKey::Log(log.id), StateKey::Totals]));
    case("settled-other-log", "another log's checkpoint", &[settlement(&FOUR, &other, 1)]);
    let with_newest = |edit: &dyn Fn(&mut LogEntry)| {
        let mut entry = log_entry(&log, log.checkpoint(3));
        edit(&mut entry);
        [settlement_of(&FOUR, &log, entry)]
    };
    case("settled-no-checkpoint", "a log of which nothing was settled yet", &with_newest(&|entry| entry.newest = None));
    case("settled-checkpoint-forged", "a checkpoint that the log's key did not sign", &with_newest(&|entry| entry.newest.as_mut().unwrap().signature[100] ^= 1));
    case("settled-height-2-53", "in block 2^53", &with_newest(&|entry| entry.newest.as_mut().unwrap().height = Height(1 << 53)));
    let mut both = [settlement(&FOUR, &log, 3), settlement(&ONE, &log, 3)];
    both.sort_by_key(|proof| std::cmp::Reverse(proof.head.id()));
    case("settled-order", "two chains that descend", &both);
    case("settled-chain-twice", "one chain twice", &[settlement(&FOUR, &log, 3), settlement(&FOUR, &log, 2)]);
}

fn forms(files: &mut Files) {
    let log = three();
    let proof = settlement(&ONE, &log, 3).encode();
    let whole = log.whole().items();
    let part = parts::settlement(&proof);
    let mut case = |name: &str, why: &str, bundle: Vec<u8>, index| Case::new(name, why, bundle, trust(&log.signer)).invalid(files, "malformed-bundle", index, 2, Integrity);
    let inserted = |at: usize, part: &[u8]| [whole[..at].concat(), part.to_vec(), whole[at..].concat()].concat();
    let small_part = parts::settlement(&[0x80]);
    case("settlements-5", "more settlements than a bundle may carry", inserted(2, &small_part.repeat(5)), 0);
    case("settlement-before-keys", "a settlement before the keys", inserted(1, &part), 0);
    case("settlement-after-records", "a settlement after the records", inserted(3, &part), 3);
    case("settlement-after-checkpoint", "a settlement after the checkpoint", inserted(4, &part), 3);
    case("settlement-3-elements", "a settlement with an element more", inserted(2, &[&[0x83], &part[1..], &[0]].concat()), 2);
    case("settlement-text", "a settlement that is a text", inserted(2, &[0x82, 6, 0x61, b'a']), 0);
    case("settlement-cut", "the file ends inside a settlement", [whole[..2].concat(), part[..100].to_vec()].concat(), 0);
    case("settlement-cut-after", "the file ends after a settlement", [whole[..2].concat(), part.clone()].concat(), 2);
    let mut long = vec![0x82, 6];
    mickai_proof::cbor::write_head(&mut long, mickai_proof::cbor::Major::Bytes, limits::SETTLEMENT_BYTES_MAX as u64 + 1);
    case("settlement-oversized", "more bytes than a settlement may have, refused before they come", [whole[..2].concat(), long].concat(), 0);
    let (sealed, small) = small();
    let items = small.items();
    let after_left = [items[..3].concat(), part.clone(), items[3..].concat()].concat();
    Case::new("settlement-after-left", "a settlement after the tree nodes", after_left, trust(&sealed.signer)).invalid(files, "malformed-bundle", 4, 2, Integrity);
    let cut = [items[..2].concat(), part].concat();
    Case::new("settlement-cut-before-left", "the file ends after a settlement, where tree nodes are due", cut, trust(&sealed.signer)).invalid(
        files,
        "malformed-bundle",
        3,
        2,
        Integrity,
    );
}

fn misuses(files: &mut Files) {
    let log = three();
    let bundle = with(log.whole(), &[settlement(&FOUR, &log, 3)]);
    let mut misuse = |name, why, policy, reason| Case::new(name, why, bundle.clone(), policy).misuse(files, reason);
    let chains = |chains: Vec<String>| PolicyText { chains, ..trust(&log.signer) };
    misuse("misuse-chain", "a chain id that is none", chains(vec!["devnet".to_owned()]), "misuse-chain");
    misuse("misuse-chain-short", "a chain id of 63 digits", chains(vec!["7".repeat(63)]), "misuse-chain");
    misuse("misuse-chains-17", "seventeen chains", chains(vec![chain_of(FOUR[0]).to_string(); 17]), "misuse-chain");
    misuse("misuse-chain-last", "a chain that is none, and up to where there is no reference", PolicyText { upto: Some(1), ..chains(vec!["*".to_owned()]) }, "misuse-upto");
    misuse("misuse-upto-settled", "up to another size than the settlement's", pinned(&log).upto(2), "misuse-upto");
    misuse("misuse-upto-settled-kept", "up to the size of a kept checkpoint, where more was settled", pinned(&log).pinned(&log, 2).upto(2), "misuse-upto");
    let forged = {
        let mut proof = settlement(&FOUR, &log, 3);
        proof.header.validators = SetDigest([7; 32]);
        with(log.whole(), &[proof])
    };
    Case::new("settled-forged-upto", "a forged settlement, and up to what it might have been", forged, pinned(&log).upto(3)).invalid(files, "validator-set", 3, 20, Completeness);
    let none = Case::new("settled-none-pinned-upto", "a chain is pinned, nothing was settled, and up to a size", log.whole().bytes(), pinned(&log).upto(3));
    none.misuse(files, "misuse-upto");
}
