//! PyPI's `schemathesis`, as `cargo xtask setup` installs it, tries everything in `/openapi.json`: no answer is of a server that failed.

use crate::common::{Machine, Run, Server, not_checked};
use std::path::Path;
use std::process::Command;

#[test]
fn everything_in_the_document_is_tried_and_nothing_breaks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = folder.join("../../target/clients/bin/schemathesis");
    if !program.exists() {
        not_checked("the RPC by schemathesis: it is not here, `cargo xtask setup` installs it");
        return;
    }
    let server = Server::start();
    let machine = Machine::new();
    let document = format!("{}:/{}{}/openapi.json", "http", '/', server.address);
    let config = folder.join("tests/face/schemathesis.toml");
    let mut command = Command::new(program);
    // A stream of events has no end, so its form is for a test of its own.
    command.args(["--config-file", config.to_str().unwrap(), "run", &document, "--checks", "all", "--exclude-path", "/v1/events"]);
    command.current_dir(machine.path("")).env_remove("http_proxy").env_remove("HTTP_PROXY");
    Run::of(&mut command).code(0).says(&["Tested: 16"]);
    assert_eq!(server.get("/v1/supply").is(200).json()["is_whole"], true);
}
