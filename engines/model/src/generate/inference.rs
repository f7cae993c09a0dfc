//! One generation in the making: which tokens it goes on with, and what becomes of their logits.

use super::lookup::Lookup;
use super::writer::Writer;
use super::{Flow, Generation, Progress, Request, StopReason};
use crate::constrain::Constraint;
use crate::digest::AdapterDigest;
use crate::error::{Misuse, Result};
use crate::forward::{Adapter, Piece, Pool, Rows, Sequence, Wanted};
use crate::sample::{Sampler, TokenSet};
use crate::tokens::vocabulary::TokenKind;
use crate::tokens::{Token, Tokenizer};
use std::sync::Arc;

/// One generation between two steps. Dropped at any time, it gives its pages back.
///
/// In turn: [`Inference::admit`] once there is room, then [`Inference::piece`] and [`Inference::take`] until there is no piece, then [`Inference::finish`].
pub struct Inference {
    request: Request,
    adapter: Option<Arc<Adapter>>,
    /// `None` before it is admitted, and while it is parked.
    sequence: Option<Sequence>,
    /// The prompt and what came out; the sequence holds all but the last, sooner or later.
    tokens: Vec<Token>,
    prompt_count: usize,
    context_tokens: usize,
    recalled_count: usize,
    proposals: Proposals,
    lookup: Lookup,
    /// The token that is due and what may follow it: the last piece, where something was proposed.
    proposed: Vec<Token>,
    sampler: Sampler,
    seen: TokenSet,
    allowed: TokenSet,
    writer: Writer,
    ended: Option<StopReason>,
}

/// Tokens that were proposed before they were chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proposals {
    pub proposed_count: u64,
    /// Those of them that were chosen: each saved a step.
    pub accepted_count: u64,
}

impl Inference {
    /// A generation that may fill a context of `context_tokens`, prompt included.
    ///
    /// # Errors
    /// [`Misuse::PromptEmpty`]; [`Misuse::PromptTooLong`] if no token fits behind the prompt; [`Misuse::Sampler`].
    pub fn new(prompt: &[Token], request: Request, context_tokens: usize) -> Result<Self> {
        if prompt.is_empty() {
            return Err(Misuse::PromptEmpty.into());
        }
        if prompt.len() >= context_tokens {
            return Err(Misuse::PromptTooLong { prompt_tokens: prompt.len(), context_tokens_max: context_tokens }.into());
        }
        let sampler = Sampler::new(request.sampler, request.seed)?;
        let mut seen = TokenSet::new();
        prompt.iter().for_each(|&token| seen.insert(token));
        let (tokens, prompt_count) = (prompt.to_vec(), prompt.len());
        let (lookup, writer) = (Lookup::default(), Writer::default());
        let (proposed, allowed) = (Vec::new(), TokenSet::new());
        Ok(Self {
            request,
            adapter: None,
            sequence: None,
            tokens,
            prompt_count,
            context_tokens,
            recalled_count: 0,
            proposals: Proposals::default(),
            lookup,
            proposed,
            sampler,
            seen,
            allowed,
            writer,
            ended: None,
        })
    }

    /// The same with an adapter, before it is admitted.
    #[must_use]
    pub fn with_adapter(self, adapter: Option<Arc<Adapter>>) -> Self {
        Self { adapter, ..self }
    }

    /// Tokens that it comes to at most, prompt included: what a pool must promise.
    pub fn tokens_max(&self) -> usize {
        self.context_tokens.min(self.prompt_count.saturating_add(self.request.output_tokens_max))
    }

    /// Opens its sequence, with as many of its tokens as the pool has kept.
    ///
    /// # Errors
    /// Those of [`Pool::open`]; it may be tried again.
    pub fn admit(&mut self, pool: &Pool) -> Result<()> {
        if self.sequence.is_none() {
            let sequence = pool.open_with(self.adapter.clone(), &self.tokens, self.tokens_max())?;
            self.recalled_count = sequence.tokens().len();
            self.sequence = Some(sequence);
        }
        Ok(())
    }

