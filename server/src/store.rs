//! What survives the end of the host: a database (`SQLite`), written by a thread of its own.
//!
//! The loop hands over what its rooms have not written down and goes on; the thread commits whatever has gathered in one
//! transaction and reports how far each session is safe. While the disk is full or gone it tries again and again: players
//! go on playing, and nothing is acknowledged.
//!
//! ```text
//! rooms ─→ Write (bounded) ─→ thread "host-store": gather, commit ─→ Safe ─→ rooms: Authority::written
//! ```

use crate::{
    clock::HostClock,
    error::HostError,
    limits::{
        STORE_BATCH_MAX, STORE_CLOCK_INTERVAL, STORE_OPEN_PATIENCE, STORE_PARTING_TRIES_MAX, STORE_POLL, STORE_RETRY,
        STORE_WAITING_MAX,
    },
    metrics::Metrics,
};
use keyboardia_session::{Micros, SessionCode, limits::SESSIONS_MAX};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, TrySendError, channel, sync_channel},
    thread::JoinHandle,
    time::Instant,
};

/// Name of the database in its directory.
const FILE: &str = "sessions.sqlite3";
/// Layout of the tables; another one is not touched.
const LAYOUT: i32 = 3;
/// `ahead`: how far session time is ahead of the host's clock, microseconds.
const TABLES: &str = "
    CREATE TABLE session (code TEXT PRIMARY KEY, snapshot BLOB NOT NULL, ahead INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
    CREATE TABLE entry (code TEXT NOT NULL, number INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (code, number))
        WITHOUT ROWID;
    CREATE TABLE clock (only INTEGER PRIMARY KEY CHECK (only = 1), micros INTEGER NOT NULL);
";

/// What makes the next layout of an older one.
const UPGRADES: &[(i32, &str)] = &[(2, "ALTER TABLE session ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0;")];

/// Where sessions are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The directory; it is made if it is missing.
    pub dir: PathBuf,
    /// Whether what is acknowledged survives a loss of power, too, and not only the end of the host. Slower.
    pub fsync: bool,
}

/// Something to be written down.
#[derive(Debug)]
pub(crate) enum Write {
    /// A session as it is, in place of all that was written of it.
    Whole {
        snapshot: Vec<u8>,
        /// How far its time is ahead of the host's clock, microseconds; it stays so until the whole session is written again.
        ahead_us: i64,
        to: Safe,
    },
    /// What has happened in a session since.
    Entries { entries: Vec<Vec<u8>>, to: Safe },
    /// A session is over.
    Over(SessionCode),
}

/// Everything of a session up to this event is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Safe {
    pub(crate) code: SessionCode,
    /// Whose event it is: each authority of a session counts its own.
    pub(crate) epoch: u32,
    pub(crate) seq: u64,
}

/// A session as it was found.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) code: SessionCode,
    pub(crate) snapshot: Vec<u8>,
    pub(crate) entries: Vec<Vec<u8>>,
    /// How far its time is ahead of the host's clock, microseconds.
    pub(crate) ahead_us: i64,
}

/// The loop's end of the store.
#[derive(Debug)]
pub(crate) struct Store {
    writes: Option<SyncSender<Write>>,
    safe: Receiver<Safe>,
    thread: Option<JoinHandle<()>>,
}

/// The database before its thread has it.
#[derive(Debug)]
pub(crate) struct Shelf {
    db: Connection,
}

impl Shelf {
    /// Opens the database, and makes it if it is not there.
    ///
    /// # Errors
    /// [`HostError::Store`] when the directory or the database cannot be used.
    pub(crate) fn open(config: &StoreConfig) -> Result<Self, HostError> {
        open(&config.dir, FILE, config.fsync, TABLES, LAYOUT, UPGRADES).map(|db| Self { db })
    }

    /// The latest moment that was written down: session time never falls behind it.
    pub(crate) fn clock(&self) -> Option<Micros> {
        let micros = self.db.query_row("SELECT micros FROM clock", [], |row| row.get::<_, i64>(0)).optional();
        micros.ok().flatten().map(|micros| Micros(micros.max(0) as u64))
    }

