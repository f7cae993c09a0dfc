//! What can be asked of the index.

use super::file::{key_of, number};
use mickai_proof::digest::{Id, RecordDigest};
use mickai_proof::record::{Kind, Record};
use rusqlite::types::Value;
use std::ops::Range;

/// Records that fit all that is given; by default every record, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Of this action.
    pub action: Option<String>,
    /// Whose wall clock is in this range, ms.
    pub wall_ms: Option<Range<u64>>,
    /// Whose index is in this range.
    pub indexes: Option<Range<u64>>,
    /// Whose D begins with these hex digits, of either case.
    pub digest_prefix: Option<String>,
    /// That name this record among their causes.
    pub cause: Option<u64>,
    /// The outcome of this intent.
    pub closes: Option<RecordDigest>,
    /// Whose fact `idempotency` is this.
    pub key: Option<Id>,
    /// The newest first.
    pub newest_first: bool,
    /// At most so many.
    pub limit: Option<u64>,
}

impl Query {
    /// The statement, and its values. `size`: records that the reader has seen.
    pub(super) fn sql(&self, size: u64) -> (String, Vec<Value>) {
        let mut conditions = vec!["number < ?".to_owned()];
        let mut values = vec![Value::Integer(number(size))];
        let mut add = |condition: &str, value: Value| {
            conditions.push(condition.to_owned());
            values.push(value);
        };
        if let Some(kind) = self.kind {
            add("kind = ?", Value::Integer(number(kind.code())));
        }
        if let Some(action) = &self.action {
            add("action = ?", Value::Text(action.clone()));
        }
        if let Some(range) = &self.wall_ms {
            add("wall_ms >= ?", Value::Integer(number(range.start)));
            add("wall_ms < ?", Value::Integer(number(range.end)));
        }
        if let Some(range) = &self.indexes {
            add("number >= ?", Value::Integer(number(range.start)));
            add("number < ?", Value::Integer(number(range.end)));
        }
        if let Some(prefix) = &self.digest_prefix {
            let (first, last) = digests(prefix);
            add("digest >= ?", Value::Blob(first));
            add("digest <= ?", Value::Blob(last));
        }
        if let Some(cause) = self.cause {
            add("number IN (SELECT number FROM cause WHERE cause = ?)", Value::Integer(number(cause)));
        }
        if let Some(intent) = self.closes {
            add("closes = ?", Value::Blob(intent.0.to_vec()));
        }
        if let Some(key) = self.key {
            add("key = ?", Value::Blob(key.0.to_vec()));
        }
        let order = if self.newest_first { "DESC" } else { "ASC" };
        values.push(Value::Integer(self.limit.map_or(-1, number)));
        (format!("SELECT number FROM record WHERE {} ORDER BY number {order} LIMIT ?", conditions.join(" AND ")), values)
    }

    /// Is it what was asked for? Who has no index walks through the log with it.
    pub fn asks_for(&self, digest: RecordDigest, record: &Record<'_>) -> bool {
        self.kind.is_none_or(|kind| record.kind == kind)
            && self.action.as_ref().is_none_or(|action| record.action == *action)
            && self.wall_ms.as_ref().is_none_or(|range| range.contains(&record.wall_ms))
            && self.indexes.as_ref().is_none_or(|range| range.contains(&record.index))
            && self.digest_prefix.as_ref().is_none_or(|prefix| digest.to_string().starts_with(&prefix.to_lowercase()))
            && self.cause.is_none_or(|cause| record.causes.iter().any(|(index, _)| *index == cause))
            && self.closes.is_none_or(|intent| record.closes.is_some_and(|(closed, _)| closed == intent))
            && self.key.is_none_or(|key| key_of(record) == Some(key))
    }
}

/// The smallest and the largest digest with that beginning; what is no hex digit fits none.
fn digests(prefix: &str) -> (Vec<u8>, Vec<u8>) {
    let wanted = prefix.to_lowercase();
    let fill = |digit: &str| {
        let missing = (2 * RecordDigest::LEN).saturating_sub(wanted.len());
        RecordDigest::from_hex(&format!("{wanted}{}", digit.repeat(missing))).map(|digest| digest.0.to_vec())
    };
    // An empty range where there is no such digest.
    fill("0").zip(fill("f")).unwrap_or((vec![1], vec![0]))
}
