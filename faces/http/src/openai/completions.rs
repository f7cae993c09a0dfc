//! `/v1/completions`: text goes on as it is, through no template.

use super::chat::{STREAM_OPTIONS, USAGE, usage};
use super::events::{end, event, failed, with_usage};
use super::logprobs;
use crate::call::{Call, RECORDS};
use crate::going::{Choice, Encoded, Encoder, Event, Going, Spoken, Wanted, finish_reason, records, token_count};
use crate::limits::PROMPTS_MAX;
use crate::refused::{Refused, Result};
use crate::reply::{EVENTS, Reply};
use crate::sampling::{self, MIN_P, N, REPETITION, SEED, STOP, TEMPERATURE, TOKENS, TOP_K, TOP_P, TRUNCATION};
use crate::shape::{Field, NUMBER, OBJECT, SOME_TEXT, Shape, TEXT, may, must};
use mickai_runtime::serve::limits::WAITING_PER_CALLER_MAX;
use mickai_runtime::{Asked, Bound, Loaded, Said};
use mickai_store::Appended;
use serde_json::{Value, json};
use std::sync::Arc;

/// The request.
pub const REQUEST: Shape = Shape::Ref("CompletionRequest", &Shape::Fields(FIELDS));

const FIELDS: &[Field] = &[
    must("model", SOME_TEXT, "a name or the beginning of a digest, as /v1/models lists them"),
    must("prompt", Shape::Either(&[SOME_TEXT, Shape::List { of: &SOME_TEXT, min: 1, max: PROMPTS_MAX }]), "what the model goes on from; token ids are not taken"),
    may("max_tokens", TOKENS, "most tokens of each answer; 16 unless it is said"),
    may("echo", Shape::Flag, "the answer begins with the prompt; not with logprobs"),
    TEMPERATURE,
    TOP_P,
    TOP_K,
    MIN_P,
    REPETITION,
    SEED,
    STOP,
    N,
    may("stream", Shape::Flag, "answer in server-sent events"),
    may("stream_options", STREAM_OPTIONS, ""),
    may("logprobs", Shape::Whole { min: 0, max: 5 }, "tell how likely each token of the answer was, and so many others; not with echo"),
    TRUNCATION,
];

/// The answer.
pub const ANSWER: Shape = Shape::Ref(
    "Completion",
    &Shape::Fields(&[
        must("id", TEXT, ""),
        must("object", Shape::Word(&["text_completion"]), ""),
        must("created", NUMBER, ""),
        must("model", TEXT, ""),
        must(
            "choices",
            Shape::List {
                of: &Shape::Fields(&[must("index", NUMBER, ""), must("text", TEXT, ""), must("finish_reason", Shape::Word(&["stop", "length"]), ""), may("logprobs", OBJECT, "")]),
                min: 1,
                max: usize::MAX,
            },
            "",
        ),
        must("usage", USAGE, ""),
        must("mickai", RECORDS, ""),
    ]),
);

/// What OpenAI's shape says where the request does not.
const TOKENS_DEFAULT: usize = 16;

/// Answers a completion.
///
/// # Errors
/// What is wrong with the request, or stands against it.
pub async fn answer(call: &Call) -> Result<Reply> {
    let body = call.body(&REQUEST)?;
    let (prompts, n) = (prompts(&body.value["prompt"]), sampling::count(&body.value["n"]).unwrap_or(1));
    let count = prompts.len() * n;
    if count > WAITING_PER_CALLER_MAX {
        return Err(Refused::invalid("n", format!("{count} answers are asked for, at most {WAITING_PER_CALLER_MAX} are taken together")));
    }
    let model = call.model(&body.value).await?;
    let likely_count = likely_count(&body.value)?;
    let asked = asked(call, &body.value, &prompts, n);
    let echoed = Some(prompts).filter(|_| body.value["echo"] == true).unwrap_or_default();
    let (shortens, streams, has_usage) = (body.value["truncation"] == "auto", body.value["stream"] == true, body.value["stream_options"]["include_usage"] == true);
    // It has many times the bytes that came, and all that follows is a wait.
    drop(body.value);
    let mut going = Going::start(call, Wanted { model: model.clone(), asked, likely_count, shortens }).await?;
    let begun = going.begun().await?;
    let told = Told { model, n, echoed, warnings: body.warnings, created: call.now_s(), intent: begun.intent, likely_count };
    if streams {
        let stream = Stream { told, has_usage, pairs: Vec::new(), tokens: (0, 0), offsets: Vec::new() };
        return Ok(Reply::pieces(EVENTS, Box::new(Encoded::new(going, stream))).with_intent(begun.intent));
    }
    let choices = going.all().await?;
    Ok(Reply::telling(token_count(&choices), move || told.whole(&choices)).await?.with_intent(begun.intent))
}

