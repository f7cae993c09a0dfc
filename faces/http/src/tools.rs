//! Tools: how a model is told of them, the grammar that its answer is held to, and the calls in what came out.
//!
//! The words are those that Qwen and Hermes models were trained on, and they are part of the prompt that is on record. An answer is either text or calls, and calls fit their tool's schema always: what
//! a caller asks for strictly, and what it does not, is held to alike.

use crate::call::Call;
use crate::going::finish_reason;
use crate::limits::{TOOL_NAME_MAX, TOOLS_MAX};
use crate::refused::{Refused, Result};
use crate::shape::{OBJECT, SOME_TEXT, Shape, TEXT, may, must};
use mickai_model::generate::{Generation, StopReason};
use mickai_runtime::{Bound, Grammar, check_schemas};
use objects::{is_of_objects, of_objects};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A function's name.
pub const NAME: Shape = Shape::Name { max: TOOL_NAME_MAX };

const FUNCTION: Shape = Shape::Fields(&[
    must("name", NAME, "what the model calls it by"),
    may("description", TEXT, "what it is for, told to the model"),
    may("parameters", OBJECT, "the JSON schema of its arguments, which are an object"),
    may("strict", Shape::Flag, "calls fit the schema either way"),
]);

/// `tools` of a chat.
pub const TOOLS: Shape = Shape::List { of: &Shape::Ref("Tool", &Shape::Tagged { tag: "type", cases: &[("function", &[must("function", FUNCTION, "")])] }), min: 0, max: TOOLS_MAX };
/// `tool_choice` of a chat.
pub const TOOL_CHOICE: Shape = Shape::Either(&[
    Shape::Word(&["none", "auto", "required"]),
    Shape::Tagged { tag: "type", cases: &[("function", &[must("function", Shape::Fields(&[must("name", NAME, "")]), "")])] },
]);
/// `response_format` of a chat.
pub const FORMAT: Shape = Shape::Tagged {
    tag: "type",
    cases: &[
        ("text", &[]),
        ("json_object", &[]),
        (
            "json_schema",
            &[must(
                "json_schema",
                Shape::Fields(&[
                    must("name", SOME_TEXT, ""),
                    may("description", TEXT, ""),
                    may("schema", OBJECT, "what the answer fits; an object of any form where it is absent"),
                    may("strict", Shape::Flag, "the answer fits either way"),
                ]),
                "",
            )],
        ),
    ],
};

/// The member of a schema that tells llguidance how to read it.
const STEERING: &str = "x-guidance";
/// The one that says of which draft it is: keywords that the draft did not have yet would be passed over.
const DRAFT: &str = "$schema";
/// The line before a call.
const OPEN: &str = "<tool_call>";
/// The line after it.
const CLOSE: &str = "</tool_call>";

/// A function that a model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The schema of its arguments.
    pub parameters: Value,
}

/// Which calls an answer may or must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// None.
    None,
    /// Text or calls.
    #[default]
    Auto,
    /// At least one call.
    Required,
    /// A call of this function.
    Named(String),
}

/// A call that a model made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// Of which function.
    pub name: String,
    /// With which arguments: one JSON object.
    pub arguments: String,
}

/// What an answer is held to.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// The functions.
    pub tools: Vec<Tool>,
    /// Which may or must be called.
    pub choice: ToolChoice,
    /// Only one call at a time.
    pub is_single: bool,
    /// The schema of text answers.
    pub schema: Option<Value>,
}

impl Tool {
    /// Of the object that names a function.
    pub fn of(function: &Value) -> Self {
        let text = |name: &str| function[name].as_str().map(str::to_owned);
        let parameters = Some(&function["parameters"]).filter(|schema| schema.is_object()).cloned().map_or_else(|| json!({}), with_null);
        Self { name: text("name").unwrap_or_default(), description: text("description"), parameters: of_objects(parameters) }
    }
}

