//! Players' own sounds on disk, each once, and which sessions hold which.
//!
//! ```text
//! DIR/samples/HASH.wav          a sound; complete, or not there
//! DIR/samples/NUMBER.part       one that is being written; left over after a crash, and cleared at the start
//! DIR/samples/samples.sqlite3   which sounds there are, and which sessions hold them: the only truth about both
//! ```
//!
//! A file gets its name before the database tells of it, and loses it after the database has forgotten it; so a crash
//! leaves files that nobody knows at most, and they are cleared at the start. Without a directory of the host's the sounds
//! lie in one of the system's for passing things, which goes with the host.
//!
//! Everything here may wait for the disk: it is not for the thread of a runtime.

use crate::{
    error::HostError,
    limits::SAMPLE_BYTES_PER_HOST,
    metrics::Metrics,
    store::{self, StoreConfig},
};
use keyboardia_session::{
    SampleHash, SessionCode, check_wav,
    denial::Denial,
    limits::{SAMPLE_BYTES_PER_SESSION_MAX, SAMPLES_PER_SESSION_MAX},
};
use rusqlite::{Connection, OptionalExtension, params};
use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tempfile::TempDir;

/// Name of the sounds' directory in the host's.
const DIR: &str = "samples";
/// Name of the database in it.
const FILE: &str = "samples.sqlite3";
/// Ending of a sound's file, and of one that is being written.
const WAV: &str = "wav";
const PART: &str = "part";
/// Layout of the tables; another one is not touched.
const LAYOUT: i32 = 1;
const TABLES: &str = "
    CREATE TABLE sample (hash TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE holding (code TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (code, hash)) WITHOUT ROWID;
    CREATE INDEX holding_by_hash ON holding (hash);
";

/// How many sounds of players a host takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleLimits {
    /// Sounds of one session.
    pub per_session: usize,
    /// Bytes of all sounds of one session.
    pub bytes_per_session: u64,
    /// Bytes of all sounds of all sessions.
    pub bytes: u64,
}

impl Default for SampleLimits {
    fn default() -> Self {
        Self {
            per_session: SAMPLES_PER_SESSION_MAX,
            bytes_per_session: SAMPLE_BYTES_PER_SESSION_MAX,
            bytes: SAMPLE_BYTES_PER_HOST,
        }
    }
}

/// Why there is no place for a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// The session has as many as it may.
    Samples(usize),
    /// The session's would have more bytes together than they may.
    Session(u64),
    /// Those of all sessions are too large together.
    Host,
    /// The disk is full or gone, or the database is.
    Broken,
}

/// Whether a session has got something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It has.
    New,
    /// It had it already.
    Known,
}

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Samples(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    shelf: Mutex<Shelf>,
    limits: SampleLimits,
    fsync: bool,
    next_part: AtomicU64,
    metrics: Metrics,
}

#[derive(Debug)]
struct Shelf {
    db: Connection,
    place: Place,
    /// What is on its way.
    reserved: HashMap<SessionCode, Load>,
    reserved_bytes: u64,
}

/// Where the files are.
#[derive(Debug)]
enum Place {
    Kept(PathBuf),
    /// Made when the first sound comes.
    Passing(Option<TempDir>),
}

/// A number of sounds, and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Load {
    samples: usize,
    bytes: u64,
}

/// Room for a sound that is on its way; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    samples: Samples,
    code: SessionCode,
    hash: SampleHash,
    session: Load,
    host_bytes: u64,
}

impl Samples {
    /// Opens what is kept, and clears what a crash has left.
    ///
    /// # Errors
    /// [`HostError::Store`] when the directory or the database cannot be used.
    pub(crate) fn open(store: Option<&StoreConfig>, limits: SampleLimits, metrics: Metrics) -> Result<Self, HostError> {
        let (db, place) = if let Some(StoreConfig { dir, fsync }) = store {
            let dir = dir.join(DIR);
            let db = store::open(&dir, FILE, *fsync, TABLES, LAYOUT, &[])?;
            clear(&db, &dir).map_err(|why| HostError::Store { dir: dir.clone(), why })?;
            (db, Place::Kept(dir))
        } else {
            let db = Connection::open_in_memory().and_then(|db| db.execute_batch(TABLES).map(|()| db));
            let refuse = |error: rusqlite::Error| HostError::Store { dir: PathBuf::new(), why: error.to_string() };
            (db.map_err(refuse)?, Place::Passing(None))
        };
        let fsync = store.is_some_and(|store| store.fsync);
        let shelf = Mutex::new(Shelf { db, place, reserved: HashMap::new(), reserved_bytes: 0 });
        let samples = Self(Arc::new(Shared { shelf, limits, fsync, next_part: AtomicU64::new(0), metrics }));
        samples.measure(&samples.shelf());
        Ok(samples)
    }

