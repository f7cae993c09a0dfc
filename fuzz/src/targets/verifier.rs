//! The verifier, under the policy that comes before the bundle and under none: the pieces do not matter, a key of one's own is needed, and what is VERIFIED holds by the plain definitions.

use super::harness::{Held, Target, ensure, piece_len};
use super::parts::Parts;
use super::vectors;
use mickai_proof::crew::Serial;
use mickai_proof::digest::{RecordDigest, TreeHash};
use mickai_proof::merkle::{leaf, root_of};
use mickai_proof::mldsa::{Isa, RecheckSeed};
use mickai_proof::pantheon::{Entry, light};
use mickai_proof::record::{Mode, decode};
use mickai_proof::signature::{from_cose, to_be_signed, verify};
use mickai_proof::verify::{Engine, Misuse, Policy, Reason, Verdict, Verifier, Word};
use std::path::Path;
use std::sync::Arc;

/// The target. Its input is two bytes with the length of a policy file, that file, and a bundle.
pub const TARGET: Target = Target { name: "verifier", holds: |data| holds(data, real), canary: |data| holds(data, canary), seeds, case_count: 1_500 };

type Judge = fn(&Policy, &[u8], usize) -> Result<Verdict, Misuse>;

fn holds(data: &[u8], judge: Judge) -> Held {
    let Some((policy, bundle)) = split(data) else { return Ok(()) };
    let bare = agreed(&Policy::default(), bundle, data, judge)?;
    ensure(bare.is_ok_and(|verdict| verdict.word != Word::Verified), "VERIFIED without a key of one's own")?;
    let Ok(policy) = Policy::from_json(policy) else { return Ok(()) };
    let policy = Policy { now_ms: policy.max_age_ms, ..policy };
    let verdict = agreed(&policy, bundle, data, judge)?;
    if let Ok(verdict) = &verdict
        && verdict.word == Word::Verified
    {
        holds_by_definition(&policy, bundle, verdict)?;
    }
    ensure(verdict == in_lanes(&policy, bundle), "the verdict depends on how signatures are verified")
}

fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = data.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

/// The verdict, which is the same in pieces, and whose report is JSON.
fn agreed(policy: &Policy, bundle: &[u8], data: &[u8], judge: Judge) -> Result<Result<Verdict, Misuse>, String> {
    let whole = judge(policy, bundle, usize::MAX);
    ensure(whole == judge(policy, bundle, piece_len(data)), "the verdict depends on the pieces")?;
    if let Ok(verdict) = &whole {
        let report: serde_json::Value = serde_json::from_str(&verdict.to_json()).map_err(|_| "a report that is not JSON")?;
        ensure(report["exit"] == verdict.word.exit_code(), "a report with another exit code")?;
    }
    Ok(whole)
}

/// Each record in its place, linked, signed if it says so, by a listed key; all of them the leaves of the checkpoint's tree; and the tree one that the verifier kept, where completeness was asked for.
fn holds_by_definition(policy: &Policy, bundle: &[u8], verdict: &Verdict) -> Held {
    let (parts, end) = Parts::read(bundle, usize::MAX);
    let (Ok(()), Some(header), Some(checkpoint)) = (end, parts.header, verdict.scope.checkpoint) else { return Err("VERIFIED and not read to its end".to_owned()) };
    let mut prev = None;
    for ((bytes, beside), index) in parts.records.iter().zip(&parts.signatures).zip(header.first..) {
        let record = decode(bytes).map_err(|_| "VERIFIED with bytes that are no record")?;
        ensure(record.index == index && (prev.is_none() || record.prev == prev), "VERIFIED with a record out of place")?;
        let digest = RecordDigest::of(bytes);
        prev = Some(digest);
        let key = parts.keys.iter().find(|key| key.id() == record.key_id).ok_or("VERIFIED with a key that is not listed")?;
        let is_signed = from_cose(record.key_id, beside).is_some_and(|signature| verify(key, &to_be_signed(record.key_id, header.log, digest), signature));
        ensure(is_signed == (record.mode == Mode::Each), "VERIFIED with a signature that is missing, wrong or too many")?;
    }
    let leaves: Vec<_> = parts.records.iter().map(|record| leaf(record)).collect();
    if header.first == 0 && header.count == checkpoint.size {
        ensure(root_of(&leaves) == Some(checkpoint.root), "VERIFIED with another root")?;
    }
    if policy.require.contains(&mickai_proof::verify::Axis::Completeness) {
        let kept = policy.reference().map(|kept| (kept.size(), kept.root()));
        let witnesses: Vec<_> = kept.into_iter().chain(parts.settlements.iter().filter_map(|proof| settled(policy, proof))).collect();
        ensure(!witnesses.is_empty(), "VERIFIED as complete without a witness")?;
        for (size, root) in witnesses {
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            ensure(leaves.get(..size).and_then(root_of) == Some(root), "VERIFIED as complete and not what was kept, or settled")?;
        }
    }
    ensure(policy.keys.iter().any(|trusted| parts.keys.iter().any(|key| key.id() == trusted.id())), "VERIFIED under keys that nobody trusts")
}

/// What a pinned chain says of the log by its light proof, where every set on the way had four seats: size and root.
fn settled(policy: &Policy, proof: &[u8]) -> Option<(u64, TreeHash)> {
    let shown = policy.chains.iter().find_map(|chain| light::verify(proof, *chain).ok())?;
    let [(_, Some(Entry::Log(entry)))] = shown.entries.as_slice() else { return None };
    let newest = entry.newest.as_ref().filter(|_| shown.validators_fewest >= 4)?;
    Some((newest.size, newest.root))
}

fn real(policy: &Policy, bundle: &[u8], piece_len: usize) -> Result<Verdict, Misuse> {
    let mut verifier = Verifier::new(policy.clone())?;
    bundle.chunks(piece_len).for_each(|piece| verifier.feed(piece));
    verifier.finish()
}

/// The same with the signatures of a chunk verified together, as fast as this machine can.
fn in_lanes(policy: &Policy, bundle: &[u8]) -> Result<Verdict, Misuse> {
    let engine = Engine::lanes(Isa::best(), Arc::new(Serial), RecheckSeed([7; 32]));
    let mut verifier = Verifier::with_engine(policy.clone(), engine)?;
    verifier.feed(bundle);
    assert_eq!(verifier.disagreements(), 0, "the library overruled the lanes");
    verifier.finish()
}

/// Passes over a signature that does not verify.
fn canary(policy: &Policy, bundle: &[u8], piece_len: usize) -> Result<Verdict, Misuse> {
    let mut verdict = real(policy, bundle, piece_len)?;
    if verdict.reason == Some(Reason::Signature) && !policy.keys.is_empty() {
        verdict.word = Word::Verified;
    }
    Ok(verdict)
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let joined = |(policy, bundle): (String, Vec<u8>)| u16::try_from(policy.len()).ok().map(|len| [&len.to_be_bytes(), policy.as_bytes(), &bundle].concat());
    vectors::bundles(folder).into_iter().filter_map(joined).collect()
}
