//! `mickai chat`: a conversation with line editing. Ctrl-C stops an answer and the record says so; Ctrl-D ends. Nothing typed is kept outside the vault.

use crate::args::{Ask, Chat};
use crate::ask::{Manner, text, verb};
use crate::failure::Failure;
use crate::out::{Out, remark};
use crate::turn::{self, Interrupt};
use mickai_model::tokens::{Message, Role};
use mickai_runtime::System;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

const HELP: &str = "/new begins a new conversation, /exit or Ctrl-D ends, Ctrl-C stops an answer";

pub fn chat(system: &System, args: &Chat, out: Out) -> Result<u8, Failure> {
    let model = turn::model(system, &args.generation)?;
    if model.is_embedded {
        turn::refuse_system(&args.generation)?;
    }
    let mut context = system.context(&model)?;
    let interrupt = Interrupt::listen()?;
    let mut editor = DefaultEditor::new().map_err(Failure::Editor)?;
    let mut messages = turn::opening(&args.generation);
    let ask = Ask { words: Vec::new(), generation: args.generation.clone(), yes: false, quiet: false };
    remark(format_args!("{} {}. {HELP}", model.name, model.digest));
    while let Some(line) = read(&mut editor)? {
        match line.as_str() {
            "" => {}
            "/exit" | "/quit" => break,
            "/help" => remark(HELP),
            "/new" => messages = turn::opening(&args.generation),
            // Each line to the embedded model stands alone: it knows verbs, not conversations.
            words if model.is_embedded => {
                if let Err(failure) = verb(system, &model, &mut context, words, &Manner { args: &ask, out, interrupt: interrupt.clone() }) {
                    failure.print();
                }
            }
            words => {
                messages.push(Message { role: Role::User, content: words.to_owned() });
                let asked = turn::asked(&args.generation, messages.clone(), false);
                let answered = turn::run(system, &model, &mut context, &asked, &interrupt, (!out.json).then_some(out));
                match answered.and_then(|answered| text(system, &answered, false, out).map(|_| answered)) {
                    Ok(answered) => messages.push(Message { role: Role::Assistant, content: answered.generation.text }),
                    Err(failure) => {
                        // A turn that could not be answered is taken back; the conversation goes on.
                        failure.print();
                        messages.pop();
                    }
                }
            }
        }
    }
    Ok(0)
}

/// The next line; `None` when the operator has ended the conversation.
fn read(editor: &mut DefaultEditor) -> Result<Option<String>, Failure> {
    loop {
        match editor.readline("> ") {
            Ok(line) => {
                let line = line.trim().to_owned();
                // History lives as long as this process.
                editor.add_history_entry(&line).map_err(Failure::Editor)?;
                return Ok(Some(line));
            }
            Err(ReadlineError::Interrupted) => remark(HELP),
            Err(ReadlineError::Eof) => return Ok(None),
            Err(error) => return Err(Failure::Editor(error)),
        }
    }
}
