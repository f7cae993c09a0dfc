//! What each generation of a batch gets of one step: who decodes goes on in every step, and the prompts that are being read share a budget evenly, caller by caller, so that no prompt keeps others
//! from being read, however long it is.

use super::limits::{READ_ALONE_TOKENS, READ_BESIDE_TOKENS};
use super::order::Caller;
use std::collections::BTreeMap;

/// What one generation could use of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// Who waits for it.
    pub caller: Caller,
    /// Tokens that it could be fed.
    pub token_count: usize,
    /// They are of its prompt: fewer will do.
    pub reads: bool,
}

/// How many tokens each is fed, in the order of the needs.
pub(super) fn share(needs: &[Need]) -> Vec<usize> {
    let decodes = needs.iter().any(|need| !need.reads && need.token_count > 0);
    let budget = if decodes { READ_BESIDE_TOKENS } else { READ_ALONE_TOKENS };
    let mut by_caller: BTreeMap<Caller, Vec<usize>> = BTreeMap::new();
    for (place, need) in needs.iter().enumerate().filter(|(_, need)| need.reads) {
        by_caller.entry(need.caller).or_default().push(place);
    }
    let counts = |places: &[usize]| places.iter().filter_map(|&place| Some(needs.get(place)?.token_count)).collect::<Vec<_>>();
    let of_callers: Vec<usize> = by_caller.values().map(|places| counts(places).iter().sum()).collect();
    let mut shares: Vec<usize> = needs.iter().map(|need| if need.reads { 0 } else { need.token_count }).collect();
    for (places, of_caller) in by_caller.values().zip(evenly(budget, &of_callers)) {
        for (&place, count) in places.iter().zip(evenly(of_caller, &counts(places))) {
            if let Some(share) = shares.get_mut(place) {
                *share = count;
            }
        }
    }
    shares
}

/// Cuts `budget` so that nobody gets more than they want, and nobody gets less than another who has more than they do: what the modest leave goes to the others. What cannot be cut evenly goes to
/// the first.
fn evenly(budget: usize, wanted: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    // The modest first; of equals the last, so that the odd tokens are left for the first.
    order.sort_by_key(|&place| (wanted.get(place).copied().unwrap_or(0), std::cmp::Reverse(place)));
    let (mut left, mut got) = (budget, vec![0; wanted.len()]);
    for (done, &place) in order.iter().enumerate() {
        let (Some(&wants), Some(gets)) = (wanted.get(place), got.get_mut(place)) else { continue };
        *gets = wants.min(left / (order.len() - done));
        left -= *gets;
    }
    got
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_cut_evenly() {
        let cases: [(usize, &[usize], &[usize]); 7] = [
            (10, &[], &[]),
            (10, &[3, 4], &[3, 4]),
            (10, &[100, 100], &[5, 5]),
            (10, &[100, 2, 100], &[4, 2, 4]),
            (11, &[100, 100], &[6, 5]),
            (2, &[9, 9, 9], &[1, 1, 0]),
            (64, &[30_000, 10, 0, 20], &[34, 10, 0, 20]),
        ];
        for (budget, wanted, got) in cases {
            assert_eq!(evenly(budget, wanted), got, "{budget} {wanted:?}");
        }
    }

    #[test]
    fn decoding_goes_on_and_callers_share_what_is_read() {
        let need = |caller, token_count, reads| Need { caller: Caller(caller), token_count, reads };
        let alone = [need(1, 30_000, true)];
        assert_eq!(share(&alone), [READ_ALONE_TOKENS]);
        let beside = [need(1, 30_000, true), need(2, 1, false), need(3, 5, false)];
        assert_eq!(share(&beside), [READ_BESIDE_TOKENS, 1, 5]);
        // One caller with three long prompts against another with a long and a short one.
        let half = READ_BESIDE_TOKENS / 2;
        let many = [need(1, 9_000, true), need(1, 9_000, true), need(1, 9_000, true), need(2, 4, true), need(2, 9_000, true), need(9, 1, false)];
        let shares = share(&many);
        assert_eq!(shares[..3].iter().sum::<usize>(), half);
        assert_eq!(shares[3..], [4, half - 4, 1]);
    }
}
