//! The index's file: its tables, and how it is brought up to the log.
//!
//! What an opening may find in `index/log.sqlite`, and what it means:
//! - no file: made;
//! - tables of another version, of another log, or whose last record is not that of the log at that place: emptied, and filled again;
//! - a file that SQLite calls no database, or broken: removed with what SQLite keeps beside it, and made;
//! - fewer records than the log: the rest is added, in transactions of some thousands, so whoever is cut off has lost little;
//! - more records than this reader has seen: another process was quicker; what this reader has not seen is left out of answers;
//! - another process at work on it: waited for.

use super::query::Query;
use crate::error::Error;
use crate::home::Home;
use crate::limits;
use crate::log::{Entry, LogReader};
use mickai_proof::digest::{Id, LogId, RecordDigest};
use mickai_proof::record::Record;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};

/// Of the tables below; another number is another layout.
const VERSION: i64 = 2;

/// The fact that a record is found by where it has one: 32 bytes.
const KEY_FACT: &str = "idempotency";

const TABLES: &str = "
    DROP TABLE IF EXISTS log; DROP TABLE IF EXISTS record; DROP TABLE IF EXISTS cause;
    CREATE TABLE log (id BLOB NOT NULL);
    CREATE TABLE record (number INTEGER PRIMARY KEY, digest BLOB NOT NULL, kind INTEGER NOT NULL, action TEXT NOT NULL, wall_ms INTEGER NOT NULL, closes BLOB, key BLOB);
    CREATE TABLE cause (cause INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (cause, number)) WITHOUT ROWID;
    CREATE INDEX record_digest ON record (digest);
    CREATE INDEX record_kind ON record (kind, number);
    CREATE INDEX record_action ON record (action, number);
    CREATE INDEX record_wall ON record (wall_ms, number);
    CREATE INDEX record_closes ON record (closes) WHERE closes IS NOT NULL;
    CREATE INDEX record_key ON record (key, number) WHERE key IS NOT NULL;
";

/// An index that is level with the log, as far as its reader has seen it.
pub struct Index {
    db: Connection,
    path: PathBuf,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Index({})", self.path.display())
    }
}

impl Index {
    /// Opens the index of a home and brings it up to what the reader has seen; `progress` is told the number of records indexed.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::Io`], [`Error::Damaged`]: a caller can go through the log itself instead.
    pub fn open(home: &Home, reader: &LogReader, progress: &mut dyn FnMut(u64)) -> Result<Self, Error> {
        let path = Self::path(home);
        let opened = Self::level(&path, reader, progress);
        match opened {
            Err(Error::Index { source, .. }) if is_broken(&source) => {
                remove(&path)?;
                Self::level(&path, reader, progress)
            }
            opened => opened,
        }
    }

    /// Its file.
    pub fn path(home: &Home) -> PathBuf {
        home.path().join("index/log.sqlite")
    }

    /// The records that a query asks for, each read from its segment and compared with it. An index that named a wrong one is made again, once.
    ///
    /// # Errors
    /// As [`Index::open`].
    pub fn find(&mut self, reader: &LogReader, query: &Query) -> Result<Vec<Entry>, Error> {
        if let Some(found) = self.find_once(reader, query)? {
            return Ok(found);
        }
        self.fill(reader, true, &mut |_| {})?;
        // Now it is of this log, record by record; what another process does to it meanwhile shows as nothing found.
        Ok(self.find_once(reader, query)?.unwrap_or_default())
    }

    /// The first record that is in the index otherwise than in the log, or in only one of them; `None` if they agree, or if the index is of another layout or was never filled, so that the
    /// next opening fills it.
    pub(crate) fn disagreement(path: &Path, reader: &LogReader) -> Result<Option<u64>, Error> {
        let index = Self { db: Connection::open(path).map_err(failed(path))?, path: path.to_owned() };
        if index.version()? != VERSION {
            return Ok(None);
        }
        let size = index.rows(reader)?;
        for entry in reader.entries(0..size) {
            let entry = entry?;
            let Ok(record) = entry.decode() else { return Ok(Some(entry.index)) };
            if !index.holds(&entry, &record)? {
                return Ok(Some(entry.index));
            }
        }
        Ok(None)
    }

