//! The Jinja dialect of Hugging Face chat templates on minijinja: its white space rules, its globals, Python's methods.

use super::chat::{Date, Message};
use crate::error::{Misbehaved, Result};
use crate::limits;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, ErrorKind, State, Value};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::Builder;

/// What a template sees beside the conversation.
pub(crate) struct Globals {
    pub date: Date,
    pub bos: Option<String>,
    pub eos: Option<String>,
    pub pad: Option<String>,
}

/// What the thread of the templates does next.
type Task = Box<dyn FnOnce() + Send>;

/// Runs a template for each of the conversations.
///
/// A thread of a crew has no stack for it: what a template nests is dropped, written and compared one call for each level, and a stack that overflows ends the process. So templates have a
/// thread of their own, on which every value ends as well. It stays, and takes one after the other: a thread for each would leave its memory in pieces.
pub(crate) fn render<const N: usize>(source: &str, globals: Globals, conversations: [Vec<Message>; N]) -> Result<[String; N]> {
    let (source, (tell, told)) = (source.to_owned(), channel());
    hand_over(Box::new(move || {
        // Whoever asked waits for it.
        let _ = tell.send(catch_unwind(AssertUnwindSafe(|| written(&source, globals, conversations))));
    }))?;
    match told.recv() {
        Ok(Ok(written)) => Ok(written?),
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => Err(NO_THREAD.into()),
    }
}

const NO_THREAD: Misbehaved = Misbehaved::TemplateThread { stack_bytes: limits::TEMPLATE_STACK_BYTES };

/// Gives the thread of the templates a task; begins it at the first.
fn hand_over(task: Task) -> Result<(), Misbehaved> {
    static TASKS: Mutex<Option<Sender<Task>>> = Mutex::new(None);
    let mut tasks = TASKS.lock().unwrap_or_else(PoisonError::into_inner);
    if tasks.is_none() {
        let (sender, receiver) = channel::<Task>();
        let thread = Builder::new().name("mickai-template".to_owned()).stack_size(limits::TEMPLATE_STACK_BYTES);
        thread.spawn(move || receiver.into_iter().for_each(|task| task())).map_err(|_| NO_THREAD)?;
        *tasks = Some(sender);
    }
    tasks.as_ref().and_then(|tasks| tasks.send(task).ok()).ok_or(NO_THREAD)
}

/// What the template writes.
fn written<const N: usize>(source: &str, globals: Globals, conversations: [Vec<Message>; N]) -> Result<[String; N], Misbehaved> {
    // As in the reference, lines end with the same character everywhere, also in what the template writes.
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let environment = environment(globals.date)?;
    let template = environment.template_from_str(&source).map_err(misbehaved)?;
    let mut texts = [const { String::new() }; N];
    for (text, messages) in texts.iter_mut().zip(conversations) {
        let messages: Vec<Value> = messages.into_iter().map(message).collect();
        let none = || Value::from(());
        let mut pairs = vec![("messages", Value::from(messages)), ("add_generation_prompt", Value::from(true)), ("tools", none()), ("documents", none())];
        // As in the reference, tools that nobody gives are none, and a token that the model does not have is undefined.
        for (name, token) in [("bos_token", &globals.bos), ("eos_token", &globals.eos), ("pad_token", &globals.pad)] {
            pairs.extend(token.as_deref().map(|token| (name, Value::from(token))));
        }
        *text = template.render(Value::from_pairs(pairs)).map_err(misbehaved)?;
    }
    Ok(texts)
}

fn environment<'source>(date: Date) -> Result<Environment<'source>, Misbehaved> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(misbehaved)?;
    environment.set_syntax(syntax);
    environment.set_fuel(Some(limits::TEMPLATE_FUEL));
    environment.set_unknown_method_callback(python_method);
    environment.add_filter("tojson", to_json);
    // It indents by depth, so that a short program writes more than any memory holds; the reference has it, but templates do not use it.
    environment.remove_filter("pprint");
    environment.add_function("raise_exception", |words: String| -> Result<Value, minijinja::Error> {
        Err(minijinja::Error::new(ErrorKind::InvalidOperation, "refused").with_source(Refusal(words)))
    });
    environment.add_function("strftime_now", move |pattern: String| {
        let fault = || minijinja::Error::new(ErrorKind::InvalidOperation, "strftime_now knows the day, not the time");
        date.format(&pattern).ok_or_else(fault)
    });
    Ok(environment)
}

fn message(message: Message) -> Value {
    Value::from_pairs([("role", Value::from(message.role.name())), ("content", Value::from(message.content))])
}

/// The words of `raise_exception`, carried through minijinja's own error.
#[derive(Debug)]
struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

fn misbehaved(error: minijinja::Error) -> Misbehaved {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(at) = cause {
        if let Some(refusal) = at.downcast_ref::<Refusal>() {
            return Misbehaved::TemplateRefused(refusal.0.as_str().into());
        }
        cause = at.source();
    }
    if error.kind() == ErrorKind::OutOfFuel {
        return Misbehaved::TemplateSteps { max: limits::TEMPLATE_FUEL };
    }
    let detail = error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    Misbehaved::Template { line: error.line().unwrap_or(0), detail: detail.into() }
}