/// How many others are told of for each token.
fn likely_count(body: &Value) -> Result<Option<usize>> {
    let count = sampling::count(&body["logprobs"]);
    if count.is_some() && body["echo"] == true {
        return Err(Refused::invalid("logprobs", "the probabilities of a prompt are not told, and with echo the prompt is part of the text: leave out echo or logprobs"));
    }
    Ok(count)
}

fn prompts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(prompts) => prompts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        prompt => prompt.as_str().map(str::to_owned).into_iter().collect(),
    }
}

/// What is asked, `n` of each prompt.
fn asked(call: &Call, body: &Value, prompts: &[String], n: usize) -> Vec<Asked> {
    let taken = call.taken(false);
    let each = prompts.iter().flat_map(|prompt| std::iter::repeat_n(prompt, n)).enumerate();
    let one = |(choice, prompt): (usize, &String)| Asked {
        said: Said::Text(prompt.clone()),
        sampler: sampling::sampler(body),
        seed: sampling::seed(body, choice),
        token_count_max: sampling::count(&body["max_tokens"]).unwrap_or(TOKENS_DEFAULT),
        stop_texts: sampling::stop_texts(&body["stop"]),
        bound: Bound::Free,
        request: Some(taken.clone()),
    };
    each.map(one).collect()
}

/// What all choices share when they are told.
struct Told {
    model: Arc<Loaded>,
    n: usize,
    /// The prompts, each before `n` answers; none where there is no echo.
    echoed: Vec<String>,
    warnings: Vec<String>,
    created: u64,
    intent: Appended,
    likely_count: Option<usize>,
}

impl Told {
    fn envelope(&self, choices: Value) -> Value {
        let id = format!("cmpl-{}-{}", self.intent.index, self.intent.digest.short());
        json!({ "id": id, "object": "text_completion", "created": self.created, "model": self.model.name, "choices": choices })
    }

