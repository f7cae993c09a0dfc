//! What each path answers when all is well.

use super::http::{Server, at, hello};
use crate::common::{GENERAL, Machine};
use serde_json::{Value, json};

#[test]
fn a_chat_is_answered_and_its_records_are_named() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let answer = server.post("/v1/chat/completions", &hello(json!({ "user": "somebody" }))).is(200);
    let told = answer.json();
    let choice = &told["choices"][0];
    assert_eq!((&told["object"], &choice["message"]["role"], &choice["finish_reason"]), (&json!("chat.completion"), &json!("assistant"), &json!("length")));
    assert_eq!(told["usage"]["completion_tokens"], 8);
    assert_eq!(told["mickai"]["warnings"], json!(["user is not known here and had no effect"]));
    let records = &told["mickai"]["records"][0];
    assert_eq!(answer.header("mickai-intent"), Some(records["intent"]["index"].to_string().as_str()));
    assert_eq!(answer.header("mickai-intent-digest"), records["intent"]["digest"].as_str());
    server.stop();
    // The same words as from the command line, because it is the same act.
    let shown = machine.object(&["log", "show", "--open", &records["outcome"]["index"].to_string()]);
    assert_eq!(shown["digest"], records["outcome"]["digest"]);
    assert_eq!(shown["opened"]["output"], choice["message"]["content"]);
    let asked = machine.object(&["ask", "-m", GENERAL, "--max-tokens", "8", "hello"]);
    assert_eq!(asked["text"], choice["message"]["content"]);
    machine.run(&["replay", &records["intent"]["index"].to_string()]).ok().says(&["identical"]);
    machine.assert_log_valid();
}

