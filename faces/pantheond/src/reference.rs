//! What is generated from the definitions: the page of commands and the document of the RPC.

use crate::args::{Cli, Reference};
use crate::failure::Failure;
use crate::out::Out;
use crate::rpc;
use clap::{Command, CommandFactory};

pub fn reference(what: Reference, out: Out) -> Result<u8, Failure> {
    match what {
        Reference::Commands => out.piece(&commands())?,
        Reference::Openapi => out.line(format!("{:#}", rpc::document()))?,
    }
    Ok(0)
}

/// `docs/pantheon-commands.md`.
fn commands() -> String {
    let mut page = "# The commands of `pantheon`\n\nGenerated: `cargo run --bin pantheon -- reference commands > docs/pantheon-commands.md`.\n".to_owned();
    // The same on every machine, whatever its terminal and its version.
    let mut root = Cli::command().term_width(0).max_term_width(0).disable_help_subcommand(true);
    root.build();
    section(&root, &mut page);
    page
}

fn section(command: &Command, page: &mut String) {
    if command.is_hide_set() {
        return;
    }
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    // Of each command what is its own: the global flags stand in the first section.
    let is_root = !name.contains(' ');
    let mut shown = command.clone();
    if !is_root {
        shown = shown.mut_args(|argument| if argument.is_global_set() { argument.hide(true) } else { argument });
    }
    let help = shown.render_long_help().to_string();
    let lines: String = help.lines().map(|line| if line.trim().is_empty() { "\n".to_owned() } else { format!("    {}\n", line.trim_end()) }).collect();
    page.push_str(&format!("\n## {name}\n\n{}\n", lines.trim_end()));
    command.get_subcommands().for_each(|inner| section(inner, page));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_of_commands_is_the_one_that_the_definitions_give() {
        let committed = include_str!("../../../docs/pantheon-commands.md");
        assert!(
            super::commands() == committed,
            "docs/pantheon-commands.md is not what the definitions say: run `cargo run --bin pantheon -- reference commands > docs/pantheon-commands.md`"
        );
    }
}
