//! `mickai ask`: one request. The embedded model makes a verb of it, which is performed here; any other model answers in text.

use crate::answer;
use crate::args::Ask;
use crate::doctor;
use crate::failure::Failure;
use crate::out::{Out, code_after, remark};
use crate::turn::{self, Interrupt};
use mickai_model::generate::{Context, Flow, StopReason};
use mickai_runtime::verbs::{Answer, Call, Plan};
use mickai_runtime::{Answered, Error, Loaded, Refusal, System};
use serde_json::{Value, json};
use std::io::{IsTerminal, Read, Write};

pub fn ask(system: &System, args: &Ask, out: Out) -> Result<u8, Failure> {
    let words = request(&args.words)?;
    let model = turn::model(system, &args.generation)?;
    let mut context = system.context(&model)?;
    let interrupt = Interrupt::listen()?;
    if model.is_embedded {
        return verb(system, &model, &mut context, &words, &Manner { args, out, interrupt });
    }
    let asked = turn::question(&model, &args.generation, words)?;
    let answered = turn::run(system, &model, &mut context, &asked, &interrupt, (!out.json).then_some(out))?;
    text(system, &answered, args.quiet, out)
}

/// What follows a text answer, which has been shown as it came; or all of it as JSON. Gives the exit code.
pub fn text(system: &System, answered: &Answered, quiet: bool, out: Out) -> Result<u8, Failure> {
    let stop = turn::stop(system, answered)?;
    let printed = if out.json {
        out.line(record(answered, json!({ "text": answered.generation.text, "stop": stop })).to_string())
    } else {
        out.line("").and_then(|()| name_record(answered, quiet, out))
    };
    code_after(printed, turn::code(&stop))
}

/// How a request is to be handled.
pub struct Manner<'a> {
    pub args: &'a Ask,
    pub out: Out,
    pub interrupt: Interrupt,
}

/// The words typed, or standard input for `-`.
pub fn request(words: &[String]) -> Result<String, Failure> {
    let mut words = words.join(" ");
    if words == "-" {
        words.clear();
        std::io::stdin().read_to_string(&mut words).map_err(Failure::Stream)?;
    }
    let words = words.trim().to_owned();
    if words.is_empty() { Err(Failure::Value { flag: "WORDS", value: words, wanted: "something to ask" }) } else { Ok(words) }
}

/// Turns the words into a verb, performs it and answers.
pub fn verb(system: &System, model: &Loaded, context: &mut Context, words: &str, manner: &Manner<'_>) -> Result<u8, Failure> {
    let asked = turn::question(model, &manner.args.generation, words.to_owned())?;
    let answered = turn::run(system, model, context, &asked, &manner.interrupt, None)?;
    let result = resolve_and_perform(system, &answered, manner);
    if manner.out.json {
        return result;
    }
    let code = result.unwrap_or_else(|failure| {
        // The question is on record whatever came of it; its number is still wanted.
        failure.print();
        failure.code()
    });
    code_after(name_record(&answered, manner.args.quiet, manner.out), code)
}

fn resolve_and_perform(system: &System, answered: &Answered, manner: &Manner<'_>) -> Result<u8, Failure> {
    if answered.generation.stop_reason == StopReason::Interrupted {
        return Err(Failure::Interrupted);
    }
    let below = answered.intent.index;
    let call = Call::parse(&answered.generation.text)?;
    let plan = Plan::new(system, call, &jiff::Zoned::now(), below)?;
    if !manner.out.json {
        // What was understood, and the range that is used: nothing is guessed behind the operator's back.
        remark(format_args!("{}{}", plan.call, plan.range.as_ref().map(|range| format!("  ({range})")).unwrap_or_default()));
    }
    let is_confirmed = match plan.change() {
        Some(change) => confirmed(&change, manner)?,
        None => false,
    };
    let perform = |flow: &(dyn Fn() -> Flow + Sync)| plan.perform(system, answered.outcome, below, is_confirmed, flow);
    // What cannot be stopped is ended by the signal, as its own command is.
    let performed = if plan.can_be_stopped() { manner.interrupt.during(perform) } else { perform(&|| Flow::Continue) };
    let answer = match performed {
        Err(Error::Denied { record: denied, refusal: Refusal::Unconfirmed, .. }) => {
            let fields = json!({ "call": plan.call.to_string(), "done": false, "denied": denied.index });
            return code_after(manner.out.object(&record(answered, fields), || format!("not done; record {} says so", denied.index)), 1);
        }
        other => other?,
    };
    let printed = if manner.out.json {
        let fields = json!({ "call": plan.call.to_string(), "range": plan.range.as_ref().map(ToString::to_string), "answer": answer::to_json(&answer) });
        manner.out.line(record(answered, fields).to_string())
    } else {
        answer::print(&answer, &plan, manner.out)
    };
    code_after(printed, answer_code(&answer))
}

/// The exit code that an answer gives: that of a verdict, 1 where something is not in order.
fn answer_code(answer: &Answer) -> u8 {
    match answer {
        Answer::Verdict(verdict) => verdict.word.exit_code(),
        Answer::Replayed(replayed) => u8::from(!replayed.is_identical()),
        Answer::Doctor(checks) => doctor::code(checks),
        _ => 0,
    }
}

/// Asks y/N on the terminal; without one only `--yes` says yes.
fn confirmed(change: &str, manner: &Manner<'_>) -> Result<bool, Failure> {
    if manner.args.yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        remark(format_args!("would {change}; nobody is here to answer: pass --yes"));
        return Ok(false);
    }
    write!(std::io::stderr(), "{change}? [y/N] ").map_err(Failure::Stream)?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(Failure::Stream)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// The object with the two records that tell of it.
pub fn record(answered: &Answered, mut fields: Value) -> Value {
    if let Value::Object(fields) = &mut fields {
        for (name, appended) in [("intent", &answered.intent), ("outcome", &answered.outcome)] {
            fields.insert(name.to_owned(), json!({ "index": appended.index, "digest": appended.digest.to_string() }));
        }
    }
    fields
}

/// The line that names the record.
pub fn name_record(answered: &Answered, quiet: bool, out: Out) -> Result<(), Failure> {
    if quiet {
        return Ok(());
    }
    out.line(format!("record {} {}", answered.outcome.index, answered.outcome.digest))
}