/// Methods of Python's strings and dictionaries that templates call.
fn python_method(state: &mut State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<Value, minijinja::Error> {
    let unknown = || minijinja::Error::from(ErrorKind::UnknownMethod);
    if value.kind() == ValueKind::Map {
        return map_method(value, method, args);
    }
    let text = value.as_str().ok_or_else(unknown)?;
    // The engine is paid for the text and for what is made of it, by the byte; not for what a method is given beside the text, and may read to its end.
    let given_bytes: usize = args.iter().filter_map(Value::as_str).map(str::len).sum();
    state.consume_fuel(given_bytes as u64 / 64)?;
    let argument = |index: usize| args.get(index).and_then(Value::as_str);
    Ok(match (method, args.len()) {
        ("strip", 0 | 1) => Value::from(text.trim_matches(stripped(argument(0)))),
        ("lstrip", 0 | 1) => Value::from(text.trim_start_matches(stripped(argument(0)))),
        ("rstrip", 0 | 1) => Value::from(text.trim_end_matches(stripped(argument(0)))),
        ("upper", 0) => Value::from(text.to_uppercase()),
        ("lower", 0) => Value::from(text.to_lowercase()),
        ("startswith", 1) => Value::from(text.starts_with(argument(0).ok_or_else(unknown)?)),
        ("endswith", 1) => Value::from(text.ends_with(argument(0).ok_or_else(unknown)?)),
        ("replace", 2) => Value::from(replaced(text, argument(0).ok_or_else(unknown)?, argument(1).ok_or_else(unknown)?)?),
        ("split", 0) => list(text.split_whitespace())?,
        ("split", 1) => list(text.split(argument(0).ok_or_else(unknown)?))?,
        _ => return Err(unknown()),
    })
}

/// Which characters go: those of a set, or white space. The set may be as long as the text, so it is read once.
fn stripped(set: Option<&str>) -> impl Fn(char) -> bool {
    let set: Option<BTreeSet<char>> = set.map(|set| set.chars().collect());
    move |character| set.as_ref().map_or(character.is_whitespace(), |set| set.contains(&character))
}

/// The text with every `from` replaced; refused before it is made if it is too long.
fn replaced(text: &str, from: &str, to: &str) -> Result<String, minijinja::Error> {
    // An empty one matches before every character and behind the last.
    let count = text.matches(from).count();
    let kept_bytes = text.len().saturating_sub(count.saturating_mul(from.len()));
    check_bytes(count.saturating_mul(to.len()).saturating_add(kept_bytes))?;
    Ok(text.replace(from, to))
}

/// The pieces as a list, refused before it is made: a value is larger than a short piece.
fn list<'t>(pieces: impl Iterator<Item = &'t str> + Clone) -> Result<Value, minijinja::Error> {
    check_bytes(pieces.clone().count().saturating_mul(size_of::<Value>()))?;
    Ok(Value::from(pieces.map(Value::from).collect::<Vec<_>>()))
}

/// No value is larger than a text may be.
fn check_bytes(bytes: usize) -> Result<(), minijinja::Error> {
    if bytes > limits::TEXT_BYTES_MAX {
        return Err(minijinja::Error::new(ErrorKind::InvalidOperation, format!("a value of {bytes} bytes, where at most {} are taken", limits::TEXT_BYTES_MAX)));
    }
    Ok(())
}

fn map_method(value: &Value, method: &str, args: &[Value]) -> Result<Value, minijinja::Error> {
    let keys = || -> Result<Vec<Value>, minijinja::Error> { Ok(value.try_iter()?.collect()) };
    Ok(match (method, args) {
        ("get", [key]) => value.get_item(key).ok().filter(|v| !v.is_undefined()).unwrap_or(Value::from(())),
        ("get", [key, default]) => value.get_item(key).ok().filter(|v| !v.is_undefined()).unwrap_or_else(|| default.clone()),
        ("keys", []) => Value::from(keys()?),
        ("values", []) => Value::from(keys()?.iter().map(|key| value.get_item(key)).collect::<Result<Vec<_>, _>>()?),
        ("items", []) => {
            let pair = |key: Value| value.get_item(&key).map(|item| Value::from(vec![key, item]));
            Value::from(keys()?.into_iter().map(pair).collect::<Result<Vec<_>, _>>()?)
        }
        _ => return Err(ErrorKind::UnknownMethod.into()),
    })
}

/// `tojson` as Python's `json.dumps(…, ensure_ascii=False)` writes it, not as HTML needs it.
fn to_json(value: Value, options: Kwargs) -> Result<Value, minijinja::Error> {
    let indent: Option<usize> = options.get("indent")?;
    options.assert_all_used()?;
    let bad = |_| minijinja::Error::from(ErrorKind::BadSerialization);
    let mut out = Bounded(Vec::new());
    match indent {
        Some(width) => {
            let spaces = " ".repeat(width.min(16));
            value.serialize(&mut Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(spaces.as_bytes()))).map_err(bad)?;
        }
        None => value.serialize(&mut Serializer::with_formatter(&mut out, Python)).map_err(bad)?,
    }
    let text = String::from_utf8(out.0).map_err(|_| minijinja::Error::from(ErrorKind::BadSerialization))?;
    Ok(Value::from(text))
}

/// Takes as many bytes as a text may have: a list that stands in another twice, and so on, is longer than any memory when it is written, and a deep one is nearly all indentation.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len().saturating_add(bytes.len()) > limits::TEXT_BYTES_MAX {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Python's separators: a space behind every comma and colon.
struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
