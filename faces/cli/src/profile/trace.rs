//! Every operation in the Trace Event Format ("Trace Event Format", Google, 2016): what `chrome://tracing` and ui.perfetto.dev open.
//!
//! One process; a track for phases and tokens, one for operations inside their layers, one for each thread, and counters of entropy and log-probability. Times are microseconds since the first
//! operation. Slices of a track are properly nested: one that begins later ends before its parent.

use super::json::SCHEMA;
use mickai_runtime::Loaded;
use mickai_runtime::profile::{Phase, Profiled, Span, TokenSeen, Trace};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};

const PROCESS: u64 = 1;
const TOKENS: usize = 1;
const OPERATIONS: usize = 2;
/// The driving thread's track; those of the others follow.
const HANDS: usize = 3;

/// Writes the whole file, one event a line, and syncs it.
pub fn write(file: &File, model: &Loaded, profiled: &Profiled, trace: &Trace) -> std::io::Result<()> {
    let mut events = Events { out: BufWriter::new(file), is_first: true };
    let about = json!({
        "schema": SCHEMA,
        "model": model.digest.to_string(),
        "intent": profiled.answered.intent.index,
        "outcome": profiled.answered.outcome.index,
        "left_out": trace.left_out_count,
    });
    write!(events.out, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{about},\"traceEvents\":[")?;
    events.name_tracks(&model.name, profiled.profile.thread_count)?;
    for phase in &profiled.profile.phases {
        events.phase(phase, &profiled.profile.tokens)?;
    }
    events.operations(&trace.spans)?;
    for hand in &trace.hands {
        if let Some(span) = trace.spans.get(hand.span) {
            events.slice(HANDS + hand.hand, &Value::from(span.step.operation.name()), hand.begin_ns, hand.end_ns, json!({ "layer": span.step.layer }))?;
        }
    }
    events.out.write_all(b"\n]}\n")?;
    events.out.flush()?;
    file.sync_all()
}

struct Events<'a> {
    out: BufWriter<&'a File>,
    is_first: bool,
}

impl Events<'_> {
    fn put(&mut self, event: &Value) -> std::io::Result<()> {
        let between = if std::mem::take(&mut self.is_first) { "\n" } else { ",\n" };
        write!(self.out, "{between}{event}")
    }

    /// A complete event.
    fn slice(&mut self, track: usize, name: &Value, begin_ns: u64, end_ns: u64, args: Value) -> std::io::Result<()> {
        self.put(&json!({ "ph": "X", "pid": PROCESS, "tid": track, "name": name, "ts": micros(begin_ns), "dur": micros(end_ns - begin_ns), "args": args }))
    }

    fn name_tracks(&mut self, model: &str, thread_count: usize) -> std::io::Result<()> {
        self.put(&json!({ "ph": "M", "pid": PROCESS, "tid": 0, "name": "process_name", "args": { "name": format!("mickai profile: {model}") } }))?;
        let hands = (0..thread_count).map(|hand| (HANDS + hand, if hand == 0 { "thread 0, which drives".to_owned() } else { format!("thread {hand}") }));
        for (track, name) in [(TOKENS, "phases and tokens".to_owned()), (OPERATIONS, "layers and operations".to_owned())].into_iter().chain(hands) {
            self.put(&json!({ "ph": "M", "pid": PROCESS, "tid": track, "name": "thread_name", "args": { "name": name } }))?;
            self.put(&json!({ "ph": "M", "pid": PROCESS, "tid": track, "name": "thread_sort_index", "args": { "sort_index": track } }))?;
        }
        Ok(())
    }

    /// A phase, the tokens inside it, and their counters.
    fn phase(&mut self, phase: &Phase, tokens: &[TokenSeen]) -> std::io::Result<()> {
        if phase.wall_ns() > 0 {
            self.slice(TOKENS, &Value::from(phase.name), phase.begin_ns, phase.end_ns, json!({ "tokens": phase.token_count }))?;
        }
        for seen in tokens.iter().filter(|seen| (phase.begin_ns..phase.end_ns).contains(&seen.begin_ns)) {
            let (logprob, entropy) = (seen.likely.logprob, seen.likely.entropy);
            self.slice(TOKENS, &json!(format!("{:?}", seen.text)), seen.begin_ns, seen.end_ns, json!({ "token": seen.token.0, "logprob": logprob, "entropy": entropy }))?;
            for (name, value) in [("entropy", entropy), ("logprob", logprob)] {
                self.put(&json!({ "ph": "C", "pid": PROCESS, "tid": TOKENS, "name": name, "ts": micros(seen.end_ns), "args": { "nats": value } }))?;
            }
        }
        Ok(())
    }

    /// Operations, those of one layer that follow each other inside a slice of the layer.
    fn operations(&mut self, spans: &[Span]) -> std::io::Result<()> {
        for together in spans.chunk_by(|one, next| one.step.layer == next.step.layer) {
            if let ([first, ..], [.., last]) = (together, together)
                && let Some(layer) = first.step.layer
            {
                self.slice(OPERATIONS, &json!(format!("layer {layer}")), first.begin_ns, last.end_ns, json!({ "rows": first.step.rows }))?;
            }
            for span in together {
                let cost = &span.step.cost;
                let args = json!({
                    "rows": span.step.rows,
                    "weight_bytes": cost.weight_bytes,
                    "cache_bytes": cost.cache_bytes,
                    "activation_bytes": cost.activation_bytes,
                    "integer_products": cost.integer_products,
                    "float_products": cost.float_products,
                });
                self.slice(OPERATIONS, &Value::from(span.step.operation.name()), span.begin_ns, span.end_ns, args)?;
            }
        }
        Ok(())
    }
}

/// Microseconds with all nanoseconds.
fn micros(ns: u64) -> Value {
    json!(ns as f64 / 1e3)
}