impl ToolChoice {
    /// Of `tool_choice`, in which a function is named under `function`, or by itself.
    pub fn of(choice: &Value) -> Self {
        match choice.as_str() {
            Some("none") => Self::None,
            Some("required") => Self::Required,
            Some(_) => Self::Auto,
            None => [&choice["function"]["name"], &choice["name"]].into_iter().find_map(Value::as_str).map_or(Self::Auto, |name| Self::Named(name.to_owned())),
        }
    }
}

/// The schema that `response_format` asks for; `None` for text.
pub fn schema_of(format: &Value) -> Option<Value> {
    let any = || json!({ "type": "object" });
    match format["type"].as_str() {
        Some("json_object") => Some(any()),
        Some("json_schema") => Some([&format["json_schema"]["schema"], &format["schema"]].into_iter().find(|schema| schema.is_object()).cloned().map_or_else(any, with_null)),
        _ => None,
    }
}

impl Form {
    /// It, if it is what the shapes cannot tell. A schema may be long to go through, so it is done where it holds up no connection, among those whose prompts are made.
    ///
    /// # Errors
    /// A name that is there twice, or is chosen and not there; a schema that no answer can be held to, or whose arguments could be something else than an object.
    pub async fn checked(self, call: &Call) -> Result<Self> {
        if self.tools.is_empty() && self.schema.is_none() {
            return self.check().map(|()| self);
        }
        call.in_turn(&call.app.places.preparing, move |_| Ok(self.check().map(|()| self))).await?
    }

    fn check(&self) -> Result<()> {
        for (at, tool) in self.tools.iter().enumerate() {
            if self.tools.iter().take(at).any(|other| other.name == tool.name) {
                return Err(Refused::invalid(format!("tools[{at}].function.name"), format!("{} is there twice", tool.name)));
            }
        }
        let is_missing = match &self.choice {
            ToolChoice::None | ToolChoice::Auto => false,
            ToolChoice::Required => self.tools.is_empty(),
            ToolChoice::Named(name) => !self.tools.iter().any(|tool| tool.name == *name),
        };
        if is_missing {
            return Err(Refused::invalid("tool_choice", "the function that must be called is not among the tools"));
        }
        check_schemas(&self.schemas())?;
        match self.tools.iter().enumerate().find(|(_, tool)| !is_of_objects(&tool.parameters)) {
            Some((at, tool)) => {
                let message = format!("the arguments of {} must be an object, and its parameters let them be something else: say \"type\": \"object\" at their root", tool.name);
                Err(Refused::invalid(format!("tools[{at}]"), message))
            }
            None => Ok(()),
        }
    }

    fn schemas(&self) -> Vec<(String, &Value)> {
        let of_tools = self.tools.iter().map(|tool| (format!("the tool {}", tool.name), &tool.parameters));
        of_tools.chain(self.schema.iter().map(|schema| ("the answer".to_owned(), schema))).collect()
    }

    /// May the answer hold calls?
    pub fn may_call(&self) -> bool {
        !self.callable().is_empty()
    }

    /// May the answer hold text?
    fn may_say(&self) -> bool {
        matches!(self.choice, ToolChoice::Auto | ToolChoice::None) || !self.may_call()
    }

    /// Of the texts that are to end the answer those that can: one that can only be calls has no text for them to end, and a call in which one comes up, as a line's end does in each, would never be
    /// whole.
    pub fn stop_texts(&self, asked: Vec<String>) -> Vec<String> {
        if self.may_say() { asked } else { Vec::new() }
    }

    fn callable(&self) -> Vec<&Tool> {
        match &self.choice {
            ToolChoice::None => Vec::new(),
            ToolChoice::Auto | ToolChoice::Required => self.tools.iter().collect(),
            ToolChoice::Named(name) => self.tools.iter().filter(|tool| tool.name == *name).collect(),
        }
    }

