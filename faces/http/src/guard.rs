//! Who may call: the name and the origin by which a browser was led here, and the key.
//!
//! A page from anywhere can make a browser send requests to this machine. What such a request cannot fake is its `Origin`, and, where a name was made to point here (DNS rebinding), its `Host`: both
//! must be this server's own. And a body counts only as `application/json`, which no form can send.

use crate::app::{ApiKey, App};
use crate::refused::{Refused, Result};
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use mickai_runtime::serve::Caller;
use std::net::{IpAddr, SocketAddr};

/// Checks `Host` and `Origin` against the address that was called.
///
/// # Errors
/// 403 for another name or origin, 400 for none.
pub fn check_place(headers: &HeaderMap, called: SocketAddr, app: &App) -> Result<()> {
    let host = one(headers, &HOST)?.ok_or_else(|| Refused::body("the header Host is missing"))?;
    let names = &app.options.names;
    let forbidden = |what: &str, value: &str| Refused::new(403, "permission_error", Some("forbidden_place"), format!("{what} {value:?} is not a name of this server"));
    if !is_own(host, None, called, names) {
        return Err(forbidden("Host", host));
    }
    let scheme = if app.options.tls.is_some() { "https" } else { "http" };
    match one(headers, &ORIGIN)? {
        Some(origin) if !is_own_origin(origin, scheme, called, names) => Err(forbidden("Origin", origin)),
        _ => Ok(()),
    }
}

/// Whoever shows a key, or the connection where none is needed.
///
/// # Errors
/// 401 without a key that is one.
pub fn check_key(headers: &HeaderMap, keys: &[ApiKey], connection: Caller) -> Result<Caller> {
    if keys.is_empty() {
        return Ok(connection);
    }
    let shown = one(headers, &AUTHORIZATION)?.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key.trim());
    // Every key is compared, so that time does not tell which.
    let found = keys.iter().filter(|key| shown.is_some_and(|shown| key.is(shown))).count();
    match (found, shown.and_then(ApiKey::new)) {
        (1.., Some(key)) => Ok(key.caller()),
        _ => Err(Refused::new(401, "authentication_error", Some("invalid_api_key"), "show a key of this server: `Authorization: Bearer KEY`")),
    }
}

/// A body must be JSON.
///
/// # Errors
/// 415 for another type.
pub fn check_type(headers: &HeaderMap) -> Result<()> {
    let value = one(headers, &CONTENT_TYPE)?.unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Refused::new(415, "invalid_request_error", Some("unsupported_media_type"), "send the body as `Content-Type: application/json`"))
}

/// The one value of a header.
///
/// # Errors
/// 400 for several, or for one that is no text.
pub fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Refused::body(format!("the header {name} is there twice")));
    }
    first.map(|value| value.to_str().map_err(|_| Refused::body(format!("the header {name} is not text")))).transpose()
}

/// Is it an origin of the address that was called? One without a port has its scheme's (RFC 6454 §6.2), and with another it is another server's, on this machine or not.
fn is_own_origin(origin: &str, scheme: &str, called: SocketAddr, names: &[String]) -> bool {
    let default = if scheme == "https" { 443 } else { 80 };
    origin.split_once("://").is_some_and(|(known, host)| known == scheme && is_own(host, Some(default), called, names))
}

/// Is `host` a name of the address that was called? Where it has no port it has `default`, or without one any.
fn is_own(host: &str, default: Option<u16>, called: SocketAddr, names: &[String]) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_port = match port {
        Some(port) => port.parse() == Ok(called.port()),
        None => default.is_none_or(|port| port == called.port()),
    };
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name).parse::<IpAddr>();
    let is_name = match literal {
        Ok(ip) => ip == called.ip().to_canonical(),
        Err(_) => called.ip().to_canonical().is_loopback() && name.eq_ignore_ascii_case("localhost") || names.iter().any(|known| known.eq_ignore_ascii_case(name)),
    };
    is_port && is_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_this_server_is_its_address_or_a_name_that_it_was_given() {
        let names = ["box.example".to_owned()];
        let cases = [
            ("127.0.0.1:6425", "127.0.0.1:6425", true),
            ("127.0.0.1:6425", "127.0.0.1", true),
            ("127.0.0.1:6425", "localhost:6425", true),
            ("127.0.0.1:6425", "LOCALHOST:6425", true),
            ("127.0.0.1:6425", "localhost:80", false),
            ("127.0.0.1:6425", "127.0.0.2:6425", false),
            ("127.0.0.1:6425", "evil.example:6425", false),
            ("127.0.0.1:6425", "evil.example", false),
            ("127.0.0.1:6425", "localhost.evil.example:6425", false),
            ("127.0.0.1:6425", "", false),
            ("127.0.0.1:6425", "box.example:6425", true),
            ("[::1]:6425", "[::1]:6425", true),
            ("[::1]:6425", "[::1]", true),
            ("[::1]:6425", "localhost:6425", true),
            ("[::1]:6425", "[::2]:6425", false),
            ("[::ffff:10.0.0.5]:6425", "10.0.0.5:6425", true),
            ("10.0.0.5:6425", "localhost:6425", false),
            ("10.0.0.5:6425", "10.0.0.5:6425", true),
        ];
        for (called, host, expected) in cases {
            assert_eq!(is_own(host, None, called.parse().unwrap(), &names), expected, "{host} at {called}");
        }
    }

    #[test]
    fn an_origin_without_a_port_is_that_of_its_scheme() {
        let names = ["box.example".to_owned()];
        let cases = [
            ("127.0.0.1:6425", "http", "localhost:6425", true),
            ("127.0.0.1:6425", "http", "127.0.0.1:6425", true),
            ("127.0.0.1:6425", "http", "box.example:6425", true),
            ("127.0.0.1:6425", "http", "localhost", false),
            ("127.0.0.1:6425", "http", "127.0.0.1", false),
            ("127.0.0.1:6425", "http", "box.example", false),
            ("127.0.0.1:6425", "http", "localhost:80", false),
            ("127.0.0.1:6425", "https", "localhost:6425", false),
            ("127.0.0.1:80", "http", "localhost", true),
            ("127.0.0.1:80", "http", "localhost:80", true),
            ("127.0.0.1:443", "http", "localhost", false),
            ("[::1]:6425", "http", "[::1]:6425", true),
            ("[::1]:6425", "http", "[::1]", false),
            ("[::1]:80", "http", "[::1]", true),
        ];
        for (called, scheme, host, expected) in cases {
            assert_eq!(is_own_origin(&format!("{scheme}://{host}"), "http", called.parse().unwrap(), &names), expected, "{host} at {called}");
        }
        for (called, expected) in [("127.0.0.1:443", true), ("127.0.0.1:80", false), ("127.0.0.1:6425", false)] {
            assert_eq!(is_own_origin("https://localhost", "https", called.parse().unwrap(), &names), expected, "{called}");
        }
        assert!(!is_own_origin("null", "http", "127.0.0.1:80".parse().unwrap(), &names));
    }
}