    /// Keeps room for a sound that a session wants to have.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn reserve(&self, code: SessionCode, hash: SampleHash, bytes: u64) -> Result<Reservation, NoRoom> {
        let mut shelf = self.shelf();
        let limits = self.0.limits;
        let (has_session, has_host) = shelf.has(code, hash).map_err(broken)?;
        let session = if has_session { Load::default() } else { Load { samples: 1, bytes } };
        let host_bytes = if has_host { 0 } else { bytes };
        let held = shelf.load(Some(code)).map_err(broken)?;
        let waiting = shelf.reserved.get(&code).copied().unwrap_or_default();
        if !has_session && held.samples + waiting.samples + session.samples > limits.per_session {
            return Err(NoRoom::Samples(limits.per_session));
        }
        if !has_session && held.bytes + waiting.bytes + session.bytes > limits.bytes_per_session {
            return Err(NoRoom::Session(limits.bytes_per_session));
        }
        let all = shelf.load(None).map_err(broken)?;
        if !has_host && all.bytes + shelf.reserved_bytes + host_bytes > limits.bytes {
            return Err(NoRoom::Host);
        }
        let waiting = shelf.reserved.entry(code).or_default();
        waiting.samples += session.samples;
        waiting.bytes += session.bytes;
        shelf.reserved_bytes += host_bytes;
        Ok(Reservation { samples: self.clone(), code, hash, session, host_bytes })
    }

    /// The file of a sound that a session holds, and its bytes.
    ///
    /// # Errors
    /// When the database or the file cannot be read.
    pub(crate) fn find(&self, code: SessionCode, hash: SampleHash) -> Result<Option<(File, u64)>, NoRoom> {
        let shelf = self.shelf();
        let (true, _) = shelf.has(code, hash).map_err(broken)? else { return Ok(None) };
        let Some(dir) = shelf.place.dir() else { return Ok(None) };
        let file = File::open(path(dir, hash)).map_err(broken)?;
        let bytes = file.metadata().map_err(broken)?.len();
        Ok(Some((file, bytes)))
    }

    /// All of a sound that a session holds.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub(crate) fn read(&self, code: SessionCode, hash: SampleHash) -> Result<Option<Vec<u8>>, NoRoom> {
        let Some((mut file, _)) = self.find(code, hash)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(broken)?;
        Ok(Some(bytes))
    }

    /// The sounds that a session holds.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn held(&self, code: SessionCode) -> Result<BTreeSet<SampleHash>, NoRoom> {
        self.shelf().held(code).map_err(broken)
    }

    /// The sessions that hold anything.
    pub(crate) fn sessions(&self) -> Vec<SessionCode> {
        let sessions = self.shelf().sessions();
        sessions.map_err(broken).unwrap_or_default()
    }

    /// A session is over: what nobody else holds goes.
    pub(crate) fn forget(&self, code: SessionCode) {
        let mut shelf = self.shelf();
        match shelf.forget(code) {
            Ok(gone) => {
                let dir = shelf.place.dir();
                for path in dir.into_iter().flat_map(|dir| gone.iter().map(|hash| dir.join(format!("{hash}.{WAV}")))) {
                    if let Err(error) = fs::remove_file(path) {
                        tracing::warn!(target: "host", %error, "a sound that nobody has any more stays");
                    }
                }
                tracing::info!(target: "host", sounds = gone.len(), "the sounds of a session that is over are gone");
                self.measure(&shelf);
            }
            Err(error) => drop(broken(error)),
        }
    }

    /// The shelf. A thread that failed has left it whole: the database takes back what was half done.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn measure(&self, shelf: &Shelf) {
        if let Ok(Load { samples, bytes }) = shelf.load(None) {
            self.0.metrics.samples.set(samples as i64);
            self.0.metrics.sample_bytes.set(bytes as i64);
        }
    }
}

