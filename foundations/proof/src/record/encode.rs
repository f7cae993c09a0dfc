//! A record's one encoding (spec/record.md "CDDL").

use super::{Fact, Record};
use crate::cbor::{Major, write_bytes, write_head, write_text};
use alloc::vec::Vec;

/// The bytes of a record. They decode again only if the caller kept to the spec's order and limits; whoever writes a log decodes before it signs.
pub fn encode(record: &Record<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    write_head(&mut out, Major::Map, field_count(record));
    field_uint(&mut out, 1, 1);
    field_bytes(&mut out, 2, &record.log_id.0);
    field_uint(&mut out, 3, record.index);
    if let Some(prev) = &record.prev {
        field_bytes(&mut out, 4, &prev.0);
    }
    field_uint(&mut out, 5, record.wall_ms);
    field_pair(&mut out, 6, (&record.boot_id.0, record.monotonic_ns));
    field_uint(&mut out, 7, record.kind.code());
    field_array(&mut out, 8, 2);
    write_head(&mut out, Major::Uint, record.actor.0.code());
    write_bytes(&mut out, &record.actor.1.0);
    field_pair(&mut out, 9, (&record.authority.0.0, record.authority.1));
    write_head(&mut out, Major::Uint, 10);
    write_text(&mut out, &record.action);
    optional_fields(&mut out, record);
    out
}

fn field_count(record: &Record<'_>) -> u64 {
    let optional = [
        record.prev.is_some(),
        !record.causes.is_empty(),
        !record.facts.is_empty(),
        !record.commitments.is_empty(),
        record.closes.is_some(),
        record.closes.is_some(),
        !record.critical.is_empty(),
        !record.extensions.is_empty(),
    ];
    11 + optional.into_iter().map(u64::from).sum::<u64>()
}

/// Fields 11 to 19.
fn optional_fields(out: &mut Vec<u8>, record: &Record<'_>) {
    if !record.causes.is_empty() {
        field_array(out, 11, record.causes.len());
        for (index, digest) in &record.causes {
            write_head(out, Major::Array, 2);
            write_head(out, Major::Uint, *index);
            write_bytes(out, &digest.0);
        }
    }
    field_map(out, 12, &record.facts, write_fact);
    field_map(out, 13, &record.commitments, |out, commitment| write_bytes(out, &commitment.0));
    if let Some((intent, outcome)) = &record.closes {
        field_bytes(out, 14, &intent.0);
        field_uint(out, 15, outcome.code());
    }
    field_uint(out, 16, record.mode.code());
    field_bytes(out, 17, &record.key_id.0);
    if !record.critical.is_empty() {
        field_array(out, 18, record.critical.len());
        record.critical.iter().for_each(|label| write_text(out, label));
    }
    field_map(out, 19, &record.extensions, |out, encoded| out.extend(encoded.iter()));
}

fn write_fact(out: &mut Vec<u8>, fact: &Fact<'_>) {
    match fact {
        Fact::Uint(value) => write_head(out, Major::Uint, *value),
        Fact::Bytes(bytes) => write_bytes(out, bytes),
        Fact::Text(text) => write_text(out, text),
        Fact::List(items) => {
            write_head(out, Major::Array, items.len() as u64);
            items.iter().for_each(|item| write_fact(out, item));
        }
    }
}

fn field_uint(out: &mut Vec<u8>, key: u64, value: u64) {
    write_head(out, Major::Uint, key);
    write_head(out, Major::Uint, value);
}

fn field_bytes(out: &mut Vec<u8>, key: u64, bytes: &[u8]) {
    write_head(out, Major::Uint, key);
    write_bytes(out, bytes);
}

fn field_pair(out: &mut Vec<u8>, key: u64, (id, number): (&[u8], u64)) {
    field_array(out, key, 2);
    write_bytes(out, id);
    write_head(out, Major::Uint, number);
}

fn field_array(out: &mut Vec<u8>, key: u64, items: usize) {
    write_head(out, Major::Uint, key);
    write_head(out, Major::Array, items as u64);
}

fn field_map<L: AsRef<str>, T>(out: &mut Vec<u8>, key: u64, entries: &[(L, T)], write: impl Fn(&mut Vec<u8>, &T)) {
    if entries.is_empty() {
        return;
    }
    write_head(out, Major::Uint, key);
    write_head(out, Major::Map, entries.len() as u64);
    for (label, value) in entries {
        write_text(out, label.as_ref());
        write(out, value);
    }
}