#[test]
fn what_calls_gave_is_told_in_their_order_and_by_their_ids() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let intent = |answer: Value| answer["mickai"]["records"][0]["intent"]["index"].to_string();
    let calls = |arguments: &str| json!(["1", "2"].map(|id| json!({ "id": id, "type": "function", "function": { "name": format!("f{id}"), "arguments": arguments } })));
    let given = |id: &str| json!({ "role": "tool", "tool_call_id": id, "content": format!("of {id}") });
    let chat = |first: &str, second: &str, arguments: &str| {
        let messages = json!([{ "role": "user", "content": "hello" }, { "role": "assistant", "refusal": "not that", "tool_calls": calls(arguments) }, given(first), given(second)]);
        intent(server.post("/v1/chat/completions", &hello(json!({ "messages": messages }))).is(200).json())
    };
    // No arguments are an object without members.
    let chats = [chat("1", "2", "{}"), chat("2", "1", "{}"), chat("1", "2", "")];
    // A response's own calls have the ids that it told.
    let tools = json!([{ "type": "function", "name": "f", "parameters": { "enum": [{}] } }]);
    let respond = |more: Value| {
        let mut body =
            json!({ "model": GENERAL, "input": "hello", "temperature": 0, "max_output_tokens": 60, "tools": tools, "parallel_tool_calls": false, "tool_choice": "required" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.post("/v1/responses", &body)
    };
    let made = respond(json!({})).is(200).json();
    let output = |id: &Value| json!({ "previous_response_id": made["id"], "input": [{ "type": "function_call_output", "call_id": id, "output": "x" }] });
    respond(output(&made["output"][0]["call_id"])).is(200);
    assert_eq!(respond(output(&json!("call_0_0"))).refusal().2, "input[0].call_id");
    server.stop();
    let prompts = chats.map(|index| machine.object(&["log", "show", "--open", &index])["opened"]["prompt"].to_string());
    assert_eq!((&prompts[0], &prompts[0]), (&prompts[1], &prompts[2]));
    let places: Vec<_> = ["not that", "of 1", "of 2"].into_iter().map(|words| prompts[0].find(words).unwrap_or_else(|| panic!("{words}: {}", prompts[0]))).collect();
    assert!(places.is_sorted(), "{}", prompts[0]);
}

#[test]
fn keywords_that_an_older_draft_did_not_have_hold() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let schema = json!({ "$schema": at("http", "json-schema.org/draft-04/schema#"), "const": "yes" });
    let told =
        server.post("/v1/chat/completions", &hello(json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": schema } } }))).is(200).json();
    assert_eq!(told["choices"][0]["message"]["content"], "\"yes\"");
    server.stop();
}

#[test]
fn several_answers_are_several_acts() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let wanted = hello(json!({ "n": 3, "temperature": 1.5, "seed": 7, "stop": ["e", "\n"] }));
    let told = server.post("/v1/chat/completions", &wanted).is(200).json();
    let again = server.post("/v1/chat/completions", &wanted).is(200).json();
    assert_eq!(told["choices"], again["choices"], "the seed decides");
    assert_eq!((told["choices"].as_array().unwrap().len(), told["mickai"]["records"].as_array().unwrap().len()), (3, 3));
    server.stop();
    for record in told["mickai"]["records"].as_array().unwrap() {
        machine.run(&["replay", &record["intent"]["index"].to_string()]).ok().says(&["identical"]);
    }
}

#[test]
fn text_goes_on_without_a_template_and_with_its_probabilities() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let ask = |more: Value| {
        let mut body = json!({ "model": GENERAL, "prompt": ["once", "twice"], "max_tokens": 5, "temperature": 0 });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.post("/v1/completions", &body)
    };
    let told = ask(json!({ "logprobs": 2 })).is(200).json();
    let logprobs = &told["choices"][1]["logprobs"];
    assert_eq!((logprobs["tokens"].as_array().unwrap().len(), logprobs["text_offset"][0].as_u64()), (5, Some(0)));
    // Greedy: what came out is the likeliest.
    let best = logprobs["top_logprobs"][0].as_object().unwrap().values().filter_map(Value::as_f64).fold(f64::MIN, f64::max);
    assert_eq!(logprobs["token_logprobs"][0].as_f64(), Some(best));
    // What came out is among those that are told, also where it is none of the likeliest.
    let drawn = ask(json!({ "logprobs": 0, "temperature": 2, "seed": 1 })).is(200).json();
    let logprobs = &drawn["choices"][0]["logprobs"];
    for (at, token) in logprobs["tokens"].as_array().unwrap().iter().enumerate() {
        assert_eq!(logprobs["top_logprobs"][at], json!({ (token.as_str().unwrap()): logprobs["token_logprobs"][at] }));
    }
    let echoed = ask(json!({ "echo": true })).is(200).json();
    assert!(echoed["choices"][1]["text"].as_str().unwrap().starts_with("twice"));
    // Of the prompt no probabilities are told.
    let refusal = ask(json!({ "echo": true, "logprobs": 2 })).refusal();
    assert_eq!((refusal.0, refusal.2), (400, json!("logprobs")));
    server.stop();
    machine.run(&["replay", &told["mickai"]["records"][1]["intent"]["index"].to_string()]).ok().says(&["identical"]);
}

#[test]
fn tokens_models_and_health() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let tokens = server.post("/tokenize", &json!({ "model": GENERAL, "content": "it's 2026 <|im_end|>" })).is(200).json();
    let back = server.post("/detokenize", &json!({ "model": GENERAL, "tokens": tokens["tokens"] })).is(200).json();
    assert_eq!(back["content"], "it's 2026 <|im_end|>");
    for (path, mut body) in [
        ("/tokenize", json!({ "model": GENERAL, "content": "x" })),
        ("/detokenize", json!({ "model": GENERAL, "tokens": [] })),
        ("/api/show", json!({ "model": GENERAL })),
        ("/api/generate", json!({ "model": GENERAL })),
        ("/api/chat", json!({ "model": GENERAL, "messages": [] })),
    ] {
        // No act, and so no record; what had no effect is named all the same.
        assert_eq!(server.post(path, &body).is(200).json()["mickai"], json!({ "records": [], "warnings": [] }), "{path}");
        body["robot"] = true.into();
        assert_eq!(server.post(path, &body).is(200).json()["mickai"]["warnings"], json!(["robot is not known here and had no effect"]), "{path}");
        server.send("POST", path, &[("mickai-strict", "true")], &body.to_string()).is(400);
    }
    let models = server.get("/v1/models").is(200).json();
    let names: Vec<&str> = models["data"].as_array().unwrap().iter().filter_map(|model| model["id"].as_str()).collect();
    assert_eq!(names, ["mickai-bootstrap", GENERAL]);
    // By whatever a request may name it.
    for name in [GENERAL, &models["data"][1]["digest"].as_str().unwrap()[..12]] {
        assert_eq!(server.get(&format!("/v1/models/{name}")).is(200).json(), models["data"][1]);
    }
    assert_eq!(server.get("/v1/models/nobody").refusal().1, "model_not_found");
    server.get("/health").is(200);
    server.get("/ready").is(200);
    server.post("/v1/chat/completions", &hello(json!({}))).is(200);
    let metrics = server.get("/metrics").is(200).body;
    for line in [
        "mickai_generations_executed_total{model=\"llama-64.f32\"} 1",
        "mickai_output_tokens_total{model=\"llama-64.f32\"} 8",
        "mickai_http_requests_total{route=\"/tokenize\",status=\"200\"} 3",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line}\n{metrics}");
    }
    let document = server.get("/openapi.json").is(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    server.stop();
}