    /// Admits it with the pages of one that has the same prompt and adapter, as far as it is.
    ///
    /// # Errors
    /// As [`Inference::admit`].
    pub fn admit_beside(&mut self, other: &Self, pool: &Pool) -> Result<()> {
        let known = other.sequence.as_ref().map_or(0, |sequence| common(sequence.tokens(), &self.tokens));
        match &other.sequence {
            Some(sequence) if self.sequence.is_none() && known > 0 && self.adapter() == other.adapter() => {
                let mut sequence = sequence.fork(self.tokens_max())?;
                // The last token is fed always: its logits are wanted.
                sequence.truncate(known.min(self.tokens.len() - 1));
                self.recalled_count = sequence.tokens().len();
                self.sequence = Some(sequence);
                Ok(())
            }
            _ => self.admit(pool),
        }
    }

    /// The name of its adapter. What one generation computed serves another only where both have the same, or none.
    pub fn adapter(&self) -> Option<AdapterDigest> {
        self.adapter.as_ref().map(|adapter| adapter.digest())
    }

    /// Gives its pages back; admitted again, it goes on where it was.
    pub fn park(&mut self) {
        self.sequence = None;
    }

    /// Tokens that were found in the pool when it was last admitted.
    pub fn recalled_count(&self) -> usize {
        self.recalled_count
    }

    /// How its proposals have done.
    pub fn proposals(&self) -> Proposals {
        self.proposals
    }