    /// All sessions, as many as a host can hold. What is not one is left where it is, and told.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn sessions(&self) -> rusqlite::Result<Vec<Kept>> {
        let mut sessions = self.db.prepare("SELECT code, snapshot, ahead FROM session LIMIT ?1")?;
        let mut entries = self.db.prepare("SELECT bytes FROM entry WHERE code = ?1 ORDER BY number")?;
        let rows = sessions
            .query_map([SESSIONS_MAX as i64], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)))?;
        let mut kept = Vec::new();
        for row in rows {
            let (text, snapshot, ahead_us) = row?;
            let Some(code) = SessionCode::parse(&text) else {
                tracing::warn!(target: "host", "the store has a session whose code is none");
                continue;
            };
            let entries = entries.query_map([text], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            kept.push(Kept { code, snapshot, entries, ahead_us });
        }
        Ok(kept)
    }

    /// Hands the database to a thread of its own.
    ///
    /// # Errors
    /// When the operating system has no thread.
    pub(crate) fn start(self, clock: HostClock, metrics: Metrics) -> io::Result<Store> {
        let (writes, waiting) = sync_channel(STORE_WAITING_MAX);
        let (told, safe) = channel();
        let work = move || keep(self.db, &waiting, &told, clock, &metrics);
        let thread = std::thread::Builder::new().name("host-store".into()).spawn(work)?;
        Ok(Store { writes: Some(writes), safe, thread: Some(thread) })
    }
}

impl Store {
    /// Hands something over to be written down; `false` when too much waits already, which it may do when the disk is slow
    /// or full.
    pub(crate) fn write(&self, write: Write) -> bool {
        let Some(writes) = &self.writes else { return false };
        match writes.try_send(write) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    /// As [`Self::write`], but waits for room: for the end, when nothing else is to be done. What finds none until then is
    /// lost, and told.
    pub(crate) fn write_until(&self, until: Instant, mut write: Write) {
        let Some(writes) = &self.writes else { return };
        while let Err(TrySendError::Full(back)) = writes.try_send(write) {
            if Instant::now() >= until {
                return tracing::error!(target: "host", "the last changes of a session are lost");
            }
            write = back;
            std::thread::sleep(STORE_POLL);
        }
    }

    /// Whether the thread has ended, which nobody has asked it to.
    pub(crate) fn has_failed(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// What has become safe.
    pub(crate) fn safe(&self) -> impl Iterator<Item = Safe> {
        self.safe.try_iter()
    }
}

impl Drop for Store {
    /// Waits until everything is written.
    fn drop(&mut self) {
        self.writes = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(target: "host", "the store had failed");
        }
    }
}

/// Opens a database in a directory, with these tables, for this host alone; makes what is not there, and of an older layout
/// this one where `upgrades` say how.
///
/// # Errors
/// [`HostError::Store`] when the directory or the database cannot be used.
pub(crate) fn open(
    dir: &Path,
    file: &str,
    fsync: bool,
    tables: &str,
    layout: i32,
    upgrades: &[(i32, &str)],
) -> Result<Connection, HostError> {
    let refuse = |why: String| HostError::Store { dir: dir.to_owned(), why };
    make_dir(dir).map_err(|error| refuse(error.to_string()))?;
    let db = prepare(&dir.join(file), fsync, tables, layout, upgrades);
    let db = db.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => refuse("another host uses them".into()),
        _ => refuse(error.to_string()),
    })?;
    db.ok_or_else(|| refuse("another version of the host has made them".into()))
}