#[test]
fn the_embedded_model_makes_verbs_of_requests_and_performs_none() {
    let machine = Machine::new();
    let server = Server::start(&machine, &[]);
    let mut body = json!({ "model": "mickai-bootstrap", "messages": [{ "role": "user", "content": "what models do I have" }], "temperature": 0 });
    let told = server.post("/v1/chat/completions", &body).is(200).json();
    assert_eq!(told["choices"][0]["message"]["content"], "{\"verb\":\"model.list\"}");
    body["response_format"] = json!({ "type": "json_object" });
    assert_eq!(server.post("/v1/chat/completions", &body).refusal().2, "messages");
    server.stop();
    machine.run(&["replay", &told["mickai"]["records"][0]["intent"]["index"].to_string()]).ok().says(&["identical"]);
}

#[test]
fn a_response_is_asked_for_again_gone_on_from_and_deleted() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let body = json!({ "model": GENERAL, "input": "hello", "temperature": 0, "max_output_tokens": 6, "metadata": { "a": "b" } });
    let told = server.post("/v1/responses", &body).is(200).json();
    let path = format!("/v1/responses/{}", told["id"].as_str().unwrap());
    let again = server.get(&path).is(200).json();
    for member in ["id", "status", "output", "usage", "metadata", "incomplete_details", "mickai"] {
        assert_eq!(told[member], again[member], "{member}");
    }
    let next = json!({ "model": GENERAL, "input": [{ "role": "user", "content": "more" }], "previous_response_id": told["id"], "temperature": 0, "max_output_tokens": 3 });
    let next = server.post("/v1/responses", &next).is(200).json();
    assert!(next["usage"]["input_tokens"].as_u64() > told["usage"]["input_tokens"].as_u64());
    let items = server.get(&format!("{path}/input_items?limit=1")).is(200).json();
    assert_eq!((&items["data"][0]["content"][0]["text"], &items["has_more"]), (&json!("hello"), &json!(false)));
    let unkept = server.post("/v1/responses", &json!({ "model": GENERAL, "input": "hello", "max_output_tokens": 1, "store": false })).is(200).json();
    server.get(&format!("/v1/responses/{}", unkept["id"].as_str().unwrap())).is(404);
    let deleted = server.send("DELETE", &path, &[], "").is(200);
    let acts = deleted.json()["mickai"]["records"].clone();
    assert_eq!((acts.as_array().unwrap().len(), deleted.header("mickai-intent")), (2, Some(acts[0]["intent"]["index"].to_string().as_str())));
    for (act, half) in acts.as_array().unwrap().iter().zip(["intent", "outcome"]) {
        let intent = machine.object(&["log", "show", &act["intent"]["index"].to_string()]);
        assert_eq!((&intent["action"], &intent["digest"]), (&json!("erase"), &act["intent"]["digest"]));
        assert_eq!(intent["facts"]["record"], told["mickai"]["records"][0][half]["index"].to_string());
    }
    for path in [path.clone(), format!("{path}/input_items")] {
        server.get(&path).is(404);
    }
    assert_eq!(server.post("/v1/responses", &json!({ "model": GENERAL, "input": "x", "previous_response_id": told["id"] })).refusal().2, "previous_response_id");
    server.send("DELETE", &path, &[], "").is(404);
    server.stop();
    let index = told["mickai"]["records"][0]["intent"]["index"].to_string();
    machine.run(&["log", "show", &index, "--open"]).ok().says(&["ERASED by record"]);
    machine.assert_log_valid();
}

