//! What a session is when nobody looks: rows in the object's own database (`SQLite`).
//!
//! Cloudflare holds back what an object sends after a write until the write is safe, so a message that follows one needs no
//! other proof.

use crate::answer::Stop;
use keyboardia_session::{Authority, SessionCode, Unwritten, bridge::Written, limits::ENTRIES_BEFORE_WHOLE};
use serde::Deserialize;
use worker::{SqlStorage, SqlStorageValue as Value};

/// Tables of a session. They are there exactly while the session is. `held` is the epoch of the host that is its authority, or
/// was, if nobody has gone on since; `shift`, how far session time is ahead of the object's clock, microseconds. Without a
/// snapshot, a host has come and has not said yet what its session is, or, if none has, it is over and not yet gone.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS session (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), code TEXT NOT NULL,
        snapshot BLOB NOT NULL, held INTEGER, shift INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS memory (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), bytes BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS sample (hash TEXT PRIMARY KEY, bytes INTEGER NOT NULL, seat INTEGER NOT NULL,
        kept INTEGER NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID;
";

/// Forgets all entries. A row that is deleted costs as much as one that is written; a table that is dropped costs nothing.
const NO_ENTRIES: &str = "DROP TABLE entry; CREATE TABLE entry (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL);";

/// A session as it was found.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) code: SessionCode,
    pub(crate) written: Written,
    pub(crate) memory: Vec<u8>,
    /// The epoch of the host that has it, or had it last.
    pub(crate) held: Option<u32>,
    /// How far session time is ahead of the object's clock, microseconds.
    pub(crate) shift: i64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Shelf {
    sql: SqlStorage,
    /// Steps written down since the whole session was.
    steps_written: usize,
    /// What was remembered last.
    memory: Vec<u8>,
}

impl Shelf {
    /// The shelf of this object; with what is on it, if there is a session.
    pub(crate) fn open(sql: SqlStorage) -> Result<(Self, Option<Kept>), Stop> {
        let mut shelf = Self { sql, steps_written: 0, memory: Vec::new() };
        let Some((code, held, shift)) = shelf.session()? else { return Ok((shelf, None)) };
        let Some(written) = shelf.written()? else { return Ok((shelf, None)) };
        let memory = shelf.blobs("SELECT bytes FROM memory")?.pop().unwrap_or_default();
        (shelf.steps_written, shelf.memory) = (written.entries.len(), memory.clone());
        Ok((shelf, Some(Kept { code, written, memory, held, shift })))
    }

    /// Makes room for a session.
    pub(crate) fn found(&self, code: SessionCode, authority: &Authority) -> Result<(), Stop> {
        self.sql.exec(TABLES, None)?;
        let row = vec![code.to_string().into(), authority.snapshot().into()];
        self.sql.exec("INSERT INTO session (only_one, code, snapshot) VALUES (1, ?, ?)", row)?;
        Ok(())
    }

    /// The session is a host's, of this epoch, whether it is known here or not.
    pub(crate) fn hold(&self, code: SessionCode, epoch: u32) -> Result<(), Stop> {
        self.sql.exec(TABLES, None)?;
        let row = vec![code.to_string().into(), Value::Integer(epoch.into())];
        let hold = "INSERT INTO session (only_one, code, snapshot, held) VALUES (1, ?, x'', ?)
            ON CONFLICT (only_one) DO UPDATE SET held = excluded.held";
        self.sql.exec(hold, row)?;
        Ok(())
    }

    /// The session is the object's own again, and what was remembered of it before is of another's.
    pub(crate) fn release(&mut self) -> Result<(), Stop> {
        self.sql.exec("UPDATE session SET held = NULL", None)?;
        self.sql.exec("DELETE FROM memory", None)?;
        self.memory.clear();
        Ok(())
    }

    /// Session time is this far ahead of the object's clock, microseconds.
    pub(crate) fn shift(&self, us: i64) -> Result<(), Stop> {
        self.sql.exec("UPDATE session SET shift = ?", vec![Value::Integer(us)])?;
        Ok(())
    }

    /// What is written down of the session; nothing where a host has said nothing of it yet.
    pub(crate) fn written(&self) -> Result<Option<Written>, Stop> {
        let Some(snapshot) = self.blobs("SELECT snapshot FROM session")?.pop().filter(|bytes| !bytes.is_empty()) else {
            return Ok(None);
        };
        let entries = self.blobs("SELECT bytes FROM entry ORDER BY number")?;
        Ok(Some(Written { snapshot, entries }))
    }

    /// Whether so many steps may still be added until the whole session is written down anew.
    pub(crate) fn has_room(&self, steps: usize, at_most: usize) -> bool {
        self.steps_written + steps <= at_most
    }

    /// Writes the whole session down in the place of all before.
    pub(crate) fn replace(&mut self, snapshot: Vec<u8>) -> Result<(), Stop> {
        self.steps_written = 0;
        self.sql.exec("UPDATE session SET snapshot = ?", vec![snapshot.into()])?;
        self.sql.exec(NO_ENTRIES, None)?;
        Ok(())
    }

    /// Writes down what has happened since.
    pub(crate) fn add(&mut self, entries: Vec<Vec<u8>>) -> Result<(), Stop> {
        self.steps_written += entries.len();
        for bytes in entries {
            self.sql.exec("INSERT INTO entry (bytes) VALUES (?)", vec![bytes.into()])?;
        }
        Ok(())
    }

    /// Writes down what has happened; whether anything had.
    pub(crate) fn write(&mut self, authority: &mut Authority) -> Result<bool, Stop> {
        match authority.take_unwritten() {
            Unwritten::Entries(entries) if entries.is_empty() => return Ok(false),
            Unwritten::Entries(entries) if self.has_room(entries.len(), ENTRIES_BEFORE_WHOLE) => self.add(entries)?,
            Unwritten::Entries(_) | Unwritten::Everything => self.replace(authority.snapshot())?,
        }
        Ok(true)
    }

    /// Writes down that the session is over, whatever of it is still to be deleted.
    pub(crate) fn end(&self) -> Result<(), Stop> {
        self.sql.exec("UPDATE session SET snapshot = x'', held = NULL", None)?;
        Ok(())
    }

    /// The epoch of the host that has the session, or had it last, and how far session time is ahead of the object's clock,
    /// microseconds.
    pub(crate) fn held(&self) -> Result<Option<(u32, i64)>, Stop> {
        Ok(self.session()?.and_then(|(_, held, shift)| Some((held?, shift))))
    }

    /// Whether there is a session that is over, and not yet gone.
    pub(crate) fn is_over(&self) -> Result<bool, Stop> {
        Ok(self.session()?.is_some_and(|(_, held, _)| held.is_none()) && self.written()?.is_none())
    }

    /// Writes down what a nap must not lose, if it is news.
    pub(crate) fn remember(&mut self, memory: Vec<u8>) -> Result<(), Stop> {
        if memory != self.memory {
            self.sql.exec("INSERT OR REPLACE INTO memory VALUES (1, ?)", vec![memory.clone().into()])?;
            self.memory = memory;
        }
        Ok(())
    }

    /// The database, for those who keep something of their own in it.
    pub(crate) fn sql(&self) -> &SqlStorage {
        &self.sql
    }

    fn has_tables(&self) -> Result<bool, Stop> {
        let named = "SELECT count(*) AS count FROM sqlite_master WHERE type = 'table' AND name = 'session'";
        let tables: Vec<Count> = self.sql.exec(named, None)?.to_array()?;
        Ok(tables.iter().any(|tables| tables.count > 0))
    }

    /// The code of the session, even if a host has said nothing else of it.
    pub(crate) fn code(&self) -> Result<Option<SessionCode>, Stop> {
        Ok(self.session()?.map(|(code, ..)| code))
    }

    /// Code, holder and shift.
    fn session(&self) -> Result<Option<(SessionCode, Option<u32>, i64)>, Stop> {
        if !self.has_tables()? {
            return Ok(None);
        }
        let mut rows = self.sql.exec("SELECT code, held, shift FROM session", None)?.raw();
        let Some(row) = rows.next() else { return Ok(None) };
        let mut row = row?.into_iter();
        let (code, held, shift) = (row.next(), row.next().and_then(whole), row.next().and_then(whole));
        let Some(Value::String(code)) = code else { return Ok(None) };
        let Some(code) = SessionCode::parse(&code) else { return Ok(None) };
        Ok(Some((code, held.and_then(|epoch| u32::try_from(epoch).ok()), shift.unwrap_or_default())))
    }

    /// The first column of some rows.
    fn blobs(&self, query: &str) -> Result<Vec<Vec<u8>>, Stop> {
        let mut blobs = Vec::new();
        for row in self.sql.exec(query, None)?.raw() {
            if let Some(Value::Blob(bytes)) = row?.into_iter().next() {
                blobs.push(bytes);
            }
        }
        Ok(blobs)
    }
}

/// A whole number, which the database gives in one of two ways.
fn whole(value: Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(number),
        Value::Float(number) => Some(number as i64),
        _ => None,
    }
}

/// A row of a query that counts.
#[derive(Debug, Deserialize)]
pub(crate) struct Count {
    pub(crate) count: u64,
}
