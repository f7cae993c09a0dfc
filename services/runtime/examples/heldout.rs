//! Measures the embedded model on a file of requests with the calls expected: exact per class, refusals, and the time phrases that resolve. Prints no request, so that a held-out set stays unseen.
//!
//! `cargo run --release -p mickai-runtime --example heldout -- training/bootstrap/heldout.jsonl [MODEL.gguf]`
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mickai_kernels::isa::Isa;
use mickai_model::constrain::{Constrained, TokenOrder};
use mickai_model::file::{ModelFile, open_gguf};
use mickai_model::generate::{Context, Flow, Request, generate};
use mickai_model::sample::{SamplerConfig, Seed};
use mickai_model::tokens::{Date, Message, Role};
use mickai_runtime::verbs::Form;
use mickai_runtime::{EMBEDDED, Threads, when};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One request and the call it should become.
struct Case {
    class: String,
    request: String,
    call: Value,
}

#[derive(Default)]
struct Tally {
    count: usize,
    exact: usize,
    verb: usize,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let path = args.next().expect("usage: heldout FILE.jsonl [MODEL.gguf]");
    let cases: Vec<Case> = std::fs::read_to_string(&path).expect("a readable file").lines().map(case).collect();
    let source: mickai_model::tensor::Source = match args.next() {
        Some(model) => Arc::new(std::fs::read(model).expect("a readable model")),
        None => Arc::new(EMBEDDED),
    };
    let model = open_gguf(source).expect("a model");
    let mut context = Context::new(model.weights(), model.config.context_tokens_max, Arc::new(Threads::new(0).expect("threads")), Isa::best()).expect("a context");
    let order = Arc::new(TokenOrder::new(&model.tokenizer));

    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let (mut wrongly_refused, mut phrases, mut resolved) = (0, 0, 0);
    for case in &cases {
        let text = answer(&model, &mut context, &order, &case.request);
        let got: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let tally = tallies.entry(case.class.clone()).or_default();
        tally.count += 1;
        tally.exact += usize::from(got == case.call);
        tally.verb += usize::from(got["verb"] == case.call["verb"]);
        wrongly_refused += usize::from(got["verb"] == "none" && case.class != "none");
        if let Some(phrase) = case.call["when"].as_str() {
            phrases += 1;
            resolved += usize::from(when::resolve(phrase, &jiff::Zoned::now()).is_ok());
        }
    }
    report(&tallies, wrongly_refused);
    println!("time phrases that resolve: {resolved} of {phrases}");
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let exact = share(tallies.values().map(|tally| tally.exact).sum(), cases.len());
    let refused = tallies.get("none").map_or(0.0, |tally| share(tally.exact, tally.count));
    println!("exact {exact:.4} refused {refused:.4}");
}

fn report(tallies: &BTreeMap<String, Tally>, wrongly_refused: usize) {
    println!("{:<15} {:>5} {:>7} {:>7}", "class", "count", "exact", "verb");
    for (class, tally) in tallies {
        let percent = |part: usize| 100.0 * part as f64 / tally.count as f64;
        println!("{class:<15} {:>5} {:>6.1}% {:>6.1}%", tally.count, percent(tally.exact), percent(tally.verb));
    }
    println!("answerable requests refused: {wrongly_refused}");
}

fn case(line: &str) -> Case {
    let value: Value = serde_json::from_str(line).expect("one JSON object a line");
    let text = |name: &str| value[name].as_str().unwrap_or_else(|| panic!("no {name} in {line}")).to_owned();
    Case { class: text("class"), request: text("request"), call: value["call"].clone() }
}

fn answer(model: &ModelFile, context: &mut Context, order: &Arc<TokenOrder>, request: &str) -> String {
    let message = Message { role: Role::User, content: request.to_owned() };
    let date = Date::new(2026, 1, 1).expect("a day");
    let prompt = model.require_template().and_then(|template| template.render(&[message], date, &model.tokenizer)).expect("a prompt");
    let form = Form::new(request);
    let mut constraint = Constrained::new(form, order.clone());
    let asked = Request { sampler: SamplerConfig::GREEDY, seed: Seed(0), output_tokens_max: 256, stop_texts: Vec::new() };
    generate(context, &model.tokenizer, &prompt.tokens, &asked, Some(&mut constraint), &mut |_| Flow::Continue).expect("a generation").text
}
