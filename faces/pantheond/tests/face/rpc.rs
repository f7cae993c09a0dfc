//! What each path answers, and what it refuses by which code.

use crate::common::{Server, Signer};
use base64ct::{Base64, Encoding};
use mickai_proof::digest::ChainId;
use mickai_proof::pantheon::{Action, Amount, Height, Network, Transaction};
use serde_json::{Value, json};

fn give(obols: u64) -> Action {
    Action::Transfer { to: Signer::new(11).address(), amount: Amount::from_obols(obols) }
}

fn submit(server: &Server, transaction: &Transaction) -> super::common::Answer {
    server.post("/v1/transactions", &json!({ "base64": Base64::encode_string(&transaction.encode()) }))
}

#[test]
fn a_chain_is_looked_at_from_all_sides() {
    let server = Server::start();
    let rich = Signer::new(10);
    let transaction = server.solo.transaction(&rich, give(7));
    let id = submit(&server, &transaction).is(200).json()["transaction"].as_str().unwrap().to_owned();
    assert_eq!(id, transaction.id().to_string());
    let status = server.get("/v1/status").is(200).json();
    assert_eq!((&status["height"], &status["is_alone"], &status["network"]), (&json!(2), &json!(true), &json!("test")));
    let newest = server.get("/v1/blocks/newest").is(200).json();
    assert_eq!((&newest["header"]["id"], &newest["transactions"][0]["id"]), (&status["tip"], &json!(id)));
    assert_eq!(server.get("/v1/blocks/2").is(200).json(), newest);
    assert_eq!(server.get(&format!("/v1/blocks/{}", status["tip"].as_str().unwrap())).is(200).json(), newest);
    assert_eq!(server.get("/v1/blocks/2?from=1").is(200).json()["transactions"], json!([]));
    let shown = server.get(&format!("/v1/transactions/{id}")).is(200).json();
    assert_eq!((&shown["height"], &shown["index"], &shown["action"]["amount"]["obols"]), (&json!(2), &json!(0), &json!("7")));
    assert_eq!(Base64::decode_vec(shown["base64"].as_str().unwrap()).unwrap(), transaction.encode());
    let account = server.get(&format!("/v1/accounts/{}", rich.address().to_text(Network::Test))).is(200).json();
    assert_eq!((&account["nonce"], &account["key"]), (&json!(1), &json!(rich.key.id().to_string())));
    let history = server.get(&format!("/v1/accounts/{}/transactions?limit=1", rich.address().to_text(Network::Test))).is(200).json();
    assert_eq!(history["transactions"][0]["transaction"]["id"], json!(id));
    let supply = server.get("/v1/supply").is(200).json();
    assert_eq!((&supply["total"]["pan"], &supply["is_whole"], &supply["total"]["obols"]), (&json!("5000000000.000000000 PAN"), &json!(true), &json!("5000000000000000000")));
    assert_eq!(server.get("/v1/params").is(200).json()["treasury_share"], 2500);
    assert_eq!(server.get("/v1/genesis").is(200).json()["chain"], status["chain"]);
    assert_eq!(server.get("/v1/validators").is(200).json()["quorum"], 1);
    let proof = server.post("/v1/light", &json!({ "keys": [{ "kind": "totals" }] })).is(200).json();
    let bytes = Base64::decode_vec(proof["proof"].as_str().unwrap()).unwrap();
    let chain = ChainId::from_hex(status["chain"].as_str().unwrap()).unwrap();
    assert_eq!(mickai_proof::pantheon::light::verify(&bytes, chain).unwrap().header.height, Height(2));
    server.get("/health").is(200);
    server.get("/ready").is(200);
    let metrics = server.get("/metrics").is(200).body;
    for line in ["pantheon_height 2", "solo_blocks 1", "pantheon_http_requests_total{route=\"/v1/transactions\",status=\"200\"} 1"] {
        assert!(metrics.lines().any(|known| known == line), "{line}\n{metrics}");
    }
    assert_eq!(server.get("/openapi.json").is(200).json()["openapi"], "3.1.0");
}

