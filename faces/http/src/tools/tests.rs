//! What a caller's schemas become before anything looks at them, and what is read of an answer.

use super::*;

/// What OpenAI's client for Node makes of `z.object({ … z.string().nullable() … })`, and what only looks like it.
#[test]
fn nullable_is_a_type_more() {
    let given = json!({
        "type": "object",
        "properties": {
            "city": { "type": "string", "nullable": true },
            "days": { "type": ["integer", "null"], "nullable": true },
            "unit": { "type": "string", "nullable": false },
            "nullable": { "type": "boolean" },
            "default": { "anyOf": [{ "type": "number", "nullable": true }] },
        },
        "default": { "type": "string", "nullable": true },
        "enum": [{ "type": "string", "nullable": true }],
    });
    let said = json!({
        "type": "object",
        "properties": {
            "city": { "type": ["string", "null"] },
            "days": { "type": ["integer", "null"] },
            "unit": { "type": "string" },
            "nullable": { "type": "boolean" },
            "default": { "anyOf": [{ "type": ["number", "null"] }] },
        },
        "default": { "type": "string", "nullable": true },
        "enum": [{ "type": "string", "nullable": true }],
    });
    assert_eq!(with_null(given.clone()), said);
    assert_eq!(schema_of(&json!({ "type": "json_schema", "json_schema": { "schema": given } })), Some(said.clone()));
    assert_eq!(Tool::of(&json!({ "name": "f", "parameters": given })).parameters, said);
    // Beside no type it would say nothing, and is refused like every such keyword.
    let alone = Form { schema: Some(with_null(json!({ "nullable": true }))), ..Form::default() };
    assert!(alone.check().is_err());
}

/// Arguments are what the model wrote, also where no program's number or depth holds them.
#[test]
fn calls_are_read_as_they_were_written() {
    let tool = Tool { name: "f".to_owned(), description: None, parameters: json!({ "type": "object" }) };
    let form = Form { tools: vec![tool], ..Form::default() };
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(500), "]".repeat(500));
    for arguments in ["{\"id\": 12345678901234567890123}", "{\"x\":1e999,\"y\":-0.10}", "{\"text\": \"</tool_call> }\"}", &deep] {
        let call = format!("{OPEN}\n{{\"name\": \"f\", \"arguments\": {arguments}}}\n{CLOSE}");
        let (text, calls) = form.read(&[call.as_str(), call.as_str()].join("\n"));
        let read: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.arguments.as_str())).collect();
        assert_eq!((text.as_str(), read), ("", vec![("f", arguments); 2]));
    }
    // One that was cut off is none.
    assert!(form.read(&format!("{OPEN}\n{{\"name\": \"f\", \"arguments\": {{\"a\": 1")).1.is_empty());
}

/// A stop text that a call holds cuts the call off, and the answer does not say that it ended well.
#[test]
fn a_stop_text_within_a_call_cuts_it_off() {
    let tool = Tool { name: "f".to_owned(), description: None, parameters: json!({ "type": "object" }) };
    let form = Form { tools: vec![tool], ..Form::default() };
    let call = written("f", "{}");
    let cases = [
        ("a text".to_owned(), "stop"),
        (String::new(), "stop"),
        (OPEN.to_owned(), "length"),
        (format!("{OPEN}\n{{\"name\": \"f\", \"arguments\":"), "length"),
        (call.replace(CLOSE, ""), "length"),
        (call.clone(), "stop"),
        (format!("{call}\n"), "stop"),
        (format!("{call}\n<tool"), "length"),
        (format!("{call}\n{OPEN}"), "length"),
    ];
    for (text, reason) in cases {
        let ended = |stop_reason| Generation { prompt_tokens: Vec::new(), output_tokens: Vec::new(), text: text.clone(), stop_reason };
        assert_eq!(form.finish_reason(&ended(StopReason::StopText(0))), reason, "{text}");
        assert_eq!(form.finish_reason(&ended(StopReason::Complete)), "stop", "{text}");
        assert_eq!(form.finish_reason(&ended(StopReason::TokenLimit)), "length", "{text}");
        // Without tools it is a text whatever it begins with.
        assert_eq!(Form::default().finish_reason(&ended(StopReason::StopText(0))), "stop", "{text}");
    }
}

/// An answer that can only be calls has no text that one could end.
#[test]
fn stop_texts_end_text_alone() {
    let tool = Tool { name: "f".to_owned(), description: None, parameters: json!({ "type": "object" }) };
    let stop_texts = |tools: &[Tool], choice| Form { tools: tools.to_vec(), choice, ..Form::default() }.stop_texts(vec!["\n".to_owned()]).len();
    let tools = [tool];
    for (choice, count) in [(ToolChoice::Auto, 1), (ToolChoice::None, 1), (ToolChoice::Required, 0), (ToolChoice::Named("f".to_owned()), 0)] {
        assert_eq!(stop_texts(&tools, choice), count);
    }
    assert_eq!(stop_texts(&[], ToolChoice::Auto), 1);
}

/// A call with anything else could be made, and would be refused when it is told again.
#[test]
fn arguments_are_held_to_be_an_object() {
    let form = |parameters: &Value| Form { tools: vec![Tool::of(&json!({ "name": "f", "parameters": parameters }))], ..Form::default() };
    let open = json!({ "properties": { "a": { "type": "string" } } });
    assert_eq!(form(&open).tools[0].parameters, json!({ "properties": { "a": { "type": "string" } }, "type": "object" }));
    assert_eq!(Tool::of(&json!({ "name": "f" })).parameters, json!({ "type": "object" }));
    let named = json!({ "$ref": "#/$defs/a", "$defs": { "a": { "type": "object" } } });
    for parameters in [json!({}), open, json!({ "enum": [{}] }), named] {
        assert_eq!(form(&parameters).check(), Ok(()), "{parameters}");
    }
    for parameters in [json!({ "type": "string" }), json!({ "type": "object", "nullable": true }), json!({ "enum": [{}, 1] }), json!({ "anyOf": [{}] })] {
        let refused = form(&parameters).check().unwrap_err();
        assert_eq!((refused.status, refused.param.as_deref()), (400, Some("tools[0]")), "{parameters}");
        assert!(refused.message.contains("\"type\": \"object\" at their root"), "{}", refused.message);
    }
}

#[test]
fn arguments_that_a_call_was_made_with_are_taken_again() {
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(500), "]".repeat(500));
    for same in ["{}", " {\"a\": 1} ", "{\"id\": 12345678901234567890123}", "{\"x\":1e999,\"y\":-0.10}", &deep] {
        assert_eq!(arguments_of(same), Some(same));
    }
    for (text, taken) in [("", Some("{}")), (" \n", Some("{}")), ("[]", None), ("null", None), ("{", None), ("{} {}", None), ("a", None)] {
        assert_eq!(arguments_of(text), taken, "{text:?}");
    }
}
