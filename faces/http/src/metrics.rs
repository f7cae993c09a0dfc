//! Counts in Prometheus' text format (exposition format 0.0.4).

use mickai_runtime::serve::{Counts, ModelCounts};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// One count of a model.
type OfModel = fn(&ModelCounts) -> u64;

/// What the face counts; the desk counts the rest.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests answered, by route and status.
    answered: Mutex<BTreeMap<(&'static str, u16), u64>>,
    /// Connections open now.
    connections: AtomicU64,
}

/// A connection that is counted while it is open.
pub struct Connection<'a>(&'a Metrics);

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Counts an answer. `route` is one of the table, so that strangers cannot make it grow.
    pub fn answered(&self, route: &'static str, status: u16) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner).entry((route, status)).or_default() += 1;
    }

    /// Counts a connection until it is dropped.
    pub fn connection(&self) -> Connection<'_> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connection(self)
    }

    /// Everything as text.
    pub fn text(&self, counts: &Counts) -> String {
        let mut out = String::new();
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = answered.iter().map(|((route, status), count)| (format!("route=\"{route}\",status=\"{status}\""), *count));
        family(&mut out, "mickai_http_requests_total", "counter", "requests answered", rows);
        family(&mut out, "mickai_http_connections", "gauge", "connections open now", [(String::new(), self.connections.load(Ordering::Relaxed))].into_iter());
        family(&mut out, "mickai_queue_refused_total", "counter", "orders refused because something was full", [(String::new(), counts.refused)].into_iter());
        for (name, kind, help, value) in [
            ("mickai_memory_bytes_max", "gauge", "bytes of memory that models, their keys and values, adapters and embeddings may take together", counts.memory_bytes_max),
            ("mickai_memory_bytes", "gauge", "of these, those that are taken", counts.memory_bytes),
            ("mickai_embedding_waiting", "gauge", "requests for embeddings that wait or run", counts.embedding_waiting),
            ("mickai_embedded_inputs_total", "counter", "inputs of which vectors were made", counts.embedded_inputs),
            ("mickai_embedded_tokens_total", "counter", "their tokens", counts.embedded_tokens),
        ] {
            family(&mut out, name, kind, help, [(String::new(), value)].into_iter());
        }
        let families: [(&str, &str, &str, OfModel); 15] = [
            ("mickai_queue_waiting", "gauge", "orders that wait", |model| model.waiting),
            ("mickai_generations_running", "gauge", "generations that run", |model| model.running),
            ("mickai_generations_executed_total", "counter", "generations whose outcome is executed", |model| model.executed),
            ("mickai_generations_interrupted_total", "counter", "of these, those that nobody waited for any more", |model| model.interrupted),
            ("mickai_generations_failed_total", "counter", "generations that failed", |model| model.failed),
            ("mickai_prompt_tokens_total", "counter", "tokens of prompts", |model| model.prompt_tokens),
            ("mickai_reused_tokens_total", "counter", "of the tokens of prompts, those whose keys and values were at hand", |model| model.reused_tokens),
            ("mickai_output_tokens_total", "counter", "tokens that came out", |model| model.output_tokens),
            ("mickai_steps_total", "counter", "steps, each with rows of all generations that run", |model| model.steps),
            ("mickai_step_rows_total", "counter", "rows of all steps, one for each token that was fed", |model| model.step_rows),
            ("mickai_cache_bytes_max", "gauge", "bytes of keys and values that the model may keep", |model| model.cache.page_count_max as u64 * model.page_bytes),
            ("mickai_cache_promised_bytes", "gauge", "of these, promised to generations that run", |model| model.cache.promised_count as u64 * model.page_bytes),
            ("mickai_cache_held_bytes", "gauge", "of these, held by generations that run", |model| model.cache.held_count as u64 * model.page_bytes),
            ("mickai_cache_kept_bytes", "gauge", "of these, kept for generations that begin alike", |model| model.cache.kept_count as u64 * model.page_bytes),
            ("mickai_model_bytes", "gauge", "bytes of the tensors of open models", |model| model.tensor_bytes),
        ];
        for (name, kind, help, value) in families {
            family(&mut out, name, kind, help, counts.models.iter().map(|model| (format!("model=\"{}\"", escaped(&model.name)), value(model))));
        }
        let seconds = counts.models.iter().map(|model| (format!("model=\"{}\"", escaped(&model.name)), model.busy.as_secs_f64()));
        family(&mut out, "mickai_busy_seconds_total", "counter", "how long steps took: tokens that came out by these are tokens per second of work", seconds);
        out
    }
}

fn family(out: &mut String, name: &str, kind: &str, help: &str, rows: impl Iterator<Item = (String, impl std::fmt::Display)>) {
    // Writing to a text does not fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in rows {
        let _ = if labels.is_empty() { writeln!(out, "{name} {value}") } else { writeln!(out, "{name}{{{labels}}} {value}") };
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