    fn level(path: &Path, reader: &LogReader, progress: &mut dyn FnMut(u64)) -> Result<Self, Error> {
        path.parent().map_or(Ok(()), crate::disk::create_folder)?;
        let db = Connection::open(path).map_err(failed(path))?;
        let mut index = Self { db, path: path.to_owned() };
        index.db.busy_timeout(limits::LOCK_WAIT).map_err(failed(path))?;
        // What a power cut takes from the end is added again; what it leaves is whole.
        index.db.pragma_update(None, "journal_mode", "wal").map_err(failed(path))?;
        index.db.pragma_update(None, "synchronous", "normal").map_err(failed(path))?;
        let is_of_this_log = index.is_of(reader)?;
        index.fill(reader, !is_of_this_log, progress)?;
        Ok(index)
    }

    /// Its version, its log, and its last record are those of the log that is read.
    fn is_of(&self, reader: &LogReader) -> Result<bool, Error> {
        if self.version()? != VERSION {
            return Ok(false);
        }
        let log: Option<Vec<u8>> = self.db.query_row("SELECT id FROM log", [], |row| row.get(0)).optional().map_err(failed(&self.path))?;
        if log.as_deref() != reader.log_id().as_ref().map(LogId::as_ref) {
            return Ok(false);
        }
        let last = self.rows(reader)?.checked_sub(1);
        let Some(entry) = last.map(|last| reader.entry(last)).transpose()?.flatten() else { return Ok(true) };
        entry.decode().map_or(Ok(false), |record| self.holds(&entry, &record))
    }

    /// The layout of its tables; 0 before it has any.
    fn version(&self) -> Result<i64, Error> {
        self.db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed(&self.path))
    }

    /// Records in it, of those that the reader has seen.
    fn rows(&self, reader: &LogReader) -> Result<u64, Error> {
        let sql = "SELECT coalesce(max(number) + 1, 0) FROM record WHERE number < ?1";
        let count: i64 = self.db.query_row(sql, [number(reader.size())], |row| row.get(0)).map_err(failed(&self.path))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    fn holds(&self, entry: &Entry, record: &Record<'_>) -> Result<bool, Error> {
        let sql = "SELECT digest = ?2 AND kind = ?3 AND action = ?4 AND wall_ms = ?5 AND closes IS ?6 AND key IS ?7 FROM record WHERE number = ?1";
        let row = Row::of(entry.digest(), record);
        let same = self
            .db
            .prepare_cached(sql)
            .and_then(|mut select| select.query_row(params![number(entry.index), row.digest, row.kind, row.action, row.wall_ms, row.closes, row.key], |row| row.get(0)).optional());
        let mut causes = self.db.prepare_cached("SELECT count(*) FROM cause WHERE number = ?1 AND cause = ?2").map_err(failed(&self.path))?;
        let mut holds = same.map_err(failed(&self.path))? == Some(true);
        for (cause, _) in &record.causes {
            let count: i64 = causes.query_row([number(entry.index), number(*cause)], |row| row.get(0)).map_err(failed(&self.path))?;
            holds &= count == 1;
        }
        Ok(holds)
    }

    /// Adds what is missing, or all of it.
    fn fill(&mut self, reader: &LogReader, is_anew: bool, progress: &mut dyn FnMut(u64)) -> Result<(), Error> {
        let path = self.path.clone();
        let mut is_anew = is_anew;
        if !is_anew && self.rows(reader)? >= reader.size() {
            return Ok(());
        }
        loop {
            let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed(&path))?;
            if std::mem::take(&mut is_anew) {
                begin_anew(&transaction, reader).map_err(failed(&path))?;
            }
            // Asked again inside: another process may have gone on meanwhile.
            let sql = "SELECT coalesce(max(number) + 1, 0) FROM record";
            let next: i64 = transaction.query_row(sql, [], |row| row.get(0)).map_err(failed(&path))?;
            let next = u64::try_from(next).unwrap_or(0);
            for entry in reader.entries(next..next.saturating_add(limits::INDEX_ROWS_AT_ONCE)) {
                add(&transaction, &entry?, &path)?;
            }
            transaction.commit().map_err(failed(&path))?;
            let done = next.saturating_add(limits::INDEX_ROWS_AT_ONCE);
            progress(done.min(reader.size()));
            if done >= reader.size() {
                return Ok(());
            }
        }
    }

    /// `None` if the index named a record that is not what was asked for.
    fn find_once(&self, reader: &LogReader, query: &Query) -> Result<Option<Vec<Entry>>, Error> {
        let (sql, values) = query.sql(reader.size());
        let mut select = self.db.prepare_cached(&sql).map_err(failed(&self.path))?;
        let rows = select.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, i64>(0)).map_err(failed(&self.path))?;
        let mut found = Vec::new();
        for row in rows {
            let index = u64::try_from(row.map_err(failed(&self.path))?).unwrap_or(u64::MAX);
            let Some(entry) = reader.entry(index)? else { return Ok(None) };
            if !entry.decode().is_ok_and(|record| query.asks_for(entry.digest(), &record)) {
                return Ok(None);
            }
            found.push(entry);
        }
        Ok(Some(found))
    }
}

