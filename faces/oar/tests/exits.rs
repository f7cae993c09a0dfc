//! The binary `oar` on the bundle vectors: exit codes, reports, and what it says to people who use it wrongly.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use base64ct::{Base64, Encoding};
use mickai_proof::key::PublicKey;
use mickai_proof::verify::{Head, Reference};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn oar(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_oar")).args(args).output().unwrap()
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/bundle")
}

fn vector(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(vectors().join(format!("{name}.json"))).unwrap()).unwrap()
}

/// The files that a vector's bundle and policy are, in a folder of their own, and the flags that name them.
struct Laid {
    folder: tempfile::TempDir,
    flags: Vec<String>,
}

/// The first file of its sort has its plain name.
fn numbered(name: &str, place: usize) -> String {
    if place == 0 { name.to_owned() } else { format!("{place}.{name}") }
}

/// What a policy says, as flags and the files that they name.
fn as_flags(policy: &Value, file: &dyn Fn(&str, &[u8]) -> String) -> Vec<String> {
    let list = |name: &str| policy[name].as_array().cloned().unwrap_or_default();
    let mut flags = Vec::new();
    for (place, key) in list("keys").iter().map(|key| key.as_str().unwrap()).enumerate() {
        let is_pem = key.contains("PUBLIC KEY") || key == "hello";
        flags.extend(if is_pem { ["--key".to_owned(), file(&numbered("operator.pub", place), key.as_bytes())] } else { ["--key-id".to_owned(), key.to_owned()] });
    }
    for (place, kept) in list("references").iter().enumerate() {
        let text = kept["checkpoint"].as_str().unwrap();
        let is_bare = matches!(Reference::parse(text.as_bytes()), Ok(Reference { head: Head::Bare { .. }, .. })) && !text.ends_with('\n');
        flags.extend(["--checkpoint".to_owned(), if is_bare { text.to_owned() } else { file(&numbered("pin.txt", place), text.as_bytes()) }]);
    }
    for (place, statement) in list("revocations").iter().enumerate() {
        let bytes = Base64::decode_vec(statement.as_str().unwrap()).unwrap_or_default();
        flags.extend(["--revocation".to_owned(), file(&numbered("key.revocation", place), &bytes)]);
    }
    flags.extend(list("chains").iter().flat_map(|chain| ["--chain".to_owned(), chain.as_str().unwrap().to_owned()]));
    if let Some(axes) = policy["require"].as_array() {
        let axes: Vec<_> = axes.iter().map(|axis| axis.as_str().unwrap()).collect();
        flags.extend(["--require".to_owned(), axes.join(",")]);
    }
    for (name, flag) in [("upto", "--upto"), ("max_age_ms", "--max-age-ms")] {
        flags.extend(policy[name].as_u64().map(|number| [flag.to_owned(), number.to_string()]).into_iter().flatten());
    }
    flags
}

impl Laid {
    fn new(vector: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let mut flags = vec!["verify".to_owned(), file("case.oar", &Base64::decode_vec(vector["bundle"].as_str().unwrap()).unwrap())];
        let mut policy = vector["policy"].clone();
        policy.as_object_mut().unwrap().remove("now_ms");
        let is_flaggable = |policy: &Value| {
            let has_times = policy["references"].as_array().is_some_and(|kept| kept.iter().any(|kept| kept.as_object().unwrap().len() > 1));
            let requires_nothing = policy["require"].as_array().is_some_and(Vec::is_empty);
            !has_times && !requires_nothing && policy.get("skew_ms").is_none()
        };
        if is_flaggable(&policy) {
            flags.extend(as_flags(&policy, &file));
        } else {
            flags.extend(["--policy".to_owned(), file("policy.json", policy.to_string().as_bytes())]);
        }
        Self { folder, flags }
    }