    /// What decoding is held to.
    pub fn bound(&self) -> Bound {
        let callable = self.callable();
        let mut lark = String::new();
        let has_text = self.may_say();
        match (&self.schema, callable.is_empty()) {
            (None, true) => return Bound::Free,
            (Some(_), true) => lark.push_str("start: answer\n"),
            (_, false) if has_text => lark.push_str("start: answer | calls\n"),
            (_, false) => lark.push_str("start: calls\n"),
        }
        if has_text {
            match &self.schema {
                Some(schema) => lark.push_str(&format!("answer: %json {}\n", spaced(schema))),
                // Text is whatever does not begin as a call does.
                None => lark.push_str("answer: TEXT\nTEXT: /(?s:.*)/ & ~/(?s:<tool_call>.*)/\n"),
            }
        }
        if !callable.is_empty() {
            lark.push_str(if self.is_single || matches!(self.choice, ToolChoice::Named(_)) { "calls: call\n" } else { "calls: call (\"\\n\" call)*\n" });
            let cases: Vec<String> = (0..callable.len()).map(|at| format!("call_{at}")).collect();
            lark.push_str(&format!("call: {}\n", cases.join(" | ")));
            for (at, tool) in callable.into_iter().enumerate() {
                let before = json!(format!("{OPEN}\n{{\"name\": \"{}\", \"arguments\": ", tool.name));
                let after = json!(format!("}}\n{CLOSE}"));
                lark.push_str(&format!("call_{at}: {before} %json {} {after}\n", spaced(&tool.parameters)));
            }
        }
        Bound::Grammar(Grammar::new(lark))
    }

    /// The words that tell a model of its tools.
    pub fn words(&self) -> Option<String> {
        if self.tools.is_empty() || self.choice == ToolChoice::None {
            return None;
        }
        let one = |tool: &Tool| json!({ "type": "function", "function": { "name": tool.name, "description": tool.description, "parameters": tool.parameters } }).to_string();
        let tools: Vec<String> = self.tools.iter().map(one).collect();
        Some(format!(
            "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>\n{}\n</tools>\n\nFor \
             each function call, return a json object with function name and arguments within {OPEN}{CLOSE} XML tags:\n{OPEN}\n{{\"name\": <function-name>, \"arguments\": \
             <args-json-object>}}\n{CLOSE}",
            tools.join("\n")
        ))
    }

    /// What the model said: text, or calls. Calls that were cut off are not among them; what was said of one is lost with it, and the finish reason says so.
    pub fn read(&self, output: &str) -> (String, Vec<ToolCall>) {
        match self.calls(output) {
            Some((calls, _)) => (String::new(), calls),
            None => (output.to_owned(), Vec::new()),
        }
    }

    /// Why an answer ended, in OpenAI's words. A stop text that came up within a call cut it off as a limit does: what was said of the call is lost, so it did not end well.
    pub fn finish_reason(&self, generation: &Generation) -> &'static str {
        let is_cut_off = || self.calls(&generation.text).is_some_and(|(_, rest)| !rest.trim().is_empty());
        match generation.stop_reason {
            StopReason::StopText(_) if is_cut_off() => "length",
            reason => finish_reason(reason),
        }
    }

    /// The calls that are whole, and what came behind them; `None` for text.
    fn calls<'a>(&self, output: &'a str) -> Option<(Vec<ToolCall>, &'a str)> {
        if !self.may_call() || !output.starts_with(OPEN) {
            return None;
        }
        let mut calls = Vec::new();
        let mut rest = output;
        while let Some(after) = rest.trim_start().strip_prefix(OPEN) {
            // One JSON value; what stands in it looks like nothing else. Its parts stay as they were written: a number, or a depth, that no program's value holds is the caller's to read.
            let mut values = serde_json::Deserializer::from_str(after).into_iter::<BTreeMap<String, &RawValue>>();
            let Some(Ok(call)) = values.next() else { break };
            let Some(behind) = after.get(values.byte_offset()..).and_then(|behind| behind.trim_start().strip_prefix(CLOSE)) else { break };
            let name = call.get("name").and_then(|name| serde_json::from_str(name.get()).ok());
            calls.extend(name.zip(call.get("arguments")).map(|(name, arguments)| ToolCall { name, arguments: arguments.get().to_owned() }));
            rest = behind;
        }
        Some((calls, rest))
    }
}

