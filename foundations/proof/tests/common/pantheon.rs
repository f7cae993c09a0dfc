//! A chain in miniature for the vectors: forms filled from fixed seeds, and the sparse Merkle map by its definition.

use super::Signer;
use base64ct::{Base64, Encoding};
use mickai_proof::digest::{BlockId, ChainId, Id, KeyId, SetDigest, StateHash, StatePath, TreeHash};
use mickai_proof::pantheon::light::Change;
use mickai_proof::pantheon::{
    Account, Action, Address, Allocation, Amount, Block, Body, Certificate, EMPTY, Entry, Genesis, GenesisHead, Header, Height, LightProof, Name, Network, PantheonError, Params,
    Proposal, Round, StateKey, StateProof, Totals, Transaction, ValidatorSet, VoteKind, leaf_hash, light, node_hash, quorum, transactions_root, value_hash,
};
use mickai_proof::signature;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing of a chain, and what it is to be found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PantheonVector {
    pub name: String,
    pub why: String,
    /// address, transaction, block, header, certificate, validators, genesis, entry or light.
    pub kind: String,
    /// Of an address: its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Of an address: the network on which it is read, by its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<u64>,
    /// Of everything else: base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
    /// Of a certificate: the header that it is about, and the set that votes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// Of a light proof: the chain id that the verifier pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    pub expect: PantheonExpect,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PantheonExpect {
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of a light proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u8>,
    /// The digest that names it, or an address's 32 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Of a transaction: its leaf; whether the key that it reveals is the sender's and signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<bool>,
    /// Of a genesis that does not come to the supply: what it comes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    /// Of a light proof: the fewest seats, and for each key the entry, or nothing, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validators_fewest: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<Option<String>>>,
}

impl PantheonExpect {
    pub fn named(id: &str) -> Self {
        Self { ok: true, id: Some(id.to_owned()), ..Self::default() }
    }

    pub fn refused(reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..Self::default() }
    }
}

/// What this implementation answers.
pub fn judge_pantheon(vector: &PantheonVector) -> PantheonExpect {
    let decode = |text: &Option<String>| Base64::decode_vec(text.as_deref().unwrap_or_default()).unwrap();
    let bytes = decode(&vector.bytes);
    let named = |id: Result<String, PantheonError>| id.map(|id| PantheonExpect::named(&id));
    let answer = match vector.kind.as_str() {
        "address" => {
            let network = Network::from_code(vector.network.unwrap()).unwrap();
            named(Address::from_text(vector.text.as_deref().unwrap(), network).map(|address| Id(address.0).to_string()))
        }
        "transaction" => Transaction::parse(&bytes).map(|one| judge_transaction(&one)),
        "block" => named(Block::parse(&bytes).map(|block| block.header.id().to_string())),
        "header" => named(Header::parse(&bytes).map(|header| header.id().to_string())),
        "validators" => named(ValidatorSet::parse(&bytes).map(|set| set.digest().to_string())),
        "genesis" => named(Genesis::parse(&bytes).map(|genesis| genesis.head.id().to_string())),
        "entry" => named(Entry::parse(&bytes).map(|entry| value_hash(&entry.encode()).to_string())),
        "certificate" => {
            let (header, set) = (Header::parse(&decode(&vector.header)).unwrap(), ValidatorSet::parse(&decode(&vector.set)).unwrap());
            named(Certificate::parse(&bytes).and_then(|certificate| certificate.check(&header, &set)).map(|()| header.id().to_string()))
        }
        "light" => return judge_light(&bytes, ChainId::from_hex(vector.chain.as_deref().unwrap()).unwrap()),
        other => unreachable!("no kind {other}"),
    };
    answer.unwrap_or_else(|error| PantheonExpect { sum: sum(&error), ..PantheonExpect::refused(error.code()) })
}

fn sum(error: &PantheonError) -> Option<String> {
    if let PantheonError::GenesisSum { sum, .. } = error { Some(sum.to_string()) } else { None }
}

fn judge_transaction(one: &Transaction) -> PantheonExpect {
    let is_signed = |key| Address::of(key) == one.body().sender && signature::verify(key, &one.message(), one.signature());
    PantheonExpect { leaf: Some(one.leaf().to_string()), signed: one.key().map(is_signed), ..PantheonExpect::named(&one.id().to_string()) }
}