/// As the Vercel AI SDK tells of earlier answers.
#[test]
fn items_of_stored_responses_are_referred_to_by_their_ids() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let tools = json!([{ "type": "function", "name": "f", "parameters": { "enum": [{}] } }]);
    let respond = |input: Value, more: Value| {
        let mut body = json!({ "model": GENERAL, "input": input, "temperature": 0, "max_output_tokens": 6 });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.post("/v1/responses", &body)
    };
    let said = respond(json!("hello"), json!({})).is(200).json();
    let called = respond(json!("hello"), json!({ "max_output_tokens": 60, "tools": tools, "tool_choice": "required", "parallel_tool_calls": false })).is(200).json();
    let (message, call) = (&said["output"][0], &called["output"][0]);
    assert_eq!((&message["type"], &call["type"]), (&json!("message"), &json!("function_call")));
    let reference = |id: &Value| json!({ "type": "item_reference", "id": id });
    let input = |message: Value, call: Value, output: Value| {
        let given = json!({ "type": "function_call_output", "call_id": called["output"][0]["call_id"], "output": output });
        json!([{ "role": "user", "content": "hello" }, message, { "role": "user", "content": "more" }, call, given])
    };
    let parts = json!([{ "type": "input_text", "text": "o" }, { "type": "input_text", "text": "k" }]);
    let by_id = respond(input(reference(&message["id"]), reference(&call["id"]), parts), json!({})).is(200).json();
    let whole = respond(input(message.clone(), call.clone(), json!("ok")), json!({})).is(200).json();
    let on = |from: &Value| respond(json!("on"), json!({ "previous_response_id": from["id"] }));
    let pairs = [(by_id.clone(), whole.clone()), (on(&by_id).is(200).json(), on(&whole).is(200).json())];
    let items = server.get(&format!("/v1/responses/{}/input_items?order=asc", by_id["id"].as_str().unwrap())).is(200).json();
    assert_eq!((&items["data"][1]["type"], &items["data"][1]["id"]), (&json!("item_reference"), &message["id"]));
    // What is put together of what anybody knows, what the response does not have, and what was not kept.
    let (place, response) = (&called["mickai"]["records"][0]["intent"]["index"], called["id"].as_str().unwrap());
    let unkept = respond(json!("hello"), json!({ "store": false })).is(200).json()["output"][0]["id"].clone();
    let unknown = [
        json!(format!("fc_{place}_0")),
        json!(format!("fc_{response}_1")),
        json!(format!("msg_{response}")),
        json!(format!("msg_resp_{place}_{}", "0".repeat(32))),
        json!("x"),
        unkept,
    ];
    for id in unknown {
        let (status, code, param, words) = respond(json!([reference(&id)]), json!({})).refusal();
        assert_eq!((status, code, param), (404, json!("not_found"), json!("input[0].id")), "{id}");
        assert!(words.contains(id.as_str().unwrap()), "{words}");
    }
    // Erased is erased, also for what referred to it.
    server.send("DELETE", &format!("/v1/responses/{}", said["id"].as_str().unwrap()), &[], "").is(200);
    assert_eq!(respond(json!([reference(&message["id"])]), json!({})).refusal().0, 404);
    let refusal = on(&by_id).refusal();
    assert_eq!((refusal.0, refusal.2), (404, json!("previous_response_id")));
    server.stop();
    for pair in pairs {
        let prompt = |told: &Value| machine.object(&["log", "show", "--open", &told["mickai"]["records"][0]["intent"]["index"].to_string()])["opened"]["prompt"].clone();
        assert_eq!(prompt(&pair.0), prompt(&pair.1));
    }
    machine.assert_log_valid();
}