    fn run(&self, more: &[&str]) -> Output {
        let flags: Vec<_> = self.flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
        oar(&flags)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

#[test]
fn every_vector_exits_and_reports_as_it_says() {
    let mut exits = std::collections::BTreeMap::new();
    for class in ["accept", "reject"] {
        for entry in fs::read_dir(vectors().join(class)).unwrap() {
            let vector: Value = serde_json::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
            // Here now is the machine's clock.
            if vector["policy"].get("max_age_ms").is_some() {
                continue;
            }
            let (name, expect) = (&vector["name"], &vector["expect"]);
            let output = Laid::new(&vector).run(&["--json"]);
            let exit = output.status.code().unwrap();
            assert_eq!(Some(u64::try_from(exit).unwrap()), expect["exit"].as_u64(), "{name}: {output:?}");
            *exits.entry(exit).or_insert(0) += 1;
            if exit == 64 {
                let said = String::from_utf8(output.stderr).unwrap();
                assert!(said.contains(expect["reason"].as_str().unwrap()) && output.stdout.is_empty(), "{name}: {said}");
                continue;
            }
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            for field in ["verdict", "reason", "index", "step"] {
                assert_eq!(report[field], expect[field], "{name}: {field}");
            }
            assert_eq!(report["scope"]["text"], expect["text"], "{name}");
        }
    }
    assert!([0, 1, 2, 4, 64].iter().all(|exit| exits.get(exit).is_some_and(|count| *count > 2)), "{exits:?}");
}

#[test]
fn a_report_for_people_names_the_verdict_and_every_axis() {
    let laid = Laid::new(&vector("accept/three-records-pinned"));
    let text = String::from_utf8(laid.run(&[]).stdout).unwrap();
    assert!(text.starts_with("VERIFIED\n  integrity     pass\n  authenticity  pass\n"), "{text}");
    assert!(text.contains("\n  time          unchecked  operator-claimed\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours: {text}");
}

#[test]
fn a_bundle_may_come_on_standard_input() {
    let laid = Laid::new(&vector("accept/three-records-pinned"));
    let mut flags = laid.flags.clone();
    "-".clone_into(&mut flags[1]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_oar")).args(&flags).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(laid.path("case.oar")).unwrap()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn wrong_usage_exits_64_and_says_what_to_do() {
    let laid = Laid::new(&vector("accept/three-records-pinned"));
    let (case, pin, key) = (laid.path("case.oar"), laid.path("pin.txt"), laid.path("operator.pub"));
    let id = "0f".repeat(32);
    let absent = laid.path("absent");
    for (args, said) in [
        (&["verify"][..], "FILE"),
        (&["verify", &case, "--no-such-flag"], "--no-such-flag"),
        (&["frobnicate"], "frobnicate"),
        (&[], "Usage"),
        (&["verify", &case, "--key", &pin], "mickai key show --pem"),
        (&["verify", &case, "--key", &pin], "misuse-key"),
        (&["verify", &absent, "--key", &pin], "misuse-key"),
        (&["verify", &absent, "--require", "honesty"], "misuse-require"),
        (&["verify", &case, "--key", &key, "--key-id", &id, "--policy", &pin], "misuse-policy"),
        (&["verify", &case, "--policy", &absent], "cannot read"),
        (&["verify", &case, "--revocation", &case], "misuse-revocation"),
        (&["verify", &case, "--key-id", "abc", "--checkpoint", &case], "misuse-key"),
        (&["verify", &case, "--key", &absent], "cannot read"),
        (&["verify", &case, "--key-id", "abc"], "64 hex digits"),
        (&["verify", &case, "--checkpoint", &absent], "cannot read"),
        (&["verify", &case, "--checkpoint", &case], "misuse-reference"),
        (&["verify", &case, "--require", "honesty"], "integrity"),
        (&["verify", &case, "--require", "integrity,honesty"], "misuse-require"),
        (&["verify", &case, "--require", "honesty", "--upto", "3"], "misuse-upto"),
        (&["verify", &case, "--upto", "3", "--checkpoint", &case], "misuse-reference"),
        (&["verify", &case, "--upto", "3"], "misuse-upto"),
        (&["verify", &case, "--upto", "three"], "three"),
    ] {
        let output = oar(args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{args:?}: {text}");
        assert!(text.contains(said), "{args:?}: {text}");
    }
    assert_eq!(oar(&["--help"]).status.code(), Some(0));
    assert_eq!(oar(&["--version"]).status.code(), Some(0));
}

/// A longer file is none, whatever its beginning holds.
#[test]
fn a_key_file_has_at_most_64_kib() {
    let laid = Laid::new(&vector("accept/three-records-pinned"));
    let (case, key, padded) = (laid.path("case.oar"), laid.path("operator.pub"), laid.path("padded.pub"));
    for (len, exit, said) in [(65_536, 2, "STALE completeness-unwitnessed"), (65_537, 64, "misuse-key: ")] {
        let mut pem = fs::read(&key).unwrap();
        pem.resize(len, b'\n');
        fs::write(&padded, pem).unwrap();
        let output = oar(&["verify", &case, "--key", &padded]);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{len}: {text}");
        assert!(text.contains(said) && text.contains("larger than 64 KiB") == (exit == 64), "{len}: {text}");
    }
}

/// spec/keys.md "PEM": by what a file holds nobody reaches a key id. The verifier in TypeScript has the same case.
#[test]
fn a_file_that_holds_a_key_id_is_no_key_file() {
    let laid = Laid::new(&vector("accept/three-records-pinned"));
    let (case, file) = (laid.path("case.oar"), laid.path("id.pub"));
    let id = PublicKey::from_pem(&fs::read_to_string(laid.path("operator.pub")).unwrap()).unwrap().id().to_string();
    for text in [id.clone(), format!("{id}\n")] {
        fs::write(&file, text).unwrap();
        let output = oar(&["verify", &case, "--key", &file]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains("misuse-key: "), "{said}");
    }
    assert_eq!(oar(&["verify", &case, "--key-id", &id]).status.code(), Some(2));
}

/// spec/checkpoint.md "Fork proof": an array of whatever length that begins with the name is judged as one.
#[test]
fn what_begins_as_a_fork_proof_is_judged_as_one() {
    let vector = vector("../fork/reject/elements-1");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (fork, key) = (file("short.fork", &Base64::decode_vec(vector["fork"].as_str().unwrap()).unwrap()), file("key.pub", vector["keys"][0].as_str().unwrap().as_bytes()));
    for (args, exit, said) in [(&["verify", &fork, "--key", &key][..], 4, "not-a-fork-proof"), (&["verify", &fork], 64, "misuse-key")] {
        let output = oar(args);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{args:?}: {text}");
        assert!(text.contains(said), "{args:?}: {text}");
    }
}

/// What a policy file and the flags say is one policy: what is wrong is looked for in all of it together, and said in the order of spec/verdict.md "Input".
#[test]
fn flags_are_added_to_a_policy_file_or_replace_what_it_says() {
    let laid = Laid::new(&vector("accept/three-records-pinned"));
    let (case, pin, key) = (laid.path("case.oar"), laid.path("pin.txt"), laid.path("operator.pub"));
    let policy = |name: &str, text: &str| {
        fs::write(laid.path(name), text).unwrap();
        laid.path(name)
    };
    let upto = policy("upto.json", r#"{"upto":3}"#);
    let other = policy("other.json", r#"{"upto":2,"require":["honesty"]}"#);
    let last = policy("last.json", r#"{"revocations":["AA=="],"chains":["devnet"]}"#);
    let chain = "07".repeat(32);
    for (args, exit, said) in [
        (&["--policy", &upto, "--key", &key, "--checkpoint", &pin][..], 0, "complete against the checkpoint of size 3"),
        (&["--policy", &upto, "--key", &key, "--checkpoint", &pin, "--chain", &chain], 0, "complete against the checkpoint of size 3"),
        (&["--policy", &upto, "--key", &key], 64, "misuse-upto"),
        (&["--policy", &upto, "--key", &key, "--chain", &chain], 64, "misuse-upto"),
        (&["--policy", &upto, "--key", &key, "--checkpoint", &pin, "--upto", "2"], 64, "misuse-upto"),
        (&["--policy", &other, "--key", &key, "--checkpoint", &pin, "--upto", "3", "--require", "integrity"], 0, "VERIFIED"),
        (&["--policy", &other, "--checkpoint", &pin, "--upto", "3"], 64, "misuse-require"),
        (&["--policy", &other, "--checkpoint", &pin], 64, "misuse-upto"),
        (&["--policy", &other, "--checkpoint", &case], 64, "misuse-reference"),
        (&["--policy", &other, "--checkpoint", &case, "--key-id", "abc"], 64, "misuse-key"),
        (&["--policy", &last, "--require", "honesty"], 64, "misuse-require"),
        (&["--policy", &last], 64, "misuse-revocation"),
    ] {
        let output = oar(&[&["verify", case.as_str()], args].concat());
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{args:?}: {text}");
        assert!(text.contains(said), "{args:?}: {text}");
    }
}

/// `| head`: the code is that of the verdict, whoever stays to read it.
#[test]
fn a_reader_that_goes_away_changes_no_code() {
    let (whole, trailing) = (Laid::new(&vector("accept/opened-all")), Laid::new(&vector("reject/trailing-byte")));
    let (case, broken, pinned) = (whole.path("case.oar"), trailing.path("case.oar"), Laid::new(&vector("accept/three-records-pinned")));
    for (args, exit) in [
        (&["verify", &case][..], 2),
        (&["verify", &case, "--json"], 2),
        (&["verify", &pinned.path("case.oar"), "--key", &pinned.path("operator.pub"), "--checkpoint", &pinned.path("pin.txt")], 0),
        (&["verify", &broken], 1),
        (&["inspect", &case], 0),
        (&["inspect", &broken], 1),
        (&["diff", &case, &pinned.path("case.oar")], 1),
        (&["diff", &case, &case], 0),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_oar")).args(args).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(exit), String::new()), "{args:?}");
    }
}

/// `2>&1 | true`: nor does it where nobody reads what went wrong.
#[test]
fn nobody_at_standard_error_changes_no_code() {
    let laid = Laid::new(&vector("accept/three-records-pinned"));
    let (case, pin, absent) = (laid.path("case.oar"), laid.path("pin.txt"), laid.path("absent"));
    for (args, exit) in [(&["verify", absent.as_str()][..], 4), (&["verify", &case, "--key", &pin], 64)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_oar")).args(args).stderr(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{args:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_exits_4() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    for file in [absent.as_path(), folder.path()] {
        for verb in ["verify", "inspect"] {
            let output = oar(&[verb, file.to_str().unwrap()]);
            assert_eq!(output.status.code(), Some(4), "{verb} {}", file.display());
            assert!(String::from_utf8(output.stderr).unwrap().contains("cannot read"));
        }
    }
}

#[test]
fn inspect_shows_every_record_and_claims_nothing() {
    let laid = Laid::new(&vector("accept/opened-all"));
    let case = laid.path("case.oar");
    let output = oar(&["inspect", &case]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for said in
        ["genesis", "intent", "outcome", "executed", "generate", "sampler=greedy-v1", "opened output = \"pong \u{2713}\"", "checkpoint of 3 records", "nothing was verified"]
    {
        assert!(text.contains(said), "{said:?} in {text}");
    }
    assert!(!text.contains("VERIFIED"));
    let lines = String::from_utf8(oar(&["inspect", &case, "--json"]).stdout).unwrap();
    let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).filter(|value: &Value| value["kind"].is_string()).collect();
    assert_eq!(records.iter().map(|record| record["kind"].as_str().unwrap()).collect::<Vec<_>>(), ["genesis", "intent", "outcome"]);
    let broken = Laid::new(&vector("reject/trailing-byte"));
    assert_eq!(oar(&["inspect", &broken.path("case.oar")]).status.code(), Some(1));
    let other = Laid::new(&vector("reject/file-text"));
    assert_eq!(oar(&["inspect", &other.path("case.oar")]).status.code(), Some(4));
}