    fn choice(&self, index: usize, text: &str, spoken: &[Spoken], offset: usize, finish_reason: Option<&str>) -> Value {
        let logprobs = self.likely_count.map(|_| logprobs::lists(&self.model, spoken, offset));
        json!({ "index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason })
    }

    fn echo(&self, index: usize) -> &str {
        self.echoed.get(index / self.n).map_or("", String::as_str)
    }

    fn whole(&self, choices: &[Choice]) -> Value {
        let one = |(index, choice): (usize, &Choice)| {
            let (generation, echo) = (&choice.answered.generation, self.echo(index));
            // Where there is an echo no probabilities are told, so the offset of the first token is that of the answer.
            self.choice(index, &format!("{echo}{}", generation.text), &choice.spoken, 0, Some(finish_reason(generation.stop_reason)))
        };
        let pairs: Vec<_> = choices.iter().map(|choice| (choice.answered.intent, choice.answered.outcome)).collect();
        let mut whole = self.envelope(choices.iter().enumerate().map(one).collect());
        whole["usage"] = usage(choices.iter().map(|choice| &choice.answered.generation), self.n);
        whole["mickai"] = records(&pairs, &self.warnings);
        whole
    }
}

/// A completion in server-sent events; as a chat's, its last event tells of the records, and of the usage where that was asked for.
struct Stream {
    told: Told,
    has_usage: bool,
    /// The records of each choice that has ended.
    pairs: Vec<Option<(Appended, Appended)>>,
    tokens: (usize, usize),
    /// Characters that each choice has shown.
    offsets: Vec<usize>,
}

impl Stream {
    /// The records of those that have ended or failed, in the order of the choices.
    fn pairs(&self) -> Vec<(Appended, Appended)> {
        self.pairs.iter().flatten().copied().collect()
    }

    fn ended(&mut self, index: usize, pair: (Appended, Appended)) {
        if self.pairs.len() <= index {
            self.pairs.resize(index + 1, None);
        }
        self.pairs[index] = Some(pair);
    }

    fn piece(&mut self, index: usize, text: &str, spoken: &[Spoken], finish_reason: Option<&str>) -> Value {
        if self.offsets.len() <= index {
            self.offsets.resize(index + 1, 0);
        }
        let offset = self.offsets[index];
        self.offsets[index] += text.chars().count();
        self.told.envelope(json!([self.told.choice(index, text, spoken, offset, finish_reason)]))
    }
}

impl Encoder for Stream {
    fn encode(&mut self, choice: usize, happened: Event) -> String {
        match happened {
            // Before all that may come, or may not: the first token may be the end.
            Event::Begun(_) => match self.told.echo(choice).to_owned() {
                echo if echo.is_empty() => String::new(),
                echo => event(&self.piece(choice, &echo, &[], None)),
            },
            Event::Heard(spoken) if spoken.text.is_empty() && spoken.likely.is_none() => String::new(),
            Event::Heard(spoken) => event(&self.piece(choice, &spoken.text, std::slice::from_ref(&spoken), None)),
            Event::Ended(ended) => match *ended {
                Ok(answered) => {
                    let generation = &answered.generation;
                    self.ended(choice, (answered.intent, answered.outcome));
                    self.tokens = (self.tokens.0 + generation.prompt_tokens.len(), self.tokens.1 + generation.output_tokens.len());
                    event(&self.piece(choice, "", &[], Some(finish_reason(generation.stop_reason))))
                }
                Err(error) => {
                    let refused = Refused::from(error);
                    refused.records.iter().for_each(|pair| self.ended(choice, *pair));
                    failed(&refused, &self.pairs(), &self.told.warnings)
                }
            },
        }
    }

    fn finish(&mut self) -> String {
        let usage = self.has_usage.then(|| with_usage(self.told.envelope(json!([])), self.tokens.0 / self.told.n, self.tokens.1));
        let nothing = self.told.envelope(json!([self.told.choice(0, "", &[], 0, None)]));
        end(usage, nothing, records(&self.pairs(), &self.told.warnings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::App;
    use mickai_runtime::{Answered, EMBEDDED_NAME, Error};

    /// Answers end in any order, and clients find the records of each by its place.
    #[test]
    fn records_come_in_the_order_of_the_choices() {
        let folder = tempfile::tempdir().unwrap();
        let call = Call::of_test(&App::of_test(&folder.path().join("home")), b"");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let model = call.app.on_desk(|desk| desk.model(EMBEDDED_NAME)).await.unwrap();
            let mut going = Going::start(&call, Wanted::of_test(&model, 1)).await.unwrap();
            let begun = going.begun().await.unwrap();
            let Answered { intent, outcome, generation } = going.all().await.unwrap().remove(0).answered;
            let stream = || {
                let told = Told { model: model.clone(), n: 3, echoed: Vec::new(), warnings: Vec::new(), created: 0, intent: begun.intent, likely_count: None };
                let mut stream = Stream { told, has_usage: true, pairs: Vec::new(), tokens: (0, 0), offsets: Vec::new() };
                for choice in [2, 0] {
                    let answered = Answered { intent: Appended { index: choice as u64, ..intent }, outcome, generation: generation.clone() };
                    stream.encode(choice, Event::Ended(Box::new(Ok(answered))));
                }
                stream
            };
            let indexes = |body: &str, place: &str| -> Vec<Value> {
                let event: Value = serde_json::from_str(body.lines().find_map(|line| line.strip_prefix("data: ")).unwrap()).unwrap();
                event.pointer(place).and_then(Value::as_array).unwrap().iter().map(|pair| pair["intent"]["index"].clone()).collect()
            };
            assert_eq!(indexes(&stream().finish(), "/mickai/records"), [0, 2]);
            let failed = stream().encode(1, Event::Ended(Box::new(Err(Error::Fault))));
            assert_eq!(indexes(&failed, "/error/mickai/records"), [0, 2]);
            // What failed has records of its own where it had begun.
            let because = Error::Failed { because: Box::new(Error::Fault), records: Box::new((Appended { index: 1, ..intent }, outcome)) };
            let failed = stream().encode(1, Event::Ended(Box::new(Err(because))));
            assert_eq!(indexes(&failed, "/error/mickai/records"), [0, 1, 2]);
        });
    }

    /// The prompt's own tokens would have to be told too.
    #[test]
    fn an_echo_has_no_probabilities() {
        let cases = [
            (json!({ "logprobs": 2 }), Ok(Some(2))),
            (json!({ "logprobs": 0 }), Ok(Some(0))),
            (json!({ "logprobs": 2, "echo": false }), Ok(Some(2))),
            (json!({ "logprobs": null, "echo": true }), Ok(None)),
            (json!({ "echo": true }), Ok(None)),
            (json!({ "logprobs": 2, "echo": true }), Err(Some("logprobs".to_owned()))),
            (json!({ "logprobs": 0, "echo": true }), Err(Some("logprobs".to_owned()))),
        ];
        for (body, expected) in cases {
            assert_eq!(likely_count(&body).map_err(|refused| refused.param), expected, "{body}");
        }
    }
}
