//! What can be typed behind `mickai adapter`.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Adapter {
    /// Take an adapter in for a model: a PEFT folder (adapter_config.json, adapter_model.safetensors), or a .gguf file in llama.cpp's form. Refused where it does not fit the model's shapes
    Import {
        /// The folder or file; it is copied
        path: PathBuf,
        /// What to call it [default: the file's name]
        #[arg(long)]
        name: Option<String>,
        /// The model that it is for, by name or by the beginning of its digest
        #[arg(long)]
        model: String,
    },
    /// Adapters of this machine, each with its model, and which of them are pinned
    List,
    /// What an adapter is
    Show {
        /// Name, beginning of the digest, or MODEL+ADAPTER
        adapter: String,
    },
    /// Remove an adapter
    #[command(visible_alias = "rm")]
    Remove {
        /// Name, beginning of the digest, or MODEL+ADAPTER
        adapter: String,
    },
    /// Let an adapter run where there are pins; its model needs one too
    Pin {
        /// Name, beginning of the digest, or MODEL+ADAPTER
        adapter: String,
    },
    /// Take an adapter's pin away
    Unpin {
        /// Name, beginning of the digest, or MODEL+ADAPTER
        adapter: String,
    },
}