fn judge_light(bytes: &[u8], chain: ChainId) -> PantheonExpect {
    match light::verify(bytes, chain) {
        Ok(verdict) => PantheonExpect {
            validators_fewest: Some(verdict.validators_fewest),
            entries: Some(verdict.entries.iter().map(|(_, entry)| entry.as_ref().map(|entry| Base64::encode_string(&entry.encode()))).collect()),
            ..PantheonExpect::named(&verdict.header.id().to_string())
        },
        Err(error) => PantheonExpect { step: Some(error.step), sum: sum(&error.error), ..PantheonExpect::refused(error.error.code()) },
    }
}

pub const PAN: u64 = 1_000_000_000;

pub fn obols(obols: u64) -> Amount {
    Amount::from_obols(obols)
}

pub fn address(seed: u8) -> Address {
    Address::of(&Signer::from_seed(seed).key)
}

pub fn set(seeds: &[u8]) -> ValidatorSet {
    ValidatorSet::new(seeds.iter().map(|seed| Signer::from_seed(*seed).key).collect()).unwrap()
}

/// A devnet of one validator, seed 1, whose account is of seed 101.
pub fn head() -> GenesisHead {
    let params = Params {
        seats_min: 1,
        seats_max: 21,
        epoch_blocks: 10,
        unbonding_epochs: 3,
        bond_min: obols(1_000_000 * PAN),
        fee_base: obols(10_000),
        fee_byte: obols(4),
        treasury_share: 2_000,
    };
    GenesisHead {
        network: Network::Test,
        name: "devnet".into(),
        time_ms: 1_795_420_800_000,
        params,
        bonds: vec![(address(101), Signer::from_seed(1).key, obols(2_000_000 * PAN))],
        treasury: obols(500_000_000 * PAN),
        allocation_count: 0,
        allocated: Amount::ZERO,
        allocations: TreeHash([0; 32]),
    }
}

/// Two accounts; the first has what the others leave.
pub fn allocations() -> Vec<Allocation> {
    let little = 1_000 * PAN;
    let rest = Amount::SUPPLY.obols() - 502_000_000 * PAN - little;
    vec![Allocation { to: address(10), amount: obols(rest) }, Allocation { to: address(11), amount: obols(little) }]
}

pub fn genesis() -> Genesis {
    Genesis::new(head(), allocations()).unwrap()
}

/// A signed transaction that reveals its key.
pub fn transaction(seed: u8, nonce: u64, action: Action) -> Transaction {
    let body = Body { chain: genesis().head.id(), sender: address(seed), nonce, fee: obols(40_000), expires: Height(912), action };
    let signer = Signer::from_seed(seed);
    let signature = signer.sign(&body.message());
    body.sign_with(Some(signer.key), &signature)
}

pub fn header(height: u64, validators: &[u8], next: &[u8], state: StateHash, transactions: &[Transaction]) -> Header {
    Header {
        chain: genesis().head.id(),
        height: Height(height),
        parent: BlockId([3; 32]),
        epoch: Height(height).epoch(10),
        view: height,
        time_ms: 1_795_424_400_000 + height,
        transaction_count: transactions.len() as u64,
        transactions: transactions_root(transactions),
        state,
        validators: set(validators).digest(),
        next: set(next).digest(),
        proposer: address(101),
    }
}

/// Votes of these seats, of a set of these seeds, in a round so many views after the header's.
pub fn certificate_by(header: &Header, seeds: &[u8], seats: &[usize], later: u64) -> Certificate {
    let mut signers: Vec<_> = seeds.iter().map(|seed| Signer::from_seed(*seed)).collect();
    signers.sort_by(|a, b| a.key.raw().cmp(b.key.raw()));
    let round = Round { epoch: header.epoch, view: header.view + later };
    let parent = header.view - 1;
    let message = VoteKind::Finalize(Proposal { round, parent, block: header.id() }).message(header.chain);
    let votes = seats.iter().map(|seat| (*seat, Box::new(signers[*seat].sign(&message)))).collect();
    Certificate::new(round, parent, seeds.len(), votes).unwrap()
}

/// A quorum.
pub fn certificate(header: &Header, seeds: &[u8]) -> Certificate {
    certificate_by(header, seeds, &(0..quorum(seeds.len())).collect::<Vec<_>>(), 0)
}