/// Makes the directory, for its owner alone.
fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Opens the database; `None` if another version made it.
fn prepare(
    file: &Path,
    fsync: bool,
    tables: &str,
    layout: i32,
    upgrades: &[(i32, &str)],
) -> rusqlite::Result<Option<Connection>> {
    let db = Connection::open(file)?;
    // A host that was killed may take a moment to die.
    db.busy_timeout(STORE_OPEN_PATIENCE)?;
    // One host at a time: the lock is kept until it ends, however it ends.
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", if fsync { "FULL" } else { "NORMAL" })?;
    match db.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0))? {
        found if found == layout => Ok(Some(db)),
        0 => {
            db.execute_batch(&format!("BEGIN; {tables} PRAGMA user_version = {layout}; COMMIT;"))?;
            Ok(Some(db))
        }
        found => {
            let Some(from) = upgrades.iter().position(|(older, _)| *older == found) else { return Ok(None) };
            let steps: String = upgrades[from..].iter().map(|(_, step)| *step).collect();
            db.execute_batch(&format!("BEGIN; {steps} PRAGMA user_version = {layout}; COMMIT;"))?;
            Ok(Some(db))
        }
    }
}

/// The thread: writes until the other end is gone and nothing waits.
fn keep(mut db: Connection, waiting: &Receiver<Write>, told: &Sender<Safe>, clock: HostClock, metrics: &Metrics) {
    let mut batch = Vec::new();
    let mut tries = 0;
    let mut is_parting = false;
    while !is_parting || !batch.is_empty() {
        if batch.is_empty() {
            match waiting.recv_timeout(STORE_CLOCK_INTERVAL) {
                Ok(write) => batch.push(write),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => is_parting = true,
            }
        }
        while batch.len() < STORE_BATCH_MAX {
            match waiting.try_recv() {
                Ok(write) => batch.push(write),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    is_parting = true;
                    break;
                }
            }
        }
        let begin = Instant::now();
        match commit(&mut db, &batch, clock.now()) {
            Ok(()) => {
                metrics.commit.observe(begin.elapsed().as_secs_f64());
                if tries > 0 {
                    tracing::info!(target: "host", "sessions are written down again");
                }
                tries = 0;
                for write in batch.drain(..) {
                    if let Write::Whole { to, .. } | Write::Entries { to, .. } = write {
                        // Nobody wants to know any more when the loop has ended.
                        let _ = told.send(to);
                    }
                }
            }
            Err(error) => {
                metrics.commit_failures.inc();
                if tries == 0 {
                    tracing::error!(target: "host", %error, "sessions cannot be written down; trying again and again");
                }
                tries += 1;
                if is_parting && tries > STORE_PARTING_TRIES_MAX {
                    tracing::error!(target: "host", "the last changes of some sessions are lost");
                    return;
                }
                std::thread::sleep(STORE_RETRY);
            }
        }
    }
}

