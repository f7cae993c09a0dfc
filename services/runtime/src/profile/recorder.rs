//! Writes down the line of time of one generation: operations as the engine tells of them, and what lies between.

use super::SPAN_COUNT_MAX;
use super::hands::Hands;
use super::report::{Figures, HandSpan, Line, Phase, Span, TokenSeen, Trace};
use crate::serve::likelihood;
use mickai_model::forward::{Operation, Step, Watch};
use mickai_model::generate::Progress;
use mickai_model::tokens::{Token, Tokenizer};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a moment between operations is charged to.
#[derive(Clone, Copy)]
enum Gap {
    Between,
    Choosing,
    Watching,
}

/// Hears of the operations, and of the tokens.
pub(super) struct Recorder {
    hands: Arc<Hands>,
    alternatives: usize,
    times: Mutex<Times>,
}

/// The line of time so far.
struct Times {
    layer_count: usize,
    /// Whether an operation has begun at all.
    is_begun: bool,
    /// Up to here everything is charged.
    mark_ns: u64,
    /// Index in `phases`: 0 until the first token is out.
    phase: usize,
    phases: [Phase; 2],
    /// By phase, layer (the last place is for none) and operation.
    cells: Vec<Figures>,
    tokens: Vec<TokenSeen>,
    /// When work on the next token began.
    token_begin_ns: u64,
    trace: Option<Trace>,
}

impl Recorder {
    pub fn new(hands: Arc<Hands>, layer_count: usize, alternatives: usize, is_traced: bool) -> Self {
        let phase = |name| Phase { name, begin_ns: 0, end_ns: 0, token_count: 0, between_ns: 0, choosing_ns: 0, watching_ns: 0, lines: Vec::new() };
        let times = Times {
            layer_count,
            is_begun: false,
            mark_ns: 0,
            phase: 0,
            phases: [phase("prompt"), phase("generation")],
            cells: vec![Figures::default(); 2 * (layer_count + 1) * Operation::ALL.len()],
            tokens: Vec::new(),
            token_begin_ns: 0,
            trace: is_traced.then(Trace::default),
        };
        Self { hands, alternatives, times: Mutex::new(times) }
    }

    /// Hears what a caller of the generation is about to hear.
    pub fn hear(&self, progress: &Progress<'_>, tokenizer: &Tokenizer) {
        let mut times = self.times();
        let Progress::Token { token, logits, .. } = *progress else {
            return times.charge(Gap::Between, self.hands.now_ns());
        };
        let end_ns = self.hands.now_ns();
        times.charge(Gap::Choosing, end_ns);
        let likely = likelihood(logits, token, self.alternatives);
        let text = |token: Token| tokenizer.shown_bytes(token).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
        let best_texts = likely.best.iter().map(|(token, _)| text(*token)).collect();
        let begin_ns = times.token_begin_ns;
        times.tokens.push(TokenSeen { token, text: text(token), begin_ns, end_ns, likely, best_texts });
    }

    /// The caller has heard it.
    pub fn heard(&self) {
        let mut times = self.times();
        times.charge(Gap::Watching, self.hands.now_ns());
        times.token_begin_ns = times.mark_ns;
        if times.phase == 0 && !times.tokens.is_empty() {
            times.phase = 1;
            (times.phases[1].begin_ns, times.phases[1].end_ns) = (times.mark_ns, times.mark_ns);
        }
    }

