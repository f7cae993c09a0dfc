//! What no vector of a few kilobytes shows: how many keys and key events a bundle may list, refused before the first of them comes.

use super::{BundleError, Event, Header, Parser, Writer};
use crate::commitment::Opening;
use crate::digest::{LogId, Salt};
use crate::key::{PUBLIC_KEY_LEN, PublicKey};
use crate::limits::{CHUNK_RECORDS, KEY_EVENTS_MAX, KEYS_MAX};

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

/// Openings come in order within their chunk. That one is of a record of another chunk is not the parser's to say, and where it is said does not depend on the chunk before.
#[test]
fn each_chunk_orders_its_own_openings() {
    let opening = |index| Opening { index, label: "a".to_owned(), salt: Salt([7; 32]), value: vec![1] };
    let count = CHUNK_RECORDS + 2;
    let mut writer = Writer::new(Header { log: LogId([1; 32]), first: 0, count }, &[PublicKey::from_raw([7; PUBLIC_KEY_LEN])], &[], &[]);
    (0..count).for_each(|index| writer.push(vec![0xa0], Vec::new(), if [5, CHUNK_RECORDS].contains(&index) { vec![opening(5)] } else { Vec::new() }));
    let mut parser = Parser::default();
    parser.feed(&writer.finish(&[], ""));
    let mut opened = 0;
    while let Some(event) = parser.next_event().unwrap() {
        opened += u32::from(matches!(event, Event::Opening(Opening { index: 5, .. })));
    }
    assert_eq!((opened, parser.finish()), (2, Ok(())));
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