/// Writes everything, or nothing.
fn commit(db: &mut Connection, batch: &[Write], now: Micros) -> rusqlite::Result<()> {
    let transaction = db.transaction()?;
    {
        let mut whole = transaction.prepare_cached("INSERT OR REPLACE INTO session VALUES (?1, ?2, ?3)")?;
        let mut forget = transaction.prepare_cached("DELETE FROM entry WHERE code = ?1")?;
        let mut over = transaction.prepare_cached("DELETE FROM session WHERE code = ?1")?;
        let mut entry = transaction.prepare_cached(
            "INSERT INTO entry SELECT ?1, (SELECT coalesce(max(number), 0) + 1 FROM entry WHERE code = ?1), ?2",
        )?;
        for write in batch {
            match write {
                Write::Whole { snapshot, ahead_us, to } => {
                    let code = to.code.to_string();
                    forget.execute([&code])?;
                    whole.execute(params![code, snapshot, ahead_us])?;
                }
                Write::Entries { entries, to } => {
                    let code = to.code.to_string();
                    for bytes in entries {
                        entry.execute(params![code, bytes])?;
                    }
                }
                Write::Over(code) => {
                    let code = code.to_string();
                    forget.execute([&code])?;
                    over.execute([&code])?;
                }
            }
        }
        let micros = i64::try_from(now.0).unwrap_or(i64::MAX);
        transaction.prepare_cached("INSERT OR REPLACE INTO clock VALUES (1, ?1)")?.execute([micros])?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::machine;
    use std::{collections::BTreeMap, time::Duration};

    fn codes() -> (SessionCode, SessionCode) {
        (SessionCode::from_entropy(1), SessionCode::from_entropy(2))
    }

    fn open(dir: &Path) -> Shelf {
        Shelf::open(&StoreConfig { dir: dir.to_owned(), fsync: false }).unwrap()
    }

    fn to(code: SessionCode, seq: u64) -> Safe {
        Safe { code, epoch: 1, seq }
    }

    fn whole(code: SessionCode, snapshot: &[u8], seq: u64) -> Write {
        Write::Whole { snapshot: snapshot.to_vec(), ahead_us: 0, to: to(code, seq) }
    }

    fn entries(code: SessionCode, bytes: &[u8], seq: u64) -> Write {
        Write::Entries { entries: bytes.iter().map(|byte| vec![*byte]).collect(), to: to(code, seq) }
    }

    fn found(shelf: &Shelf) -> Vec<(SessionCode, Vec<u8>, Vec<u8>)> {
        let sessions = shelf.sessions().unwrap().into_iter();
        let mut found: Vec<_> = sessions.map(|kept| (kept.code, kept.snapshot, kept.entries.concat())).collect();
        found.sort_by_key(|(code, ..)| code.to_string());
        found
    }

    /// What is told safe until something is, or a while has passed.
    fn await_safe(store: &Store, safe: Safe) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(20) {
            if store.safe().any(|told| told == safe) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }

    #[test]
    fn what_is_told_safe_is_found_again_in_order_and_what_is_over_is_not() {
        let (dir, (a, b)) = (tempfile::tempdir().unwrap(), codes());
        let store = open(dir.path()).start(HostClock::start(machine, None), Metrics::new()).unwrap();
        for write in [whole(a, b"one", 1), entries(a, b"xyz", 4), whole(b, b"two", 1), entries(b, b"p", 2)] {
            assert!(store.write(write));
        }
        assert!(await_safe(&store, to(b, 2)));
        drop(store);
        let shelf = open(dir.path());
        let mut want = vec![(a, b"one".to_vec(), b"xyz".to_vec()), (b, b"two".to_vec(), b"p".to_vec())];
        want.sort_by_key(|(code, ..)| code.to_string());
        assert_eq!(found(&shelf), want);
        let store = shelf.start(HostClock::start(machine, None), Metrics::new()).unwrap();
        assert!(store.write(whole(a, b"three", 5)));
        assert!(store.write(entries(a, b"!", 6)));
        assert!(store.write(Write::Over(b)));
        drop(store);
        assert_eq!(found(&open(dir.path())), [(a, b"three".to_vec(), b"!".to_vec())]);
    }

    #[test]
    fn how_far_a_session_s_time_is_ahead_is_kept_with_it() {
        let (dir, (a, b)) = (tempfile::tempdir().unwrap(), codes());
        let store = open(dir.path()).start(HostClock::start(machine, None), Metrics::new()).unwrap();
        assert!(store.write(Write::Whole { snapshot: vec![1], ahead_us: -3_600_000_000, to: to(a, 1) }));
        assert!(store.write(Write::Whole { snapshot: vec![2], ahead_us: 9, to: to(b, 1) }));
        assert!(store.write(Write::Whole { snapshot: vec![2], ahead_us: 7, to: to(b, 2) }));
        assert!(store.write(entries(b, b"x", 3)));
        drop(store);
        let kept = open(dir.path()).sessions().unwrap();
        let ahead: BTreeMap<String, i64> = kept.iter().map(|kept| (kept.code.to_string(), kept.ahead_us)).collect();
        assert_eq!(ahead, BTreeMap::from([(a.to_string(), -3_600_000_000), (b.to_string(), 7)]));
    }

    #[test]
    fn sessions_of_an_older_layout_are_found_and_those_of_a_newer_one_are_not_touched() {
        let (dir, (a, _)) = (tempfile::tempdir().unwrap(), codes());
        let db = Connection::open(dir.path().join(FILE)).unwrap();
        let older = TABLES.replace(", ahead INTEGER NOT NULL DEFAULT 0", "");
        assert_ne!(older, TABLES);
        db.execute_batch(&format!("{older} PRAGMA user_version = 2;")).unwrap();
        db.execute("INSERT INTO session VALUES (?1, x'07')", [a.to_string()]).unwrap();
        db.execute("INSERT INTO entry VALUES (?1, 1, x'08')", [a.to_string()]).unwrap();
        drop(db);
        let kept = open(dir.path()).sessions().unwrap();
        assert_eq!(kept.iter().map(|kept| kept.ahead_us).collect::<Vec<_>>(), [0]);
        assert_eq!(found(&open(dir.path())), [(a, vec![7], vec![8])], "the second time, too");
        let db = Connection::open(dir.path().join(FILE)).unwrap();
        db.pragma_update(None, "user_version", LAYOUT + 1).unwrap();
        drop(db);
        let why = Shelf::open(&StoreConfig { dir: dir.path().to_owned(), fsync: false }).unwrap_err().to_string();
        assert!(why.contains("another version"), "{why}");
    }

    #[test]
    fn time_does_not_fall_behind_what_was_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let later = Micros(HostClock::start(machine, None).now().0 + 1_000_000_000);
        drop(open(dir.path()).start(HostClock::start(machine, Some(later)), Metrics::new()).unwrap());
        let kept = open(dir.path()).clock().unwrap();
        assert!(kept >= later);
        assert!(HostClock::start(machine, Some(kept)).now() >= kept);
    }

    #[test]
    fn two_hosts_do_not_share_a_directory_and_a_strange_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let config = StoreConfig { dir: dir.path().to_owned(), fsync: true };
        let first = Shelf::open(&config).unwrap();
        let why = Shelf::open(&config).unwrap_err().to_string();
        assert!(why.ends_with("cannot be used: another host uses them."), "{why}");
        drop(first);
        fs::write(dir.path().join(FILE), "no database, but rather longer than a header of one hundred bytes".repeat(9))
            .unwrap();
        assert!(matches!(Shelf::open(&config), Err(HostError::Store { .. })));
    }

    #[test]
    fn while_nothing_can_be_written_nothing_is_told_safe() {
        let (dir, (a, b)) = (tempfile::tempdir().unwrap(), codes());
        let shelf = open(dir.path());
        // A database without room for another page is a full disk.
        let pages: i64 = shelf.db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        shelf.db.pragma_update_and_check(None, "max_page_count", pages + 4, |_| Ok(())).unwrap();
        let metrics = Metrics::new();
        let store = shelf.start(HostClock::start(machine, None), metrics.clone()).unwrap();
        assert!(store.write(whole(a, &[7; 10], 1)));
        assert!(await_safe(&store, to(a, 1)));
        assert!(store.write(whole(b, &[7].repeat(100_000), 9)));
        assert!(store.write(entries(a, b"x", 2)));
        let begin = Instant::now();
        while metrics.commit_failures.get() < 2 {
            assert!(begin.elapsed() < Duration::from_secs(20), "the store does not try again");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(store.safe().count(), 0);
        drop(store);
        assert_eq!(found(&open(dir.path())), [(a, vec![7; 10], Vec::new())]);
    }

    #[test]
    fn what_could_not_be_written_is_written_whole_when_it_can_be() {
        let (dir, (a, _)) = (tempfile::tempdir().unwrap(), codes());
        let Shelf { mut db } = open(dir.path());
        let pages: i64 = db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        let batch = [whole(a, &[7].repeat(100_000), 9), entries(a, b"xy", 11)];
        db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
        assert!(commit(&mut db, &batch, Micros(5)).is_err());
        db.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(())).unwrap();
        let shelf = Shelf { db };
        assert_eq!(found(&shelf), [], "all or nothing");
        let Shelf { mut db } = shelf;
        commit(&mut db, &batch, Micros(5)).unwrap();
        assert_eq!(found(&Shelf { db }), [(a, vec![7; 100_000], b"xy".to_vec())]);
    }
}
