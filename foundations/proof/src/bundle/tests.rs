//! What no vector of a few kilobytes shows: how many keys and key events a bundle may list, refused before the first of them comes.

use super::{BundleError, Event, Header, Parser, Writer};
use crate::digest::LogId;
use crate::key::{PUBLIC_KEY_LEN, PublicKey};
use crate::limits::{KEY_EVENTS_MAX, KEYS_MAX};

/// A bundle's header.
fn header() -> Vec<u8> {
    let whole = Writer::new(Header { log: LogId([1; 32]), first: 0, count: 1 }, &[], &[], &[]).finish(&[], "");
    // Three parts without content follow it: no keys, and a checkpoint of no text.
    whole[..whole.len() - 6].to_vec()
}

/// What the parser says of a list that begins with this head.
fn after(bytes: &[u8]) -> Result<(), BundleError> {
    let mut parser = Parser::default();
    parser.feed(&[&header(), bytes].concat());
    while parser.next_event()?.is_some() {}
    Ok(())
}

fn head(count: usize) -> Vec<u8> {
    [&[0x99][..], &(count as u16).to_be_bytes()].concat()
}

#[test]
fn the_header_is_one() {
    let mut parser = Parser::default();
    parser.feed(&header());
    assert!(matches!(parser.next_event(), Ok(Some(Event::Header(_)))));
    assert_eq!(parser.next_event(), Ok(None));
}

#[test]
fn a_key_too_many_is_refused_at_its_head() {
    let keys = |count| after(&[&[0x82, 1][..], &head(count)].concat());
    assert_eq!((keys(KEYS_MAX), keys(KEYS_MAX + 1)), (Ok(()), Err(BundleError::Malformed(0))));
}

#[test]
fn a_key_event_too_many_is_refused_at_its_head() {
    let key = PublicKey::from_raw([7; PUBLIC_KEY_LEN]).to_spki();
    let events = |count| after(&[&[0x83, 1, 0x81, 0x59][..], &(key.len() as u16).to_be_bytes(), &key, &head(count)].concat());
    assert_eq!((events(KEY_EVENTS_MAX), events(KEY_EVENTS_MAX + 1)), (Ok(()), Err(BundleError::Malformed(0))));
}