#[test]
fn what_a_query_says_has_an_effect_or_is_told_to_have_none() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let input = json!([{ "role": "user", "content": "x", "id": "a b/é" }, { "role": "assistant", "content": "y", "id": "c" }, { "role": "user", "content": "z", "id": "d" }]);
    let told = server.post("/v1/responses", &json!({ "model": GENERAL, "input": input, "max_output_tokens": 1, "robot": 1 })).is(200).json();
    let path = format!("/v1/responses/{}", told["id"].as_str().unwrap());
    let items = |query: &str| server.get(&format!("{path}/input_items?{query}"));
    let page = items("order=asc&limit=1&after=a+b%2F%C3%A9").is(200).json();
    assert_eq!((&page["data"][0]["id"], &page["has_more"], &page["mickai"]), (&json!("c"), &json!(true), &json!({ "records": [], "warnings": [] })));
    assert_eq!(items("after=e").refusal().2, "after");
    assert_eq!(items("limit=0").refusal().2, "limit");
    let warning = |name: &str| json!(format!("{name} is not known here and had no effect"));
    assert_eq!(items("include%5B%5D=x").is(200).json()["mickai"]["warnings"], json!([warning("include[]")]));
    let again = server.get(&format!("{path}?stream=false&starting_after=1")).is(200).json();
    assert_eq!(again["mickai"]["warnings"], json!([warning("robot"), warning("starting_after")]));
    assert_eq!(server.get(&format!("{path}?stream=true")).refusal().2, "stream");
    for method in ["GET", "DELETE"] {
        assert_eq!(server.send(method, &format!("{path}?dry=1"), &[("mickai-strict", "true")], "").refusal().2, "dry");
    }
    assert_eq!(server.send("DELETE", &format!("{path}?dry=1"), &[], "").is(200).json()["mickai"]["warnings"], json!([warning("dry")]));
    server.stop();
    machine.assert_log_valid();
}

/// The act that was done is named in the refusal, and what is left is erased by who asks again.
#[test]
fn a_deletion_that_fails_in_between_is_brought_to_its_end_by_another() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let told = server.post("/v1/responses", &json!({ "model": GENERAL, "input": "hello", "max_output_tokens": 2 })).is(200).json();
    let (path, pair) = (format!("/v1/responses/{}", told["id"].as_str().unwrap()), &told["mickai"]["records"][0]);
    // By spec/privacy.md.
    let outcome = pair["outcome"]["index"].as_u64().unwrap();
    let file = machine.home().join(format!("vault/00000000/000/{outcome:08x}.v"));
    let values = std::fs::read(&file).unwrap();
    std::fs::write(&file, "no values").unwrap();
    let failed = server.send("DELETE", &path, &[], "").is(503);
    let begun = machine.object(&["log", "show", failed.header("mickai-intent").unwrap()]);
    assert_eq!((&begun["action"], &begun["facts"]["record"]), (&json!("erase"), &json!(pair["intent"]["index"].to_string())));
    std::fs::write(&file, values).unwrap();
    server.get(&path).is(404);
    let deleted = server.send("DELETE", &path, &[], "").is(200).json();
    assert_eq!(deleted["mickai"]["records"].as_array().unwrap().len(), 1);
    server.send("DELETE", &path, &[], "").is(404);
    server.stop();
    machine.run(&["log", "show", &outcome.to_string(), "--open"]).ok().says(&["ERASED by record"]);
    machine.assert_log_valid();
}

#[test]
fn ollama_answers_in_lines_or_whole() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let options = json!({ "temperature": 0, "num_predict": 6 });
    let lines = server.post("/api/chat", &json!({ "model": GENERAL, "messages": [{ "role": "user", "content": "hello" }], "options": options })).is(200);
    let lines: Vec<Value> = lines.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text: String = lines.iter().filter_map(|line| line["message"]["content"].as_str()).collect();
    let [.., told, last] = &lines[..] else { panic!("{lines:?}") };
    // The records have a line of their own, which says nothing else.
    assert_eq!((&told["done"], &told["message"]["content"], &last["mickai"]), (&json!(false), &json!(""), &Value::Null));
    assert!(told["mickai"]["records"][0]["outcome"]["index"].is_u64());
    assert_eq!((&last["done"], &last["done_reason"], &last["eval_count"]), (&json!(true), &json!("length"), &json!(6)));
    let whole = server.post("/api/generate", &json!({ "model": GENERAL, "prompt": "hello", "stream": false, "options": options })).is(200).json();
    assert_eq!(whole["response"], text.as_str());
    let raw = server.post("/api/generate", &json!({ "model": GENERAL, "prompt": "hello", "raw": true, "stream": false, "options": options })).is(200).json();
    assert_eq!(raw["eval_count"], 6);
    let loaded = server.post("/api/generate", &json!({ "model": GENERAL })).is(200).json();
    assert_eq!((&loaded["done_reason"], &loaded["mickai"]["records"]), (&json!("load"), &json!([])));
    assert_eq!(server.get("/api/tags").is(200).json()["models"].as_array().unwrap().len(), 2);
    assert_eq!(server.get("/api/ps").is(200).json()["models"][0]["name"], GENERAL);
    assert_eq!(server.post("/api/show", &json!({ "model": GENERAL })).is(200).json()["model_info"]["llama.context_length"], 2048);
    server.get("/api/version").is(200);
    server.stop();
}

