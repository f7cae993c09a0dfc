//! Who may call: the name and the origin by which a browser was led here.
//!
//! A page from anywhere can make a browser send requests to this machine. What such a request cannot fake is its `Origin`, and, where a name was made to point here (DNS rebinding), its `Host`: both
//! must be this server's own. And a body counts only as `application/json`, which no form can send.

use super::refused::{Refused, Result};
use hyper::HeaderMap;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use std::net::{IpAddr, SocketAddr};

/// Checks `Host` and `Origin` against the address that was called.
pub fn check_place(headers: &HeaderMap, called: SocketAddr, names: &[String]) -> Result<()> {
    let host = one(headers, &HOST)?.ok_or_else(|| Refused::malformed("the header Host is missing"))?;
    let forbidden = |what: &str, value: &str| Refused::new(403, "forbidden-place", format!("{what} {value:?} is not a name of this server"));
    if !is_own(host, None, called, names) {
        return Err(forbidden("Host", host));
    }
    match one(headers, &ORIGIN)? {
        Some(origin) if !is_own_origin(origin, called, names) => Err(forbidden("Origin", origin)),
        _ => Ok(()),
    }
}

/// A body must be JSON.
pub fn check_type(headers: &HeaderMap) -> Result<()> {
    let value = one(headers, &CONTENT_TYPE)?.unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(Refused::new(415, "unsupported-media-type", "send the body as `Content-Type: application/json`")) }
}

/// The one value of a header.
pub fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Refused::malformed(format!("the header {name} is there twice")));
    }
    first.map(|value| value.to_str().map_err(|_| Refused::malformed(format!("the header {name} is not text")))).transpose()
}

/// Is it an origin of the address that was called? One without a port has 80 (RFC 6454 §6.2), and is then another server's, on this machine or not.
fn is_own_origin(origin: &str, called: SocketAddr, names: &[String]) -> bool {
    origin.strip_prefix("http:/").and_then(|rest| rest.strip_prefix('/')).is_some_and(|host| is_own(host, Some(80), called, names))
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
            ("127.0.0.1:7268", "127.0.0.1:7268", true),
            ("127.0.0.1:7268", "localhost", true),
            ("127.0.0.1:7268", "localhost:80", false),
            ("127.0.0.1:7268", "127.0.0.2:7268", false),
            ("127.0.0.1:7268", "evil.example", false),
            ("127.0.0.1:7268", "localhost.evil.example:7268", false),
            ("127.0.0.1:7268", "", false),
            ("127.0.0.1:7268", "box.example:7268", true),
            ("[::1]:7268", "[::1]", true),
            ("10.0.0.5:7268", "localhost:7268", false),
        ];
        for (called, host, expected) in cases {
            assert_eq!(is_own(host, None, called.parse().unwrap(), &names), expected, "{host} at {called}");
        }
    }

    #[test]
    fn an_origin_without_a_port_is_that_of_port_80() {
        let names = ["box.example".to_owned()];
        let cases = [
            ("127.0.0.1:7268", "localhost:7268", true),
            ("127.0.0.1:7268", "box.example:7268", true),
            ("127.0.0.1:7268", "localhost", false),
            ("127.0.0.1:7268", "box.example", false),
            ("[::1]:7268", "[::1]", false),
            ("127.0.0.1:80", "localhost", true),
            ("[::1]:80", "[::1]", true),
        ];
        for (called, host, expected) in cases {
            assert_eq!(is_own_origin(&format!("http:/{}{host}", '/'), called.parse().unwrap(), &names), expected, "{host} at {called}");
        }
        assert!(!is_own_origin("null", "127.0.0.1:80".parse().unwrap(), &names));
    }
}
