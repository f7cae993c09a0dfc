//! Arrows between the crates: down only, with the complete list of exceptions, and what every manifest must say.

use toml::Value;

use super::manifest::{self, Crate};
use super::tree::{Finding, Tree};

/// Lowest first: a crate may use what lies below.
const FLOORS: [&str; 4] = ["foundations", "engines", "services", "faces"];

/// The complete list of arrows within one floor; a new one needs an entry in `docs/decisions.md`.
const SIDEWAYS: [(&str, &str); 4] =
    [("services/runtime", "services/store"), ("services/node", "services/store"), ("services/anchor", "services/store"), ("faces/cli", "faces/http")];

/// Faces that must stay small and offline: they may use foundations alone.
const OFFLINE_FACES: [&str; 1] = ["faces/oar"];

/// Crates on no floor: the project's own commands, and the fuzzer's entries and the mutants, which have workspaces of their own.
const BESIDE: [&str; 3] = ["xtask", "fuzz", "fuzz/mutants"];

/// Refuses every arrow that goes up, sideways without leave, or out of the offline faces into an engine or a service.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let crates = manifest::crates(tree);
    let mut found = Vec::new();
    for from in &crates {
        for dependency in &from.dependencies {
            let Some(to) = crates.iter().find(|one| one.name == dependency.package) else { continue };
            if let Some(why) = refused(from, to) {
                found.push(Finding::new(&from.manifest(), 0, format!("{} may not depend on {}: {why}", from.folder, to.folder)));
            }
        }
    }
    found
}

/// Every crate lies on a floor, takes the workspace's lints, and leaves the choice of the binary to `faces/cli`.
pub(crate) fn check_manifests(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for one in manifest::crates(tree) {
        let mut say = |what: &str| found.push(Finding::new(&one.manifest(), 0, what));
        if floor(&one.folder).is_none() && !BESIDE.contains(&one.folder.as_str()) {
            say("lies on none of the floors foundations, engines, services, faces");
        }
        if manifest::inner(&one.table, "lints").get("workspace").and_then(Value::as_bool) != Some(true) {
            say("does not take the workspace's lints: add [lints] workspace = true");
        }
        if manifest::inner(&one.table, "package").contains_key("default-run") && one.folder != "faces/cli" {
            say("default-run belongs to faces/cli alone");
        }
        if one.table.contains_key("features") {
            say("has feature flags: no flag may change a result, so there are none");
        }
    }
    if manifest::workspace(tree).contains_key("default-members") {
        found.push(Finding::new("Cargo.toml", 0, "default-members would hide crates from the ordinary commands"));
    }
    found
}

fn refused(from: &Crate, to: &Crate) -> Option<&'static str> {
    if from.folder == "xtask" || to.folder == "xtask" {
        return Some("xtask stays apart from the product");
    }
    if OFFLINE_FACES.contains(&from.folder.as_str()) && floor(&to.folder) != Some(0) {
        return Some("it links no engine and opens no socket");
    }
    // A folder off the floors is reported by `check_manifests`.
    let (above, below) = (floor(&from.folder)?, floor(&to.folder)?);
    if below < above || SIDEWAYS.contains(&(&from.folder, &to.folder)) {
        None
    } else if below == above {
        Some("arrows within a floor are a closed list")
    } else {
        Some("arrows point down")
    }
}

fn floor(folder: &str) -> Option<usize> {
    let (name, inside) = folder.split_once('/')?;
    FLOORS.iter().position(|floor| *floor == name).filter(|_| !inside.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINTS: &str = "\n[lints]\nworkspace = true\n";

    fn manifest(name: &str, uses: &[&str]) -> String {
        let lines: String = uses.iter().map(|one| format!("{one}.workspace = true\n")).collect();
        format!("[package]\nname = \"{name}\"\n[dependencies]\n{lines}{LINTS}")
    }

    /// The findings when `from` uses `to`, each given as its folder.
    fn arrow(from: &str, to: &str) -> usize {
        let tree = Tree::of(&[(&format!("{from}/Cargo.toml"), &manifest("a", &["b"])), (&format!("{to}/Cargo.toml"), &manifest("b", &[]))]);
        check(&tree).len()
    }

    #[test]
    fn arrows_point_down() {
        assert_eq!(arrow("faces/cli", "services/runtime"), 0);
        assert_eq!(arrow("engines/model", "foundations/kernels"), 0);
        assert_eq!(arrow("foundations/kernels", "engines/model"), 1);
        assert_eq!(arrow("services/store", "faces/cli"), 1);
    }

    #[test]
    fn arrows_within_a_floor_are_listed() {
        assert_eq!(arrow("services/runtime", "services/store"), 0);
        assert_eq!(arrow("services/store", "services/runtime"), 1);
        assert_eq!(arrow("engines/agent", "engines/model"), 1);
        assert_eq!(arrow("foundations/proof", "foundations/kernels"), 1);
    }

    #[test]
    fn the_offline_face_and_xtask_stay_apart() {
        assert_eq!(arrow("faces/oar", "foundations/proof"), 0);
        assert_eq!(arrow("faces/oar", "engines/model"), 1);
        assert_eq!(arrow("faces/oar", "services/store"), 1);
        assert_eq!(arrow("xtask", "foundations/proof"), 1);
    }

    #[test]
    fn dev_renamed_and_target_arrows_count() {
        for table in ["[dev-dependencies]\nb.workspace = true", "[dependencies]\nc = { package = \"b\", path = \"x\" }", "[target.'cfg(unix)'.dependencies]\nb.workspace = true"] {
            let from = format!("[package]\nname = \"a\"\n{table}\n{LINTS}");
            let tree = Tree::of(&[("engines/a/Cargo.toml", &from), ("faces/b/Cargo.toml", &manifest("b", &[]))]);
            let found = check(&tree);
            assert_eq!(found.len(), 1, "{table}");
            assert_eq!(found[0].path, "engines/a/Cargo.toml");
        }
    }

    #[test]
    fn manifests_say_what_they_must() {
        let good = manifest("a", &[]);
        assert!(check_manifests(&Tree::of(&[("engines/a/Cargo.toml", &good)])).is_empty());
        assert_eq!(check_manifests(&Tree::of(&[("libs/a/Cargo.toml", &good)])).len(), 1);
        assert_eq!(check_manifests(&Tree::of(&[("engines/a/Cargo.toml", "[package]\nname = \"a\"\n")])).len(), 1);
        let run = good.replace("name = \"a\"", "name = \"a\"\ndefault-run = \"a\"");
        assert_eq!(check_manifests(&Tree::of(&[("faces/oar/Cargo.toml", &run)])).len(), 1);
        assert!(check_manifests(&Tree::of(&[("faces/cli/Cargo.toml", &run)])).is_empty());
        let flags = format!("{good}\n[features]\nfast = []\n");
        assert_eq!(check_manifests(&Tree::of(&[("engines/a/Cargo.toml", &flags)])).len(), 1);
        assert_eq!(check_manifests(&Tree::of(&[("Cargo.toml", "[workspace]\ndefault-members = [\"a\"]\n")])).len(), 1);
    }
}