/// Some entries, by their keys.
pub fn entries() -> BTreeMap<StateKey, Entry> {
    let account = |number: u8| (StateKey::Account(address(number)), Entry::Account(Account { nonce: number.into(), balance: obols(1_000 + u64::from(number)), key: None }));
    let mut entries: BTreeMap<_, _> = (10..26).map(account).collect();
    let keyed = Account { nonce: 7, balance: obols(5), key: Some(Signer::from_seed(10).key) };
    entries.insert(StateKey::Account(address(10)), Entry::Account(keyed));
    entries.insert(StateKey::Name("home".into()), Entry::Name(Box::new(Name { owner: address(10), key: KeyId([1; 32]), mandate: Id([2; 32]) })));
    let totals = Totals { balances: obols(Amount::SUPPLY.obols() - 3), bonds: obols(2), unbonding: Amount::ZERO, treasury: obols(1) };
    entries.insert(StateKey::Totals, Entry::Totals(totals));
    entries
}

/// Paths with the hashes of their values, ascending.
fn leaves(entries: &BTreeMap<StateKey, Entry>) -> Vec<(StatePath, StateHash)> {
    let mut leaves: Vec<_> = entries.iter().map(|(key, entry)| (key.path(), value_hash(&entry.encode()))).collect();
    leaves.sort_by_key(|(path, _)| *path);
    leaves
}

/// The hash of a subtree, as spec/pantheon.md "State commitment" says it.
fn hash(leaves: &[(StatePath, StateHash)], depth: usize) -> StateHash {
    match leaves {
        [] => EMPTY,
        [(path, value)] => leaf_hash(path, value),
        _ => {
            let (left, right) = leaves.split_at(leaves.partition_point(|(path, _)| !path.bit(depth)));
            node_hash(&hash(left, depth + 1), &hash(right, depth + 1))
        }
    }
}

pub fn root(entries: &BTreeMap<StateKey, Entry>) -> StateHash {
    hash(&leaves(entries), 0)
}

pub fn prove(entries: &BTreeMap<StateKey, Entry>, key: StateKey) -> StateProof {
    let (leaves, path) = (leaves(entries), key.path());
    let (mut rest, mut siblings) = (&leaves[..], Vec::new());
    while rest.len() > 1 {
        let depth = siblings.len();
        let (left, right) = rest.split_at(rest.partition_point(|(path, _)| !path.bit(depth)));
        let (own, other) = if path.bit(depth) { (right, left) } else { (left, right) };
        siblings.push(hash(other, depth + 1));
        rest = own;
    }
    match (entries.get(&key), rest.first()) {
        (Some(entry), _) => StateProof::present(key, entry.encode(), siblings),
        (None, other) => StateProof::absent(key, other.copied(), siblings),
    }
}

/// The validators of each run of epochs, by their seeds.
pub const SETS: [&[u8]; 4] = [&[1], &[1, 2, 3, 4], &[2, 3, 4, 5], &[2, 3, 4, 5, 6, 7, 8]];

/// Three changes of the validators, and a block after them.
pub fn light_proof() -> LightProof {
    let entries = entries();
    let change = |number: usize| {
        // Epochs 0, 2 and 3: during epoch 1 nothing changes, and the proof has nothing of it.
        let height = [10, 30, 40][number];
        let header = header(height, SETS[number], SETS[number + 1], StateHash([9; 32]), &[]);
        Change { certificate: certificate_by(&header, SETS[number], &(0..quorum(SETS[number].len())).collect::<Vec<_>>(), number as u64), header, next: set(SETS[number + 1]) }
    };
    let header = header(47, SETS[3], SETS[3], root(&entries), &[]);
    let keys = [StateKey::Account(address(10)), StateKey::Account(address(200)), StateKey::Name("nobody".into()), StateKey::Totals, StateKey::Roster];
    LightProof {
        head: genesis().head,
        changes: (0..3).map(change).collect(),
        certificate: certificate(&header, SETS[3]),
        header,
        entries: keys.into_iter().map(|key| prove(&entries, key)).collect(),
    }
}

/// The same set under another digest, for headers that lie.
pub fn no_set() -> SetDigest {
    SetDigest([7; 32])
}