impl Reservation {
    /// Keeps the sound: its bytes, which have been checked. When this returns, it survives the end of the host.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn keep(self, bytes: &[u8]) -> Result<Kept, NoRoom> {
        let shared = &self.samples.0;
        let dir = self.samples.shelf().place.make().map_err(broken)?;
        let part = dir.join(format!("{}.{PART}", shared.next_part.fetch_add(1, Ordering::Relaxed)));
        let kept = write(&part, bytes).map_err(broken).and_then(|()| {
            let mut shelf = self.samples.shelf();
            let kept = self.put(&mut shelf, &dir, &part, bytes.len() as u64);
            self.samples.measure(&shelf);
            kept
        });
        if kept.is_err() {
            // Where it has not come so far, nothing is there.
            fs::remove_file(part).unwrap_or_default();
        }
        kept
    }

    /// Gives a file that is complete its name, and notes who holds it.
    fn put(&self, shelf: &mut Shelf, dir: &Path, part: &Path, bytes: u64) -> Result<Kept, NoRoom> {
        let path = path(dir, self.hash);
        let (_, has_host) = shelf.has(self.code, self.hash).map_err(broken)?;
        if has_host {
            fs::remove_file(part).map_err(broken)?;
        } else {
            fs::rename(part, &path).map_err(broken)?;
            if self.samples.0.fsync {
                // Some systems cannot open a directory; the file itself is safe there.
                File::open(dir).and_then(|dir| dir.sync_all()).unwrap_or_default();
            }
        }
        shelf.hold(self.code, self.hash, bytes).map_err(|error| {
            if !has_host {
                fs::remove_file(&path).unwrap_or_default();
            }
            broken(error)
        })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut shelf = self.samples.shelf();
        shelf.reserved_bytes -= self.host_bytes;
        if let Some(waiting) = shelf.reserved.get_mut(&self.code) {
            waiting.samples -= self.session.samples;
            waiting.bytes -= self.session.bytes;
            if *waiting == Load::default() {
                shelf.reserved.remove(&self.code);
            }
        }
    }
}

impl Shelf {
    /// Whether a session holds a sound, and whether any does.
    fn has(&self, code: SessionCode, hash: SampleHash) -> rusqlite::Result<(bool, bool)> {
        let (code, hash) = (code.to_string(), hash.to_string());
        let mut holding = self.db.prepare_cached("SELECT 1 FROM holding WHERE code = ?1 AND hash = ?2")?;
        let mut sample = self.db.prepare_cached("SELECT 1 FROM sample WHERE hash = ?1")?;
        Ok((holding.exists([&code, &hash])?, sample.exists([&hash])?))
    }

    /// What a session holds, or all of them do.
    fn load(&self, code: Option<SessionCode>) -> rusqlite::Result<Load> {
        let sql = match code {
            Some(_) => "SELECT count(*), coalesce(sum(bytes), 0) FROM holding JOIN sample USING (hash) WHERE code = ?1",
            None => "SELECT count(*), coalesce(sum(bytes), 0) FROM sample WHERE ?1 IS NULL",
        };
        let code = code.map(|code| code.to_string());
        self.db.prepare_cached(sql)?.query_row([code], |row| {
            let (samples, bytes) = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?);
            Ok(Load { samples: samples.max(0) as usize, bytes: bytes.max(0) as u64 })
        })
    }

    fn hold(&mut self, code: SessionCode, hash: SampleHash, bytes: u64) -> rusqlite::Result<Kept> {
        let (code, hash) = (code.to_string(), hash.to_string());
        let transaction = self.db.transaction()?;
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        transaction.execute("INSERT OR IGNORE INTO sample VALUES (?1, ?2)", params![hash, bytes])?;
        let new = transaction.execute("INSERT OR IGNORE INTO holding VALUES (?1, ?2)", [code, hash])?;
        transaction.commit()?;
        Ok(if new == 0 { Kept::Known } else { Kept::New })
    }

    fn held(&self, code: SessionCode) -> rusqlite::Result<BTreeSet<SampleHash>> {
        let mut hashes = self.db.prepare_cached("SELECT hash FROM holding WHERE code = ?1")?;
        let hashes = hashes.query_map([code.to_string()], |row| row.get::<_, String>(0))?;
        hashes.filter_map(|hash| hash.map(|hash| SampleHash::parse(&hash)).transpose()).collect()
    }

    fn sessions(&self) -> rusqlite::Result<Vec<SessionCode>> {
        let mut codes = self.db.prepare_cached("SELECT DISTINCT code FROM holding")?;
        let codes = codes.query_map([], |row| row.get::<_, String>(0))?;
        codes.filter_map(|code| code.map(|code| SessionCode::parse(&code)).transpose()).collect()
    }

    /// Returns the names of the sounds that nobody holds any more.
    fn forget(&mut self, code: SessionCode) -> rusqlite::Result<Vec<String>> {
        let transaction = self.db.transaction()?;
        transaction.execute("DELETE FROM holding WHERE code = ?1", [code.to_string()])?;
        let gone = orphans(&transaction)?;
        transaction.commit()?;
        Ok(gone)
    }
}