#[test]
fn embeddings_are_acts_that_replay_bit_by_bit() {
    let machine = Machine::with_model();
    let server = Server::start(&machine, &[]);
    let body = json!({ "model": GENERAL, "input": ["hello", "a longer text, of several words"], "encoding_format": "float" });
    let answer = server.post("/v1/embeddings", &body).is(200);
    let told = answer.json();
    let records = &told["mickai"]["records"][0];
    assert_eq!(answer.header("mickai-intent"), Some(records["intent"]["index"].to_string().as_str()));
    // A text is its tokens, and neighbours change nothing.
    let tokens = server.post("/tokenize", &json!({ "model": GENERAL, "content": "hello" })).is(200).json();
    let alone = server.post("/v1/embeddings", &json!({ "model": GENERAL, "input": "hello" })).is(200).json();
    assert_eq!(alone["data"][0]["embedding"], told["data"][0]["embedding"]);
    assert!(alone["usage"]["prompt_tokens"].as_u64() >= tokens["count"].as_u64());
    // Fewer dimensions are the first ones, again of length one.
    let few = server.post("/v1/embeddings", &json!({ "model": GENERAL, "input": "hello", "dimensions": 8 })).is(200).json();
    let (few, all) = (values(&few["data"][0]["embedding"]), values(&told["data"][0]["embedding"]));
    let scale = all[..8].iter().map(|value| value * value).sum::<f64>().sqrt();
    assert!(few.iter().zip(&all).all(|(few, all)| (few - all / scale).abs() < 1e-6) && few.len() == 8 && all.len() == 64);
    // A key gets the same bytes; more than a value holds is several acts.
    let keyed = || server.send("POST", "/v1/embeddings", &[("idempotency-key", "vectors")], &body.to_string()).is(200);
    assert_eq!(keyed().body, keyed().body);
    let many = server.post("/v1/embeddings", &json!({ "model": GENERAL, "input": vec![[7]; 2_048], "encoding_format": "base64" })).is(200).json();
    assert_eq!((many["data"].as_array().unwrap().len(), many["mickai"]["records"].as_array().unwrap().len()), (2_048, 1));
    for (input, status, param) in
        [(json!([[512]]), 400, Value::Null), (json!(["x", 1]), 400, json!("input[1]")), (json!([]), 400, json!("input")), (json!("word ".repeat(3_000)), 400, Value::Null)]
    {
        let refusal = server.post("/v1/embeddings", &json!({ "model": GENERAL, "input": input })).refusal();
        assert_eq!((refusal.0, refusal.2), (status, param), "{}", refusal.3);
    }
    let metrics = server.get("/metrics").is(200).body;
    assert!(metrics.contains("mickai_embedded_inputs_total 2054\n"), "{metrics}");
    server.stop();
    let index = records["outcome"]["index"].to_string();
    let replayed = machine.object(&["replay", &index, "--threads", "2"]);
    assert_eq!((&replayed["identical"], &replayed["values"]), (&json!(true), &json!(128)));
    machine.run(&["log", "export", "-o", "case.oar", "--open", "all"]).ok();
    machine.run(&["replay", "case.oar", "--record", &index]).ok().says(&["identical: 128 values"]);
    machine.run(&["erase", &index, "--all"]).ok();
    machine.run(&["replay", &index]).code(1).says(&["was erased by record"]);
    machine.assert_log_valid();
}

fn values(vector: &Value) -> Vec<f64> {
    vector.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}
