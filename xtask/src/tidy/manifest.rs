//! Cargo manifests, as far as the rules of the house ask.

use toml::{Table, Value};

use super::tree::Tree;

/// In which table of a manifest a dependency stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Normal,
    Dev,
    Build,
}

#[derive(Debug)]
pub(crate) struct Dependency {
    /// The name that the source uses, with `-`.
    pub(crate) key: String,
    /// The package's own name.
    pub(crate) package: String,
    pub(crate) used: Use,
}

/// One crate of the workspace.
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Folder from the root, such as `foundations/proof`.
    pub(crate) folder: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) table: Table,
}

impl Crate {
    pub(crate) fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }
}

/// Every manifest below the root that names a package. Cargo itself refuses what is not TOML.
pub(crate) fn crates(tree: &Tree) -> Vec<Crate> {
    tree.texts_ending("/Cargo.toml").filter_map(|(path, text)| read(path, text)).collect()
}

/// The table of the workspace's own manifest.
pub(crate) fn workspace(tree: &Tree) -> Table {
    let root = tree.text("Cargo.toml").and_then(|text| text.parse::<Table>().ok()).unwrap_or_default();
    inner(&root, "workspace")
}

/// A table inside a table; empty when absent.
pub(crate) fn inner(table: &Table, key: &str) -> Table {
    table.get(key).and_then(Value::as_table).cloned().unwrap_or_default()
}

fn read(path: &str, text: &str) -> Option<Crate> {
    let table: Table = text.parse().ok()?;
    let name = table.get("package")?.get("name")?.as_str()?.to_owned();
    let folder = path.strip_suffix("/Cargo.toml")?.to_owned();
    let mut dependencies = of_table(&table);
    for (_, target) in inner(&table, "target") {
        dependencies.extend(target.as_table().map(of_table).unwrap_or_default());
    }
    Some(Crate { name, folder, dependencies, table })
}

fn of_table(table: &Table) -> Vec<Dependency> {
    let kinds = [("dependencies", Use::Normal), ("dev-dependencies", Use::Dev), ("build-dependencies", Use::Build)];
    let mut all = Vec::new();
    for (kind, used) in kinds {
        for (key, value) in inner(table, kind) {
            let package = value.get("package").and_then(Value::as_str).unwrap_or(&key).to_owned();
            all.push(Dependency { key, package, used });
        }
    }
    all
}