/// One record, as SQLite keeps it.
struct Row<'a> {
    digest: [u8; RecordDigest::LEN],
    kind: i64,
    action: &'a str,
    wall_ms: i64,
    closes: Option<[u8; RecordDigest::LEN]>,
    key: Option<[u8; Id::LEN]>,
}

impl<'a> Row<'a> {
    fn of(digest: RecordDigest, record: &'a Record<'_>) -> Self {
        let closes = record.closes.map(|(intent, _)| intent.0);
        Self { digest: digest.0, kind: number(record.kind.code()), action: &record.action, wall_ms: number(record.wall_ms), closes, key: key_of(record).map(|key| key.0) }
    }
}

/// What a record is found by, where it has one.
pub(super) fn key_of(record: &Record<'_>) -> Option<Id> {
    record.fact(KEY_FACT)?.as_bytes()?.try_into().ok().map(Id)
}

/// SQLite's integers are signed: a wall clock beyond them, which no clock shows, is their largest.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn begin_anew(transaction: &Transaction<'_>, reader: &LogReader) -> rusqlite::Result<()> {
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    if let Some(log) = reader.log_id() {
        transaction.execute("INSERT INTO log VALUES (?1)", [log.0])?;
    }
    Ok(())
}

fn add(transaction: &Transaction<'_>, entry: &Entry, path: &Path) -> Result<(), Error> {
    // A record that this version cannot read has no row; a look-up does not miss what it could not show.
    let Ok(record) = entry.decode() else { return Ok(()) };
    let row = Row::of(entry.digest(), &record);
    let insert = || -> rusqlite::Result<()> {
        let mut insert = transaction.prepare_cached("INSERT INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        insert.execute(params![number(entry.index), row.digest, row.kind, row.action, row.wall_ms, row.closes, row.key])?;
        let mut insert = transaction.prepare_cached("INSERT INTO cause VALUES (?1, ?2)")?;
        record.causes.iter().try_for_each(|(cause, _)| insert.execute([number(*cause), number(entry.index)]).map(drop))
    };
    insert().map_err(failed(path))
}

fn is_broken(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            // A file with the right version and other tables answers with a plain error that names them.
            let misses_tables = failure.code == ErrorCode::Unknown && message.as_deref().is_some_and(|message| message.contains("no such") || message.contains("has no column"));
            matches!(failure.code, ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) || misses_tables
        }
        rusqlite::Error::SqlInputError { .. } | rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..) => true,
        _ => false,
    }
}

/// With what SQLite keeps beside it.
fn remove(path: &Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let path = PathBuf::from(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", &path)(error)),
            _ => {}
        }
    }
    Ok(())
}

fn failed(path: &Path) -> impl Fn(rusqlite::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::Index { path: path.clone(), source }
}