/// What holds values and no schemas.
const VALUES: [&str; 5] = ["const", "enum", "default", "examples", "example"];
/// What holds schemas by names that are no keywords.
const NAMED: [&str; 4] = ["properties", "patternProperties", "$defs", "definitions"];

/// The schema with OpenAPI's `nullable`, which OpenAI's client for Node writes, said as JSON schema says it: one type more.
pub fn with_null(mut schema: Value) -> Value {
    say_null(&mut schema);
    schema
}

fn say_null(schema: &mut Value) {
    let members = match schema {
        Value::Array(schemas) => return schemas.iter_mut().for_each(say_null),
        Value::Object(members) => members,
        _ => return,
    };
    let nullable = members.get("nullable").and_then(Value::as_bool);
    if let (Some(is_nullable), Some(types)) = (nullable, members.get("type").and_then(types_of)) {
        members.remove("nullable");
        if is_nullable && !types.contains(&json!("null")) {
            members.insert("type".to_owned(), types.into_iter().chain([json!("null")]).collect());
        }
    }
    for (name, inner) in members {
        match inner {
            _ if VALUES.contains(&name.as_str()) => {}
            Value::Object(named) if NAMED.contains(&name.as_str()) => named.values_mut().for_each(say_null),
            inner => say_null(inner),
        }
    }
}

/// The types that are named; `None` where that is no type.
fn types_of(named: &Value) -> Option<Vec<Value>> {
    match named {
        Value::String(_) => Some(vec![named.clone()]),
        Value::Array(names) => Some(names.clone()),
        _ => None,
    }
}

/// The schema with the white space that models are used to, and no other: without an end to it a weak model writes nothing else.
fn spaced(schema: &Value) -> Value {
    let members = schema.as_object().into_iter().flatten().filter(|(name, _)| *name != DRAFT);
    let mut schema: Map<String, Value> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    schema.insert(STEERING.to_owned(), json!({ "whitespace_flexible": false, "item_separator": ", ", "key_separator": ": " }));
    schema.into()
}

/// The arguments of a call that a caller tells of: one JSON object, as it was written. No text at all is an object without members. `None` for what is no object.
pub fn arguments_of(text: &str) -> Option<&str> {
    if text.trim().is_empty() {
        return Some("{}");
    }
    // Read as the call was: what it holds may be more than a program's value does.
    serde_json::from_str::<BTreeMap<String, &RawValue>>(text).is_ok().then_some(text)
}

/// The call as a model reads it in a later prompt.
pub fn written(name: &str, arguments: &str) -> String {
    format!("{OPEN}\n{{\"name\": {}, \"arguments\": {arguments}}}\n{CLOSE}", json!(name))
}

/// Shows text as it comes, and holds back what is, or may become, calls.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    held: String,
    is_text: bool,
}

impl Filter {
    /// `may_call`: whether calls are to be looked for at all.
    pub fn new(may_call: bool) -> Self {
        Self { held: String::new(), is_text: !may_call }
    }

    /// What of it can be shown now.
    pub fn push(&mut self, text: &str) -> String {
        if self.is_text {
            return text.to_owned();
        }
        self.held.push_str(text);
        if OPEN.starts_with(&self.held) || self.held.starts_with(OPEN) {
            return String::new();
        }
        self.is_text = true;
        std::mem::take(&mut self.held)
    }

    /// What was held back and is no call.
    pub fn rest(&mut self) -> String {
        if self.held.starts_with(OPEN) { String::new() } else { std::mem::take(&mut self.held) }
    }
}

mod objects;

#[cfg(test)]
mod tests;