    /// What it goes on with, at most `tokens_max` (at least 1): what its sequence lacks, and where that is one token, what may follow it. `None` if it has ended or is not admitted.
    /// The answer is for [`Inference::take`].
    pub fn piece(&mut self, tokens_max: usize) -> Option<Piece<'_>> {
        let sequence = self.sequence.as_mut().filter(|_| self.ended.is_none())?;
        let missing = self.tokens.get(sequence.tokens().len()..)?;
        self.proposed.clear();
        if let [due] = missing {
            self.proposed.push(*due);
            let room = tokens_max.saturating_sub(1).min(sequence.tokens_max() - self.tokens.len());
            self.lookup.propose(&self.tokens, room, &mut self.proposed);
            return Some(Piece { sequence, tokens: &self.proposed, wanted: Wanted::Every });
        }
        let tokens = missing.get(..missing.len().min(tokens_max.max(1)))?;
        let wanted = if tokens.len() == missing.len() { Wanted::Last } else { Wanted::Nothing };
        Some(Piece { sequence, tokens, wanted })
    }

    /// Goes on with what came of the last piece: tells progress, chooses the next token, ends.
    ///
    /// # Errors
    /// A logit that is not finite, a constraint that allows nothing. It cannot go on then.
    pub fn take(&mut self, rows: &Rows<'_>, tokenizer: &Tokenizer, mut constraint: Option<&mut dyn Constraint>, each: &mut dyn FnMut(Progress<'_>) -> Flow) -> Result<()> {
        let known = self.sequence.as_ref().map_or(0, |sequence| sequence.tokens().len());
        if self.output_count() == 0 && each(Progress::Prompt { done: known.min(self.prompt_count), total: self.prompt_count }) == Flow::Stop {
            self.end(StopReason::Interrupted, each);
            return Ok(());
        }
        if known < self.tokens.len() {
            return Ok(());
        }
        let (proposed_count, mut accepted_count) = (self.proposed.len().saturating_sub(1), 0);
        for row in 0..rows.count() {
            let constraint = constraint.as_mut().map(|constraint| &mut **constraint as &mut dyn Constraint);
            let ended = match self.limit() {
                None => self.choose(rows.logits(row)?, tokenizer, constraint, each)?,
                limit => limit,
            };
            if let Some(reason) = ended {
                self.end(reason, each);
                return Ok(());
            }
            // The next row is of what was proposed: it counts if that was chosen.
            if self.proposed.get(row + 1) != self.tokens.last() {
                break;
            }
            accepted_count += 1;
        }
        self.proposals.proposed_count += proposed_count as u64;
        self.proposals.accepted_count += accepted_count as u64;
        self.lookup.learn(proposed_count, accepted_count);
        if let Some(sequence) = &mut self.sequence {
            sequence.truncate(self.tokens.len() - 1);
        }
        if let Some(reason) = self.limit() {
            self.end(reason, each);
        }
        Ok(())
    }

    /// Ends it before its time.
    pub fn interrupt(&mut self, each: &mut dyn FnMut(Progress<'_>) -> Flow) {
        if self.ended.is_none() {
            self.end(StopReason::Interrupted, each);
        }
    }

    /// Tokens that its sequence has: of its prompt, then of what came out.
    pub fn known_count(&self) -> usize {
        self.sequence.as_ref().map_or(0, |sequence| sequence.tokens().len())
    }

    /// Tokens that its sequence lacks: of its prompt, or the last one that came out.
    pub fn missing_count(&self) -> usize {
        self.tokens.len().saturating_sub(self.known_count())
    }

    /// Whether it has ended.
    pub fn is_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// What came out. One that has not ended counts as interrupted.
    pub fn finish(mut self) -> Generation {
        self.interrupt(&mut |_| Flow::Stop);
        let output_tokens = self.tokens.split_off(self.prompt_count);
        Generation { prompt_tokens: self.tokens, output_tokens, text: self.writer.text, stop_reason: self.ended.unwrap_or(StopReason::Interrupted) }
    }

    fn output_count(&self) -> usize {
        self.tokens.len() - self.prompt_count
    }

    /// The limit that is reached.
    fn limit(&self) -> Option<StopReason> {
        if self.output_count() >= self.request.output_tokens_max {
            return Some(StopReason::TokenLimit);
        }
        (self.tokens.len() >= self.context_tokens).then_some(StopReason::ContextFull)
    }

    /// Chooses one token and tells it; what that ended it with, if it did.
    fn choose(&mut self, logits: &[f32], tokenizer: &Tokenizer, constraint: Option<&mut dyn Constraint>, each: &mut dyn FnMut(Progress<'_>) -> Flow) -> Result<Option<StopReason>> {
        let Some((token, is_end)) = self.draw(logits, tokenizer, constraint)? else { return Ok(Some(StopReason::Complete)) };
        if is_end {
            return Ok(Some(StopReason::EndToken(token)));
        }
        self.tokens.push(token);
        self.seen.insert(token);
        let text = self.writer.push(tokenizer.shown_bytes(token)?, &self.request.stop_texts);
        let flow = each(Progress::Token { token, text: &text, logits });
        if let Some(index) = self.writer.stopped {
            return Ok(Some(StopReason::StopText(index)));
        }
        Ok((flow == Flow::Stop).then_some(StopReason::Interrupted))
    }

    /// The next token, and whether it ends the text; `None` if the constraint is met and allows no more.
    fn draw(&mut self, logits: &[f32], tokenizer: &Tokenizer, constraint: Option<&mut dyn Constraint>) -> Result<Option<(Token, bool)>> {
        let step = self.output_count() as u64;
        let ends = &tokenizer.roles().eos;
        let Some(constraint) = constraint else {
            let token = self.sampler.sample(logits, step, &self.seen, None)?;
            return Ok(Some((token, ends.contains(&token))));
        };
        constraint.allow(&mut self.allowed);
        if self.allowed.is_empty() && constraint.may_end() {
            return Ok(None);
        }
        let token = self.sampler.sample(logits, step, &self.seen, Some(&self.allowed))?;
        // A file may call a token of text an end, `}` say: where the text may not end, it was allowed as text.
        let is_text = || tokenizer.vocabulary().kind(token) == TokenKind::Normal;
        let is_end = ends.contains(&token) && (!is_text() || constraint.may_end());
        if !is_end {
            constraint.advance(token)?;
        }
        Ok(Some((token, is_end)))
    }

    /// Nothing more comes out but the text that was held back. What was proposed and not chosen is forgotten.
    fn end(&mut self, reason: StopReason, each: &mut dyn FnMut(Progress<'_>) -> Flow) {
        self.ended = Some(reason);
        if let Some(sequence) = &mut self.sequence {
            let known = common(sequence.tokens(), &self.tokens);
            sequence.truncate(known);
        }
        let rest = self.writer.finish();
        if !rest.is_empty() {
            // It is over: the answer changes nothing.
            let _ = each(Progress::Rest { text: &rest });
        }
    }
}

/// How many tokens both begin with.
fn common(a: &[Token], b: &[Token]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
