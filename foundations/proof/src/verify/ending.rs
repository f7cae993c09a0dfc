//! What the file's end decides: steps 17 to 20, the axes without a step of their own, revocation, and the scope.

use super::chain::Chain;
use super::judge::Judge;
use super::reference::End;
use super::verdict::Scope;
use super::{Axes, Axis, AxisState, Failure, Head, Misuse, Reason, Reference, Verdict};
use crate::history::{Revocation, Weight};
use crate::limits;
use alloc::vec::Vec;

impl Judge {
    /// Steps 17 to 20, then the verdict.
    pub fn finish(mut self) -> Result<Verdict, Misuse> {
        let mut axes = Axes::not_reached();
        let mut scope = self.scope();
        let mut is_too_old = false;
        if self.failure.is_none()
            && let (Some(header), Some(chain), Some(note)) = (self.header, &self.chain, &self.note)
            && let Some(key) = chain.history().in_force()
        {
            let end = End { header, chain, key, events: &self.located, right: &self.right, note, policy: &self.policy, unsettled: self.unsettled };
            match end.judge(&mut axes, &mut scope)? {
                Ok(()) => {
                    let is_whole = scope.checkpoint.is_some_and(|checkpoint| end.is_whole(&checkpoint));
                    self.passed(chain, is_whole, &mut axes, &mut scope);
                    let age_ms = self.policy.now_ms.unwrap_or(0).saturating_sub(chain.newest_ms());
                    is_too_old = self.policy.max_age_ms.is_some_and(|most| age_ms > most);
                }
                Err(reason) => {
                    // References that passed before narrowed what is covered.
                    scope.last = Some(header.end() - 1);
                    self.failure = Some(Failure { index: header.end(), reason });
                }
            }
        }
        Ok(Verdict::new(self.failure, axes, scope, &self.policy, is_too_old))
    }

    /// The axes that have no step of their own at the end.
    fn passed(&self, chain: &Chain, is_whole: bool, axes: &mut Axes, scope: &mut Scope) {
        let is_trusted = !self.policy.keys.is_empty();
        let seen_by = |time_ms| self.policy.seen_by(time_ms, |size| is_whole || Some(size) == scope.checkpoint.map(|checkpoint| checkpoint.size));
        let (revoked, is_unproven) = self.revoked(chain, scope, &seen_by);
        let is_bounded = scope.last.is_some_and(|last| seen_by(u64::MAX) > last);
        scope.revoked = revoked;
        axes.set(Axis::Integrity, AxisState::Pass);
        axes.set(Axis::Authenticity, if is_trusted { AxisState::Pass } else { AxisState::Unchecked(Reason::SelfAssertedKey) });
        axes.set(
            Axis::KeyStatus,
            match () {
                () if !scope.revoked.is_empty() => AxisState::Fail(Reason::Revoked),
                () if !is_trusted => AxisState::Unchecked(Reason::SelfAssertedKey),
                () if is_unproven => AxisState::Unchecked(Reason::RevocationUnproven),
                () if !is_whole => AxisState::Unchecked(Reason::Partial),
                () => AxisState::Pass,
            },
        );
        axes.set(Axis::Time, if is_bounded { AxisState::Pass } else { AxisState::Unchecked(Reason::OperatorClaimed) });
        axes.set(Axis::Pairing, if scope.open_intent_count == 0 { AxisState::Pass } else { AxisState::Unchecked(Reason::OpenIntents) });
        axes.set(Axis::Disclosure, AxisState::Pass);
    }

    /// The indexes in scope whose signatures are worth nothing; and whether a statement was brought of which nobody can tell what it is worth.
    fn revoked(&self, chain: &Chain, scope: &Scope, seen_by: &dyn Fn(u64) -> u64) -> (Vec<(u64, u64)>, bool) {
        let history = chain.history();
        let mut revocations: Vec<Revocation> = history.revocations().to_vec();
        let mut is_unproven = false;
        for statement in self.policy.revocations.iter().filter(|statement| Some(statement.log) == scope.log) {
            match history.weigh(statement) {
                Weight::Counts => revocations.push(statement.revocation),
                Weight::Unproven => is_unproven = true,
                Weight::Nothing => {}
            }
        }
        let (Some(first), Some(last)) = (scope.first, scope.last) else { return (Vec::new(), is_unproven) };
        (history.revoked(&revocations, (first, last), seen_by), is_unproven)
    }

    fn scope(&self) -> Scope {
        let open = self.chain.as_ref().map(Chain::open_intents).unwrap_or_default();
        let (erased, erased_count) = self.chain.as_ref().map(Chain::erased).unwrap_or_default();
        let is_read = self.signatures.is_some();
        Scope {
            log: self.header.map(|header| header.log),
            keys: if is_read { self.key_ids() } else { Vec::new() },
            first: self.header.map(|header| header.first),
            last: self.header.map(|header| header.end() - 1),
            checkpoint: None,
            reference_size: self.policy.reference().map(Reference::size),
            is_reference_settled: self.policy.reference().is_some_and(|reference| matches!(reference.head, Head::Settled { .. })),
            settlements: self.settled.clone(),
            opened: self.opened,
            open_intent_count: open.len() as u64,
            open_intents: open.into_iter().take(limits::OPEN_INTENTS_LISTED_MAX).collect(),
            revoked: Vec::new(),
            erased_count,
            erased: erased.to_vec(),
        }
    }
}