    /// What came of it.
    pub fn finish(&self) -> ([Phase; 2], Vec<TokenSeen>, Option<Trace>) {
        let mut times = self.times();
        for phase in 0..2 {
            times.phases[phase].lines = times.lines(phase);
        }
        times.begin_at_zero();
        (times.phases.clone(), std::mem::take(&mut times.tokens), times.trace.take())
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Recorder {
    fn begins(&self) {
        let mut times = self.times();
        // The last thing before the operation: it is charged with nothing of this.
        let now_ns = self.hands.now_ns();
        if !times.is_begun {
            (times.is_begun, times.mark_ns, times.token_begin_ns) = (true, now_ns, now_ns);
            times.phases[0].begin_ns = now_ns;
            // Weights may have been repacked by the same crew.
            self.hands.take().for_each(drop);
        }
        times.charge(Gap::Between, now_ns);
    }

    fn done(&self, step: Step) {
        let end_ns = self.hands.now_ns();
        let mut times = self.times();
        let begin_ns = times.advance(end_ns);
        let span = times.trace.as_mut().and_then(|trace| trace.place(Span { step, begin_ns, end_ns }));
        let (mut busy_ns, mut is_shared) = (0, false);
        for (hand, worked) in self.hands.take().enumerate() {
            let Some(worked) = worked else { continue };
            (busy_ns, is_shared) = (busy_ns + worked.busy_ns, true);
            if let (Some(span), Some(trace)) = (span, &mut times.trace) {
                trace.hands.push(HandSpan { hand, span, begin_ns: worked.first_ns, end_ns: worked.last_ns });
            }
        }
        let time_ns = end_ns - begin_ns;
        // What no crew was asked for, the driving thread did itself.
        let busy_ns = if is_shared { busy_ns } else { time_ns };
        let cell = times.cell(step.layer, step.operation);
        *cell = cell.plus(Figures { count: 1, time_ns, busy_ns, cost: step.cost });
        if step.operation == Operation::Embed {
            let phase = times.phase;
            times.phases[phase].token_count += step.rows;
        }
    }
}

impl Times {
    /// Charges the time up to `now_ns`.
    fn charge(&mut self, to: Gap, now_ns: u64) {
        if !self.is_begun {
            return;
        }
        let from_ns = self.advance(now_ns);
        let phase = &mut self.phases[self.phase];
        *match to {
            Gap::Between => &mut phase.between_ns,
            Gap::Choosing => &mut phase.choosing_ns,
            Gap::Watching => &mut phase.watching_ns,
        } += now_ns - from_ns;
    }

    /// Moves the mark; gives where it was.
    fn advance(&mut self, now_ns: u64) -> u64 {
        self.phases[self.phase].end_ns = now_ns;
        std::mem::replace(&mut self.mark_ns, now_ns)
    }

    /// Counts all times from the first operation.
    fn begin_at_zero(&mut self) {
        let origin_ns = self.phases[0].begin_ns;
        // A generation that ended before its first token has no second phase.
        let shift = |begin_ns: &mut u64, end_ns: &mut u64| (*begin_ns, *end_ns) = (begin_ns.saturating_sub(origin_ns), end_ns.saturating_sub(origin_ns));
        self.phases.iter_mut().for_each(|phase| shift(&mut phase.begin_ns, &mut phase.end_ns));
        self.tokens.iter_mut().for_each(|token| shift(&mut token.begin_ns, &mut token.end_ns));
        if let Some(trace) = &mut self.trace {
            trace.spans.iter_mut().for_each(|span| shift(&mut span.begin_ns, &mut span.end_ns));
            trace.hands.iter_mut().for_each(|hand| shift(&mut hand.begin_ns, &mut hand.end_ns));
        }
    }

    fn cell(&mut self, layer: Option<usize>, operation: Operation) -> &mut Figures {
        let index = self.index(self.phase, layer.unwrap_or(self.layer_count), operation);
        &mut self.cells[index]
    }

    fn index(&self, phase: usize, layer: usize, operation: Operation) -> usize {
        (phase * (self.layer_count + 1) + layer.min(self.layer_count)) * Operation::ALL.len() + operation as usize
    }

    fn lines(&self, phase: usize) -> Vec<Line> {
        let places = Operation::ALL.into_iter().flat_map(|operation| (0..=self.layer_count).map(move |layer| (operation, layer)));
        let line = |(operation, layer)| {
            let figures = self.cells[self.index(phase, layer, operation)];
            Line { operation: Some(operation), layer: Some(layer).filter(|&layer| layer < self.layer_count), figures }
        };
        places.map(line).filter(|line| line.figures.count > 0).collect()
    }
}

impl Trace {
    /// Keeps the span where there is room; gives its place.
    fn place(&mut self, span: Span) -> Option<usize> {
        if self.spans.len() == SPAN_COUNT_MAX {
            self.left_out_count += 1;
            return None;
        }
        self.spans.push(span);
        Some(self.spans.len() - 1)
    }
}