#[test]
fn a_history_is_given_part_by_part() {
    let server = Server::start();
    let rich = Signer::new(10);
    for obols in 1..=3 {
        server.solo.push(Some(server.solo.transaction(&rich, give(obols)))).unwrap();
    }
    let heights = |query: &str| {
        let told = server.get(&format!("/v1/accounts/{}/transactions{query}", rich.address().to_text(Network::Test))).is(200).json();
        told["transactions"].as_array().unwrap().iter().map(|one| one["height"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!([heights(""), heights("?limit=2"), heights("?from=1&limit=1"), heights("?from=2")], [vec![4, 3, 2], vec![4, 3], vec![3], vec![2]]);
    assert!(heights("?from=3").is_empty() && heights("?from=4294967295&limit=100").is_empty());
}

#[test]
fn every_refusal_of_a_transaction_has_its_code_and_its_values() {
    let server = Server::start();
    let rich = Signer::new(10);
    server.solo.push(Some(server.solo.transaction(&rich, give(1)))).unwrap();
    let check = |transaction: &Transaction, code: &str, values: Value| {
        let answer = submit(&server, transaction);
        assert_eq!(answer.refusal(), (422, code.to_owned()), "{}", answer.body);
        let told = answer.json();
        for (name, value) in values.as_object().unwrap() {
            assert_eq!(&told["error"]["values"][name], value, "{}", answer.body);
        }
    };
    let edited = |edit: &dyn Fn(&mut mickai_proof::pantheon::Body)| {
        let mut body = server.solo.body(&rich, give(1));
        edit(&mut body);
        server.solo.sign(&rich, body)
    };
    check(&edited(&|body| body.chain = ChainId([7; 32])), "other-chain", json!({ "chain": "07".repeat(32) }));
    check(&edited(&|body| body.expires = Height(1)), "expired", json!({ "height": 3, "expires": 1 }));
    check(&edited(&|body| body.fee = Amount::from_obols(1)), "fee-too-low", json!({ "fee": { "obols": "1", "pan": "0.000000001 PAN" } }));
    check(&edited(&|body| body.nonce = 0), "nonce-used", json!({ "nonce": 0, "next": 1 }));
    check(&edited(&|body| body.nonce = 9), "nonce-gap", json!({ "nonce": 9, "next": 1 }));
    check(&edited(&|body| body.action = give(u64::MAX)), "overflow", json!({}));
    check(&edited(&|body| body.action = give(5_000_000_000_000_000_000)), "insufficient", json!({}));
    check(&edited(&|body| body.action = Action::Fork(vec![0])), "not-a-fork-proof", json!({}));
    let body = server.solo.body(&rich, give(1));
    check(&body.clone().sign_with(None, &[7; 3309]), "signature", json!({}));
    check(&body.clone().sign_with(Some(rich.key.clone()), &[7; 3309]), "key-known", json!({}));
    let stranger = Signer::new(12);
    check(&server.solo.transaction(&stranger, give(1)), "no-account", json!({ "sender": stranger.address().to_text(Network::Test) }));
    assert_eq!(server.get("/v1/status").json()["height"], 2, "none of them made a block");

    let bad = |body: Value| server.post("/v1/transactions", &body).refusal();
    assert_eq!(bad(json!({ "hex": "00" })), (400, "malformed-transaction".into()));
    assert_eq!(bad(json!({ "hex": "0g" })), (400, "malformed-request".into()));
    assert_eq!(bad(json!({ "base64": "AA==", "hex": "00" })), (400, "malformed-request".into()));
    assert_eq!(bad(json!([])), (400, "malformed-request".into()));
    assert_eq!(bad(json!({ "hex": "00".repeat(49_153) })), (413, "oversized".into()));
    assert_eq!(server.send("POST", "/v1/transactions", &[], "{").refusal(), (400, "malformed-request".into()));
    assert_eq!(server.send("POST", "/v1/transactions", &[("content-type", "text/plain")], "{}").refusal(), (415, "unsupported-media-type".into()));
    assert_eq!(server.send("POST", "/v1/transactions", &[("content-length", "99999999")], "").refusal(), (413, "oversized".into()));
}

#[test]
fn what_is_not_there_or_not_a_name_says_so() {
    let server = Server::start();
    let (id, nobody) = ("0".repeat(64), Signer::new(99).address());
    let cases = [
        (format!("/v1/blocks/{id}"), 404, "not-found"),
        ("/v1/blocks/2".into(), 404, "not-found"),
        ("/v1/blocks/0".into(), 404, "not-found"),
        ("/v1/blocks/02".into(), 400, "malformed-request"),
        ("/v1/blocks/newest?limit=0".into(), 400, "malformed-request"),
        ("/v1/status?limit=1".into(), 400, "malformed-request"),
        (format!("/v1/transactions/{id}"), 404, "not-found"),
        ("/v1/transactions/xyz".into(), 400, "malformed-request"),
        (format!("/v1/logs/{id}"), 404, "not-found"),
        (format!("/v1/logs/{}", &id[1..]), 400, "malformed-request"),
        (format!("/v1/accounts/{}", nobody.to_text(Network::Test)), 404, "not-found"),
        (format!("/v1/accounts/{}", nobody.to_text(Network::Main)), 400, "address-network"),
        ("/v1/accounts/%00".into(), 400, "malformed-address"),
        ("/v1/names/abc".into(), 404, "not-found"),
        ("/v1/names/-ab".into(), 400, "malformed-request"),
        ("/v1/nothing".into(), 404, "not-found"),
        ("/".into(), 404, "not-found"),
    ];
    for (path, status, code) in cases {
        assert_eq!(server.get(&path).refusal(), (status, code.to_owned()), "{path}");
    }
    assert_eq!(server.send("DELETE", "/v1/status", &[], "").is(405).header("allow"), Some("GET"));
}

#[test]
fn another_host_or_origin_is_turned_away() {
    let server = Server::start();
    let own = server.address.to_string();
    let scheme = |scheme: &str, host: &str| format!("{scheme}:/{}{host}", '/');
    let cases = [
        ("host", "evil.example".to_owned(), 403),
        ("host", "localhost".to_owned(), 200),
        ("host", "box.example".to_owned(), 200),
        ("host", String::new(), 400),
        ("origin", scheme("http", "evil.example"), 403),
        ("origin", "null".to_owned(), 403),
        ("origin", scheme("http", &own), 200),
        ("origin", scheme("https", &own), 403),
        // A page of another server on this machine.
        ("origin", scheme("http", "localhost"), 403),
        ("origin", scheme("http", "box.example"), 403),
    ];
    for (name, value, status) in cases {
        server.send("GET", "/v1/status", &[(name, &value)], "").is(status);
    }
}