impl Place {
    fn dir(&self) -> Option<&Path> {
        match self {
            Self::Kept(dir) => Some(dir),
            Self::Passing(dir) => dir.as_ref().map(TempDir::path),
        }
    }

    fn make(&mut self) -> io::Result<PathBuf> {
        Ok(match self {
            Self::Kept(dir) => dir.clone(),
            Self::Passing(Some(dir)) => dir.path().to_owned(),
            Self::Passing(none) => none.insert(TempDir::with_prefix("keyboardia-samples-")?).path().to_owned(),
        })
    }
}

/// Whether a file is a sound, and the one that its name says.
///
/// # Errors
/// Why it is not.
pub(crate) fn check(file: &[u8], hash: SampleHash) -> Result<(), Denial> {
    if SampleHash::of(file) != hash {
        return Err(Denial::other_sample());
    }
    check_wav(file).map(drop).map_err(Denial::bad_sample)
}

fn path(dir: &Path, hash: SampleHash) -> PathBuf {
    dir.join(format!("{hash}.{WAV}"))
}

/// Tells whoever looks after the host, and leaves a sentence for the player.
fn broken(error: impl std::fmt::Display) -> NoRoom {
    tracing::error!(target: "host", %error, "the players' sounds cannot be used");
    NoRoom::Broken
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Forgets the sounds that nobody holds; returns their names.
fn orphans(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut gone = db.prepare("DELETE FROM sample WHERE hash NOT IN (SELECT hash FROM holding) RETURNING hash")?;
    gone.query_map([], |row| row.get(0))?.collect()
}

/// Lets files and database tell the same: files that the database does not know go, and so do sounds whose file is gone.
fn clear(db: &Connection, dir: &Path) -> Result<(), String> {
    let told = |error: rusqlite::Error| error.to_string();
    let mut lost = Vec::new();
    {
        let mut samples = db.prepare("SELECT hash, bytes FROM sample").map_err(told)?;
        let rows = samples.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).map_err(told)?;
        for row in rows {
            let (hash, bytes) = row.map_err(told)?;
            let found = fs::metadata(dir.join(format!("{hash}.{WAV}"))).map(|file| file.len());
            if !found.is_ok_and(|found| i64::try_from(found) == Ok(bytes)) {
                lost.push(hash);
            }
        }
    }
    for hash in &lost {
        tracing::warn!(target: "host", "a sound that was kept is gone");
        for sql in ["DELETE FROM holding WHERE hash = ?1", "DELETE FROM sample WHERE hash = ?1"] {
            db.execute(sql, [hash]).map_err(told)?;
        }
    }
    orphans(db).map_err(told)?;
    for entry in fs::read_dir(dir).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let is_stray = match path.extension().and_then(|ending| ending.to_str()) {
            Some(PART) => true,
            Some(WAV) => {
                SampleHash::parse(stem).is_some() && {
                    let known = db.query_row("SELECT 1 FROM sample WHERE hash = ?1", [stem], |_| Ok(())).optional();
                    known.map_err(told)?.is_none()
                }
            }
            _ => false,
        };
        if is_stray {
            fs::remove_file(&path).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: SampleLimits = SampleLimits { per_session: 2, bytes_per_session: 100, bytes: 150 };

    fn open(dir: &Path) -> Samples {
        let store = StoreConfig { dir: dir.to_owned(), fsync: true };
        Samples::open(Some(&store), SMALL, Metrics::new()).unwrap()
    }

    fn code(number: u64) -> SessionCode {
        SessionCode::from_entropy(number)
    }

    fn keep(samples: &Samples, session: u64, bytes: &[u8]) -> Result<Kept, NoRoom> {
        samples.reserve(code(session), SampleHash::of(bytes), bytes.len() as u64)?.keep(bytes)
    }

    /// The sounds on disk, by their contents.
    fn files(dir: &Path) -> Vec<Vec<u8>> {
        let files = fs::read_dir(dir.join(DIR)).unwrap().map(|file| file.unwrap().path());
        let sounds = files.filter(|path| path.extension().is_some_and(|ending| ending == WAV || ending == PART));
        let mut sounds: Vec<Vec<u8>> = sounds.map(|path| fs::read(path).unwrap()).collect();
        sounds.sort();
        sounds
    }

    #[test]
    fn the_same_sound_is_stored_once_and_goes_with_the_last_session_that_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let samples = open(dir.path());
        assert_eq!(keep(&samples, 1, b"one"), Ok(Kept::New));
        assert_eq!(keep(&samples, 1, b"one"), Ok(Kept::Known));
        assert_eq!(keep(&samples, 2, b"one"), Ok(Kept::New));
        assert_eq!(keep(&samples, 2, b"two"), Ok(Kept::New));
        assert_eq!(files(dir.path()), [b"one", b"two"]);
        assert_eq!((samples.0.metrics.samples.get(), samples.0.metrics.sample_bytes.get()), (2, 6));
        samples.forget(code(2));
        assert_eq!(files(dir.path()), [b"one"]);
        assert!(samples.find(code(1), SampleHash::of(b"one")).unwrap().is_some());
        assert!(samples.find(code(2), SampleHash::of(b"one")).unwrap().is_none());
        samples.forget(code(1));
        assert_eq!((files(dir.path()).len(), samples.sessions().len(), samples.0.metrics.samples.get()), (0, 0, 0));
    }

    #[test]
    fn room_is_counted_with_what_is_on_its_way() {
        let dir = tempfile::tempdir().unwrap();
        let samples = open(dir.path());
        let reserve = |session, bytes: &[u8], size| samples.reserve(code(session), SampleHash::of(bytes), size);
        assert_eq!(reserve(1, b"a", 101).unwrap_err(), NoRoom::Session(100));
        let (first, second) = (reserve(1, b"a", 50).unwrap(), reserve(1, b"b", 50).unwrap());
        assert_eq!(reserve(1, b"c", 1).unwrap_err(), NoRoom::Samples(2));
        assert_eq!(reserve(2, b"d", 51).unwrap_err(), NoRoom::Host);
        drop(first);
        assert_eq!(reserve(1, b"c", 51).unwrap_err(), NoRoom::Session(100));
        assert!(reserve(2, b"d", 51).is_ok());
        assert_eq!(second.keep(&[7; 50]), Ok(Kept::New));
        assert!(reserve(2, b"b", 100).is_ok(), "the host has it already");
        assert!(samples.shelf().reserved.is_empty() && samples.shelf().reserved_bytes == 0);
    }

    #[test]
    fn a_session_that_is_full_may_bring_again_what_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let samples = open(dir.path());
        keep(&samples, 1, &[1; 50]).unwrap();
        keep(&samples, 1, &[2; 50]).unwrap();
        assert_eq!(keep(&samples, 1, &[1; 50]), Ok(Kept::Known));
        assert_eq!(keep(&samples, 1, &[3; 50]), Err(NoRoom::Samples(2)));
    }

    #[test]
    fn what_a_crash_has_left_is_cleared_and_the_rest_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let samples = open(dir.path());
        keep(&samples, 1, b"kept").unwrap();
        keep(&samples, 1, b"lost").unwrap();
        drop(samples);
        let file = |name: String| dir.path().join(DIR).join(name);
        fs::write(file("7.part".into()), "half").unwrap();
        fs::write(file(format!("{}.wav", SampleHash::of(b"unknown"))), "unknown").unwrap();
        fs::write(file(format!("{}.wav", SampleHash::of(b"lost"))), "los").unwrap();
        fs::write(file("mine.wav".into()), "somebody's").unwrap();
        let samples = open(dir.path());
        assert_eq!(files(dir.path()), [&b"kept"[..], b"somebody's"]);
        assert_eq!(samples.sessions(), [code(1)]);
        assert!(samples.find(code(1), SampleHash::of(b"kept")).unwrap().is_some());
        assert!(samples.find(code(1), SampleHash::of(b"lost")).unwrap().is_none());
    }

    #[test]
    fn a_sound_that_cannot_be_written_is_refused_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let samples = open(dir.path());
        // Something is in the way of its name.
        let name = path(&dir.path().join(DIR), SampleHash::of(b"x"));
        fs::create_dir_all(name.join("more")).unwrap();
        assert_eq!(keep(&samples, 1, b"x"), Err(NoRoom::Broken));
        assert!(samples.sessions().is_empty() && samples.shelf().reserved.is_empty());
        fs::remove_dir_all(name).unwrap();
        assert_eq!(files(dir.path()), Vec::<Vec<u8>>::new());
        assert_eq!(keep(&samples, 1, b"x"), Ok(Kept::New));
    }

    #[test]
    fn without_a_directory_the_sounds_go_with_the_host() {
        let samples = Samples::open(None, SMALL, Metrics::new()).unwrap();
        assert!(samples.shelf().place.dir().is_none(), "nothing is made for nothing");
        keep(&samples, 1, b"passing").unwrap();
        let dir = samples.shelf().place.dir().unwrap().to_owned();
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        drop(samples);
        assert!(!dir.exists());
    }
}
